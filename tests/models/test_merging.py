"""Two records of one person: all that is left moves, with its own dates; the history stays; every id is the person's."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.commands import Actor, MergeCustomers, Outcome
from models.configuration_commands import CreateTier
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.tiers import create_tier
from models.reads.credits import CHANGES, GRANTED
from models.reads.invoices import CREDIT_ASSIGNMENTS
from models.reads.paging import PageRequest, load_pages
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant

Days = tuple[int | None, int | None]
"""Start and end of a membership, in days from now."""
Dates = tuple[datetime | None, datetime | None]


@pytest.fixture
async def ann(tenant: Tenant) -> UUID:
    """The other record of Anna."""
    return await tenant.customer(name="Ann")


async def merge(
    tenant: Tenant,
    from_id: UUID,
    into_id: UUID,
    *,
    key: str | None = None,
    note: str | None = None,
    actor: Actor = MANAGER,
) -> Outcome:
    command = MergeCustomers(from_id, into_id, note)
    return await merge_customers(tenant.ledger, tenant.id, actor, command, key or uuid4().hex)


async def lots(tenant: Tenant, customer: UUID) -> list[tuple[Any, ...]]:
    return await tenant.rows(
        """SELECT a.asset, c.remaining_minor, c.starts_at, c.expires_at, c.auto_apply, ARRAY(
                SELECT service_id FROM credit_services s WHERE s.tenant_id = $1 AND s.credit_id = c.id)
        FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        WHERE c.tenant_id = $1 AND a.customer_id = $2 AND c.open ORDER BY 1, 2""",
        customer,
    )


async def test_every_lot_moves_as_it_is(tenant: Tenant, anna: UUID, ann: UUID, clock: Clock) -> None:
    service = await tenant.service()
    await tenant.credit(ann, 10, expires_in_days=1)
    await tenant.credit(ann, 20, auto_apply=True, expires_in_days=9)
    await tenant.credit(ann, 30, effective_on=tenant.today() + timedelta(days=30))
    await tenant.credit(ann, 3, "SERVICE_CREDITS", service_ids=(service,))
    await tenant.credit(ann, 500, "POINTS")
    await tenant.adjust(ann, -5)
    clock.advance(days=3)  # the first has expired, and nobody has swept
    before = await lots(tenant, ann)
    assert [lot[:2] for lot in before] == [
        ("GBP", 500),
        ("GBP", 2000),
        ("GBP", 3000),
        ("POINTS", 500),
        ("SERVICE_CREDITS", 3),
    ]
    old, history = await tenant.account(ann), await tenant.entries(ann)
    await merge(tenant, ann, anna, note="The same Anna")

    assert await lots(tenant, anna) == before
    assert await lots(tenant, ann) == []
    new, left = await tenant.account(anna), await tenant.account(ann)
    assert old is not None
    assert new is not None
    assert left is not None
    assert (new.balance_minor, new.available_minor, new.scheduled_minor, new.lifetime_minor) == (
        old.balance_minor,
        old.available_minor,
        old.scheduled_minor,
        old.lifetime_minor,
    )
    assert (left.balance_minor, left.available_minor, left.lifetime_minor) == (0, 0, 0)
    assert (await tenant.entries(ann))[: len(history)] == history
    counters = await tenant.rows(
        """SELECT counter, sum(amount_minor), sum(lifetime_minor) FROM entries WHERE tenant_id = $1
            AND transaction_id IN (SELECT id FROM transactions WHERE tenant_id = $1 AND kind = 'MERGE') GROUP BY 1"""
    )
    assert counters == [("MERGED", 0, 0)]
    assert await tenant.rows("SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND id = $2", ann) == [(anna,)]
    await tenant.expire()
    assert await tenant.available(anna) == 2000


async def test_the_lifetime_total_moves_where_nothing_else_is_left(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    await tenant.tier("Silver", 1000)
    reward = await tenant.reward(600)
    await tenant.credit(ann, 600, "POINTS")
    await tenant.give(ann, reward)
    await tenant.credit(anna, 500, "POINTS")
    await merge(tenant, ann, anna)

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (500, 1100)
    tiers = await tenant.rows("SELECT account_id, old_tier, new_tier FROM tier_changes WHERE tenant_id = $1")
    assert tiers == [(account.id, None, "Silver")]
    without = await tenant.rows(
        "SELECT amount_minor, lifetime_minor FROM entries WHERE tenant_id = $1 AND credit_id IS NULL"
    )
    assert sorted(without) == [(0, -600), (0, 600)]


async def test_open_invoices_are_no_obstacle(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    await tenant.credit(ann, 50)
    invoice = await tenant.invoice(ann, 40, auto_apply=False)
    await tenant.pay(invoice, 10)
    await merge(tenant, ann, anna)
    await tenant.pay(invoice, 30, "ACCOUNT_CREDIT")
    assert await tenant.invoice_state(invoice) == ("PAID", 1000, 3000)
    assert await tenant.available(anna) == 2000


async def test_what_is_no_merge(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    third = await tenant.customer(name="Anne")
    await tenant.credit(ann, 5)
    for from_id, into_id, code in ((ann, ann, "INVALID"), (uuid4(), anna, "NOT_FOUND"), (ann, uuid4(), "NOT_FOUND")):
        async with tenant.refused(code):
            await merge(tenant, from_id, into_id)
    async with tenant.refused("INVALID"):
        await merge(tenant, ann, anna, note="x" * 10_001)
    await merge(tenant, ann, anna)
    async with tenant.refused("INVALID"):  # a circle
        await merge(tenant, anna, ann)
    before = await tenant.fingerprint()
    await merge(tenant, ann, anna)  # nothing changes, and its key is used
    assert [name for name, rows in (await tenant.fingerprint()).items() if rows != before[name]] == ["idempotency_keys"]
    await merge(tenant, ann, third)  # whoever they are now
    assert await tenant.available(third) == 500
    for from_id, into_id in ((third, ann), (third, anna)):
        async with tenant.refused("INVALID"):
            await merge(tenant, from_id, into_id)
    fourth = await tenant.customer(name="Annie")
    await merge(tenant, fourth, ann)
    into = await tenant.rows("SELECT DISTINCT merged_into_id FROM customers WHERE tenant_id = $1 AND id <> $2", third)
    assert into == [(third,)]


async def test_what_is_done_to_a_merged_record_is_done_to_the_person(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    service, reward = await tenant.service(), await tenant.reward(100)
    await tenant.credit(ann, 250, "POINTS")
    coupon = (await tenant.give(ann, reward)).coupon_id
    await merge(tenant, ann, anna)
    await tenant.adjust(ann, 5, "GBP")
    await tenant.invoice(ann, 5)
    await tenant.give(ann, reward, deduct_points=False)
    await tenant.adjust(ann, 3, "SERVICE_CREDITS")
    await tenant.use(ann, service, 1)
    await tenant.adjust(ann, 7, "EUR")
    await tenant.disable(coupon, refund=True)
    assert [await tenant.available(anna, a) for a in ("GBP", "EUR", "SERVICE_CREDITS", "POINTS")] == [0, 700, 2, 250]
    assert await tenant.rows(
        "SELECT sum(balance_minor) FROM accounts WHERE tenant_id = $1 AND customer_id = $2", ann
    ) == [(0,)]
    assert await tenant.rows("SELECT customer_id FROM invoices WHERE tenant_id = $1") == [(anna,)]


async def test_once_for_the_key_and_for_all_who_ask_at_once(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    await tenant.credit(ann, 50)
    outcomes = await asyncio.gather(*(merge(tenant, ann, anna, key="k") for _ in range(5)))
    assert sorted(outcome.replayed for outcome in outcomes) == [False, True, True, True, True]
    before = await tenant.fingerprint()
    assert (await merge(tenant, ann, anna, key="k")).replayed
    assert await tenant.fingerprint() == before
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await merge(tenant, ann, anna, key="k", note="Other")


async def test_while_both_are_being_adjusted(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    """Crosswise, before and after: nothing is lost, and nothing is left behind."""
    await tenant.credit(ann, 50)
    adds = [tenant.adjust(customer, 1) for customer in (anna, ann) * 15]
    await asyncio.gather(*adds[:15], merge(tenant, ann, anna), *adds[15:])
    assert await tenant.available(anna) == 5000 + 100 * 30
    assert await tenant.available(ann) == 0


async def test_a_customer_with_nothing(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    await merge(tenant, ann, anna, note="Came twice")
    assert await tenant.count("transactions") == 0
    sql = "SELECT action, subject_id, customer_id, note FROM audit_events WHERE tenant_id = $1 AND action <> $2"
    assert await tenant.rows(sql, "customer.created") == [("customer.merged", anna, ann, "Came twice")]
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await tenant.rows(f"{sql} AND note IS NOT NULL", "customer.created") == []


# By the numbers of the cases


async def lifetime(tenant: Tenant, customer: UUID, asset: str = "POINTS") -> int:
    account = await tenant.account(customer, asset)
    return 0 if account is None else account.lifetime_minor


async def test_lots_keep_whether_they_count(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    await tenant.reason("REFUND", moves_lifetime=False)
    await tenant.credit(ann, 100, "POINTS")
    silent = await tenant.credit(ann, 70, "POINTS", reason="REFUND")
    await merge(tenant, ann, anna)
    await tenant.void_credit(silent)  # by the id that it had
    assert (await tenant.available(anna, "POINTS"), await lifetime(tenant, anna)) == (100, 100)


async def test_what_is_released_after_two_merges_is_the_last_ones(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    third = await tenant.customer(name="Anne")
    await tenant.credit(ann, 5, auto_apply=True)
    invoice = await tenant.invoice(ann, 5)
    await merge(tenant, ann, anna)
    await merge(tenant, anna, third)
    await tenant.void_invoice(invoice)
    assert [await tenant.available(c) for c in (ann, anna, third)] == [0, 0, 500]
    following = await tenant.invoice(third, 3)
    assert await tenant.invoice_state(following) == ("PAID", 0, 300)
    amount = await tenant.rows(
        "SELECT amount_minor, remaining_minor, origin_id IS NOT NULL FROM credits WHERE tenant_id = $1 ORDER BY id"
    )
    assert amount == [(500, 0, False), (500, 200, True)]


async def test_points_come_back_to_whoever_they_are_now(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    third, reward = await tenant.customer(name="Anne"), await tenant.reward(100)
    await tenant.credit(ann, 100, "POINTS")
    coupon = (await tenant.give(ann, reward)).coupon_id
    await merge(tenant, ann, anna)
    await merge(tenant, anna, third)
    await tenant.disable(coupon, refund=True)
    assert [await tenant.available(c, "POINTS") for c in (ann, anna, third)] == [0, 0, 100]
    assert await lifetime(tenant, third) == 100


async def test_the_older_lot_burns_first_whoever_had_it(tenant: Tenant, anna: UUID, ann: UUID, clock: Clock) -> None:
    older = await tenant.credit(ann, 10)
    clock.advance(days=1)
    newer = await tenant.credit(anna, 10)
    clock.advance(days=1)
    await merge(tenant, ann, anna)
    await tenant.adjust(anna, -10)
    assert await tenant.remainders(older, newer) == [0, 1000]
    assert await tenant.rows("SELECT remaining_minor FROM credits WHERE tenant_id = $1 AND origin_id = $2", older) == [
        (0,)
    ]


@pytest.mark.parametrize(
    ("anns", "annas", "kept"),
    [
        ((-9, None), (None, None), (-9, None)),  # one runs, the other never did
        ((-99, -90), (None, None), (-99, -90)),  # over, and the gate stays shut
        ((-9, None), (-99, -90), (-9, None)),
        ((-99, -90), (-9, None), (-9, None)),
        ((-9, None), (-5, None), (-9, None)),  # both run: the older start
        ((-5, None), (-9, None), (-9, None)),
        ((-99, -90), (-80, -70), (-80, -70)),  # neither runs: the one that ended last
        ((-80, -70), (-99, -90), (-80, -70)),
        ((None, None), (-9, None), (-9, None)),
    ],
)
async def test_the_membership_that_is_kept(
    tenant: Tenant, anna: UUID, ann: UUID, clock: Clock, anns: Days, annas: Days, kept: Days
) -> None:
    def dates(days: Days) -> Dates:
        start, end = (None if day is None else clock() + timedelta(days=day) for day in days)
        return start, end

    assert await _kept(tenant, (ann, *dates(anns)), (anna, *dates(annas))) == dates(kept)
    if kept[1] is not None:
        async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
            await tenant.adjust(ann, 1, "SERVICE_CREDITS")


async def test_memberships_a_microsecond_apart(tenant: Tenant, clock: Clock) -> None:
    older, newer = clock() - timedelta(days=9), clock() - timedelta(days=9, microseconds=-1)
    for first, second in ((older, newer), (newer, older)):
        ann, anna = await tenant.customer(name="Ann"), await tenant.customer(name="Anna")
        assert await _kept(tenant, (ann, first, None), (anna, second, None)) == (older, None)
        ann, anna = await tenant.customer(name="Ann"), await tenant.customer(name="Anna")
        assert await _kept(tenant, (ann, older, first), (anna, older, second)) == (older, newer)


async def test_of_two_memberships_that_ended_at_once_the_survivors_stays(
    tenant: Tenant, anna: UUID, ann: UUID, clock: Clock
) -> None:
    older, newer = clock() - timedelta(days=9), clock() - timedelta(days=5)
    assert await _kept(tenant, (ann, older, clock()), (anna, newer, clock())) == (newer, clock())


async def _kept(tenant: Tenant, *people: tuple[UUID, datetime | None, datetime | None]) -> Dates:
    """Start and end of the second one's membership, once the first one is merged into them."""
    for person in people:
        await tenant.execute(
            """UPDATE customers SET membership_started_at = $3, membership_cancelled_at = $4
            WHERE tenant_id = $1 AND id = $2""",
            *person,
        )
    source, target = (customer for customer, *_ in people)
    await merge(tenant, source, target)
    [(start, end)] = await tenant.rows(
        "SELECT membership_started_at, membership_cancelled_at FROM customers WHERE tenant_id = $1 AND id = $2", target
    )
    return start, end


async def test_beside_the_first_addition_in_another_asset(tenant: Tenant) -> None:
    for _ in range(25):
        ann, anna = await tenant.customer(name="Ann"), await tenant.customer(name="Anna")
        await tenant.credit(ann, 1)
        await asyncio.gather(merge(tenant, ann, anna), tenant.adjust(ann, 5, "EUR"), tenant.adjust(ann, 7, "POINTS"))
        assert [await tenant.available(anna, asset) for asset in ("GBP", "EUR", "POINTS")] == [100, 500, 7]
        left = await tenant.rows(
            "SELECT sum(balance_minor) FROM accounts WHERE tenant_id = $1 AND customer_id = $2", ann
        )
        assert left == [(0,)]


async def test_beside_an_invoice_in_a_currency_without_an_account(tenant: Tenant) -> None:
    for _ in range(25):
        ann, anna = await tenant.customer(name="Ann"), await tenant.customer(name="Anna")
        _, invoice = await asyncio.gather(merge(tenant, ann, anna), tenant.invoice(ann, 5, "EUR"))
        credit = await tenant.credit(anna, 5, "EUR")
        await tenant.assign(credit, (invoice, 5))
        assert await tenant.invoice_state(invoice) == ("PAID", 0, 500)


async def test_merges_at_once_in_every_direction_leave_one_person(tenant: Tenant) -> None:
    people = [await tenant.customer(name=f"P{n}") for n in range(5)]
    for one in people:
        await tenant.credit(one, 1)
    pairs = [(people[a], people[b]) for a in range(5) for b in range(5) if a != b]
    done = await asyncio.gather(*(merge(tenant, *pair) for pair in pairs), return_exceptions=True)
    assert {getattr(one, "code", "done") for one in done} <= {"done", "INVALID"}
    left = await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL")
    assert len(left) == 1
    assert await tenant.available(left[0][0]) == 500
    assert (await verify(tenant.id)).holds


async def test_what_was_added_today_counts_for_both(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    """100 a time and 200 a customer and day: each has had 100."""
    for customer in (ann, anna):
        await tenant.adjust(customer, 100, actor=STAFF)
    await merge(tenant, ann, anna)
    for customer in (ann, anna):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.adjust(customer, 1, actor=STAFF)


async def test_what_came_back_of_an_expired_or_voided_lot_is_written_off_with_the_person(
    tenant: Tenant, anna: UUID, ann: UUID, clock: Clock
) -> None:
    invoices = [await tenant.invoice(ann, 5, auto_apply=False) for _ in range(2)]
    expiring, voided = await tenant.credit(ann, 5, expires_in_days=1), await tenant.credit(ann, 8)
    await tenant.assign(expiring, (invoices[0], 5))
    await tenant.assign(voided, (invoices[1], 5))
    await merge(tenant, ann, anna)
    clock.advance(days=9)
    async with tenant.refused("CREDIT_ASSIGNED"):
        await tenant.void_credit(voided)
    await tenant.void_credit(voided, release_assignments=True)
    await tenant.void_invoice(invoices[0])
    assert [await tenant.available(c) for c in (ann, anna)] == [0, 0]
    assert await lifetime(tenant, anna, "GBP") == 500  # what expired has been earned
    assert (await verify(tenant.id)).holds


async def test_a_lot_that_nothing_was_left_of_is_changed_by_its_old_id(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    credit, invoice = await tenant.credit(ann, 5), await tenant.invoice(ann, 5, auto_apply=False)
    assigned = await tenant.assign(credit, (invoice, 5))
    await merge(tenant, ann, anna)
    await tenant.update_credit(credit, auto_apply=True)
    await tenant.release(*assigned.assignment_ids)
    following = await tenant.invoice(anna, 2)
    assert await tenant.invoice_state(following) == ("PAID", 0, 200)


async def test_a_retry_after_the_merge_is_the_same_request(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    first = await tenant.adjust(ann, 5, key="once")
    await merge(tenant, ann, anna)
    again = await tenant.adjust(ann, 5, key="once")
    assert (again.replayed, again.transaction_id) == (True, first.transaction_id)
    assert await tenant.available(anna) == 500


async def test_a_lot_that_nothing_was_left_of_is_used_up_and_no_stranger(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    """Where the survivor has no account in that currency, too."""
    await tenant.reason("REFUND", moves_lifetime=False)
    credit, invoice = await tenant.credit(ann, 5, reason="REFUND"), await tenant.invoice(ann, 5, auto_apply=False)
    await tenant.assign(credit, (invoice, 5))
    await merge(tenant, ann, anna)
    other = await tenant.invoice(anna, 5, auto_apply=False)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.assign(credit, (other, 5))
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.adjust(anna, -1, reason="CORRECTION", credit_id=credit)
    changed = await tenant.update_credit(credit, expires_in_days=5)
    assert (changed.account_id, changed.credit_id) == (None, credit)
    assert await tenant.account(anna) is None


async def test_a_change_by_the_old_id_shows_the_lot_of_now(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    """Also to whoever sends it again."""
    credit = await tenant.credit(ann, 30)
    await merge(tenant, ann, anna)
    ((lot,),) = await tenant.rows("SELECT successor_id FROM credits WHERE tenant_id = $1 AND id = $2", credit)
    changed = await tenant.update_credit(credit, auto_apply=True, key="k")
    again = await tenant.update_credit(credit, auto_apply=True, key="k")
    assert (changed.credit_id, again.credit_id, again.replayed) == (lot, lot, True)


async def new_tier(tenant: Tenant, name: str, threshold: int) -> None:
    """As an admin makes it, who moves the customers along."""
    await create_tier(tenant.ledger, tenant.id, ADMIN, CreateTier(name, Decimal(threshold)))


async def test_tiers_wait_for_a_merge_of_points_as_they_wait_for_points(tenant: Tenant) -> None:
    """Each has 60; Silver comes at 100 while they become one."""
    for n in range(10):
        ann, anna = await tenant.customer(name="Ann"), await tenant.customer(name="Anna")
        for customer in (ann, anna):
            await tenant.credit(customer, 60 + n, "POINTS")
        await asyncio.gather(merge(tenant, ann, anna), new_tier(tenant, f"T{n}", 100 + n))
        tiers = await tenant.rows(
            """SELECT t.new_tier FROM tier_changes t JOIN accounts a ON a.tenant_id = $1 AND a.id = t.account_id
            WHERE t.tenant_id = $1 AND a.customer_id = $2 ORDER BY t.created_at DESC, t.id DESC LIMIT 1""",
            anna,
        )
        assert tiers == [(f"T{n}",)]


async def test_a_new_tier_moves_people_and_not_their_records(tenant: Tenant, anna: UUID, ann: UUID) -> None:
    for customer in (ann, anna):
        await tenant.credit(customer, 5, "POINTS")
    await merge(tenant, ann, anna)
    await new_tier(tenant, "Base", 0)
    moved = await tenant.rows(
        """SELECT a.customer_id FROM tier_changes t JOIN accounts a ON a.tenant_id = $1 AND a.id = t.account_id
        WHERE t.tenant_id = $1"""
    )
    assert moved == [(anna,)]


async def test_what_a_credit_was_set_against_and_what_an_order_granted_is_shown_of_the_lot_of_now(
    tenant: Tenant,
) -> None:
    people = [await tenant.customer(name=f"P{n}") for n in range(3)]
    order = await tenant.order(people[0], (await tenant.product(1, "CREDIT"), 50))
    await tenant.pay(order, 50)
    ((grant,),) = await tenant.rows("SELECT credit_id FROM grants WHERE tenant_id = $1")
    invoice = await tenant.invoice(people[0], 12, auto_apply=False)
    (part,) = (await tenant.assign(grant, (invoice, 12))).assignment_ids
    await tenant.update_credit(grant, expires_in_days=9)
    await merge(tenant, people[0], people[1])
    await merge(tenant, people[1], people[2])
    ((lot,),) = await tenant.rows(
        "SELECT id FROM credits WHERE tenant_id = $1 AND origin_id = $2 AND successor_id IS NULL", grant
    )
    session = ReadSession(tenant.id)
    try:
        granted = await load_pages(session, GRANTED, [order], PageRequest())
        set_against = await load_pages(session, CREDIT_ASSIGNMENTS, [lot, grant], PageRequest())
        changes = await load_pages(session, CHANGES, [lot], PageRequest())
    finally:
        await session.release()
    assert [(credit.id, credit.remaining_minor) for credit in granted[order].rows] == [(lot, 3800)]
    assert [[row.id for row in set_against[each].rows] for each in (lot, grant)] == [[part], [part]]
    assert len(changes[lot].rows) == 1

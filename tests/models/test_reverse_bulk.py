"""Bulks taken back: what is left of each row goes, what is in use waits, what was removed comes back; each row once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.commands import MergeCustomers, Outcome
from models.ledger import Ledger
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.reads.verify import verify
from tests.support import holds as holding
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, PARTNER, Tenant


async def state(tenant: Tenant, outcome: Outcome) -> tuple[Any, ...]:
    sql = "SELECT status, total, processed, succeeded, failed FROM bulk_operations WHERE tenant_id = $1 AND id = $2"
    return (await tenant.rows(sql, outcome.bulk_operation_id))[0]


async def report(tenant: Tenant, outcome: Outcome) -> list[tuple[Any, ...]]:
    """Taken, used, and the tiers where they differ, of each row."""
    return await tenant.rows(
        """SELECT (details->>'taken_minor')::int, (details->>'used_minor')::int, details->>'tier_before',
            details->>'tier_after' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY "row" """,
        outcome.bulk_operation_id,
    )


async def points(tenant: Tenant, customer_id: UUID) -> tuple[int, int]:
    """Available and lifetime."""
    account = await tenant.account(customer_id, "POINTS")
    return (0, 0) if account is None else (account.available_minor, account.lifetime_minor)


async def merge(tenant: Tenant, source: UUID, target: UUID) -> None:
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(source, target), uuid4().hex)


async def test_what_is_left_goes_and_what_is_used_is_reported(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    bulk = await tenant.bulk((anna, 500), (ben, 300))
    await tenant.give(anna, await tenant.reward(200))
    back = await tenant.reverse(bulk, note="The wrong list")

    assert await state(tenant, back) == ("COMPLETED", 2, 2, 2, 0)
    assert await report(tenant, back) == [(300, 200, None, None), (300, 0, None, None)]
    assert (await points(tenant, anna), await points(tenant, ben)) == ((0, 200), (0, 0))
    moved = await tenant.rows(
        """SELECT t.kind, e.counter, e.amount_minor, e.lifetime_minor, x.note, t.idempotency_key
        FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id AND t.kind = 'REVERSAL'
        JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id WHERE e.tenant_id = $1 ORDER BY t.id DESC"""
    )
    key = f"bulk:{back.bulk_operation_id}:"
    assert moved == [
        ("REVERSAL", "REMOVED", -300, -300, "The wrong list", f"{key}0"),
        ("REVERSAL", "REMOVED", -300, -300, "The wrong list", f"{key}1"),
    ]
    assert await tenant.rows("SELECT DISTINCT voided_at FROM credits WHERE tenant_id = $1") == [(tenant.clock(),)]
    assert await tenant.rows("SELECT amount_minor, used_minor FROM reversed_rows WHERE tenant_id = $1 ORDER BY 2") == [
        (-300, 0),
        (-300, 200),
    ]
    events = "SELECT action, note, details->>'rows' FROM audit_events WHERE tenant_id = $1 AND subject_id = $2"
    assert await tenant.rows(events, back.bulk_operation_id) == [("bulk.reversed", "The wrong list", "2")]
    topics = "SELECT topic FROM outbox WHERE tenant_id = $1 AND subject_id = $2"
    assert await tenant.rows(topics, back.bulk_operation_id) == [("bulk.completed",)]


async def test_what_comes_back_later_is_taken_then(tenant: Tenant, anna: UUID) -> None:
    """By a disabled coupon, a refund, a release, a voided payment."""
    bulk = await tenant.bulk((anna, 500))
    coupon = (await tenant.give(anna, await tenant.reward(200))).coupon_id
    spend = await tenant.spend(anna, 50, "POINTS")
    pounds = await tenant.bulk((anna, 50), asset="GBP")
    ((credit,),) = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1 AND amount_minor = 5000")
    one, two = await tenant.invoice(anna, 10, auto_apply=False), await tenant.invoice(anna, 5, auto_apply=False)
    assigned = await tenant.assign(credit, (one, 10))
    paid = await tenant.pay(two, 5, "ACCOUNT_CREDIT")
    for outcome, taken in ((await tenant.reverse(bulk), (250, 250)), (await tenant.reverse(pounds), (3500, 1500))):
        assert (await report(tenant, outcome))[0][:2] == taken
    assert await points(tenant, anna) == (0, 250)
    await tenant.disable(coupon, refund=True)
    assert await points(tenant, anna) == (0, 50)
    await tenant.refund(spend, 20)
    assert await points(tenant, anna) == (0, 30)
    await tenant.refund(spend)
    assert await points(tenant, anna) == (0, 0)

    await tenant.release(*assigned.assignment_ids)
    await tenant.void_payment(paid.payment_id)
    assert await tenant.available(anna) == 0
    assert [await tenant.invoice_state(invoice) for invoice in (one, two)] == [("OPEN", 0, 0)] * 2


@pytest.mark.parametrize("merged", [False, True])
async def test_what_is_still_set_against_invoices_can_be_voided(tenant: Tenant, anna: UUID, merged: bool) -> None:
    bulk = await tenant.bulk((anna, 100), asset="GBP")
    ((credit,),) = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1")
    invoice = await tenant.invoice(anna, 60, auto_apply=False)
    await tenant.assign(credit, (invoice, 60))
    back = await tenant.reverse(bulk)
    assert await report(tenant, back) == [(4000, 6000, None, None)]
    holder = anna
    if merged:
        holder = await tenant.customer(name="Ann")
        await merge(tenant, anna, holder)
    voided = await tenant.void_credit(credit, release_assignments=True)

    moved = "SELECT amount_minor FROM entries WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"
    assert await tenant.rows(moved, voided.transaction_id) == [(6000,), (-6000,)]
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    assert await tenant.available(holder) == 0
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.void_credit(credit, release_assignments=True)


async def test_a_removal_is_put_back_on_its_credits(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Silver", 100)
    first = await tenant.credit(anna, 100, "POINTS", expires_in_days=9)
    second = await tenant.credit(anna, 100, "POINTS")
    bulk = await tenant.bulk((anna, -150))
    assert (await points(tenant, anna), await tenant.remainders(first, second)) == ((50, 50), [0, 50])
    back = await tenant.reverse(bulk)

    assert await report(tenant, back) == [(150, 0, None, "Silver")]
    assert (await points(tenant, anna), await tenant.remainders(first, second)) == ((200, 200), [100, 100])
    rows = await tenant.rows(
        """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries e JOIN transactions t
        ON t.tenant_id = $1 AND t.id = e.transaction_id AND t.kind = 'REVERSAL' WHERE e.tenant_id = $1 ORDER BY sequence"""
    )
    assert rows == [(second, "REMOVED", 50, 50), (first, "REMOVED", 100, 100)]
    assert await tenant.rows("SELECT gone_minor FROM credits WHERE tenant_id = $1") == [(0,), (0,)]
    await tenant.adjust(anna, -200, "POINTS")  # it is there to be taken again


async def test_a_removal_that_left_the_lifetime_total_alone_leaves_it_alone(tenant: Tenant, anna: UUID) -> None:
    await tenant.reason("RETURN", moves_lifetime=False)
    await tenant.adjust(anna, 100, "POINTS")
    await tenant.reverse(await tenant.bulk((anna, -40), reason="RETURN"))
    assert await points(tenant, anna) == (100, 100)


async def test_what_was_added_without_counting_does_not_count_against(tenant: Tenant, anna: UUID) -> None:
    await tenant.reason("RETURN", moves_lifetime=False)
    await tenant.adjust(anna, 100, "POINTS")
    await tenant.reverse(await tenant.bulk((anna, 40), reason="RETURN"))
    assert await points(tenant, anna) == (100, 100)


async def test_a_removal_from_what_has_expired_or_was_voided_meanwhile(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    soon = await tenant.credit(anna, 10, expires_in_days=1)
    voided = await tenant.credit(anna, 10)
    bulk = await tenant.bulk((anna, -15), asset="GBP")
    await tenant.void_credit(voided)
    clock.advance(days=3)
    back = await tenant.reverse(bulk)

    assert await report(tenant, back) == [(1500, 0, None, None)]
    assert (await tenant.available(anna), await tenant.remainders(soon, voided)) == (0, [0, 0])


async def test_in_whatever_order_it_is_undone(tenant: Tenant) -> None:
    """A campaign, a removal after it, a void of what it gave and the redeemed part coming back: always nothing."""
    reward = await tenant.reward(150)
    for order in ("cvr", "crv", "vcr", "vrc", "rcv", "rvc"):
        customer = await tenant.customer(name=order)
        added = await tenant.bulk((customer, 500))
        removed = await tenant.bulk((customer, -100))
        credit = "SELECT c.id FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id"
        ((credit_id,),) = await tenant.rows(f"{credit} WHERE c.tenant_id = $1 AND a.customer_id = $2", customer)
        coupon = (await tenant.give(customer, reward)).coupon_id
        for step in order:
            if step == "c":
                await tenant.disable(coupon, refund=True)
            elif step == "v":
                await tenant.reverse(added)
            else:
                await tenant.reverse(removed)
        assert await points(tenant, customer) == (0, 0), order
        assert await tenant.remainders(credit_id) == [0]


async def test_rows_of_one_bulk_see_each_other(tenant: Tenant, anna: UUID) -> None:
    bulk = await tenant.bulk((anna, 50), (anna, -20), allow_duplicate_customers=True)
    back = await tenant.reverse(bulk)
    assert await report(tenant, back) == [(50, 0, None, None), (20, 0, None, None)]
    assert await points(tenant, anna) == (0, 0)


async def test_what_has_expired_is_gone_already(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    bulk = await tenant.bulk((anna, 500), expires_in_days=1)
    spend = await tenant.spend(anna, 100, "POINTS")
    clock.advance(days=3)
    back = await tenant.reverse(bulk)

    assert await report(tenant, back) == [(0, 100, None, None)]
    assert await points(tenant, anna) == (0, 500)  # what has expired stays in the total
    assert await tenant.expire() == 0
    await tenant.refund(spend)
    assert await points(tenant, anna) == (0, 400)


async def test_what_starts_later_and_what_was_voided_or_used_up(tenant: Tenant, anna: UUID) -> None:
    ben, carl = await tenant.customer(name="Ben"), await tenant.customer(name="Carl")
    bulk = await tenant.bulk((anna, 10), (ben, 20), (carl, 30), asset="GBP")
    by_amount = {
        row[1]: row[0] for row in await tenant.rows("SELECT id, amount_minor FROM credits WHERE tenant_id = $1")
    }
    await tenant.void_credit(by_amount[1000])
    await tenant.spend(ben, 20)
    await tenant.adjust(carl, -5)
    back = await tenant.reverse(bulk)
    assert await report(tenant, back) == [(0, 0, None, None), (0, 2000, None, None), (2500, 0, None, None)]
    assert await tenant.rows("SELECT count(*) FROM credits WHERE tenant_id = $1 AND voided_at IS NOT NULL") == [(3,)]


async def test_what_is_held_waits_and_goes_when_it_is_let_go(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """A part is captured, a part comes back of that; a hold is released, and the tier falls at once; another lapses, and
    waits for the sweep."""
    for name, threshold in (("Silver", 150), ("Gold", 250)):
        await tenant.tier(name, threshold)
    bulk = await tenant.bulk((anna, 500))
    clock.advance(seconds=1)
    captured, released, lapsing = [await holding.hold(tenant, anna, 100, "POINTS") for _ in range(3)]
    back = await tenant.reverse(bulk)
    assert await report(tenant, back) == [(200, 300, None, None)]
    assert await points(tenant, anna) == (0, 300)

    spent = await holding.capture(tenant, captured, 80)
    assert await points(tenant, anna) == (0, 300)
    await holding.release(tenant, released)
    assert await points(tenant, anna) == (0, 200)
    changes = "SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id"
    assert (await tenant.rows(changes))[-1] == ("Gold", "Silver")
    clock.advance(hours=1)
    assert await points(tenant, anna) == (0, 200)
    assert await tenant.expire() == 1
    assert await points(tenant, anna) == (0, 80)
    await tenant.refund(spent)
    assert await points(tenant, anna) == (0, 0)
    assert lapsing is not None
    assert (await tenant.rows(changes))[-1] == ("Silver", None)
    assert (await verify(tenant.id)).holds


async def test_held_credits_are_taken_back_after_a_merge_too(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    bulk = await tenant.bulk((anna, 50), asset="GBP")
    clock.advance(seconds=1)
    held = await holding.hold(tenant, anna, 20)
    await tenant.reverse(bulk)
    await merge(tenant, anna, ben := await tenant.customer(name="Ben"))
    spent = await holding.capture(tenant, held, 5)
    clock.advance(hours=1)
    assert await tenant.available(ben) == 0
    await tenant.refund(spent)
    assert (await tenant.available(ben), await tenant.expire(), await tenant.available(ben)) == (0, 1, 0)
    account = await tenant.account(ben)
    assert account is not None
    assert account.balance_minor == 0


async def test_credits_are_followed_through_merges(tenant: Tenant, anna: UUID) -> None:
    ben, carl = await tenant.customer(name="Ben"), await tenant.customer(name="Carl")
    added = await tenant.bulk((anna, 50), (ben, 30), asset="GBP")
    removed = await tenant.bulk((anna, -10), (ben, -30), asset="GBP")
    spend = await tenant.spend(anna, 15)
    await merge(tenant, anna, ben)
    await merge(tenant, ben, carl)
    assert await tenant.available(carl) == 2500
    assert await report(tenant, await tenant.reverse(removed)) == [(1000, 0, None, None), (3000, 0, None, None)]
    assert await tenant.available(carl) == 6500
    assert await report(tenant, await tenant.reverse(added)) == [(3500, 1500, None, None), (3000, 0, None, None)]
    assert await tenant.available(carl) == 0
    await merge(tenant, carl, dora := await tenant.customer(name="Dora"))
    await tenant.refund(spend)
    assert await tenant.available(dora) == 0


async def test_of_an_erased_person_too(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 20)
    bulk, removed = await tenant.bulk((anna, 50), asset="GBP"), await tenant.bulk((ben, -5), asset="GBP")
    for person in (anna, ben):
        await erase_customer(tenant.ledger, tenant.id, MANAGER, person)
    assert await report(tenant, await tenant.reverse(bulk, note="About Anna")) == [(5000, 0, None, None)]
    assert await report(tenant, await tenant.reverse(removed)) == [(500, 0, None, None)]
    assert (await tenant.available(ben), await tenant.count("transaction_texts")) == (2000, 0)


async def test_each_row_once(tenant: Tenant, anna: UUID) -> None:
    bulk = await tenant.bulk((anna, 50), asset="GBP")
    once = await tenant.reverse(bulk, key="k")
    again = await tenant.reverse(bulk, key="k")
    assert (again.bulk_operation_id, again.replayed) == (once.bulk_operation_id, True)
    await tenant.adjust(anna, 50)
    for refused in (tenant.reverse(bulk), tenant.reverse(bulk, dry_run=True), tenant.reverse(once)):
        async with tenant.refused("BULK_NOT_REVERSIBLE"):
            await refused
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.reverse(bulk, key="k", note="Otherwise")
    assert await tenant.available(anna) == 5000


async def test_at_once_by_many(tenant: Tenant, clock: Clock) -> None:
    people = [await tenant.customer() for _ in range(20)]
    bulk = await tenant.bulk(*((person, 5) for person in people), asset="GBP")
    removal = await tenant.bulk(*((person, -2) for person in people[:10]), asset="GBP")
    others = [Ledger(clock) for _ in range(3)]
    outcomes = await asyncio.gather(
        *(tenant.reverse(each, ledger=ledger) for ledger in (tenant.ledger, *others) for each in (bulk, removal)),
        return_exceptions=True,
    )
    for ledger in others:
        await ledger.close()

    assert sum(isinstance(outcome, Outcome) for outcome in outcomes) == 2
    assert {getattr(outcome, "code", "BULK_NOT_REVERSIBLE") for outcome in outcomes} <= {"BULK_NOT_REVERSIBLE", "BUSY"}
    assert {await tenant.available(person) for person in people} == {0}
    assert await tenant.count("reversed_rows") == 30


async def test_beside_those_who_spend_it(tenant: Tenant, clock: Clock) -> None:
    """Whoever comes first has it: all that is spent is reported, and nothing is left."""
    people = [await tenant.customer() for _ in range(30)]
    bulk = await tenant.bulk(*((person, 5) for person in people), asset="GBP")
    other = Ledger(clock)
    shop = Tenant(other, clock, tenant.slug, tenant.id)
    back, *spent = await asyncio.gather(
        tenant.reverse(bulk), *(shop.spend(person, 3, actor=MANAGER) for person in people), return_exceptions=True
    )
    assert isinstance(back, Outcome)
    told = [row[:2] for row in await report(tenant, back)]
    got = [(200, 300) if isinstance(outcome, Outcome) else (500, 0) for outcome in spent]
    assert told == got
    assert {await tenant.available(person) for person in people} == {0}
    for outcome in spent:
        if isinstance(outcome, Outcome):
            await shop.refund(outcome, actor=MANAGER)
    await other.close()
    assert {await tenant.available(person) for person in people} == {0}


async def test_what_cannot_be_taken_back(tenant: Tenant, anna: UUID) -> None:
    dry = await tenant.bulk((anna, 5), dry_run=True)
    failed = await tenant.bulk((uuid4(), 5), error_policy="SKIP_FAILED")
    for bulk in (dry, failed):
        async with tenant.refused("BULK_NOT_REVERSIBLE"):
            await tenant.reverse(bulk)
    async with tenant.refused("NOT_FOUND"):
        await tenant.reverse(uuid4())
    await tenant.execute("UPDATE bulk_operations SET status = 'RUNNING', finished_at = NULL WHERE tenant_id = $1")
    async with tenant.refused("BULK_NOT_REVERSIBLE") as caught:
        await tenant.reverse(dry)
    assert caught.value.field == ("operationId",)
    await tenant.execute(
        "UPDATE bulk_operations SET status = 'COMPLETED', finished_at = created_at WHERE tenant_id = $1"
    )


async def test_a_dry_run_says_what_is_used_and_whose_tier_falls(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Silver", 300)
    ben = await tenant.customer(name="Ben")
    await tenant.adjust(ben, 400, "POINTS")
    bulk = await tenant.bulk((anna, 200), (ben, 200), (anna, 150), allow_duplicate_customers=True)
    await tenant.give(anna, await tenant.reward(100))
    before = await tenant.rows("SELECT count(*), max(created_at) FROM transactions WHERE tenant_id = $1")
    dry = await tenant.reverse(bulk, dry_run=True, key="k")
    assert await state(tenant, dry) == ("COMPLETED", 3, 3, 3, 0)
    told = await report(tenant, dry)
    assert told == [(100, 100, None, None), (200, 0, None, None), (150, 0, "Silver", None)]
    assert await tenant.rows("SELECT count(*), max(created_at) FROM transactions WHERE tenant_id = $1") == before

    back = await tenant.reverse(bulk, key="k")  # a dry run keeps no key
    assert await report(tenant, back) == told
    changes = "SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1"
    assert await tenant.rows(changes) == [("Silver", None)]


async def test_in_the_very_instant_in_which_the_credit_starts_while_it_is_held(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """It expires as it starts: nothing of it is spendable, and what is held is taken once it is let go."""
    bulk = await tenant.bulk((anna, 10), asset="GBP")
    held = await holding.hold(tenant, anna, 4)
    back = await tenant.reverse(bulk)
    assert await report(tenant, back) == [(600, 400, None, None)]
    assert await holding.held_now(tenant, anna) == (0, 400)
    await holding.release(tenant, held)
    assert await holding.held_now(tenant, anna) == (0, 0)
    clock.advance(minutes=1)
    assert await tenant.expire() == 0
    assert (await tenant.rows("SELECT remaining_minor, gone_minor FROM credits WHERE tenant_id = $1")) == [(0, 1000)]
    assert (await verify(tenant.id)).holds


async def test_a_partner_s_rights_are_checked_again(tenant: Tenant, anna: UUID) -> None:
    bulk = await tenant.bulk((anna, 5), asset="GBP")
    await tenant.partner_token("credits:bulk", client="app")  # and not credits:remove
    back = await tenant.reverse(bulk, actor=PARTNER)
    assert await state(tenant, back) == ("COMPLETED", 1, 1, 0, 1)
    codes = "SELECT error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2"
    assert await tenant.rows(codes, back.bulk_operation_id) == [("REQUESTER_NOT_ALLOWED",)]
    assert await tenant.available(anna) == 500
    await tenant.reverse(bulk)  # whose row is still to be taken back
    assert await tenant.available(anna) == 0


async def test_without_room_a_removal_stays_for_another_time(tenant: Tenant, anna: UUID) -> None:
    most = 10**13
    await tenant.adjust(anna, most)
    bulk = await tenant.bulk((anna, -1), asset="GBP")
    more = await tenant.credit(anna, 1)
    back = await tenant.reverse(bulk)
    assert await state(tenant, back) == ("COMPLETED", 1, 1, 0, 1)
    assert await tenant.count("reversed_rows") == 0
    await tenant.void_credit(more)
    assert (await state(tenant, await tenant.reverse(bulk)))[3:] == (1, 0)
    assert await tenant.available(anna) == most * 100


async def test_a_service_credit_removed_comes_back_past_the_grace_period(tenant: Tenant, clock: Clock) -> None:
    member = await tenant.member()
    await tenant.credit(member, 10, "SERVICE_CREDITS")
    bulk = await tenant.bulk((member, -4), asset="SERVICE_CREDITS")
    await tenant.cancel_membership(member, clock())
    clock.advance(days=100)
    await tenant.reverse(bulk)
    assert await tenant.available(member, "SERVICE_CREDITS") == 10


async def test_the_database_allows_one_mark_a_row(tenant: Tenant, anna: UUID) -> None:
    bulk = await tenant.bulk((anna, 5))
    await tenant.reverse(bulk)
    again = (
        "INSERT INTO reversed_rows SELECT id, tenant_id, transaction_id, 0, 0 FROM reversed_rows WHERE tenant_id = $1"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await tenant.execute(again)

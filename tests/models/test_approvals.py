"""Four eyes: what was asked for over a limit is posted once another person approves it, checked again as of then."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from auth.roles import RULES
from models.commands import (
    Actor,
    AdjustCredit,
    Approvable,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    MergeCustomers,
    NewExpiry,
    OrderItem,
    Outcome,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.errors import LedgerError, RequestChanged
from models.ledger import Ledger
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.planning.approving import requester_scopes
from models.planning.requesting import OPERATIONS
from schema.rights_to import rights_to
from tests.support.approvals import SECOND, approve, ask, events, reject, row, topics, withdraw
from tests.support.clock import NOON, Clock
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

# Approving


async def test_posts_what_was_asked_for_with_both_people_on_it(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    request = await ask(tenant, anna, note="Broken kettle")
    asked_at = clock()
    clock.advance(hours=3)
    posted = await approve(tenant, request, note="Quite right")

    assert await tenant.available(anna) == 101_00
    assert (posted.approval_request_id, posted.replayed) == (request, False)
    assert await row(tenant, request) == ("APPROVED", "maria", clock(), "Quite right", posted.transaction_id)
    (people,) = await tenant.rows(
        """SELECT a.subject, a.role, b.subject, t.reason, t.created_at, x.note, t.idempotency_key IS NOT NULL
        FROM transactions t JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
        JOIN actors b ON b.tenant_id = $1 AND b.id = t.approved_by_id
        JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id WHERE t.tenant_id = $1"""
    )
    assert people == ("sam", "STAFF", "maria", "GOODWILL", asked_at + timedelta(hours=3), "Broken kettle", True)
    assert await topics(tenant, request) == ["approval.requested", "approval.approved"]
    assert await events(tenant, request) == [("approval.approved", "maria", "Quite right")]
    view = posted.views[-1]
    assert (view.status(clock()), view.decided_by.subject, view.transaction_id) == (
        "APPROVED",
        "maria",
        posted.transaction_id,
    )


async def test_uses_up_nobodys_limits(tenant: Tenant, anna: UUID) -> None:
    await tenant.limit("MANAGER", "MONEY", adjustment=50, actor_day=50)
    await approve(tenant, await ask(tenant, anna, 5_000))
    assert await tenant.rows("SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND used_minor > 0") == []
    await tenant.adjust(anna, 100, actor=STAFF)
    await tenant.adjust(anna, 50, actor=MANAGER)


async def test_a_manager_over_a_limit_needs_another_one(tenant: Tenant, anna: UUID) -> None:
    await tenant.limit("MANAGER", "MONEY", adjustment=1_000)
    request = await ask(tenant, anna, 1_001, actor=MANAGER)
    async with tenant.refused("INVALID"):
        await approve(tenant, request)
    await approve(tenant, request, SECOND)
    assert await tenant.available(anna) == 1_001_00


async def test_every_later_click_answers_the_same_and_posts_nothing(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    first = await approve(tenant, request, key="click")
    same_key = await approve(tenant, request, key="click")
    own_again, anothers = await approve(tenant, request), await approve(tenant, request, SECOND)
    for again in (same_key, own_again, anothers):
        assert again == replace(first, replayed=True, views=())
    assert await tenant.available(anna) == 101_00
    assert (await tenant.count("transactions"), await tenant.count("audit_events")) == (1, 2)  # and the customer's
    assert (await row(tenant, request))[1] == "maria"
    other = await ask(tenant, anna)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await approve(tenant, other, key="click")


async def test_a_hundred_clicks_in_two_processes_post_once(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 1)
    request = await ask(tenant, anna)
    other = Ledger(clock)
    try:
        done = await asyncio.gather(
            *(
                approve(tenant, request, (MANAGER, SECOND, ADMIN)[n % 3], ledger=(tenant.ledger, other)[n % 2])
                for n in range(100)
            )
        )
    finally:
        await other.close()
    assert sum(not one.replayed for one in done) == 1
    assert len({(one.transaction_id, one.credit_id, one.account_id) for one in done}) == 1
    assert await tenant.available(anna) == 102_00
    assert await topics(tenant, request) == ["approval.requested", "approval.approved"]


async def test_approving_and_rejecting_at_once_is_one_of_the_two(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    other = Ledger(clock)
    try:
        for n in range(10):
            request = await ask(tenant, anna)
            before = await tenant.available(anna)
            yes, no, back = await asyncio.gather(
                approve(tenant, request, ledger=other),
                reject(tenant, request, SECOND),
                withdraw(tenant, request),
                return_exceptions=True,
            )
            won = [one for one in (yes, no, back) if not isinstance(one, BaseException)]
            lost = [one for one in (yes, no, back) if isinstance(one, BaseException)]
            assert len(won) == 1, n
            assert [one.code for one in lost if isinstance(one, LedgerError)] == ["REQUEST_NOT_PENDING"] * 2
            assert await tenant.available(anna) == before + (101_00 if isinstance(won[0], Outcome) else 0)
    finally:
        await other.close()


async def test_what_one_process_left_half_done_another_does(
    tenant: Tenant, anna: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first dies after it has asked the database for everything but the end."""
    request = await ask(tenant, anna)
    dying, before = Ledger(clock), await tenant.fingerprint()
    write = dying._poster._posting._write

    async def write_and_die(*everything: Any) -> None:
        await write(*everything)
        raise ConnectionResetError

    monkeypatch.setattr(dying._poster._posting, "_write", write_and_die)
    with pytest.raises(ConnectionResetError):
        await approve(tenant, request, key="click", ledger=dying)
    await dying.close()
    assert await tenant.fingerprint() == before
    assert not (await approve(tenant, request, key="click")).replayed
    assert await tenant.available(anna) == 101_00


# Who


@pytest.mark.parametrize(
    "same", [STAFF, Actor("sam", "MANAGER"), Actor("sam", "ADMIN", client="console"), Actor("sam", "MANAGER", name="S")]
)
async def test_nobody_decides_their_own_with_whichever_token(tenant: Tenant, anna: UUID, same: Actor) -> None:
    request = await ask(tenant, anna)
    async with tenant.refused("INVALID"):
        await approve(tenant, request, same)
    async with tenant.refused("INVALID"):
        await reject(tenant, request, same)
    assert await withdraw(tenant, request, same)


async def test_the_plan_refuses_the_same_person_as_well(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has got past the first look is met by the second, under the lock."""
    request = await ask(tenant, anna)
    monkeypatch.setattr("models.operations.approvals._row", _pretending_another)
    async with tenant.refused("INVALID"):
        await approve(tenant, request, Actor("sam", "ADMIN"))


async def _pretending_another(connection: Any, request_id: UUID, locking: str = "") -> dict[str, Any]:
    sql = "SELECT * FROM approval_requests WHERE tenant_id = $1 AND id = $2"
    return {**await connection.raw.fetchrow(sql, connection.tenant_id, request_id), "requested_subject": "else"}


async def test_only_who_asked_withdraws(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    for other in (MANAGER, ADMIN, Actor("sally", "STAFF")):
        async with tenant.refused("INVALID"):
            await withdraw(tenant, request, other)


async def test_a_partner_whose_tokens_are_gone_has_asked_for_nothing(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    request, reward = await ask(tenant, anna, actor=PARTNER), await tenant.reward(5_000)
    coupon = (
        await tenant.give(anna, reward, deduct_points=False, actor=PARTNER, request_approval=True)
    ).approval_request_id
    assert coupon is not None
    sql = """INSERT INTO partner_tokens (tenant_id, id, client, name, scope, secret_hash, created_by_id, created_at,
            expires_at, revoked_at, revoked_by_id)
        SELECT a.tenant_id, $2, $3, 'App', $4, sha256($5::bytea), a.id, $6, $7, $8,
            CASE WHEN $8::timestamptz IS NULL THEN NULL ELSE a.id END
        FROM actors a WHERE a.tenant_id = $1 AND a.subject = 'maria' LIMIT 1"""

    async def token(client: str, scope: str, expires: datetime | None = None, revoked: datetime | None = None) -> None:
        await tenant.execute(sql, uuid4(), client, scope, uuid4().bytes, NOON, expires, revoked)

    await token("other", "credits:add rewards:give")
    await token("app", "credits:add rewards:give", revoked=NOON)
    await token("app", "credits:add rewards:give", expires=NOON + timedelta(hours=1))
    await token("app", "ledger:read credits:added")
    clock.advance(hours=1)
    for one in (request, coupon):
        async with tenant.refused("REQUESTER_NOT_ALLOWED"):
            await approve(tenant, one)
    await token("app", "ledger:read credits:add")
    async with tenant.refused("REQUESTER_NOT_ALLOWED"):
        await approve(tenant, coupon)
    await approve(tenant, request)
    await token("app", "rewards:give")
    await approve(tenant, coupon)


async def test_a_partner_whose_tokens_are_issued_elsewhere_is_taken_at_its_word(tenant: Tenant, anna: UUID) -> None:
    await approve(tenant, await ask(tenant, anna, actor=PARTNER))
    assert await tenant.available(anna) == 101_00


def test_the_scopes_asked_of_partners_are_the_tables() -> None:
    someone, one = uuid4(), Decimal(1)
    assert set(get_args(Approvable)) == set(OPERATIONS.values())
    adding = AdjustCredit(someone, "GBP", one, "GOODWILL")
    items = (OrderItem(uuid4(), 1, one),)
    asked: list[tuple[Approvable, dict[str, str | None]]] = [
        (adding, {}),
        (replace(adding, amount=-one), {}),
        (GiveReward(someone, uuid4(), deduct_points=False), {}),
        (GiveReward(someone, uuid4(), deduct_points=True), {}),
        (RefundSpend(someone), {}),
        (RefundSpend(someone, new_expiry=NewExpiry(in_days=3)), {}),
        (CreateCreditNote(someone), {}),
        (RecordPayment(uuid4(), one, "CASH", keep_excess=True), {}),
        (TransferCredit(someone, uuid4(), "GBP", one), {}),
        (ReviveCredit(someone, "GOODWILL", NewExpiry(in_days=3)), {}),
        (CreateOrder(someone, "1", "GBP", items), {"items.0.kind": "GOODS"}),
        (CreateOrder(someone, "1", "GBP", items), {"items.0.kind": "CREDIT"}),
    ]
    assert {type(command) for command, _ in asked} == set(get_args(Approvable))
    for command, terms in asked:
        scopes = frozenset[str]().union(*(RULES[right].scopes for right in rights_to(command, terms)))
        assert requester_scopes(command, terms) == scopes


# Checked again as of now


async def test_a_request_that_is_not_there_or_is_another_tenants(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    other = await Tenant.open(clock)
    try:
        theirs = await ask(other, await other.customer(name="Otto"))
        for request in (theirs, uuid4()):
            for decide in (approve, reject, withdraw):
                async with tenant.refused("NOT_FOUND"):
                    await decide(tenant, request)
        assert (await row(other, theirs))[0] == "PENDING"
    finally:
        await other.ledger.close()


async def test_a_refusal_leaves_it_pending(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    await tenant.execute("UPDATE reasons SET active = false WHERE tenant_id = $1 AND code = 'GOODWILL'")
    async with tenant.refused("REASON_UNKNOWN") as caught:
        await approve(tenant, request, key="click")
    assert caught.value.field == ("requestId",)
    assert (await row(tenant, request))[0] == "PENDING"
    await tenant.execute("UPDATE reasons SET active = true WHERE tenant_id = $1 AND code = 'GOODWILL'")
    await approve(tenant, request, key="click")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            "UPDATE reasons SET adds = false, removes = true WHERE tenant_id = $1 AND code = 'GOODWILL'",
            "REASON_DIRECTION",
        ),
        ("UPDATE reasons SET note_required = true WHERE tenant_id = $1 AND code = 'GOODWILL'", "NOTE_REQUIRED"),
    ],
)
async def test_the_reason_is_checked_again(tenant: Tenant, anna: UUID, change: str, code: str) -> None:
    request = await ask(tenant, anna)
    await tenant.execute(change)
    async with tenant.refused(code):
        await approve(tenant, request)


async def test_the_gate_the_service_and_the_room_are_checked_again(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    service = await tenant.service()
    gated = await ask(tenant, anna, 11, "SERVICE_CREDITS")
    for_service = await ask(tenant, anna, 11, "SERVICE_CREDITS", service_ids=(service,))
    full = await ask(tenant, anna)
    await tenant.execute("UPDATE services SET active = false WHERE tenant_id = $1 AND id = $2", service)
    async with tenant.refused("INVALID"):
        await approve(tenant, for_service)
    cancelled = "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2"
    await tenant.execute(cancelled, anna, clock() - timedelta(days=62))
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await approve(tenant, gated)
    await tenant.adjust(anna, "9999999999950.00")
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await approve(tenant, full)


async def test_a_limit_that_was_raised_or_lowered_meanwhile_makes_no_difference(tenant: Tenant, anna: UUID) -> None:
    for limit in (1, 1_000_000):
        request = await ask(tenant, anna)
        await tenant.limit("STAFF", "MONEY", adjustment=limit)
        await approve(tenant, request)
        await tenant.limit("STAFF", "MONEY", adjustment=100)
    assert await tenant.available(anna) == 202_00


async def test_nothing_is_added_for_who_was_erased(tenant: Tenant, anna: UUID) -> None:
    erased = await ask(tenant, anna, note="Of Anna")
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    async with tenant.refused("INVALID"):
        await approve(tenant, erased)
    assert await tenant.available(anna) == 0


async def test_what_waits_for_a_merged_record_is_posted_to_the_person(tenant: Tenant) -> None:
    """Also where both of them wait, each decided by itself."""
    ben, cleo = await tenant.customer(name="Ben"), await tenant.customer(name="Cleo")
    bens, cleos = await ask(tenant, ben), await ask(tenant, cleo)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, cleo), "m")
    await approve(tenant, bens)
    assert (await tenant.available(ben), await tenant.available(cleo)) == (0, 10_100)
    await approve(tenant, cleos)
    assert (await tenant.available(ben), await tenant.available(cleo)) == (0, 20_200)


async def test_what_people_wrote_on_it_goes_with_the_person(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    for customer in (anna, ben):
        await approve(tenant, await ask(tenant, customer, note="Zanzibar"), note="Zanzibar, too")
        await reject(tenant, await ask(tenant, customer, note="Zanzibar"), note="Zanzibar, again")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, anna), "m")
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    for table in ("approval_requests", "audit_events", "transaction_texts", "outbox", "idempotency_keys"):
        sql = f"SELECT count(*) FROM {table} t WHERE tenant_id = $1 AND strpos(t::text, 'Zanzibar') > 0"
        assert await tenant.rows(sql) == [(0,)], table


async def test_the_days_count_from_the_approval_and_dates_stay_as_they_were_asked(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    days = await ask(tenant, anna, expires_in_days=1)
    until = await ask(tenant, anna, expires_at=NOON + timedelta(days=2))
    starting = await ask(tenant, anna, effective_on=date(2026, 6, 16), expires_at=NOON + timedelta(days=9))
    clock.advance(days=2)
    async with tenant.refused("EXPIRY_IN_PAST"):
        await approve(tenant, until)
    for request in (days, starting):
        await approve(tenant, request)
    found = await tenant.rows(
        "SELECT effective_on, expires_at FROM credits WHERE tenant_id = $1 ORDER BY created_at, id"
    )
    assert sorted(found) == [
        (date(2026, 6, 16), NOON + timedelta(days=9)),
        (date(2026, 6, 17), datetime(2026, 6, 18, 23, tzinfo=UTC)),
    ]


# Rewards


async def test_a_free_reward_over_the_limit(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(1_001, stock=1)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.give(anna, reward, deduct_points=False, actor=STAFF)
    asked = await tenant.give(anna, reward, deduct_points=False, actor=STAFF, request_approval=True, key="k")
    again = await tenant.give(anna, reward, deduct_points=False, actor=STAFF, request_approval=True, key="k")
    request = asked.approval_request_id
    assert request is not None
    assert again == replace(asked, replayed=True, views=())
    assert (await tenant.count("coupons"), await tenant.count("transactions")) == (0, 0)

    given = await approve(tenant, request)
    assert (await tenant.count("coupons"), given.coupon_id is not None) == (1, True)
    assert await approve(tenant, request, SECOND) == replace(given, replayed=True, views=())
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(0,)]
    assert await tenant.rows("SELECT points_spent_minor FROM coupons WHERE tenant_id = $1") == [(0,)]


async def test_a_reward_is_checked_again(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5, "POINTS")
    reward = await tenant.reward(1_001, stock=1)
    requests = [
        (await tenant.give(anna, reward, deduct_points=False, actor=STAFF, request_approval=True)).approval_request_id
        for _ in range(2)
    ]
    assert requests[0] is not None
    assert requests[1] is not None
    first = await approve(tenant, requests[0])
    assert await approve(tenant, requests[0]) == replace(first, replayed=True, views=())
    async with tenant.refused("REWARD_INACTIVE"):
        await approve(tenant, requests[1])
    await tenant.execute("UPDATE rewards SET stock = NULL, active = false WHERE tenant_id = $1")
    async with tenant.refused("REWARD_INACTIVE"):
        await approve(tenant, requests[1])
    await tenant.execute("UPDATE rewards SET active = true, points_cost_minor = 9000 WHERE tenant_id = $1")
    async with tenant.refused("REQUEST_CHANGED") as changed:  # what was asked for cost 1,001
        await approve(tenant, requests[1])
    assert isinstance(changed.value, RequestChanged)
    await approve(tenant, requests[1], version=changed.value.version)
    assert await tenant.count("coupons") == 2


async def test_for_points_or_within_the_limit_nobody_is_asked(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5_000, "POINTS")
    dear, cheap = await tenant.reward(1_001), await tenant.reward(1_000)
    for reward, deduct in ((dear, True), (cheap, False)):
        outcome = await tenant.give(anna, reward, deduct_points=deduct, actor=STAFF, request_approval=True)
        assert (outcome.approval_request_id, outcome.coupon_id is not None) == (None, True)

"""Whose time it is: the database's, on servers whose own clock is right and on those whose is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import Actor, MembershipChange, MergeCustomers
from models.configuration_commands import CreateReason, CreateService, CreateTier, IssueToken, SetLimit, UpdateTenant
from models.customers import UpdateCustomer, UpsertCustomer
from models.errors import Unavailable
from models.ledger import Ledger
from models.operations.access_audit import Denial, record_denials
from models.operations.approvals import expire_requests, reject_request
from models.operations.cancel_bulk import cancel_bulk
from models.operations.create_tenant import create_tenant
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import set_limit
from models.operations.memberships import cancel_membership, start_membership
from models.operations.merge_customers import merge_customers
from models.operations.partner_tokens import issue_token, note_refusal
from models.operations.people import erase_customer, update_customer
from models.operations.reasons import create_reason
from models.operations.run_bulks import run_bulk
from models.operations.services import create_service
from models.operations.tiers import create_tier
from models.operations.update_tenant import update_tenant
from models.operations.upsert_customer import upsert_customer
from models.reads import accounts, liability
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.session import database_time
from models.sources import STALE_S, DatabaseClock, system_clock
from models.units import Posted
from tests.support import holds
from tests.support.approvals import ask
from tests.support.clock import Clock
from tests.support.holding import begin
from tests.support.tenants import ADMIN, MANAGER, Tenant
from tests.support.units import adjustment, post

HOURS = timedelta(hours=2)
DAYS = timedelta(days=2)
OTHERS = 60


class Wall:
    """A machine's wall clock, which somebody has set wrong by as much as `off`."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.off


class LedgersClock(Clock):
    """What the helpers of a tenant read as of: its ledger's time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self) -> datetime:
        return self._ledger.clock()


def server(tenant: Tenant, ledger: Ledger) -> Tenant:
    """The same tenant by another server."""
    return Tenant(ledger, LedgersClock(ledger), tenant.slug, tenant.id)


@pytest.fixture
async def right(database: Urls) -> AsyncIterator[Tenant]:
    """A tenant by a server whose clock is right. Its books are proved when the test is over."""
    ledger, slug = Ledger(), f"t-{uuid4().hex}"
    yield (tenant := Tenant(ledger, LedgersClock(ledger), slug, await create_tenant(ledger, slug, "Tea shop", "UTC")))
    await ledger.close()
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def wrong(right: Tenant, wall: Wall) -> AsyncIterator[Tenant]:
    """The same tenant by a server whose clock goes wrong as a test wants it."""
    ledger = Ledger(DatabaseClock(wall))
    yield server(right, ledger)
    await ledger.close()


async def stamps(tenant: Tenant, customer_id: UUID) -> list[datetime]:
    sql = """SELECT e.created_at FROM entries e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1 AND a.customer_id = $2 ORDER BY e.sequence"""
    return [row[0] for row in await tenant.rows(sql, customer_id)]


async def balance_now(tenant: Tenant, customer_id: UUID) -> int:
    """`balanceAt` this moment, by the database's clock."""
    return await balance_at(tenant, customer_id, await database_time())


async def balance_at(tenant: Tenant, customer_id: UUID, at: datetime) -> int:
    """What `balanceAt` says was available."""
    account = await tenant.account(customer_id)
    assert account is not None
    session = ReadSession(tenant.id)
    try:
        (view,) = await accounts.balances_at(session, [(account.id, at)])
    finally:
        await session.release()
    return view.available_minor


# A server whose clock is off


@pytest.mark.parametrize("off", [HOURS, -HOURS])
async def test_a_server_hours_off_writes_nothing_and_the_others_go_on(
    right: Tenant, wrong: Tenant, wall: Wall, off: timedelta
) -> None:
    customers = [await right.customer(name=f"C{n}") for n in range(OTHERS)]
    for customer in customers:
        await right.credit(customer, 5, expires_at=await database_time() + timedelta(hours=1))
    wall.off = off
    async with right.refused("UNAVAILABLE"):
        await wrong.adjust(customers[0], 1, actor=Actor("stranger", "MANAGER"))
    assert await right.rows("SELECT FROM actors WHERE tenant_id = $1 AND subject = 'stranger'") == []
    async with right.refused("UNAVAILABLE"):
        await wrong.bulk(*((customer, 1) for customer in customers))

    began = await database_time()
    await asyncio.gather(*(right.adjust(customer, -2) for customer in customers))  # good for another hour
    ended = await database_time()
    for customer in customers:
        assert began <= (await stamps(right, customer))[-1] <= ended
        assert await right.available(customer) == await balance_now(right, customer) == 300


async def test_a_server_two_days_ahead_for_one_posting_and_then_right(right: Tenant, wrong: Tenant, wall: Wall) -> None:
    anna = await right.customer()
    await wrong.adjust(anna, 5)
    wall.off = DAYS
    async with right.refused("UNAVAILABLE") as caught:
        await wrong.adjust(anna, 5)
    assert caught.value.message.startswith("This server's clock is +172800.0 s off, so it cannot write.")
    wall.off = timedelta()
    await wrong.adjust(anna, 5)  # at once
    now = await database_time()
    assert max(await stamps(right, anna)) <= now
    assert await right.available(anna) == await wrong.available(anna) == await balance_now(right, anna) == 1_000


async def test_a_clock_that_goes_wrong_is_seen_by_the_posting_itself(
    right: Tenant, wrong: Tenant, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only by what is asked before it: that could be long out of date."""
    anna = await right.customer()

    async def unasked() -> None: ...

    monkeypatch.setattr(wrong.ledger, "check_clock", unasked)
    await wrong.adjust(anna, 5)
    wall.off = timedelta(seconds=3)
    async with right.refused("UNAVAILABLE"):
        await wrong.adjust(anna, 5)
    async with right.refused("UNAVAILABLE"):
        await wrong.customer(name="Ben")
    wall.off = timedelta(seconds=1)
    await wrong.adjust(anna, 5)


async def test_a_refusal_for_the_clock_goes_by_what_the_database_says_now(
    right: Tenant, wrong: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has set the database's clock, and this server has not heard of it yet."""
    anna = await right.customer()
    clock = wrong.ledger.clock
    clock.learn(clock.asking(), await database_time() - HOURS)
    monkeypatch.setattr(clock, "_learned_at", clock.asking() - 2 * STALE_S)
    await wrong.adjust(anna, 5)
    assert abs(clock() - await database_time()) < timedelta(seconds=1)


WRITES: dict[str, Callable[[Tenant, dict[str, Any]], Awaitable[object]]] = {
    "customer": lambda s, _: upsert_customer(s.ledger, s.id, MANAGER, UpsertCustomer("new", "New")),
    "name": lambda s, i: update_customer(s.ledger, s.id, MANAGER, UpdateCustomer(i["anna"], name="Other")),
    "erasure": lambda s, i: erase_customer(s.ledger, s.id, ADMIN, i["anna"]),
    "membership": lambda s, i: start_membership(s.ledger, s.id, MANAGER, MembershipChange(i["anna"])),
    "its end": lambda s, i: cancel_membership(s.ledger, s.id, MANAGER, MembershipChange(i["ben"])),
    "reason": lambda s, _: create_reason(s.ledger, s.id, ADMIN, CreateReason("NEW", "New", adds=True, removes=False)),
    "service": lambda s, _: create_service(s.ledger, s.id, ADMIN, CreateService("Cut")),
    "tier": lambda s, _: create_tier(s.ledger, s.id, ADMIN, CreateTier("Gold", Decimal(1))),
    "tenant": lambda s, _: update_tenant(s.ledger, s.id, ADMIN, UpdateTenant(name="Other")),
    "limit": lambda s, _: set_limit(s.ledger, s.id, ADMIN, SetLimit("STAFF", per_adjustment=Decimal(1))),
    "token": lambda s, _: issue_token(
        s.ledger, s.id, ADMIN, IssueToken(uuid4(), bytes(32), "bot", "main", frozenset({"credits:add"}))
    ),
    "rejection": lambda s, i: reject_request(s.ledger, s.id, ADMIN, i["request"], None),
    "expired requests": lambda s, _: expire_requests(s.ledger, s.id),
    "file": lambda s, i: import_credits(
        s.ledger, s.id, MANAGER, ImportCredits("d", "GBP", "GOODWILL"), [ImportRow("x", Decimal(1))], "key"
    ),
    "cancelled bulk": lambda s, i: cancel_bulk(s.ledger, s.id, MANAGER, i["bulk"]),
    "bulk": lambda s, _: run_bulk(s.ledger, s.id),
}


@pytest.fixture
async def there(right: Tenant) -> dict[str, Any]:
    anna, ben = await right.customer(name="Anna"), await right.customer(name="Ben")
    await start_membership(right.ledger, right.id, MANAGER, MembershipChange(ben))
    await right.adjust(anna, 5, "POINTS")
    command = ImportCredits("d", "GBP", "GOODWILL")
    queued = await import_credits(right.ledger, right.id, MANAGER, command, [ImportRow("x", Decimal(1))], "other key")
    return {"anna": anna, "ben": ben, "request": await ask(right, anna, 101), "bulk": queued.bulk_operation_id}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_nothing_else_is_written_by_it_either(
    right: Tenant, wrong: Tenant, wall: Wall, there: dict[str, Any], write: Callable[[Tenant, Any], Awaitable[object]]
) -> None:
    wall.off = HOURS
    looks = (
        "SELECT * FROM customers WHERE tenant_id = $1 ORDER BY id",
        "SELECT * FROM actors WHERE tenant_id = $1 ORDER BY id",
        "SELECT * FROM tenants WHERE id = $1",
    )
    before = [await right.rows(look) for look in looks]
    async with right.refused("UNAVAILABLE"):
        await write(wrong, there)
    assert [await right.rows(look) for look in looks] == before


async def test_no_tenant_is_made_by_it(wrong: Tenant, wall: Wall) -> None:
    wall.off = HOURS
    with pytest.raises(Unavailable):
        await create_tenant(wrong.ledger, f"t-{uuid4().hex}", "New", "UTC")


async def test_what_it_refuses_is_still_written_down_at_the_right_time(
    right: Tenant, wrong: Tenant, wall: Wall
) -> None:
    """Nobody gets by unseen on such a server."""
    wall.off = HOURS
    began = await database_time()
    await record_denials(wrong.ledger, wrong.id, Actor("sam", "STAFF"), [Denial("erase")], {})
    await note_refusal(wrong.ledger, wrong.id, Actor("bot", "PARTNER", "bot"), uuid4(), "revoked", 0)
    ended = await database_time()
    rows = await right.rows("SELECT action, created_at FROM audit_events WHERE tenant_id = $1 ORDER BY created_at")
    assert [action for action, _ in rows] == ["access.denied", "token.refused"]
    assert all(began <= at <= ended for _, at in rows)


# Whose time a row has


async def test_stamps_are_the_databases_on_whichever_server(right: Tenant, wrong: Tenant, wall: Wall) -> None:
    """Within the bound a server's clock may be off, and nothing is stamped with it."""
    wall.off = timedelta(seconds=-1.5)
    anna = await right.customer()
    began = await database_time()
    for n in range(60):
        await (right, wrong)[n % 2].adjust(anna, 1)
    ended = await database_time()
    found = await stamps(right, anna)
    assert [began, *found, ended] == sorted([began, *found, ended])
    for table in ("transactions", "credits", "idempotency_keys", "accounts"):
        ((first, last),) = await right.rows(
            f"SELECT min(created_at), max(created_at) FROM {table} WHERE tenant_id = $1"
        )
        assert began <= first <= last <= ended, table


async def test_a_stamp_is_what_the_database_says_and_not_what_is_thought_of_it(right: Tenant, wrong: Tenant) -> None:
    anna = await right.customer()
    for write in (lambda: wrong.adjust(anna, 1), lambda: wrong.customer(name="Ben")):
        clock = wrong.ledger.clock
        clock.learn(clock.asking(), await database_time() - timedelta(seconds=1.5))
        began = await database_time()
        await write()
        sql = """SELECT max(created_at) FROM (SELECT created_at FROM entries WHERE tenant_id = $1
            UNION ALL SELECT created_at FROM customers WHERE tenant_id = $1) x"""
        ((newest,),) = await right.rows(sql)
        assert began <= newest <= await database_time()


async def test_a_posting_is_stamped_once_it_has_its_locks(right: Tenant, database_urls: Urls) -> None:
    anna = await right.customer()
    await right.adjust(anna, 1)
    other = await asyncpg.connect(database_urls.app)
    try:
        await begin(other, right)
        sql = "SELECT FROM accounts WHERE tenant_id = $1 AND customer_id = $2 FOR NO KEY UPDATE"
        await other.fetch(sql, right.id, anna)
        waiting = asyncio.create_task(right.adjust(anna, 1))
        await asyncio.sleep(0.3)
        let_go = await other.fetchval("SELECT clock_timestamp()")
        await other.execute("COMMIT")
    finally:
        await other.close()
    await waiting
    assert (await stamps(right, anna))[-1] > let_go


async def test_one_instant_to_a_transaction(right: Tenant, there: dict[str, Any]) -> None:
    await cancel_membership(right.ledger, right.id, MANAGER, MembershipChange(there["ben"]))
    sql = """SELECT membership_cancelled_at = updated_at, updated_at = (SELECT max(created_at) FROM audit_events
        WHERE tenant_id = $1 AND action = 'membership.cancelled') FROM customers WHERE tenant_id = $1 AND id = $2"""
    assert await right.rows(sql, there["ben"]) == [(True, True)]


# An account that is ahead


async def ahead(tenant: Tenant, customer_id: UUID, asset: str = "GBP") -> datetime:
    """The account gets an entry of tomorrow, as an older version of the books may have it. Answers its time."""
    other = server(tenant, Ledger(Clock(tenant.clock() + timedelta(days=1))))
    await other.adjust(customer_id, 10, asset)
    await other.ledger.close()
    return (await stamps(tenant, customer_id))[-1]


async def test_an_account_that_is_ahead_moves_no_other(right: Tenant) -> None:
    anna, ben = await right.customer(name="Anna"), await right.customer(name="Ben")
    await right.credit(ben, 5, expires_at=await database_time() + timedelta(hours=1))
    tomorrow = await ahead(right, anna)
    began = await database_time()
    results = await post(right, *[await adjustment(right, customer, -2, "GBP") for customer in (anna, ben)])
    ended = await database_time()

    assert [type(result) for result in results] == [Posted, Posted]
    assert right.ledger.metrics.one_by_one == 0
    assert await stamps(right, anna) == [tomorrow, tomorrow]  # it does not go back
    assert began <= (await stamps(right, ben))[-1] <= ended
    for customer, result in zip((anna, ben), results, strict=True):
        assert isinstance(result, Posted)
        told = next(view.created_at for view in result.outcome.views if hasattr(view, "reason"))
        ((kept,),) = await right.rows(
            "SELECT created_at FROM transactions WHERE tenant_id = $1 AND id = $2", result.outcome.transaction_id
        )
        assert told == kept == (await stamps(right, customer))[-1]
    assert await right.available(ben) == await balance_now(right, ben) == 300


async def test_its_tier_changes_with_it(right: Tenant) -> None:
    await right.tier("Gold", 100)
    anna = await right.customer()
    tomorrow = await ahead(right, anna, "POINTS")
    await right.adjust(anna, 100, "POINTS")
    assert await right.rows("SELECT created_at FROM tier_changes WHERE tenant_id = $1") == [(tomorrow,)]


async def test_a_transaction_on_two_accounts_has_the_later_time(right: Tenant) -> None:
    anna, ben = await right.customer(name="Anna"), await right.customer(name="Ben")
    await right.adjust(anna, 1)
    tomorrow = await ahead(right, anna)
    await right.adjust(ben, 1)
    began = await database_time()
    await merge_customers(right.ledger, right.id, MANAGER, MergeCustomers(anna, ben), uuid4().hex)
    ended = await database_time()
    sql = "SELECT created_at FROM transactions WHERE tenant_id = $1 AND kind = 'MERGE' ORDER BY created_at"
    times = [row[0] for row in await right.rows(sql)]
    assert times[-1] == tomorrow == (await stamps(right, anna))[-1]
    assert began <= (await stamps(right, ben))[-1] <= ended


@pytest.mark.parametrize("written_off", ["never", "by the sweep", "by a merge"])
async def test_what_has_expired_on_it_has_expired_whenever_that_is_written_down(
    tenant: Tenant, anna: UUID, clock: Clock, written_off: str
) -> None:
    began = clock()
    await tenant.credit(anna, 5, expires_at=began + timedelta(hours=1))
    await ahead(tenant, anna)
    clock.advance(hours=2)
    if written_off == "by the sweep":
        assert await tenant.expire() == 1
    elif written_off == "by a merge":
        into = await tenant.customer(name="Ann")
        await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(anna, into), tenant.key())
    clock.advance(hours=2)
    past = [await balance_at(tenant, anna, began + timedelta(hours=hours)) for hours in (0.5, 1.5, 3)]
    assert past == [500, 0, 0]
    session = ReadSession(tenant.id)
    try:
        owed = await liability.by_asset(session, began + timedelta(hours=3), clock())
    finally:
        await session.release()
    # A merge has moved what the account got ahead of its time to one that is not ahead.
    assert [view.outstanding_minor for view in owed] == [1000 if written_off == "by a merge" else 0]


async def test_value_on_it_is_held(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await ahead(tenant, anna)
    captured, released, _ = [await holds.hold(tenant, anna, 3, minutes=1) for _ in range(3)]
    assert await tenant.available(anna) == 100
    await holds.extend(tenant, captured, 9)
    await holds.release(tenant, released)
    assert await tenant.available(anna) == 400
    clock.advance(minutes=2)  # the third has ended by itself
    await holds.capture(tenant, captured)
    assert await tenant.available(anna) == 700

"""Totals: reports from them say what all of the rows say, at every instant; and a wrong total is found by its name."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.keep_totals import FRESH, keep_latest, keep_totals
from models.operations.merge_customers import merge_customers
from models.reads import liability
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.reads.verify_totals_gate import TOTALS_CHECKS
from models.session import tenant_transaction
from models.totals import BEGINNING, KEEP
from tests.models.reads.test_past import Story
from tests.support.tampering import Tampering
from tests.support.tenants import MANAGER, Tenant

EVERY = 5
INSTANTS = 60
ZONES = ("Europe/London", "Asia/Kathmandu", "America/St_Johns")


async def kept(tenant: Tenant) -> list[tuple[datetime, int]]:
    return [
        (row[0], row[1])
        for row in await tenant.rows("SELECT at, transactions FROM totals WHERE tenant_id = $1 ORDER BY at")
    ]


async def may_differ(tenant: Tenant) -> bool:
    """What the quick comparison says, without which none is named."""
    gate = TOTALS_CHECKS[0].gate
    assert gate is not None
    ((said,),) = await tenant.rows(gate)
    return bool(said)


@pytest.fixture
def never_far(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be added up from all rows."""

    def added(*_: Any) -> None:
        raise AssertionError("added up from all rows")

    with monkeypatch.context() as patched:
        for name in ("by_asset", "parts", "counters", "balances"):
            patched.setattr(liability, "added_up", type("None", (), {name: added}))
        yield


async def report(session: ReadSession, at: datetime, now: datetime) -> list[Any]:
    return [
        await liability.by_asset(session, at, now),
        *[await liability.parts(session, at, now, zone) for zone in ZONES],
        await liability.trial_balance(session, at),
    ]


async def compare(tenant: Tenant, instants: list[datetime], monkeypatch: pytest.MonkeyPatch) -> None:
    """By totals as by all rows, at each of the instants."""
    now, session = tenant.clock(), ReadSession(tenant.id)
    try:
        by_totals = [await report(session, at, now) for at in instants]
        with monkeypatch.context() as patched:

            async def nothing(*_: Any) -> None:
                return None

            patched.setattr(liability, "_base", nothing)
            by_rows = [await report(session, at, now) for at in instants]
    finally:
        await session.release()
    for at, one, other in zip(instants, by_totals, by_rows, strict=True):
        assert one == other, at


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("meanwhile", [True, False], ids=["as it goes on", "at the end"])
async def test_reports_by_totals_say_what_all_rows_say(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, seed: int, *, meanwhile: bool
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    story = Story(tenant, seed)
    event = story._event

    async def telling() -> Any:
        if dice.random() < 0.2:
            await keep_totals(tenant.ledger, tenant.id, EVERY)
        if dice.random() < 0.3:
            await keep_latest(tenant.ledger, tenant.id)
        return await event()

    if meanwhile:
        story._event = telling  # type: ignore[method-assign]
    began = tenant.clock()
    await story.tell()
    one, other = story.customers
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(one, other), uuid4().hex)
    await story_goes_on(story)
    ended = tenant.clock.advance(hours=1)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    if not meanwhile:
        assert await keep_latest(tenant.ledger, tenant.id)
        assert not await keep_latest(tenant.ledger, tenant.id)

    rows = await kept(tenant)
    assert len(rows) > 8
    span = (ended - began).total_seconds() * 1.2
    instants = [began + timedelta(seconds=dice.uniform(-10, span)) for _ in range(INSTANTS)]
    turns = [row[0] for row in await tenant.rows("SELECT created_at FROM transactions WHERE tenant_id = $1")]
    turns += [row[0] for row in await tenant.rows("SELECT expires_at FROM credits WHERE tenant_id = $1") if row[0]]
    turns += [row[0] for row in await tenant.rows("SELECT starts_at FROM credits WHERE tenant_id = $1")]
    for turn in dice.sample(sorted(turns), 30):
        instants += [turn, turn - timedelta(microseconds=1), turn + timedelta(minutes=dice.randint(1, 14))]
    await compare(tenant, [*instants, ended, BEGINNING], monkeypatch)
    assert (await verify(tenant.id)).found == {}
    assert not await may_differ(tenant)


async def story_goes_on(story: Story) -> None:
    """With the one person who is left."""
    told, story.customers = story.customers, story.customers[1:]
    for _ in range(30):
        story.tenant.clock.advance(seconds=story.dice.choice((7, 3600, 40_000)))
        with suppress(LedgerError):  # then nothing has moved
            await story._event()
    story.customers = told


async def test_a_row_is_made_of_so_many_transactions_that_are_settled(tenant: Tenant, anna: UUID) -> None:
    for _ in range(2):
        for _ in range(EVERY):
            tenant.clock.advance(seconds=1)
            await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=1)
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 2
    tenant.clock.stand_still(tenant.clock())
    for _ in range(EVERY + 2):  # all at one instant, which has not passed
        await tenant.adjust(anna, 1)
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 0
    tenant.clock.advance(seconds=1)
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 1
    assert [count for _, count in await kept(tenant)][-1] - [count for _, count in await kept(tenant)][-2] == EVERY + 2
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 0


async def test_what_a_posting_in_flight_may_still_bring_is_not_added_up(tenant: Tenant, anna: UUID) -> None:
    """By the database's clock: a transaction that has begun to write holds the totals back."""
    ledger = Ledger()
    real = Tenant(ledger, tenant.clock, tenant.slug, tenant.id)

    async with tenant_transaction(tenant.id) as connection:
        await connection.raw.execute("SELECT 1")
        for _ in range(EVERY):
            await real.adjust(anna, 1)
        assert await keep_totals(ledger, tenant.id, EVERY) == 0
    assert await keep_totals(ledger, tenant.id, EVERY) == 1
    await ledger.close()


async def test_reports_far_from_the_totals_add_all_rows_up(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    session = ReadSession(tenant.id)
    try:
        assert await liability._base(session, tenant.clock()) == (BEGINNING, None)
        monkeypatch.setattr(liability, "FAR", 5)
        assert await liability._base(session, tenant.clock()) is None
    finally:
        await session.release()
    await compare(tenant, [tenant.clock()], monkeypatch)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    session = ReadSession(tenant.id)
    try:
        assert await liability._base(session, tenant.clock()) == ((await kept(tenant))[-1][0], None)
    finally:
        await session.release()


@pytest.fixture
async def tamper(tenant: Tenant, database: Urls) -> AsyncIterator[Tampering]:
    connection = await asyncpg.connect(database.admin)
    yield Tampering(connection, tenant.id)
    await connection.close()


async def take_away(tamper: Tampering) -> None:
    """Which is the remedy (docs/operating.md)."""
    for table in ("totals", "totals_amounts", "totals_latest", "totals_seen"):
        await tamper.connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tamper.tenant_id)


CORRUPTIONS = {
    "a remainder": ("credits = jsonb_set(credits, '{0,5}', '7')", "totals of credits"),
    "an expiry": ("credits = jsonb_set(credits, '{0,3}', '\"2030-01-01T00:00:00+00:00\"')", "totals of credits"),
    "a source": ("credits = jsonb_set(credits, '{0,2}', '\"PROMOTION\"')", "totals of credits"),
    "a part that is gone": ("credits = '[]'", "totals of credits"),
    "a counter": ("counters = jsonb_set(counters, '{0,2}', '7')", "totals of entries"),
    "a balance": ("accounts = jsonb_set(accounts, '{0,1}', '7')", "totals of entries"),
    "the accounts": ("accounts = jsonb_set(accounts, '{0,2}', '7')", "totals of entries"),
    "their number": ("transactions = transactions + 1", "totals of entries"),
    "a movement": ("moved_amounts = array_replace(moved_amounts, 100, 101)", "totals of movements"),
    "when it moved": (
        "moved_at = array_prepend(moved_at[1] - interval '0.1 second', moved_at[2:])",
        "totals of movements",
    ),
    "when it moved, in another part": (
        "moved_at = array_prepend(moved_at[1] - interval '7 seconds', moved_at[2:])",
        "totals of movements",
    ),
    "what moved": ("moved = jsonb_set(moved, '{0,2}', '\"PROMOTION\"')", "totals of movements"),
    "against what": ("moved = jsonb_set(moved, '{0,5}', '\"SPENT\"')", "totals of movements"),
    "whose balance moved": ("moved_balance = array_replace(moved_balance, 100, 101)", "totals of movements"),
    "accounts that moved": ("moved_owed = array_prepend(1::smallint, moved_owed[2:])", "totals of movements"),
    "a movement that is gone": (
        ", ".join(f"moved_{each} = moved_{each}[2:]" for each in ("at", "part", "amounts", "balance", "owed")),
        "totals of movements",
    ),
    "who was seen": ("records = records + 1", "totals seen"),
    "what was seen": ("value = 'VOID'", "totals seen"),
    "since when": ("after = after - interval '1 second'", "totals seen"),
    "an amount": ("minors = array_replace(minors, 100, 101), first_minor = 101, last_minor = 101", "totals of amounts"),
    "when it was": ("ats = array_prepend(ats[1] - interval '1 second', ats[2:])", "totals of amounts"),
    "what of": ("asset = 'EUR'", "totals of amounts"),
    "how large a run is": ("level = 1", "totals of amounts"),
    "their instant": ("at = at - interval '1.5 seconds'", "totals of credits"),
}


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_a_wrong_total_is_found(tenant: Tenant, anna: UUID, tamper: Tampering, what: str) -> None:
    for _ in range(3 * EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=1)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    assert (await verify(tenant.id)).holds
    second = (await tenant.rows("SELECT id, at FROM totals WHERE tenant_id = $1 ORDER BY at"))[1]

    change, check = CORRUPTIONS[what]
    table = {"totals seen": "totals_seen", "totals of amounts": "totals_amounts"}.get(check, "totals")
    which = "AND what = 'KIND'" if check == "totals seen" else ""
    await tamper(table, f"UPDATE {table} SET {change} WHERE id = '{second[0]}' {which}")
    assert await may_differ(tenant) or check == "totals seen"

    proof = await verify(tenant.id)
    assert check in proof.found
    assert second[0] in {difference.id for difference in proof.listed if difference.check == check}
    await take_away(tamper)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("credits = jsonb_set(credits, '{0,5}', '7')", "totals of credits"),
        ("accounts = jsonb_set(accounts, '{0,2}', '7')", "totals of entries"),
        ("at = at - interval '1.5 seconds'", "totals of credits"),
    ],
)
async def test_wrong_latest_totals_are_found(
    tenant: Tenant, anna: UUID, tamper: Tampering, change: str, check: str
) -> None:
    for _ in range(2 * EVERY + 2):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=5)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    assert await keep_latest(tenant.ledger, tenant.id)
    assert (await verify(tenant.id)).holds
    await tamper("totals_latest", f"UPDATE totals_latest SET {change} WHERE tenant_id = '{tenant.id}'")
    proof = await verify(tenant.id)
    assert tenant.id in {difference.id for difference in proof.listed if difference.check == check}
    await take_away(tamper)


async def test_the_latest_totals_are_made_of_what_came_since_any(tenant: Tenant, anna: UUID) -> None:
    async def latest() -> list[tuple[datetime, int]]:
        rows = await tenant.rows("SELECT at, transactions FROM totals_latest WHERE tenant_id = $1")
        return [(row[0], row[1]) for row in rows]

    assert not await keep_latest(tenant.ledger, tenant.id)
    await tenant.adjust(anna, 1)
    first = tenant.clock()
    assert not await keep_latest(tenant.ledger, tenant.id), "it has not been there for long"
    tenant.clock.advance(FRESH + timedelta(seconds=1))
    await tenant.adjust(anna, 1)
    assert await keep_latest(tenant.ledger, tenant.id)
    assert await latest() == [(first, 1)], "the newest may still have company"
    tenant.clock.advance(FRESH + timedelta(seconds=1))
    assert await keep_latest(tenant.ledger, tenant.id)
    assert [count for _, count in await latest()] == [2]
    for _ in range(EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(FRESH + timedelta(seconds=1))
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 1
    assert await keep_latest(tenant.ledger, tenant.id)
    assert [count for _, count in await latest()] == [EVERY + 2]
    assert not await keep_latest(tenant.ledger, tenant.id)
    assert (await verify(tenant.id)).holds


async def test_rows_of_before_that_do_not_say_what_moved_are_of_use(
    tenant: Tenant, anna: UUID, tamper: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last release has written them; newer ones after them say it."""
    began = tenant.clock()
    for _ in range(4 * EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=1)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    columns = ", ".join(f"moved{rest} = NULL" for rest in ("", "_at", "_part", "_amounts", "_balance", "_owed"))
    for at, _ in (await kept(tenant))[:2]:
        await tamper("totals", f"UPDATE totals SET {columns} WHERE tenant_id = '{tenant.id}' AND at = '{at}'")
    assert (await verify(tenant.id)).holds
    assert not await may_differ(tenant)
    await compare(tenant, [began + timedelta(seconds=n + 0.5) for n in range(4 * EVERY)], monkeypatch)


@pytest.mark.parametrize(
    "change", ["records = records + 1", "after = after - interval '1 second'", "value = '1'", "what = 'ACTOR'"]
)
async def test_a_run_of_amounts_noted_wrongly_is_found(
    tenant: Tenant, anna: UUID, tamper: Tampering, change: str
) -> None:
    for _ in range(3 * EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=1)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    second = (await tenant.rows("SELECT id FROM totals WHERE tenant_id = $1 ORDER BY at"))[1]
    await tamper("totals_seen", f"UPDATE totals_seen SET {change} WHERE id = '{second[0]}' AND what = 'AMOUNT'")
    assert "totals of amounts" in (await verify(tenant.id)).found
    await take_away(tamper)


async def test_totals_that_were_taken_away_are_made_again(tenant: Tenant, anna: UUID, tamper: Tampering) -> None:
    for _ in range(EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1)
    tenant.clock.advance(seconds=1)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    before = await kept(tenant)
    await take_away(tamper)
    assert (await verify(tenant.id)).holds
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == 1
    assert await kept(tenant) == before


async def test_nothing_is_added_to_totals_that_were_taken_away_meanwhile(tenant: Tenant, anna: UUID) -> None:
    """Else the new row would lack all that came before it."""
    for _ in range(EVERY):
        await tenant.adjust(anna, "1.00")
    now = tenant.clock()
    async with tenant_transaction(tenant.id) as connection:
        done = await connection.raw.execute(KEEP, tenant.id, now - timedelta(days=1), now, uuid4())
    assert (done, await kept(tenant)) == ("INSERT 0 0", [])

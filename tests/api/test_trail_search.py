"""The audit trail by an actor, a kind, a reason or an amount: the same pages with totals as without."""

import random
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models import amounts
from models.operations.keep_totals import keep_totals
from models.reads.audit import AUDIT_TRAIL, of_amount
from models.reads.paging import Key, Mark, PageRequest, load_pages
from models.reads.session import reading
from models.reads.trail_search import confined
from tests.api.conftest import Api
from tests.models.reads.test_past import Story
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant

TRAIL = """query($a: String, $k: [TransactionKind!], $r: String, $min: Decimal, $max: Decimal, $asset: AssetCode,
    $from: DateTime, $to: DateTime, $first: Int, $after: String, $last: Int, $before: String, $reverse: Boolean) {
  auditTrail(actor: $a, kind: $k, reason: $r, minAmount: $min, maxAmount: $max, asset: $asset, from: $from, to: $to,
      first: $first, after: $after, last: $last, before: $before, reverse: $reverse) {
    edges { cursor node { at kind reason action amount actor { subject } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
EVERY = 4


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two amounts a row, three runs of which are merged into one."""
    for name in ("NOTE", "MERGE", "FULL"):
        small = getattr(amounts, name).replace(f"{amounts.CHUNK}", "2").replace(f"limit {amounts.FAN}", "limit 3")
        assert small != getattr(amounts, name)
        monkeypatch.setattr(f"models.operations.keep_totals.{name}", small)
    monkeypatch.setattr("models.operations.keep_totals.FAN", 3)


async def many_amounts(tenant: Tenant, clock: Clock) -> tuple[list[UUID], list[datetime]]:
    """40 transactions of 1.00 GBP, of which all but the last ones are noted: their ids and instants."""
    anna = await tenant.customer(name="Anna")
    for _ in range(40):
        clock.advance(seconds=30)
        await tenant.adjust(anna, "1.00")
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    rows = await tenant.rows("SELECT id, created_at FROM transactions WHERE tenant_id = $1 ORDER BY created_at")
    return [row[0] for row in rows], [row[1] for row in rows]


@pytest.fixture(params=[4, 1, 1000], ids=["as it is", "whole runs", "amount by amount"])
def least(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From how many rows on a run is taken whole."""
    for name in ("FROM", "BEFORE"):
        changed = getattr(amounts, name).replace(" + 4", f" + {request.param}").replace(f"* {amounts.CHUNK})", "* 2)")
        monkeypatch.setattr(f"models.reads.trail_search.{name}", changed)


@pytest.fixture
async def told(tenant: Tenant, clock: Clock, small_runs: None) -> Story:
    story = Story(tenant, 3)
    await story.tell()
    for actor in (STAFF, ADMIN):
        for _ in range(3):
            clock.advance(seconds=30)
            await tenant.adjust(story.customers[0], 1, actor=actor, reason="GOODWILL")
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    return story


ASKED: tuple[dict[str, Any], ...] = (
    {"a": MANAGER.subject},
    {"a": STAFF.subject},
    {"a": "nobody"},
    {"k": ["ADJUSTMENT"]},
    {"k": ["VOID", "EXPIRY"]},
    {"k": []},
    {"r": "GOODWILL"},
    {"r": "POLICY"},
    {"a": MANAGER.subject, "k": ["VOID"]},
    {"k": ["EXPIRY"], "asset": "GBP"},
    {"asset": "POINTS"},
    {"min": "-10", "asset": "GBP"},
    {"min": "10"},
    {"max": "-9.99"},
    {"min": "1", "max": "1"},
    {"min": "0.5", "max": "12", "asset": "GBP"},
    {"min": "12", "max": "0.5"},
    {"min": "0", "max": "0"},
    {"k": ["ADJUSTMENT"], "asset": "POINTS", "min": "10"},
)


@pytest.mark.parametrize("asked", ASKED, ids=str)
async def test_pages_are_the_same_with_totals_as_without(
    api: Api, tenant: Tenant, told: Story, least: None, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    assert len(await tenant.rows("SELECT 1 FROM totals WHERE tenant_id = $1")) > 10
    assert len(await tenant.rows("SELECT DISTINCT level FROM totals_amounts WHERE tenant_id = $1")) > 1
    everything = (await api(TRAIL, asked | {"first": 100}))["auditTrail"]["edges"]
    cursors = [edge["cursor"] for edge in everything]
    whole = (await api(TRAIL, {"first": 100}))["auditTrail"]["edges"]
    dice, pages = random.Random(5), []  # noqa: S311 - a choice of pages
    for _ in range(25):
        page: dict[str, Any] = {dice.choice(("first", "last")): dice.choice((0, 1, 2, 5, 30))}
        if cursors and dice.random() < 0.6:
            page["after"] = dice.choice(cursors)
        if cursors and dice.random() < 0.6:
            page["before"] = dice.choice(cursors)
        if dice.random() < 0.3:
            page["from"] = dice.choice(whole)["node"]["at"]
        if dice.random() < 0.3:
            page["to"] = dice.choice(whole)["node"]["at"]
        pages.append(asked | page)
    confined = [(await api(TRAIL, page))["auditTrail"] for page in pages]

    async def nothing(session: Any, listing: Any, *_: Any, **__: Any) -> Any:
        return listing

    monkeypatch.setattr("resolvers.audit_trail.confined", nothing)
    for page, found in zip(pages, confined, strict=True):
        assert found == (await api(TRAIL, page))["auditTrail"], page


@pytest.mark.parametrize("turned", [False, True], ids=["backward", "reversed"])
async def test_a_page_before_a_cursor_ends_at_its_row(api: Api, tenant: Tenant, clock: Clock, turned: bool) -> None:
    """Also where postings before the row were not settled when the cursor was given out."""
    ids, at = await many_amounts(tenant, clock)
    cursor = AUDIT_TRAIL.cursor(Key((at[25], ids[25])), settled=at[3])
    asked: dict[str, Any] = {"min": "1", "max": "1", "asset": "GBP"}
    asked |= {"first": 5, "after": cursor, "reverse": True} if turned else {"last": 5, "before": cursor}
    found = (await api(TRAIL, asked))["auditTrail"]
    expected = at[20:25][::-1] if turned else at[20:25]
    assert [datetime.fromisoformat(edge["node"]["at"]) for edge in found["edges"]] == expected


async def test_the_last_rows_after_a_cursor_are_settled(tenant: Tenant, clock: Clock) -> None:
    ids, at = await many_amounts(tenant, clock)
    request = PageRequest(limit=5, backward=True, after=Mark(Key((at[1], ids[1]))))
    pages = []
    async with reading(tenant.id) as session:
        session.settling, session.settled = False, at[12]
        condition = of_amount(["GBP"], Decimal(1), Decimal(1))
        for listing in (AUDIT_TRAIL, await confined(session, AUDIT_TRAIL, request, [condition], None, None)):
            page = (await load_pages(session, listing, [tenant.id], request, (condition,)))[tenant.id]
            pages.append(([row.at for row in page.rows], page.has_next, page.has_previous))
    assert pages[0] == pages[1] == (at[7:12], False, True)


async def test_only_parts_that_have_any_are_read(
    tenant: Tenant, told: Story, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    async def counted(*given: Any) -> Any:
        listing = await confined(*given)
        through: Any = listing.through
        taken.append(len(through.values[0]))
        return listing

    monkeypatch.setattr("resolvers.audit_trail.confined", counted)
    for asked in (
        {"a": STAFF.subject},
        {"a": "nobody"},
        {"a": MANAGER.subject, "first": 3},
        {"min": "10000"},
        {"min": "1.01", "max": "1.02"},
        {"min": "1", "max": "1", "first": 2},
    ):
        await api(TRAIL, asked)
    number = len(await tenant.rows("SELECT 1 FROM totals WHERE tenant_id = $1"))
    assert taken[1] == taken[3] == taken[4] == 1
    assert max(taken) <= number / 2

"""An account's entries are found by time, though only every eighth of them is in an index by it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from models.milestones import begins_after, ends_before, last_entry
from models.reads import ledger
from models.reads.paging import Condition, Key, load_pages, page_request
from models.reads.session import ReadSession
from tests.models.test_merging import merge
from tests.support.tenants import Tenant

INSTANT = timedelta(microseconds=1)


async def post(tenant: Tenant, customer_id: UUID, entries: int) -> None:
    """So many entries in pounds, three in each three seconds at one instant; and points among them."""
    for n in range(entries):
        await tenant.adjust(customer_id, 1)
        if n % 5 == 0:
            await tenant.adjust(customer_id, 1, "POINTS")
        if n % 3 == 2:
            tenant.clock.advance(seconds=3)


def around(entries: list[tuple[int, datetime]]) -> Iterator[datetime]:
    for at in sorted({at for _, at in entries}):
        yield from (at - INSTANT, at, at + INSTANT)


@pytest.mark.parametrize("number", [1, 7, 8, 9, 16, 17, 27])
async def test_what_is_found_by_an_instant_is_what_all_entries_say(tenant: Tenant, anna: UUID, number: int) -> None:
    await post(tenant, anna, number)
    account = await tenant.account(anna)
    assert account is not None
    rows = await tenant.rows(
        "SELECT sequence, created_at FROM entries WHERE tenant_id = $1 AND account_id = $2 ORDER BY 1", account.id
    )
    entries: list[tuple[int, datetime]] = [(sequence, at) for sequence, at in rows]
    assert len(entries) == number
    found = f"""SELECT ({last_entry("e.sequence", "$2", "<= $3::timestamptz")}) AS up_to,
        ({last_entry("e.sequence", "$2", "< $3::timestamptz")}) AS before, {begins_after("$2", "$3::timestamptz")} AS after,
        {ends_before("$2", "$3::timestamptz", included=True)} AS ends_at,
        {ends_before("$2", "$3::timestamptz", included=False)} AS ends"""
    for at in around(entries):
        ((last, before_it, after, ends_at, ends),) = await tenant.rows(
            f"WITH t AS (SELECT $1::uuid) {found}", account.id, at
        )
        up_to = [n for n, posted in entries if posted <= at]
        before = [n for n, posted in entries if posted < at]
        assert last == (up_to[-1] if up_to else None)
        assert before_it == (before[-1] if before else None)
        assert after <= len(before)
        assert after > len(before) - 8
        assert ends_at > len(up_to)
        assert ends > len(before)
        if number - len(up_to) >= 8:
            assert ends_at <= len(up_to) + 8


@pytest.mark.parametrize("backward", [False, True])
async def test_each_page_of_a_ledger_follows_the_one_before(tenant: Tenant, anna: UUID, *, backward: bool) -> None:
    """Of two accounts, three entries a page, from either end; also of what was posted between two instants."""
    await post(tenant, anna, 27)
    listing = ledger.CUSTOMER_LEDGER
    rows = await tenant.rows(
        "SELECT created_at, account_id, sequence FROM entries WHERE tenant_id = $1 ORDER BY 1, 2, 3"
    )
    everything = [tuple(row) for row in rows]
    first, last = everything[0][0] + timedelta(seconds=3), everything[-1][0] - timedelta(seconds=3)
    some = [key for key in everything if first <= key[0] < last]
    assert len(everything) > len(some) > 16
    for conditions, expected in (((), everything), (ledger.posted(listing, first, last), some)):
        assert await walked(tenant, anna, conditions, backward=backward) == (expected[::-1] if backward else expected)


async def test_a_cursor_of_entries_that_a_restore_lost_is_followed_by_all_later_ones(
    tenant: Tenant, anna: UUID
) -> None:
    """What is posted after the restore has lower sequences than the cursor, and later instants."""
    await post(tenant, anna, 20)
    rows = await tenant.rows(
        "SELECT created_at, account_id, sequence FROM entries WHERE tenant_id = $1 ORDER BY 1, 2, 3"
    )
    at, account_id, _ = rows[9]
    lost = ledger.CUSTOMER_LEDGER.cursor(Key((at, account_id, 99)))
    later = [tuple(row) for row in rows if row[0] > at]
    assert len(later) > 8
    assert [key for key in await walked(tenant, anna, (), cursor=lost) if key[0] > at] == later


@pytest.mark.parametrize("backward", [False, True])
async def test_pages_of_merged_records_follow_each_other(tenant: Tenant, anna: UUID, *, backward: bool) -> None:
    """Those that the merge brought come behind all that were there, also after a cursor of before the merge."""
    others = [await tenant.customer() for _ in range(2)]
    for customer in (*others, anna):
        await post(tenant, customer, 17)
    rows = "SELECT created_at, account_id, sequence FROM entries WHERE tenant_id = $1 ORDER BY 1, 2, 3"
    own = await walked(tenant, anna, (), backward=False)
    mark = ledger.CUSTOMER_LEDGER.cursor(Key(own[8]))
    tenant.clock.advance(seconds=9)
    for other in others:
        await merge(tenant, other, anna)
    await post(tenant, anna, 9)

    everything = await walked(tenant, anna, (), backward=backward)
    assert sorted(everything) == sorted(tuple(row) for row in await tenant.rows(rows))
    ahead = everything[::-1] if backward else everything
    assert ahead[: len(own)] == own
    if not backward:
        assert await walked(tenant, anna, (), cursor=mark) == everything[9:]


async def walked(
    tenant: Tenant,
    parent: UUID,
    conditions: tuple[Condition, ...],
    *,
    backward: bool = False,
    cursor: str | None = None,
) -> list[tuple[object, ...]]:
    listing, seen, begun = ledger.CUSTOMER_LEDGER, list[tuple[object, ...]](), cursor is not None
    session = ReadSession(tenant.id)
    session.settled = tenant.clock() + timedelta(days=1)
    try:
        for _ in range(200):
            asked = (None, None, 3, cursor) if backward else (3, cursor, None, None)
            pages = await load_pages(session, listing, [parent], page_request(listing, *asked), conditions)
            page = pages[parent]
            keys: list[Key] = [page.key(n) for n in range(len(page.rows))]
            seen += [key.values for key in (reversed(keys) if backward else keys)]
            assert begun or (page.has_next if backward else page.has_previous) is (cursor is not None)
            if not (page.has_previous if backward else page.has_next):
                return seen
            cursor = listing.cursor(keys[0] if backward else keys[-1])
    finally:
        await session.close()
    raise AssertionError("the pages have no end")

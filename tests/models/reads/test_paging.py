"""Cursors of before, cursors of rows that are not settled, and how the pages of long lists are found."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.reads import audit, credits, customers, invoices, ledger, requests, rewards
from models.reads.keys import BadPage
from models.reads.paging import Key, Listing, load_pages, page_request, page_statement
from models.reads.session import ReadSession
from tests.support.citus import OF_ONE_PLAN
from tests.support.tenants import Tenant

NOW: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ONE: Final = UUID(int=1)


def written(*parts: object) -> str:
    return urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def parts(cursor: str) -> list[Any]:
    found: list[Any] = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return found


def test_a_settled_row_s_cursor_says_where_it_is_and_nothing_else() -> None:
    key = Key((NOW, ONE))
    for settled in (None, NOW + timedelta(microseconds=1)):
        cursor = invoices.INVOICES.cursor(key, settled)
        assert len(parts(cursor)) == 3
        assert invoices.INVOICES.mark(cursor).key == key
        assert invoices.INVOICES.mark(cursor).settled is None


@pytest.mark.parametrize("settled", [NOW, NOW - timedelta(seconds=1)])
def test_an_unsettled_row_s_cursor_says_where_to_go_on(settled: datetime) -> None:
    mark = invoices.INVOICES.mark(invoices.INVOICES.cursor(Key((NOW, ONE)), settled))
    assert (mark.key.values, mark.settled) == ((NOW, ONE), settled)


def test_a_row_that_a_merge_brought_is_settled_when_the_merge_is() -> None:
    key = Key((NOW, ONE), NOW + timedelta(days=1))
    listing = invoices.CUSTOMER_INVOICES
    assert listing.mark(listing.cursor(key, NOW + timedelta(hours=1))).settled is not None
    assert listing.mark(listing.cursor(key, NOW + timedelta(days=2))).settled is None
    assert listing.mark(listing.cursor(key, None)).key == key


def test_a_list_by_sequence_has_no_unsettled_rows() -> None:
    for listing in (ledger.ACCOUNT_LEDGER, credits.CREDITS):
        assert not listing.settles
        assert listing.mark(listing.cursor(Key((7,)), EPOCH)).settled is None


@pytest.mark.parametrize(
    "tail", [[], [None], [None, None, None], [None, "x"], [None, 1.5], [None, 2**64], 1, "x", {"a": 1}, [[1], 2]]
)
def test_what_no_list_gave_out_is_refused(tail: object) -> None:
    with pytest.raises(BadPage):
        invoices.CUSTOMER_INVOICES.mark(written("customer-invoices", 1, str(ONE), tail))


async def rest(tenant: Tenant, listing: Listing[Any], parent: UUID, after: str) -> list[UUID]:
    session = ReadSession(tenant.id)
    try:
        pages = await load_pages(session, listing, [parent], page_request(listing, None, after, None, None))
    finally:
        await session.close()
    return [row.id for row in pages[parent].rows]


async def test_cursors_of_before_still_name_their_rows(tenant: Tenant, anna: UUID) -> None:
    """Credits were listed by age within an account, and by id in all; the other lists were as they are."""
    given = []
    for _ in range(4):
        given.append(await tenant.credit(anna, 1))
        tenant.clock.advance(seconds=1)
    account = await tenant.account(anna)
    assert account is not None
    row = await tenant.rows("SELECT created_at, opened_at FROM credits WHERE tenant_id = $1 AND id = $2", given[1])
    created, opened = ((at - EPOCH) // timedelta(microseconds=1) for at in row[0])
    assert await rest(tenant, credits.CREDITS, account.id, written("credits", created, str(given[1]))) == given[2:]
    assert await rest(tenant, credits.ALL, tenant.id, written("all-credits", str(given[1]))) == given[2:]
    assert (
        await rest(tenant, credits.CUSTOMER_CREDITS, anna, written("customer-credits", opened, str(given[1])))
        == given[2:]
    )
    assert await rest(tenant, credits.CREDITS, account.id, written("credits", created, str(uuid4()))) == []


async def test_a_page_that_follows_ends_where_things_are_not_settled(tenant: Tenant, anna: UUID) -> None:
    """And one that does not shows what there is."""
    for _ in range(3):
        await tenant.invoice(anna, 1)
        tenant.clock.advance(seconds=1)
    session = ReadSession(tenant.id)
    listing = invoices.INVOICES
    try:
        for number in range(5):
            session.settled = tenant.clock() - timedelta(seconds=3 - number)
            everything = await load_pages(session, listing, [tenant.id], page_request(listing, 2, None, None, None))
            assert (len(everything[tenant.id].rows), everything[tenant.id].has_next) == (2, True)
            first = listing.cursor(everything[tenant.id].key(0))
            followed = await load_pages(session, listing, [tenant.id], page_request(listing, 9, first, None, None))
            assert len(followed[tenant.id].rows) == max(0, min(2, number - 1))
            assert not followed[tenant.id].has_next
            last = listing.cursor(everything[tenant.id].key(1))
            between = page_request(listing, 9, first, None, last)
            found = (await load_pages(session, listing, [tenant.id], between))[tenant.id]
            assert (len(found.rows), found.has_next) == (0, number >= 2)
    finally:
        await session.close()


INDEXES: Final[dict[Listing[Any], set[str]]] = {
    audit.AUDIT_TRAIL: {"transactions_time", "audit_events_time"},
    audit.CUSTOMER_TRAIL: {"transactions_customer", "audit_events_customer"},
    credits.ALL: {"credits_time"},
    credits.CREDITS: {"credits_opened_key"},
    credits.CUSTOMER_CREDITS: {"credits_account_time"},
    credits.BY_EXPIRY: {"credits_expiry"},
    customers.BY_NAME: {"customers_search_name"},
    customers.CUSTOMERS: {"customers_created"},
    invoices.BY_DUE_DAY: {"invoices_due"},
    invoices.BY_ANY_DUE_DAY: {"invoices_due_any"},
    invoices.CUSTOMER_BY_DUE_DAY: {"invoices_customer_due"},
    invoices.INVOICES: {"invoices_created"},
    invoices.CUSTOMER_INVOICES: {"invoices_customer"},
    ledger.ACCOUNT_LEDGER: {"entries_sequence_key"},
    ledger.CUSTOMER_LEDGER: {"entries_milestones", "entries_sequence_key"},
    requests.APPROVALS: {"approval_requests_time"},
    requests.CUSTOMER_APPROVALS: {"approval_requests_customer"},
    rewards.CUSTOMER_COUPONS: {"coupons_customer"},
}
"""What finds a page of each list, from a cursor on."""


MANY: Final = (
    """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at)
    SELECT gen_random_uuid(), $1, 'n' || n, 'N', now(), now() FROM generate_series(1, 300) n""",
    """INSERT INTO transactions (id, tenant_id, customer_id, kind, actor_id, created_at)
    SELECT gen_random_uuid(), $1, c.id, 'UPDATE', a.id, now() - n * interval '1 second'
    FROM customers c, actors a, generate_series(1, 20) n WHERE c.tenant_id = $1 AND a.tenant_id = $1""",
    """INSERT INTO audit_events (id, tenant_id, action, subject_id, customer_id, actor_id, created_at)
    SELECT gen_random_uuid(), $1, 'test.made', t.id, t.customer_id, t.actor_id, t.created_at
    FROM transactions t WHERE t.tenant_id = $1""",
    """INSERT INTO invoices (id, tenant_id, customer_id, number, kind, currency, total_minor, creditable_minor, paid_minor,
        credited_minor, status, auto_apply, issued_on, actor_id, created_at)
    SELECT t.id, $1, t.customer_id, t.id, 'INVOICE', 'GBP', 1, 1, 0, 0, 'OPEN', true, '2026-01-01', t.actor_id, t.created_at
    FROM transactions t WHERE t.tenant_id = $1""",
    """INSERT INTO accounts (id, tenant_id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
    SELECT gen_random_uuid(), $1, c.id, 'EUR', 0, 0, 0, now() FROM customers c WHERE c.tenant_id = $1""",
    """INSERT INTO credits (id, tenant_id, account_id, transaction_id, amount_minor, remaining_minor, effective_on,
        starts_at, restricted, auto_apply, created_at, counts, gone_minor, opened_sequence)
    SELECT gen_random_uuid(), $1, a.id, t.id, 1, 0, '2026-01-01', t.created_at, false, true, t.created_at, true, 0,
        row_number() OVER (PARTITION BY a.id)
    FROM accounts a JOIN transactions t ON t.tenant_id = $1 AND t.customer_id = a.customer_id
    WHERE a.tenant_id = $1""",
    """INSERT INTO approval_requests (id, tenant_id, operation, command, customer_id, status, requested_by_id,
        requested_subject, created_at, expires_at)
    SELECT t.id, $1, 'adjustCredit', '{}', t.customer_id, 'PENDING', t.actor_id, 's', t.created_at, now() + interval '1 day'
    FROM transactions t WHERE t.tenant_id = $1""",
    """INSERT INTO coupons (id, tenant_id, code, reward_id, customer_id, transaction_id, points_spent_minor, status, terms,
        issued_at)
    SELECT t.id, $1, right(t.id::text, 30), r.id, t.customer_id, t.id, 0, 'ISSUED', '{}', t.created_at
    FROM transactions t, rewards r WHERE t.tenant_id = $1 AND r.tenant_id = $1""",
)


@OF_ONE_PLAN
async def test_a_page_is_a_short_range_of_an_index(
    tenant: Tenant, anna: UUID, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    """Of each branch, where there are several; also from a row on that a merge brought."""
    await tenant.invoice(anna, 1)
    await tenant.reward(100)
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        for sql in MANY:
            await owner_connection.execute(sql, tenant.id)
        await owner_connection.execute("ANALYZE customers, transactions, audit_events, invoices, accounts, credits")
        await owner_connection.execute("ANALYZE approval_requests, coupons")
        # What cannot be done by an index alone would still show.
        for setting in ("enable_seqscan = off", "enable_sort = off", "enable_bitmapscan = off"):
            await owner_connection.execute(f"SET LOCAL {setting}")
        for listing in INDEXES:
            for brought in (False, True):
                await _check(owner_connection, tenant, listing, brought=brought)
    finally:
        await transaction.rollback()


async def _check(raw: "asyncpg.Connection[Any]", tenant: Tenant, listing: Listing[Any], *, brought: bool) -> None:
    values = tuple({"timestamptz": NOW, "uuid": ONE, "date": NOW.date()}.get(part.type, 1) for part in listing.keys)
    key = Key(values, NOW + timedelta(days=1) if brought and listing.through and listing.through.joined else None)
    request = page_request(listing, 5, listing.cursor(key), None, None)
    sql, arguments = page_statement(listing, request, (), NOW + timedelta(days=2))
    plan = json.loads(await _explained(raw, sql, tenant.id, [tenant.id], *arguments))
    scans = _scans(plan[0]["Plan"])
    for index in INDEXES[listing]:
        entered = [condition for name, condition in scans if name == index]
        assert entered, (listing.name, index, scans)
        beyond = listing.keys[-1 if index == "entries_sequence_key" else 0].column.split(".")[1]
        assert all(beyond in condition for condition in entered), (listing.name, index, entered)


async def _explained(raw: "asyncpg.Connection[Any]", sql: str, *arguments: object) -> str:
    found: str = await raw.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
    return found


def _scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Index and the condition that it is entered with."""
    own = [(plan["Index Name"], plan.get("Index Cond", ""))] if "Index Name" in plan else []
    return own + [scan for part in plan.get("Plans", ()) for scan in _scans(part)]

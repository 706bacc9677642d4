"""Every statement that the app sends goes by a key, whatever the statistics say (S: growth; docs/adr/0027).

What is sent is recorded from a play of the ledger and a walk through the API. It is planned, without values, as postings
have it planned, on tables as they may come to be; and refused where a scan is bounded by the tenant alone, or by one
account, customer or bulk that may have very many rows. The tables are in databases of their own, which nobody else analyses.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from jobs.webhooks import deliver
from models.configuration_commands import FeedPlace, IssueToken, ReplayWebhook
from models.kinds import ReceiptState
from models.operations.approvals import approve_request
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.keep_checkpoints import keep_checkpoints, waiting_since
from models.operations.keep_feed import keep_feed
from models.operations.keep_standings import keep_standings
from models.operations.keep_totals import keep_latest, keep_totals
from models.operations.make_checkpoint import make_checkpoint
from models.operations.partner_tokens import issue_token
from models.operations.prune_feed import prune_feed
from models.operations.prune_webhooks import prune_webhooks
from models.operations.run_bulks import run_bulk
from models.operations.webhooks import replay_webhook
from models.planning.approving import ApproveRequest
from models.reads import credits, customers, filtering, invoices, ledger, liability, references
from models.reads.audit import AUDIT_TRAIL, referenced
from models.reads.checkpoints import last_note
from models.reads.counts import count_rows, looked_too_far
from models.reads.paging import Condition, Listing, PageRequest, load_pages, page_request, page_statement
from models.reads.receipts import receipt
from models.reads.session import ReadSession
from models.reads.trail_search import confined
from models.texts import Texts
from tests.api.test_walk import founded
from tests.conftest import cloned_database
from tests.models.test_make_checkpoint import Elsewhere
from tests.simulation.driver import simulate
from tests.support.clock import Clock
from tests.support.crowd import add_crowd
from tests.support.plans import Planner, Statement, recorded
from tests.support.receivers import Reply, hooked, pinged, receiving
from tests.support.suite_statements import unled
from tests.support.tenants import ADMIN, MANAGER, PARTNER, Tenant

STEPS: Final = 300
SMALL_TENANTS: Final = 2_000
LARGE: Final = 10_000
FEW_TENANTS: Final = 60

COUNTED: Final = (
    "open credits by expiry, only where nothing was analysed since they were few; and partners' tokens, which are few"
)
LIABILITY: Final = "adds up all of a tenant's credits or entries: its totals are too far behind"
ONE_PERSON: Final = "all of one person's texts are erased, once"
WHOLE_BULK: Final = "all rows of a bulk are looked at, or counted, once"
ALLOWED: Final[Mapping[tuple[str, str], str]] = {
    ("models/reads/added_up.py by_asset", "tenant"): LIABILITY,
    ("models/reads/added_up.py parts", "tenant"): LIABILITY,
    ("models/reads/added_up.py counters", "tenant"): LIABILITY,
    ("models/reads/added_up.py balances", "tenant"): LIABILITY,
    ("models/operations/people.py _erase", "customer_id"): ONE_PERSON,
    (
        "models/operations/people.py _erase",
        "tenant",
    ): "rows of files say whose they are in no index: once a person erased",
    (
        "models/loading/credits.py load_all_open",
        "account_id",
    ): "a merge moves all that is open, and restating works it out",
    (
        "models/loading/counters.py lock_to_add_up",
        "tenant",
    ): "a merge; only where nothing was analysed since it was small",
    (
        "models/operations/partner_tokens.py _check_room",
        "tenant",
    ): "an admin issues a token: those that are good are counted, of which there are a thousand at most",
    ("models/operations/import_credits.py refuse_duplicates", "operation_id"): WHOLE_BULK,
    ("models/operations/import_credits.py _queue", "operation_id"): WHOLE_BULK,
    ("models/operations/validate_bulk.py validate", "operation_id"): WHOLE_BULK,
    ("models/operations/validate_bulk.py _by_customer", "operation_id"): WHOLE_BULK,
    ("models/operations/reverse_bulk.py _reversible", "operation_id"): WHOLE_BULK,
    ("models/operations/run_reversals.py _by_person", "operation_id"): WHOLE_BULK,
    ("models/operations/bulk_claims.py finish", "operation_id"): WHOLE_BULK,
    ("models/operations/bulk_claims.py finish", "tenant"): "by the index on unfinished bulks, of which there are few",
    ("models/operations/bulk_claims.py keep_claim", "tenant"): "the same",
    (
        "models/reads/paging.py load_pages",
        "tenant",
    ): "a list with a condition that the statistics say is true of few rows, and no index is for: they are looked for, then"
    " put in order",
    ("models/reads/counts.py count_rows", "tenant"): COUNTED,
    ("models/reads/counts.py looked_too_far", "tenant"): COUNTED,
}
"""By the function that asks and what bounds the scan: why it may."""


@pytest.fixture(scope="module")
async def statements(database: Urls) -> list[Statement]:
    """What a play of the ledger, a partner and a walk by everything that can be read sends."""
    with recorded() as found:
        await simulate(1, STEPS)
        await partner_s_doings()
        await reports_by_totals()
        await searches_by_reference()
        await lists_in_other_orders()
        await checkpoints()
        await webhooks_told()
        async with founded() as town:
            await town.walker({"role": Role.ADMIN}).queries()
            await town.walker({"role": Role.CUSTOMER, "customer": "carol", "subject": "carol's phone"}).queries()
    rows = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
    return sorted((s for s in found if s.message or s.named.upper().startswith(rows)), key=lambda s: s.named)


async def lists_in_other_orders() -> None:
    """Each with what its index serves, with what is looked for, from the beginning and from a cursor on; and counted."""
    tenant = await Tenant.open(Clock())
    anna = await tenant.customer("C-17404")
    await tenant.invoice(anna, 1, due_on=tenant.today() + timedelta(days=9))
    await tenant.adjust(anna, 5, expires_in_days=9)
    account = await tenant.account(anna, "GBP")
    assert account is not None
    tenant.clock.advance(seconds=1)
    assert await keep_standings(tenant.ledger, tenant.id)
    now = tenant.clock()
    listed: list[tuple[Listing[Any], UUID, tuple[Condition, ...]]] = [
        (customers.CUSTOMERS, tenant.id, filtering.ranged(customers.CUSTOMERS, "t.created_at", None, now, "")),
        (customers.BY_NAME, tenant.id, ()),
        (customers.BY_BALANCE, tenant.id, (customers.in_asset("GBP"), customers.standing(0, 500))),
        (customers.BY_ACTIVITY, tenant.id, filtering.ranged(customers.BY_ACTIVITY, "t.standing_at", None, now, "")),
        (invoices.BY_DUE_DAY, tenant.id, filtering.ranged(invoices.BY_DUE_DAY, "t.due_on", None, now.date(), "")),
        (invoices.BY_ANY_DUE_DAY, tenant.id, (invoices.filtered_by_status(invoices.BY_ANY_DUE_DAY, ["PAID"]),)),
        (invoices.CUSTOMER_BY_DUE_DAY, anna, ()),
        (invoices.INVOICES, tenant.id, (invoices.filtered_by_status(invoices.INVOICES, ["OPEN", "PART_PAID"]),)),
        (invoices.INVOICES, tenant.id, (invoices.filtered_by_status(invoices.INVOICES, ["VOID"]),)),
        (credits.BY_EXPIRY, tenant.id, filtering.ranged(credits.BY_EXPIRY, "t.expires_at", now, None, "")),
        (credits.CUSTOMER_BY_EXPIRY, anna, ()),
        (credits.ACCOUNT_BY_EXPIRY, account.id, ()),
        (ledger.ACCOUNT_LEDGER, account.id, ledger.posted(ledger.ACCOUNT_LEDGER, now - timedelta(days=1), now)),
    ]
    session = ReadSession(tenant.id)
    for listing, parent, conditions in listed:
        for more in ((), (filtering.equal("t.id", uuid4(), "id"),)):
            for reverse in (False, True):
                asked = page_request(listing, 5, None, None, None, reverse)
                page = (await load_pages(session, listing, [parent], asked, (*conditions, *more)))[parent]
                await looked_too_far(session, listing, {parent: page}, asked, (*conditions, *more))
                if page.rows:
                    after = page_request(listing, 5, listing.cursor(page.key(0)), None, None, reverse)
                    await load_pages(session, listing, [parent], after, (*conditions, *more))
            await count_rows(session, listing, [parent], (*conditions, *more))
    for text in ("an", "7404"):
        ids = await customers.found(session, text)
        assert ids is not None
        for order in (customers.CUSTOMERS, customers.BY_NAME, customers.BY_ACTIVITY, customers.BY_BALANCE):
            few, condition = customers.among(order, ids)
            await load_pages(session, few, [tenant.id], PageRequest(), condition)
            await count_rows(session, few, [tenant.id], condition)
        asked = PageRequest()
        for order in customers.BY_THEMSELVES:
            page = (await load_pages(session, order, [tenant.id], asked, (customers.found_within(text),)))[tenant.id]
            assert {row.id for row in page.rows} <= set(ids)
            await count_rows(session, order, [tenant.id], (customers.found_within(text),))
        await load_pages(session, customers.CUSTOMERS, [tenant.id], asked, (customers.contains(text),))
    await session.close()
    await tenant.ledger.close()


async def partner_s_doings() -> None:
    """What it may still do is looked up when its bulk is worked off, and when a manager decides on what it asked for."""
    tenant = await Tenant.open(Clock())
    anna = await tenant.customer()
    scopes = frozenset({"credits:add", "credits:bulk"})
    await issue_token(tenant.ledger, tenant.id, ADMIN, IssueToken(uuid4(), bytes(32), "app", "Till", scopes))
    [(external_id,)] = await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1")
    rows = [ImportRow(external_id, Decimal(1))]
    await import_credits(
        tenant.ledger, tenant.id, PARTNER, ImportCredits("", asset="POINTS", reason="CORRECTION"), rows, "bulk"
    )
    assert await run_bulk(tenant.ledger, tenant.id)
    tenant.clock.advance(seconds=1)
    assert await keep_totals(tenant.ledger, tenant.id, 1)
    assert await keep_feed(tenant.ledger, tenant.id)
    tenant.clock.advance(days=100)
    assert await prune_feed(tenant.ledger, tenant.id)
    asked = await tenant.adjust(anna, 1, actor=PARTNER, propose_only=True)
    assert asked.approval_request_id is not None
    await approve_request(tenant.ledger, tenant.id, MANAGER, ApproveRequest(asked.approval_request_id), "decision")
    assert await tenant.available(anna, "POINTS") == 1
    assert await tenant.available(anna) == 100
    await tenant.ledger.close()


async def reports_by_totals() -> None:
    """Of now and of the past: from what totals say has moved, and from what was posted since."""
    tenant = await Tenant.open(Clock())
    anna, began = await tenant.customer(), tenant.clock()
    for _ in range(5):
        tenant.clock.advance(seconds=9)
        await tenant.adjust(anna, 5, expires_in_days=1)
    tenant.clock.advance(seconds=9)
    assert await keep_totals(tenant.ledger, tenant.id, 2) == 2
    assert await keep_latest(tenant.ledger, tenant.id)
    tenant.clock.advance(days=3)
    await tenant.adjust(anna, 5)
    session, now = ReadSession(tenant.id), tenant.clock()
    for at, owed in ((began + timedelta(seconds=30), 1_500), (began + timedelta(seconds=50), 2_500), (now, 500)):
        (view,) = (await liability.report(session, at, now, "Europe/London")).views
        assert view.outstanding_minor == owed
        assert await liability.trial_balance(session, at)
    assert len(await customers.found_by_beginning(session, "carol") or ()) == 1
    await session.close()
    await tenant.ledger.close()


async def checkpoints() -> None:
    """Made, brought where they are kept, and a receipt: of a tree that is made anew, and of one that goes on."""
    tenant, elsewhere = await Tenant.open(Clock()), Elsewhere()
    anna, ben = await tenant.customer(), await tenant.customer()
    for person in (anna, ben, anna):
        done = await tenant.adjust(person, 1)
        tenant.clock.advance(seconds=1)
        await keep_feed(tenant.ledger, tenant.id)
        assert await make_checkpoint(tenant.ledger, tenant.id, elsewhere.notary, now=True, at_once=1)
        assert await waiting_since(tenant.id, elsewhere.notary) is not None
        assert await keep_checkpoints(tenant.ledger, tenant.id, elsewhere.notary)
    assert done.account_id is not None
    session = ReadSession(tenant.id)
    assert (await receipt(session, done.account_id, 1)).state == ReceiptState.READY
    await session.close()
    assert await last_note(tenant.id)
    await tenant.ledger.close()


async def webhooks_told() -> None:
    """One that takes what comes but for one event, and then that too; what is over and old is pruned."""
    tenant = await Tenant.open(Clock())
    anna, ben = await tenant.customer(), await tenant.customer()
    async with receiving() as receiver:
        webhook = await hooked(tenant, receiver.url, frozenset({"CREDIT_ADJUSTED"}))
        for person in (anna, anna, ben):
            await tenant.adjust(person, 1)
        await pinged(tenant, webhook)
        tenant.clock.advance(seconds=1)
        assert await keep_feed(tenant.ledger, tenant.id)
        for status in (500, 204):
            receiver.always(Reply(status))
            while await deliver(tenant.ledger, tenant.id):
                pass
            tenant.clock.advance(days=1)
        await replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(webhook, FeedPlace(1)))
        tenant.clock.advance(days=100)
        assert await prune_webhooks(tenant.ledger, tenant.id)
    await tenant.ledger.close()


async def searches_by_reference() -> None:
    """Of a tenant whose transactions of one reference are more than are looked up by their ids, and of one that has few."""
    tenant = await Tenant.open(Clock())
    anna = await tenant.customer()
    await tenant.adjust(anna, 1, texts=Texts("R-1"))
    for few in (1_000, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(references, "FEW", few)
            session = ReadSession(tenant.id)
            assert (await references.transactions_of(session, EXACTLY) is None) == (few == 0)
            with suppress(references.TooManyFound):
                await references.transactions_of(session, BEGINS)
            found = await confined(session, AUDIT_TRAIL, PageRequest(), [referenced(EXACTLY)], None, None)
            page = await load_pages(session, found, [tenant.id], PageRequest(), (referenced(EXACTLY),))
            assert len(page[tenant.id].rows) == 1
            await session.release()
    await tenant.ledger.close()


EXACTLY, BEGINS = references.Reference("R-1"), references.Reference("R-", begins=True)
REFERENCED: Final[dict[str, tuple[Listing[Any], Condition, str]]] = {
    "invoices of one": (invoices.OF_REFERENCE, invoices.referenced(EXACTLY), "invoice_texts_reference"),
    "invoices by it": (invoices.BY_REFERENCE, invoices.referenced(BEGINS), "invoice_texts_reference"),
    "customers of one": (customers.CUSTOMERS, EXACTLY.of("t.reference"), "customers_reference"),
    "customers by it": (customers.BY_REFERENCE, BEGINS.of("t.reference"), "customers_reference"),
}
"""A list, what is asked of it, and the index in whose order it is then read."""


@pytest.mark.parametrize("asked", REFERENCED)
@pytest.mark.parametrize("backward", [False, True])
async def test_a_page_by_references_is_read_in_the_order_of_their_index(
    tables: Urls, asked: str, backward: bool
) -> None:
    """Half of all rows have each reference: a page that sorted them would take as long as there are many.

    Not of customers where nothing was analysed since they were few: then their order by time seems as good.
    """
    if asked == "customers of one" and "grown" in tables.app:
        return
    listing, condition, index = REFERENCED[asked]
    sql, _ = page_statement(listing, PageRequest(backward=backward), (condition,), None)
    connection = await asyncpg.connect(tables.app)
    plan = json.dumps(await (await Planner.on(connection)).plan(sql))
    await connection.close()
    assert f'"Index Name": "{index}"' in plan
    # The one sort is of the pages, of which there is one for each parent.
    assert plan.count('"Node Type": "Sort"') <= 1


async def crowd(superuser: "asyncpg.Connection[Any]") -> None:
    """One large tenant among very many small ones, all of it counted."""
    await add_crowd(superuser, 1, [1] * SMALL_TENANTS + [LARGE])
    await superuser.execute("ANALYZE")


async def alone(superuser: "asyncpg.Connection[Any]") -> None:
    """A tenant that has everything."""
    await add_crowd(superuser, 1, [2 * LARGE])
    await superuser.execute("ANALYZE")


async def restored(superuser: "asyncpg.Connection[Any]") -> None:
    """Nothing was counted yet: as after a restore, or where tables were made and filled at once."""
    await add_crowd(superuser, 1, [1] * SMALL_TENANTS + [2 * LARGE])


async def grown(superuser: "asyncpg.Connection[Any]") -> None:
    """Counted while each of a few tenants had one row, and never since."""
    await add_crowd(superuser, 1, [1] * FEW_TENANTS)
    await superuser.execute("ANALYZE")
    await add_crowd(superuser, 1 + FEW_TENANTS, [LARGE])


FILLS: Final = (crowd, alone, restored, grown)


@pytest.fixture(scope="module", params=FILLS, ids=lambda fill: fill.__name__)
async def tables(server: Urls, worker_id: str, request: pytest.FixtureRequest) -> AsyncIterator[Urls]:
    """Filled once for all tests, since none of them writes."""
    async with filled(server, f"plans_{request.param.__name__}_{worker_id}", request.param) as urls:
        yield urls


@asynccontextmanager
async def filled(server: Urls, name: str, fill: Any) -> AsyncIterator[Urls]:
    async with cloned_database(server, name) as urls:
        superuser = await asyncpg.connect(urls.admin)
        try:
            for table in await superuser.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ):
                await superuser.execute(f"ALTER TABLE {table['relname']} SET (autovacuum_enabled = off)")
            await fill(superuser)
            yield urls
        finally:
            await superuser.close()


def test_every_statement_leads_to_the_machine_of_its_tenant(statements: list[Statement]) -> None:
    """As where tenants are on several (tests/support/sharding.py, which says what that takes)."""
    refused = unled(set(statements))
    assert not refused, "\n".join(refused)


async def test_every_statement_goes_by_a_key(tables: Urls, statements: list[Statement]) -> None:
    connection = await asyncpg.connect(tables.app)
    planner = await Planner.on(connection)
    refused = []
    for statement in (s for s in statements if not s.message):
        unbounded = planner.unbounded(await planner.plan(statement.sql))
        by = [scan for scan in unbounded if (statement.asked_by, scan.rpartition(": ")[2]) not in ALLOWED]
        if by:
            refused.append(f"{statement.asked_by}: {', '.join(by)}\n    {statement.named}")
    await connection.close()
    assert len(statements) > 250, "hardly anything was recorded"
    assert not refused, "\n".join(refused)


async def test_every_check_of_a_foreign_key_goes_by_it(tables: Urls) -> None:
    """As PostgreSQL itself asks, with the owner's rights."""
    connection = await asyncpg.connect(tables.admin)
    checks = await connection.fetch(
        """SELECT DISTINCT confrelid::regclass::text AS name, array(
            SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(number, nth)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.nth) AS columns
        FROM pg_constraint c WHERE contype = 'f'"""
    )
    planner = await Planner.on(connection)
    refused = []
    for check in checks:
        key = " AND ".join(f"{column} = ${place}" for place, column in enumerate(check["columns"], start=1))
        sql = f"SELECT 1 FROM ONLY {check['name']} x WHERE {key} FOR KEY SHARE OF x"
        refused += planner.unbounded(await planner.plan(sql))
    await connection.close()
    assert len(checks) > 10
    assert not refused


@pytest.mark.parametrize(
    ("function", "rows", "table"),
    [("entries_continue", "added", "entries"), ("accounts_follow", "changed", "accounts")],
)
async def test_what_a_trigger_looks_up_goes_by_its_key(tables: Urls, function: str, rows: str, table: str) -> None:
    """Its query, of one row that was written."""
    connection = await asyncpg.connect(tables.app)
    body = await connection.fetchval("SELECT prosrc FROM pg_proc WHERE proname = $1", function)
    query = re.search(r"(SELECT .*?)INTO broken(.*?);", body, re.DOTALL)
    assert query is not None
    written = f"FROM (SELECT * FROM {table} WHERE tenant_id = $1 AND id = $2 OFFSET 0)"
    sql = (query[1] + query[2]).replace(f"FROM {rows}", written)
    planner = await Planner.on(connection)
    plan = await planner.plan(sql)
    await connection.close()
    assert written in sql
    assert planner.unbounded(plan) == []
    assert "entries_sequence_key" in json.dumps(plan)


async def test_a_scan_of_the_tenant_is_seen(server: Urls, worker_id: str) -> None:
    """Else the others would prove nothing."""
    async with filled(server, f"plans_seen_{worker_id}", crowd) as urls:
        connection = await asyncpg.connect(urls.app)
        planner = await Planner.on(connection)
        whole = "SELECT sum(amount_minor) FROM entries WHERE tenant_id = $1"
        past = "SELECT sum(amount_minor) FROM entries WHERE tenant_id = $1 AND created_at > $2"
        busy = "SELECT sum(amount_minor) FROM entries WHERE tenant_id = $1 AND account_id = $2"
        page = "SELECT * FROM transactions WHERE tenant_id = $1 ORDER BY created_at, id LIMIT $2"
        bulk = 'SELECT * FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 AND "row" < $3 ORDER BY'
        seen = [
            [scan.rpartition(": ")[2] for scan in planner.unbounded(await planner.plan(sql))]
            for sql in (whole, past, busy, page, f'{bulk} "row" LIMIT 5', f"{bulk} error LIMIT 5")
        ]
        await connection.close()
    assert seen == [["tenant"], ["tenant"], ["account_id"], [], [], ["operation_id"]]

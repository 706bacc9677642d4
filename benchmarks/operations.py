"""Operations below HTTP, on a durable PostgreSQL: assignCredit, createInvoice over 100 open credits, a bulk of 10,000.

The bulk stands beside the bare set-based SQL for the same rows: the same tables, constraints, triggers and row
security, and nothing planned, checked or hashed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from app.postgres.database import open_database
from benchmarks.report import Figure, print_figures, print_table
from benchmarks.rig import Rig
from models.commands import Actor, AdjustCredit, BulkCredit, BulkItem
from models.customers import UpsertCustomer
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_tenant import create_tenant
from models.operations.upsert_customer import upsert_customer
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.reads.verify import verify
from models.session import tenant_transaction

MANAGER: Final = Actor("manager", "MANAGER")
CONNECTIONS: Final = (1, 32)
CUSTOMERS, REQUESTS, QUICK_REQUESTS = 50, 400, 100
OPEN_CREDITS: Final = 100
BULK_ROWS: Final = 10_000
BULKS, QUICK_BULKS = 5, 2
LEAST_OF_BARE_SQL: Final = 0.7


def run(rig: Rig) -> None:
    """Measure and print."""
    asyncio.run(_run(rig))


async def _run(rig: Rig) -> None:
    requests, bulks = (QUICK_REQUESTS, QUICK_BULKS) if rig.quick else (REQUESTS, BULKS)
    async with open_database(rig.urls.app, pool_min=2, pool_max=8):
        shop = _Shop(Ledger())
        await shop.open("operations")
        rows = await _single(shop, requests)
        print_table(["operation", "at once", "per second", "p50 ms", "p99 ms"], rows)
        await _bulks(rig, shop, bulks)
        proof = await verify(shop.tenant_id)
        print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences")
        await shop.ledger.close()


class _Shop:
    """One tenant, with short methods for its requests."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.tenant_id = UUID(int=0)

    async def open(self, slug: str) -> None:
        self.tenant_id = await create_tenant(self.ledger, slug, slug, "Europe/London")

    async def customer(self) -> UUID:
        command = UpsertCustomer(uuid4().hex, "Customer")
        view, _ = await upsert_customer(self.ledger, self.tenant_id, MANAGER, command)
        return view.id

    async def credit(self, customer_id: UUID, amount: int) -> UUID:
        command = AdjustCredit(customer_id, "GBP", Decimal(amount), "GOODWILL")
        outcome = await adjust_credit(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)
        return _made(outcome.credit_id)

    async def invoice(self, customer_id: UUID, amount: int, *, auto_apply: bool) -> UUID:
        line = InvoiceLineItem("Goods", 1, Decimal(amount))
        command = CreateInvoice(customer_id, uuid4().hex, "GBP", (line,), auto_apply=auto_apply)
        outcome = await create_invoice(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)
        return _made(outcome.invoice_id)

    async def assign(self, credit_id: UUID, invoice_id: UUID) -> None:
        command = AssignCredit(credit_id, (InvoiceAmount(invoice_id, Decimal(1)),))
        await assign_credit(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)


def _made(row_id: UUID | None) -> UUID:
    if row_id is None:
        raise RuntimeError("nothing was made")
    return row_id


async def _single(shop: _Shop, requests: int) -> list[list[str]]:
    customers = [await shop.customer() for _ in range(CUSTOMERS)]
    pairs = [
        (await shop.credit(customer, 1_000_000), await shop.invoice(customer, 1_000_000, auto_apply=False))
        for customer in customers
    ]
    # Each of these has 100 open credits of 1,000 that no invoice of 1 uses up.
    many = [await shop.customer() for _ in range(CUSTOMERS)]
    await asyncio.gather(*(shop.credit(customer, 1_000) for customer in many for _ in range(OPEN_CREDITS)))
    rows = []
    for at_once in CONNECTIONS:
        rows.append(await _timed("assignCredit", at_once, requests, lambda n: shop.assign(*pairs[n % CUSTOMERS])))
        rows.append(
            await _timed(
                f"createInvoice, {OPEN_CREDITS} open credits",
                at_once,
                requests,
                lambda n: shop.invoice(many[n % CUSTOMERS], 1, auto_apply=True),
            )
        )
    return rows


async def _timed(name: str, at_once: int, requests: int, ask: Callable[[int], Awaitable[Any]]) -> list[str]:
    numbers, latencies = iter(range(requests)), list[float]()

    async def work() -> None:
        for number in numbers:
            began = time.perf_counter()
            await ask(number)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    rate = requests / (time.perf_counter() - began)
    latencies.sort()
    middle, end = (latencies[int(q * (requests - 1))] * 1000 for q in (0.5, 0.99))
    return [name, str(at_once), f"{rate:,.0f}", f"{middle:.1f}", f"{end:.1f}"]


async def _bulks(rig: Rig, shop: _Shop, bulks: int) -> None:
    """The bulk and the bare SQL in turn, each on its own tenant of as many customers; the ratio is of neighbours."""
    bare = _Shop(shop.ledger)
    await bare.open("bare")
    customers = [await _customers(tenant) for tenant in (shop, bare)]
    for tenant, own in zip((shop, bare), customers, strict=True):
        await _bulk(tenant, own)  # opens the accounts
    admin = await asyncpg.connect(rig.urls.admin)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    actor_id = await shop.ledger.actor_id(bare.tenant_id, MANAGER)
    times = [(await _bulk(shop, customers[0]), await _bare(rig, bare, actor_id)) for _ in range(bulks)]
    ours, sql = (median(column) for column in zip(*times, strict=True))
    print_table(
        [f"bulkCredit of {BULK_ROWS:,} rows", "seconds"],
        [["bulkCredit", f"{ours:.2f}"], ["bare set-based SQL for the same rows", f"{sql:.2f}"]],
    )
    text = f"bulkCredit of {BULK_ROWS:,} rows, of the bare SQL's rate"
    print_figures("ratio of rates", [Figure(text, [sql / ours for ours, sql in times], least=LEAST_OF_BARE_SQL)])


async def _customers(shop: _Shop) -> Sequence[UUID]:
    ids = [shop.ledger.source.new_id() for _ in range(BULK_ROWS)]
    async with tenant_transaction(shop.tenant_id) as connection:
        await connection.raw.execute(
            """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
            SELECT $1, id, 'bulk-' || n, 'Customer ' || n, now(), now() FROM unnest($2::uuid[]) WITH ORDINALITY u(id, n)""",
            shop.tenant_id,
            ids,
        )
    return ids


async def _bulk(shop: _Shop, customers: Sequence[UUID]) -> float:
    command = BulkCredit(tuple(BulkItem(customer, Decimal(5)) for customer in customers), "GBP", "GOODWILL")
    began = time.perf_counter()
    await bulk_credit(shop.ledger, shop.tenant_id, MANAGER, command, uuid4().hex)
    return time.perf_counter() - began


async def _bare(rig: Rig, shop: _Shop, actor_id: UUID) -> float:
    """As the tables' owner, since the app may make no temporary tables; row security binds the owner too."""
    owner = await asyncpg.connect(rig.urls.owner)
    try:
        began = time.perf_counter()
        async with owner.transaction():
            await owner.execute(f"SET LOCAL scrip.tenant = '{shop.tenant_id}'")
            for statement in _BARE:
                arguments = [shop.tenant_id, actor_id][: 2 if "$2" in statement else int("$1" in statement)]
                await owner.execute(statement, *arguments)
        return time.perf_counter() - began
    finally:
        await owner.close()


_BARE: Final = (
    """CREATE TEMP TABLE bare ON COMMIT DROP AS
    SELECT a.id AS account_id, a.customer_id, a.sequence + 1 AS sequence, a.balance_minor + 500 AS balance_minor,
        a.head_hash, gen_random_uuid() AS transaction_id, gen_random_uuid() AS credit_id,
        sha256(a.head_hash || uuid_send(a.id)) AS hash, row_number() OVER () - 1 AS n
    FROM (SELECT * FROM accounts ORDER BY id FOR NO KEY UPDATE) a""",
    """INSERT INTO transactions (tenant_id, id, customer_id, kind, reason, actor_id, created_at)
    SELECT $1, transaction_id, customer_id, 'ADJUSTMENT', 'GOODWILL', $2, now() FROM bare""",
    """INSERT INTO credits (tenant_id, id, account_id, transaction_id, amount_minor, remaining_minor, effective_on,
        starts_at, restricted, auto_apply, created_at, counts, gone_minor, opened_sequence)
    SELECT $1, credit_id, account_id, transaction_id, 500, 500, current_date, now(), false, true, now(), true, 0, sequence
    FROM bare""",
    """INSERT INTO entries (tenant_id, id, account_id, sequence, transaction_id, credit_id, counter, amount_minor,
        lifetime_minor, balance_after_minor, created_at, previous_hash, hash)
    SELECT $1, gen_random_uuid(), account_id, sequence, transaction_id, credit_id, 'ISSUED', 500, 500, balance_minor,
        now(), head_hash, hash FROM bare""",
    """UPDATE accounts a SET balance_minor = b.balance_minor, lifetime_minor = a.lifetime_minor + 500,
        sequence = b.sequence, head_hash = b.hash, posted_at = now()
    FROM bare b WHERE a.tenant_id = $1 AND a.id = b.account_id""",
    """WITH made AS (
        INSERT INTO bulk_operations (tenant_id, id, status, asset, error_policy, dry_run, total, processed, succeeded,
            failed, actor_id, cancel_requested, created_at, finished_at)
        SELECT $1, gen_random_uuid(), 'COMPLETED', 'GBP', 'REJECT_ALL', false, count(*), count(*), count(*), 0, $2, false,
            now(), now() FROM bare RETURNING id)
    INSERT INTO bulk_rows (tenant_id, id, operation_id, row, customer_id, amount, transaction_id)
    SELECT $1, gen_random_uuid(), made.id, n, customer_id, 5, transaction_id FROM bare, made""",
)

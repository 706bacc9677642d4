"""Reads and postings on a tenant with 1,000,000 entries (or `--entries`) beside the same on one with 10,000.

`--part many`: ten thousand other tenants beside them. `--part restored`: on tables that nobody has analysed.

Both tenants are in one database and queried in turn, so that the ratio of neighbours, which counts, is of one minute.
In each of them the queried account has half of all entries.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Final
from uuid import UUID

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.adjust import cost
from benchmarks.growth_reports import EXPECTED, REPORTS, variables_of
from benchmarks.ledger_rows import SPAN, Filled, fill, fill_many
from benchmarks.load import KEY, PICK, Order
from benchmarks.report import Figure, Line, draw, microseconds, milliseconds, print_figures, print_table, say_of
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from models.commands import Actor, AdjustCredit
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_tenant import create_tenant
from models.operations.keep_totals import keep_totals
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.reads.verify import verify
from schema.ids import global_id

SMALL, LARGE, QUICK_LARGE = 10_000, 1_000_000, 100_000
CONNECTIONS: Final = 4
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST: Final = 1.2
"""Maximum ratio to the time at 10,000 entries."""
_STEP: Final = 1e-6
"""Seconds of CPU time per request; less is taken for this: the clock has steps, and nothing is divided by 0."""
PICKED: Final = 500
MANY: Final = 10_000
CREDITS: Final = 20
CREDIT: Final = Decimal(10_000)
PAGE, LAST_PAGE = "ledger from an instant", "ledger up to one"
_ENTRIES: Final = "edges { node { sequence amount balanceAfter createdAt transaction { kind reason } } }"

ADD, REMOVE, INVOICE, ASSIGN = (
    "adjustCredit, adding",
    "adjustCredit, removing",
    "createInvoice, auto-applied",
    "assignCredit",
)
POSTINGS: Final = (ADD, REMOVE, INVOICE, ASSIGN)
"""All of them on the account that has half of all entries."""
_ERRORS: Final = "userErrors { code message }"

_ADJUST: Final = f"""mutation($input: AdjustCreditInput!) {{
  adjustCredit(input: $input) {{ account {{ available }} {_ERRORS} }} }}"""

DOCUMENTS: Final = {
    PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, from: $pick, first: 50) {{ {_ENTRIES} }} }}",
    LAST_PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, to: $pick, last: 50) {{ {_ENTRIES} }} }}",
    "search": "query($pick: String!) { customers(search: $pick, first: 20) { edges { node { id name email } } } }",
    "balanceAt": "query($id: ID!, $pick: DateTime!) { node(id: $id) { ... on Account { balanceAt(at: $pick) } } }",
    **REPORTS,
    ADD: _ADJUST,
    REMOVE: _ADJUST,
    INVOICE: f"mutation($input: CreateInvoiceInput!) {{ createInvoice(input: $input) {{ invoice {{ due }} {_ERRORS} }} }}",
    ASSIGN: f"mutation($input: AssignCreditInput!) {{ assignCredit(input: $input) {{ credit {{ remaining }} {_ERRORS} }} }}",
}


@dataclass(frozen=True, slots=True)
class Tenant:
    """One of the two, with a token of its own. invoice_id, credits: of the customer who has half of all entries."""

    id: UUID
    entries: int
    token: str
    filled: Filled
    invoice_id: str
    credits: list[str]


def run(rig: Rig) -> None:
    """Measure and print."""
    tenants = asyncio.run(_make(rig, (SMALL, rig.entries or (QUICK_LARGE if rig.quick else LARGE))))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    runs: dict[tuple[str, int], list[Run]] = {(what, t.entries): [] for what in DOCUMENTS for t in tenants}
    with rig.server() as server:
        for repetition in range(repetitions):
            for what in DOCUMENTS:
                for tenant in tenants if repetition % 2 == 0 else reversed(tenants):
                    order = _order(server, tenant, what, repetition)
                    runs[what, tenant.entries].append(over_http(rig, server, order, seconds=seconds))
                    print(".", end="", flush=True)
    print()
    _print(runs, tenants, seconds)


async def _make(rig: Rig, sizes: tuple[int, ...]) -> list[Tenant]:
    found = []
    async with open_database(rig.urls.app, pool_min=1, pool_max=2):
        admin = await asyncpg.connect(rig.urls.admin)
        ledger = Ledger()
        if rig.part == "restored":
            for table in ("accounts", "credits", "customers", "entries", "seals", "totals", "transactions"):
                await admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        for size in sizes:
            slug = f"entries-{size}"
            tenant_id = await create_tenant(ledger, slug, slug, "Europe/London")
            actor_id = await ledger.actor_id(tenant_id, Actor("filler", "ADMIN"))
            filled = await fill(admin, tenant_id, actor_id, size, first_id=size * 10)
            token = make_token(
                rig.settings, tenant=slug, role=Role.ADMIN, subject="reader", issued_at=filled.until, token_id=slug
            )
            found.append(Tenant(tenant_id, size, token, filled, *await _to_assign(ledger, tenant_id, filled)))
        if rig.part == "many":
            await fill_many(admin, MANY, max(sizes) * 100)
        for tenant in found:
            while await keep_totals(ledger, tenant.id):
                pass
        await ledger.close()
        await admin.execute("VACUUM" if rig.part == "restored" else "VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
        await admin.close()
        for tenant in found:
            proof = await verify(tenant.id)
            if not proof.holds or not 0.98 < proof.entries / tenant.entries <= 1.01:
                raise RuntimeError(f"the rows made are not right: {proof.entries} entries, {proof.listed[:3]}")
    return found


async def _to_assign(ledger: Ledger, tenant_id: UUID, filled: Filled) -> tuple[str, list[str]]:
    """An invoice that takes as much as may come, and credits to set against it."""
    actor, customer_id = Actor("filler", "ADMIN"), filled.customer_id
    credits = []
    for n in range(CREDITS):
        command = AdjustCredit(customer_id, "GBP", CREDIT, "GOODWILL")
        outcome = await adjust_credit(ledger, tenant_id, actor, command, f"credit-{n}")
        if outcome.credit_id is not None:
            credits.append(str(global_id("Credit", outcome.credit_id)))
    line = InvoiceLineItem("Goods", 1, CREDIT * CREDITS)
    invoice = CreateInvoice(customer_id, "to assign", "GBP", (line,), auto_apply=False)
    made = await create_invoice(ledger, tenant_id, actor, invoice, "invoice")
    if made.invoice_id is None or len(credits) < CREDITS:
        raise RuntimeError("what is to be assigned was not made")
    return str(global_id("Invoice", made.invoice_id)), credits


def _posting(server: Server, tenant: Tenant, what: str, turn: int) -> Order:
    customer = str(global_id("Customer", tenant.filled.customer_id))
    given: dict[str, object] = {"idempotencyKey": KEY}
    picks, expected = [""], '"available":"'
    if what == INVOICE:
        line = {"description": "Goods", "quantity": 1, "unitPrice": "0.05"}
        given |= {"customerId": customer, "number": f"{turn} {KEY}", "currency": "GBP", "lines": [line]}
        expected = '"due":"0.00"'
    elif what == ASSIGN:
        given |= {"creditId": PICK, "assignments": [{"invoiceId": tenant.invoice_id, "amount": "0.01"}]}
        picks, expected = tenant.credits, '"remaining":"'
    else:
        amount, reason = ("1.00", "GOODWILL") if what == ADD else ("-0.01", "CORRECTION")
        given |= {"customerId": customer, "asset": "GBP", "amount": amount, "reason": reason}
    return Order(
        port=server.port,
        tokens=[tenant.token] * CONNECTIONS,
        query=DOCUMENTS[what],
        variables={"input": given},
        ids=picks,
        expected=expected,
        prefix=f"{POSTINGS.index(what)}-{turn}",
    )


def _order(server: Server, tenant: Tenant, what: str, turn: int) -> Order:
    if what in POSTINGS:
        return _posting(server, tenant, what, turn)
    filled = tenant.filled
    variables: dict[str, object] = {"pick": PICK}
    if what in REPORTS:
        variables |= variables_of(global_id("Customer", filled.customer_id))
        variables = {name: value for name, value in variables.items() if f"${name}" in REPORTS[what]}
    if what == "search":
        picks = [f"customer {random.randrange(filled.customers) // 10:06}" for _ in range(PICKED)]  # noqa: S311
    elif what not in REPORTS:
        about = ("Account", filled.account_id) if what == "balanceAt" else ("Customer", filled.customer_id)
        variables["id"] = global_id(*about)
    if what != "search":
        instants = [filled.until - SPAN * random.uniform(0.1, 0.9) for _ in range(PICKED)]  # noqa: S311
        picks = [instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for instant in instants]
    expected = EXPECTED.get(what, '"balanceAfter"')
    return Order(
        port=server.port,
        tokens=[tenant.token] * CONNECTIONS,
        query=DOCUMENTS[what],
        variables=variables,
        ids=picks,
        expected=expected,
        prefix="read",
    )


def _print(runs: dict[tuple[str, int], list[Run]], tenants: list[Tenant], seconds: int) -> None:
    sizes = [tenant.entries for tenant in tenants]
    small, large = sizes[0], sizes[-1]
    say_of(f"{large:,} entries")
    count = len(next(iter(runs.values())))
    head = ["what", "entries", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs"]
    rows = [_row(what, entries, measured) for (what, entries), measured in runs.items()]
    title = (
        f"Reads and postings: medians of {count} x {seconds} s, {CONNECTIONS} connections; µs of CPU time per request"
    )
    print_table(head, rows, title=title)

    def figure(what: str, name: str, measure: Callable[[Run], float], most: float | None = None) -> Figure:
        pairs = zip(runs[what, small], runs[what, large], strict=True)
        return Figure(f"{what}, {name}", [measure(b) / max(measure(a), _STEP) for a, b in pairs], most=most)

    print_figures(
        f"at {large:,} entries, of that at {small:,}",
        [
            made
            for what in DOCUMENTS
            for made in (
                figure(what, "time", lambda run: 1 / run.rate, MOST),
                figure(what, "CPU", cost),
                figure(what, "CPU of PostgreSQL alone", lambda run: run.cpu.postgres / len(run.latencies)),
            )
        ],
    )
    for what in DOCUMENTS:
        costs = ((n, max(median(cost(run) for run in runs[what, n]), _STEP)) for n in sizes)
        points = [(float(n), seconds_each * 1e6) for n, seconds_each in costs]
        draw(Line(_plot_of(what), what, "entries of the tenant", "CPU per request, server and PostgreSQL, µs", points))


def _plot_of(what: str) -> str:
    kind = "Postings" if what in POSTINGS else "Audit trail" if what.startswith("auditTrail") else "Reads"
    return f"{kind} by size of the tenant"


def _row(what: str, entries: int, measured: list[Run]) -> list[str]:
    middle, end = (milliseconds(median(run.quantile(q) for run in measured)) for q in (0.5, 0.99))
    server, postgres = (
        microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured))
        for part in ("server", "postgres")
    )
    return [what, f"{entries:,}", f"{median(run.rate for run in measured):,.0f}", middle, end, server, postgres]

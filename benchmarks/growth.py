"""Reads and postings on a tenant with 1,000,000 entries (or `--entries`) beside the same on one with 10,000.

`--part many`: ten thousand other tenants beside them. `--part restored`: on tables that nobody has analysed. `--part
"many restored"`: both. `--entries 10000,100000,1000000`: tenants of all these sizes.

All of them are in one database and queried in turn, so that the ratio of neighbours, which counts, is of one minute.
In each of them the queried account has half of all entries, and another nothing but open credits. Before each repetition
the totals are brought up to what the one before has posted; no other job runs.
"""

import asyncio
import random
from collections.abc import Callable
from statistics import median
from typing import Final

from benchmarks.adjust import cost
from benchmarks.growth_reports import EXPECTED, HOLDINGS, REPORTS, variables_of
from benchmarks.growth_tenants import Tenant, keep_up, make_tenants, sizes_of
from benchmarks.ledger_rows import SPAN
from benchmarks.load import KEY, PICK, Order
from benchmarks.report import Figure, Line, draw, microseconds, milliseconds, print_figures, print_table, say_of
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from schema.ids import global_id

CONNECTIONS: Final = 4
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST, MOST_OF_PARTS = 1.2, 1.5
"""Maximum ratio to the time in the smallest tenant; and beside many others, or on tables that were restored."""
_STEP: Final = 1e-6
"""Seconds of CPU time per request; less is taken for this: the clock has steps, and nothing is divided by 0."""
PICKED: Final = 500
PAGE, LAST_PAGE = "ledger from an instant", "ledger up to one"
_ENTRIES: Final = "edges { node { sequence amount balanceAfter createdAt transaction { kind reason } } }"

ADD, REMOVE, TAKE, HOLD, CAPTURE, NOTE, INVOICE, ASSIGN, SPEND, SETTLE = (
    "adjustCredit, adding",
    "adjustCredit, removing",
    "spendCredit",
    "holdCredit",
    "captureHold",
    "createCreditNote",
    "createInvoice, auto-applied",
    "assignCredit",
    "adjustCredit twice, a credit opened and one used up",
    "adjustCredit and createInvoice, which uses a credit up",
)
POSTINGS: Final = (ADD, REMOVE, TAKE, HOLD, CAPTURE, NOTE, INVOICE, ASSIGN, SPEND, SETTLE)
"""Those that use up a credit are on the account that has open credits alone; the others on that with half of all
entries."""
_ERRORS: Final = "userErrors { code message }"
_ADJUSTED: Final = f"{{ account {{ available }} {_ERRORS} }}"
_INVOICED: Final = f"{{ invoice {{ due }} {_ERRORS} }}"
LOT: Final = "5.00"

_ADJUST: Final = f"mutation($input: AdjustCreditInput!) {{ adjustCredit(input: $input) {_ADJUSTED} }}"

DOCUMENTS: Final = {
    PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, from: $pick, first: 50) {{ {_ENTRIES} }} }}",
    LAST_PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, to: $pick, last: 50) {{ {_ENTRIES} }} }}",
    "search": "query($pick: String!) { customers(search: $pick, first: 20) { edges { node { id name email } } } }",
    "balanceAt": "query($id: ID!, $pick: DateTime!) { node(id: $id) { ... on Account { balanceAt(at: $pick) } } }",
    **REPORTS,
    ADD: _ADJUST,
    REMOVE: _ADJUST,
    TAKE: f"mutation($input: SpendCreditInput!) {{ spendCredit(input: $input) {_ADJUSTED} }}",
    HOLD: f"mutation($input: HoldCreditInput!) {{ holdCredit(input: $input) {_ADJUSTED} }}",
    CAPTURE: f"mutation($input: CaptureHoldInput!) {{ captureHold(input: $input) {_ADJUSTED} }}",
    NOTE: f"mutation($input: CreateCreditNoteInput!) {{ createCreditNote(input: $input) {_INVOICED} }}",
    INVOICE: f"mutation($input: CreateInvoiceInput!) {{ createInvoice(input: $input) {_INVOICED} }}",
    ASSIGN: f"mutation($input: AssignCreditInput!) {{ assignCredit(input: $input) {{ credit {{ remaining }} {_ERRORS} }} }}",
    SPEND: f"""mutation($give: AdjustCreditInput!, $take: AdjustCreditInput!) {{
      give: adjustCredit(input: $give) {_ADJUSTED} take: adjustCredit(input: $take) {_ADJUSTED} }}""",
    SETTLE: f"""mutation($give: AdjustCreditInput!, $take: CreateInvoiceInput!) {{
      give: adjustCredit(input: $give) {_ADJUSTED} take: createInvoice(input: $take) {_INVOICED} }}""",
}


def run(rig: Rig) -> None:
    """Measure and print."""
    tenants = asyncio.run(make_tenants(rig, sizes_of(rig)))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    runs: dict[tuple[str, int], list[Run]] = {(what, t.entries): [] for what in DOCUMENTS for t in tenants}
    wrong: dict[str, str] = {}
    with rig.server() as server:
        for repetition in range(repetitions):
            asyncio.run(keep_up(rig, tenants))
            for what in DOCUMENTS:
                for tenant in tenants if repetition % 2 == 0 else reversed(tenants):
                    order = _order(server, tenant, what, repetition)
                    try:
                        runs[what, tenant.entries].append(over_http(rig, server, order, seconds=seconds))
                    except RuntimeError as error:  # what the others took is told all the same
                        wrong[what] = f"{what}, {tenant.entries:,} entries, repetition {repetition + 1}: {error}"
                    print(".", end="", flush=True)
    print()
    right = {key: measured for key, measured in runs.items() if key[0] not in wrong}
    _print(right, tenants, seconds, MOST_OF_PARTS if rig.part else MOST)
    if wrong:
        raise RuntimeError("\n".join(wrong.values()))


def _posting(server: Server, tenant: Tenant, what: str, turn: int) -> Order:
    busy, holder = (str(global_id("Customer", of)) for of in (tenant.filled.customer_id, tenant.filled.holder_id))
    number = f"{POSTINGS.index(what)}-{turn} {KEY}"
    picks, expected = [""], '"available":"'
    if what == ASSIGN:
        given: dict[str, object] = {"creditId": PICK, "idempotencyKey": KEY}
        given["assignments"] = [{"invoiceId": tenant.invoice_id, "amount": "0.01"}]
        variables: dict[str, object] = {"input": given}
        picks, expected = tenant.credits, '"remaining":"'
    elif what in (TAKE, HOLD):
        given = {"idempotencyKey": KEY, "customerId": busy, "asset": "GBP", "amount": "0.01", "note": "Goods"}
        variables = {"input": given | ({"expiresInMinutes": 1} if what == HOLD else {})}
    elif what in (CAPTURE, NOTE):
        of = {"holdId": tenant.hold_id} if what == CAPTURE else {"invoiceId": tenant.noted_id}
        variables = {"input": {"idempotencyKey": KEY, "amount": "0.01", **of}}
        expected = '"available":"' if what == CAPTURE else '"due":"'
    elif what == INVOICE:
        variables, expected = {"input": _invoice(busy, number, "0.05")}, '"due":"0.00"'
    elif what == SPEND:
        variables = {"give": _adjustment(holder, LOT), "take": _adjustment(holder, f"-{LOT}")}
        expected = '"take":{"account":{"available":"'
    elif what == SETTLE:
        variables = {"give": _adjustment(holder, LOT), "take": _invoice(holder, number, LOT)}
        expected = '"due":"0.00"'
    else:
        variables = {"input": _adjustment(busy, "1.00" if what == ADD else "-0.01")}
    return Order(
        port=server.port,
        tokens=[tenant.token] * CONNECTIONS,
        query=DOCUMENTS[what],
        variables=variables,
        ids=picks,
        expected=expected,
        prefix=f"{POSTINGS.index(what)}-{turn}",
    )


def _adjustment(customer: str, amount: str) -> dict[str, object]:
    reason = "CORRECTION" if amount.startswith("-") else "GOODWILL"
    return {"idempotencyKey": KEY, "customerId": customer, "asset": "GBP", "amount": amount, "reason": reason}


def _invoice(customer: str, number: str, amount: str) -> dict[str, object]:
    line = {"description": "Goods", "quantity": 1, "unitPrice": amount}
    return {"idempotencyKey": KEY, "customerId": customer, "number": number, "currency": "GBP", "lines": [line]}


def _order(server: Server, tenant: Tenant, what: str, turn: int) -> Order:
    if what in POSTINGS:
        return _posting(server, tenant, what, turn)
    filled = tenant.filled
    variables: dict[str, object] = {"pick": PICK}
    if what in REPORTS:
        customer = filled.holder_id if what in HOLDINGS else filled.customer_id
        variables |= variables_of(global_id("Customer", customer))
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


def _print(runs: dict[tuple[str, int], list[Run]], tenants: list[Tenant], seconds: int, most: float) -> None:
    sizes = [tenant.entries for tenant in tenants]
    small, large = sizes[0], sizes[-1]
    say_of(f"{large:,} entries")
    documents = dict.fromkeys(what for what, _ in runs)
    count = len(next(iter(runs.values())))
    head = ["what", "entries", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs"]
    rows = [_row(what, entries, measured) for (what, entries), measured in runs.items()]
    title = (
        f"Reads and postings: medians of {count} x {seconds} s, {CONNECTIONS} connections; µs of CPU time per request"
    )
    print_table(head, rows, title=title)
    print_figures(
        f"at {large:,} entries, of that at {small:,}",
        [each for what in documents for each in _ratios(what, runs[what, small], runs[what, large], most)],
    )
    for what in documents:
        costs = ((n, max(median(cost(run) for run in runs[what, n]), _STEP)) for n in sizes)
        points = [(float(n), seconds_each * 1e6) for n, seconds_each in costs]
        draw(Line(_plot_of(what), what, "entries of the tenant", "CPU per request, server and PostgreSQL, µs", points))


def _ratios(what: str, small: list[Run], large: list[Run], most: float) -> list[Figure]:
    def figure(name: str, measure: Callable[[Run], float], bound: float | None = None) -> Figure:
        pairs = zip(small, large, strict=True)
        return Figure(f"{what}, {name}", [measure(b) / max(measure(a), _STEP) for a, b in pairs], most=bound)

    return [
        figure("time", lambda run: 1 / run.rate, most),
        figure("CPU", cost),
        figure("CPU of PostgreSQL alone", lambda run: run.cpu.postgres / len(run.latencies)),
    ]


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

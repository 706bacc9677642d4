"""The CPU time of each kind of request, beside that of an empty mutation of stock Strawberry (benchmarks/stock.py).

Counted are server and PostgreSQL, for each request: rates depend on what else the machine does, CPU time hardly. All
kinds are measured in turn, and ratios are of the same turn. Statements and garbage are counted on a server of their own,
one request after the other.
"""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

import httpx

from app.cli.token import make_token
from auth.roles import Role
from benchmarks.adjust import adjust_order
from benchmarks.data import CURRENCY, SLUG, Tenant, make_tenant, prove
from benchmarks.load import KEY, PARTNER, PICK, Order, Requests
from benchmarks.report import microseconds, milliseconds, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from benchmarks.with_counts import counts_file

REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
AT_ONCE, MANY_AT_ONCE = 16, 64
USED: Final = 500
"""Customers who have what assignments, rewards, uses and payments need."""
COUNTED: Final = 50
"""Requests whose statements and garbage are counted; as many are sent before."""
PATIENCE_S: Final = 60
_ERRORS: Final = "userErrors { code message }"
STOCK, STOCK_64, ADJUST, ADJUST_64, ONE_64 = (
    "stock Strawberry, empty, 16",
    "stock Strawberry, empty, 64",
    "adjustCredit, 16",
    "adjustCredit, 64",
    "adjustCredit, one account, 64",
)
PAGE, LIST = "a customer's page", "50 customers with balances"
_PAGE: Final = """query Page($id: ID!) { customer(by: {id: $id}) { id name email
  balances { asset available scheduled credits(first: 5) { edges { node { id remaining expiresAt status } } } }
  ledger(first: 10) { edges { node { sequence amount balanceAfter createdAt transaction { kind reason note } } } }
  invoices(first: 5) { edges { node { id number total due status } } } } }"""
_LIST: Final = "{ customers(first: 50) { edges { node { id externalId name balances { asset available } } } } }"
POSTINGS: Final = {
    "adjustCredit, removing": (f"adjustCredit(input: $input) {{ account {{ available }} {_ERRORS} }}", "AdjustCredit"),
    "assignCredit": (f"assignCredit(input: $input) {{ credit {{ remaining }} {_ERRORS} }}", "AssignCredit"),
    "giveReward": (f"giveReward(input: $input) {{ coupon {{ code }} {_ERRORS} }}", "GiveReward"),
    "useCredit": (f"useCredit(input: $input) {{ account {{ available }} {_ERRORS} }}", "UseCredit"),
    "recordPayment": (f"recordPayment(input: $input) {{ invoice {{ due }} {_ERRORS} }}", "RecordPayment"),
    "createInvoice, auto-applied": (f"createInvoice(input: $input) {{ invoice {{ due }} {_ERRORS} }}", "CreateInvoice"),
}
OF_STOCK: Final = 1.4
OF_ADJUST: Final = 1.3
PAGE_US: Final = 800
NO_ERRORS: Final = '"userErrors":[]'


@dataclass(frozen=True, slots=True)
class _Made:
    """Ids of what the postings need: customers, a credit and an invoice of each, a reward and a service."""

    customers: list[str]
    credits: list[str]
    invoices: list[str]
    reward: str
    service: str


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    tokens = [_token(rig, f"manager-{n:02}") for n in range(AT_ONCE)]
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    with rig.server() as server, rig.server(module="benchmarks.stock") as stock:
        made = _make(server, _token(rig, "admin", Role.ADMIN), tenant)
        orders = _orders(server, stock, tenant, tokens, made)
        runs: dict[str, list[Run]] = {name: [] for name in orders}
        for turn in range(repetitions):
            for name in list(orders) if turn % 2 == 0 else reversed(orders):
                where, order = orders[name]
                order = replace(order, prefix=f"{order.prefix}-{turn}")
                runs[name].append(over_http(rig, where, order, seconds=seconds))
    with rig.server("benchmarks.with_counts") as counting:
        ours = {name: order for name, (where, order) in orders.items() if where is server}
        counts = {
            name: _counted(rig, counting, replace(order, prefix=f"{order.prefix}-counted"), turn)
            for turn, (name, order) in enumerate(ours.items())
        }
    proof = prove(rig, tenant)
    print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences\n")
    _print(runs, counts, seconds)


def _token(rig: Rig, subject: str, role: Role = Role.MANAGER) -> str:
    return make_token(
        rig.settings, tenant=SLUG, role=role, subject=subject, issued_at=datetime.now(UTC), token_id=subject
    )


def _ask(server: Server, token: str, query: str, variables: dict[str, Any]) -> Any:
    """Send one operation and return its only field's payload."""
    response = httpx.post(
        f"http://127.0.0.1:{server.port}/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
        timeout=PATIENCE_S,
    )
    answer = response.json()
    if "errors" in answer or any((payload or {}).get("userErrors") for payload in answer["data"].values()):
        raise RuntimeError(f"{query[:80]}: {answer}")
    return next(iter(answer["data"].values()))


def _make(server: Server, token: str, tenant: Tenant) -> _Made:
    """Make what the postings need, through the API."""

    def do(field: str, type_: str, given: dict[str, Any], shown: str) -> Any:
        query = f"mutation($input: {type_}Input!) {{ {field}(input: $input) {{ {shown} {_ERRORS} }} }}"
        return _ask(server, token, query, {"input": given})

    customers = tenant.customers[:USED]
    reward = do(
        "createReward", "CreateReward", {"name": "Treat", "kind": "FREE_DELIVERY", "pointsCost": "1"}, "reward { id }"
    )
    service = do("createService", "CreateService", {"name": "Class"}, "service { id }")
    items = [{"customerId": customer, "amount": "1000000"} for customer in customers]
    for asset in ("POINTS", "SERVICE_CREDITS"):
        given = {"asset": asset, "reason": "GOODWILL", "items": items, "idempotencyKey": asset}
        do("bulkCredit", "BulkCredit", given, "operation { id }")
    credits, invoices = [], []
    for n, customer in enumerate(customers):
        adding = {
            "customerId": customer,
            "asset": CURRENCY,
            "amount": "1000000",
            "reason": "GOODWILL",
            "autoApply": False,
        }
        line = {"description": "Goods", "quantity": 1, "unitPrice": "1000000"}
        owing = {
            "customerId": customer,
            "number": f"I{n}",
            "currency": CURRENCY,
            "lines": [line],
            "autoApplyCredit": False,
        }
        added = do("adjustCredit", "AdjustCredit", {**adding, "idempotencyKey": f"a{n}"}, "credit { id }")
        owed = do("createInvoice", "CreateInvoice", {**owing, "idempotencyKey": f"i{n}"}, "invoice { id }")
        credits.append(added["credit"]["id"])
        invoices.append(owed["invoice"]["id"])
    return _Made(customers, credits, invoices, reward["reward"]["id"], service["service"]["id"])


def _orders(
    server: Server, stock: Server, tenant: Tenant, managers: list[str], made: _Made
) -> dict[str, tuple[Server, Order]]:
    """By name, where each is sent and what."""
    few, many = tenant.tokens[:AT_ONCE], tenant.tokens[:MANY_AT_ONCE]
    one = tenant.customers[USED : USED + 1]
    others = tenant.customers[USED + 1 :]
    found = {
        STOCK: (stock, adjust_order(stock, few, others, "stock-16")),
        STOCK_64: (stock, adjust_order(stock, many, others, "stock-64")),
        ADJUST: (server, adjust_order(server, few, others, "adjust-16")),
        ADJUST_64: (server, adjust_order(server, many, others, "adjust-64")),
        ONE_64: (server, adjust_order(server, many, one, "one-64")),
    }
    line = {"description": "Goods", "quantity": 1, "unitPrice": "0.01"}
    removing = {"asset": CURRENCY, "amount": "-0.01", "reason": "CORRECTION"}
    given: dict[str, tuple[dict[str, Any], list[str]]] = {
        "adjustCredit, removing": ({"customerId": PICK, **removing}, made.customers),
        "assignCredit": ({"creditId": PICK, "assignments": [{"invoiceId": PARTNER, "amount": "0.01"}]}, made.credits),
        "giveReward": ({"customerId": PICK, "rewardId": made.reward, "deductPoints": True}, made.customers),
        "useCredit": ({"customerId": PICK, "serviceId": made.service, "amount": "1"}, made.customers),
        "recordPayment": ({"invoiceId": PICK, "amount": "0.01", "method": "CARD"}, made.invoices),
        "createInvoice, auto-applied": (
            {"customerId": PICK, "number": KEY, "currency": CURRENCY, "lines": [line]},
            made.customers,
        ),
    }
    for n, (name, (variables, ids)) in enumerate(given.items()):
        field, type_ = POSTINGS[name]
        order = Order(
            port=server.port,
            tokens=managers,
            query=f"mutation($input: {type_}Input!) {{ {field} }}",
            variables={"input": {**variables, "idempotencyKey": KEY}},
            ids=ids,
            expected=NO_ERRORS,
            prefix=f"posting-{n}",
            partners=made.invoices if ids is made.credits else [],
        )
        found[name] = server, order
    read = Order(server.port, managers, _PAGE, {"id": PICK}, made.customers, '"balances":[{', "page")
    found[PAGE] = server, read
    found[LIST] = server, replace(read, query=_LIST, variables={}, ids=[""], expected='"balances":[{', prefix="list")
    return found


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of one request."""

    statements: float
    garbage: float


def _counted(rig: Rig, server: Server, order: Order, turn: int) -> _Counts:
    """Send some requests, one after the other, and then as many that are counted. turn: how many came before."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    requests = Requests(order)
    headers = {"content-type": "application/json", "authorization": f"Bearer {order.tokens[0]}"}

    def send() -> None:
        for _ in range(COUNTED):
            connection.request("POST", "/graphql", requests.body(), headers)
            answer = connection.getresponse().read().decode()
            if order.expected not in answer or '"errors":' in answer:
                raise RuntimeError(f"not as expected: {answer[:500]}")

    try:
        send()
        before = _tell(rig, server, 2 * turn + 1)
        send()
        after = _tell(rig, server, 2 * turn + 2)
    finally:
        connection.close()
    return _Counts(*((after[what] - before[what]) / COUNTED for what in ("statements", "garbage")))


def _tell(rig: Rig, server: Server, signals: int) -> dict[str, int]:
    """The server's counts at the signal of this number."""
    os.kill(server.pid, signal.SIGUSR1)
    file, give_up = counts_file(rig.folder, server.pid), time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        if file.exists():
            counts: dict[str, int] = json.loads(file.read_text())
            if counts["signals"] == signals:
                return counts
        time.sleep(0.01)
    raise RuntimeError("the server did not count")


def _print(runs: dict[str, list[Run]], counts: dict[str, _Counts], seconds: int) -> None:
    print(
        f"Requests: medians of {len(runs[ADJUST])} x {seconds} s; µs of CPU time, statements, objects in cycles, each"
    )
    head = ["what", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", "statements", "garbage"]
    print_table(head, [_row(measured, name, counts.get(name)) for name, measured in runs.items()])

    def of(what: str, to: str, figure: Callable[[Run], float]) -> float:
        return median(figure(a) / figure(b) for a, b in zip(runs[what], runs[to], strict=True))

    rows = [
        _verdict(f"CPU of {what}, of {stock}", of(what, stock, _cpu), OF_STOCK)
        for what, stock in ((ADJUST_64, STOCK_64), (ADJUST, STOCK), (ONE_64, STOCK_64))
    ]
    rows += [_verdict(f"CPU of {what}, of {ADJUST}", of(what, ADJUST, _cpu), OF_ADJUST) for what in POSTINGS]
    rate = of(ONE_64, ADJUST_64, lambda run: run.rate)
    rows.append([f"rate of {ONE_64}, of {ADJUST_64}", f"{rate:.2f}", ">= 1.00", "yes" if rate >= 1 else "NO"])
    for what in (PAGE, LIST):
        server = median(run.cpu.server / len(run.latencies) for run in runs[what]) * 1e6
        verdict = "yes" if server <= PAGE_US else "NO"
        rows.append([f"server µs of {what}", f"{server:,.0f}", f"<= {PAGE_US}", verdict])
    worst = max(count.garbage for count in counts.values())
    rows.append(["objects in cycles, each request, at most", f"{worst:.2f}", "<= 0.00", "yes" if worst <= 0 else "NO"])
    print_table(["figure", "measured", "expected", ""], rows)


def _cpu(run: Run) -> float:
    return (run.cpu.server + run.cpu.postgres) / len(run.latencies)


def _verdict(text: str, ratio: float, most: float) -> list[str]:
    return [text, f"{ratio:.2f}", f"<= {most:.2f}", "yes" if ratio <= most else "NO"]


def _row(measured: list[Run], name: str, count: _Counts | None) -> list[str]:
    middle, end = (milliseconds(median(run.quantile(q) for run in measured)) for q in (0.5, 0.99))
    server, postgres = (
        microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured))
        for part in ("server", "postgres")
    )
    rate = median(run.rate for run in measured)
    counted = ["-", "-"] if count is None else [f"{count.statements:.1f}", f"{count.garbage:.2f}"]
    return [name, f"{rate:,.0f}", middle, end, server, postgres, *counted]

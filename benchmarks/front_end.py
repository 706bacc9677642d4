"""A front end's views of customers: one's page, and a list of fifty with their balances.

Each runs right beside an empty mutation of stock Strawberry. And of each, one request at a time: the statements that
PostgreSQL is sent, and the objects that are left to the garbage collector. A list is measured at several lengths.
"""

from statistics import median
from typing import Final

from benchmarks.adjust import adjust_order, cost
from benchmarks.counts import Counted, count
from benchmarks.load import PICK, Order
from benchmarks.report import Figure, Line, draw, microseconds, milliseconds, print_figures, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from benchmarks.shop import Shop, make_shop

CONNECTIONS: Final = 16
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST_SERVER_US, MOST_POSTGRES_US = 800, 450
LISTED: Final = 50
LENGTHS: Final = (1, 5, 20, LISTED, 100)
PAGE: Final = "page"
_LIST: Final = "{{ customers(first: {}) {{ edges {{ node {{ id name balances {{ asset available }} }} }} }} }}"
DOCUMENTS: Final = {
    PAGE: """query($id: ID!) { node(id: $id) { ... on Customer { id name
      balances { asset available }
      account(asset: "GBP") { credits(first: 5) { edges { node { id remaining expiresAt } } } }
      ledger(first: 10) { edges { node { sequence amount balanceAfter createdAt transaction { kind reason } } } }
      invoices(first: 5) { edges { node { id number total due status } } } } } }""",
    **{f"{length} customers with balances": _LIST.format(length) for length in LENGTHS},
}
LIST: Final = f"{LISTED} customers with balances"


def run(rig: Rig) -> None:
    """Measure and print."""
    shop = make_shop(rig, CONNECTIONS)
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    pairs: dict[str, list[tuple[Run, Run]]] = {what: [] for what in DOCUMENTS}
    with rig.server() as server, rig.server(program="benchmarks.stock_strawberry") as stock:
        for repetition in range(repetitions):
            for what in DOCUMENTS:
                empty = adjust_order(stock, shop.tokens, shop.customers, "empty")
                orders = [(server, _order(server, shop, what)), (stock, empty)]
                turn = orders if repetition % 2 else orders[::-1]
                found = {each.pid: over_http(rig, each, order, seconds=seconds) for each, order in turn}
                pairs[what].append((found[server.pid], found[stock.pid]))
    counted = count(rig, lambda server, what, _: _order(server, shop, what), list(DOCUMENTS))
    _print(pairs, counted, seconds)


def _order(server: Server, shop: Shop, what: str) -> Order:
    return Order(
        port=server.port,
        tokens=shop.tokens,
        query=DOCUMENTS[what],
        variables={"id": PICK} if what == PAGE else {},
        ids=shop.customers,
        expected='"available":',
        prefix="read",
    )


def _print(pairs: dict[str, list[tuple[Run, Run]]], counted: dict[str, Counted], seconds: int) -> None:
    repetitions = len(pairs[PAGE])
    title = f"Reads, {CONNECTIONS} connections: medians of {repetitions} x {seconds} s; µs of CPU per request"
    rows = []
    for what, measured in pairs.items():
        own = [each for each, _ in measured]
        times = [milliseconds(median(each.quantile(q) for each in own)) for q in (0.5, 0.99)]
        parts = [microseconds(median(_part(each, part) for each in own)) for part in ("server", "postgres")]
        rows.append([what, f"{median(each.rate for each in own):,.0f}", *times, *parts, *counted[what].row()])
    print_table(["", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", *Counted.HEAD], rows, title=title)
    _print_figures(pairs, counted)
    for part, name in (("server", "server"), ("postgres", "PostgreSQL")):
        by_length = ((length, pairs[f"{length} customers with balances"]) for length in LENGTHS)
        points = [(float(n), median(_part(each, part) for each, _ in found) * 1e6) for n, found in by_length]
        draw(Line("Customers with balances by length of the list", name, "customers", "CPU per request, µs", points))


def _print_figures(pairs: dict[str, list[tuple[Run, Run]]], counted: dict[str, Counted]) -> None:
    figures = []
    for what in (PAGE, LIST):
        server = [_part(each, "server") * 1e6 for each, _ in pairs[what]]
        figures.append(Figure(f"{what}: server CPU", server, "µs", most=MOST_SERVER_US))
        postgres = [_part(each, "postgres") * 1e6 for each, _ in pairs[what]]
        bound = MOST_POSTGRES_US if what == PAGE else None
        figures.append(Figure(f"{what}: PostgreSQL CPU", postgres, "µs", most=bound))
        ratios = [cost(each) / cost(empty) for each, empty in pairs[what]]
        figures.append(Figure(f"{what}: CPU, of stock Strawberry's empty mutation", ratios))
        figures.append(Figure(f"{what}: statements", [counted[what].statements]))
        figures.append(Figure(f"{what}: left in cycles", [counted[what].garbage], "objects", most=0))
    print_figures("a front end's reads", figures)


def _part(run: Run, part: str) -> float:
    """Seconds of CPU time per request of `server` or `postgres`."""
    return float(getattr(run.cpu, part)) / len(run.latencies)

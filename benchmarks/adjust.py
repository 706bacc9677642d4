"""adjustCredit over HTTP, beside stock Strawberry, the same server without its ledger, and pgbench writing the same rows.

The machine's speed changes from one minute to the next, so they are all measured in turn, again and again, and only the
ratio between neighbours counts: the median of it over the repetitions. One process may take a fifth more than the next
with the same code, and more, for as long as it runs, so that each repetition has new servers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg

from app.postgres.embedded import APP
from benchmarks.data import CURRENCY, CUSTOMERS, REASON, Tenant, make_tenant, prove
from benchmarks.load import KEY, PICK, Order
from benchmarks.meter import memory_bytes
from benchmarks.report import Figure, Line, draw, microseconds, milliseconds, print_figures, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, by_pgbench, over_http

CONNECTIONS: Final = (1, 16, 64)
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
UNIFORM, ONE = "uniform", "one"
SCRIP, STOCK, EMPTY, PGBENCH = "Scrip", "stock Strawberry", "no ledger", "pgbench"
DOCUMENT: Final = """mutation Adjust($input: AdjustCreditInput!) {
  adjustCredit(input: $input) { transaction { id } account { available } credit { id } userErrors { code message } }
}"""
_COST: Final = "CPU per request, server and PostgreSQL, µs"
NOISY: Final = 0.1
"""The share of the machine's time, taken by other processes, from which it is worth a warning."""

Case = tuple[str, int, str]
"""Name, connections, accounts."""
Runs = dict[Case, list[Run]]


Measure = Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A case beside another by a measure of both, and the bounds of their ratio if it is expected to keep any."""

    text: str
    case: Case
    to: Case
    by: Measure
    least: float | None = None
    most: float | None = None

    def figure(self, runs: Runs) -> Figure:
        pairs = zip(runs[self.case], runs[self.to], strict=True)
        return Figure(self.text, [self.by(a) / self.by(b) for a, b in pairs], least=self.least, most=self.most)


def rate(run: Run) -> float:
    return run.rate


def cost(run: Run) -> float:
    """Seconds of CPU time for each request, of the server and PostgreSQL together."""
    return (run.cpu.server + run.cpu.postgres) / len(run.latencies)


_EACH: Final = [(n, n > 1) for n in CONNECTIONS]
"""With the numbers of connections: whether something is expected. One connection has nobody to share a commit with."""
COMPARISONS: Final = (
    *(
        Comparison(
            f"CPU, uniform, of stock Strawberry's empty mutation, {n}",
            (SCRIP, n, UNIFORM),
            (STOCK, n, UNIFORM),
            cost,
            most=1.4 if bound else None,
        )
        for n, bound in _EACH
    ),
    *(
        Comparison(f"CPU, one account, of stock Strawberry's, {n}", (SCRIP, n, ONE), (STOCK, n, UNIFORM), cost)
        for n in CONNECTIONS
    ),
    *(
        Comparison(f"CPU, uniform, of no ledger's, {n}", (SCRIP, n, UNIFORM), (EMPTY, n, UNIFORM), cost)
        for n in CONNECTIONS
    ),
    *(
        Comparison(
            f"rate, all on one account, of uniform, {n}",
            (SCRIP, n, ONE),
            (SCRIP, n, UNIFORM),
            rate,
            least=1.0 if bound else None,
        )
        for n, bound in _EACH
    ),
    *(
        Comparison(
            f"rate, all on one account, of pgbench's, {n}",
            (SCRIP, n, ONE),
            (PGBENCH, n, ONE),
            rate,
            least=3.5 if bound else None,
        )
        for n, bound in _EACH
    ),
    *(
        Comparison(f"rate, uniform, of pgbench's, {n}", (SCRIP, n, UNIFORM), (PGBENCH, n, UNIFORM), rate)
        for n in CONNECTIONS
    ),
    *(
        Comparison(
            f"rate, uniform, of no ledger's, {n}",
            (SCRIP, n, UNIFORM),
            (EMPTY, n, UNIFORM),
            rate,
            least=0.5 if bound else None,
        )
        for n, bound in _EACH
    ),
)


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    asyncio.run(_add_function(rig))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    print(f"A bulkCredit of {CUSTOMERS:,} rows, onto accounts that are there: {tenant.bulk_s:.1f} s")
    runs: Runs = {}
    for repetition in range(repetitions):
        with (
            rig.server() as real,
            rig.server("benchmarks.ablations.ledger") as empty,
            rig.server(program="benchmarks.stock_strawberry") as stock,
        ):
            print(f"Server ready after {real.start_s:.1f} s, with {memory_bytes(real.pid) / 2**20:.0f} MB")
            cases = _cases(rig, tenant, {SCRIP: real, EMPTY: empty, STOCK: stock}, seconds)
            for server in (real, empty, stock):
                warm_up(rig, tenant, server, max(CONNECTIONS), repetition)
            # Back and forth, so that nothing always comes right after the same thing.
            for case in list(cases) if repetition % 2 == 0 else reversed(cases):
                runs.setdefault(case, []).append(cases[case](repetition))
            print(f"Server after the run: {memory_bytes(real.pid) / 2**20:.0f} MB")
    proof = prove(rig, tenant)
    print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences\n")
    _print(runs, seconds)


async def _add_function(rig: Rig) -> None:
    connection = await asyncpg.connect(rig.urls.owner)
    try:
        await connection.execute((Path(__file__).parent / "bench_adjust.sql").read_text())
        await connection.execute(f"GRANT EXECUTE ON FUNCTION bench_adjust TO {APP}")
    finally:
        await connection.close()


def _cases(rig: Rig, tenant: Tenant, servers: dict[str, Server], seconds: int) -> dict[Case, Callable[[int], Run]]:
    """The cases to measure; each takes the repetition's number."""

    def http(what: str, n: int, accounts: str) -> Callable[[int], Run]:
        server = servers[what]
        ids = tenant.customers if accounts == UNIFORM else tenant.customers[:1]
        return lambda repetition: over_http(
            rig, server, adjust_order(server, tenant.tokens[:n], ids, f"{accounts}-{n}-{repetition}"), seconds=seconds
        )

    def pgbench(n: int, accounts: str) -> Callable[[int], Run]:
        last = CUSTOMERS if accounts == UNIFORM else 1
        script = f"\\set customer random(1, {last})\nSELECT bench_adjust(:customer, :client_id);\n"
        return lambda _: by_pgbench(rig, tenant.id, script, connections=n, seconds=seconds)

    cases: dict[Case, Callable[[int], Run]] = {}
    for n in CONNECTIONS:
        cases[PGBENCH, n, UNIFORM] = pgbench(n, UNIFORM)
        cases[EMPTY, n, UNIFORM] = http(EMPTY, n, UNIFORM)
        cases[STOCK, n, UNIFORM] = http(STOCK, n, UNIFORM)
        cases[SCRIP, n, UNIFORM] = http(SCRIP, n, UNIFORM)
        cases[SCRIP, n, ONE] = http(SCRIP, n, ONE)
        cases[PGBENCH, n, ONE] = pgbench(n, ONE)
    return cases


def warm_up(rig: Rig, tenant: Tenant, server: Server, connections: int, repetition: int) -> None:
    """Not measured: a new server makes its connections, and each of these prepares its statements."""
    prefix = f"warm-{connections}-{repetition}-{server.pid}"
    over_http(rig, server, adjust_order(server, tenant.tokens[:connections], tenant.customers, prefix), seconds=1)


def adjust_order(server: Server, tokens: list[str], ids: list[str], prefix: str) -> Order:
    """One adjustCredit after the other, of 1.50 for one of the customers `ids`."""
    wanted = {"customerId": PICK, "asset": CURRENCY, "amount": "1.50", "reason": REASON, "idempotencyKey": KEY}
    return Order(
        port=server.port,
        tokens=tokens,
        query=DOCUMENT,
        variables={"input": wanted},
        ids=ids,
        expected='"userErrors":[]',
        prefix=prefix,
    )


def _print(runs: Runs, seconds: int) -> None:
    count = len(next(iter(runs.values())))
    head = ["connections", "accounts", "what", "req/s", "from-to", "p50 ms", "p99 ms"]
    in_order = sorted(runs.items(), key=lambda item: (item[0][1], item[0][2] != UNIFORM, item[0][0]))
    title = f"adjustCredit: medians of {count} x {seconds} s; µs of CPU time per request"
    rows = [_row(*item) for item in in_order]
    print_table([*head, "server µs", "PostgreSQL µs", "driver µs"], rows, left=3, title=title)
    print_figures("adjustCredit, ratio at so many connections", [each.figure(runs) for each in COMPARISONS])
    for what, accounts in dict.fromkeys((what, accounts) for what, _, accounts in runs):
        points = [(float(n), median(cost(run) for run in runs[what, n, accounts]) * 1e6) for n in CONNECTIONS]
        draw(Line("adjustCredit by connections", f"{what}, {accounts}", "connections", _COST, points))
    _warn(runs)


def _row(case: Case, measured: list[Run]) -> list[str]:
    what, connections, accounts = case
    rates = [run.rate for run in measured]
    middle, end = (milliseconds(median(run.quantile(q) for run in measured)) for q in (0.5, 0.99))
    server, postgres, driver = (
        microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured))
        for part in ("server", "postgres", "driver")
    )
    return [
        str(connections),
        accounts,
        what,
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f}-{max(rates):,.0f}",
        middle,
        end,
        "-" if what == PGBENCH else server,
        postgres,
        driver,
    ]


def _warn(runs: Runs) -> None:
    others = median(r.cpu.others / r.seconds for all_runs in runs.values() for r in all_runs)
    if others > NOISY:
        print(f"Others on this machine used {others:.2f} of a processor meanwhile: measure again when it is quiet.")

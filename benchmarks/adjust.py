"""adjustCredit over HTTP, beside the same server without its ledger, and beside pgbench writing the same rows.

The machine's speed changes from one minute to the next, so the three are measured in turn, again and again, and only
the ratio between neighbours counts: the median of it over the repetitions.
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
from benchmarks.report import microseconds, milliseconds, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, by_pgbench, over_http

CONNECTIONS: Final = (1, 16, 64)
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
UNIFORM, ONE = "uniform", "one"
SCRIP, EMPTY, PGBENCH = "Scrip", "no ledger", "pgbench"
DOCUMENT: Final = """mutation Adjust($input: AdjustCreditInput!) {
  adjustCredit(input: $input) { transaction { id } account { available } credit { id } userErrors { code message } }
}"""
NOISY: Final = 0.1
"""The share of the machine's time, taken by other processes, from which it is worth a warning."""

Case = tuple[str, int, str]
"""Name, connections, accounts."""
Runs = dict[Case, list[Run]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A ratio of two rates, and the least it is expected to be; None if it is just good to know."""

    text: str
    case: Case
    to: Case
    least: float | None


EXPECTATIONS: Final = (
    *(
        Expectation(f"of the rate without the ledger, uniform, {n}", (SCRIP, n, UNIFORM), (EMPTY, n, UNIFORM), least)
        for n, least in ((1, None), (16, 0.5), (64, 0.5))
    ),
    *(
        Expectation(f"of the uniform rate, all on one account, {n}", (SCRIP, n, ONE), (SCRIP, n, UNIFORM), least)
        for n, least in ((1, None), (16, 0.9), (64, 0.9))
    ),
    *(
        Expectation(f"of pgbench's rate, all on one account, {n}", (SCRIP, n, ONE), (PGBENCH, n, ONE), least)
        for n, least in ((1, None), (16, None), (64, 1.0))
    ),
    *(
        Expectation(f"of pgbench's rate, uniform, {n}", (SCRIP, n, UNIFORM), (PGBENCH, n, UNIFORM), None)
        for n in CONNECTIONS
    ),
)


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    asyncio.run(_add_function(rig))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    with rig.server() as real, rig.server("benchmarks.ablations.ledger") as empty:
        print(f"A bulkCredit of {CUSTOMERS:,} rows, onto accounts that are there: {tenant.bulk_s:.1f} s")
        print(f"Server ready after {real.start_s:.1f} s, with {memory_bytes(real.pid) / 2**20:.0f} MB")
        cases = _cases(rig, tenant, real, empty, seconds)
        runs: Runs = {case: [] for case in cases}
        for repetition in range(repetitions):
            # Back and forth, so that nothing always comes right after the same thing.
            for case in list(cases) if repetition % 2 == 0 else reversed(cases):
                runs[case].append(cases[case](repetition))
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


def _cases(rig: Rig, tenant: Tenant, real: Server, empty: Server, seconds: int) -> dict[Case, Callable[[int], Run]]:
    """The cases to measure; each takes the repetition's number."""

    def http(server: Server, n: int, accounts: str) -> Callable[[int], Run]:
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
        cases[EMPTY, n, UNIFORM] = http(empty, n, UNIFORM)
        cases[SCRIP, n, UNIFORM] = http(real, n, UNIFORM)
        cases[SCRIP, n, ONE] = http(real, n, ONE)
        cases[PGBENCH, n, ONE] = pgbench(n, ONE)
    return cases


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
    print(f"adjustCredit: medians of {count} x {seconds} s; µs of CPU time per request")
    head = ["connections", "accounts", "what", "req/s", "from-to", "p50 ms", "p99 ms"]
    in_order = sorted(runs.items(), key=lambda item: (item[0][1], item[0][2] != UNIFORM, item[0][0]))
    print_table([*head, "server µs", "PostgreSQL µs", "driver µs"], [_row(*item) for item in in_order], left=3)
    rows = []
    for e in EXPECTATIONS:
        ratio = median(a.rate / b.rate for a, b in zip(runs[e.case], runs[e.to], strict=True))
        verdict = "" if e.least is None else "yes" if ratio >= e.least else "NO"
        rows.append([e.text, f"{ratio:.2f}", "" if e.least is None else f">= {e.least:.2f}", verdict])
    print_table(["ratio of rates", "measured", "expected", ""], rows)
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

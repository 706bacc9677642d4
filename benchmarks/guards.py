"""What is paid for being safe: adjustCredit as it is, beside the same server without limits, row security and so on.

Measured as CPU time per request, of the server and PostgreSQL together, in turn and back and forth: what counts is the
median of the ratios between neighbours.
"""

import asyncio
from contextlib import ExitStack
from secrets import token_hex
from statistics import median
from typing import Final

import asyncpg

from app.embedded import APP
from benchmarks.adjust import UNIFORM, adjust_order
from benchmarks.data import Tenant, make_tenant, prove
from benchmarks.report import microseconds, print_table
from benchmarks.runs import Run, over_http
from benchmarks.stand import Server, Stand

CONNECTIONS: Final = 16
REPETITIONS, SECONDS = 9, 2
QUICK_REPETITIONS, QUICK_SECONDS = 3, 1
AS_IT_IS: Final = "as it is"
MOST: Final = 0.1
"""The share of a request that all of it together may take."""
_WITHOUT: Final = {
    "limits": ("benchmarks.without.limits",),
    "row security": (),
    "token checks": ("benchmarks.without.token_checks",),
    "rate limits": (),
    "all of them": ("benchmarks.without.limits", "benchmarks.without.token_checks"),
}


def run(stand: Stand) -> None:
    """Measure and print."""
    tenant = make_tenant(stand)
    unbound = {"DATABASE_URL": asyncio.run(_unbound_role(stand))}
    unlimited = {"SCRIP_RATE_LIMIT": "0"}
    settings = {"row security": unbound, "rate limits": unlimited, "all of them": unbound | unlimited}
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if stand.quick else (REPETITIONS, SECONDS)
    runs: dict[str, list[Run]] = {name: [] for name in (AS_IT_IS, *_WITHOUT)}
    with ExitStack() as open_servers:
        servers = {AS_IT_IS: open_servers.enter_context(stand.server())}
        for name, changes in _WITHOUT.items():
            servers[name] = open_servers.enter_context(stand.server(*changes, **settings.get(name, {})))
        for repetition in range(repetitions):
            for name in list(servers) if repetition % 2 == 0 else reversed(servers):
                runs[name].append(_measure(stand, tenant, servers[name], f"{name}-{repetition}", seconds))
    proof = prove(stand, tenant)
    print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences\n")
    _print(runs, seconds)


async def _unbound_role(stand: Stand) -> str:
    """The URL of a role with the app's rights, whom no policy binds."""
    name, password = "bench_unbound", token_hex(16)
    admin = await asyncpg.connect(stand.urls.admin)
    try:
        await admin.execute(f"CREATE ROLE {name} LOGIN BYPASSRLS PASSWORD '{password}' IN ROLE {APP}")
    finally:
        await admin.close()
    rest = stand.urls.app.partition("@")[2]
    return f"postgresql://{name}:{password}@{rest}"


def _measure(stand: Stand, tenant: Tenant, server: Server, prefix: str, seconds: int) -> Run:
    order = adjust_order(server, tenant.tokens[:CONNECTIONS], tenant.customers, f"{UNIFORM}-{prefix}")
    return over_http(stand, server, order, seconds=seconds)


def _cost(run: Run) -> float:
    """Seconds of CPU time for each request."""
    return (run.cpu.server + run.cpu.postgres) / len(run.latencies)


def _print(runs: dict[str, list[Run]], seconds: int) -> None:
    whole = runs[AS_IT_IS]
    print(f"adjustCredit, {CONNECTIONS} connections, uniform: medians of {len(whole)} x {seconds} s; CPU per request")
    rows = [["nothing", *_times(whole), "", "", ""]]
    for name in _WITHOUT:
        share = median(1 - _cost(less) / _cost(full) for less, full in zip(runs[name], whole, strict=True))
        expected = f"<= {MOST:.2f}" if name == "all of them" else ""
        verdict = ("yes" if share <= MOST else "NO") if expected else ""
        rows.append([name, *_times(runs[name]), f"{share:+.3f}", expected, verdict])
    print_table(["without", "server µs", "PostgreSQL µs", "share of a request", "expected", ""], rows)


def _times(measured: list[Run]) -> list[str]:
    parts = ("server", "postgres")
    return [microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured)) for part in parts]

"""The price of safety: adjustCredit as it is, beside the same server without limits, row security and so on; and the price
of events, where the tenant's feed is followed.

Measured as CPU time per request, of the server and PostgreSQL together. Each of them runs right beside the server as it
is, now before it and now after it: only the median of the ratios within the pairs counts. Each pair is two new processes:
one may take a fifth more than the next with the same code, and more, for as long as it runs.
"""

import asyncio
from secrets import token_hex
from statistics import median
from typing import Final

import asyncpg

from app.postgres.embedded import APP
from benchmarks.adjust import UNIFORM, adjust_order, cost, warm_up
from benchmarks.data import Tenant, make_tenant, prove
from benchmarks.report import Figure, microseconds, print_figures, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http

CONNECTIONS: Final = 16
REPETITIONS, SECONDS = 8, 2
QUICK_REPETITIONS, QUICK_SECONDS = 2, 1
AS_IT_IS: Final = "nothing"
MOST: Final = 0.1
"""The share of a request that limits, row security and token checks may take together."""
TOGETHER: Final = "these three"
EVENTS: Final = "events"
MOST_FOR_EVENTS: Final = 0.03
"""Positions are given after the commit: a posting pays for the hint alone that there is something to give one to."""
Pair = tuple[Run, Run]
"""The server as it is, and the one without."""
_WITHOUT: Final = {
    "limits": ("benchmarks.ablations.limits",),
    "row security": ("benchmarks.ablations.any_role",),
    "token checks": ("benchmarks.ablations.token_checks",),
    TOGETHER: tuple(f"benchmarks.ablations.{each}" for each in ("limits", "any_role", "token_checks")),
    "rate limits": (),
    EVENTS: ("benchmarks.ablations.feed",),
}
_MOST: Final = {TOGETHER: MOST, EVENTS: MOST_FOR_EVENTS}


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    unbound = {"DATABASE_URL": asyncio.run(_unbound_role(rig))}
    unlimited = {"SCRIP_RATE_LIMIT": "0"}
    settings = {"row security": unbound, TOGETHER: unbound, "rate limits": unlimited}
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    pairs: dict[str, list[Pair]] = {name: [] for name in _WITHOUT}
    for repetition in range(repetitions):
        for name, changes in _WITHOUT.items():
            whole: tuple[str, ...] = ("benchmarks.ablations.followed",) if name == EVENTS else ()
            pairs[name].append(_pair(rig, tenant, repetition, seconds, whole, changes, settings.get(name, {})))
    proof = prove(rig, tenant)
    print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences\n")
    _print(pairs, seconds)


def _pair(
    rig: Rig,
    tenant: Tenant,
    repetition: int,
    seconds: int,
    whole: tuple[str, ...],
    less: tuple[str, ...],
    settings: dict[str, str],
) -> Pair:
    """Two new servers, with these changes, measured one after the other."""
    with rig.server(*whole) as as_it_is, rig.server(*less, **settings) as without:
        in_turn = (as_it_is, without) if repetition % 2 else (without, as_it_is)
        for server in in_turn:
            warm_up(rig, tenant, server, CONNECTIONS, repetition)
        run_of = {server.pid: _measure(rig, tenant, server, repetition, seconds) for server in in_turn}
        return run_of[as_it_is.pid], run_of[without.pid]


async def _unbound_role(rig: Rig) -> str:
    """The URL of a role with the app's rights that no policy binds."""
    name, password = "bench_unbound", token_hex(16)
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        await admin.execute(f"CREATE ROLE {name} LOGIN BYPASSRLS PASSWORD '{password}' IN ROLE {APP}")
    finally:
        await admin.close()
    rest = rig.urls.app.partition("@")[2]
    return f"postgresql://{name}:{password}@{rest}"


def _measure(rig: Rig, tenant: Tenant, server: Server, repetition: int, seconds: int) -> Run:
    prefix = f"{UNIFORM}-{repetition}-{server.pid}"
    order = adjust_order(server, tenant.tokens[:CONNECTIONS], tenant.customers, prefix)
    return over_http(rig, server, order, seconds=seconds)


def _print(pairs: dict[str, list[Pair]], seconds: int) -> None:
    count = len(next(iter(pairs.values())))
    title = f"adjustCredit, {CONNECTIONS} connections, uniform: medians of {count} x {seconds} s; CPU per request"
    whole = [full for measured in pairs.values() for full, _ in measured]
    rows = [[name, *_times([less for _, less in measured])] for name, measured in pairs.items()]
    print_table(["without", "server µs", "PostgreSQL µs"], [[AS_IT_IS, *_times(whole)], *rows], title=title)
    shares = [
        Figure(name, [1 - cost(less) / cost(full) for full, less in measured], most=_MOST.get(name))
        for name, measured in pairs.items()
    ]
    print_figures("share of a request's CPU", shares)


def _times(measured: list[Run]) -> list[str]:
    parts = ("server", "postgres")
    return [microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured)) for part in parts]

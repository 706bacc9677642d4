"""Stalls: two servers under ordinary load, asked for /health/live every 10 ms while they are attacked.

First nothing happens (idle), then ordinary load alone; then one attack of the corpus after the other beside it.
Measured are the time of /health/live beyond idle, the times of ordinary requests, the wait of a limit that is set, and
the lag of the servers' event loops, from inside.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.attacks import ATTACKS, Big
from benchmarks.data import CUSTOMERS, SLUG, Tenant, make_tenant, prove
from benchmarks.ledger_rows import fill_lots
from benchmarks.probe import ADJUST, CLIENTS, DRIVER, HEALTH, READ, SET_LIMIT, Orders, Seen
from benchmarks.report import milliseconds, print_table
from benchmarks.rig import Rig, Server, stop
from benchmarks.with_lag import lag_file
from models.commands import Actor
from models.ledger import Ledger
from models.operations.keep_totals import keep_totals
from schema.ids import global_id

CONTROL_S, QUICK_CONTROL_S = 10.0, 4.0
SCALE, QUICK_SCALE = 1.0, 0.1
"""Of the documented limits."""
ATTACK_S, QUICK_ATTACK_S = 300.0, 90.0
"""The most that an attack gets; then it is cut off."""
AFTER_S: Final = 1.0
CALM_S, CALM_LIMIT_S = 0.2, 300.0
"""A server is over an attack once it answers that fast; the measurement continues until then."""
INVOICED, LOTS, HISTORY = 10_000, 100_000, 100_000
MOST_S: Final = 0.1
"""More than idle, for /health/live at the 99.9th percentile. From inside it is LAG_S."""
LAG_S: Final = 0.05
LOCKED: Final = CUSTOMERS - 1
IDLE, LOAD = "idle", "ordinary load alone"


@dataclass(frozen=True, slots=True)
class Span:
    """A step, between two instants (seconds since 1970), and its result."""

    name: str
    began: float
    ended: float
    came: str = ""


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    scale = QUICK_SCALE if rig.quick else SCALE
    big = asyncio.run(_big(rig, tenant, scale))
    jobs = {"SCRIP_RUN_JOBS": "true", "SCRIP_LOG_LEVEL": "error"}
    with rig.server("benchmarks.with_lag", **jobs) as one, rig.server("benchmarks.with_lag", **jobs) as two:
        servers = (one, two)
        with _probing(rig, tenant, servers) as prober:
            spans = [_pass(IDLE, QUICK_CONTROL_S if rig.quick else CONTROL_S)]
            prober.send_signal(signal.SIGUSR1)
            time.sleep(AFTER_S)
            spans.append(_pass(LOAD, QUICK_CONTROL_S if rig.quick else CONTROL_S))
            spans += [_attack(rig, tenant, servers, big, name, scale) for name in ATTACKS if rig.part in name]
        seen = Seen.read(rig.folder / "seen.json")
        _print(seen, spans, [_lags(rig, server) for server in servers], scale)
    proof = prove(rig, tenant)
    print(f"Books verified: {proof.entries:,} entries, {sum(proof.found.values())} differences")
    print(proof.found, proof.listed[:4])


async def _big(rig: Rig, tenant: Tenant, scale: float) -> Big:
    """Customers with very much of everything."""
    sizes = [int(size * scale) for size in (INVOICED, LOTS, LOTS, LOTS)]
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        async with open_database(rig.urls.app, pool_min=1, pool_max=2):
            ledger = Ledger()
            actor_id = await ledger.actor_id(tenant.id, Actor("filler", "ADMIN"))
            made = await fill_lots(admin, tenant.id, actor_id, sizes, int(HISTORY * scale))
            await admin.execute("VACUUM ANALYZE")
            while await keep_totals(ledger, tenant.id):  # as `scrip work` would have
                pass
            await ledger.close()
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return Big(*(str(global_id("Customer", customer)) for customer in made))


@contextmanager
def _probing(rig: Rig, tenant: Tenant, servers: tuple[Server, ...]) -> "Iterator[subprocess.Popen[str]]":
    """The process that sends others' requests, until the block ends; then its results are in seen.json."""
    orders = rig.folder / "orders.json"
    admin = _token(rig, Role.ADMIN, "limits")
    # Nobody else may touch the one whose account is held, nor those that the bulks are aimed at.
    ordinary = tenant.customers[CUSTOMERS // 10 : LOCKED - 1]
    Orders([server.port for server in servers], tenant.tokens[:CLIENTS], admin, ordinary).write(orders)
    command = [sys.executable, "-m", "benchmarks.probe", str(orders), str(rig.folder / "seen.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("the probe did not start")
        yield process
    finally:
        stop(process)
    if process.returncode != 0:
        raise RuntimeError(f"the probe ended with status {process.returncode}")


def _token(rig: Rig, role: Role, subject: str, scope: str | None = None) -> str:
    return make_token(
        rig.settings,
        tenant=SLUG,
        role=role,
        subject=subject,
        scope=scope,
        ttl="1d",
        issued_at=datetime.now(UTC),
        token_id=subject,
    )


def _pass(name: str, seconds: float) -> Span:
    began = time.time()
    time.sleep(seconds)
    return Span(name, began, time.time())


def _attack(rig: Rig, tenant: Tenant, servers: tuple[Server, ...], big: Big, name: str, scale: float) -> Span:
    """One of them, until it is over and the servers are themselves again."""
    aim = {
        "name": name,
        "bases": [f"http://127.0.0.1:{server.port}" for server in servers],
        "big": asdict(big),
        "customers": tenant.customers,
        "locked": f"customer-{LOCKED}",
        "database": rig.urls.admin,
        "tenant": SLUG,
        "scale": scale,
        "tokens": {
            "manager": _token(rig, Role.MANAGER, "attacker"),
            "admin": _token(rig, Role.ADMIN, "attacker"),
            "partner": _token(rig, Role.PARTNER, "attacker", "credits:add credits:bulk"),
        },
    }
    orders = rig.folder / "aim.json"
    orders.write_text(json.dumps(aim))
    print(f"{name} …", file=sys.stderr, flush=True)
    began = time.time()
    command = [sys.executable, "-m", "benchmarks.attacks", str(orders)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=QUICK_ATTACK_S if rig.quick else ATTACK_S, check=False
        )
        came = done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]
    except subprocess.TimeoutExpired:
        came = "cut off"
    time.sleep(AFTER_S)
    for server in servers:
        came += _calm(server)
    return Span(name, began, time.time(), f"{time.time() - began - AFTER_S:.1f} s: {came}")


def _calm(server: Server) -> str:
    """Wait until it answers at once. Prints a line if it does not."""
    give_up = time.monotonic() + CALM_LIMIT_S
    while time.monotonic() < give_up:
        began = time.monotonic()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health/live", timeout=CALM_LIMIT_S).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            continue
        if time.monotonic() - began < CALM_S:
            return ""
    return f"; {server.port} does not answer"


def _lags(rig: Rig, server: Server) -> list[tuple[float, float]]:
    """The loop's lags, with their times, in seconds."""
    file = lag_file(rig.folder, server.pid)
    pairs = (line.split() for line in file.read_text().splitlines()) if file.exists() else ()
    return [(float(at), float(late)) for at, late in pairs]


def _print(seen: Seen, spans: list[Span], lags: list[list[tuple[float, float]]], scale: float) -> None:
    def figures(span: Span) -> dict[str, list[float]]:
        return {kind: seen.between(kind, span.began, span.ended) for kind in (HEALTH, ADJUST, READ, SET_LIMIT, DRIVER)}

    idle = _quantile(figures(spans[0])[HEALTH], 0.999)
    rows, faults = [], []
    for span in spans:
        of = figures(span)
        more = _quantile(of[HEALTH], 0.999) - idle
        lag = max((late for each in lags for at, late in each if span.began <= at - late < span.ended), default=0.0)
        wrong = [text for at, text in seen.bad if span.began <= at < span.ended]
        fine = span.name in (IDLE, LOAD) or (more <= MOST_S and not wrong)
        rows.append(
            [
                span.name,
                *(milliseconds(_quantile(of[HEALTH], q)) for q in (0.5, 0.99, 0.999, 1)),
                milliseconds(more),
                "" if fine else "NO",
                milliseconds(lag),
                milliseconds(_quantile(of[ADJUST] + of[READ], 0.99)),
                milliseconds(_quantile(of[ADJUST], 1)),
                milliseconds(_quantile(of[SET_LIMIT], 1)),
                milliseconds(_quantile(of[DRIVER], 0.999)),
                str(len(wrong)),
            ]
        )
        faults += [f"{span.name}: {span.came}"] + [f"    {text}" for text in dict.fromkeys(wrong[:3])]
    print(
        f"/health/live every 10 ms of two servers, milliseconds; attacks of {scale:.0%} of what is allowed. Expected: p99.9 "
        f"at most {MOST_S * 1e3:.0f} more than idle, loops at most {LAG_S * 1e3:.0f} late, nothing bad"
    )
    head = [
        "",
        "p50",
        "p99",
        "p99.9",
        "max",
        "p99.9 more",
        "",
        "loop late",
        "load p99",
        "adjust max",
        "setLimit max",
        "probe p99.9",
        "bad",
    ]
    print_table(head, rows)
    print("What came of them")
    print("\n".join(faults[2:]) + "\n")


def _quantile(sorted_or_not: list[float], q: float) -> float:
    found = sorted(sorted_or_not)
    return found[int(q * (len(found) - 1))] if found else 0.0

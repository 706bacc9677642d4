"""Reads at 1,000,000 entries beside the same at 10,000: a page of the ledger, a search, a balance in the past.

Both tenants are in one database and asked in turn, so that what counts, the ratio of neighbours, is of one minute. In
each of them the account that is asked about has half of all entries.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final
from uuid import UUID

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.ledger_rows import SPAN, Filled, fill
from benchmarks.load import PICK, Order
from benchmarks.report import microseconds, milliseconds, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from models.commands import Actor
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.reads.verify import verify
from schema.ids import global_id

SMALL, LARGE, QUICK_LARGE = 10_000, 1_000_000, 100_000
CONNECTIONS: Final = 4
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST: Final = 1.5
"""Times what it takes at 10,000 entries."""
PICKED: Final = 500
PAGE, LAST_PAGE = "ledger from an instant", "ledger up to one"
_ENTRIES: Final = "edges { node { sequence amount balanceAfter createdAt transaction { kind reason } } }"

DOCUMENTS: Final = {
    PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, from: $pick, first: 50) {{ {_ENTRIES} }} }}",
    LAST_PAGE: f"query($id: ID!, $pick: DateTime) {{ ledger(customerId: $id, to: $pick, last: 50) {{ {_ENTRIES} }} }}",
    "search": "query($pick: String!) { customers(search: $pick, first: 20) { edges { node { id name email } } } }",
    "balanceAt": "query($id: ID!, $pick: DateTime!) { node(id: $id) { ... on Account { balanceAt(at: $pick) } } }",
}


@dataclass(frozen=True, slots=True)
class Tenant:
    """One of the two, with a token of its own."""

    id: UUID
    entries: int
    token: str
    filled: Filled


def run(rig: Rig) -> None:
    """Measure and print."""
    tenants = asyncio.run(_make(rig, (SMALL, QUICK_LARGE if rig.quick else LARGE)))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    runs: dict[tuple[str, int], list[Run]] = {(what, t.entries): [] for what in DOCUMENTS for t in tenants}
    with rig.server() as server:
        for repetition in range(repetitions):
            for what in DOCUMENTS:
                for tenant in tenants if repetition % 2 == 0 else reversed(tenants):
                    order = _order(server, tenant, what)
                    runs[what, tenant.entries].append(over_http(rig, server, order, seconds=seconds))
    _print(runs, tenants, seconds)


async def _make(rig: Rig, sizes: tuple[int, ...]) -> list[Tenant]:
    found = []
    async with open_database(rig.urls.app, pool_min=1, pool_max=2):
        admin = await asyncpg.connect(rig.urls.admin)
        ledger = Ledger()
        for size in sizes:
            slug = f"entries-{size}"
            tenant_id = await create_tenant(ledger, slug, slug, "Europe/London")
            actor_id = await ledger.actor_id(tenant_id, Actor("filler", "ADMIN"))
            filled = await fill(admin, tenant_id, actor_id, size, first_id=size * 10)
            token = make_token(
                rig.settings, tenant=slug, role=Role.ADMIN, subject="reader", issued_at=filled.until, token_id=slug
            )
            found.append(Tenant(tenant_id, size, token, filled))
        await ledger.close()
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
        await admin.close()
        for tenant in found:
            proof = await verify(tenant.id)
            if not proof.holds or not 0.98 < proof.entries / tenant.entries <= 1:
                raise RuntimeError(f"the rows made are not right: {proof.entries} entries, {proof.listed[:3]}")
    return found


def _order(server: Server, tenant: Tenant, what: str) -> Order:
    filled = tenant.filled
    variables: dict[str, object] = {"pick": PICK}
    if what == "search":
        picks = [f"customer {random.randrange(filled.customers) // 10:06}" for _ in range(PICKED)]  # noqa: S311
    else:
        about = ("Account", filled.account_id) if what == "balanceAt" else ("Customer", filled.customer_id)
        variables["id"] = global_id(*about)
        instants = [filled.until - SPAN * random.uniform(0.1, 0.9) for _ in range(PICKED)]  # noqa: S311
        picks = [instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for instant in instants]
    expected = {"search": '"name":"Customer', "balanceAt": '"balanceAt":"'}.get(what, '"balanceAfter"')
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
    small, large = (tenant.entries for tenant in tenants)
    count = len(next(iter(runs.values())))
    print(f"Reads: medians of {count} x {seconds} s, {CONNECTIONS} connections; µs of CPU time per request")
    head = ["read", "entries", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs"]
    print_table(head, [_row(what, entries, measured) for (what, entries), measured in runs.items()])

    def times(what: str, figure: Callable[[Run], float]) -> float:
        return median(figure(b) / figure(a) for a, b in zip(runs[what, small], runs[what, large], strict=True))

    rows = []
    for what in DOCUMENTS:
        ratio = times(what, lambda run: 1 / run.rate)
        database = times(what, lambda run: run.cpu.postgres / len(run.latencies))
        rows.append([what, f"{ratio:.2f}", f"<= {MOST:.2f}", "yes" if ratio <= MOST else "NO", f"{database:.2f}"])
    head = [f"time at {large:,} entries, of that at {small:,}", "measured", "expected", "", "PostgreSQL alone"]
    print_table(head, rows)


def _row(what: str, entries: int, measured: list[Run]) -> list[str]:
    middle, end = (milliseconds(median(run.quantile(q) for run in measured)) for q in (0.5, 0.99))
    server, postgres = (
        microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured))
        for part in ("server", "postgres")
    )
    return [what, f"{entries:,}", f"{median(run.rate for run in measured):,.0f}", middle, end, server, postgres]

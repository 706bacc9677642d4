"""The proof of the books: recomputes every figure that can be, and compares everything else with its hash.

In one snapshot, so that it can run beside the service:

- figures, from the entries, lines, payments and assignments that they sum up (verify_checks.py, verify_totals.py,
  verify_standings.py);
- the feed, with what it tells of (verify_feed.py);
- transactions' facts and credits' terms, with the digests under the entries' hashes, and these with the chains;
- every other row, with its seal (verify_seals.py), and that every row named by another one exists;
- the heads of all accounts, with the last checkpoint (verify_checkpoints.py).

The books alone cannot prove that they were not rewritten whole, with every digest: that takes a copy kept elsewhere.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.checkpoints import Checkpoint
from models.pool import Raw, is_spread
from models.reads.proof import MAX_LISTED, Difference, Proof
from models.reads.verify_checkpoints import compare_checkpoints
from models.reads.verify_checks import COUNTS, LEDGER_CHECKS, Check
from models.reads.verify_feed import FEED_CHECKS
from models.reads.verify_few import FEW_CHECKS
from models.reads.verify_hashes import HASH_CHECKS
from models.reads.verify_holds import HOLD_CHECKS
from models.reads.verify_links import LINK_CHECKS
from models.reads.verify_moving import MOVING_CHECKS
from models.reads.verify_notes import NOTE_CHECKS
from models.reads.verify_people import OTHER_CHECKS
from models.reads.verify_seals import SEAL_CHECKS
from models.reads.verify_standings import STANDING_CHECKS
from models.reads.verify_totals_gate import TOTALS_CHECKS
from models.session import TenantConnection, ask, tenant_transaction
from models.signed_notes import PublicKey

MAX_LANES: Final = 4
"""Maximum connections that a proof reads on at once."""
_PREFETCH: Final = 2000
_WHOLE_TENANT: Final = """SET LOCAL enable_nestloop = off; SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '8MB';
    SET LOCAL hash_mem_multiplier = 1; SET LOCAL max_parallel_workers_per_gather = 0"""
"""These statements read all of a tenant's rows to the end. A planner without statistics of the tenant expects one row
per table, and would choose nested loops over all of them. Each lane keeps one core busy; data that does not fit into
its memory, which each step of a plan has for itself, goes through temporary files."""


@dataclass(frozen=True, slots=True)
class TenantName:
    """suspended: whether its requests are refused, and its jobs rest. deleting: whether its rows are being deleted."""

    id: UUID
    slug: str
    suspended: bool
    deleting: bool = False


async def every_tenant() -> list[TenantName]:
    """All tenants by slug: for operators of the service, never for requests."""

    async def question(raw: Raw) -> list[TenantName]:
        async with raw.transaction(readonly=True):
            await raw.execute("SET LOCAL scrip.directory = 'on'")
            rows = await raw.fetch(
                "SELECT id, slug, suspended_at IS NOT NULL, deletion_began_at IS NOT NULL FROM tenants ORDER BY slug"
            )
            return [TenantName(*row) for row in rows]

    return await ask(question)


_IN_ORDER: Final = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_bitmapscan = off"
_IN_ANY_ORDER: Final = "SET LOCAL enable_hashjoin = DEFAULT; SET LOCAL enable_bitmapscan = DEFAULT"
"""A statement that joins large tables by their keys walks the indexes side by side. Rows lie much as their keys do, so this
reads a table once, and needs no memory. A planner without statistics would hash each table and write it to files."""

_CHECKS: Final = (
    *HASH_CHECKS,
    *TOTALS_CHECKS,
    *LEDGER_CHECKS,
    *FEW_CHECKS,
    *NOTE_CHECKS,
    *OTHER_CHECKS,
    *HOLD_CHECKS,
    *MOVING_CHECKS,
    *STANDING_CHECKS,
    *FEED_CHECKS,
    *(Check(f"row of {check.table}", check.sql) for check in SEAL_CHECKS),
    *(Check(f"row of {check.target}", check.sql) for check in LINK_CHECKS),
)
"""The comparisons, those first that take longest."""


async def verify(
    tenant_id: UUID, *, lanes: int = 1, kept: Sequence[Checkpoint] = (), trusted: Sequence[PublicKey] = ()
) -> Proof:
    """Recompute the tenant's books. Streams its reads, and writes nothing.

    lanes: on how many connections, at most MAX_LANES, all of which see the same moment. The pool has to have them to spare.
    Of a database of several nodes always one: none of its nodes has a moment that others could share. kept, trusted: as
    `compare_checkpoints` takes them.
    """
    left = iter(enumerate(_CHECKS))
    found = [Proof() for _ in _CHECKS]
    proof = Proof()
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True, settings=_WHOLE_TENANT) as connection:
        figures = await connection.raw.fetchrow(COUNTS, tenant_id)
        proof.entries, proof.notes, proof.accounts, proof.credits, proof.invoices, proof.coupons = figures
        others = 0 if is_spread(connection.raw) else min(lanes, MAX_LANES) - 1
        moment: str = await connection.raw.fetchval("SELECT pg_export_snapshot()") if others else ""
        beside = [asyncio.create_task(_another_lane(tenant_id, moment, left, found)) for _ in range(others)]
        try:
            await asyncio.gather(_compare(connection, left, found), *beside)
            await compare_checkpoints(connection.raw, tenant_id, proof, kept, trusted)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    for part in found:
        proof.found.update(part.found)
        proof.listed.extend(part.listed)
    proof.listed = _bounded(proof.listed)
    return proof


async def _another_lane(tenant_id: UUID, moment: str, left: Iterator[tuple[int, Check]], found: list[Proof]) -> None:
    async with tenant_transaction(tenant_id, read_only=True, moment=moment, settings=_WHOLE_TENANT) as connection:
        await _compare(connection, left, found)


async def _compare(connection: TenantConnection, left: Iterator[tuple[int, Check]], found: list[Proof]) -> None:
    """Make the comparisons not begun by another lane yet, one after the other."""
    raw = connection.raw
    for n, check in left:
        if check.gate is not None and not await raw.fetchval(check.gate, connection.tenant_id):
            continue
        if check.merged:
            await raw.execute(_IN_ORDER)
        # No LIMIT in these statements: the planner would expect to find that many differences soon, and loop.
        async for row in raw.cursor(check.sql, connection.tenant_id, prefetch=_PREFETCH):
            found[n].differs(check.name or row["compared"], row["id"], row["detail"])
        if check.merged:
            await raw.execute(_IN_ANY_ORDER)


def _bounded(listed: list[Difference]) -> list[Difference]:
    """The first MAX_LISTED of each check, since several of its statements may each have found as many."""
    number: Counter[str] = Counter()
    kept = []
    for difference in listed:
        number[difference.check] += 1
        if number[difference.check] <= MAX_LISTED:
            kept.append(difference)
    return kept

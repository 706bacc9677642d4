"""Bring the tenant's totals up to now, so that reports have little to add up (docs/adr/0041)."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from models.amounts import CLEAR, FAN, FULL, LEVELS, MERGE, NOTE, SEEN, TAKE
from models.ledger import Ledger
from models.session import GENERIC_PLANS, TenantConnection, settled_instant, tenant_transaction
from models.totals import KEEP, KEEP_LATEST, LATEST, NEXT, SEE

TRANSACTIONS: Final = 512
"""Transactions between rows of totals, unless a row has more parts than that."""
FRESH: Final = timedelta(seconds=2)
"""So long the latest totals may lack a transaction before it is worth a statement to add it."""
MAX_STEPS: Final = 100
ADDED: Final = "INSERT 0 1"
_PLANNED: Final = GENERIC_PLANS


async def keep_totals(ledger: Ledger, tenant_id: UUID, transactions: int = TRANSACTIONS) -> int:
    """Add the rows of totals that are due: up to a hundred, so call again until it returns 0. Returns their number.

    Only settled transactions are added up: none can be inserted before them any more (docs/adr/0019). Safe to run
    repeatedly and concurrently.
    """
    settled = ledger.clock.given or await settled_instant(tenant_id)
    for made in range(MAX_STEPS):
        async with tenant_transaction(tenant_id, read_only=True, settings=_PLANNED) as connection:
            due = await connection.raw.fetchrow(NEXT, tenant_id, settled, transactions)
        if due is None:
            return made
        async with tenant_transaction(tenant_id, settings=_PLANNED) as connection:
            row = (tenant_id, due["after"], due["until"], ledger.source.new_id())
            if await connection.raw.execute(KEEP, *row) == ADDED:
                await connection.raw.execute(SEE, *row)
                await connection.raw.execute(NOTE, *row)
                await _merge(connection)
    return MAX_STEPS


async def keep_all(ledger: Ledger, tenant_id: UUID) -> int:
    """Both: the totals that are due, up to a hundred, or if there are none, the latest ones. Returns the number of rows
    written. One look, where nothing was posted since."""
    due = await _lacking(ledger, tenant_id)
    return 0 if due is None else await keep_totals(ledger, tenant_id) or await _bring_up(tenant_id, due)


async def keep_latest(ledger: Ledger, tenant_id: UUID) -> int:
    """Bring the tenant's latest totals up to now, if they lack anything older than FRESH: reports add up what came after
    these. Returns 1 if they did.

    Safe to run repeatedly and concurrently: whatever they are made from, they say the same.
    """
    due = await _lacking(ledger, tenant_id)
    return 0 if due is None else await _bring_up(tenant_id, due)


async def _bring_up(tenant_id: UUID, due: "asyncpg.Record") -> int:
    async with tenant_transaction(tenant_id, settings=_PLANNED, quietly=True) as connection:
        return int(await connection.raw.execute(KEEP_LATEST, tenant_id, due["after"], due["until"]) == ADDED)


async def _lacking(ledger: Ledger, tenant_id: UUID) -> "asyncpg.Record | None":
    """From when to when the latest totals lack something; None if they do not."""
    settled = ledger.clock.given or await settled_instant(tenant_id)
    async with tenant_transaction(tenant_id, read_only=True, settings=_PLANNED) as connection:
        return await connection.raw.fetchrow(LATEST, tenant_id, settled, settled - FRESH)


async def _merge(connection: TenantConnection) -> None:
    """Runs of amounts, as far as a level is full: another process that does it at the same time leaves none to take."""
    raw, tenant_id = connection.raw, connection.tenant_id
    for level, upper in enumerate(LEVELS[1:]):
        runs = await raw.fetch(FULL, tenant_id, str(level))
        if len(runs) < FAN:
            return
        ends, until = [run["at"] for run in runs], runs[-1]["at"]
        if await raw.execute(TAKE, tenant_id, str(level), ends) != f"DELETE {FAN}":  # taken, all of them
            return
        await raw.execute(MERGE, tenant_id, level, ends, until)
        await raw.execute(CLEAR, tenant_id, level, ends)
        await raw.execute(SEEN, tenant_id, upper, runs[0]["after"], until, sum(run["records"] for run in runs))

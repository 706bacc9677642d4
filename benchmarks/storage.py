"""Bytes of an adjustment, by table and by index: how much each has grown by many adjustments of many customers.

And what they write to the write-ahead log, in which a page stands whole when it is first changed after a checkpoint.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import asyncpg

from app.postgres.database import open_database
from benchmarks.data import CURRENCY, CUSTOMERS, REASON, customer_id, make_tenant, prove
from benchmarks.report import Figure, print_figures, print_table
from benchmarks.rig import Rig
from models.commands import Actor, AdjustCredit
from models.ledger import Ledger
from models.operations.adjust import adjust_credit

NUMBER, QUICK_NUMBER = 40_000, 8_000
AT_ONCE: Final = 64
MOST: Final = 1_200
"""Bytes of an adjustment in all tables and indexes."""
AMOUNT: Final = Decimal("1.50")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes, by table and by table and index; and the place in the write-ahead log."""

    tables: dict[str, int]
    indexes: dict[tuple[str, str], int]
    log: int


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant = make_tenant(rig)
    number = QUICK_NUMBER if rig.quick else NUMBER
    before, after = asyncio.run(_grow(rig, tenant.id, number))
    prove(rig, tenant)
    tables = {name: (after.tables[name] - before.tables[name]) / number for name in after.tables}
    indexes = {name: (after.indexes[name] - before.indexes[name]) / number for name in after.indexes}
    grown = [(size, table, "") for table, size in tables.items()]
    grown += [(size, table, index) for (table, index), size in indexes.items()]
    rows = [[t, i, f"{size:,.1f}"] for size, t, i in sorted(grown, key=lambda row: (-row[0], *row[1:])) if size]
    print_table(["table", "index", "bytes"], rows, left=2, title=f"Growth by {number:,} adjustments, each")
    print_figures(
        "bytes of an adjustment",
        [
            Figure("tables and indexes", [sum(tables.values()) + sum(indexes.values())], "bytes", most=MOST),
            Figure("tables", [sum(tables.values())], "bytes"),
            Figure("indexes", [sum(indexes.values())], "bytes"),
            Figure("write-ahead log, with whole pages", [(after.log - before.log) / number], "bytes"),
        ],
    )


async def _grow(rig: Rig, tenant_id: Any, number: int) -> tuple[Sizes, Sizes]:
    """The sizes before and after the adjustments."""
    numbers = iter(range(number))
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        async with open_database(rig.urls.app, pool_min=2, pool_max=8):
            ledger = Ledger()
            before = await _sizes(admin)

            async def work() -> None:
                for n in numbers:
                    command = AdjustCredit(customer_id(n % CUSTOMERS + 1), CURRENCY, AMOUNT, REASON)
                    actor = Actor(f"staff-{n % AT_ONCE:02}", "STAFF")
                    await adjust_credit(ledger, tenant_id, actor, command, str(uuid4()))

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            await ledger.close()
        return before, await _sizes(admin)
    finally:
        await admin.close()


async def _sizes(admin: "asyncpg.Connection[Any]") -> Sizes:
    tables = await admin.fetch("SELECT relname, pg_table_size(relid) AS bytes FROM pg_stat_user_tables")
    indexes = await admin.fetch(
        "SELECT relname, indexrelname, pg_relation_size(indexrelid) AS bytes FROM pg_stat_user_indexes"
    )
    log = await admin.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return Sizes(
        {row["relname"]: row["bytes"] for row in tables},
        {(row["relname"], row["indexrelname"]): row["bytes"] for row in indexes},
        int(log),
    )

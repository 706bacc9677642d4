"""What has to be true afterwards: every acknowledged write is there once, and who sends it again learns the same."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final
from uuid import UUID

from models.money import to_decimal
from schema.ids import parse_id
from tests.chaos.load import Acked, Load, Wrong, dice_of, ids_of
from tests.chaos.world import World

AT_ONCE: Final = 8
SETTLE_S: Final = 60.0
"""For the worker to end what it has begun: longer than a dead one's claim."""
COUNTED: Final = {
    "invoice": "SELECT count(*) FROM invoices WHERE tenant_id = $1",
    "give": "SELECT count(*) FROM coupons WHERE tenant_id = $1",
    "merge": "SELECT count(*) FROM customers WHERE tenant_id = $1 AND merged_into_id IS NOT NULL",
    "propose": "SELECT count(*) FROM approval_requests WHERE tenant_id = $1",
    "bulk, import": "SELECT count(*) FROM bulk_operations WHERE tenant_id = $1",
    "adjust, approve": """SELECT count(*) FROM transactions t WHERE tenant_id = $1 AND kind = 'ADJUSTMENT' AND NOT EXISTS
        (SELECT FROM bulk_rows r WHERE r.tenant_id = $1 AND r.transaction_id = t.id)""",
    "assign": "SELECT count(*) FROM transactions WHERE tenant_id = $1 AND kind = 'ASSIGNMENT'",
    "void": "SELECT count(*) FROM transactions WHERE tenant_id = $1 AND kind = 'VOID'",
    "hold": "SELECT count(*) FROM holds WHERE tenant_id = $1",
    "spend, capture": "SELECT count(*) FROM transactions WHERE tenant_id = $1 AND kind = 'SPEND'",
}
"""How many there are of what each kind of call makes. All calls are sent until they are answered: as many as were
acknowledged."""
MOVED: Final = """SELECT t.id, a.asset, sum(e.amount_minor) FROM transactions t
    JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
    JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
    WHERE t.tenant_id = $1 AND t.id = ANY ($2) GROUP BY t.id, a.asset"""
LEFT: Final = {
    "bulks that are not complete": """SELECT count(*) FROM bulk_operations WHERE tenant_id = $1
        AND (status <> 'COMPLETED' OR succeeded <> total)""",
    "expired credits that are not written off": """SELECT count(*) FROM credits WHERE tenant_id = $1
        AND remaining_minor > 0 AND expires_at < now() - interval '5 seconds'""",
}
PAGE: Final = 5_000


async def replayed(load: Load, some: Sequence[Acked]) -> list[str]:
    """Send them again. What differs from what was acknowledged."""
    wrong: list[str] = []
    turn = asyncio.Semaphore(AT_ONCE)

    async def again(acked: Acked) -> None:
        async with turn:
            try:
                payload = await load.told(acked.call, dice_of(acked.call.key))
            except Wrong as error:
                wrong.append(f"sent again: {error}")
                return
            if payload is None or ids_of(payload) != acked.ids or not payload["replayed"]:
                wrong.append(f"sent again: {acked.call.kind} {acked.call.key}: {acked.ids} has become {payload}")

    await asyncio.gather(*(again(acked) for acked in some))
    return wrong


async def settled(world: World) -> list[str]:
    """Wait until the worker has done what is left. What it leaves."""
    give_up = monotonic() + SETTLE_S
    admin = await world.admin()
    try:
        while True:
            left = {what: await admin.fetchval(sql, world.tenant) for what, sql in LEFT.items()}
            if not any(left.values()) or monotonic() > give_up:
                return [f"{count} {what} after {SETTLE_S:g} s" for what, count in left.items() if count]
            await asyncio.sleep(0.2)
    finally:
        await admin.close()


async def counted(world: World, load: Load) -> list[str]:
    """What is there too often, or not at all. No client may be at work."""
    wrong = []
    acked = Counter(each.call.kind for each in load.acked)
    admin = await world.admin()
    try:
        for kinds, sql in COUNTED.items():
            there = await admin.fetchval(sql, world.tenant)
            wanted = sum(acked[kind] for kind in kinds.split(", "))
            doubtful = sum(load.doubtful[kind] for kind in kinds.split(", "))
            if not wanted <= there <= wanted + doubtful:
                wrong.append(f"{kinds}: {wanted} were acknowledged, and {there} are there")
        adjusted = [each for each in load.acked if each.amount is not None]
        for start in range(0, len(adjusted), PAGE):
            wrong += await _moved(admin, world, adjusted[start : start + PAGE])
    finally:
        await admin.close()
    return wrong


async def _moved(admin: Any, world: World, adjusted: Sequence[Acked]) -> list[str]:
    by_id = {_row(each.ids["transaction"]): each for each in adjusted}
    rows = await admin.fetch(MOVED, world.tenant, list(by_id))
    there = {row["id"]: to_decimal(int(row["sum"]), row["asset"]) for row in rows}
    return [
        f"{each.call.kind} {each.call.key}: {each.amount} was acknowledged, and {there.get(row)} moved"
        for row, each in by_id.items()
        if there.get(row) != each.amount
    ]


def _row(text: str) -> UUID:
    return parse_id(text)[1]

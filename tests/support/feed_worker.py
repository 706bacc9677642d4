"""A process beside a consumer of the feed: `python -m tests.support.feed_worker`, orders as a line of JSON on stdin.

As a relay it gives positions, a few at a time, until it is killed. As a server it does `number` mixed things, by dice, some
at once, and ends with a line of JSON: how often each thing came out how.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any, Final
from uuid import UUID

from app.postgres.database import open_database
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from tests.support.clock import Clock
from tests.support.tenants import Tenant

AT_ONCE: Final = 8
FEW: Final = 3
PAUSE_S: Final = 0.005
MAX_ROUNDS: Final = 1_000_000


async def relay(tenant: Tenant) -> None:
    sys.stdout.write("relaying\n")
    sys.stdout.flush()
    for _ in range(MAX_ROUNDS):
        if not await keep_feed(tenant.ledger, tenant.id, FEW):
            await asyncio.sleep(PAUSE_S)


async def storm(tenant: Tenant, people: list[UUID], number: int, dice: random.Random) -> None:
    """Adjusts, spends, invoices, pays, voids and bulks."""
    turn, paid = asyncio.Semaphore(AT_ONCE), list[UUID]()

    async def one() -> str:
        person, kind = (
            dice.choice(people),
            dice.choice(("add", "add", "spend", "points", "pay", "void", "bulk", "name")),
        )
        async with turn:
            try:
                await _do(tenant, kind, person, people, paid, dice)
            except LedgerError as error:
                return f"{kind} {error.code}"
        return f"{kind} OK"

    told = Counter(await asyncio.gather(*(one() for _ in range(number))))
    sys.stdout.write(json.dumps(told) + "\n")


async def _do(
    tenant: Tenant, kind: str, person: UUID, people: list[UUID], paid: list[UUID], dice: random.Random
) -> None:
    match kind:
        case "add":
            await tenant.adjust(person, dice.randint(1, 50))
        case "spend":
            await tenant.spend(person, dice.randint(1, 20))
        case "points":
            await tenant.adjust(person, dice.randint(1, 400), "POINTS", "CORRECTION")
        case "pay":
            invoice = await tenant.invoice(person, 20, auto_apply=dice.random() < 0.5)
            outcome = await tenant.pay(invoice, 20)
            if outcome.payment_id is not None:
                paid.append(outcome.payment_id)
        case "void" if paid:
            await tenant.void_payment(paid.pop())
        case "bulk":
            await tenant.bulk(*((each, 2) for each in people), asset="GBP")
        case _:
            await tenant.customer()


async def main() -> None:
    orders: dict[str, Any] = json.loads(sys.stdin.readline())
    async with open_database(orders["url"], pool_min=1, pool_max=4):
        ledger = Ledger()
        tenant = Tenant(ledger, Clock(), orders["slug"], UUID(orders["tenant"]))
        if orders["role"] == "relay":
            await relay(tenant)
        else:
            people = [UUID(each) for each in orders["people"]]
            await storm(tenant, people, orders["number"], random.Random(orders["seed"]))  # noqa: S311 - dice
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(main())

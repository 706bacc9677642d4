"""Another process that adds things: `python -m tests.support.limits_worker`, orders on stdin, at one unmoving time.

The first line is JSON: the database, and what time it is. It answers `ready`. Each further line is JSON, too: the tenant,
and a list of additions, which it sends all at once: subject, role, client, customer, asset, and an amount or (of points)
a reward to be given free. It answers with a line of codes, in the same order: `posted`, or why not.
"""

import asyncio
import json
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from app.postgres.database import open_database
from models.commands import Actor, AdjustCredit, GiveReward
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.give_reward import give_reward


async def add(ledger: Ledger, tenant_id: UUID, addition: list[Any]) -> str:
    """One of a list of additions, as they come over stdin. Answers its code."""
    subject, role, client, customer, asset, amount, reward = addition
    actor, key = Actor(subject, role, client), uuid4().hex
    try:
        if reward is not None:
            free = GiveReward(UUID(customer), UUID(reward), deduct_points=False)
            await give_reward(ledger, tenant_id, actor, free, key)
        else:
            command = AdjustCredit(UUID(customer), asset, Decimal(amount), "GOODWILL")
            await adjust_credit(ledger, tenant_id, actor, command, key)
    except LedgerError as error:
        return error.code
    return "posted"


async def main() -> None:
    orders = json.loads(sys.stdin.readline())
    now = datetime.fromisoformat(orders["now"])
    async with open_database(orders["url"], pool_min=1, pool_max=6):
        ledger = Ledger(lambda: now)
        print("ready", flush=True)  # noqa: T201 - this is how they talk
        while line := await asyncio.to_thread(sys.stdin.readline):
            wanted = json.loads(line)
            additions = (add(ledger, UUID(wanted["tenant"]), addition) for addition in wanted["additions"])
            print(json.dumps(await asyncio.gather(*additions)), flush=True)  # noqa: T201 - as above
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(main())

"""A process that delivers webhooks until it is killed. `python -m tests.support.webhook_worker`, orders as JSON on stdin."""

import asyncio
import json
import sys
from typing import Any, Final
from uuid import UUID

from app.postgres.database import open_database
from jobs.webhooks import deliver
from models.ledger import Ledger
from tests.support.receivers import SETUP

PAUSE_S: Final = 0.01
MAX_ROUNDS: Final = 1_000_000


async def main(orders: dict[str, Any]) -> None:
    async with open_database(orders["url"], pool_min=1, pool_max=4):
        ledger = Ledger(webhooks=SETUP)
        sys.stdout.write("delivering\n")
        sys.stdout.flush()
        for _ in range(MAX_ROUNDS):
            if not await deliver(ledger, UUID(orders["tenant"])):
                await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))

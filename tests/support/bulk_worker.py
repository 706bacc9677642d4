"""A worker in a process of its own, to be killed: it says `posted` after its third chunk, and goes on with two more.

Then it waits, however late it is killed: of the six chunks that tests give it, one is left.
"""

import asyncio
import json
import sys
from typing import Any
from uuid import UUID

from app.postgres.database import open_database
from models.ledger import Ledger
from models.operations.run_bulks import run_bulk

CHUNKS_BEFORE = 3
MOST_CHUNKS = 5


class Telling(Ledger):
    """A ledger that tells of its postings."""

    begun = posted = 0

    async def submit(self, *arguments: Any) -> Any:
        self.begun += 1
        if self.begun > MOST_CHUNKS:
            await asyncio.Event().wait()
        outcome = await super().submit(*arguments)
        self.posted += 1
        if self.posted == CHUNKS_BEFORE:
            sys.stdout.write("posted\n")
            sys.stdout.flush()
        return outcome


async def main() -> None:
    orders = json.loads(sys.stdin.readline())
    async with open_database(orders["url"], pool_min=1, pool_max=4):
        while await run_bulk(Telling(), UUID(orders["tenant"])):
            pass


if __name__ == "__main__":
    asyncio.run(main())

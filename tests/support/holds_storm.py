"""A server process that holds, captures, releases, extends, spends and sweeps on one account, many at once, by dice.

`python -m tests.support.holds_storm`: one line of JSON on stdin (url, tenant, customer, seed, number) is answered with
`ready`; the next line starts it. It ends with a line of JSON: how often each thing came out how. Which holds there are is
read from the database, so that two of them clash over the same.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from app.postgres.database import open_database
from models.commands import AdjustCredit
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.capture_hold import capture_hold
from models.operations.expire import expire_credits
from models.operations.hold_credit import hold_credit
from models.operations.release_hold import extend_hold, release_hold
from models.operations.spend_credit import spend_credit
from models.planning.capturing import CaptureHold
from models.planning.holding import ExtendHold, HoldCredit, ReleaseHold
from models.planning.spending import SpendCredit
from models.session import tenant_transaction
from tests.support.tenants import MANAGER

AT_ONCE: Final = 12
KINDS: Final = {"hold": 34, "capture": 26, "release": 10, "extend": 6, "spend": 14, "add": 6, "sweep": 4}
NEWEST: Final = """SELECT id FROM holds WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 24"""


class Storm:
    def __init__(self, ledger: Ledger, tenant_id: UUID, customer_id: UUID, dice: random.Random) -> None:
        self.ledger, self.tenant_id, self.customer_id, self.dice = ledger, tenant_id, customer_id, dice

    async def one(self, turn: asyncio.Semaphore) -> str:
        kind = self.dice.choices(tuple(KINDS), tuple(KINDS.values()))[0]
        ask: Callable[[], Awaitable[str]] = getattr(self, f"_{kind}")
        async with turn:
            try:
                return f"{kind} {await ask()}"
            except LedgerError as error:
                return f"{kind} {error.code}"
            except Exception as error:  # noqa: BLE001 - the test has to hear of it
                return f"{type(error).__name__}: {error}"

    async def _hold(self) -> str:
        until = self.ledger.clock() + timedelta(milliseconds=self.dice.choice((30, 100, 400, 1500)))
        command = HoldCredit(self.customer_id, "GBP", self._amount(6), "Table 7", expires_at=until)
        return await self._post(hold_credit, command)

    async def _capture(self) -> str:
        amount = self.dice.choice((None, self._amount(3)))
        return await self._post(capture_hold, CaptureHold(await self._some_hold(), amount))

    async def _release(self) -> str:
        return await self._post(release_hold, ReleaseHold(await self._some_hold()))

    async def _extend(self) -> str:
        until = self.ledger.clock() + timedelta(milliseconds=800)
        return await self._post(extend_hold, ExtendHold(await self._some_hold(), expires_at=until))

    async def _spend(self) -> str:
        return await self._post(spend_credit, SpendCredit(self.customer_id, "GBP", self._amount(4), "Coffee"))

    async def _add(self) -> str:
        until = self.dice.choice((None, self.ledger.clock() + timedelta(milliseconds=self.dice.randint(50, 1500))))
        command = AdjustCredit(self.customer_id, "GBP", self._amount(9), "GOODWILL", expires_at=until)
        return await self._post(adjust_credit, command)

    async def _sweep(self) -> str:
        await expire_credits(self.ledger, self.tenant_id)
        return "done"

    async def _post(self, operation: Any, command: Any) -> str:
        await operation(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)
        return "done"

    async def _some_hold(self) -> UUID:
        async with tenant_transaction(self.tenant_id, read_only=True) as connection:
            rows = await connection.raw.fetch(NEWEST, self.tenant_id)
        return self.dice.choice(rows)["id"] if rows else uuid4()

    def _amount(self, most: int) -> Decimal:
        return Decimal(self.dice.randint(1, most * 100)).scaleb(-2)


async def main() -> None:
    orders = json.loads(sys.stdin.readline())
    async with open_database(orders["url"], pool_min=2, pool_max=8):
        ledger, turn = Ledger(), asyncio.Semaphore(AT_ONCE)
        await ledger.sync_clock()
        dice = random.Random(orders["seed"])  # noqa: S311 - dice, and no secret
        storm = Storm(ledger, UUID(orders["tenant"]), UUID(orders["customer"]), dice)
        print("ready", flush=True)  # noqa: T201 - this is how they talk
        sys.stdin.readline()
        answers = await asyncio.gather(*(storm.one(turn) for _ in range(orders["number"])))
        await ledger.close()
    print(json.dumps(Counter(answers)))  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(main())

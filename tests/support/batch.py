"""Operations whose units are posted as one batch, in an order that the test says."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.ledger import Ledger
from models.planning.state import Source
from models.units import Result, Unit

PATIENCE_SECONDS: Final = 30


class Batch:
    """`ledger` is what the operations are to be given: it holds their units back until they are posted together."""

    def __init__(self, clock: Callable[[], datetime], source: Source | None = None) -> None:
        self.ledger = Ledger(clock, source)
        self.ledger._group = _Held()  # type: ignore[assignment]

    async def run(self, tenant_id: UUID, operations: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """What each of them answers. Those that never come to post anything are simply over."""
        held: Any = self.ledger._group
        tasks: list[asyncio.Task[Any]] = []
        for operation in operations:  # one after the other, so that the units come in this order
            held.arrived.clear()
            tasks.append(asyncio.create_task(operation))
            arrived = asyncio.create_task(held.arrived.wait())
            await asyncio.wait({tasks[-1], arrived}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
            arrived.cancel()
        units = [unit for unit, _ in held.waiting]
        results = await self.ledger._poster.post(tenant_id, units, wait=True) if units else []
        for (_, future), result in zip(held.waiting, results, strict=True):
            future.set_result(result)
        held.waiting = []
        return await asyncio.gather(*tasks)


class _Held:
    """In place of the group commit."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Unit, asyncio.Future[Result]]] = []
        self.arrived = asyncio.Event()

    async def submit(self, tenant_id: UUID, unit: Unit) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.waiting.append((unit, future))
        self.arrived.set()
        return await future

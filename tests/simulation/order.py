"""Units that are under way at the same time, and in which order they count: as they are planned under their locks."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

from models import planning
from models.ledger import Ledger
from models.units import Result, Unit

PATIENCE_SECONDS: Final = 30


@contextmanager
def noted() -> Iterator[list[str]]:
    """The keys of the units that are planned meanwhile, in that order. One that is planned again comes again."""
    keys: list[str] = []
    plan = planning.plan

    def noting(books: Any, context: Any, command: Any) -> Any:
        if context.key is not None:
            keys.append(context.key)
        return plan(books, context, command)

    with patch.object(planning, "plan", noting):
        yield keys


def in_order(asked: list[str], planned: list[str]) -> list[str]:
    """Those that were asked for, as they were planned in the end; then those that never were."""
    last = {key: place for place, key in enumerate(planned)}
    return sorted(asked, key=lambda key: last.get(key, len(planned)))


async def at_once(ledger: Ledger, asked: dict[str, Coroutine[Any, Any, Any]]) -> list[Any]:
    """What each answers, by the order of the keys. Each looks up what it needs before any is posted, and then all come
    to the group commit at the same moment, in the order of their keys: so a play is the same every time.
    """
    gate = _Gate(ledger._group, list(asked))
    ledger._group = gate  # type: ignore[assignment]
    try:
        tasks = [asyncio.create_task(each) for each in asked.values()]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(not task.done() for task in tasks) and not gate.all_there(tasks):
                gate.moved.clear()
                waits = [asyncio.create_task(gate.moved.wait()), *(task for task in tasks if not task.done())]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                waits[0].cancel()
        gate.open()
        return await asyncio.gather(*tasks)
    finally:
        ledger._group = gate.group


class _Gate:
    """In front of a group commit: holds units back until it is opened."""

    def __init__(self, group: Any, keys: list[str]) -> None:
        self.group = group
        self.moved = asyncio.Event()
        self._keys = keys
        self._waiting: dict[str, asyncio.Event] = {}
        self._is_open = False

    async def submit(self, tenant_id: UUID, unit: Unit) -> Result:
        key = unit.idempotency_key
        if not self._is_open and key is not None:
            self._waiting[key] = asyncio.Event()
            self.moved.set()
            await self._waiting[key].wait()
        result: Result = await self.group.submit(tenant_id, unit)
        return result

    async def close(self) -> None:
        await self.group.close()

    def all_there(self, tasks: Sequence["asyncio.Task[Any]"]) -> bool:
        return len(self._waiting) + sum(task.done() for task in tasks) == len(tasks)

    def open(self) -> None:
        """Whoever is let go first goes on first."""
        self._is_open = True
        for key in self._keys:
            if key in self._waiting:
                self._waiting[key].set()

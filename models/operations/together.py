"""Look-ups that requests make before they post, made together: one transaction for all that wait for one by then.

A posting is shared by the requests that come meanwhile, and so would each of these otherwise cost as much as a request's
part of that: three statements.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Final, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from models.pool import Pool, the_pool
from models.session import GENERIC_PLANS, TenantConnection, tenant_transaction

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_TOGETHER: Final = 256
"""Maximum requests answered by one look-up; more take several."""


class Together(Generic[K, V]):
    """A kind of look-up by keys of a tenant.

    Only one runs at a time for a tenant. It answers those that have asked before it reads; later ones wait for the next, so
    that what a request finds was read after it had asked.
    """

    def __init__(self, read: Callable[[TenantConnection, list[K]], Awaitable[Mapping[K, V]]]) -> None:
        """read: returns what is there, by its key."""
        self._read = read
        self._lines: WeakKeyDictionary[Pool, dict[UUID, _Line[K, V]]] = WeakKeyDictionary()

    async def ask(self, tenant_id: UUID, *keys: K) -> Mapping[K, V]:
        """Return what is there of these keys. Raises DatabaseAway."""
        lines = self._lines.setdefault(the_pool(), {})
        line = lines.get(tenant_id)
        if line is None:
            line = lines[tenant_id] = _Line()
            line.task = asyncio.create_task(self._work(tenant_id, line, lines))
        answer: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()
        line.waiting.append((keys, answer))
        return await answer

    async def _work(self, tenant_id: UUID, line: "_Line[K, V]", lines: "dict[UUID, _Line[K, V]]") -> None:
        try:
            while line.waiting:
                await self._answer(tenant_id, line)
        finally:
            lines.pop(tenant_id, None)
            for _, answer in line.waiting:  # the process ends
                answer.cancel()

    async def _answer(self, tenant_id: UUID, line: "_Line[K, V]") -> None:
        batch: list[_Waiting[K, V]] = []
        try:
            async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
                batch = line.next()  # only now: others have asked while it began
                wanted = list(dict.fromkeys(key for keys, answer in batch if not answer.done() for key in keys))
                found = await self._read(connection, wanted)
            for keys, answer in batch:
                if not answer.done():  # who asked may have gone
                    answer.set_result({key: found[key] for key in keys if key in found})
        except Exception as error:  # noqa: BLE001 - it is raised to who asked
            batch = batch or line.next()  # those who waited for one that could not begin
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        finally:
            for _, answer in batch:
                answer.cancel()  # if it has none: the process ends
            batch.clear()  # an error's traceback leads here, and its answers lead to it


_Waiting = tuple[tuple[K, ...], "asyncio.Future[Mapping[K, V]]"]
"""Keys, and the answer about them."""


class _Line(Generic[K, V]):
    """Those of one tenant who wait."""

    __slots__ = ("task", "waiting")

    task: asyncio.Task[None]
    """Kept here, since asyncio only holds weak references."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting[K, V]] = []

    def next(self) -> "list[_Waiting[K, V]]":
        """Those whose turn it is."""
        batch, self.waiting = self.waiting[:MAX_TOGETHER], self.waiting[MAX_TOGETHER:]
        return batch

"""Look-ups by id before a posting: those that requests ask for at one moment share a transaction and a statement.

A request has to know whose account its credit or invoice belongs to before it can queue for that account's lock. Each
by itself, that took a transaction of three statements, up to half as much as the posting that followed.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID

from models.pool import the_pool
from models.session import tenant_transaction

MOST_AT_ONCE: Final = 2
"""Maximum statements of one kind running in one tenant; requests that arrive meanwhile share the next."""
MOST_IDS: Final = 1_000
"""Maximum ids per statement, unless one request has more."""

_Rows = dict[UUID, Any]
_Asker = tuple[Sequence[UUID], "asyncio.Future[_Rows]"]


@dataclass(slots=True)
class Askers:
    """Requests waiting for the rows of one statement in one tenant, and the tasks that run it.

    starting: whether one of the tasks has yet to take its requests.
    """

    waiting: deque[_Asker] = field(default_factory=deque)
    running: set["asyncio.Task[None]"] = field(default_factory=set)
    starting: bool = False


async def rows_by_id(tenant_id: UUID, sql: str, ids: Sequence[UUID]) -> _Rows:
    """The rows that exist of these ids, as committed at some moment after this call.

    sql: a statement of the program's own; $1 is the tenant, $2 an array of ids, and its first column the id. Raises
    DatabaseAway.
    """
    askers = the_pool().askers.setdefault((tenant_id, sql), Askers())
    future: asyncio.Future[_Rows] = asyncio.get_running_loop().create_future()
    askers.waiting.append((ids, future))
    if not askers.starting and len(askers.running) < MOST_AT_ONCE:
        _start(askers, tenant_id, sql)
    try:
        rows = await future
    finally:
        del future  # an error's traceback has this frame
    return {each: rows[each] for each in ids if each in rows}


def _start(askers: Askers, tenant_id: UUID, sql: str) -> None:
    """In a task of its own, so that a client who disconnects takes nothing from others."""
    askers.starting = True
    task = asyncio.create_task(_ask(askers, tenant_id, sql), name="asking together")
    askers.running.add(task)
    task.add_done_callback(askers.running.discard)


async def _ask(askers: Askers, tenant_id: UUID, sql: str) -> None:
    taken, askers.starting = _taken(askers.waiting), False
    try:
        rows = await _read(tenant_id, sql, dict.fromkeys(chain.from_iterable(ids for ids, _ in taken)))
    except asyncio.CancelledError:
        _answer(taken, None)
        raise
    except Exception as error:  # noqa: BLE001 - it is raised by all who have asked
        _answer(taken, error)
    else:
        _answer(taken, rows)
    if askers.waiting and not askers.starting:
        _start(askers, tenant_id, sql)
    elif len(askers.running) == 1:  # this one
        the_pool().askers.pop((tenant_id, sql), None)


def _taken(waiting: deque[_Asker]) -> list[_Asker]:
    taken: list[_Asker] = []
    number = 0
    while waiting and (not taken or number + len(waiting[0][0]) <= MOST_IDS):
        taken.append(waiting.popleft())
        number += len(taken[-1][0])
    return taken


def _answer(taken: list[_Asker], answer: _Rows | Exception | None) -> None:
    """None: the task was cancelled, and so are they."""
    for _, future in taken:
        if future.done():  # its client has gone
            continue
        if answer is None:
            future.cancel()
        elif isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


async def _read(tenant_id: UUID, sql: str, ids: Iterable[UUID]) -> _Rows:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(sql, tenant_id, list(ids))
    return {row[0]: row for row in rows}

"""The statements that are sent, looked at or changed on their way: the same code with one thing in it broken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import pytest

_METHODS: Final = ("fetch", "fetchrow", "fetchval", "execute")


@contextmanager
def other_sql(old: str, new: str) -> Iterator[None]:
    """Whatever statement has `old` in it says `new` instead. Fails where none had: the code reads otherwise by now."""
    met = 0

    def instead(sql: str, _: tuple[Any, ...]) -> str:
        nonlocal met
        met += old in sql
        return sql.replace(old, new)

    with _on_their_way(instead):
        yield
    assert met, f"no statement has {old!r}"


@contextmanager
def statements_sent() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Every statement that is sent within the block, with its arguments."""
    sent: list[tuple[str, tuple[Any, ...]]] = []

    def note(sql: str, arguments: tuple[Any, ...]) -> str:
        sent.append((sql, arguments))
        return sql

    with _on_their_way(note):
        yield sent


@contextmanager
def _on_their_way(change: Callable[[str, tuple[Any, ...]], str]) -> Iterator[None]:
    def instead(method: Any) -> Any:
        async def send(connection: Any, sql: str, *arguments: Any, **more: Any) -> Any:
            return await method(connection, change(sql, arguments), *arguments, **more)

        return send

    with pytest.MonkeyPatch.context() as patch:
        for name in _METHODS:
            patch.setattr(asyncpg.Connection, name, instead(getattr(asyncpg.Connection, name)))
        yield

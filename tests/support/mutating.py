"""The same code with one thing in it broken: what a test is to notice, done for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import pytest

_METHODS: Final = ("fetch", "fetchrow", "fetchval", "execute")


@contextmanager
def other_sql(old: str, new: str) -> Iterator[None]:
    """Whatever statement has `old` in it says `new` instead. Fails where none had: the code reads otherwise by now."""
    met = 0

    def instead(method: Any) -> Any:
        async def send(connection: Any, sql: str, *arguments: Any, **more: Any) -> Any:
            nonlocal met
            met += old in sql
            return await method(connection, sql.replace(old, new), *arguments, **more)

        return send

    with pytest.MonkeyPatch.context() as patch:
        for name in _METHODS:
            patch.setattr(asyncpg.Connection, name, instead(getattr(asyncpg.Connection, name)))
        yield
    assert met, f"no statement has {old!r}"

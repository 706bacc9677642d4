"""Rows that are read together, for whoever waits for them."""

import asyncio
import gc
from typing import Any

import pytest

from gateway.reading import Kind, Rows


class Owner:
    def __init__(self) -> None:
        self.rows: dict[str, Rows[int, str]] = {}


async def fail(_: Owner, keys: list[int]) -> dict[int, str]:
    raise LookupError(f"not {keys}")


class Failing(Owner):
    things = Kind[int, str](fail)


async def test_a_read_that_fails_is_told_to_who_waits_and_to_no_log() -> None:
    """As where the database is away: an answer that has failed already waits for none of its other rows."""
    logged: list[dict[str, Any]] = []
    gc.collect()  # what tests before have left is told of now
    asyncio.get_running_loop().set_exception_handler(lambda _, told: logged.append(told))
    try:
        await asyncio.create_task(_one_of_two())
        await asyncio.sleep(0)
        gc.collect()
        assert logged == []
    finally:
        asyncio.get_running_loop().set_exception_handler(None)


async def _one_of_two() -> None:
    things = Failing().things
    kept, left = things.get(1), things.get(2)
    assert isinstance(kept, asyncio.Future)
    assert isinstance(left, asyncio.Future)
    with pytest.raises(LookupError, match=r"not \[1, 2\]"):
        await kept
    assert left.done()

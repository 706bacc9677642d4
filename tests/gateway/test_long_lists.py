"""Long lists are completed in slices, and come out as they always do: in order, with nulls and errors where they belong."""

import asyncio
from time import perf_counter
from typing import Any

import pytest
import strawberry

from gateway.compiled.pace import LONG, SHORT
from gateway.reading import MANY_WAITING, Kind, Lists, Rows
from gateway.schema import GatewaySchema
from turns import slices

MANY = 3 * LONG


def burn(seconds: float) -> None:
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


@strawberry.type
class Item:
    number: int

    @strawberry.field
    def heavy(self) -> int:
        burn(0.001)
        return self.number

    @strawberry.field
    async def later(self) -> int:
        await asyncio.sleep(0)
        return self.number

    @strawberry.field
    def odd_alone(self) -> int | None:
        if self.number % 2 == 0:
            raise ValueError("even")
        return self.number

    @strawberry.field
    async def small_alone(self) -> int:
        await asyncio.sleep(0)
        if self.number >= MANY - 1:
            raise ValueError("large")
        return self.number

    @strawberry.field
    def read(self, info: strawberry.Info) -> int | None:
        found: int | None = info.context.reads.numbers.get(self.number)  # or what it can be awaited from
        return found

    @strawberry.field
    def read_item(self, info: strawberry.Info) -> "Item | None":
        found: Item | None = info.context.reads.items.get(self.number)  # as above
        return found

    @strawberry.field
    def inner(self, number: int) -> "list[Item]":
        return [Item(number=n) for n in range(number)]


@strawberry.type
class Query:
    @strawberry.field
    def items(self, number: int) -> list[Item]:
        return [Item(number=n) for n in range(number)]

    @strawberry.field
    def perhaps(self, number: int) -> list[Item | None] | None:
        return [Item(number=n) for n in range(number)]


class Ask:
    """Asks for a list."""

    def __init__(self, compile_at: int | None) -> None:
        self.schema = GatewaySchema(Query, compile_at=compile_at)

    async def __call__(self, fields: str, number: int = MANY, root: str = "items", context: object = None) -> Any:
        text = f"{{ {root}(number: {number}) {{ {fields} }} }}"
        return await self.schema.execute(text, context_value=context)


@pytest.fixture(params=[None, 1], ids=["graphql-core", "compiled"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return Ask(request.param)


async def test_items_are_in_their_order_whether_they_come_at_once_or_later(ask: Ask) -> None:
    result = await ask("number heavy later")
    assert not result.errors
    assert result.data == {"items": [{"number": n, "heavy": n, "later": n} for n in range(MANY)]}


async def test_an_item_that_may_be_null_is_null_alone(ask: Ask) -> None:
    result = await ask("smallAlone", root="perhaps")
    assert result.data == {"perhaps": [{"smallAlone": n} for n in range(MANY - 1)] + [None]}
    [error] = result.errors
    assert error.path == ["perhaps", MANY - 1, "smallAlone"]


async def test_errors_of_fields_keep_their_paths(ask: Ask) -> None:
    result = await ask("oddAlone")
    assert result.data == {"items": [{"oddAlone": n if n % 2 else None} for n in range(MANY)]}
    assert [error.path for error in result.errors] == [["items", n, "oddAlone"] for n in range(0, MANY, 2)]


@pytest.mark.filterwarnings("error")
async def test_an_item_that_may_not_be_null_takes_its_list_along(ask: Ask) -> None:
    """And nothing of the others is left lying about."""
    result = await ask("later smallAlone")
    assert result.data is None
    assert [error.path for error in result.errors] == [["items", MANY - 1, "smallAlone"]]


async def rounds_of(work: Any) -> int:
    taken = 0

    async def count() -> None:
        nonlocal taken
        while True:
            taken += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await work
    counting.cancel()
    return taken


async def test_others_have_a_turn_while_a_long_list_is_completed(ask: Ask) -> None:
    """120 items of a millisecond: in one go they would be one round."""
    await ask("heavy", number=1)
    assert await rounds_of(ask("heavy")) >= 0.9 * MANY * 0.001 / slices.SLICE_SECONDS


async def test_and_while_many_short_ones_are(ask: Ask) -> None:
    await ask("heavy", number=1)
    many = asyncio.gather(*(ask("heavy", number=SHORT) for _ in range(30)))
    assert await rounds_of(many) >= 0.9 * 30 * SHORT * 0.001 / (2 * slices.SLICE_SECONDS)


async def test_and_while_a_list_holds_lists(ask: Ask) -> None:
    await ask("heavy", number=1)
    holding = ask(f"later inner(number: {SHORT}) {{ heavy }}", number=30)
    assert await rounds_of(holding) >= 0.9 * 30 * SHORT * 0.001 / (2 * slices.SLICE_SECONDS)


@pytest.mark.filterwarnings("error")
async def test_who_goes_away_meanwhile_leaves_nothing_behind(ask: Ask) -> None:
    task = asyncio.create_task(ask("heavy later"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ask("number", number=LONG)).data == {"items": [{"number": n} for n in range(LONG)]}


class Reads:
    """What a request reads with, as far as a loader knows."""

    def __init__(self) -> None:
        self.rows: dict[str, Rows[Any, Any]] = {}
        self.lists = Lists()
        self.read: list[int] = []

    async def _numbers(self, keys: list[int]) -> dict[int, int]:
        self.read.append(len(keys))
        return {key: key for key in keys}

    numbers = Kind(_numbers)

    async def _items(self, keys: list[int]) -> dict[int, Item]:
        self.read.append(len(keys))
        return {key: Item(number=key) for key in keys}

    items = Kind(_items)


class Asked:
    """A request's context."""

    def __init__(self) -> None:
        self.reads = Reads()
        self.lists = self.reads.lists


@pytest.mark.parametrize("number", [SHORT, MANY])
async def test_rows_are_read_in_one_go_however_many_slices_their_list_takes(ask: Ask, number: int) -> None:
    async def burning() -> None:
        while True:
            slices.is_over()
            burn(2 * slices.SLICE_SECONDS)
            await asyncio.sleep(0)

    other = asyncio.create_task(burning())
    asked = Asked()
    result = await ask("heavy read", number, context=asked)
    other.cancel()
    assert result.data == {"items": [{"heavy": n, "read": n} for n in range(number)]}
    assert asked.reads.read == [number]
    assert asked.lists.begun == 0


async def test_others_have_a_turn_while_many_go_on_with_their_rows(ask: Ask) -> None:
    """And what these ask for in their turns is read in one go."""
    asked = Asked()
    number = 2 * MANY_WAITING
    holding = ask("readItem { inner(number: 5) { heavy } read }", number, context=asked)
    assert await rounds_of(holding) >= 0.9 * number * 5 * 0.001 / (2 * slices.SLICE_SECONDS)
    assert asked.reads.read == [number, number]
    assert asked.lists.begun == 0


@pytest.mark.filterwarnings("error")
async def test_who_goes_away_with_rows_on_their_way_leaves_nothing_behind(ask: Ask) -> None:
    asked = Asked()
    task = asyncio.create_task(ask("heavy read", 50, context=asked))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked.lists.begun == 0

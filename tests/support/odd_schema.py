"""A small schema in which everything happens that can happen to a field: it fails, is null, comes later, is of another
type than was said, at each nullability, alone and in lists."""

import asyncio
import decimal
import enum
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any, Final, NewType, Union

import strawberry
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

Info = strawberry.Info[Any, Any]
MOST: Final = 60
"""Items of the longest lists: more than are completed in one go."""


class Odd(Exception):
    """Something that a resolver has not expected."""


Even = NewType("Even", int)
"""A number that is even: a scalar that refuses some of what it reads, and of what it is to write."""


def even_read(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"{value!r} is not even")
    return value


def even_written(value: int) -> int | None:
    if value % 2:
        raise ValueError(f"{value!r} is not even")
    return None if value == 4 else value


EVEN: Final = strawberry.scalar(name="Even", serialize=even_written, parse_value=even_read)


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"
    BLUE = strawberry.enum_value("blue", description="As the sky.")


@strawberry.input
class Inner:
    number: int
    colour: Colour = Colour.GREEN
    words: list[str] = strawberry.field(default_factory=lambda: ["one"])
    note: str | None = strawberry.UNSET


@strawberry.input
class Outer:
    inner: Inner
    more: list[Inner] | None = None
    even: Even | None = None
    any: JSON | None = None
    perhaps: strawberry.Maybe[int]
    again: "Outer | None" = None


@strawberry.input(one_of=True)
class One:
    a: strawberry.Maybe[int]
    b: strawberry.Maybe[str]


class Allowed(BasePermission):
    message = "not allowed"

    async def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:
        return bool(source.number % 3)


async def soon(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def failing(number: int, every: int) -> Any:
    """Return what a field of that number comes to: an error, nothing, or a text."""
    return Odd(f"{number} fails") if number % every == 1 else None if number % every == 2 else f"text {number}"


def raised(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@strawberry.interface
class Thing:
    number: int

    @strawberry.field
    def label(self) -> str:
        return f"{type(self).__name__} {self.number}"

    @strawberry.field
    def fails(self) -> str:
        return raised(failing(self.number, 7))  # type: ignore[no-any-return]

    @strawberry.field
    def fails_alone(self) -> str | None:
        return raised(failing(self.number, 3))  # type: ignore[no-any-return]

    @strawberry.field
    async def fails_later(self) -> str:
        return await soon(failing(self.number, 7))  # type: ignore[no-any-return]

    @strawberry.field
    async def fails_later_alone(self) -> str | None:
        return await soon(failing(self.number, 3))  # type: ignore[no-any-return]

    @strawberry.field(graphql_type=str)  # type: ignore[untyped-decorator]
    def perhaps_later(self) -> str | Awaitable[str]:
        text = f"text {self.number}"
        return soon(failing(self.number, 9)) if self.number % 2 else text

    @strawberry.field(graphql_type=str | None)  # type: ignore[untyped-decorator]
    def answers_an_error(self) -> Any:
        return failing(self.number, 4)

    @strawberry.field(permission_classes=[Allowed])  # type: ignore[untyped-decorator]
    def guarded(self) -> str | None:
        return "secret"

    @strawberry.field
    def inner(self, number: int = 2, of: "list[Colour] | None" = None) -> "list[Thing]":
        return [made(self.number + each + len(of or ())) for each in range(min(max(number, 0), MOST))]

    @strawberry.field
    async def inner_later(self, number: int | None) -> "list[Thing | None] | None":
        await asyncio.sleep(0)
        if number == 5:
            raise Odd("five")
        return [None if each % 4 == 3 else made(self.number + each) for each in range(min(max(number or 3, 0), MOST))]

    @strawberry.field(graphql_type=list[list["Thing"] | None])  # type: ignore[untyped-decorator]
    def grid(self) -> Any:
        return [None if row == 1 else (made(self.number + row + each) for each in range(3)) for row in range(3)]

    @strawberry.field(graphql_type=list["Thing | None"])  # type: ignore[untyped-decorator]
    def of_everything(self) -> Any:
        """Things, errors, nothing, and what comes later, in a tuple."""
        return (made(self.number), Odd("an item"), None, soon(made(self.number + 1)), soon(Odd("a later item")))

    @strawberry.field(graphql_type=list["Thing"])  # type: ignore[untyped-decorator]
    def one_by_one(self) -> AsyncIterator[Any]:
        async def things() -> AsyncIterator[Any]:
            for each in range(3):
                await asyncio.sleep(0)
                if self.number % 5 == 4 and each == 2:
                    raise Odd("in between")
                yield made(self.number + each)

        return things()

    @strawberry.field
    def either(self, which: int = 0) -> "Either | None":
        return made_any(self.number + which)  # type: ignore[no-any-return]


@strawberry.type
class Box(Thing):
    colour: Colour
    size: decimal.Decimal
    at: datetime
    even: Even

    @strawberry.field
    def evens(self) -> list[Even | None]:
        return [Even(2), Even(self.number), None, Even(4)]

    @strawberry.field
    def colours(self) -> list[Colour]:
        return [*Colour] if self.number % 4 else [Colour.RED, "purple"]  # type: ignore[list-item]

    @strawberry.field(graphql_type=list[int])  # type: ignore[untyped-decorator]
    def numbers(self) -> Any:
        return [1, True, 2.0, self.number, 2**31 if self.number % 6 == 5 else 7]

    @strawberry.field
    def any(self) -> JSON:
        return {"number": self.number}  # type: ignore[return-value]

    @strawberry.field(graphql_type=list[int] | None)  # type: ignore[untyped-decorator]
    def no_list(self) -> Any:
        return self.number

    @strawberry.field
    def real(self) -> float:
        return float("nan") if self.number % 4 == 3 else self.number / 2

    @strawberry.field(graphql_type=bool)  # type: ignore[untyped-decorator]
    def is_large(self) -> Any:
        return "yes" if self.number % 5 == 3 else self.number > 3


@strawberry.type
class Bag(Thing):
    tag: strawberry.ID

    @strawberry.field
    def box(self) -> Box:
        return box(self.number + 1) if self.number % 5 else None  # type: ignore[return-value]

    @strawberry.field(graphql_type=Box | None)  # type: ignore[untyped-decorator]
    def no_box(self) -> Any:
        return Bag(number=1, tag=strawberry.ID("x"))

    @strawberry.field
    async def box_later(self) -> Box | None:
        return await soon(box(self.number + 2))  # type: ignore[no-any-return]

    @strawberry.field
    @staticmethod
    def of_parent(parent: strawberry.Parent[Any], note: Annotated[str, strawberry.argument(name="text")] = "x") -> str:
        return f"{parent.number} {note}"


@strawberry.type
class Stone:
    weight: int

    @strawberry.field
    async def weight_later(self) -> int:
        return await soon(None if self.weight % 2 else self.weight)  # type: ignore[no-any-return]


@strawberry.type
class Unknown(Thing):
    """A thing that is not in the union."""


Either = Annotated[Union[Box, Bag, Stone], strawberry.union("Either")]  # noqa: UP007


def box(number: int) -> Box:
    colour, at = list(Colour)[number % 3], datetime(2026, 1, 1 + number % 28, tzinfo=UTC)
    return Box(number=number, colour=colour, size=decimal.Decimal(number), at=at, even=Even(number))


def made(number: int) -> Thing:
    if number % 11 == 10:
        return Stone(weight=number)  # type: ignore[return-value]
    return box(number) if number % 2 else Bag(number=number, tag=strawberry.ID(str(number)))


def made_any(number: int) -> Any:
    if number % 9 == 8:
        return Unknown(number=number)
    return Stone(weight=number) if number % 3 == 2 else made(number)


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, number: int) -> Thing | None:
        return made(number)

    @strawberry.field
    async def later(self, number: int = 1) -> Thing | None:
        return await soon(Odd("no") if number % 5 == 4 else made(number))  # type: ignore[no-any-return]

    @strawberry.field
    def things(self, first: int) -> list[Thing] | None:
        return [made(number) for number in range(min(max(first, 0), MOST))]

    @strawberry.field
    async def things_later(self, first: int | None = 3) -> list[Thing | None] | None:
        await asyncio.sleep(0)
        return [made(number) for number in range(min(max(first or 0, 0), MOST))]

    @strawberry.field
    def sure(self, number: int = 0) -> str:
        return failing(number, 20)  # type: ignore[no-any-return]

    @strawberry.field
    async def sure_later(self, number: int = 0) -> Box:
        return await soon(Odd("sure") if number % 20 == 1 else box(number))  # type: ignore[no-any-return]

    @strawberry.field
    def anything(self, number: int) -> Either | None:
        return made_any(number)  # type: ignore[no-any-return]

    @strawberry.field
    def said(
        self,
        info: Info,
        outer: Outer | None = None,
        one: One | None = None,
        colours: list[Colour] = [Colour.RED],  # noqa: B006 - so are Strawberry's defaults
        even: Even = Even(6),
        any: JSON | None = None,  # noqa: A002
        id: strawberry.ID | None = None,  # noqa: A002
        lists: list[list[int] | None] | None = None,
        unset: int | None = strawberry.UNSET,
        plain: int = 3,
    ) -> str | None:
        """What it was asked, as Python has it."""
        path = [info.path.key, info.field_name, info.path.typename]
        return f"{path} {outer} {one} {colours} {even} {any} {id} {lists} {unset} {plain} {info.variable_values}"

    @strawberry.field
    def selected(self, info: Info, number: int = 3) -> Box | None:
        names = [each.name for field in info.selected_fields for each in field.selections if hasattr(each, "name")]
        return box(len(names))


@strawberry.type
class Mutation:
    @strawberry.mutation
    def note(self, info: Info, number: int) -> Thing | None:
        info.context.append(number)
        return made(number)

    @strawberry.mutation
    async def note_later(self, info: Info, number: int) -> Thing | None:
        info.context.append(number)
        value = await soon(made(number))
        info.context.append(-number)
        return raised(Odd("noted")) if number % 4 == 3 else value  # type: ignore[no-any-return]

    @strawberry.mutation
    def noted(self, info: Info) -> list[int]:
        return list(info.context)


def values(name: str, type_: str, rng: Random) -> Any:
    """For support/operations.py."""
    if type_ == "Even":
        return rng.choice([0, 2, 6, 3, "x"]) if rng.random() < 0.1 else rng.choice([0, 2, 6])
    if type_ == "Int" and name in ("first", "number"):
        return MOST if rng.random() < 0.02 else rng.choice([0, 1, 2, 3, 4, 5, 9])
    if type_ == "Int":
        return rng.randint(-3, 25)
    return {"String": "text", "ID": "an id", "JSON": "free", "Boolean": True}[type_]


ARGUMENTS: Final[dict[str, Any]] = {
    "query": Query,
    "mutation": Mutation,
    "types": [Box, Bag, Unknown],
    "config": StrawberryConfig(scalar_map={Even: EVEN}),
}
"""Of a schema of these types."""

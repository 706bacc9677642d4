"""What is compiled, when, and for how long; and how its runs behave where answers do not show it."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
import strawberry
from graphql import parse
from strawberry.extensions import ParserCache, SchemaExtension

from gateway.compiled.extension import CompiledExecution, Plans, compiled
from gateway.compiled.operation import MAX_PLANS, Operation, operation_of
from gateway.documents import PLAN_WEIGHT
from gateway.schema import GatewaySchema

place: ContextVar[str] = ContextVar("place", default="nowhere")
started: list[str] = []


@strawberry.type
class Item:
    name: str

    @strawberry.field
    def where(self) -> str:
        return place.get()

    @strawberry.field
    async def where_later(self) -> str:
        await asyncio.sleep(0)
        return place.get()

    @strawberry.field
    async def starts(self) -> str:
        started.append(self.name)
        return self.name

    @strawberry.field
    def fails(self) -> str:
        raise ValueError("no")

    @strawberry.field
    async def fails_later(self) -> str:
        await asyncio.sleep(0)
        raise ValueError("no")

    @strawberry.field
    async def items(self, number: int) -> "list[Item]":
        return [Item(name=str(n)) for n in range(number)]


@strawberry.type
class Query:
    @strawberry.field
    async def item(self, name: str = "one") -> Item | None:
        place.set(name)
        await asyncio.sleep(0)
        return Item(name=name)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncIterator[int]:
        yield 1


SCHEMA = GatewaySchema(Query, subscription=Subscription)


def operation(text: str) -> Operation | None:
    document = parse(text)
    return compiled(SCHEMA, document, operation_of(document, None))


async def run(text: str, **variables: Any) -> Any:
    found = operation(text)
    assert found is not None
    read = found.coerce(variables)
    assert isinstance(read, dict)
    return await found.execute(read, variables)


async def test_a_root_field_sets_its_own_context_and_its_fields_see_it() -> None:
    result = await run(
        '{ a: item(name: "a") { where whereLater } b: item(name: "b") { where items(number: 2) { where } } }'
    )
    assert result.data == {
        "a": {"where": "a", "whereLater": "a"},
        "b": {"where": "b", "items": [{"where": "b"}, {"where": "b"}]},
    }
    assert place.get() == "nowhere"


@pytest.mark.parametrize(
    "text",
    [
        "subscription { count }",
        "{ __schema { types { name } } }",
        "{ item { name @custom } }",
        "query @custom { item { name } }",
    ],
)
def test_what_is_left_to_graphql_core(text: str) -> None:
    found = operation(text)
    assert found is None or not found.takes({})


async def test_and_is_answered_by_it() -> None:
    schema = GatewaySchema(Query, compile_at=1)
    for _ in range(3):
        result = await schema.execute('{ __typename __type(name: "Item") { name } }')
        assert result.data == {"__typename": "Query", "__type": {"name": "Item"}}


def test_combinations_of_switches_are_bounded() -> None:
    names = [f"v{n}" for n in range(5)]
    heads = ", ".join(f"${name}: Boolean = false" for name in names)
    found = operation(f"query ({heads}) {{ item {{ {' '.join(f'{n}: name @skip(if: ${n})' for n in names)} }} }}")
    assert found is not None
    taken = [found.takes({name: bool(number >> n & 1) for n, name in enumerate(names)}) for number in range(2**5)]
    assert taken == [True] * MAX_PLANS + [False] * (2**5 - MAX_PLANS)
    assert found.takes({})


def test_a_switch_without_a_value_is_graphql_core_s_to_complain_about() -> None:
    found = operation("query ($v: Boolean = true) { item { name @skip(if: $v) } }")
    assert found is not None
    assert (found.takes({"v": None}), found.takes({"v": 1}), found.takes({})) == (False, False, True)


async def test_an_operation_is_compiled_when_it_comes_again() -> None:
    schema = GatewaySchema(Query)
    text, seen = "{ item { name } }", []
    for _ in range(3):
        assert (await schema.execute(text)).data == {"item": {"name": "one"}}
        checked = schema.documents.peek(text)
        assert checked is not None
        seen.append((checked.operation(None).compiled is not None, checked.weight))
    assert seen == [(False, len(text)), (True, len(text) * (1 + PLAN_WEIGHT)), (True, len(text) * (1 + PLAN_WEIGHT))]


async def test_its_plans_count_as_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{{ item {{ name }} }} # {n:060}" for n in range(3)]
    monkeypatch.setattr("gateway.documents.MAX_CACHED_CHARACTERS", 4 * len(texts[0]))
    schema = GatewaySchema(Query)
    for text in (*texts, texts[2]):
        assert (await schema.execute(text)).errors is None
    assert [schema.documents.knows(text) for text in texts] == [False, True, True]


async def test_one_switch_turns_it_off() -> None:
    schema = GatewaySchema(Query, compile_at=None)
    for _ in range(3):
        assert (await schema.execute("{ item { name } }")).data == {"item": {"name": "one"}}
    checked = schema.documents.peek("{ item { name } }")
    assert checked is not None
    assert checked.operation(None).compiled is None


async def test_as_an_extension_of_any_schema() -> None:
    plans, run_here = Plans(), []

    class Watched(CompiledExecution):
        async def on_execute(self) -> AsyncIterator[None]:
            async for _ in super().on_execute():
                run_here.append(self.execution_context.result is not None)
                yield

    schema = strawberry.Schema(Query, extensions=[ParserCache, lambda: Watched(plans)])
    for _ in range(3):
        assert (await schema.execute('{ item(name: "x") { name } }')).data == {"item": {"name": "x"}}
    assert run_here == [False, True, True]


def test_not_where_another_extension_wraps_resolvers() -> None:
    class Wraps(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            return _next(root, info, *args, **kwargs)

    document = parse("{ item { name } }")
    assert compiled(strawberry.Schema(Query, extensions=[Wraps]), document, operation_of(document, None)) is None


@pytest.mark.parametrize("field", ["fails", "failsLater"])
async def test_a_null_that_goes_up_leaves_no_coroutine_behind(field: str) -> None:
    started.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = await run(f"{{ item {{ starts {field} }} other: item {{ name }} }}")
        gc.collect()
    assert result.data == {"item": None, "other": {"name": "one"}}
    assert [error.path for error in result.errors] == [["item", field]]
    assert started == ([] if field == "fails" else ["one"])


@pytest.mark.parametrize("text", ["{ item { name items(number: 60) { whereLater } } }", "{ item { failsLater } }"])
async def test_a_run_leaves_nothing_to_the_garbage_collector(text: str) -> None:
    found = operation(text)
    assert found is not None
    left = []
    gc.collect()
    gc.freeze()
    try:
        for _ in range(5):  # the first makes what stays; and others who share the loop may leave something now and then
            gc.disable()
            result = await found.execute({}, {})
            for error in result.errors or ():
                error.__traceback__ = None
                error.original_error = None
            del result
            left.append(gc.collect())
    finally:
        gc.enable()
        gc.unfreeze()
    assert min(left) == 0

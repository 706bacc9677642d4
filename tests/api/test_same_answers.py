"""Random queries over the whole schema and real books, compiled and by graphql-core: the answers are the same."""

import gc
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from random import Random
from typing import Any, Final

import pytest
from graphql import parse, validate

from auth.roles import Role
from tests.api.test_walk import Town, founded
from tests.support.both_ways import both_ways
from tests.support.operations import Writer
from tests.support.schema import PLAIN, SCHEMA

pytestmark = pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # graphql-core leaves coroutines where a null goes up
EACH: Final = 25
ROLES: Final[dict[str, dict[str, Any]]] = {
    "an admin": {},
    "a customer": {"role": Role.CUSTOMER, "customer": "carol"},
    "staff": {"role": Role.STAFF},
}
RARELY: Final = frozenset({"after", "before", "last", "at", "from", "to"})
"""Most of their values are refused, and all that is below with them."""


@pytest.fixture(scope="module")
async def town(database: object) -> AsyncIterator[Town]:
    async with founded() as town:
        yield town


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What graphql-core leaves is not left to another test, which would fail for it."""
    yield
    gc.collect()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("who", ROLES)
async def test_random_queries(town: Town, who: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(chain.from_iterable(town.ids.values()))

    def values(name: str, type_: str, rng: Random) -> Any:
        if type_ == "ID":
            kinds = [kind for kind in town.ids if kind.lower() in name.lower()]
            return rng.choice(sorted(town.ids[rng.choice(kinds)]) if kinds else ids)
        if type_ == "Int":
            return rng.choice([1, 2, 5, -1]) if rng.random() < 0.1 else rng.choice([1, 2, 5])
        texts = {"AssetCode": ["GBP", "POINTS"], "Date": ["2026-01-31"], "Decimal": ["1.00", "1.005"], "JSON": ["{}"]}
        texts |= {"DateTime": ["2026-01-01T00:00:00Z"]}
        return rng.random() < 0.5 if type_ == "Boolean" else rng.choice(texts.get(type_, ["carol", "a text"]))

    monkeypatch.setattr(SCHEMA, "execute", both_ways(SCHEMA, PLAIN))
    writer = Writer(SCHEMA.graphql, values, Random(f"{who} {seed}"), RARELY)  # noqa: S311 - the same at each run
    answered = 0
    for _ in range(EACH):
        asked = writer.operation()
        if validate(SCHEMA.graphql, parse(asked.text)):
            continue
        answer = await town.api(asked.text, dict(asked.variables), **ROLES[who])
        answered += any(value is not None for value in (answer.data or {}).values())
    assert answered

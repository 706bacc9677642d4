"""A walk along every path of the schema that a token opens, from the roots down, and all that was seen on the way.

It knows no field by name: what is added to the schema is walked too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from schema.ids import MalformedId, parse_id
from schema.nodes import NODES as KINDS
from tests.api.conftest import Api
from tests.support.schema import SCHEMA

MAX_STEPS: Final = 15
"""Fields below a root. A connection takes three for each node: the list, its edges, the node."""
SINGLE: Final = frozenset({"node", "nodes", "account", "credit", "transaction"})
"""Roots that answer with what has the id, and no list of it."""
AT_ONCE: Final = 10
"""Paths in one request, each under an alias."""
TYPES: Final = SCHEMA.graphql.type_map
NODES: Final = frozenset(KINDS)
"""The types that ids name: all events have ids of one type."""

Ids = Mapping[str, list[str]]
"""Global ids by type."""


@dataclass
class Seen:
    """What the answers held: ids by type, all other texts, the types of objects, and the codes of errors."""

    ids: dict[str, set[str]] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)

    def take(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self.take(inner, key)
        elif isinstance(value, list):
            for inner in value:
                self.take(inner, name)
        elif name == "__typename":
            self.types.add(value)
        elif isinstance(value, str) and "cursor" not in name.lower():
            try:
                kind, _ = parse_id(value)
            except MalformedId:
                self.texts.add(value)
            else:
                self.ids.setdefault(kind, set()).add(value)

    def told(self, *texts: str) -> list[str]:
        """Those that were read anywhere, in any case, be it within others."""
        return [text for text in texts if any(text.lower() in read.lower() for read in self.texts)]


@dataclass(frozen=True)
class Path:
    """A root call, and below it calls, each with the type that it is asked of.

    chain: what tells it from other paths to the same field: the names since the last node, or the last but one.
    """

    root: str
    steps: tuple[tuple[str, str], ...] = ()
    chain: tuple[str, ...] = ()

    def query(self, selection: str) -> str:
        opened = "".join(f" {{ __typename ... on {kind} {{ {call}" for kind, call in self.steps)
        return f"{self.root}{opened} {{ __typename {selection} }}{' } }' * len(self.steps)}"

    def onward(self, kind: str, call: str, remembered: int) -> "Path":
        chain = (*self.chain, kind)
        nodes = [n for n, name in enumerate(chain) if name in NODES]
        start = nodes[-remembered] if len(nodes) >= remembered else 0
        return Path(self.root, (*self.steps, (kind, call)), (*chain[start:], call))

    def end(self, data: Any) -> list[dict[str, Any]]:
        """The objects that it leads to, of the answer to its root."""
        found = _flat(data)
        for _, call in self.steps:
            found = [inner for outer in found for inner in _flat(outer.get(call.partition("(")[0]))]
        return found


class Walker:
    """Walks as one token. ids: what can be asked for by id. texts: what other arguments are given, by name.

    remembered: how many nodes back a path is told from others to the same field. 1: each field of each type is visited
    once. 2: once for each way from one node to another.
    """

    def __init__(
        self, api: Api, token: dict[str, Any], ids: Ids, texts: Mapping[str, list[str]], *, remembered: int = 1
    ) -> None:
        self.seen = Seen()
        self._api, self._token, self._ids, self._texts = api, token, ids, texts
        self._remembered = remembered
        self._walked: set[tuple[str, ...]] = set()
        self._leaves_of: dict[str, list[str]] = {}
        self._head = "query"
        self._variables: dict[str, Any] = {}

    async def queries(self) -> Seen:
        """From every field of Query."""
        assert SCHEMA.graphql.query_type is not None
        # Single nodes last: a field is visited where it is come upon first, and a list shows more of it.
        for name, root in sorted(SCHEMA.graphql.query_type.fields.items(), key=lambda item: item[0] in SINGLE):
            await self._down([Path(call, (), (name,)) for call in self._calls(name, root)])
        return self.seen

    async def payload(self, name: str, variables: dict[str, Any]) -> Seen:
        """From one mutation's payload. It is sent many times: its idempotency key has to see to it that it can be."""
        mutation = SCHEMA.graphql.mutation_type
        assert mutation is not None
        self._head = f"mutation($input: {mutation.fields[name].args['input'].type})"
        self._variables = variables
        await self._down([Path(f"{name}(input: $input)", (), (name,))])
        return self.seen

    async def _down(self, level: list[Path]) -> None:
        for _ in range(MAX_STEPS):
            reached = [await self._look(level[n : n + AT_ONCE]) for n in range(0, len(level), AT_ONCE)]
            level = [onward for some in reached for path, kinds in some for onward in self._onward(path, kinds)]
        assert not level, f"it goes on: {level[0]}"

    def _onward(self, path: Path, kinds: list[str]) -> Iterator[Path]:
        for kind in kinds:
            for name, inner in _fields(kind).items():
                for call in () if is_leaf_type(get_named_type(inner.type)) else self._calls(name, inner):
                    onward = path.onward(kind, call, self._remembered)
                    if onward.chain not in self._walked:
                        self._walked.add(onward.chain)
                        yield onward

    async def _look(self, paths: list[Path]) -> list[tuple[Path, list[str]]]:
        """The types at the end of each path. All leaves that they have are read."""
        answers = await self._ask([path.query("") for path in paths])
        found = [
            (path, sorted({str(end["__typename"]) for end in path.end(data)}))
            for path, data in zip(paths, answers, strict=True)
        ]
        asked = [(path, kind) for path, kinds in found for kind in kinds if self._leaves(kind)]
        told = await self._ask(
            [path.query(f"... on {kind} {{ {' '.join(self._leaves(kind))} }}") for path, kind in asked]
        )
        for (path, kind), data in zip(asked, told, strict=True):
            if data is None:  # one of them is refused
                await self._ask([path.query(f"... on {kind} {{ {leaf} }}") for leaf in self._leaves(kind)])
        return found

    def _leaves(self, kind: str) -> list[str]:
        if kind not in self._leaves_of:
            fields = _fields(kind).items()
            leaves = [self._calls(name, leaf)[0] for name, leaf in fields if is_leaf_type(get_named_type(leaf.type))]
            self._leaves_of[kind] = leaves
        return self._leaves_of[kind]

    async def _ask(self, selections: list[str]) -> list[Any]:
        """What each root field answers; null where anything of it was refused. All of it is noted."""
        data = []
        for n in range(0, len(selections), AT_ONCE):
            some = selections[n : n + AT_ONCE]
            query = " ".join(f"a{number}: {selection}" for number, selection in enumerate(some))
            answer = await self._api(f"{self._head} {{ {query} }}", self._variables, **self._token)
            assert answer.data is not None, answer.errors
            self.seen.codes.update(answer.codes)
            self.seen.take(answer.data)
            refused = {error["path"][0] for error in answer.errors}
            data += [None if alias in refused else answer.data[alias] for alias in answer.data]
        return data

    # Arguments

    def _calls(self, name: str, called: GraphQLField) -> list[str]:
        """The field with each choice of what it must be given, and for each id or switch that it may be given."""
        must = {
            key: argument
            for key, argument in called.args.items()
            if is_required_argument(argument) or (key == "customerId" and _is_needed(called))
        }
        may = {
            key: argument
            for key, argument in called.args.items()
            if key not in must
            and (key == "by" or get_named_type(argument.type).name in ("ID", "Boolean"))
            and key != "reverse"  # the same rows
        }
        page = ["first: 3"] if "first" in called.args else []
        if {"id", "by"} <= may.keys():  # one of the two names what is asked for
            chosen = [one for key in ("id", "by") for one in self._given(called, key, called.args[key])]
            return [_call(name, [one, *page]) for one in chosen]
        given = [list(choice) for choice in product(*(self._given(called, key, value) for key, value in must.items()))]
        more = (
            [[*given[0], one] for key, value in may.items() for one in self._given(called, key, value)] if given else []
        )
        return [_call(name, [*choice, *page]) for choice in [*given, *more]]

    def _given(self, called: GraphQLField, key: str, argument: GraphQLArgument) -> list[str]:
        answer = get_named_type(called.type).name.removesuffix("Connection")
        return [f"{key}: {value}" for value in self._values(key, argument, answer)]

    def _values(self, key: str, argument: GraphQLArgument | GraphQLInputField, answer: str) -> list[str]:
        """What the argument can be given, as it is written. `answer`: the type that its field answers with."""
        type_ = get_named_type(argument.type)
        if type_.name == "ID":
            return [f'"{id_}"' for id_ in self._of_kind(key, answer)]
        if type_.name == "Boolean":
            return ["true", "false"]
        if isinstance(type_, GraphQLEnumType):
            return [next(iter(type_.values))]
        if isinstance(type_, GraphQLInputObjectType):
            return list(self._objects(type_, answer))
        return [f'"{text}"' for text in self._texts[key if key in self._texts else type_.name]]

    def _of_kind(self, key: str, answer: str) -> list[str]:
        """customerId: a Customer's. id: of what the field answers; of anything where that can be any node."""
        if key not in ("id", "ids"):
            answer = key[0].upper() + key[1:].removesuffix("Ids").removesuffix("Id")
        return [id_ for kind, some in self._ids.items() for id_ in some if answer in (kind, "Node")]

    def _objects(self, type_: GraphQLInputObjectType, answer: str) -> Iterable[str]:
        fields = type_.fields.items()
        if type_.is_one_of:
            return [f"{{{key}: {value}}}" for key, one in fields for value in self._values(key, one, answer)]
        must = [(key, one) for key, one in fields if is_required_input_field(one)]
        choices = product(*([f"{key}: {value}" for value in self._values(key, one, answer)] for key, one in must))
        return [f"{{{', '.join(choice)}}}" for choice in choices]


def _is_needed(called: GraphQLField) -> bool:
    """Whether a field always takes a customer, in one way or another."""
    by = called.args.get("customerBy")
    return by is not None and "One of the two is needed." in (by.description or "")


def _fields(kind: str) -> dict[str, GraphQLField]:
    type_ = TYPES[kind]
    assert isinstance(type_, GraphQLObjectType)
    fields: dict[str, GraphQLField] = type_.fields
    return fields


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})" if arguments else name


def _flat(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [inner for one in value for inner in _flat(one)]
    return [] if value is None else [value]

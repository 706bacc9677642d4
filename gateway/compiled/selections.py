"""Functions of a plan: one for each root field, each selection set of a type, and each list.

An object's function is given the run, the object and its place, and returns the answer's dictionary:

    def sel7(run, src, at):
        r = {}
        try:
            v = src.name
            if v.__class__ is str: r['name'] = v
            elif v is None: no_null(S3)
            else: r['name'] = later(run, v, (at, r, 'name', False), S3, C4)
        except Exception as e:
            r['name'] = fail(run, e, S3, (at, r, 'name', False))
        return r

Nothing there may be an await: what has to be awaited is noted in the run (running.py), with its place.
"""

from collections.abc import Mapping
from types import CoroutineType
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from gateway.compiled.completion import Abstract, Completion, Leaf, List, Object
from gateway.compiled.info import FieldInfo, Plan, Step, raw_info
from gateway.compiled.pace import SHORT
from gateway.compiled.places import Abort
from gateway.compiled.resolvers import NotTaken, Resolvers
from gateway.compiled.running import fail, later, long_list, no_null
from gateway.compiled.source import Source, indented
from gateway.compiled.variables import Variable
from gateway.compiled.written import writer_for

NAMES: Final[Mapping[str, Any]] = {
    "Abort": Abort,
    "CoroutineType": CoroutineType,
    "Info": FieldInfo,
    "NOTHING": {},
    "fail": fail,
    "later": later,
    "long_list": long_list,
    "no_null": no_null,
    "raw_info": raw_info,
}
"""Names that all functions use; each has more for its own."""
_Leaf = GraphQLScalarType | GraphQLEnumType


class Selections:
    """Writes the functions of one plan: for one combination of what @skip and @include say."""

    def __init__(
        self,
        schema: Schema,
        plan: Plan,
        fragments: dict[str, FragmentDetails],
        variables: Mapping[str, Variable],
        switches: VariableValues,
    ) -> None:
        """switches: the variables that @skip and @include name, and no others."""
        self._schema = schema
        self._plan = plan
        self._fragments = fragments
        self._variables = variables
        self._switches = switches
        self._label = plan.operation.name.value if plan.operation.name else "operation"

    def roots(self, type_: GraphQLObjectType) -> list[Any]:
        """Return a function for each root field: of the run, the root value, the answer and no place. Raises NotTaken."""
        grouped = collect_fields(self._plan.schema, self._fragments, self._switches, type_, self._plan.operation)
        writer = self._writer()
        names = [
            writer.source.define("root", "run, src, r, at", writer.field(type_, key, details))
            for key, details in grouped.grouped_field_set.items()
        ]
        functions = writer.source.build(self._label)
        return [functions[name] for name in names]

    def _writer(self) -> "_Writer":
        source = Source(dict(NAMES))
        return _Writer(self, source, Resolvers(self._schema, self._variables, source))

    def fields_of(self, type_: GraphQLObjectType, details: Any) -> Mapping[str, Any]:
        """Return what is selected of an object of this type, by the names in the answer."""
        collected = collect_subfields(
            self._plan.schema, self._fragments, self._switches, self._plan.operation, type_, details
        )
        return collected.grouped_field_set

    def compile_for(self, step: Step, type_: GraphQLObjectType, details: Any) -> Object:
        """Return the completion of a type that was met while the plan ran."""
        writer = self._writer()
        made = writer.object(step, type_, details)
        writer.source.build(self._label)
        return made


class _Writer:
    """Writes functions that are built together."""

    def __init__(self, selections: Selections, source: Source, resolvers: Resolvers) -> None:
        self.source = source
        self.selections = selections
        self._resolvers = resolvers

    def object(self, step: Step, type_: GraphQLObjectType, details: Any) -> Object:
        """Return the completion of an object of this type, and write the function for what is selected of it."""
        lines = []
        for key, each in self.selections.fields_of(type_, details).items():
            lines += self.field(type_, key, each)
        made = Object(step, type_, self.source.define("sel", "run, src, at", ["r = {}", *lines, "return r"]))
        self.source.link(made)
        return made

    def field(self, parent: GraphQLObjectType, key: str, details: Any) -> list[str]:
        """Return the lines that answer one field of the object `src` at the place `at`, in `r`. Raises NotTaken."""
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        if name == "__typename":
            return [f"r[{key!r}] = {parent.name!r}"]
        if name not in parent.fields:
            raise NotTaken("introspection, or a field that is not there")
        declared = parent.fields[name].extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        step = Step(key, nodes, parent, declared if isinstance(declared, StrawberryField) else None)
        step.writer = writer_for(step.type, details, self.selections.fields_of)
        s = self.source.name("S", step)
        call, is_coroutine = self._resolvers.of(step, s)
        null = not isinstance(step.type, GraphQLNonNull)
        inner: Any = step.type if null else step.type.of_type  # type: ignore[union-attr]
        made = _Value(self, step, inner, details)
        c = self.source.name("C", Completion(made.complete, step, null))
        answer, place = f"r[{key!r}]", f"(at, r, {key!r}, {null})"
        if is_coroutine:
            return [
                "try:",
                f"    run.pending.append(({call}, {s}, {c}, {place}))",
                f"    {answer} = None",
                *_failed(answer, s, place),
            ]
        put = f"{answer} = {{}}"
        if made.is_leaf:
            return [
                "try:",
                f"    v = {call}",
                *indented(made.cases(put, null, s, c, place)),
                *_failed(answer, s, place),
            ]
        return [
            f"s = {place}",
            "try:",
            f"    v = {call}",
            *indented(made.cases(put, null, s, c, "s")),
            *(_null_stays("s", put) if null else ()),
            *_failed(answer, s, "s"),
        ]

    def list(self, step: Step, type_: GraphQLList[Any], details: Any) -> "tuple[List, str]":
        """Return the completion of a list, and the name of the function for its items."""
        null = not isinstance(type_.of_type, GraphQLNonNull)
        inner = type_.of_type if null else type_.of_type.of_type
        s = self.source.name("S", step)
        made = _Value(self, step, inner, details)
        c = self.source.name("C", Completion(made.complete, step, null))
        place, put = f"(place, made, len(made), {null})", "made.append({})"
        at = place if made.is_leaf else "s"
        body = [
            *(() if made.is_leaf else (f"s = {place}",)),
            "try:",
            *indented(made.cases(put, null, s, c, at)),
            *(_null_stays("s", put) if null and not made.is_leaf else ()),
            "except Exception as e:",
            f"    made.append(fail(run, e, {s}, {at}))",
        ]
        function = self.source.define(
            "items", "run, values, place, made", ["for v in values:", *indented(body), "return made"]
        )
        completion = List(step, function)
        self.source.link(completion)
        return completion, function


def _failed(answer: str, s: str, place: str) -> list[str]:
    return ["except Exception as e:", f"    {answer} = fail(run, e, {s}, {place})"]


def _null_stays(place: str, put: str) -> list[str]:
    return ["except Abort as a:", f"    if a.target is not {place}: raise", f"    {put.format(None)}"]


class _Value:
    """Writes how a value of one type is completed."""

    def __init__(self, writer: _Writer, step: Step, type_: Any, details: Any) -> None:
        self.is_leaf = isinstance(type_, _Leaf)
        self.complete: Any
        self._everyday: tuple[str, str] | None = None
        source = writer.source
        if isinstance(type_, _Leaf):
            self.complete = leaf = Leaf(type_)
            self._everyday = leaf.everyday(source)
        elif isinstance(type_, GraphQLObjectType):
            self.complete = made = writer.object(step, type_, details)
            self._everyday = f"v.__class__ in {source.name('T', made.known)}", f"{made.function}(run, v, s)"
        elif isinstance(type_, GraphQLList):
            self.complete, items = writer.list(step, type_, details)
            now, perhaps = f"{items}(run, v, s, [])", f"long_list(run, v, s, {items})"
            self._everyday = "v.__class__ is list", f"{now} if len(v) < {SHORT} else {perhaps}"
        elif isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            selections = writer.selections
            self.complete = Abstract(step, type_, lambda chosen: selections.compile_for(step, chosen, details))
        else:
            raise NotTaken(f"the type {type_}")

    def cases(self, put: str, null: bool, s: str, c: str, place: str) -> list[str]:
        """Return what becomes of the value `v`. put: how a value gets into the answer."""
        lines = []
        if self._everyday is not None:
            test, made = self._everyday
            lines.append(f"if {test}: {put.format(made)}")
        nothing = put.format(None) if null else f"no_null({s})"
        lines.append(f"{'elif' if lines else 'if'} v is None: {nothing}")
        lines.append(f"else: {put.format(f'later(run, v, {place}, {s}, {c})')}")
        return lines

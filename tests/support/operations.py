"""Random valid operations over any schema: variables, fragments, @include and @skip, aliases, nulls."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)
from graphql.type import is_required_argument, is_required_input_field

Values = Callable[[str, str, Random], Any]
"""Returns a value, as JSON has it, for an argument or input field of that name and scalar type."""
MAX_DEPTH: Final = 4
MAX_FIELDS: Final = 4


@dataclass
class Asked:
    """An operation, and the variables to send with it."""

    text: str
    variables: Mapping[str, Any]


@dataclass
class _Written:
    definitions: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    names: int = 0

    def fresh(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"


class Writer:
    """Writes operations. rarely: arguments that are hardly ever given."""

    def __init__(
        self, schema: GraphQLSchema, values: Values, rng: Random, rarely: frozenset[str] = frozenset()
    ) -> None:
        self._schema = schema
        self._values = values
        self._rng = rng
        self._rarely = rarely

    def operation(self, *, mutation: bool = False) -> Asked:
        self._to = _Written()
        root = self._schema.mutation_type if mutation else self._schema.query_type
        assert root is not None
        chosen = [self._field(root, name, MAX_DEPTH) for name in self._some(list(root.fields))]
        body = " ".join(chosen)
        heads = f"({', '.join(self._to.definitions)})" if self._to.definitions else ""
        kind = "mutation" if mutation else "query"
        return Asked("\n".join([f"{kind} Asked{heads} {{ {body} }}", *self._to.fragments]), self._to.variables)

    def _chance(self, part: float) -> bool:
        return self._rng.random() < part

    def _some(self, names: Sequence[str]) -> list[str]:
        return self._rng.sample(names, min(len(names), self._rng.randint(1, MAX_FIELDS)))

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = []
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            leaves = [name for name, each in type_.fields.items() if not is_composite_type(get_named_type(each.type))]
            names = list(type_.fields) if depth > 1 else leaves
            parts += [self._field(type_, name, depth - 1) for name in (self._some(names) if names else ())]
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            possible = [each.name for each in self._schema.get_possible_types(type_)]
            parts += [self._fragment(name, depth) for name in self._some(possible)]
        elif self._chance(0.15):
            parts.append(self._fragment(type_.name, depth))
        if not parts or self._chance(0.2):
            parts.append("__typename")
        return f"{{ {' '.join(parts)} }}"

    def _fragment(self, name: str, depth: int) -> str:
        type_ = self._schema.get_type(name)
        assert type_ is not None
        selection = self._selection(type_, depth - 1) if depth > 1 else "{ __typename }"
        if self._chance(0.5):
            return f"... on {name}{self._switches()} {selection}"
        fragment = self._to.fresh("F")
        self._to.fragments.append(f"fragment {fragment} on {name} {selection}")
        return " ".join([f"...{fragment}{self._switches()}"] * (2 if self._chance(0.1) else 1))

    def _field(self, parent: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int) -> str:
        definition = parent.fields[name]
        inner = get_named_type(definition.type)
        selection = f" {self._selection(inner, depth)}" if is_composite_type(inner) else ""
        # Under a name of its own, so that fields never conflict.
        written = f"{self._to.fresh('a')}: {name}{self._arguments(definition)}{self._switches()}{selection}"
        return f"{written} {written}" if self._chance(0.05) else written

    def _switches(self) -> str:
        if self._chance(0.8):
            return ""
        written = []
        for name in self._rng.sample(["skip", "include"], self._rng.randint(1, 2)):
            wanted = self._chance(0.5)
            if self._chance(0.5):
                variable = self._to.fresh("v")
                if self._chance(0.3):
                    self._to.definitions.append(f"${variable}: Boolean = {json.dumps(wanted)}")
                else:
                    self._to.definitions.append(f"${variable}: Boolean!")
                    self._to.variables[variable] = wanted
                written.append(f" @{name}(if: ${variable})")
            else:
                written.append(f" @{name}(if: {json.dumps(wanted)})")
        return "".join(written)

    def _arguments(self, definition: GraphQLField) -> str:
        written = []
        for name, argument in definition.args.items():
            if is_required_argument(argument) or self._chance(0.02 if name in self._rarely else 0.5):
                written.append(f"{name}: {self._argument(name, argument)}")
        return f"({', '.join(written)})" if written else ""

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(name, argument.type)
        if self._chance(0.5):
            return self._literal(value, argument.type)
        variable, type_ = self._to.fresh("v"), argument.type
        if self._chance(0.2) and value is not None:
            self._to.definitions.append(f"${variable}: {type_} = {self._literal(value, type_, const=True)}")
            if self._chance(0.5):
                self._to.variables[variable] = self._value(name, type_)
        else:
            self._to.definitions.append(f"${variable}: {type_}")
            if isinstance(type_, GraphQLNonNull) or self._chance(0.7):
                self._to.variables[variable] = value
        return f"${variable}"

    def _value(self, name: str, type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        elif self._chance(0.25):
            return None
        if isinstance(type_, GraphQLList):
            return [self._value(name, type_.of_type) for _ in range(self._rng.randint(0, 3))]
        if isinstance(type_, GraphQLEnumType):
            return self._rng.choice(list(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            if _is_one_of(type_):
                one, only = self._rng.choice(list(type_.fields.items()))
                return {one: self._value(one, GraphQLNonNull(only.type))}
            return {
                each: self._value(each, input_field.type)
                for each, input_field in type_.fields.items()
                if is_required_input_field(input_field) or self._chance(0.4)
            }
        return self._values(name, type_.name, self._rng)

    def _literal(self, value: Any, type_: Any, *, const: bool = False) -> str:
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList) and isinstance(value, list):
            return f"[{', '.join(self._literal(each, type_.of_type, const=const) for each in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            fields = (f"{name}: {self._field_literal(name, each, type_, const)}" for name, each in value.items())
            return f"{{{', '.join(fields)}}}"
        if isinstance(type_, GraphQLEnumType):
            return str(value)
        assert isinstance(type_, GraphQLScalarType)
        return json.dumps(value)

    def _field_literal(self, name: str, value: Any, type_: GraphQLInputObjectType, const: bool) -> str:
        inner = type_.fields[name].type
        if const or value is None or _is_one_of(type_) or self._chance(0.8):
            return self._literal(value, inner, const=const)
        variable = self._to.fresh("v")
        self._to.definitions.append(f"${variable}: {inner}")
        self._to.variables[variable] = value
        return f"${variable}"


def _is_one_of(type_: GraphQLInputObjectType) -> bool:
    """Return whether Strawberry or graphql-core says so."""
    definition = type_.extensions.get("strawberry-definition")
    return type_.is_one_of or getattr(definition, "is_one_of", False)

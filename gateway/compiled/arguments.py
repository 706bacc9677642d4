"""Arguments of a field: what of them is known before any request, and how the rest comes from its variables."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from graphql import FieldNode, GraphQLArgument, GraphQLField, GraphQLNonNull, VariableNode
from graphql.execution.values import get_argument_values
from graphql.language import ListValueNode, ObjectValueNode, ValueNode
from graphql.pyutils import Undefined
from graphql.type import is_required_argument
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry import Schema
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import InputContext, StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.compiled.info import Asked, FieldInfo, Step
from gateway.compiled.places import At
from gateway.compiled.source import Source
from gateway.compiled.variables import Variable

Convert = Callable[[Any, Asked, Step, At], Any]
"""Makes of a value as graphql-core reads it what Strawberry gives to a resolver."""
_UNCHANGING: Final = (str, int, float, bool, bytes, type(None), Enum, Decimal, date, datetime, time, UUID)


class Arguments:
    """Expressions for the arguments of a field's resolver."""

    def __init__(self, schema: Schema, variables: Mapping[str, Variable], source: Source) -> None:
        self._schema = schema
        self._variables = variables
        self._source = source

    def of(self, step: Step, field_name: str) -> list[str]:
        """Return the resolver's keyword arguments. field_name: of the step, in the functions."""
        field, definition, node = step.field, step.definition, step.nodes[0]
        if field is None or not field.arguments:
            return []
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        written = []
        for argument in field.arguments:
            name = self._schema.config.name_converter.from_argument(argument)
            convert = converter(self._schema, argument, name)
            value = self._value(definition.args[name], name, given.get(name), node, convert is not None)
            if value is None:
                continue
            expression, may_be_left_out = value
            if convert is not None:
                made = self._source.name("V", convert)
                expression = f"{made}({expression}, run, {field_name}, at)"
            if may_be_left_out is None:
                written.append(f"{argument.python_name}={expression}")
            else:
                there = f"{{{argument.python_name!r}: {expression}}}"
                written.append(f"**({there} if {may_be_left_out} else NOTHING)")
        return written

    def _value(
        self, definition: GraphQLArgument, name: str, value: ValueNode | None, node: FieldNode, is_converted: bool
    ) -> tuple[str, str | None] | None:
        """Return an expression for an argument's value, and the condition under which it has one, if there is any.
        Returns None if it never has one."""
        if value is None:
            if is_required_argument(definition):
                return self._at_run_time(name, definition, node), None  # graphql-core's complaint
            default = coerce_default_value(definition)
            return None if default is Undefined else (self._source.name("K", default), None)
        if isinstance(value, VariableNode):
            return self._variable(value.name.value, name, definition, node)
        if not has_variable(value):
            known = _known(name, definition, node)
            if is_unchanging(known, is_converted):
                return self._source.name("K", known), None
        return self._at_run_time(name, definition, node), None

    def _variable(
        self, variable: str, name: str, definition: GraphQLArgument, node: FieldNode
    ) -> tuple[str, str | None]:
        known = self._variables.get(variable)
        refuses_null = isinstance(definition.type, GraphQLNonNull) and not (known and known.is_never_null)
        if known is None or (refuses_null and is_required_argument(definition)):
            return self._at_run_time(name, definition, node), None
        default = coerce_default_value(definition)
        read = f"run.variables[{variable!r}]"
        if not known.is_given and default is not Undefined:
            read = f"run.variables.get({variable!r}, {self._source.name('K', default)})"
        if refuses_null:
            read = f"({read} if {read} is not None else {self._at_run_time(name, definition, node)})"
        there = None if known.is_given or default is not Undefined else f"{variable!r} in run.variables"
        return read, there

    def _at_run_time(self, name: str, definition: GraphQLArgument, node: FieldNode) -> str:
        """Return the call of graphql-core's own function for one argument."""
        field, alone = _alone(name, definition, node)
        out_name = definition.out_name or name

        def read(run: Asked) -> Any:
            values = run.plan.values(run.given, run.variables)
            return get_argument_values(field, alone, values)[out_name]

        return f"{self._source.name('A', read)}(run)"


def raw_arguments(definition: GraphQLField, node: FieldNode) -> Callable[[Asked], dict[str, Any]]:
    """Return a function for the arguments as graphql-core hands them to its own resolvers."""
    if not definition.args:
        return lambda _run: {}
    return lambda run: get_argument_values(definition, node, run.plan.values(run.given, run.variables))


def converter(schema: Schema, argument: StrawberryArgument, name: str) -> Convert | None:
    """Return what converts an argument's value. None: Strawberry leaves it as it is."""
    type_, config, registry = argument.type, schema.config, schema.schema_converter.scalar_registry
    inner = type_.of_type if type(type_) is StrawberryOptional else type_
    if inner is not GlobalID and (is_scalar(inner, registry) or isinstance(inner, StrawberryEnumDefinition)):
        return None
    if has_object_definition(inner) and (build := inner.__strawberry_definition__.from_input) is not None:

        def built(value: Any, run: Asked, step: Step, at: At) -> Any:
            if value is None:
                return None
            return build(inner, value, InputContext(FieldInfo(run, step, at), config, registry, (name,)))

        return built

    def converted(value: Any, run: Asked, step: Step, at: At) -> Any:
        return convert_argument(value, type_, registry, config, FieldInfo(run, step, at), path=(name,))

    return converted


def has_variable(value: ValueNode) -> bool:
    """Return whether a variable stands somewhere in a literal."""
    if isinstance(value, VariableNode):
        return True
    if isinstance(value, ListValueNode):
        return any(map(has_variable, value.values))
    return isinstance(value, ObjectValueNode) and any(has_variable(field.value) for field in value.fields)


def is_unchanging(value: Any, is_converted: bool) -> bool:
    """Return whether nobody can change a value, or Strawberry makes a new one of it for each resolver. Others are read
    anew for each request, as graphql-core does."""
    if isinstance(value, list):
        return is_converted and all(isinstance(each, _UNCHANGING) for each in value)
    return isinstance(value, _UNCHANGING)


def _alone(name: str, definition: GraphQLArgument, node: FieldNode) -> tuple[Any, FieldNode]:
    """Return a field and its node, as if it had but this one argument."""
    arguments = tuple(argument for argument in node.arguments or () if argument.name.value == name)
    return SimpleNamespace(args={name: definition}), FieldNode(name=node.name, arguments=arguments, loc=node.loc)


def _known(name: str, definition: GraphQLArgument, node: FieldNode) -> Any:
    field, alone = _alone(name, definition, node)
    try:
        return get_argument_values(field, alone)[definition.out_name or name]
    except Exception:  # noqa: BLE001 - whatever a scalar refuses its literal with
        return ...  # to be complained of where the field is resolved

"""An operation of a validated document as a plan, and how it is run."""

from asyncio import Future, create_task
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry import Schema

from gateway.compiled.info import Asked
from gateway.compiled.pace import UNHURRIED, Pace
from gateway.compiled.places import Abort, Faults
from gateway.compiled.resolvers import NotTaken
from gateway.compiled.running import Run, cancel, finish, settled
from gateway.compiled.selections import Selections
from gateway.compiled.variables import Readers, Variable, read_all

MAX_PLANS: Final = 16
"""Combinations of the values of @skip's and @include's variables that an operation has plans for; others are left to
graphql-core."""
Variables: TypeAlias = dict[str, Any] | list[GraphQLError]
"""Values of variables as resolvers get them, or what is wrong with them."""
_MAX_ERRORS: Final = 50
"""In variables; as graphql-core has it."""
_SWITCHES: Final = frozenset({GraphQLSkipDirective.name, GraphQLIncludeDirective.name})


class Operation:
    """One operation of a document. Its plans are made when they are first needed."""

    def __init__(self, schema: Schema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        """document: a valid one. Raises NotTaken: it is left to graphql-core."""
        if operation.operation is OperationType.SUBSCRIPTION or operation.directives:
            raise NotTaken("a subscription, or directives on the operation")
        self.schema = schema._schema  # noqa: SLF001
        self.operation = operation
        self._strawberry = schema
        definitions = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        if any(each.variable_definitions for each in definitions):
            raise NotTaken("variables of a fragment")
        self.fragment_definitions = {each.name.value: each for each in definitions}
        self._fragments = {name: FragmentDetails(each, None) for name, each in self.fragment_definitions.items()}
        self._switches = sorted(self._find_switches())
        self._signatures: dict[str, GraphQLVariableSignature] = {}
        self._variables = list(self._read_variables())
        self._defaults = {each.name: each.default for each in self._variables}
        self.plans: dict[tuple[Any, ...], list[Any]] = {}
        """Functions of root fields, by what the variables of @skip and @include say."""
        root_type = self.schema.get_root_type(operation.operation)
        if root_type is None:
            raise NotTaken("no root type")
        self._root_type = root_type

    def _read_variables(self) -> Iterator[Variable]:
        readers = Readers.of_schema(self.schema)
        for definition in self.operation.variable_definitions or ():
            signature = get_variable_signature(self.schema, definition)
            if isinstance(signature, GraphQLError):
                raise NotTaken("a variable of no input type")
            self._signatures[signature.name] = signature
            default = coerce_default_value(signature) if definition.default_value else Undefined
            yield Variable(signature.name, signature.type, default, readers.of(signature.type))

    def _find_switches(self) -> set[str]:
        """Return the variables of @skip and @include. Other directives are not taken."""
        found: set[str] = set()
        sets: list[SelectionSetNode] = [self.operation.selection_set]
        sets += [each.selection_set for each in self.fragment_definitions.values()]
        while sets:
            for selection in sets.pop().selections:
                for directive in selection.directives or ():
                    if directive.name.value not in _SWITCHES:
                        raise NotTaken(f"@{directive.name.value}")
                    values = [argument.value for argument in directive.arguments or ()]
                    found.update(value.name.value for value in values if isinstance(value, VariableNode))
                below = getattr(selection, "selection_set", None)
                if below is not None:
                    sets.append(below)
        return found

    def coerce(self, given: Mapping[str, Any]) -> Variables:
        """Return the values of variables as resolvers get them, or what is wrong with them."""
        if not self._variables:
            return {}
        try:
            return read_all(self._variables, given)
        except (Exception, RecursionError):  # noqa: BLE001 - graphql-core says what it is
            nodes = self.operation.variable_definitions or ()
            values = get_variable_values(self.schema, nodes, dict(given), max_errors=_MAX_ERRORS)
            return values if isinstance(values, list) else values.coerced

    def values(self, given: Mapping[str, Any], variables: dict[str, Any]) -> VariableValues:
        """Return variables as graphql-core's functions want them."""
        sources = {
            name: VariableValueSource(signature, given.get(name, Undefined))
            for name, signature in self._signatures.items()
            if name in given or name in variables
        }
        return VariableValues(sources, variables)

    def knows(self, given: Mapping[str, Any]) -> bool:
        """Return whether there is a plan for variables as they were sent."""
        key = self._key(given)
        return all(value is True or value is False for value in key) and key in self.plans

    def takes(self, given: Mapping[str, Any]) -> bool:
        """Return whether there is a plan for variables as they were sent, and make it if there can be one."""
        try:
            self._plan(self._key(given))
        except NotTaken:
            return False
        return True

    def _key(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(given.get(name, self._defaults.get(name)) for name in self._switches)

    def _plan(self, key: tuple[Any, ...]) -> list[Any]:
        # As they were sent, they may be anything, also what no dictionary takes.
        if not all(isinstance(value, bool) for value in key):
            raise NotTaken("@skip or @include without a value")
        if (plan := self.plans.get(key)) is not None:
            return plan
        if len(self.plans) >= MAX_PLANS:
            raise NotTaken("too many combinations of @skip and @include")
        switches = dict(zip(self._switches, key, strict=True))
        by_name = {variable.name: variable for variable in self._variables}
        selections = Selections(self._strawberry, self, self._fragments, by_name, self.values(switches, switches))
        plan = self.plans[key] = selections.roots(self._root_type)
        return plan

    async def execute(
        self,
        variables: dict[str, Any],
        given: Mapping[str, Any],
        *,
        context: Any = None,
        root: Any = None,
        extensions: dict[str, Any] | None = None,
        pace: Pace = UNHURRIED,
    ) -> ExecutionResult:
        """Return what graphql-core would.

        variables: from `coerce`. given: as they were sent. extensions: of the request. Raises NotTaken before anything
        has been resolved.
        """
        fields = self._plan(tuple(variables.get(name) for name in self._switches))
        run = Run(Asked(self, context, root, variables, given, extensions), pace, Faults())
        answer: dict[str, Any] = {}
        try:
            if self.operation.operation is OperationType.MUTATION:
                is_null = await _in_turn(fields, run, answer)
            else:
                is_null = await _side_by_side(fields, run, answer)
        finally:
            errors = run.faults.take()
        return ExecutionResult(None if is_null else answer, errors or None)


async def _in_turn(fields: list[Any], run: Run, answer: dict[str, Any]) -> bool:
    """Return whether all of the answer is null."""
    for field in fields:
        _begin(field, run, answer)
        if run.pending or run.lists:
            await finish(run)
        if run.is_null:
            break
    return run.is_null


async def _side_by_side(fields: list[Any], run: Run, answer: dict[str, Any]) -> bool:
    """Return whether all of the answer is null. Each field that has to be awaited has a task of its own: what its
    resolver sets in its context is not the others' business."""
    for field in fields:
        _begin(field, run, answer)
        if run.is_null:
            break
    if run.is_null:
        run.close()
        return True
    if len(run.pending) + bool(run.lists) <= 1:
        if run.pending or run.lists:
            await finish(run)
        return run.is_null
    strands = [run.strand(waiting) for waiting in run.pending]
    run.pending = []
    if run.lists:
        strands.append(run)
    tasks: list[Future[Any]] = [create_task(finish(strand)) for strand in strands]
    try:
        await settled(iter(tasks))
    except BaseException:
        await cancel(tasks)
        raise
    for task in tasks:
        task.result()
    return any(strand.is_null for strand in strands)


def _begin(field: Any, run: Run, answer: dict[str, Any]) -> None:
    try:
        field(run, run.root, answer, None)
    except Abort as abort:
        run.settle(abort)


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation to run. Raises NotTaken if it is not clear which."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        operations = [each for each in operations if each.name and each.name.value == name]
    if len(operations) != 1:
        raise NotTaken("no operation, or one of several")
    return operations[0]

"""The information that a resolver gets about its field. graphql-core's part of it is made when it is asked for."""

from asyncio import Future, ensure_future, gather
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, gather_with_cancel
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from gateway.compiled.places import At, keys_of


class Plan(Protocol):
    """The parts of an operation that all its runs share."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragment_definitions: dict[str, FragmentDefinitionNode]

    def values(self, given: Mapping[str, Any], variables: dict[str, Any]) -> VariableValues:
        """Return variables as graphql-core's functions want them."""


class Step:
    """A field of an answer: what is known of it before any request."""

    __slots__ = ("definition", "field", "key", "name", "nodes", "parent", "writer")

    def __init__(
        self, key: str, nodes: list[FieldNode], parent: GraphQLObjectType, field: StrawberryField | None
    ) -> None:
        """field: Strawberry's."""
        self.key = key
        self.nodes = nodes
        self.name = nodes[0].name.value
        self.parent = parent
        self.field = field
        self.definition: GraphQLField = parent.fields[self.name]
        self.writer: Any = None
        """Writes it as JSON, if something does (written.py)."""

    @property
    def type(self) -> GraphQLOutputType:
        return self.definition.type


class Asked:
    """A request for a plan's answer."""

    __slots__ = ("context", "extensions", "given", "plan", "root", "variables")

    def __init__(
        self,
        plan: Plan,
        context: Any,
        root: Any,
        variables: dict[str, Any],
        given: Mapping[str, Any],
        extensions: dict[str, Any] | None,
    ) -> None:
        """variables: as resolvers get them. given: as they were sent. extensions: of the request."""
        self.plan = plan
        self.context = context
        self.root = root
        self.variables = variables
        self.given = given
        self.extensions = extensions


class FieldInfo(Info[Any, Any]):
    """Strawberry's Info of a field that a plan resolves."""

    def __init__(self, asked: Asked, step: Step, at: At) -> None:
        """at: the place of the object that has the field."""
        self._asked = asked
        self._step = step
        self._at = at

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        return raw_info(self._asked, self._step, self._at)

    @property
    def _field(self) -> StrawberryField:  # type: ignore[override]
        field = self._step.field
        assert field is not None  # noqa: S101 - for the type checker
        return field

    @property
    def context(self) -> Any:
        return self._asked.context

    @property
    def field_name(self) -> str:
        return self._step.name

    @property
    def writer(self) -> Any:
        """Writes the field as JSON; None if it is to be resolved."""
        return self._step.writer if getattr(self._asked.context, "writes", False) else None

    @property
    def operation(self) -> OperationDefinitionNode:
        return self._asked.plan.operation


_tracked: Final[set[Future[Any]]] = set()
"""asyncio itself holds on to none."""


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)


def _track(values: Sequence[Any]) -> None:
    if awaitables := [ensure_future(value) for value in values if is_awaitable(value)]:
        together = gather(*awaitables, return_exceptions=True)
        _tracked.add(together)
        together.add_done_callback(_tracked.discard)


_HELPERS: Final = GraphQLResolveInfoHelpers(gather=_gather, track=_track)
"""Of no execution in particular: an executor's lead back to it, and so every request is left to the garbage collector."""


def raw_info(asked: Asked, step: Step, at: At) -> GraphQLResolveInfo[Any]:
    """Return graphql-core's info of a field, with what Strawberry adds to it."""
    plan = asked.plan
    path: Path | None = None
    for key in keys_of(at):
        path = Path(path, key, None)
    extensions: Any = asked.extensions
    info: Any = _OperationContextAwareGraphQLResolveInfo(
        field_name=step.name,
        field_nodes=step.nodes,
        return_type=step.type,
        parent_type=step.parent,
        path=Path(path, step.key, step.parent.name),
        schema=plan.schema,
        fragments=plan.fragment_definitions,
        root_value=asked.root,
        operation=plan.operation,
        variable_values=asked.variables,
        context=asked.context,
        is_awaitable=is_awaitable,
        abort_signal=None,
        async_helpers=_HELPERS,
        operation_extensions=extensions,
    )
    made: GraphQLResolveInfo[Any] = info
    return made

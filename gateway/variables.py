"""Work that graphql-core always does in one go, done here so that other requests get a turn in between.

*Variables.* It reads an operation's variables when it begins to execute it: 50 ms for the 10,000 rows of a bulk. Here
they are read before, in a thread, by graphql-core's own function, and the executor gets the result.

*Lists.* It completes all items of a list at once, and all lists whose rows arrive at the same moment: 400 ms for
eight times 90 customers with their credits and entries. Here a list waits for its turn (turns/slices.py) if a round of
the loop has had its share, and a long one is completed in slices.
"""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final
from weakref import ref

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues, get_variable_values
from graphql.pyutils import Path, gather_with_cancel
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.compiled.pace import LONG, SHORT, Pace
from gateway.compiled.pace import Steps as Slices
from gateway.reading import Lists
from gateway.sharing import SHARED, Shared
from turns.slices import beside, in_slices, is_over, turn
from turns.steps import Steps

FEW_VALUES: Final = 500
"""Fewer are read by graphql-core as usual: that takes no longer than handing them to a thread."""
_MAX_ERRORS: Final = 50
"""As graphql-core has it."""


class ReadVariables(dict[str, Any]):
    """Variables as sent, already read: their values, or their errors."""

    def __init__(self, given: Mapping[str, Any], read: "VariableValues | list[GraphQLError]") -> None:
        super().__init__(given)
        self.read = read


async def read_beside(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> ReadVariables:
    """Read in a thread the variables of an operation about to be executed."""
    read = await beside(
        get_variable_values, schema, operation.variable_definitions or (), dict(variables), max_errors=_MAX_ERRORS
    )
    return ReadVariables(variables, read)


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Executes like Strawberry's, but does not read variables again, completes long lists in slices, and is freed with
    its operation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.async_helpers = _helpers_of(self)

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """Return an executor or, if it cannot be made, the reasons."""
        given = raw_variable_values
        if not isinstance(given, ReadVariables):
            return super().build(schema, document, root_value, context_value, given, *arguments, **options)
        if isinstance(given.read, list):
            return given.read
        bare = _without_variables(document)
        made = super().build(schema, bare, root_value, context_value, None, *arguments, **options)
        if not isinstance(made, list):
            made.variable_values = given.read
        return made

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The result, or an awaitable of it; of a subscription's event, what others who asked alike have been shown."""
        shared: Shared | None = getattr(self.root_value, SHARED, None)
        if shared is None:
            return super().execute_operation(serially)
        values = self.variable_values.coerced
        data = shared.get(self.operation, values)
        if data is not None:
            return ExecutionResult(data, None)
        result = super().execute_operation(serially)
        # What had to be waited for may depend on who asks; and errors are shaped for who is told.
        if isinstance(result, ExecutionResult) and not result.errors and result.data is not None:
            shared.keep(self.operation, values, result.data)
        return result

    def complete_list_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """The list's items, each completed; or an awaitable of them."""
        if type(result) is list and len(result) >= SHORT and (len(result) >= LONG or is_over()):
            return self._complete_in_turn(return_type.of_type, field_details_list, info, path, result, position_context)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _complete_in_turn(
        self, item_type: Any, field_details_list: Any, info: Any, path: Path, items: list[Any], position_context: Any
    ) -> list[Any]:
        lists: Lists = getattr(self.context_value, "lists", None) or Lists()
        completed: list[Any] = []
        waiting: list[int] = []

        def steps() -> Steps[None]:
            for index, item in enumerate(items):
                place = path.add_key(index, None)
                given = field_details_list, info, place, position_context
                if self.is_awaitable(item):
                    completed.append(self.complete_awaitable_list_item_value(item, item_type, *given))
                    waiting.append(index)
                elif self.complete_list_item_value(item, completed, item_type, *given):
                    waiting.append(index)
                yield

        lists.begun += 1
        try:
            if is_over():
                await turn()
            await in_slices(steps())
        except BaseException:
            # A non-null item is null, or the request was abandoned. Work already begun ends by itself.
            self.settle_in_background([completed[index] for index in waiting])
            raise
        finally:
            lists.begun -= 1
        for index, value in zip(waiting, await gather_with_cancel(*(completed[n] for n in waiting)), strict=True):
            completed[index] = value
        return completed


def _helpers_of(executor: Executor) -> GraphQLResolveInfoHelpers:
    """The functions that resolvers find in their info. In graphql-core they are methods of the executor that has them:
    a cycle, so all that an operation has read would wait for the garbage collector."""
    return GraphQLResolveInfoHelpers(gather=_gather, track=partial(_track, ref(executor)))


def _track(executing: "ref[Executor]", values: Sequence[Any]) -> None:
    if (executor := executing()) is not None:
        executor.track_async_work(values)


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)


def _without_variables(document: DocumentNode) -> DocumentNode:
    """Return the document with no operation declaring variables: their values are known."""
    definitions = tuple(
        OperationDefinitionNode(
            operation=each.operation,
            name=each.name,
            directives=each.directives,
            selection_set=each.selection_set,
            loc=each.loc,
        )
        if isinstance(each, OperationDefinitionNode)
        else each
        for each in document.definitions
    )
    return DocumentNode(definitions=definitions, loc=document.loc)


class _Begun:
    """A context while lists are completed in turns."""

    __slots__ = ("_lists",)

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def __enter__(self) -> None:
        self._lists.begun += 1

    def __exit__(self, *_: object) -> None:
        self._lists.begun -= 1


class _Turns:
    """The way compiled operations split long work: like the executor."""

    def is_over(self) -> bool:
        return is_over()

    async def in_slices(self, steps: Slices) -> None:
        if is_over():
            await turn()
        await in_slices(steps)

    def holding(self, context: Any) -> AbstractContextManager[None]:
        return _Begun(getattr(context, "lists", None) or Lists())


TURNS: Final[Pace] = _Turns()

"""Many values in an operation's variables are read beside the event loop.

graphql-core reads an operation's variables in one go when it begins to execute it: 50 ms for the 10,000 rows of a bulk,
in which nobody else would have a turn. Here they are read before, in a thread, by graphql-core's own function, and the
executor is handed what came of it.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from turns.slices import beside

FEW_VALUES: Final = 500
"""Fewer are read where they always are: it takes no longer than handing them to a thread."""
_MAX_ERRORS: Final = 50
"""As graphql-core has it."""


class ReadVariables(dict[str, Any]):
    """Variables as they came, which have been read already: values, or what is wrong with them."""

    def __init__(self, given: Mapping[str, Any], read: "VariableValues | list[GraphQLError]") -> None:
        super().__init__(given)
        self.read = read


async def read_beside(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> ReadVariables:
    """The variables of an operation that is about to be executed."""
    read = await beside(
        get_variable_values, schema, operation.variable_definitions or (), dict(variables), max_errors=_MAX_ERRORS
    )
    return ReadVariables(variables, read)


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Executes as Strawberry's does, and does not read variables again."""

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
        """An executor; or, where it cannot be made, why."""
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


def _without_variables(document: DocumentNode) -> DocumentNode:
    """The document, in which no operation asks for any: what they stand for is known."""
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

"""graphql-core's validation of a document, with its reference cycles broken at the end.

Its visitors hold methods of themselves, and its context and rules refer to each other: 800 to 2,000 objects for each
new document, which a client that writes its values into the text sends with every request, would wait for the garbage
collector. Its `validate` exposes none of them, so it is written again here, from the same parts.
"""

from collections.abc import Collection
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    ParallelVisitor,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    visit,
)
from graphql.validation.validate import FragmentNestingVisitor, ValidationAbortedError, query_document_keys_to_validate
from graphql.validation.validation_context import VariableUsage, VariableUsageVisitor


class _Context(ValidationContext):
    """graphql-core's, without a visitor for each read of an operation's variables."""

    def get_variable_usages(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> list[VariableUsage]:
        """The variables used in the node itself."""
        usages = self._variable_usages.get(node)
        if usages is None:
            visitor = VariableUsageVisitor(self._type_info, node if isinstance(node, FragmentDefinitionNode) else None)
            whole = TypeInfoVisitor(self._type_info, visitor)
            visit(node, whole)
            usages = self._variable_usages[node] = visitor.usages
            vars(visitor).clear()
            vars(whole).clear()
        return usages


def validated(
    schema: GraphQLSchema, document: DocumentNode, rules: Collection[type[ASTValidationRule]], max_errors: int
) -> list[GraphQLError]:
    """The document's errors, up to the maximum and then one that says there are more. schema: a checked one."""
    errors: list[GraphQLError] = []

    def on_error(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError("Too many validation errors, error limit reached. Validation aborted.")
        errors.append(error)

    type_info = TypeInfo(schema)
    context = _Context(schema, document, type_info, on_error)
    visitors: list[Visitor] = [rule(context) for rule in rules]
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    if fragments:
        visitors.insert(0, FragmentNestingVisitor(fragments))
    parallel = ParallelVisitor(visitors)
    whole = TypeInfoVisitor(type_info, parallel)
    try:
        visit(document, whole, query_document_keys_to_validate)
    except ValidationAbortedError as aborted:
        aborted.__context__ = None
        errors.append(aborted.with_traceback(None))
    except RecursionError:
        errors.append(ValidationAbortedError("Validation aborted."))
    finally:
        parts: list[Any] = [whole, parallel, *visitors, context]
        for part in parts:
            vars(part).clear()
    return errors

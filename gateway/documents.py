"""Documents that have passed every check, cached by their text.

This takes the place of Strawberry's ParserCache, ValidationCache and limiters together. Keyed by the text, a hit costs
one dictionary look-up, where ValidationCache hashes every node of the document on each request; the limits are checked
before validation, whose time they bound; and the memory is bounded in characters, not in documents of any size.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLSyntaxError,
    NameNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Token,
    TokenKind,
    ValidationContext,
    VariableDefinitionNode,
    VariableNode,
    parse,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.compiled.extension import COMPILE_AT
from gateway.compiled.operation import Operation
from gateway.errors import ErrorCode, OperationNotFound, with_code
from gateway.query_limits import (
    OperationMeasure,
    QueryLimits,
    QueryTooCostly,
    check_definitions,
    check_shape,
    measure_operation,
    operations_of,
)
from gateway.validation import validated
from turns.slices import beside, is_over, turn

MAX_CACHED_CHARACTERS = 200_000
"""About 800 documents. They are 80,000 objects, and each full garbage collection walks them all: 500,000 characters,
with their tokens, blocked the event loop for 200 to 500 ms now and then (measured)."""
PLAN_WEIGHT: Final = 2
"""The weight of an operation's plan, in lengths of its document: it has two to three times as many objects."""
MAX_NAMES = 5_000
MAX_CACHED_PAGE_SIZES = 64
LONG_TO_COMPILE: Final = 250
"""Characters; compiling takes about 10 µs for each."""
LONG_DOCUMENT = 1_000
"""Characters; reading, checking and validating takes up to 45 µs for each token; a character may be a token."""
MAX_SHOWN_NAME = 100
MAX_VALIDATION_ERRORS = 10
"""Maximum per document. An error in an input object prints all of it: 1,500 unknown fields took 0.8 s with 100."""
_NO_TOKEN: Final = Token(TokenKind.SOF, 0, 0, 0, 0)
# The message of graphql-core's parser past `max_tokens`: by type, an ordinary syntax error.
_TOO_MANY_TOKENS = "Document contains more than"


Compile = Callable[[DocumentNode, OperationDefinitionNode], Operation | None]
"""Compiles an operation of a valid document; None if graphql-core is to execute it."""


@dataclass(slots=True)
class CheckedOperation:
    """One operation of a document within its limits, and its cost for the page sizes seen so far."""

    node: OperationDefinitionNode
    measure: OperationMeasure
    costs: dict[tuple[int | None, ...], tuple[int, int]] = field(default_factory=dict)
    uses: int = 0
    compiled: Operation | None = None
    plans: int = 0
    """Number of its plans that count as cached."""


@dataclass(slots=True)
class CheckedDocument:
    """A parsed document within its limits. `errors` are those of validation; with any, it is not cached.

    follows: whether it may follow a list or read the past; never False if it does.
    """

    node: DocumentNode
    operations: Mapping[str | None, CheckedOperation]
    errors: list[GraphQLError]
    follows: bool
    weight: int = 0
    """Characters that it counts for while it is cached."""

    def operation(self, name: str | None) -> CheckedOperation:
        """Return the operation to run. Raises `OperationNotFound` if none has that name, or the choice is ambiguous."""
        if name is not None:
            if (named := self.operations.get(name)) is None:
                raise OperationNotFound(f"Unknown operation named '{name[:MAX_SHOWN_NAME]}'.")
            return named
        if len(self.operations) > 1:
            raise OperationNotFound("The document has several operations: say which in operationName.")
        for only in self.operations.values():
            return only
        raise OperationNotFound("The document has no operation.")


class _OneOf(OneOfInputValidationRule):
    """Strawberry's rule, which assumes that a variable is declared before its use. If it is not, as in a fragment,
    other rules reject it, or its value is checked on arrival."""

    def __init__(self, validation_context: ValidationContext) -> None:
        super().__init__(validation_context)
        self.variable_definitions: dict[str, VariableDefinitionNode] = {}

    def validate_one_of(self, node: ObjectValueNode, type: GraphQLNamedType) -> None:  # noqa: A002 - its name there
        """Check one literal."""
        given = node.fields[0].value if len(node.fields) == 1 else None
        if isinstance(given, VariableNode) and given.name.value not in self.variable_definitions:
            return
        super().validate_one_of(node, type)


class DocumentCache:
    """Parses, bounds and validates documents, and caches the valid ones, evicting the least recently used."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: QueryLimits,
        rules: Iterable[type[ASTValidationRule]],
        follows: re.Pattern[str] | None = None,
        compile_operation: Compile | None = None,
        compile_at: int = COMPILE_AT,
    ) -> None:
        """follows: a pattern in the text of every document that follows a list or reads the past. A document spells out
        the fields and arguments that it uses; others that contain these words count as such too. None: all may.
        compile_operation: None to compile nothing. compile_at: the use of an operation at which it is compiled."""
        self.limits = limits
        self._follows = follows
        self._schema = schema
        self._compile = compile_operation
        self._compile_at = compile_at
        self._rules = (*rules, MaybeNullValidationRule, _OneOf)
        self._known: OrderedDict[str, CheckedDocument] = OrderedDict()
        self._names: dict[str, NameNode] = {}
        self._characters = 0
        self.hits = 0

    def get(self, text: str) -> CheckedDocument:
        """The checked document. Raises `GraphQLError` with a code if it cannot be parsed or passes a limit."""
        return self._remembered(text) or self._remember(text, self._check(text))

    async def read(self, text: str) -> CheckedDocument:
        """The same without blocking the event loop: a new document waits its turn, a long one is read in a thread."""
        if (known := self._remembered(text)) is not None:
            return known
        if len(text) >= LONG_DOCUMENT:
            return self._remember(text, await beside(self._check, text))
        if is_over():
            await turn()
        return self.get(text)

    def knows(self, text: str) -> bool:
        """Return whether the document is cached, so that `get` costs almost nothing."""
        return text in self._known

    def peek(self, text: str) -> CheckedDocument | None:
        """Return the checked document if it is cached, without counting as a use."""
        return self._known.get(text)

    def cost(
        self, checked: CheckedDocument, operation: CheckedOperation, variables: Mapping[str, Any]
    ) -> tuple[int, int]:
        """Return the cost of an operation with these variables, and its part for writing. Only variables that give
        sizes matter."""
        sized = operation.measure.sized_variables
        if not sized:
            return operation.measure.cost, operation.measure.written
        # A size is None for a variable left out and for a null; the former means the default, so distinguish them.
        key = tuple(each.size(variables[each.name]) if each.name in variables else -1 for each in sized)
        if (cost := operation.costs.get(key)) is None:
            measure = measure_operation(self._schema, checked.node, operation.node, self.limits, variables)
            cost = measure.cost, measure.written
            if len(operation.costs) >= MAX_CACHED_PAGE_SIZES:
                operation.costs.clear()
            operation.costs[key] = cost
        return cost

    async def compiled(
        self, text: str, checked: CheckedDocument, operation: CheckedOperation, variables: Mapping[str, Any]
    ) -> Operation | None:
        """Return the operation with a plan for these variables; None if graphql-core is to execute it, now or always. A
        long one is compiled in a thread."""
        operation.uses += 1
        if self._compile is None or operation.uses < self._compile_at:
            return None
        if operation.uses == self._compile_at:
            operation.compiled = self._compile(checked.node, operation.node)
        if (compiled := operation.compiled) is None:
            return None
        if not compiled.knows(variables) and len(text) >= LONG_TO_COMPILE:
            takes = await beside(compiled.takes, variables)
        else:
            takes = compiled.takes(variables)
        if (plans := len(compiled.plans)) > operation.plans:
            self._weigh(text, checked, (plans - operation.plans) * PLAN_WEIGHT * len(text))
            operation.plans = plans
        return compiled if takes else None

    def _weigh(self, text: str, checked: CheckedDocument, weight: int) -> None:
        """Count a document's characters, if it is cached, and evict others if there are too many."""
        if self._known.get(text) is not checked:
            return
        checked.weight += weight
        self._characters += weight
        while self._characters > MAX_CACHED_CHARACTERS:
            _, forgotten = self._known.popitem(last=False)
            self._characters -= forgotten.weight

    def _check(self, text: str) -> CheckedDocument:
        node = _parse(text, self.limits)
        check_definitions(node, self.limits)
        operations = {
            operation.name.value if operation.name else None: CheckedOperation(
                operation, measure_operation(self._schema, node, operation, self.limits, {})
            )
            for operation in operations_of(node)
        }
        for operation in operations.values():
            check_shape(operation.measure, self.limits)
        errors = validated(self._schema, node, self._rules, MAX_VALIDATION_ERRORS)
        refused = with_code(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED)
        if refused:
            _cut(node)  # the errors already have their locations
        return CheckedDocument(
            node, operations, refused, self._follows is None or self._follows.search(text) is not None
        )

    def _remembered(self, text: str) -> CheckedDocument | None:
        if (known := self._known.get(text)) is not None:
            self._known.move_to_end(text)
            self.hits += 1
        return known

    def _remember(self, text: str, checked: CheckedDocument) -> CheckedDocument:
        """Cache the document, unless it is invalid or was read by another request meanwhile. Returns it."""
        if not checked.errors and text not in self._known:
            if len(self._names) > MAX_NAMES:
                self._names.clear()
            _slimmed(checked.node, self._names)
            self._known[text] = checked
            self._weigh(text, checked, len(text))
        return checked


def _cut(document: DocumentNode) -> None:
    """Drop the tokens: they form one long cycle, which only the garbage collector could free."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


def _slimmed(document: DocumentNode, names: dict[str, NameNode]) -> None:
    """Drop the parts that execution does not need: two thirds of a document's objects.

    These are the tokens, and the locations of names and selections; errors give those of fields, arguments and
    variables. Equal names share one object.
    """
    _cut(document)
    nodes: list[Node] = [document]
    while nodes:
        node = nodes.pop()
        if isinstance(node, SelectionSetNode):
            object.__setattr__(node, "loc", None)  # nodes are frozen, so that their meaning cannot change
        elif node.loc is not None:
            node.loc.start_token = node.loc.end_token = _NO_TOKEN
        for key in node.keys:
            value = getattr(node, key)
            if isinstance(value, NameNode):
                object.__setattr__(node, key, names.setdefault(value.value, NameNode(value=value.value)))
            elif isinstance(value, Node):
                nodes.append(value)
            elif isinstance(value, tuple | list):
                nodes += [each for each in value if isinstance(each, Node)]


def _parse(text: str, limits: QueryLimits) -> DocumentNode:
    if len(text) > limits.max_characters:
        raise QueryTooCostly("number of characters", limits.max_characters, len(text))
    try:
        return parse(text, max_tokens=limits.max_tokens)
    except GraphQLSyntaxError as error:
        if _TOO_MANY_TOKENS in error.message:
            raise QueryTooCostly("number of tokens", limits.max_tokens) from None
        with_code([error], ErrorCode.GRAPHQL_PARSE_FAILED)
        raise

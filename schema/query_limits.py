"""What one GraphQL operation may ask for, measured before anything is executed.

One walk measures depth, aliases, root fields and cost together and visits each fragment once, so the time is linear in
the size of the document however often fragments are spread.

How cost is counted, in objects that the answer may hold:

- a field with a selection of its own costs 1; a leaf costs 0, or 1 if it takes arguments: then it computes something;
- a list multiplies itself and what is below it. The factor is `first` or `last` where the list or the field around it
  takes them, `default_page_size` where neither is given, and `list_size` where nothing pages the list;
- introspection costs nothing and has no depth: graphql-core's own rule bounds it. Its aliases count like any others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from models.reads.paging import DEFAULT_PAGE
from schema.error_codes import ErrorCode

PAGE_ARGUMENTS = ("first", "last")
INTROSPECTION_PREFIX = "__"
# Fragments that spread each other make numbers of any length; beyond this, JSON's readers lose the exact value.
MAX_REPORTED = 2**53 - 1


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """The bounds on one operation. The defaults leave ample room for every documented query."""

    max_characters: int = 100_000
    """Length of the document: graphql-core's lexer reads blanks and comments at 2 MB/s, holding up the event loop."""
    max_tokens: int = 5_000
    max_definitions: int = 30
    max_root_fields: int = 20
    max_aliases: int = 50
    max_depth: int = 20
    """Nested fields, the leaf included. The longest path the schema is meant for has 12."""
    max_cost: int = 50_000
    """Objects in the answer. 50 customers with their balances, 50 credits and 50 invoices each cost about 31,000."""
    default_page_size: int = DEFAULT_PAGE
    list_size: int = 5
    """Assumed length of a list that nothing pages, such as a customer's accounts."""


class QueryTooCostly(GraphQLError):
    """An operation passed one of the `QueryLimits`; `extensions` name the bound, its maximum and what was measured."""

    def __init__(self, bound: str, maximum: int, measured: int | None = None) -> None:
        extensions: dict[str, Any] = {"code": ErrorCode.QUERY_TOO_COSTLY, "bound": bound, "maximum": maximum}
        found = "is"
        if measured is not None:
            extensions["measured"] = reported = min(measured, MAX_REPORTED)
            found = f"is {reported}, which is"
        super().__init__(f"The {bound} of this query {found} more than the {maximum} allowed.", extensions=extensions)


@dataclass(frozen=True, slots=True)
class OperationMeasure:
    """What one operation asks for. `page_variables` are the variables that its cost depends on."""

    depth: int
    aliases: int
    root_fields: int
    cost: int
    page_variables: tuple[str, ...]


def check_definitions(document: DocumentNode, limits: QueryLimits) -> None:
    """Raise `QueryTooCostly` if the document defines more operations and fragments than allowed."""
    if len(document.definitions) > limits.max_definitions:
        raise QueryTooCostly("number of definitions", limits.max_definitions, len(document.definitions))


def check_shape(measure: OperationMeasure, limits: QueryLimits) -> None:
    """Raise `QueryTooCostly` for the first bound, other than cost, that the operation passes."""
    for bound, measured, maximum in (
        ("depth", measure.depth, limits.max_depth),
        ("number of aliases", measure.aliases, limits.max_aliases),
        ("number of root fields", measure.root_fields, limits.max_root_fields),
    ):
        if measured > maximum:
            raise QueryTooCostly(bound, maximum, measured)


def measure_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    limits: QueryLimits,
    variables: Mapping[str, Any],
) -> OperationMeasure:
    """Measure one operation of a document that need not be valid yet.

    Fields that do not exist count for depth and aliases; validation reports them. Raises `QueryTooCostly` where
    fragments are chained too deeply to be walked at all.
    """
    walk = _Walk(schema, document, limits, _page_sizes(operation, variables))
    try:
        total = walk.selection_set(operation.selection_set, schema.get_root_type(operation.operation))
    except RecursionError:
        raise QueryTooCostly("depth", limits.max_depth) from None
    return OperationMeasure(
        depth=total.depth,
        aliases=total.aliases,
        root_fields=total.fields,
        cost=total.flat + total.per_item * limits.list_size,
        page_variables=tuple(sorted(walk.page_variables)),
    )


@dataclass(slots=True)
class _Total:
    """The sum over a selection set. `flat` is paid once, `per_item` for each item of the page around the selection."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    flat: int = 0
    per_item: int = 0

    def add(self, other: "_Total") -> None:
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.fields += other.fields
        self.flat += other.flat
        self.per_item += other.per_item


class _Walk:
    """One walk over an operation, remembering the total of each fragment."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, limits: QueryLimits, page_sizes: Mapping[str, int | None]
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._page_sizes = page_sizes
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._totals: dict[str, _Total] = {}
        self.page_variables: set[str] = set()

    def selection_set(self, node: SelectionSetNode, parent: GraphQLNamedType | None) -> _Total:
        total = _Total()
        for selection in node.selections:
            total.add(self._selection(selection, parent))
        return total

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None) -> _Total:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return self.selection_set(
                node.selection_set, self._schema.get_type(condition.name.value) if condition else parent
            )
        raise TypeError(f"a selection of unknown kind: {node.kind}")

    def _fragment(self, name: str) -> _Total:
        if (known := self._totals.get(name)) is not None:
            return known
        # A fragment that spreads itself counts as empty inside itself: validation reports the cycle.
        self._totals[name] = _Total()
        if (fragment := self._fragments.get(name)) is not None:
            parent = self._schema.get_type(fragment.type_condition.name.value)
            self._totals[name] = self.selection_set(fragment.selection_set, parent)
        return self._totals[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> _Total:
        name = node.name.value
        aliases = 1 if node.alias else 0
        definition = _definition(parent, name)
        below = _Total()
        if node.selection_set:
            below_type = get_named_type(definition.type) if definition else None
            below = self.selection_set(node.selection_set, below_type)
        aliases += below.aliases
        if _is_introspection(parent, name):
            return _Total(aliases=aliases, fields=1)
        total = _Total(depth=below.depth + 1, aliases=aliases, fields=1)
        weight = 1 if node.selection_set or (definition and definition.args) else 0
        page_size = self._page_size(node, definition)
        list_size = self._limits.list_size
        if definition is None or not _is_list(definition):
            total.flat = weight + below.flat + below.per_item * (list_size if page_size is None else page_size)
        elif page_size is None:
            total.per_item = weight + below.flat + below.per_item * list_size
        else:
            total.flat = page_size * (weight + below.flat + below.per_item * list_size)
        return total

    def _page_size(self, node: FieldNode, definition: GraphQLField | None) -> int | None:
        """How many items the field may return by its `first` and `last`, or None if it does not page."""
        if definition is None or not any(name in definition.args for name in PAGE_ARGUMENTS):
            return None
        given = [argument.value for argument in node.arguments or () if argument.name.value in PAGE_ARGUMENTS]
        sizes = [size for size in map(self._size, given) if size is not None]
        return max(sizes, default=self._limits.default_page_size)

    def _size(self, value: ValueNode) -> int | None:
        if isinstance(value, VariableNode):
            self.page_variables.add(value.name.value)
            return self._page_sizes.get(value.name.value)
        return _int_literal(value)


def _page_sizes(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, int | None]:
    """The variables that can be a page size: what the request gives, else the operation's default."""
    sizes: dict[str, int | None] = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in variables:
            sizes[name] = as_page_size(variables[name])
        elif definition.default_value is not None:
            sizes[name] = _int_literal(definition.default_value)
    return sizes


def as_page_size(value: object) -> int | None:
    """A variable's value as a page size, or None if it is none. A negative one counts as 0: the field refuses it."""
    # GraphQL's Int also takes a float without a fraction, and refuses the rest.
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return max(int(value), 0)
    return None


def _int_literal(value: ValueNode) -> int | None:
    # A literal of thousands of digits would make int() raise; validation refuses all that do not fit into 32 bits.
    if isinstance(value, IntValueNode) and len(value.value) <= 10:
        return max(int(value.value), 0)
    return None


def _is_introspection(parent: GraphQLNamedType | None, field: str) -> bool:
    return field.startswith(INTROSPECTION_PREFIX) or (
        parent is not None and parent.name.startswith(INTROSPECTION_PREFIX)
    )


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        fields: Mapping[str, GraphQLField] = parent.fields
        return fields.get(name)
    return None


def _is_list(definition: GraphQLField) -> bool:
    type_ = definition.type
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


def operations_of(document: DocumentNode) -> Iterable[OperationDefinitionNode]:
    """The operations of a document, in order."""
    return (definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode))

"""Limits on one GraphQL operation, measured before anything is executed.

One walk measures depth, aliases, root fields, introspection and cost together and visits each fragment once, so the
time is linear in the size of the document however often fragments are spread.

How cost is counted (docs/query-cost.md), in objects that the response may hold:

- a field costs its declared weight; else 10 if it is a mutation; else 1 if it has a selection of its own or takes
  arguments, since it then computes something; else nothing;
- a list multiplies itself and everything below it. The factor is `first` or `last` if the list or the field around it
  takes them, `default_page_size` if neither is given, and `list_size` if nothing pages the list;
- a list with pages costs `filter_weight` more if it is filtered;
- a mutation of many things at once costs 1 more for each;
- fields that `@skip` or `@include` leave out count too, and so do fragments on types that a node does not have;
- introspection has a bound of its own, in values that the response may hold, of which 100 cost 1. It has no depth:
  graphql-core's own rule bounds that. Its aliases count like others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

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
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionNode,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from gateway.errors import ErrorCode
from turns.steps import Steps

PAGE_ARGUMENTS = ("first", "last")
FILTER: Final = "filter"
"""The argument of a list with pages that says which rows to return."""
INTROSPECTION_PREFIX = "__"
WEIGHT: Final = "weight"
"""In a field's metadata: what it costs by itself, an int."""
ITEMS: Final = "items"
"""In a field's metadata: the path in its arguments to the list whose items cost 1 each, such as ("input", "items")."""
SIZED_BY: Final = "sized_by"
"""Metadata of a list without pages: the path of the list among its arguments that has as many items, as of `ITEMS`."""
SEARCHES: Final = "searches"
"""Metadata of a field that adds up or searches much, and so holds its connection for longer than others may wait."""
MUTATION_WEIGHT: Final = 10
"""A mutation's weight, unless it declares another: its posting takes about as long as returning ten objects."""
_INTROSPECTION_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
_INTROSPECTION_LISTS = {
    "fields": 20,
    "inputFields": 10,
    "enumValues": 5,
    "possibleTypes": 10,
    "directives": 5,
    "args": 3,
}
"""Assumed lengths of the lists of a type; `types` has as many items as the schema has types."""
_WRAPPED_ONE_IN: Final = 3
"""How rare `ofType` is, which tools request nine levels deep: most types are names, or wrapped only once."""
INTROSPECTED_PER_UNIT: Final = 100
"""Introspected values per unit of cost: they come from memory, without a resolver of the schema's."""
# Fragments that spread each other make numbers of any length; beyond this, JSON's readers lose the exact value.
MAX_REPORTED = 2**53 - 1
_NESTED: Final = (dict, list)


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Bounds on one operation. The defaults leave ample room for every documented query."""

    max_characters: int = 100_000
    """Length of the document: graphql-core's lexer reads blanks and comments at 2 MB/s, blocking the event loop."""
    max_tokens: int = 2_500
    """Validation takes up to 45 µs for each. The largest documented query has 700."""
    max_definitions: int = 30
    max_repeats: int = 100
    """Fields whose response name is already in the same selection: validation compares each with each."""
    max_variable_values: int = 100_000
    """Values in the variables, nested ones included: coercion takes 2 µs for each. 10,000 rows of a bulk have 50,000."""
    max_keys: int = 1_000
    """Keys of one object in the variables; more than a document can have variables."""
    max_key_length: int = 255
    """For an unknown key, graphql-core searches for similar ones, regardless of their number and length."""
    max_introspected: int = 500_000
    """Estimated values in introspection's answer; 4,000 block the event loop for a millisecond. The query that tools
    send has up to 415,000. Without this, twenty aliases of a short one could take arbitrarily long."""
    max_root_fields: int = 20
    max_aliases: int = 50
    max_depth: int = 20
    """Nested fields, including the leaf. The longest intended path of the schema has 12."""
    max_cost: int = 50_000
    """Objects in the answer. 50 customers with their balances, 50 credits and 50 invoices each cost about 31,000."""
    default_page_size: int = 20
    """Page size of a list requested without `first` or `last`."""
    filter_weight: int = 100
    """Cost of the filter of a list with pages: more rows than are returned may have to be looked at for it."""
    list_size: int = 5
    """Assumed length of a list without paging, such as a customer's accounts."""


class QueryTooCostly(GraphQLError):
    """An operation exceeds one of the `QueryLimits`; `extensions` give the bound, its maximum and the measured
    value."""

    def __init__(self, bound: str, maximum: int, measured: int | None = None) -> None:
        extensions: dict[str, Any] = {"code": ErrorCode.QUERY_TOO_COSTLY, "bound": bound, "maximum": maximum}
        found = "is"
        if measured is not None:
            extensions["measured"] = reported = min(measured, MAX_REPORTED)
            found = f"is {reported}, which is"
        super().__init__(f"The {bound} of this query {found} more than the {maximum} allowed.", extensions=extensions)


@dataclass(frozen=True, slots=True)
class SizedVariable:
    """A variable that gives a size: as a number (path None), or by the length of a list in it."""

    name: str
    path: tuple[str, ...] | None

    def size(self, value: object) -> int | None:
        """Return the size by the request's value; None if it is not a size: then validation or the field rejects it."""
        if self.path is None:
            return as_page_size(value)
        for key in self.path:
            value = value.get(key) if isinstance(value, dict) else None
        # GraphQL takes a single value for a list of one.
        return len(value) if isinstance(value, list) else int(value is not None)

    def default_size(self, node: ValueNode) -> int | None:
        """Return the size by the document's default."""
        return _int_literal(node) if self.path is None else _literal_length(node, self.path)


@dataclass(frozen=True, slots=True)
class OperationMeasure:
    """Measurements of one operation. `sized_variables` are those on which its cost depends.

    written: the part of the cost for its mutations' writes; the rest is for reads. searches: whether any of its fields
    is declared to add up or search much, however little it returns.
    """

    depth: int
    aliases: int
    root_fields: int
    introspected: int
    cost: int
    written: int
    searches: bool
    sized_variables: tuple["SizedVariable", ...]


def check_definitions(document: DocumentNode, limits: QueryLimits) -> None:
    """Raise `QueryTooCostly` if the document has more definitions than allowed, or repeats too many fields."""
    if len(document.definitions) > limits.max_definitions:
        raise QueryTooCostly("number of definitions", limits.max_definitions, len(document.definitions))
    repeats = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            repeats += _repeats(definition.selection_set)
    if repeats > limits.max_repeats:
        raise QueryTooCostly("number of repeated fields", limits.max_repeats, repeats)


def _repeats(whole: SelectionSetNode) -> int:
    """Count fields whose name is repeated in the same selection; inline fragments belong to the one around."""
    repeats = 0
    fields = [whole]
    while fields:
        seen: set[str] = set()
        inline = [fields.pop()]
        while inline:
            for selection in inline.pop().selections:
                if isinstance(selection, InlineFragmentNode):
                    inline.append(selection.selection_set)
                elif isinstance(selection, FieldNode):
                    name = (selection.alias or selection.name).value
                    repeats += name in seen
                    seen.add(name)
                    if selection.selection_set:
                        fields.append(selection.selection_set)
    return repeats


def check_variables(variables: dict[str, Any], limits: QueryLimits) -> Steps[int]:
    """Count the values in the variables, which are JSON. Raise `QueryTooCostly` if there are more than allowed, or a
    key is longer; counting stops there."""
    left = limits.max_variable_values
    waiting: list[Any] = [variables]
    while waiting:
        value = waiting.pop()
        is_object = isinstance(value, dict)
        inner = value.values() if is_object else value
        left -= len(inner)
        if left < 0:
            raise QueryTooCostly("number of values in the variables", limits.max_variable_values)
        if is_object:
            _check_keys(value, limits)
        waiting += [item for item in inner if isinstance(item, _NESTED)]
        yield
    return limits.max_variable_values - left


def _check_keys(value: dict[str, Any], limits: QueryLimits) -> None:
    if len(value) > limits.max_keys:
        raise QueryTooCostly("number of keys of an object in the variables", limits.max_keys, len(value))
    if max(map(len, value), default=0) > limits.max_key_length:
        raise QueryTooCostly("length of a key in the variables", limits.max_key_length)


def check_shape(measure: OperationMeasure, limits: QueryLimits) -> None:
    """Raise `QueryTooCostly` for the first bound, other than cost, that the operation passes."""
    for bound, measured, maximum in (
        ("depth", measure.depth, limits.max_depth),
        ("number of aliases", measure.aliases, limits.max_aliases),
        ("number of root fields", measure.root_fields, limits.max_root_fields),
        ("introspection", measure.introspected, limits.max_introspected),
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

    Unknown fields count for depth and aliases; validation reports them. Raises `QueryTooCostly` if fragments are nested
    too deeply to be walked.
    """
    walk = _Walk(schema, document, limits, operation, variables)
    try:
        total = walk.selection_set(operation.selection_set, schema.get_root_type(operation.operation))
    except RecursionError:
        raise QueryTooCostly("depth", limits.max_depth) from None
    return OperationMeasure(
        depth=total.depth,
        aliases=total.aliases,
        root_fields=total.fields,
        introspected=total.introspected,
        cost=total.flat + total.per_item * limits.list_size + -(-total.introspected // INTROSPECTED_PER_UNIT),
        written=total.written,
        searches=walk.searches,
        sized_variables=tuple(sorted(walk.sized_variables, key=repr)),
    )


@dataclass(slots=True)
class _Total:
    """The sum over a selection set. `flat` counts once, `per_item` for each item of the page around the selection."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    flat: int = 0
    per_item: int = 0
    introspected: int = 0
    written: int = 0

    def add(self, other: "_Total") -> None:
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.fields += other.fields
        self.flat += other.flat
        self.per_item += other.per_item
        self.introspected += other.introspected
        self.written += other.written


class _Walk:
    """One walk over an operation, remembering the total of each fragment."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        limits: QueryLimits,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._variables = variables
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._totals: dict[str, _Total] = {}
        self.sized_variables: set[SizedVariable] = set()
        self.searches = False

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
            definition = definition or _INTROSPECTION_FIELDS.get(name)
            below_type = get_named_type(definition.type) if definition else None
            below = self.selection_set(node.selection_set, below_type)
        aliases += below.aliases
        if _is_introspection(parent, name):
            return _Total(aliases=aliases, fields=1, introspected=self._introspected(node, parent, below))
        total = _Total(depth=below.depth + 1, aliases=aliases, fields=1, introspected=below.introspected)
        weight = self._weight(node, definition, parent)
        if definition is not None and parent is self._schema.mutation_type:
            total.written = weight
        page_size = self._page_size(node, definition)
        list_size = self._limits.list_size
        if definition is None or not _is_list(definition):
            total.flat = weight + below.flat + below.per_item * (list_size if page_size is None else page_size)
        elif page_size is None:
            total.per_item = weight + below.flat + below.per_item * list_size
        else:
            total.flat = page_size * (weight + below.flat + below.per_item * list_size)
        return total

    def _introspected(self, node: FieldNode, parent: GraphQLNamedType | None, below: _Total) -> int:
        if not node.selection_set:
            return 1 if parent is not None and parent.name.startswith(INTROSPECTION_PREFIX) else 0
        name = node.name.value
        if name == "ofType":
            return -(-(1 + below.introspected) // _WRAPPED_ONE_IN)
        items = len(self._schema.type_map) if name == "types" else _INTROSPECTION_LISTS.get(name, 1)
        return items * (1 + below.introspected)

    def _weight(self, node: FieldNode, definition: GraphQLField | None, parent: GraphQLNamedType | None) -> int:
        if definition is None:
            return 1 if node.selection_set else 0
        declared = _metadata(definition)
        ordinary = 1 if node.selection_set or definition.args else 0
        weight: int = declared.get(WEIGHT, MUTATION_WEIGHT if parent is self._schema.mutation_type else ordinary)
        self.searches |= bool(declared.get(SEARCHES))
        if path := declared.get(ITEMS):
            given = [argument.value for argument in node.arguments or () if argument.name.value == path[0]]
            weight += sum(self._length(value, path[1:]) or 0 for value in given)
        if self._is_filtered(node, definition):
            weight += self._limits.filter_weight
        return weight

    def _is_filtered(self, node: FieldNode, definition: GraphQLField) -> bool:
        if FILTER not in definition.args or PAGE_ARGUMENTS[0] not in definition.args:
            return False
        return any(
            self._length(argument.value, ()) for argument in node.arguments or () if argument.name.value == FILTER
        )

    def _page_size(self, node: FieldNode, definition: GraphQLField | None) -> int | None:
        """The maximum number of items by the field's `first` and `last`, or by what it is declared to be sized by; None if
        neither says."""
        path = None if definition is None else _metadata(definition).get(SIZED_BY)
        if path is not None:
            given = [argument.value for argument in node.arguments or () if argument.name.value == path[0]]
            return sum(self._length(value, path[1:]) or 0 for value in given)
        if definition is None or not any(name in definition.args for name in PAGE_ARGUMENTS):
            return None
        given = [argument.value for argument in node.arguments or () if argument.name.value in PAGE_ARGUMENTS]
        sizes = [size for size in map(self._size, given) if size is not None]
        return max(sizes, default=self._limits.default_page_size)

    def _size(self, value: ValueNode) -> int | None:
        return self._of_variable(value, None) if isinstance(value, VariableNode) else _int_literal(value)

    def _length(self, value: ValueNode, path: tuple[str, ...]) -> int | None:
        """The length of the list at that path in an argument, any part of which can be a variable."""
        if isinstance(value, VariableNode):
            return self._of_variable(value, path)
        if path and isinstance(value, ObjectValueNode):
            inner = [field.value for field in value.fields if field.name.value == path[0]]
            return self._length(inner[0], path[1:]) if inner else None
        return _literal_length(value, path)

    def _of_variable(self, node: VariableNode, path: tuple[str, ...] | None) -> int | None:
        name = node.name.value
        variable = SizedVariable(name, path)
        self.sized_variables.add(variable)
        if name in self._variables:
            return variable.size(self._variables[name])
        default = self._defaults.get(name)
        return None if default is None else variable.default_size(default)


def as_page_size(value: object) -> int | None:
    """Return a variable's value as a page size, or None if it is not one. Negative counts as 0: the field rejects
    it."""
    # GraphQL's Int also accepts a float without a fraction, and rejects others.
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return max(int(value), 0)
    return None


def _int_literal(value: ValueNode) -> int | None:
    # A literal of thousands of digits would make int() raise; validation rejects all that do not fit into 32 bits.
    if isinstance(value, IntValueNode) and len(value.value) <= 10:
        return max(int(value.value), 0)
    return None


def _literal_length(value: ValueNode, path: tuple[str, ...]) -> int | None:
    if path:
        inner = [field.value for field in getattr(value, "fields", ()) if field.name.value == path[0]]
        return _literal_length(inner[0], path[1:]) if inner else None
    return len(value.values) if isinstance(value, ListValueNode) else 1


def _metadata(definition: GraphQLField) -> Mapping[Any, Any]:
    """The field's declared metadata."""
    declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return declared.metadata if isinstance(declared, StrawberryField) else {}


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
    """Return the operations of a document, in order."""
    return (definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode))

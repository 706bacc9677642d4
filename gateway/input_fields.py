"""The field of the input that an error before execution is about: `extensions.field`, as in a payload's userErrors.

graphql-core says it in the message alone, and of a variable, not of the argument that the variable stands for. A form can
only mark its field if it is told by name. The path leads from the field's arguments inwards, without the argument `input`,
which is all that a mutation has: `["lines", "0", "unitPrice"]`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    VariableDefinitionNode,
    VariableNode,
)

from gateway.errors import ErrorCode

Path = tuple[str, ...]

INPUT: Final = "input"
MAX_NODES: Final = 100_000
"""Nodes of a document that are looked at; a document has a bound of its own, far below."""
# The beginnings of graphql-core's messages (tests/contracts/test_graphql_core.py holds them). The path comes before
# anything that the client has sent: names in it are those of the schema.
VARIABLE: Final = re.compile(r"Variable '\$(\w+)' has invalid (?:default )?value((?: at (?:\.\w+|\[\d+\])+)?): ")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
INNER: Final = re.compile(
    r"Expected value of type '[\w\[\]!]+' (?:not )?to include (?:required|unknown) field '(\w+)'[.,]"
)
ARGUMENT: Final = re.compile(r"Argument '(\w+)' has invalid (?:default )?value((?: at (?:\.\w+|\[\d+\])+)?): ")


def tell_fields(errors: Iterable[GraphQLError], document: DocumentNode | None) -> None:
    """Add `field` to the extensions of each error that is about a value in the document or its variables, and `variable`,
    the variable's name, if it is about one. Errors that have a field keep it."""
    for error in errors:
        if document is None or "field" in (error.extensions or {}):
            continue
        if (found := _of_variable(error, document) or _of_literal(error, document)) is not None:
            error.extensions = {**(error.extensions or {}), **found}


def _of_variable(error: GraphQLError, document: DocumentNode) -> dict[str, Any] | None:
    node = error.nodes[0] if error.nodes else None
    if not isinstance(node, VariableDefinitionNode) or (said := VARIABLE.match(error.message)) is None:
        return None
    name, inside = said[1], _inside(said)
    for definition in _with_its_own(document, node):
        for path, value in _values(definition):
            if isinstance(value, VariableNode) and value.name.value == name:
                return {"field": _told(path + inside), "variable": name}
    return {"field": [name, *inside], "variable": name}  # used in a directive alone


def _inside(said: re.Match[str]) -> Path:
    """The path inside the value that a message names, and the field that is missing there or not known."""
    path = tuple(member or index for member, index in _STEP.findall(said[2]))
    inner = INNER.match(said.string, said.end())
    return path if inner is None else (*path, inner[1])


def _with_its_own(document: DocumentNode, variable: VariableDefinitionNode) -> Iterator[Node]:
    """The operation that has the variable, then the fragments, which may use it."""
    for definition in document.definitions:
        declared = getattr(definition, "variable_definitions", None) or ()
        if any(each is variable for each in declared):
            yield definition
    yield from (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))


def _of_literal(error: GraphQLError, document: DocumentNode) -> dict[str, Any] | None:
    code = (error.extensions or {}).get("code")
    if error.path is not None:
        # Of a variable that is null where none may be, graphql-core finds out when it resolves the field.
        said = ARGUMENT.match(error.message) if code is None else None
        return None if said is None else {"field": _told((said[1], *_inside(said)))}
    wrong = error.nodes[0] if error.nodes else None
    if wrong is None or code != ErrorCode.GRAPHQL_VALIDATION_FAILED:
        return None
    for path, value in _values(document):
        if value is wrong:
            inner = INNER.match(error.message)
            return {"field": _told(path if inner is None else (*path, inner[1]))}
    return None


def _told(path: Path) -> list[str]:
    return list(path[1:] if path[:1] == (INPUT,) and len(path) > 1 else path)


def _values(whole: Node) -> Iterator[tuple[Path, Node]]:
    """Each value among the arguments of fields in a document or a definition, in their order, with the path that leads to
    it."""
    waiting: list[tuple[Path, Node]] = [((), whole)]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        path, node = waiting.pop()
        if isinstance(node, ListValueNode):
            yield path, node
            inner: list[tuple[Path, Node]] = [((*path, str(index)), value) for index, value in enumerate(node.values)]
        elif isinstance(node, ObjectValueNode):
            yield path, node
            inner = [((*path, field.name.value), field) for field in node.fields]
        elif isinstance(node, ArgumentNode):
            inner = [((node.name.value,), node.value)]
        elif isinstance(node, ObjectFieldNode):
            yield path, node
            inner = [(path, node.value)]
        elif path:
            yield path, node
            inner = []
        else:
            inner = [((), child) for child in _children(node)]
        waiting += reversed(inner)


def _children(node: Node) -> Iterator[Node]:
    """Return the parts of a document, an operation, a selection set, a field or a fragment, arguments first."""
    if isinstance(node, FieldNode):
        yield from node.arguments or ()
    elif not hasattr(node, "selection_set") and not hasattr(node, "selections") and not isinstance(node, DocumentNode):
        return
    for name in ("definitions", "selection_set", "selections"):
        found = getattr(node, name, None)
        if isinstance(found, Node):
            yield found
        elif found:
            yield from found

"""What refusals name: each path is one of the input's own, so that a form finds the field that it has to mark."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    OperationDefinitionNode,
    get_nullable_type,
    parse,
)

from tests.support.schema import SCHEMA


def misnamed(query: str, data: dict[str, Any] | None) -> list[str]:
    """The paths of refusals in this answer that lead nowhere in the input of their field."""
    return [
        f"{field}: {'.'.join(error['field'])}"
        for key, field, kind in _inputs(query)
        for error in _told((data or {}).get(key))
        if error.get("field") and not _leads_somewhere(kind, error["field"])
    ]


def _told(payload: Any) -> Iterable[dict[str, Any]]:
    return (payload.get("userErrors") or ()) if isinstance(payload, dict) else ()


@lru_cache(maxsize=4_096)
def _inputs(query: str) -> tuple[tuple[str, str, GraphQLInputType], ...]:
    """The root fields that take an `input`: the key of each in the answer, its name, and the input's type."""
    return tuple(_found(query))


def _found(query: str) -> Iterator[tuple[str, str, GraphQLInputType]]:
    try:
        definitions = parse(query).definitions
    except GraphQLError:
        return
    for operation in definitions:
        root = (
            SCHEMA.graphql.get_root_type(operation.operation)
            if isinstance(operation, OperationDefinitionNode)
            else None
        )
        for node in operation.selection_set.selections if root is not None else ():  # type: ignore[attr-defined]
            field = root.fields.get(node.name.value) if root and isinstance(node, FieldNode) else None
            if field is not None and "input" in field.args:
                yield (node.alias or node.name).value, node.name.value, field.args["input"].type


def _leads_somewhere(of: GraphQLInputType, path: list[str]) -> bool:
    kind: GraphQLNamedType | GraphQLList[Any] = get_nullable_type(of)
    for part in path:
        if isinstance(kind, GraphQLList) and part.isdecimal():
            kind = get_nullable_type(kind.of_type)
        elif isinstance(kind, GraphQLInputObjectType) and part in kind.fields:
            kind = get_nullable_type(kind.fields[part].type)
        else:
            return False
    return True

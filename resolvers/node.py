"""node and nodes: any object by its id, for holders of the right to read its kind; for customers, their own only."""

from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput, CodedError
from schema.context import Context, Info
from schema.ids import MalformedId, parse_id
from schema.nodes import HOLDERS, NODES, NodeKind
from schema.types.base import Node

MAX_NODES: Final = 100


async def resolve(info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the argument's name in the API
    """Return any object by its global id; null if there is none, or the token may not see it.

    id: Global id of the object.
    """
    type_name, row_id = _parsed(id, "id")
    found: Node | None = await seen(info.context, type_name, row_id)
    return found


async def resolve_all(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    """Return several objects by their global ids, in the order of these; null for each that there is not, or that the token
    may not see. One that takes a right which the token lacks is null, with an error at its place.

    ids: Global ids of the objects, at most 100.
    """
    if len(ids) > MAX_NODES:
        raise BadUserInput(f"ids must have at most {MAX_NODES} ids, and has {len(ids)}.", "ids")
    parsed = [_parsed(each, f"ids.{place}") for place, each in enumerate(ids)]
    return [await _or_error(info.context, *each) for each in await _read(info.context, parsed)]


def _parsed(text: str, argument: str) -> tuple[str, UUID]:
    try:
        return parse_id(text)
    except MalformedId:
        raise BadUserInput(f"{argument} is not an id that this API gave out.", *argument.split(".")) from None


async def _read(context: Context, parsed: list[tuple[str, UUID]]) -> list[tuple[str, UUID]]:
    """Read those of each kind together, as far as the token may read the kind."""
    for type_name in dict.fromkeys(name for name, _ in parsed):
        kind = NODES.get(type_name)
        if kind is not None and any(map(context.may, kind.rights)):
            await context.loaders.nodes(type_name).load_all([row_id for name, row_id in parsed if name == type_name])
    return parsed


async def _or_error(context: Context, type_name: str, row_id: UUID) -> Any:
    """A refusal stands in the list in the place of what was refused, and is told there."""
    try:
        return await seen(context, type_name, row_id)
    except CodedError as refusal:
        return refusal


async def seen(context: Context, type_name: str, row_id: UUID) -> Any:
    """Return an object; None if there is none, or the token may not see it. Raises Forbidden if it lacks the right to read
    its kind."""
    kind = NODES.get(type_name)
    if kind is None:
        return None
    if kind.of is not None:
        own = kind.of(context)
        return own if parse_id(own.id) == (type_name, row_id) else None
    context.require_one(kind.rights)
    found = await context.loaders.nodes(type_name).load(row_id)
    return found if found is not None and await _may_be_seen(context, kind, found) else None


async def _may_be_seen(context: Context, kind: NodeKind, node: Any) -> bool:
    if kind.owner is not None and not await context.may_see(await _owner(context, kind, node)):
        return False
    if hasattr(kind.type, "may_be_seen") and not node.may_be_seen(context.principal):
        return False
    if kind.part_of is None:
        return True
    type_name, field = kind.part_of
    whole = await context.loaders.nodes(type_name).load(getattr(node.view, field))
    return whole is not None and await _may_be_seen(context, NODES[type_name], whole)


async def _owner(context: Context, kind: NodeKind, node: Any) -> UUID | None:
    """The customer whose node it is."""
    found: UUID | None = getattr(node.view, kind.owner or "id")
    holder = HOLDERS.get(kind.owner) if kind.owner is not None else None
    if holder is None or found is None:
        return found
    holds = await context.loaders.nodes(holder).load(found)
    return None if holds is None else await _owner(context, NODES[holder], holds)

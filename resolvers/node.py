"""node: any object by its id, for holders of the right to read its kind; for customers, their own only."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from schema.context import Context, Info
from schema.ids import MalformedId, parse_id
from schema.nodes import NODES, NodeKind
from schema.types.base import Node


async def _owner(context: Context, kind: NodeKind, node: Any) -> UUID | None:
    """The customer whose node it is."""
    found: UUID = getattr(node.view, kind.owner or "id")
    if kind.owner in ("id", "customer_id"):
        return found
    holders = context.loaders.accounts if kind.owner == "account_id" else context.loaders.invoices
    holder = await holders.load(found)
    return holder.view.customer_id if holder else None


async def resolve(info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the argument's name in the API
    """Return any object by its global id; null if there is none, or the token may not see it.

    id: Global id of the object.
    """
    context = info.context
    try:
        type_name, row_id = parse_id(id)
    except MalformedId:
        raise BadUserInput("id is not an id that this API gave out.", "id") from None
    kind = NODES.get(type_name)
    if kind is None:
        return None
    context.require_one(kind.rights)
    node: Any = await context.loaders.nodes(type_name).load(row_id)
    if node is None or (kind.owner is not None and not await context.may_see(await _owner(context, kind, node))):
        return None
    if hasattr(kind.type, "may_be_seen") and not node.may_be_seen(context.principal):
        return None
    found: Node = node
    return found

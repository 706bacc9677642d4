"""node: any object by its id, for holders of the right to read its kind; for customers, their own only."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.errors import BadUserInput
from resolvers.approvals import MAY_ASK
from schema.context import Context, Info
from schema.ids import MalformedId, parse_id
from schema.types.base import Node

Owner = Callable[[Context, Any], Awaitable[UUID | None]]
"""Returns the customer whose node it is; None for nodes that belong to no customer."""


async def _itself(_context: Context, node: Any) -> UUID | None:
    owner: UUID = node.view.id
    return owner


async def _its_customer(_context: Context, node: Any) -> UUID | None:
    owner: UUID = node.view.customer_id
    return owner


async def _its_account(context: Context, node: Any) -> UUID | None:
    account = await context.loaders.accounts.load(node.view.account_id)
    return account.view.customer_id if account else None


async def _its_invoice(context: Context, node: Any) -> UUID | None:
    invoice = await context.loaders.invoices.load(node.view.invoice_id)
    return invoice.view.customer_id if invoice else None


@dataclass(frozen=True, slots=True)
class Kind:
    """Rights to one kind of node.

    permissions: of which one is needed to read it. owner: None for kinds that every reader may see, such as a reward.
    says_itself: whether the type itself decides who may see which (`may_be_seen`).
    """

    loader: str
    permissions: tuple[Permission, ...]
    owner: Owner | None
    says_itself: bool = False


KINDS: Final = {
    "Customer": Kind("customers", (Permission.READ_CUSTOMERS,), _itself),
    "Account": Kind("accounts", (Permission.READ_LEDGER,), _its_customer),
    "Credit": Kind("credits", (Permission.READ_LEDGER,), _its_account),
    "LedgerEntry": Kind("entries", (Permission.READ_LEDGER,), _its_account),
    "Transaction": Kind("transactions", (Permission.READ_LEDGER,), _its_customer),
    "Invoice": Kind("invoices", (Permission.READ_INVOICES,), _its_customer),
    "Assignment": Kind("assignments", (Permission.READ_INVOICES,), _its_invoice),
    "Payment": Kind("payments", (Permission.READ_INVOICES,), _its_invoice),
    "Coupon": Kind("coupons", (Permission.READ_REWARDS,), _its_customer),
    "Reward": Kind("rewards", (Permission.READ_REWARDS,), None),
    "Tier": Kind("tiers_by_id", (Permission.READ_REWARDS,), None),
    "Service": Kind("services", (Permission.READ_CATALOGUE,), None),
    "Product": Kind("products", (Permission.READ_PRODUCTS,), None),
    "ApprovalRequest": Kind("approval_requests", (Permission.APPROVE, *MAY_ASK), None, says_itself=True),
    "BulkOperation": Kind("bulk_operations", (Permission.BULK,), None, says_itself=True),
    "PartnerToken": Kind("partner_tokens", (Permission.READ_CONFIG, Permission.WRITE_TOKENS), None),
}
"""Every type that is a node, and the rights to read it."""


async def resolve(info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the argument's name in the API
    """Return any object by its global id; null if there is none, or the token may not see it.

    id: Global id of the object.
    """
    context = info.context
    try:
        type_name, row_id = parse_id(id)
    except MalformedId:
        raise BadUserInput("id is not an id that this API gave out.") from None
    kind = KINDS.get(type_name)
    if kind is None:
        return None
    context.require_one(kind.permissions)
    node: Any = await getattr(context.loaders, kind.loader).load(row_id)
    if node is None or (kind.owner is not None and not await context.may_see(await kind.owner(context, node))):
        return None
    if kind.says_itself and not node.may_be_seen(context.principal):
        return None
    found: Node = node
    return found

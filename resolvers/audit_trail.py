"""auditTrail: everything that was done in the tenant."""

from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final

import strawberry

from gateway.errors import BadUserInput
from models.errors import AssetUnknown
from models.event_kinds import AuditAction
from models.kinds import TransactionKind
from models.money import exponent
from models.reads import accounts, audit
from models.reads.ledger import between
from models.reads.paging import Condition
from models.reads.references import TooManyFound
from models.reads.trail_search import confined
from schema import texts
from schema.context import Context, Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.audit import AuditRecord
from schema.types.base import Connection
from schema.types.metadata import ReferenceBy
from schema.types.pages import asked_page, root_page

MAX_REQUEST_ID: Final = 128


async def resolve(
    info: Info,
    actor: str | None = None,
    client: str | None = None,
    customer_id: strawberry.ID | None = None,
    reason: str | None = None,
    kind: list[TransactionKind] | None = None,
    action: str | None = None,
    request_id: str | None = None,
    address: str | None = None,
    min_amount: Decimal | None = None,
    max_amount: Decimal | None = None,
    asset: AssetCode | None = None,
    from_: Annotated[datetime | None, strawberry.argument(name="from")] = None,
    to: datetime | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reference: ReferenceBy | None = None,
    action_kind: AuditAction | None = None,
) -> Connection[AuditRecord] | None:
    """List everything that was done from `from` (included) to `to` (excluded), oldest first; pass `last` for the
    newest.

    actor: Subject of the token that did it.
    client: Client that the token was issued to.
    customer_id: Customer whom it concerns.
    reason: Code of the adjustment reason, such as GOODWILL.
    kind: Kinds of transactions to list. Null: transactions and actions.
    action: Name of the action, such as reason.created or access.denied.
    request_id: X-Request-Id of the request; only actions have one.
    address: Network address that the request came from, IPv4 or IPv6; only actions have one.
    min_amount: Smallest amount to list, signed, in the asset's own units; without `asset`, in each asset's.
    max_amount: Largest amount to list, signed, in the asset's own units; without `asset`, in each asset's.
    asset: Asset that moved.
    from_: Start of the period, included. Null: from the beginning.
    to: End of the period, excluded. Null: now.
    reference: Reference of the transactions to list. Null: transactions and actions.
    action_kind: Kind of the actions to list, in place of `action`. Null: transactions and actions.
    """
    context = info.context
    conditions, listing, parent = list(between(from_, to)), audit.AUDIT_TRAIL, context.tenant.id
    conditions += await _by_whom(context, actor, client, request_id, address)
    if customer_id is not None:
        # Another kind's id is like that of a customer who is not there: nothing was done to them.
        person = await context.person(asked_id(customer_id, "Customer", "customerId"))
        if person is None:
            conditions.append(audit.NOTHING)
        else:
            listing, parent = audit.CUSTOMER_TRAIL, person
    if reason is not None:
        conditions.append(audit.with_reason(texts.looked_up(reason, texts.MAX_REASON, "reason")))
    if kind is not None:
        conditions.append(audit.of_kinds(kind))
    if action is not None:
        conditions.append(audit.with_action(texts.argument(action, texts.MAX_REASON, "action")))
    if action_kind is not None:
        conditions.append(audit.with_action(action_kind.value))
    if reference is not None:
        conditions.append(audit.referenced(reference.reference()))
    conditions += await _amounts(context, min_amount, max_amount, asset)
    await context.settle(to)
    page = (first, after, last, before)
    try:
        listing = await confined(context.reads, listing, asked_page(listing, page), conditions, from_, to)
    except TooManyFound as error:
        raise BadUserInput(str(error), "reference") from None
    return await root_page(info, listing, parent, page, *conditions)


async def _by_whom(
    context: Context, actor: str | None, client: str | None, request_id: str | None, address: str | None
) -> list[Condition]:
    conditions = []
    if actor is not None:
        subject = texts.argument(actor, texts.MAX_SUBJECT, "actor")
        conditions.append(audit.by_actors(await audit.actors_of_subject(context.reads, subject)))
    if client is not None:
        asked = texts.argument(client, texts.MAX_SUBJECT, "client")
        conditions.append(audit.by_actors(await audit.actors_of_client(context.reads, asked)))
    if request_id is not None:
        conditions.append(audit.of_request(texts.argument(request_id, MAX_REQUEST_ID, "requestId")))
    if address is not None:
        conditions.append(audit.from_address(_address(address)))
    return conditions


def _address(text: str) -> str:
    """Return the address in the form in which it is stored: one address has several spellings."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise BadUserInput("address is not an IP address.", "address") from None


async def _amounts(
    context: Context, least: Decimal | None, most: Decimal | None, asset: AssetCode | None
) -> list[Condition]:
    if least is None and most is None and asset is None:
        return []
    if asset is None:
        return [audit.of_amount(await accounts.assets(context.reads), least, most)]
    try:
        exponent(asset)
    except AssetUnknown as error:
        raise BadUserInput(error.message, "asset") from None
    return [audit.of_amount([asset], least, most)]

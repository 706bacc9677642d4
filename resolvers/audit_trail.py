"""auditTrail: everything that was done in the tenant."""

from contextlib import nullcontext
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.errors import BadUserInput
from models.errors import AssetUnknown
from models.event_kinds import AuditAction
from models.kinds import TransactionKind
from models.money import exponent
from models.reads import accounts, audit
from models.reads.paging import Condition
from models.reads.references import TooManyFound
from models.reads.trail_search import confined, found_alike
from schema import texts
from schema.context import Context, Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.audit import AuditRecord
from schema.types.base import Connection
from schema.types.filters import InstantRange
from schema.types.metadata import ReferenceBy
from schema.types.pages import USE_FILTER, USE_FILTER_TEXT, PageArguments, asked_page, root_page

MAX_REQUEST_ID: Final = 128


@strawberry.input
class AuditFilter:
    """Which records to list. Each has all that is given. A page is found quickly by each one of them alone, also within a
    period; and by several at once where one of them is rare, or all are frequent."""

    actor: str | None = None
    """Subject of the token that did it."""
    client: str | None = None
    """Client that the token was issued to."""
    reason: str | None = None
    """Code of the adjustment reason, such as GOODWILL."""
    kind: list[TransactionKind] | None = None
    """Kinds of transactions. Null: transactions and actions."""
    action: str | None = None
    """Name of the action, such as reason.created or access.denied."""
    action_kind: AuditAction | None = None
    """Kind of the action, such as REASON_CREATED, in place of its name."""
    request_id: str | None = None
    """X-Request-Id of the request; only actions have one."""
    address: str | None = None
    """Network address that the request came from, IPv4 or IPv6; only actions have one."""
    min_amount: Decimal | None = None
    """Smallest amount, signed, in the asset's own units; without `asset`, in each asset's."""
    max_amount: Decimal | None = None
    """Largest amount, signed, in the asset's own units; without `asset`, in each asset's."""
    asset: AssetCode | None = None
    """Asset that moved."""
    at: InstantRange | None = None
    """When it was done."""
    reference: ReferenceBy | None = None
    """Reference of the transactions. Null: transactions and actions."""

    async def conditions(self, context: Context) -> list[Condition]:
        """All but that of time."""
        found = await _by_whom(context, self.actor, self.client, self.request_id, self.address)
        if self.reason is not None:
            found.append(audit.with_reason(texts.looked_up(self.reason, texts.MAX_REASON, "reason")))
        if self.kind is not None:
            found.append(audit.of_kinds(self.kind))
        if self.action is not None:
            found.append(audit.with_action(texts.argument(self.action, texts.MAX_REASON, "action")))
        if self.action_kind is not None:
            found.append(audit.with_action(self.action_kind.value))
        if self.reference is not None:
            found.append(audit.referenced(self.reference.reference()))
        return found + await _amounts(context, self.min_amount, self.max_amount, self.asset)


async def resolve(
    info: Info,
    actor: Annotated[str | None, USE_FILTER] = None,
    client: Annotated[str | None, USE_FILTER] = None,
    customer_id: strawberry.ID | None = None,
    reason: Annotated[str | None, USE_FILTER] = None,
    kind: Annotated[list[TransactionKind] | None, USE_FILTER] = None,
    action: Annotated[str | None, USE_FILTER] = None,
    request_id: Annotated[str | None, USE_FILTER] = None,
    address: Annotated[str | None, USE_FILTER] = None,
    min_amount: Annotated[Decimal | None, USE_FILTER] = None,
    max_amount: Annotated[Decimal | None, USE_FILTER] = None,
    asset: Annotated[AssetCode | None, USE_FILTER] = None,
    from_: Annotated[datetime | None, strawberry.argument(name="from", deprecation_reason=USE_FILTER_TEXT)] = None,
    to: Annotated[datetime | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: AuditFilter | None = None,  # noqa: A002 - the argument's name in the API
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
    filter: Which of them to list; each of the others may be said here, or beside it. Null: all.
    """
    period = None if from_ is None and to is None else InstantRange(from_=from_, to=to)
    asked = AuditFilter(
        actor=actor,
        client=client,
        reason=reason,
        kind=kind,
        action=action,
        request_id=request_id,
        address=address,
        min_amount=min_amount,
        max_amount=max_amount,
        asset=asset,
        at=period,
        reference=reference,
    )
    page = (first, after, last, before, reverse)
    if filter is None:
        return await _listed(info, asked, customer_id, page)
    asked = _both(asked, filter)
    try:
        return await _listed(info, asked, customer_id, page)
    except BadUserInput as error:
        raise _placed(error, filter) from None


async def _listed(
    info: Info, asked: AuditFilter, customer_id: strawberry.ID | None, page: PageArguments
) -> Connection[AuditRecord] | None:
    context = info.context
    start, end = (None, None) if asked.at is None else (asked.at.from_, asked.at.to)
    other = await asked.conditions(context)
    conditions = [*audit.between(start, end), *other]
    listing, parent = audit.AUDIT_TRAIL, context.tenant.id
    if customer_id is not None:
        # Another kind's id is like that of a customer who is not there: nothing was done to them.
        person = await context.person(asked_id(customer_id, "Customer", "customerId"))
        if person is None:
            conditions.append(audit.NOTHING)
        else:
            listing, parent = audit.CUSTOMER_TRAIL, person
    await context.settle(end)
    try:
        listing = await confined(context.reads, listing, asked_page(listing, page), conditions, start, end)
    except TooManyFound as error:
        raise BadUserInput(str(error), "reference") from None
    with nullcontext() if found_alike(other) else context.reads.own_plans():
        return await root_page(info, listing, parent, page, *conditions)


def _both(arguments: AuditFilter, given: AuditFilter) -> AuditFilter:
    """Return what either says. Raises BadUserInput for what both do."""
    said = {}
    for name in (field.name for field in fields(AuditFilter)):
        beside, within = getattr(arguments, name), getattr(given, name)
        if beside is not None and within is not None:
            place = to_camel_case(name)
            raise BadUserInput(f"{place} is given beside filter and in it. Give it once.", "filter", place)
        said[name] = beside if within is None else within
    return AuditFilter(**said)


def _placed(error: BadUserInput, given: AuditFilter) -> BadUserInput:
    """Return the error with the path of its argument, if that is one of the filter's."""
    path = (error.extensions or {}).get("field") or [""]
    if any(to_camel_case(field.name) == path[0] and getattr(given, field.name) is not None for field in fields(given)):
        return BadUserInput(error.message, "filter", *path)
    return error


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

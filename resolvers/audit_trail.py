"""auditTrail: everything that anybody did."""

from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final

import strawberry

from gateway.errors import BadUserInput
from models.errors import AssetUnknown
from models.money import exponent
from models.reads import accounts, audit
from models.reads.ledger import between
from models.reads.paging import Condition
from schema import texts
from schema.context import Context, Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.audit import AuditRecord
from schema.types.base import Connection
from schema.types.enums import TransactionKind
from schema.types.pages import root_page

MAX_REQUEST_ID: Final = 128


async def resolve(
    info: Info,
    actor: Annotated[str | None, strawberry.argument(description="The subject of a token.")] = None,
    client: Annotated[str | None, strawberry.argument(description="The client that a token was issued to.")] = None,
    customer_id: strawberry.ID | None = None,
    reason: str | None = None,
    kind: list[TransactionKind] | None = None,
    action: Annotated[str | None, strawberry.argument(description="Such as reason.created, access.denied.")] = None,
    request_id: Annotated[str | None, strawberry.argument(description="The X-Request-Id of what left actions.")] = None,
    address: Annotated[str | None, strawberry.argument(description="The network address that an action came from.")] = (
        None
    ),
    min_amount: Annotated[
        Decimal | None, strawberry.argument(description="Signed, and in each asset's own units unless one is named.")
    ] = None,
    max_amount: Decimal | None = None,
    asset: AssetCode | None = None,
    from_: Annotated[datetime | None, strawberry.argument(name="from")] = None,
    to: datetime | None = None,
    first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None,
) -> Connection[AuditRecord] | None:  # fmt: skip
    context = info.context
    conditions, listing, parent = list(between(from_, to)), audit.AUDIT_TRAIL, context.tenant.id
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
    conditions += await _amounts(context, min_amount, max_amount, asset)
    await context.settle(to)
    return await root_page(info, listing, parent, (first, after, last, before), *conditions)


def _address(text: str) -> str:
    """As it is written down: one address has several spellings."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise BadUserInput("address is not an IP address.") from None


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
        raise BadUserInput(error.message) from None
    return [audit.of_amount([asset], least, most)]

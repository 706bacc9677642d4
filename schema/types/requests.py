"""Approval requests, and bulk operations with the fate of each row."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.principal import Principal
from auth.roles import Permission, Role, may
from gateway.reading import Pending
from models.commands import AdjustCredit, CreateOrder, GiveReward
from models.money import exponent, to_decimal
from models.names import clean_name
from models.planning.binding import Binding
from models.reads import requests
from models.reads.requests import BulkRowView
from models.views import ApprovalRequestView, BulkOperationView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.configuration import Service
from schema.types.customer import Customer
from schema.types.enums import ApprovalStatus, BulkStatus, LimitKind, LimitScope, RequestedOperation, UserErrorCode
from schema.types.enums import Role as RoleOf
from schema.types.errors import TermChange, UserError
from schema.types.invoice import Invoice
from schema.types.ledger import Actor, Transaction
from schema.types.limits import LimitRemaining
from schema.types.pages import paged
from schema.types.product import Product
from schema.types.reward import Reward


@strawberry.type(description="One line of an order that waits.")
class RequestedItem:
    quantity: int
    unit_price: Decimal | None = strawberry.field(description="As it was asked; null: the product's own.")
    product_id: strawberry.Private[UUID]

    @resolved(Product | None, "As it is now.")
    def product(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_PRODUCTS)
        return info.context.loaders.products.get(self.product_id)


@strawberry.type(description="Something that waits for a second person: it is over a limit, or was only proposed.")
class ApprovalRequest(Node):
    status: ApprovalStatus = strawberry.field(description="As of now: one that nobody decided in time has expired.")
    operation: RequestedOperation
    asset: AssetCode | None = strawberry.field(description="With ADJUST_CREDIT; with CREATE_ORDER its currency.")
    amount: Decimal | None = strawberry.field(
        description="With ADJUST_CREDIT; with CREATE_ORDER what its credit lines come to, as it was asked."
    )
    reason: str | None = strawberry.field(description="With ADJUST_CREDIT.")
    note: str | None
    expires_in_days: int | None = strawberry.field(
        description="Of the credit, as it was asked: the days count from the approval."
    )
    credit_expires_at: datetime | None = strawberry.field(description="Of the credit, as it was asked.")
    effective_on: date | None = strawberry.field(
        description="Of the credit, as it was asked; null: the day of the approval."
    )
    requested_by: Actor
    created_at: datetime
    expires_at: datetime = strawberry.field(description="From then on it cannot be approved.")
    decided_by: Actor | None = strawberry.field(description="Who approved, rejected or withdrew it.")
    decided_at: datetime | None
    decision_note: str | None
    deduct_points: bool | None = strawberry.field(description="With GIVE_REWARD.")
    order_number: str | None = strawberry.field(description="With CREATE_ORDER.")
    items: list[RequestedItem] = strawberry.field(description="With CREATE_ORDER.")
    view: strawberry.Private[ApprovalRequestView]

    @classmethod
    def of(cls, view: ApprovalRequestView, reader: Reader) -> "ApprovalRequest":
        return cls(
            id=global_id("ApprovalRequest", view.id), status=ApprovalStatus(view.status(reader.now)),
            operation=RequestedOperation(view.operation), asset=None if view.asset is None else AssetCode(view.asset),
            amount=_amount(view), reason=view.reason, note=view.note,
            expires_in_days=view.expires_in_days, credit_expires_at=view.credit_expires_at,
            effective_on=view.effective_on, requested_by=Actor.of(view.requested_by), created_at=view.created_at,
            expires_at=view.expires_at, decided_by=Actor.of(view.decided_by) if view.decided_by else None,
            decided_at=view.decided_at, decision_note=view.decision_note,
            deduct_points=view.asked.deduct_points if isinstance(view.asked, GiveReward) else None,
            order_number=clean_name(view.asked.number) if isinstance(view.asked, CreateOrder) else None,
            items=_items(view), view=view,
        )  # fmt: skip

    def may_be_seen(self, principal: Principal) -> bool:
        """Those who decide see all requests, others what they have asked for themselves, with whichever token; but a
        partner's program is neither the person of the same subject nor another client's program."""
        who, program = self.requested_by, principal.role is Role.PARTNER
        same = who.subject == principal.subject and (who.role is RoleOf.PARTNER) == program
        return may(principal, Permission.APPROVE) or (same and (not program or who.client == principal.client_id))

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Reward | None, "With GIVE_REWARD. As it is now.")
    def reward(self, info: Info) -> Pending[Any]:
        if self.view.reward_id is None:
            return None
        info.context.require(Permission.READ_REWARDS)
        return info.context.loaders.rewards.get(self.view.reward_id)

    @resolved(list[Service] | None, "That the credit is to be for; none: any.")
    async def services(self, info: Info) -> list[Service]:
        info.context.require(Permission.READ_CATALOGUE)
        return await info.context.loaders.services.load_all(self.view.service_ids)

    @resolved(Credit | None, "That a removal is to take from alone.")
    def credit(self, info: Info) -> Pending[Any]:
        asked = self.view.asked
        if not isinstance(asked, AdjustCredit) or asked.credit_id is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.credits.get(asked.credit_id)

    @resolved(
        list[TermChange] | None,
        "While it waits: what is not as it was when it was asked for. Null where nobody kept that, before it was kept.",
    )
    async def changes(self, info: Info) -> list[TermChange] | None:
        binding = await self._binding(info)
        if binding is None or binding.changes is None:
            return None
        return [TermChange.of(change) for change in binding.changes]

    @resolved(str | None, "While it waits: what approveRequest takes, to approve it as it is now and not otherwise.")
    async def version(self, info: Info) -> str | None:
        binding = await self._binding(info)
        return None if binding is None else binding.version

    async def _binding(self, info: Info) -> Binding | None:
        if self.status is not ApprovalStatus.PENDING:
            return None
        return await info.context.loaders.bindings.load(self.view.id)

    @resolved(Invoice | None, "What was made once an order was approved.")
    def order(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_INVOICES)
        made = self.view.invoice_id
        return None if made is None else info.context.loaders.invoices.get(made)

    @resolved(Transaction | None, "What was posted once it was approved.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        posted = self.view.transaction_id
        return None if posted is None else info.context.loaders.transactions.get(posted)


def requested(info: Info, request_id: UUID | None) -> Pending[Any]:
    """What a mutation became. Under a used key that may be somebody else's request, which is not for everyone to see."""
    return None if request_id is None else _if_seen(info, request_id)


async def _if_seen(info: Info, request_id: UUID) -> ApprovalRequest | None:
    request = await info.context.loaders.approval_requests.load(request_id)
    return request if request is not None and request.may_be_seen(info.context.principal) else None


def _items(view: ApprovalRequestView) -> list[RequestedItem]:
    if not isinstance(view.asked, CreateOrder):
        return []
    return [
        RequestedItem(quantity=item.quantity, unit_price=item.unit_price, product_id=item.product_id)
        for item in view.asked.items
    ]


def _amount(view: ApprovalRequestView) -> Decimal | None:
    if view.asset is None or view.amount_minor is None:
        return None
    return to_decimal(view.amount_minor, view.asset)


@strawberry.type(description="What became of one row of a bulk.")
class BulkRow:
    row: int
    amount: Decimal | None
    error: UserError | None
    view: strawberry.Private[BulkRowView]

    @classmethod
    def of(cls, view: BulkRowView, _reader: Reader) -> "BulkRow":
        error = None if view.error is None else _kept_error(view.error, view.row)
        return cls(row=view.row, amount=_as_asked(view.amount, view.asset), error=error, view=view)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        if self.view.customer_id is None:
            return None
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        if self.view.transaction_id is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)


@strawberry.type(description="Many adjustments asked for at once.")
class BulkOperation(Node):
    status: BulkStatus
    total: int
    processed: int
    succeeded: int
    failed: int
    view: strawberry.Private[BulkOperationView]

    @classmethod
    def of(cls, view: BulkOperationView, _reader: Reader) -> "BulkOperation":
        return cls(
            id=global_id("BulkOperation", view.id), status=BulkStatus(view.status), total=view.total,
            processed=view.processed, succeeded=view.succeeded, failed=view.failed, view=view,
        )  # fmt: skip

    def may_be_seen(self, principal: Principal) -> bool:
        """A partner's program sees what its own client sent; what others did, where it may read the ledger."""
        return self.may_be_cancelled(principal) or may(principal, Permission.READ_LEDGER)

    def may_be_cancelled(self, principal: Principal) -> bool:
        """By those who may send bulks; by a partner's program, what its own client sent."""
        who, program = self.view.sent_by, principal.role is Role.PARTNER
        holder = principal.client_id or principal.subject
        return not program or (who.role == Role.PARTNER.name and (who.client or who.subject) == holder)

    @resolved(Connection[BulkRow], "In the order that they came in.")
    def rows(
        self, info: Info, only_failed: bool | None = False, first: int | None = None, after: str | None = None
    ) -> Pending[Any]:
        conditions = (requests.ONLY_FAILED,) if only_failed else ()
        return paged(info, requests.BULK_ROWS, self.view.id, (first, after, None, None), *conditions)


def _as_asked(amount: Decimal | None, asset: str) -> Decimal | None:
    """The row's column has four decimal places: show the asset's, and more only where more were asked for."""
    if amount is None:
        return None
    shown = round(amount, exponent(asset))
    return shown if shown == amount else amount.normalize()


def _kept_error(kept: dict[str, Any], row: int) -> UserError:
    """A userError as models/planning/bulk.py keeps it."""
    available, remaining, currencies = kept.get("available"), kept.get("remaining"), kept.get("currencies")
    return UserError(
        code=UserErrorCode(kept["code"]),
        text=kept["message"],
        field=kept.get("field"),
        spendable=None if available is None else Decimal(available),
        remaining=None if remaining is None else [_kept_limit(left) for left in remaining],
        row=row,
        currencies=None if currencies is None else [AssetCode(code) for code in currencies],
    )


def _kept_limit(kept: dict[str, str]) -> LimitRemaining:
    return LimitRemaining(
        scope=LimitScope(kept["scope"]),
        asset=AssetCode(kept["asset"]),
        remaining=Decimal(kept["remaining"]),
        kind=LimitKind(kept.get("kind", LimitKind.ADDING.value)),  # of before there was another
    )

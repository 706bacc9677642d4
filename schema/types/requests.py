"""Approval requests."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.principal import Principal
from auth.roles import Permission, Role, may
from gateway.reading import Pending
from models.commands import (
    AdjustCredit,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.kinds import ApprovalStatus
from models.kinds import Role as RoleOf
from models.money import to_decimal
from models.names import clean_name
from models.planning.binding import Binding
from models.reads import requests
from models.views import ApprovalRequestView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Node, Reader, resolved
from schema.types.configuration import Service
from schema.types.customer import Customer
from schema.types.enums import RequestedOperation
from schema.types.errors import TermChange
from schema.types.invoice import Invoice
from schema.types.ledger import Actor, Transaction
from schema.types.metadata import MetadataPair, shown_metadata
from schema.types.requested import RequestedItem, RequestedPayment
from schema.types.reward import Reward

MAY_ASK: Final = (
    Permission.ADD_CREDIT,
    Permission.REMOVE_CREDIT,
    Permission.GIVE_REWARD,
    Permission.GIVE_REWARD_FREE,
    Permission.WRITE_INVOICES,
    Permission.REFUND_SPEND,
    Permission.KEEP_EXCESS,
    Permission.CREATE_CREDIT_NOTE,
)
"""Any one of these rights lets its holder ask for approval, and see and withdraw their own requests."""


@node(ApprovalRequestView, by_ids(requests.approvals_by_ids), Permission.APPROVE, *MAY_ASK, owner=None)
@strawberry.type
class ApprovalRequest(Node):
    """A request that waits, or waited, for a second person: it was over a limit, or was only proposed."""

    status: ApprovalStatus
    """State now; an undecided request expires by itself."""
    operation: RequestedOperation
    """Mutation that is to be approved."""
    reason: str | None
    """With ADJUST_CREDIT and REVIVE_CREDIT: code of the adjustment reason."""
    note: str | None
    """Free text given with the request."""
    reference: str | None
    """Reference asked for, for the transaction or order; null if none was."""
    metadata: list[MetadataPair] | None
    """Metadata asked for, by key; null to customers."""
    expires_in_days: int | None
    """Days until the credit is to expire, counted from the approval. 0: never."""
    credit_expires_at: datetime | None
    """Instant at which the credit is to expire; null if none was asked for."""
    effective_on: date | None
    """Day from which the credit is to be available; null for the day of the approval."""
    requested_by: Actor
    """User or program that asked."""
    created_at: datetime
    """Instant at which it was asked for."""
    expires_at: datetime
    """Instant from which it can no longer be approved."""
    decided_by: Actor | None
    """User who approved, rejected or withdrew it; null while it is pending."""
    decided_at: datetime | None
    """Instant of the decision; null while it is pending."""
    decision_note: str | None
    """Free text given with the decision."""
    deduct_points: bool | None
    """With GIVE_REWARD: whether the customer is to pay in points."""
    order_number: str | None
    """With CREATE_ORDER: number of the order."""
    items: list[RequestedItem]
    """With CREATE_ORDER: lines of the order. Empty for other operations."""
    view: strawberry.Private[ApprovalRequestView]

    @classmethod
    def of(cls, view: ApprovalRequestView, reader: Reader) -> "ApprovalRequest":
        asked = view.asked
        texts = asked.invoice_texts if isinstance(asked, CreateOrder) else asked.texts
        return cls(
            id=global_id("ApprovalRequest", view.id),
            status=ApprovalStatus(view.status(reader.now)),
            operation=RequestedOperation(view.operation),
            reason=view.reason,
            note=view.note,
            reference=texts.reference if texts else None,
            metadata=shown_metadata(texts.stored_metadata if texts else None, to_customer=reader.for_customer),
            expires_in_days=view.expires_in_days,
            credit_expires_at=view.credit_expires_at,
            effective_on=view.effective_on,
            requested_by=Actor.of(view.requested_by),
            created_at=view.created_at,
            expires_at=view.expires_at,
            decided_by=Actor.of(view.decided_by) if view.decided_by else None,
            decided_at=view.decided_at,
            decision_note=view.decision_note,
            deduct_points=view.asked.deduct_points if isinstance(view.asked, GiveReward) else None,
            order_number=clean_name(view.asked.number) if isinstance(view.asked, CreateOrder) else None,
            items=_items(view),
            view=view,
        )

    def may_be_seen(self, principal: Principal) -> bool:
        """Return whether the principal may see it: all requests if they approve, else their own, with any token; but a
        partner's program is neither the person of the same subject nor another client's program."""
        who, program = self.requested_by, principal.role is Role.PARTNER
        same = who.subject == principal.subject and (who.role is RoleOf.PARTNER) == program
        return may(principal, Permission.APPROVE) or (same and (not program or who.client == principal.client_id))

    @resolved(AssetCode | None)
    def asset(self, info: Info) -> AssetCode | None:
        """Asset to adjust, give back, transfer or revive or, for CREATE_ORDER, CREATE_CREDIT_NOTE and RECORD_PAYMENT, the
        currency. What is to be given back or revived takes the right to read the ledger; what is to be noted or kept, the
        one to read invoices."""
        self._require_figures(info)
        return None if self.view.asset is None else AssetCode(self.view.asset)

    @resolved(Decimal | None)
    def amount(self, info: Info) -> Decimal | None:
        """Amount to adjust by, give back, note, transfer or revive; for CREATE_ORDER, the total of the order's credit lines,
        for RECORD_PAYMENT what is to be kept, as asked for. What is to be given back or revived takes the right to read the
        ledger; what is to be noted or kept, the one to read invoices."""
        self._require_figures(info)
        return _amount(self.view)

    def _require_figures(self, info: Info) -> None:
        """Of a refund, a revival, a credit note or a payment, the books have said them, and not its requester. Raises
        Denied."""
        if isinstance(self.view.asked, RefundSpend | ReviveCredit):
            info.context.require(Permission.READ_LEDGER)
        if isinstance(self.view.asked, CreateCreditNote | RecordPayment):
            info.context.require(Permission.READ_INVOICES)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer whom the request is for; with TRANSFER_CREDIT, who is to give."""
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Customer | None)
    def to_customer(self, info: Info) -> Pending[Any]:
        """With TRANSFER_CREDIT: customer who is to receive."""
        asked = self.view.asked
        if not isinstance(asked, TransferCredit):
            return None
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(asked.to_customer_id)

    @resolved(Reward | None)
    def reward(self, info: Info) -> Pending[Any]:
        """With GIVE_REWARD: reward to give, as it is now."""
        if self.view.reward_id is None:
            return None
        info.context.require(Permission.READ_REWARDS)
        return info.context.loaders.rewards.get(self.view.reward_id)

    @resolved(list[Service] | None)
    async def services(self, info: Info) -> list[Service]:
        """Services that the credit is to be restricted to; empty for any."""
        info.context.require(Permission.READ_CATALOGUE)
        return await info.context.loaders.services.load_all(self.view.service_ids)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that a removal or a transfer is to take from, if one was named; with REVIVE_CREDIT, the credit to
        revive."""
        asked = self.view.asked
        if not isinstance(asked, AdjustCredit | TransferCredit | ReviveCredit) or asked.credit_id is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.credits.get(asked.credit_id)

    @resolved(list[TermChange] | None)
    async def changes(self, info: Info) -> list[TermChange] | None:
        """While it is pending: terms that have changed since it was asked for. Null if its terms were not recorded when
        it was made."""
        binding = await self._binding(info)
        if binding is None or binding.changes is None:
            return None
        return [TermChange.of(change) for change in binding.changes]

    @resolved(str | None)
    async def version(self, info: Info) -> str | None:
        """While it is pending: version of the current terms, to pass to approveRequest so that nothing else is
        approved."""
        binding = await self._binding(info)
        return None if binding is None else binding.version

    async def _binding(self, info: Info) -> Binding | None:
        if self.status is not ApprovalStatus.PENDING:
            return None
        return await info.context.loaders.bindings.load(self.view.id)

    @resolved(Invoice | None)
    def order(self, info: Info) -> Pending[Any]:
        """Order that the approval made; null for other operations and until then."""
        info.context.require(Permission.READ_INVOICES)
        made = self.view.invoice_id
        return None if made is None else info.context.loaders.invoices.get(made)

    @resolved(RequestedPayment | None)
    def payment(self, _info: Info) -> RequestedPayment | None:
        """With RECORD_PAYMENT: payment to record."""
        asked = self.view.asked
        return RequestedPayment.of(asked) if isinstance(asked, RecordPayment) else None

    @resolved(Transaction | None)
    def refund_of(self, info: Info) -> Pending[Any]:
        """With REFUND_SPEND: transaction to give back."""
        info.context.require(Permission.READ_LEDGER)
        asked = self.view.asked
        return info.context.loaders.transactions.get(asked.transaction_id) if isinstance(asked, RefundSpend) else None

    @resolved(Invoice | None)
    def noted_invoice(self, info: Info) -> Pending[Any]:
        """With CREATE_CREDIT_NOTE: invoice or order to take back a part of."""
        info.context.require(Permission.READ_INVOICES)
        asked = self.view.asked
        return info.context.loaders.invoices.get(asked.invoice_id) if isinstance(asked, CreateCreditNote) else None

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that the approval posted; null until then."""
        info.context.require(Permission.READ_LEDGER)
        posted = self.view.transaction_id
        return None if posted is None else info.context.loaders.transactions.get(posted)


def requested(info: Info, request_id: UUID | None) -> Pending[Any]:
    """Return the approval request that a mutation made. Under a used key it may be another user's, which not everyone
    may see."""
    return None if request_id is None else _if_seen(info, request_id)


async def _if_seen(info: Info, request_id: UUID) -> ApprovalRequest | None:
    request = await info.context.loaders.approval_requests.load(request_id)
    return request if request is not None and request.may_be_seen(info.context.principal) else None


def _items(view: ApprovalRequestView) -> list[RequestedItem]:
    if not isinstance(view.asked, CreateOrder):
        return []
    return [
        RequestedItem(
            quantity=item.quantity,
            quantity_decimal=item.quantity_decimal or Decimal(item.quantity),
            units=item.quantity_decimal or Decimal(item.quantity),
            unit_price=item.unit_price,
            discount_percent=item.discount_percent,
            discount_amount=item.discount_amount,
            tax_amount=item.tax_amount,
            product_id=item.product_id,
            unit=view.asked.currency,
        )
        for item in view.asked.items
    ]


def _amount(view: ApprovalRequestView) -> Decimal | None:
    if view.asset is None or view.amount_minor is None:
        return None
    return to_decimal(view.amount_minor, view.asset)

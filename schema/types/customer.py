"""Customers."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from auth.roles import Permission
from models.reads import invoices, ledger, rewards
from models.views import CustomerView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Pending, Reader, paged, resolved
from schema.types.enums import CouponStatus, InvoiceStatus

if TYPE_CHECKING:
    from schema.types.account import Account
    from schema.types.invoice import Invoice
    from schema.types.ledger import LedgerEntry
    from schema.types.reward import Coupon

AccountRef = Annotated["Account", strawberry.lazy("schema.types.account")]
InvoiceRef = Annotated["Invoice", strawberry.lazy("schema.types.invoice")]
LedgerEntryRef = Annotated["LedgerEntry", strawberry.lazy("schema.types.ledger")]
CouponRef = Annotated["Coupon", strawberry.lazy("schema.types.reward")]


@strawberry.type(description="Whom the tenant owes.")
class Customer(Node):
    external_id: str = strawberry.field(description="The tenant's own name for them, unique.")
    name: str
    email: str | None
    created_at: datetime
    view: strawberry.Private[CustomerView]

    @classmethod
    def of(cls, view: CustomerView, _reader: Reader) -> "Customer":
        return cls(
            id=global_id("Customer", view.id), external_id=view.external_id, name=view.name, email=view.email,
            created_at=view.created_at, view=view,
        )  # fmt: skip

    @resolved(list[AccountRef], "Every account of theirs, by asset.")
    def balances(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.balances.get(self.view.id)

    @resolved(AccountRef | None)
    async def account(self, info: Info, asset: AssetCode) -> Any:
        info.context.require(Permission.READ_LEDGER)
        accounts = await info.context.loaders.balances.load(self.view.id) or ()
        return next((account for account in accounts if account.asset == asset), None)

    @resolved(Connection[LedgerEntryRef], "Entries of all their accounts, or of one, oldest first.")
    def ledger(
        self, info: Info, asset: AssetCode | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        conditions = () if asset is None else (ledger.of_asset(asset),)
        return paged(info, ledger.CUSTOMER_LEDGER, self.view.id, (first, after, last, before), *conditions)

    @resolved(Connection[InvoiceRef])
    def invoices(
        self, info: Info, status: list[InvoiceStatus] | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        conditions = () if status is None else (invoices.with_status(status),)
        return paged(info, invoices.CUSTOMER_INVOICES, self.view.id, (first, after, last, before), *conditions)

    @resolved(Connection[CouponRef])
    def coupons(
        self, info: Info, status: list[CouponStatus] | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_REWARDS)
        conditions = () if status is None else (rewards.with_status(status, info.context.now),)
        return paged(info, rewards.CUSTOMER_COUPONS, self.view.id, (first, after, last, before), *conditions)

"""Customers."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.planning.calendar import end_of_grace
from models.reads import invoices, ledger, rewards
from models.reads.tenants import TenantView
from models.views import CustomerView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.enums import CouponStatus, InvoiceStatus, MembershipStatus
from schema.types.pages import paged
from schema.types.refs import AccountRef, CouponRef, InvoiceRef, LedgerEntryRef


@strawberry.type(description="A membership, running or cancelled.")
class Membership:
    status: MembershipStatus
    started_at: datetime | None = strawberry.field(description="Null where only its end is known.")
    cancelled_at: datetime | None
    grace_ends_at: datetime | None = strawberry.field(
        description="From then on no service credits can be added. Null while the membership runs."
    )

    @classmethod
    def of(cls, view: CustomerView, tenant: TenantView, now: datetime) -> "Membership | None":
        """None where there never was one."""
        started_at, cancelled_at = view.membership_started_at, view.membership_cancelled_at
        if started_at is None and cancelled_at is None:
            return None
        status, ends_at = MembershipStatus.ACTIVE, None
        if cancelled_at is not None:
            ends_at = end_of_grace(cancelled_at, tenant.grace_days, ZoneInfo(tenant.time_zone))
            status = MembershipStatus.CANCELLED if now < ends_at else MembershipStatus.ENDED
        return cls(status=status, started_at=started_at, cancelled_at=cancelled_at, grace_ends_at=ends_at)


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

    @resolved(Membership | None, "Null where there never was one.")
    def membership(self, info: Info) -> Membership | None:
        return Membership.of(self.view, info.context.tenant, info.context.now)

    @resolved(list[AccountRef] | None, "Every account of theirs, by asset.")
    def balances(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.balances.get(self.view.id)

    @resolved(AccountRef | None)
    async def account(self, info: Info, asset: AssetCode) -> Any:
        info.context.require(Permission.READ_LEDGER)
        accounts = await info.context.loaders.balances.load(self.view.id) or ()
        return next((account for account in accounts if account.asset == asset), None)

    @resolved(Connection[LedgerEntryRef] | None, "Entries of all their accounts, or of one, oldest first.")
    def ledger(
        self, info: Info, asset: AssetCode | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        conditions = () if asset is None else (ledger.of_asset(asset),)
        return paged(info, ledger.CUSTOMER_LEDGER, self.view.id, (first, after, last, before), *conditions)

    @resolved(Connection[InvoiceRef] | None)
    def invoices(
        self, info: Info, status: list[InvoiceStatus] | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        conditions = () if status is None else (invoices.with_status(status),)
        return paged(info, invoices.CUSTOMER_INVOICES, self.view.id, (first, after, last, before), *conditions)

    @resolved(Connection[CouponRef] | None)
    def coupons(
        self, info: Info, status: list[CouponStatus] | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_REWARDS)
        conditions = () if status is None else (rewards.with_status(status, info.context.now),)
        return paged(info, rewards.CUSTOMER_COUPONS, self.view.id, (first, after, last, before), *conditions)

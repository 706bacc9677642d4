"""Customers: the type, and the two inputs that write its fields."""

from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.customers import REMOVABLE, TEXTS, CustomerView, UpdateCustomer, UpsertCustomer
from models.kinds import CouponStatus, InvoiceStatus
from models.planning.calendar import end_of_grace
from models.reads import customers, invoices, ledger, rewards
from models.reads.paging import Condition
from schema import texts
from schema.cells import instant, node_id, or_null, text
from schema.context import Info
from schema.ids import global_id
from schema.naming import CustomerBy, one
from schema.nodes import NodeReader, node
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Reader, from_view, of_view, resolved
from schema.types.enums import MembershipStatus
from schema.types.filters import CouponFilter, InvoiceFilter, LedgerEntryFilter
from schema.types.metadata import MetadataInput, MetadataPair, given, pairs, reference, shown_metadata
from schema.types.pages import USE_FILTER, paged
from schema.types.refs import AccountRef, CouponRef, InvoiceRef, LedgerEntryRef
from schema.types.sorting import InvoiceSort
from schema.written import Below, permitted_writer, plain, written_accounts


async def _memberships(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, "Membership"]:
    """By the id of any of a person's records: the person's, if there is or was one."""
    found = await customers.by_ids(loaders.reads, ids)
    return {asked: member for asked, view in found.items() if (member := Membership.of(view)) is not None}


@node(None, _memberships, Permission.READ_CUSTOMERS, owner="id")
@strawberry.type
class Membership(Node):
    """A customer's membership, running or cancelled. A customer has one at most, which goes by the customer's own id."""

    started_at: datetime | None
    """Instant at which it started; null if only its end is known."""
    cancelled_at: datetime | None
    """Instant at which it was cancelled; null while it runs."""
    view: strawberry.Private[CustomerView]

    @classmethod
    def of(cls, view: CustomerView) -> "Membership | None":
        """Return None if there never was one."""
        started_at, cancelled_at = view.membership_started_at, view.membership_cancelled_at
        if started_at is None and cancelled_at is None:
            return None
        return cls(id=global_id("Membership", view.id), started_at=started_at, cancelled_at=cancelled_at, view=view)

    @resolved(MembershipStatus)
    def status(self, info: Info) -> MembershipStatus:
        """State of the membership now."""
        ends_at = self.grace_ends_at(info)
        if ends_at is None:
            return MembershipStatus.ACTIVE
        return MembershipStatus.CANCELLED if info.context.now < ends_at else MembershipStatus.ENDED

    @resolved(datetime | None)
    def grace_ends_at(self, info: Info) -> datetime | None:
        """Instant from which service credits can no longer be added; null while the membership runs."""
        if self.cancelled_at is None:
            return None
        return end_of_grace(self.cancelled_at, info.context.tenant.grace_days, info.context.zone)


async def _persons(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, Any]:
    """By the id of any of a person's records: the person."""
    found = await customers.by_ids(loaders.reads, ids)
    return {asked: loaders.show(view) for asked, view in found.items()}


@node(CustomerView, _persons, Permission.READ_CUSTOMERS, owner="id")
@plain(
    id=node_id("Customer"),
    external_id=text("external_id"),
    name=text("name"),
    email=or_null(text, "email"),
    reference=or_null(text, "reference"),
    created_at=instant("created_at"),
    erased_at=or_null(instant, "erased_at"),
    balances=Below("id", written_accounts, Permission.READ_LEDGER),
)
@from_view(
    id=lambda view: global_id("Customer", view.id),
    **{name: attrgetter(name) for name in ("external_id", "name", "email", "reference", "created_at", "erased_at")},
)
@strawberry.type
class Customer(Node):
    """A customer of the tenant: a person or firm that holds accounts."""

    external_id: str
    """Unique id that the tenant's own systems use for the customer, such as "C-1001"."""
    name: str
    """Display name; "Erased" once the customer is erased."""
    email: str | None
    """E-mail address; null if none is recorded."""
    reference: str | None
    """Reference that the tenant's own system gave the customer; null if there is none."""
    metadata: list[MetadataPair] | None
    """Pairs that the tenant's own system attached to the customer, by key; null to customers."""
    created_at: datetime
    """Instant at which the customer was added."""
    erased_at: datetime | None
    """Instant at which name, e-mail address and notes were erased; null if they were not."""
    view: strawberry.Private[CustomerView]

    @classmethod
    def of(cls, view: CustomerView, reader: Reader) -> "Customer":
        made = of_view(cls, view)
        made.metadata = shown_metadata(view.metadata, to_customer=reader.for_customer)
        return made

    @resolved(Membership | None)
    def membership(self, info: Info) -> Membership | None:
        """Current or latest membership; null if there never was one."""
        return Membership.of(self.view)

    @resolved(list[AccountRef] | None)
    def balances(self, info: Info) -> Pending[Any]:
        """All accounts of the customer, by asset."""
        info.context.require(Permission.READ_LEDGER)
        writer, loaders = permitted_writer(info), info.context.loaders
        if writer is None:
            return loaders.balances.get(self.view.id)
        return loaders.written_balances.get((self.view.id, writer))

    @resolved(AccountRef | None)
    async def account(self, info: Info, asset: AssetCode) -> Any:
        """Account in one asset; null if nothing was ever posted in it.

        asset: Asset of the account, such as GBP.
        """
        info.context.require(Permission.READ_LEDGER)
        accounts = await info.context.loaders.balances.load(self.view.id) or ()
        return next((account for account in accounts if account.asset == asset), None)

    @resolved(Connection[LedgerEntryRef] | None)
    def ledger(
        self,
        info: Info,
        asset: Annotated[AssetCode | None, USE_FILTER] = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
        filter: LedgerEntryFilter | None = None,  # noqa: A002 - the argument's name in the API
    ) -> Pending[Any]:
        """Entries of all the customer's accounts, or of one asset, oldest first.

        asset: Asset of the entries. Null: all.
        filter: Which of them to list. Null: all.
        """
        info.context.require(Permission.READ_LEDGER)
        conditions: tuple[Condition, ...] = () if asset is None else (ledger.of_asset(asset),)
        if filter is not None:
            conditions = (*conditions, *filter.conditions(info.context, ledger.CUSTOMER_LEDGER))
        return paged(info, ledger.CUSTOMER_LEDGER, self.view.id, (first, after, last, before, reverse), *conditions)

    @resolved(Connection[InvoiceRef] | None)
    def invoices(
        self,
        info: Info,
        status: Annotated[list[InvoiceStatus] | None, USE_FILTER] = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
        filter: InvoiceFilter | None = None,  # noqa: A002 - the argument's name in the API
        sort_by: InvoiceSort | None = None,
    ) -> Pending[Any]:
        """Invoices and orders, oldest first unless sortBy says otherwise.

        status: States to list. Null: all.
        filter: Which of them to list. Null: all.
        sort_by: Order of the list. Null: CREATED.
        """
        info.context.require(Permission.READ_INVOICES)
        by_due_day = sort_by is InvoiceSort.DUE_ON
        listing = invoices.CUSTOMER_BY_DUE_DAY if by_due_day else invoices.CUSTOMER_INVOICES
        conditions: tuple[Condition, ...] = () if status is None else (invoices.with_status(status),)
        if filter is not None:
            conditions = (*conditions, *filter.conditions(info.context, listing))
        return paged(info, listing, self.view.id, (first, after, last, before, reverse), *conditions)

    @resolved(Connection[CouponRef] | None)
    def coupons(
        self,
        info: Info,
        status: Annotated[list[CouponStatus] | None, USE_FILTER] = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
        filter: CouponFilter | None = None,  # noqa: A002 - the argument's name in the API
    ) -> Pending[Any]:
        """Coupons given to the customer, oldest first.

        status: States to list. Null: all.
        filter: Which of them to list. Null: all.
        """
        info.context.require(Permission.READ_REWARDS)
        now = info.context.now
        conditions: tuple[Condition, ...] = () if status is None else (rewards.with_status(status, now),)
        if filter is not None:
            conditions = (*conditions, *filter.conditions(info.context, rewards.CUSTOMER_COUPONS))
        return paged(info, rewards.CUSTOMER_COUPONS, self.view.id, (first, after, last, before, reverse), *conditions)


@strawberry.input
class UpsertCustomerInput:
    """A customer to add, or to edit if the external id exists."""

    external_id: str
    """Unique id that your own systems use for the customer, up to 255 characters, such as "C-1001"."""
    name: str
    """Display name, up to 255 characters."""
    email: str | None = None
    """E-mail address, up to 320 characters. Null or left out: removed from a customer who exists."""
    reference: str | None = strawberry.UNSET
    """Your own reference, up to 255 characters, which the customer sees. Left out: unchanged. Null: removed."""
    metadata: list[MetadataInput] | None = strawberry.UNSET
    """Your own pairs of key and value, at most 20, hidden from the customer. Left out: unchanged. Null: removed."""

    @property
    def kept(self) -> frozenset[str]:
        """The columns that an edit leaves as they are."""
        return frozenset(name for name in TEXTS if getattr(self, name) is strawberry.UNSET)

    def command(self) -> UpsertCustomer:
        """Raises Invalid."""
        return UpsertCustomer(
            external_id=texts.name(self.external_id, texts.MAX_EXTERNAL_ID, "externalId"),
            name=texts.name(self.name, texts.MAX_NAME, "name"),
            email=texts.optional(self.email, texts.MAX_EMAIL, "email"),
            reference=reference(given(self.reference)),
            metadata=tuple(pairs(given(self.metadata))),
        )


@strawberry.input
class UpdateCustomerInput:
    """Changes to a customer. Fields that are left out stay as they are; null removes an e-mail address, a reference or
    metadata, and leaves an external id and a name as they are."""

    customer_id: strawberry.ID | None = None
    """Customer to edit."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    external_id: str | None = None
    """New external id, unique in the tenant, up to 255 characters. Null: unchanged."""
    name: str | None = None
    """New display name, up to 255 characters. Null: unchanged."""
    email: str | None = strawberry.UNSET
    """New e-mail address. Left out: unchanged. Null: removed."""
    reference: str | None = strawberry.UNSET
    """New reference, up to 255 characters, which the customer sees. Left out: unchanged. Null: removed."""
    metadata: list[MetadataInput] | None = strawberry.UNSET
    """New metadata, at most 20 pairs, in place of all there were. Left out: unchanged. Null: removed."""

    def command(self) -> UpdateCustomer:
        """Raises NotFound, Invalid."""
        own, metadata = reference(given(self.reference)), tuple(pairs(given(self.metadata)))
        empty = {"email": self.email is None, "reference": own is None, "metadata": not metadata}
        return UpdateCustomer(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            external_id=texts.optional_name(self.external_id, texts.MAX_EXTERNAL_ID, "externalId"),
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            email=texts.optional(given(self.email), texts.MAX_EMAIL, "email"),
            reference=own,
            metadata=metadata,
            removed=frozenset(n for n in REMOVABLE if empty[n] and getattr(self, n) is not strawberry.UNSET),
        )

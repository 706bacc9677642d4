"""Filters of lists: one input for each kind of row, the same wherever such rows are listed.

Each makes the conditions on its rows, for the order that they are listed in (models/reads/filtering.py).
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry

from auth.roles import Permission
from gateway.errors import BadUserInput
from models.errors import AssetUnknown
from models.kinds import (
    ApprovalStatus,
    BulkStatus,
    CouponStatus,
    CreditStatus,
    HoldStatus,
    InvoiceKind,
    InvoiceStatus,
    TransactionKind,
)
from models.money import MAX_AMOUNT_MINOR, POINTS, exponent
from models.planning.calendar import local_date, start_of_day
from models.reads import credits, customers, filtering, holds, invoices, ledger, requests, rewards
from models.reads.names import Named
from models.reads.paging import Condition, Listing
from schema import texts
from schema.context import Context
from schema.ids import asked_id
from schema.naming import By, RewardBy, ServiceBy, TierBy
from schema.scalars import AssetCode
from schema.types.enums import MembershipStatus, RequestedOperation
from schema.types.metadata import MetadataBy, ReferenceBy

Conditions = tuple[Condition, ...]


@strawberry.input
class InstantRange:
    """A time from `from` (included) to `to` (excluded)."""

    from_: datetime | None = strawberry.field(default=None, name="from")
    """Beginning, included. Null: no beginning."""
    to: datetime | None = None
    """End, excluded. Null: no end."""

    def of(self, listing: Listing[Any], column: str, named: str) -> Conditions:
        return filtering.ranged(listing, column, self.from_, self.to, named)

    def of_stamps(self, listing: Listing[Any], column: str, named: str) -> Conditions:
        """The same of when rows are stamped: once `to` has passed, nothing is ever added to them."""
        return filtering.ranged(listing, column, self.from_, self.to, named, until=self.to)


@strawberry.input
class DayRange:
    """Days from `from` to `to`, both included."""

    from_: date | None = strawberry.field(default=None, name="from")
    """First day. Null: no first."""
    to: date | None = None
    """Last day. Null: no last."""

    def of(self, listing: Listing[Any], column: str, named: str) -> Conditions:
        return filtering.ranged(listing, column, self.from_, self.to, named, with_end=True)


@strawberry.input
class AmountRange:
    """Amounts of one asset, both ends included."""

    asset: AssetCode
    """Asset that the amounts are in, such as GBP."""
    min: Decimal | None = None
    """Smallest amount. Null: no smallest."""
    max: Decimal | None = None
    """Largest amount. Null: no largest."""

    def of(self, column: str, named: str, *, asset: str | None = None) -> Conditions:
        """asset: SQL for a row's asset; None: its account's. Raises BadUserInput."""
        _check_asset(self.asset, named)
        return filtering.amounts(column, self.asset, self.min, self.max, named, of=asset)


def _check_asset(asset: str, named: str) -> None:
    try:
        exponent(asset)
    except AssetUnknown as error:
        raise BadUserInput(f"filter.{named}: {error}", "filter", named) from None


def _metadata(context: Context, metadata: MetadataBy | None) -> tuple[str, str | None] | None:
    """Return the key and the value asked for. Customers do not see metadata, and may not find out by looking for it."""
    if metadata is None:
        return None
    if context.is_customer:
        raise BadUserInput("filter.metadata is not for customers, who do not see metadata.", "filter", "metadata")
    value, place = metadata.value, "filter.metadata"
    if value is not None:
        texts.argument(value, texts.MAX_METADATA_VALUE, f"{place}.value")
    return texts.looked_up(metadata.key, texts.MAX_METADATA_KEY, f"{place}.key"), value


def _id(text: strawberry.ID, type_name: str, named: str) -> UUID:
    """Return the row's id, or one that no row has."""
    return asked_id(text, type_name, f"filter.{named}") or UUID(int=0)


def _one(row_id: strawberry.ID | None, by: By | None, type_name: str, named: str) -> UUID | Named | None:
    """Return what is asked for by its id or, in the field beside that, by its name; None if nothing is.

    named: the field of the id. Raises BadUserInput, also if both are given.
    """
    beside = f"{named.removesuffix('Id')}By"
    if by is None:
        return None if row_id is None else _id(row_id, type_name, named)
    if row_id is not None:
        raise BadUserInput(f"Give filter.{named} or filter.{beside}, not both.", "filter", beside)
    if by.sent is None:
        return _id(strawberry.ID(str(by.id)), type_name, f"{beside}.id")
    kind = by.names
    return Named(kind.naming, texts.looked_up(by.sent, kind.longest, f"filter.{beside}.{kind.field}"))


@strawberry.input
class CustomerFilter:
    """Which customers to list. Each has all that is given. Served by an index: `search` of what no more than 1,000 have, in
    any order; `reference` and `createdAt`, sorted by CREATED; `balance` and `hasBalance` of one asset, sorted by BALANCE;
    `lastActivityAt`, sorted by LAST_ACTIVITY. The others are looked for in the order asked for, among 10,000
    customers at most for a page: where these are too few, the page is refused."""

    search: str | None = None
    """Beginning of a name or of a word in it (of the first five, or the last), of an e-mail address, its domain or a part of
    what is before the @ (of the first three), or of an external id; of three characters or more, also anything among the
    last eight characters of an external id, as 7404 in C-17404. Upper or lower case."""
    reference: ReferenceBy | None = None
    """Reference, of the customer or of a record merged into it."""
    created_at: InstantRange | None = None
    """When they were added."""
    balance: AmountRange | None = None
    """Balance of their account in one asset. Takes the right to read ledgers."""
    has_balance: AssetCode | None = None
    """Asset in which something is left on their account. Takes the right to read ledgers."""
    tier_id: strawberry.ID | None = None
    """Tier that they have reached, and no higher one. Takes the right to read ledgers."""
    tier_by: TierBy | None = None
    """In place of tierId: the tier by name or id."""
    membership: list[MembershipStatus] | None = None
    """States of their membership."""
    last_activity_at: InstantRange | None = None
    """When something was last posted on one of their accounts: in the period and not since. Takes the right to read
    ledgers."""
    expiring_before: datetime | None = None
    """Those with credit left that expires by then, and has not yet. Takes the right to read ledgers."""
    metadata: MetadataBy | None = None
    """Pair of metadata."""

    @property
    def searches(self) -> str | None:
        """Text to search for; None: there is none."""
        if self.search is None or not self.search.strip():
            return None
        return texts.looked_up(self.search, texts.MAX_SEARCH, "filter.search")

    async def searched(self, context: Context, listing: Listing[Any]) -> tuple[Listing[Any], Conditions]:
        """Return the list of those that the search finds, and the conditions for it."""
        if (text := self.searches) is None:
            return listing, ()
        ids = await customers.found(context.reads, text)
        return (listing, (customers.contains(text),)) if ids is None else customers.among(listing, ids)

    async def conditions(self, context: Context, listing: Listing[Any], *, by_reference: bool = False) -> Conditions:
        """All but the search. by_reference: whether they are found by the reference already."""
        found: list[Condition] = []
        by_tier = (self.tier_id, self.tier_by)
        by_ledger = (self.balance, self.has_balance, *by_tier, self.last_activity_at, self.expiring_before)
        if any(each is not None for each in by_ledger):
            context.require(Permission.READ_LEDGER)
        if self.reference is not None and not by_reference:
            found.append(
                filtering.looked(customers.referenced(self.reference.reference("filter.reference")), "reference")
            )
        if self.created_at is not None:
            found += self.created_at.of_stamps(listing, "t.created_at", "createdAt")
        if self.membership is not None:
            zone, now = ZoneInfo(context.tenant.time_zone), context.now
            began = start_of_day(local_date(now, zone) - timedelta(days=context.tenant.grace_days), zone)
            found.append(customers.with_membership(self.membership, began))
        if self.expiring_before is not None:
            found.append(customers.expiring(context.now, self.expiring_before))
        if (metadata := _metadata(context, self.metadata)) is not None:
            found.append(filtering.looked(filtering.paired("t.metadata", *metadata), "metadata"))
        return (*found, *self._of_accounts(listing), *await self._of_tier(context))

    def _of_accounts(self, listing: Listing[Any]) -> Iterator[Condition]:
        in_order = None if listing is not customers.BY_BALANCE else self.has_balance
        if self.balance is not None:
            in_order = in_order and self.balance.asset
            _check_asset(self.balance.asset, "balance")
            bounds = filtering.minor_bounds(self.balance.asset, self.balance.min, self.balance.max)
            if listing is customers.BY_BALANCE:
                yield customers.standing(*bounds)
            else:
                has = "o.balance_minor between {0} and {1}"
                yield filtering.has_account(has, bounds, "balance", asset=self.balance.asset)
        if self.has_balance is not None and in_order == self.has_balance:
            yield customers.standing(1, MAX_AMOUNT_MINOR)
        elif self.has_balance is not None:
            yield filtering.has_account("o.balance_minor > 0", (), "hasBalance", asset=self.has_balance)
        if self.last_activity_at is not None and listing is customers.BY_ACTIVITY:
            yield from self.last_activity_at.of_stamps(listing, "t.standing_at", "lastActivityAt")
        elif self.last_activity_at is not None:
            from_, to = self.last_activity_at.from_, self.last_activity_at.to
            if from_ is not None:
                yield filtering.has_account("o.posted_at >= {0}", (from_,), "lastActivityAt")
            if to is not None:
                yield customers.inactive_since(to)

    async def _of_tier(self, context: Context) -> Conditions:
        asked = _one(self.tier_id, self.tier_by, "Tier", "tierId")
        if asked is None:
            return ()
        tiers = await context.loaders.tiers()
        low, high = tiers.reach(tiers.id_of(asked.name) if isinstance(asked, Named) else asked)
        has = "o.lifetime_minor >= {0} and o.lifetime_minor < {1}"
        return (filtering.has_account(has, (low, high), "tierId", asset=POINTS),)


@strawberry.input
class InvoiceFilter:
    """Which invoices and orders to list. Each has all that is given. Served by an index: `createdAt`, sorted by CREATED, and
    `dueOn`, sorted by DUE_ON; of all customers' also `reference`, and `status` of unpaid ones alone or of void ones alone,
    sorted by CREATED. The others are looked for in the order asked for, among 10,000 rows at most for a page: where these
    are too few, the page is refused."""

    status: list[InvoiceStatus] | None = None
    """States to list."""
    kind: InvoiceKind | None = None
    """Invoices alone, or orders alone."""
    created_at: InstantRange | None = None
    """When they were recorded."""
    issued_on: DayRange | None = None
    """Days on which they were issued."""
    due_on: DayRange | None = None
    """Days on which they are due."""
    total: AmountRange | None = None
    """Total, in one currency."""
    due: AmountRange | None = None
    """Amount still due, in one currency."""
    reference: ReferenceBy | None = None
    """Reference of the tenant's own system."""
    metadata: MetadataBy | None = None
    """Pair of metadata."""

    def conditions(self, context: Context, listing: Listing[Any], *, by_reference: bool = False) -> Conditions:
        """by_reference: whether the listing is of the reference already."""
        found: list[Condition] = []
        if self.status is not None:
            found.append(invoices.filtered_by_status(listing, self.status))
        if self.kind is not None:
            found.append(filtering.equal("t.kind", self.kind.value, "kind"))
        if self.created_at is not None:
            found += self.created_at.of_stamps(listing, "t.created_at", "createdAt")
        if self.issued_on is not None:
            found += self.issued_on.of(listing, "t.issued_on", "issuedOn")
        if self.due_on is not None:
            found += self.due_on.of(listing, "t.due_on", "dueOn")
        if self.total is not None:
            found += self.total.of("t.total_minor", "total", asset="t.currency")
        if self.due is not None:
            found += self.due.of(invoices.DUE, "due", asset="t.currency")
        reference = None if self.reference is None or by_reference else self.reference.reference("filter.reference")
        metadata = _metadata(context, self.metadata)
        return (*found, *filtering.texts_have("invoice_texts", "t.id", reference, metadata))


@strawberry.input
class CreditFilter:
    """Which credits to list. Each has all that is given. Served by an index: `openedAt`, sorted by OPENED, but for one
    account's; and `expiresAt`, sorted by EXPIRES_AT. The others are looked for in the order asked for, among 10,000 credits
    at most for a page: where these are too few, the page is refused."""

    status: list[CreditStatus] | None = None
    """States to list."""
    asset: AssetCode | None = None
    """Asset of the credits."""
    opened_at: InstantRange | None = None
    """When they were added to the account."""
    effective_on: DayRange | None = None
    """Days from which they can be spent."""
    expires_at: InstantRange | None = None
    """When they expire."""
    amount: AmountRange | None = None
    """Amount that they were opened with, in one asset."""
    remaining: AmountRange | None = None
    """Amount left of them, in one asset."""
    service_id: strawberry.ID | None = None
    """Service that they are restricted to, alone or among others."""
    service_by: ServiceBy | None = None
    """In place of serviceId: the service by name or id."""
    auto_apply: bool | None = None
    """Whether they are applied to the next invoice; false: those that are paused."""

    def conditions(self, context: Context, listing: Listing[Any]) -> Conditions:
        found: list[Condition] = []
        if self.status is not None:
            found.append(filtering.looked(credits.with_status(self.status, context.now), "status"))
        if self.asset is not None:
            found.append(filtering.of_asset(self.asset))
        if self.opened_at is not None:
            found += self.opened_at.of_stamps(listing, "t.opened_at", "openedAt")
        if self.effective_on is not None:
            found += self.effective_on.of(listing, "t.effective_on", "effectiveOn")
        if self.expires_at is not None:
            found += self.expires_at.of(listing, "t.expires_at", "expiresAt")
        if self.amount is not None:
            found += self.amount.of("t.amount_minor", "amount")
        if self.remaining is not None:
            found += self.remaining.of("t.remaining_minor", "remaining")
        if (service := _one(self.service_id, self.service_by, "Service", "serviceId")) is not None:
            found.append(credits.restricted_to(service))
        if self.auto_apply is not None:
            found.append(filtering.equal("t.auto_apply", self.auto_apply, "autoApply"))
        return tuple(found)


@strawberry.input
class LedgerEntryFilter:
    """Which entries to list. Each has all that is given. Served by an index: `postedAt`; of a customer's also `asset`, and
    of `ledger` a `reference` of no more than 1,000 transactions. The others are looked for among 10,000 entries of an
    account at most for a page: where these are too few, the page is refused."""

    asset: AssetCode | None = None
    """Asset of the entries."""
    posted_at: InstantRange | None = None
    """When they were posted."""
    kind: list[TransactionKind] | None = None
    """Kinds of the transactions that posted them."""
    reason: str | None = None
    """Code of the adjustment reason, such as GOODWILL."""
    amount: AmountRange | None = None
    """Amount, signed, in one asset."""
    reference: ReferenceBy | None = None
    """Reference of the transactions that posted them."""
    metadata: MetadataBy | None = None
    """Pair of metadata of the transactions that posted them."""

    def conditions(self, context: Context, listing: Listing[Any], *, by_reference: bool = False) -> Conditions:
        """by_reference: whether the entries are found by the reference already."""
        found: list[Condition] = []
        if self.asset is not None:
            of_branch = listing is ledger.CUSTOMER_LEDGER
            found.append(ledger.of_asset(self.asset) if of_branch else filtering.of_asset(self.asset))
        if self.posted_at is not None:
            found += ledger.posted(listing, self.posted_at.from_, self.posted_at.to)
        reason = None if self.reason is None else texts.looked_up(self.reason, texts.MAX_REASON, "filter.reason")
        found += filtering.of_transaction("t.transaction_id", self.kind, reason, ("kind", "reason"))
        if self.amount is not None:
            found += self.amount.of("t.amount_minor", "amount")
        reference = None if self.reference is None or by_reference else self.reference.reference("filter.reference")
        metadata = _metadata(context, self.metadata)
        return (*found, *filtering.texts_have("transaction_texts", "t.transaction_id", reference, metadata))


@strawberry.input
class HoldFilter:
    """Which holds to list. Each has all that is given. Served by an index: `createdAt`, HELD alone, and a `reference` of no
    more than 1,000 transactions. The others are looked for among 10,000 holds at most for a page: where these are too few,
    the page is refused."""

    status: list[HoldStatus] | None = None
    """States to list."""
    asset: AssetCode | None = None
    """Asset that is held."""
    created_at: InstantRange | None = None
    """When they were placed."""
    expires_at: InstantRange | None = None
    """When they lapse."""
    amount: AmountRange | None = None
    """Amount that they were placed with, in one asset."""
    reference: ReferenceBy | None = None
    """Reference with which they were placed."""

    def conditions(self, context: Context, listing: Listing[Any]) -> Conditions:
        """All but the reference."""
        found: list[Condition] = []
        if self.status is not None:
            live = set(self.status) == {HoldStatus.HELD}
            with_status = holds.with_status(self.status, context.now)
            found.append(with_status if live else filtering.looked(with_status, "status"))
        if self.asset is not None:
            found.append(filtering.of_asset(self.asset))
        if self.created_at is not None:
            found += self.created_at.of_stamps(listing, "t.created_at", "createdAt")
        if self.expires_at is not None:
            found += self.expires_at.of(listing, "t.expires_at", "expiresAt")
        if self.amount is not None:
            found += self.amount.of("t.amount_minor", "amount")
        return tuple(found)


@strawberry.input
class CouponFilter:
    """Which coupons to list. Each has all that is given. Served by an index: `issuedAt`. The others are looked for among
    10,000 coupons at most for a page: where these are too few, the page is refused."""

    status: list[CouponStatus] | None = None
    """States to list."""
    reward_id: strawberry.ID | None = None
    """Reward that they were given from."""
    reward_by: RewardBy | None = None
    """In place of rewardId: the reward by name or id."""
    issued_at: InstantRange | None = None
    """When they were given."""
    expires_at: InstantRange | None = None
    """When they expire."""

    def conditions(self, context: Context, listing: Listing[Any]) -> Conditions:
        found: list[Condition] = []
        if self.status is not None:
            found.append(filtering.looked(rewards.with_status(self.status, context.now), "status"))
        if (reward := _one(self.reward_id, self.reward_by, "Reward", "rewardId")) is not None:
            found.append(rewards.from_reward(reward))
        if self.issued_at is not None:
            found += self.issued_at.of_stamps(listing, "t.issued_at", "issuedAt")
        if self.expires_at is not None:
            found += self.expires_at.of(listing, "t.expires_at", "expiresAt")
        return tuple(found)


@strawberry.input
class ApprovalRequestFilter:
    """Which approval requests to list. Each has all that is given. Served by an index: `status`, `requestedBy` and
    `createdAt`. The others are looked for among 10,000 requests at most for a page: where these are too few, the page is
    refused."""

    status: list[ApprovalStatus] | None = None
    """States to list."""
    requested_by: str | None = None
    """Subject of the token that asked."""
    created_at: InstantRange | None = None
    """When they were made."""
    operation: list[RequestedOperation] | None = None
    """Mutations that they ask for."""

    def conditions(self, context: Context, listing: Listing[Any]) -> Conditions:
        found: list[Condition] = []
        if self.status is not None:
            found.append(requests.approval_status(self.status, context.now))
        if self.requested_by is not None:
            subject = texts.argument(self.requested_by, texts.MAX_SUBJECT, "filter.requestedBy")
            found.append(requests.approval_asked_by(subject))
        if self.created_at is not None:
            found += self.created_at.of_stamps(listing, "t.created_at", "createdAt")
        if self.operation is not None:
            found.append(filtering.one_of("t.operation", [each.value for each in self.operation], "operation"))
        return tuple(found)


@strawberry.input
class BulkOperationFilter:
    """Which bulks, files and reversals to list. Each has all that is given. Served by an index: `createdAt`, and `status` of
    those under way alone. The others are looked for among 10,000 at most for a page: where these are too few, the page is
    refused."""

    status: list[BulkStatus] | None = None
    """States to list."""
    sent_by: str | None = None
    """Subject of the token that sent them."""
    created_at: InstantRange | None = None
    """When they were sent."""
    asset: AssetCode | None = None
    """Asset that any of their rows is in."""
    under_way: ClassVar[frozenset[BulkStatus]] = frozenset({BulkStatus.QUEUED, BulkStatus.RUNNING})

    def conditions(self, _context: Context, listing: Listing[Any]) -> Conditions:
        found: list[Condition] = []
        if self.status is not None:
            of_status = requests.operation_status(self.status)
            served = set(self.status) <= self.under_way
            found.append(of_status if served else filtering.looked(of_status, "status"))
        if self.sent_by is not None:
            sender = requests.operation_sent_by(texts.argument(self.sent_by, texts.MAX_SUBJECT, "filter.sentBy"))
            found.append(filtering.looked(sender, "sentBy"))
        if self.created_at is not None:
            found += self.created_at.of_stamps(listing, "t.created_at", "createdAt")
        if self.asset is not None:
            found.append(filtering.looked(requests.operation_in(self.asset), "asset"))
        return tuple(found)

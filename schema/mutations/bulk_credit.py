"""bulkCredit."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import BulkCredit, BulkItem
from models.errors import Invalid, NotFound
from models.kinds import BulkErrorPolicy, BulkMode
from models.texts import Texts, texts_of
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, ServiceBy, one, some
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.bulk import BulkOperation
from schema.types.metadata import TextsInput, reference
from turns.steps import Steps, each


@strawberry.input
class BulkCreditItemInput:
    """One row of a bulk."""

    customer_id: strawberry.ID | None = None
    """Customer to adjust."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    amount: Decimal
    """Amount to add (positive) or remove (negative); with the mode SET, amount that is to be available."""
    reference: str | None = None
    """Your own reference of this row's transaction, up to 255 characters. Null: the bulk's."""

    def item(self, row: int) -> BulkItem:
        """Return the row. An id or a name that is no customer's makes a bad row, not a bad bulk. Raises Invalid."""
        try:
            customer_id = one(self.customer_id, self.customer_by, "Customer", "items", str(row), "customerId")
        except NotFound:
            customer_id = None
        return BulkItem(customer_id, self.amount)


@strawberry.input
class BulkCreditInput(TextsInput, KeyedInput):
    """Many adjustments to post at once, with the same asset, reason and expiry."""

    items: list[BulkCreditItemInput]
    """Rows, between 1 and 10,000."""
    asset: AssetCode
    """Asset of all rows, such as POINTS."""
    reason: str
    """Code of an active reason, such as PROMOTION; see adjustmentReasons."""
    note: str | None = None
    """Free text of up to 10,000 characters for every row's transaction, hidden from customers."""
    expires_in_days: int | None = None
    """Days until added credits expire, up to the end of the last day in the tenant's time zone. Null or 0: never."""
    expires_at: datetime | None = None
    """Instant at which added credits expire, in place of expiresInDays."""
    effective_on: date | None = None
    """Day from which added credits can be spent. Null: now."""
    service_ids: list[strawberry.ID] | None = None
    """Services to restrict added credits to, and that what is removed could be spent on, at most 100. Null or empty: any
    service. For SERVICE_CREDITS only."""
    services_by: list[ServiceBy] | None = None
    """In place of serviceIds: the same services by name or id."""
    error_policy: BulkErrorPolicy | None = BulkErrorPolicy.REJECT_ALL
    """Whether one bad row rejects all rows."""
    dry_run: bool | None = False
    """Whether to report on each row by itself, under either errorPolicy, without posting anything."""
    allow_duplicate_customers: bool | None = False
    """Whether a customer may be listed more than once."""
    mode: BulkMode | None = BulkMode.ADJUST
    """Meaning of the amounts. With SET each is what is to be available: the difference is added or removed, and BulkRow's
    `moved` tells it."""

    def command(self) -> Steps[BulkCredit]:
        """Raises Invalid."""
        items = yield from each(lambda numbered: numbered[1].item(numbered[0]), enumerate(self.items))
        own = self.texts()
        return BulkCredit(
            items=tuple(items),
            asset=self.asset,
            reason=texts.code(self.reason, texts.MAX_REASON, "reason"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=own,
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            error_policy=(self.error_policy or BulkErrorPolicy.REJECT_ALL).value,
            dry_run=bool(self.dry_run),
            allow_duplicate_customers=bool(self.allow_duplicate_customers),
            row_texts=_row_texts(self.items, own),
            effective_on=self.effective_on,
            service_ids=some(self.service_ids, self.services_by, "Service", "serviceIds") or (),
            mode=(self.mode or BulkMode.ADJUST).value,
        )


def _row_texts(items: list[BulkCreditItemInput], whole: Texts | None) -> tuple[Texts | None, ...]:
    """Return each row's texts; none if no row has a reference, or all are blank. Raises Invalid."""
    if all(item.reference is None for item in items):
        return ()
    found = []
    for row, item in enumerate(items):
        try:
            own = texts_of(reference(item.reference), None)
        except Invalid as error:
            raise error.at("items", str(row), "reference") from None
        found.append(None if own is None else own.over(whole))
    return tuple(found) if any(found) else ()


@strawberry.type
class BulkCreditPayload(PostingPayload):
    """Result of bulkCredit."""

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        """Bulk operation with the result of each row."""
        return loaded(info, "BulkOperation", self.outcome.bulk_operation_id)

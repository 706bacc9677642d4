"""Writes a batch's plan, set-based: a part for each table that has rows, all parts of a stage in one statement.

Every part names the tenant; `unnest` turns the columns' arrays into rows. The parts of a statement see the same
snapshot and not each other's rows, so no row may be written by two of them: rows inserted in one stage are updated in
the next. Foreign keys and triggers are checked when a statement ends, with everything in place. Many rows are sent part
by part, at most ROWS_AT_ONCE at a time: the extra round trips are negligible, each statement is planned for tables as
full as they are, and making its arguments (rows, hashes, arrays) never blocks the event loop for long. The next part
is prepared meanwhile. A database of several nodes gets one statement a part, which it hands on to the tenant's node;
of one with several, it would bring each part's rows back first (docs/adr/0050).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from models import lookups
from models.bulk_results import write_progress, write_row_results
from models.commands import AdjustCredit, CreateOrder
from models.currencies import hold_currencies
from models.errors import InvariantViolated
from models.hash_chain import Promise, digesting_promises, entry_hash, note_digest, transaction_digest
from models.money import is_money
from models.planning.columns import ActorIds, Columns, changed, inserted
from models.planning.drafts import (
    AuditDraft,
    BulkOperationDraft,
    BulkRowDraft,
    CounterDraft,
    CreditChangeDraft,
    CreditServiceDraft,
    EntryDraft,
    EventDraft,
    GrantDraft,
    GrantRevocation,
    InvoiceLineDetailDraft,
    InvoiceLineDraft,
    InvoiceTextDraft,
    OverpaymentDraft,
    OverpaymentRevocation,
    RefundDraft,
    ReversedRowDraft,
    RevivalDraft,
    RowReport,
    TierChangeDraft,
    TransactionDraft,
    TransactionTextDraft,
    TransferDraft,
    TransferredCreditDraft,
)
from models.planning.hold_rows import HoldLotDraft, HoldState
from models.planning.noted import CreditNoteLineDraft, CreditNotePartDraft, CreditNoteState
from models.planning.reward_rows import CouponState, RewardState
from models.planning.state import (
    AccountState,
    ApprovalState,
    AssignmentState,
    Books,
    CounterState,
    CreditState,
    CustomerState,
    InvoiceState,
    PaymentState,
)
from models.pool import is_spread
from models.session import TenantConnection
from models.statements import Part, counted, insert, send_alone, sent, statement, update
from turns.slices import in_slices, large_work
from turns.steps import Steps, each

IN_ONE_STEP: Final = 256
"""Maximum rows whose values are got in one go: that takes a fraction of a millisecond."""
FEW: Final = 4_096
"""Maximum rows written in one statement; a batch of single requests never has that many."""
ROWS_AT_ONCE: Final = 1_000
"""Rows sent at a time if there are more than FEW. The driver makes a statement's arguments in one go: about 10 ms for
this many entries."""


COUPON_COLUMNS: Final = ("status", "closed_at", "refund_transaction_id", "invoice_id", "reopened_at")
_SUMS: Final = ("paid_minor", "credited_minor", "noted_minor", "status")
"""Of an invoice."""


class _Row(Protocol):
    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=_Row)
_Filled = tuple[Part, list[tuple[Any, ...]]]
"""A part with its rows."""


async def write(connection: TenantConnection, books: Books, actors: ActorIds) -> None:
    """Write everything."""
    with large_work(if_so=books.is_large):
        await _write(connection, books, actors)


async def _write(connection: TenantConnection, books: Books, actors: ActorIds) -> None:
    if new := _new_currencies(books):
        await hold_currencies(connection, books.source, books.now, new)
    writer = _Writer(connection, books, actors)
    async with writer:
        await in_slices(writer.first_stage())
    await writer.forget_services()
    async with writer:
        await in_slices(writer.second_stage())
    if books.writes.row_results:
        await write_row_results(connection, books, actors)
    if books.writes.row_reports:
        await write_progress(connection, books.writes.row_reports)
    if books.writes.moved_credits or books.writes.merged_customers:
        async with writer:
            await in_slices(writer.third_stage())
        await writer.merges()


def _new_currencies(books: Books) -> set[str]:
    """Currencies of the batch's amounts that the books do not hold yet."""
    w = books.writes
    assets = {account.asset for account in w.touched_accounts}
    assets.update(invoice.currency for invoice in w.invoices)
    assets.update(request.command.asset for request in w.approvals if isinstance(request.command, AdjustCredit))
    assets.update(request.command.currency for request in w.approvals if isinstance(request.command, CreateOrder))
    assets.update(operation.asset for operation in w.bulk_operations)
    return {asset for asset in assets if is_money(asset)} - books.config.currencies.keys()


class _Writer:
    """The statements of one batch: its parts are prepared and sent stage by stage."""

    def __init__(self, connection: TenantConnection, books: Books, actors: ActorIds) -> None:
        self.tenant_id = connection.tenant_id
        self.raw = connection.raw
        self.books = books
        self.writes = books.writes
        self.actors = actors
        self._parts: list[_Filled] = []
        self._is_much = sum(books.writes.lengths()) > FEW
        self._came = asyncio.Event()
        self._is_complete = False
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Send the parts that are put together in the block: together, or if they are many, each while the next is put
        together. Leaving it raises InvariantViolated if not as many rows were written.
        """
        if self._is_much:
            self._is_complete = False
            self._sending = asyncio.create_task(self._send_as_they_come())

    async def __aexit__(self, kind: object, *_: object) -> None:
        if self._sending is not None:
            self._is_complete = True
            self._came.set()
            await self._sending
        elif kind is None:
            await self._send_all()

    def insert(self, kind: type[R], rows: Sequence[R]) -> Steps[None]:
        """Insert new rows."""
        if rows:
            columns = inserted(kind)
            self._add(insert(columns), (yield from self._values(columns, rows)))

    def update(
        self, kind: type[R], names: tuple[str, ...], rows: Iterable[R], new: AbstractSet[UUID] = frozenset()
    ) -> Steps[None]:
        """Update these columns of existing rows, each row once, with its final values; skip those that are `new`."""
        if not rows:
            return
        last: dict[UUID, R] = {}
        for row in rows:
            if row.id not in new:
                last[row.id] = row
            yield
        if last:
            columns = changed(kind, *names)
            self._add(update(columns), (yield from self._values(columns, last.values())))

    def _values(self, columns: Columns, rows: Collection[object]) -> Steps[list[tuple[Any, ...]]]:
        values = partial(columns.values, actors=self.actors)
        if len(rows) <= IN_ONE_STEP:
            return [values(row) for row in rows]
        return (yield from each(values, rows))

    def _add(self, part: Part, rows: list[tuple[Any, ...]]) -> None:
        self._parts.append((part, rows))
        self._came.set()

    async def _send_all(self) -> None:
        """Send the parts prepared so far."""
        if sum(len(rows) for _, rows in self._parts) <= FEW:
            parts, self._parts = self._parts, []
            await self._send(parts)
        while self._parts:
            await self._send_one(*self._parts.pop(0))

    async def _send_as_they_come(self) -> None:
        is_complete = False
        while not is_complete:
            await self._came.wait()
            self._came.clear()
            is_complete = self._is_complete  # read first: all parts added until then are sent below
            while self._parts:
                await self._send_one(*self._parts.pop(0))

    async def _send_one(self, part: Part, rows: list[tuple[Any, ...]]) -> None:
        while rows:  # rows sent are freed at once, not with all the rest
            await self._send([(part, rows[:ROWS_AT_ONCE])])
            del rows[:ROWS_AT_ONCE]

    async def _send(self, parts: "list[_Filled]") -> None:
        if not parts:
            return
        if is_spread(self.raw):
            for part, rows in parts:
                await send_alone(self.raw, self.tenant_id, part, rows)
            return
        filled = [sent(part, rows) for part, rows in parts]
        written = tuple([part for part, _ in filled])
        arguments = [column for _, columns in filled for column in columns]
        counts = await self.raw.fetchrow(statement(written), self.tenant_id, *arguments)
        for place, found in zip(counted(written), counts, strict=True):
            part, rows = parts[place]
            if found != len(rows):
                raise InvariantViolated(f"{part.table}: {found} of {len(rows)} rows")

    def first_stage(self) -> Steps[None]:
        """Write all new rows, and the locked rows that have moved."""
        w = self.writes
        digests = yield from self._transactions()
        yield from self.insert(TransactionTextDraft, w.transaction_texts)
        yield from self._credits()
        yield from self._entries(digests)
        yield from self.insert(TierChangeDraft, w.tier_changes)
        yield from self._counters()
        yield from self.update(RewardState, ("stock",), w.touched_rewards)
        yield from self._billing()
        yield from self._holds()
        yield from self.insert(CouponState, w.coupons)
        yield from self.update(CouponState, COUPON_COLUMNS, w.touched_coupons)
        yield from self.insert(AuditDraft, w.audits)
        yield from self.insert(ApprovalState, w.approvals)
        yield from self.insert(BulkOperationDraft, w.bulk_operations)
        yield from self.insert(BulkRowDraft, w.bulk_rows)
        yield from self.insert(ReversedRowDraft, w.reversed_rows)
        yield from self.insert(RowReport, w.row_reports)
        yield from self.insert(EventDraft, w.events)

    def second_stage(self) -> Steps[None]:
        """Write changes of rows, some of which are new."""
        w = self.writes
        yield from self.update(
            ApprovalState,
            (
                "status",
                "decided_by_id",
                "decided_subject",
                "decided_at",
                "decision_note",
                "transaction_id",
                "invoice_id",
            ),
            w.touched_approvals,
        )
        yield from self._what_paid(new=True)
        yield from self.update(CreditNoteState, ("voided_at", "void_transaction_id"), w.voided_notes)
        yield from self.update(HoldState, ("home_id", "expires_at"), w.moved_holds, {hold.id for hold in w.holds})
        posted = {account.id for account in w.touched_accounts}
        yield from self.update(AccountState, ("held_until",), [a for a in w.held_accounts if a.id in posted])
        revoked = ("revoked_transaction_id", "revoked_minor")
        yield from self.update(GrantRevocation, revoked, w.revoked_grants)
        yield from self.update(OverpaymentRevocation, revoked, w.revoked_overpayments)
        columns = ("expires_at", "restricted", "auto_apply", "swept_at", "voided_at")
        yield from self.update(CreditState, columns, w.amended_credits)
        yield from self.insert(CreditChangeDraft, w.credit_changes)
        yield from self._services(self._restricted_anew())

    def third_stage(self) -> Steps[None]:
        """Write the rest of a merge: credits continued by others, and the membership that is kept."""
        yield from self.update(CreditState, ("successor_id",), self.writes.moved_credits)
        columns = ("membership_started_at", "membership_cancelled_at", "updated_at")
        yield from self.update(CustomerState, columns, self.writes.memberships)

    def _counters(self) -> Steps[None]:
        """Write the day's counters, but those raised at the very end."""
        if not self.writes.touched_counters:
            return
        new = []
        for key, counter in self.books.counters.items():
            if counter.is_new and counter.used_minor:
                new.append(CounterDraft(counter.id, *key, counter.used_minor))
            yield
        yield from self.insert(CounterDraft, new)
        locked = [c for c in self.writes.touched_counters if c.read_minor is None and not c.is_new]
        yield from self.update(CounterState, ("used_minor",), sorted(locked, key=_by_id))

    def _transactions(self) -> Steps[dict[UUID, bytes]]:
        """Insert the transactions, and return their digests."""
        digests = {}
        opened = yield from self._promises()
        for t in self.writes.transactions:
            promised = None
            if t.id in opened:
                promised = yield from digesting_promises(self.tenant_id, t.id, opened[t.id])
            if t.salt is not None:
                t.note_digest = note_digest(t.salt, t.note, t.texts)
            t.digest = digests[t.id] = transaction_digest(
                tenant_id=self.tenant_id,
                transaction_id=t.id,
                customer_id=t.customer_id,
                kind=t.kind,
                reason=t.reason,
                note_digest=t.note_digest,
                actor_id=self.actors[t.actor],
                approved_by_id=self.actors[t.approved_by] if t.approved_by else None,
                idempotency_key=t.idempotency_key,
                key_use=t.key_use,
                key_at=t.key_at,
                promised=promised,
                created_at=t.created_at,
                limited_asset=t.limited_asset,
                limited_minor=t.limited_minor,
                limited_on=t.limited_on,
            )
            yield
        yield from self.insert(TransactionDraft, self.writes.transactions)
        return digests

    def _promises(self) -> Steps[dict[UUID, list[Promise]]]:
        """By transaction, the terms of the credits that it opened, before any change by the same batch."""
        first = {change.credit_id: change for change in reversed(self.writes.credit_changes)}
        found: dict[UUID, list[Promise]] = {}
        for c in self.writes.credits:
            expires_at, auto_apply, service_ids = c.expires_at, c.auto_apply, c.service_ids
            if (change := first.get(c.id)) is not None:
                expires_at, auto_apply = change.old_expires_at, change.old_auto_apply
                service_ids = tuple(change.old_services)
            promise = Promise(
                c.id,
                c.account_id,
                c.origin_id,
                c.amount_minor,
                c.opened_sequence,
                c.effective_on,
                c.starts_at,
                expires_at,
                c.created_at,
                auto_apply,
                c.counts,
                service_ids,
            )
            found.setdefault(c.transaction_id, []).append(promise)
            yield
        return found

    def _credits(self) -> Steps[None]:
        w = self.writes
        yield from self.insert(CreditState, w.credits)
        new: set[UUID] = set()
        restricted: dict[UUID, Sequence[UUID]] = {}
        for c in w.credits:
            new.add(c.id)
            if c.service_ids:
                restricted[c.id] = c.service_ids
            yield
        yield from self._services(restricted)
        yield from self.update(CreditState, ("remaining_minor", "gone_minor"), w.touched_credits, new)

    def _services(self, restricted: Mapping[UUID, Sequence[UUID]]) -> Steps[None]:
        rows: list[CreditServiceDraft] = []
        for credit_id, service_ids in restricted.items():
            rows += [CreditServiceDraft(self.books.source.new_id(), credit_id, each_one) for each_one in service_ids]
            yield
        yield from self.insert(CreditServiceDraft, rows)

    def _entries(self, digests: dict[UUID, bytes]) -> Steps[None]:
        w = self.writes
        heads = {account.id: account.head_hash for account in w.touched_accounts}
        for e in w.entries:
            e.previous_hash = heads[e.account_id]
            e.hash = heads[e.account_id] = entry_hash(
                e.previous_hash,
                tenant_id=self.tenant_id,
                entry_id=e.id,
                account_id=e.account_id,
                sequence=e.sequence,
                transaction_id=e.transaction_id,
                credit_id=e.credit_id,
                counter=e.counter,
                amount_minor=e.amount_minor,
                lifetime_minor=e.lifetime_minor,
                balance_after_minor=e.balance_after_minor,
                created_at=e.created_at,
                transaction_digest=digests[e.transaction_id],
            )
            yield
        yield from self.insert(EntryDraft, w.entries)
        for account in w.touched_accounts:
            account.head_hash, account.posted_at = heads[account.id], account.stamp(self.books.now)
            yield
        columns = ("balance_minor", "lifetime_minor", "sequence", "head_hash", "posted_at")
        yield from self.update(AccountState, columns, w.touched_accounts)

    def _billing(self) -> Steps[None]:
        """Write invoices with their lines, payments and assignments."""
        w = self.writes
        yield from self.insert(InvoiceState, w.invoices)
        yield from self.insert(InvoiceTextDraft, w.invoice_texts)
        yield from self.insert(InvoiceLineDraft, w.invoice_lines)
        yield from self.insert(InvoiceLineDetailDraft, w.invoice_line_details)
        new = {invoice.id for invoice in w.invoices}
        voided, others = _parted(w.touched_invoices, lambda invoice: invoice.voided_at is not None)
        yield from self.update(InvoiceState, _SUMS, others, new)
        yield from self.update(InvoiceState, (*_SUMS, "voided_at"), voided, new)
        yield from self.insert(AssignmentState, w.assignments)
        yield from self.insert(PaymentState, w.payments)
        yield from self._what_paid(new=False)
        yield from self.insert(GrantDraft, w.grants)
        yield from self.insert(OverpaymentDraft, w.overpayments)
        yield from self.insert(RefundDraft, w.refunds)
        yield from self.insert(CreditNoteState, w.credit_notes)
        yield from self.insert(CreditNotePartDraft, w.credit_note_parts)
        yield from self.insert(CreditNoteLineDraft, w.credit_note_lines)
        yield from self.insert(TransferDraft, w.transfers)
        yield from self.insert(TransferredCreditDraft, w.transferred_credits)
        yield from self.insert(RevivalDraft, w.revivals)

    def _what_paid(self, *, new: bool) -> Steps[None]:
        """Write changes of assignments and payments: of those that this batch has inserted, or of the others."""
        w = self.writes
        made = {row.id for rows in (w.assignments, w.payments) for row in rows}
        assignments = [a for a in w.touched_assignments if (a.id in made) is new]
        released, others = _parted(assignments, lambda assignment: assignment.released_at is not None)
        yield from self.update(AssignmentState, ("noted_minor",), others)
        yield from self.update(AssignmentState, ("released_at", "release_transaction_id", "noted_minor"), released)
        payments = [p for p in w.touched_payments if (p.id in made) is new]
        voided, live = _parted(payments, lambda payment: payment.voided_at is not None)
        yield from self.update(PaymentState, ("noted_minor",), live)
        yield from self.update(PaymentState, ("voided_at", "noted_minor"), voided)

    def _holds(self) -> Steps[None]:
        """Write holds, and until when something is held on accounts that nothing is posted to."""
        w = self.writes
        if not w.hold_lots:
            return
        yield from self.insert(HoldState, w.holds)
        yield from self.insert(HoldLotDraft, w.hold_lots)
        new, posted = {hold.id for hold in w.holds}, {account.id for account in w.touched_accounts}
        yield from self.update(HoldState, ("held_minor", "captured_minor"), w.touched_holds, new)
        yield from self.update(AccountState, ("held_until",), w.held_accounts, posted)

    def _restricted_anew(self) -> dict[UUID, list[UUID]]:
        """The new services of each credit whose restriction has changed."""
        return {c.credit_id: c.new_services for c in self.writes.credit_changes if c.old_services != c.new_services}

    async def forget_services(self) -> None:
        """Delete the services to which changed credits were restricted before."""
        restricted = list(self._restricted_anew())
        if restricted:
            await self.raw.execute(
                f"""DELETE FROM credit_services s USING {lookups.each("id uuid")} k
                WHERE s.tenant_id = $1 AND s.credit_id = k.id""",
                self.tenant_id,
                restricted,
            )

    async def merges(self) -> None:
        """Write merged records' new targets, those of records merged into them before as well."""
        for merged in self.writes.merged_customers:
            await self.raw.execute(
                """UPDATE customers SET merged_into_id = $3, merged_at = $4, updated_at = $4
                WHERE tenant_id = $1 AND (id = $2 OR merged_into_id = $2)""",
                self.tenant_id,
                merged.from_id,
                merged.into_id,
                self.books.now,
            )


def _by_id(row: _Row) -> bytes:
    return row.id.bytes


def _parted(rows: Iterable[R], is_sealed: Callable[[R], bool]) -> tuple[list[R], list[R]]:
    """The rows of which a column is to be written that is under their seals, and the others: to name such a column in an
    UPDATE has each row's seal worked out anew (docs/adr/0021), whether or not its value changes."""
    sealed: list[R] = []
    others: list[R] = []
    for row in rows:
        (sealed if is_sealed(row) else others).append(row)
    return sealed, others

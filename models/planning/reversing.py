"""Rows of a bulk taken back, each once (domain: spending and holding). Pure.

What is left of a credit that a row has added is taken away, and the credit is voided, so that what comes back to it later
goes the same way (credits.restore). What a row has removed is put back on its credits. A mark under the row's own id
keeps it from being taken back again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from models.commands import Outcome, ReverseRows, RowToReverse
from models.errors import LedgerError
from models.kinds import Counter, TransactionKind
from models.money import POINTS
from models.planning import credits, plan_of
from models.planning.bulk import error_report
from models.planning.bulk_rows import BULK, REMOVE, check_sender, row_key
from models.planning.drafts import CreditChangeDraft, ReversedRowDraft, RowReport, TransactionDraft
from models.planning.needs import Needs
from models.planning.spend_rows import SpendRecord
from models.planning.state import AccountState, Books, CreditState, PostingContext
from turns.steps import Steps

SENDER_SCOPES: Final = frozenset({BULK, REMOVE})
"""The scopes that a partner's token needs, for additions and removals alike."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """The result for one row, in minor units. amount: taken off (below zero) or put back. used: left, since it is in use.
    Tiers: before and after, of points."""

    amount_minor: int
    used_minor: int
    tier_before: str | None
    tier_after: str | None

    def details(self, asset: str) -> dict[str, Any]:
        """As stored with the row's report."""
        told: dict[str, Any] = {"asset": asset, "taken_minor": abs(self.amount_minor), "used_minor": self.used_minor}
        if self.tier_before != self.tier_after:
            told |= {"tier_before": self.tier_before, "tier_after": self.tier_after}
        return told


def needs(rows: Iterable[RowToReverse]) -> Needs:
    """The rows with their accounts, which are opened if a merge left nothing and so opened none."""
    listed = tuple(rows)
    return Needs(
        accounts=tuple([(row.customer_id, row.asset) for row in listed]),
        opens_accounts=True,
        reversed_transactions=tuple([row.transaction_id for row in listed if row.amount < 0]),
        bulk_rows=tuple([row.id for row in listed]),
        opened_by=tuple([row.transaction_id for row in listed if row.amount > 0]),
    )


@plan_of(ReverseRows)
def plan(books: Books, context: PostingContext, command: ReverseRows) -> Steps[Outcome]:
    """Take back every row that was not before, the last first, and report on each. A refused row leaves the others
    planned, and can be taken back by another reversal."""
    taken: dict[UUID, list[SpendRecord]] = {}
    for record in books.spend_records:
        taken.setdefault(record.transaction_id, []).append(record)
        yield
    for row in sorted(command.rows, key=lambda row: row.row, reverse=True):
        if row.id not in books.reversed_rows:
            report = yield from _report(books, context, command, row, taken.get(row.transaction_id, []))
            books.writes.row_reports.append(report)
        yield
    return Outcome(bulk_operation_id=command.operation_id)


def _report(
    books: Books, context: PostingContext, command: ReverseRows, row: RowToReverse, taken: list[SpendRecord]
) -> Steps[RowReport]:
    """Take back one row, and say what became of it."""
    savepoint = books.savepoint()
    key, transaction_id = row_key(command.operation_id, row.row), books.source.new_id()
    report = RowReport(
        id=books.source.new_id(),
        operation_id=command.operation_id,
        row=row.row,
        customer_id=row.customer_id,
        amount=row.amount,
        transaction_id=None,
        error=None,
        details={"asset": row.asset},
    )
    try:
        check_sender(books, context.actor, SENDER_SCOPES)
        row_context = PostingContext(context.actor, key, transaction_id, shown=False, texts=command.texts)
        reversal = yield from _take_back(books, row_context, row, taken, command.note)
    except LedgerError as error:
        books.rollback_to(savepoint)
        return replace(report, error=error_report(error))
    return replace(report, transaction_id=transaction_id, details=reversal.details(row.asset))


def _take_back(
    books: Books, context: PostingContext, row: RowToReverse, taken: list[SpendRecord], note: str | None
) -> Steps[Reversal]:
    """Take back one row, and mark it. Raises AmountOutOfRange if what it has removed finds no room."""
    credit_id = books.opened[row.transaction_id] if row.amount > 0 else taken[0].credit_id
    account = credits.account_of_lot(books, books.credits_by_id[credit_id])
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(books, TransactionKind.REVERSAL, account.customer_id, context, note=note)
    if row.amount > 0:
        credit = books.credits_by_id[credit_id]
        amount_minor = -_take_away(books, transaction, account, credit)
        used_minor = credit.used_minor
    else:
        amount_minor, used_minor = (yield from _put_back(books, transaction, taken)), 0
    credits.follow_tier(books, transaction, account, lifetime_before)
    books.writes.reversed_rows.append(ReversedRowDraft(row.id, transaction.id, amount_minor, used_minor))
    books.reversed_rows.add(row.id)
    books.on_rollback(books.reversed_rows.discard, row.id)
    return Reversal(amount_minor, used_minor, *_tiers(books, account, lifetime_before))


def _take_away(books: Books, transaction: TransactionDraft, account: AccountState, credit: CreditState) -> int:
    """Take what is left of the credit, and not held; the credit is voided; what has expired, expires. Returns the amount
    taken."""
    if credit.free_minor and credit.expires_at is not None and credit.expires_at <= books.now:
        credits.expire(books, transaction, account, credit)
    left_minor = credit.free_minor
    if left_minor:
        credits.move(books, transaction, account, credit, -left_minor, Counter.REMOVED, lifetime=True)
    if credit.voided_at is None:
        if credit.held_minor:
            _end(books, transaction, credit)
        credits.amend(books, credit, voided_at=books.now)
    return left_minor


def _end(books: Books, transaction: TransactionDraft, credit: CreditState) -> None:
    """Have a credit expire now that is held in part: so nothing of it is available once it is let go, and the release, or
    where the hold lapses the sweep, takes it back (credits.expire)."""
    if credit.expires_at is not None and credit.expires_at <= books.now:
        return
    services = list(credit.service_ids)
    books.writes.credit_changes.append(
        CreditChangeDraft(
            id=books.source.new_id(),
            credit_id=credit.id,
            transaction_id=transaction.id,
            old_expires_at=credit.expires_at,
            new_expires_at=books.now,
            old_auto_apply=credit.auto_apply,
            new_auto_apply=credit.auto_apply,
            old_services=services,
            new_services=services,
            created_at=books.now,
        )
    )
    credits.amend(books, credit, expires_at=books.now)


def _put_back(books: Books, transaction: TransactionDraft, taken: list[SpendRecord]) -> Steps[int]:
    """Put a removal back on its credits, the last first; on the lifetime total too what it took off that."""
    for record in sorted(taken, key=lambda record: record.sequence, reverse=True):
        credit = books.credits_by_id[record.credit_id]
        counted = record.lifetime_minor != 0
        credits.restore(books, transaction, credit, record.taken_minor, Counter.REMOVED, lifetime=counted)
        yield
    return sum([record.taken_minor for record in taken])


def _tiers(books: Books, account: AccountState, lifetime_before: int) -> tuple[str | None, str | None]:
    if account.asset != POINTS:
        return None, None
    return books.config.tier_name(lifetime_before), books.config.tier_name(account.lifetime_minor)

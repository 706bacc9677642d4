"""Plans cost n log n at most, in small steps. Counted in calls of functions, which no machine changes."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from models import planning
from models.commands import (
    AdjustCredit,
    BulkCredit,
    BulkItem,
    Command,
    CreateCreditNote,
    MergeCustomers,
    NewExpiry,
    RecordPayment,
    RefundSpend,
    TransferCredit,
)
from models.errors import LedgerError, LedgerErrors
from models.operations.previewing import effects_by_account
from models.planning.burn_order import burn_key
from models.planning.capturing import CaptureHold
from models.planning.credits import spendable
from models.planning.holding import ExtendHold, HoldCredit, ReleaseHold
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.lapsed import LapsedState
from models.planning.lots import Lots
from models.planning.payments import VoidPayment
from models.planning.releasing import VoidCredit, VoidInvoice
from models.planning.spend_rows import SpendRecord, SpendState
from models.planning.spending import SpendCredit
from models.planning.state import (
    AccountState,
    AssignmentState,
    Books,
    CreditState,
    CustomerState,
    PaymentState,
    PostingContext,
)
from models.planning.using import ExpireCredits, UseCredit
from models.planning.voiding_notes import VoidCreditNote
from tests.support.books import ANNA, BEN, CAKE, CONFIG, MANAGER, NOW, TEA, Numbers

FEW, MANY = 250, 2_000
MOST_TIMES: Final = 1.5 * MANY / FEW
"""So many times the calls of a plan of FEW may one of MANY take: in proportion, and a half more for the logarithm."""
A_STEP: Final = 400
"""So many calls at most are between two pauses: a row of a bulk takes a quarter of it."""
A_LOOK: Final = 3
"""Or so many for each: one look at all of them, to compare ids, takes a millisecond for a thousand."""


@dataclass
class Counted:
    """calls: of all functions. longest: between two steps."""

    calls: int = 0
    longest: int = 0


@contextmanager
def counting() -> Iterator[Counted]:
    counted = Counted()

    def count(_: Any, event: str, __: Any) -> None:
        counted.calls += event == "call"

    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)


def planned(books: Books, command: Command, *, undone: bool = False) -> Counted:
    """What planning takes; with `undone`, what it takes to take it back again, as where the whole is refused."""
    start, context = books.savepoint(), PostingContext(MANAGER, None, books.source.new_id())
    with counting() as counted:
        _walk(counted, planning.plan(books, context, command))
        if undone:
            _walk(counted, books.rolling_back_to(start))
    return counted


def _walk(counted: Counted, steps: Iterable[None]) -> None:
    at = counted.calls
    try:
        for _ in steps:
            counted.longest = max(counted.longest, counted.calls - at)
            at = counted.calls
    except LedgerError:
        return
    finally:
        counted.longest = max(counted.longest, counted.calls - at)


def lots(number: int, account: UUID, **more: Any) -> list[CreditState]:
    return [
        CreditState(
            **{
                "id": UUID(int=10**9 + n),
                "account_id": account,
                "transaction_id": UUID(int=7),
                "amount_minor": 100,
                "remaining_minor": 100,
                "effective_on": NOW.date(),
                "starts_at": NOW - timedelta(days=9),
                "expires_at": None,
                "service_ids": (),
                "auto_apply": True,
                "created_at": NOW - timedelta(days=9),
                "counts": True,
                **more,
            }
        )
        for n in range(number)
    ]


def books_with(number: int, asset: str = "GBP", **more: Any) -> Books:
    """Anna has so many lots of 1.00, Ben an account without any."""
    books = Books(config=CONFIG, now=NOW, source=Numbers())
    for customer, account_id in ((ANNA, UUID(int=101)), (BEN, UUID(int=102))):
        books.customers[customer] = CustomerState(customer, None)
        account = AccountState(account_id, customer, asset, 0, 0, 0, None, None)
        books.accounts[customer, asset] = books.accounts_by_id[account_id] = account
    account = books.accounts[ANNA, asset]
    found = sorted(lots(number, account.id, **more), key=burn_key)
    account.balance_minor = account.lifetime_minor = 100 * number
    if found and found[0].expires_at is not None and found[0].expires_at <= NOW:
        account.expired_minor = account.balance_minor
    books.credits[account.id] = Lots(found)
    books.credits_by_id = {lot.id: lot for lot in found}
    return books


def bulk(amounts: list[str], **more: Any) -> BulkCredit:
    items = tuple(BulkItem(ANNA, Decimal(amount)) for amount in amounts)
    return BulkCredit(items, "GBP", "CORRECTION", allow_duplicate_customers=True, **more)


def an_invoice(number: int, *, auto_apply: bool = True) -> CreateInvoice:
    return CreateInvoice(ANNA, "A1", "GBP", (InvoiceLineItem("Tea", number, Decimal(1)),), auto_apply=auto_apply)


def assigned(number: int) -> tuple[Books, UUID]:
    """An invoice that so many lots have paid."""
    books = books_with(number)
    planned(books, an_invoice(number))
    (invoice,) = books.invoices.values()
    assert len(books.assignments) == number
    return books, invoice.id


def paid(number: int) -> tuple[Books, UUID]:
    """A payment with account credit from so many lots, as a later posting would load it."""
    books = books_with(number)
    planned(books, an_invoice(number, auto_apply=False))
    (invoice,) = books.invoices.values()
    planned(books, RecordPayment(invoice.id, Decimal(number), "ACCOUNT_CREDIT"))
    payment: PaymentState = books.writes.payments[0]
    books.payments[payment.id] = payment
    parts: list[AssignmentState] = list(books.assignments.values())
    for part in parts:
        part.payment_id = payment.id
    assert len(parts) == number
    return books, payment.id


def added(n: int) -> Counted:
    return planned(books_with(0), bulk(["1.00"] * n))


def added_dry(n: int) -> Counted:
    return planned(books_with(0), bulk(["1.00"] * n, dry_run=True))


def mixed(n: int) -> Counted:
    return planned(books_with(n), bulk(["1.00", "-1.50"] * (n // 2)))


def mixed_dry(n: int) -> Counted:
    return planned(books_with(n), bulk(["1.00", "-0.50"] * (n // 2), dry_run=True))


def removed(n: int) -> Counted:
    return planned(books_with(n), bulk(["-1.00"] * n))


def removed_behind_what_has_not_begun(n: int) -> Counted:
    books = books_with(n)
    for lot in lots(n, UUID(int=101), starts_at=NOW + timedelta(days=1), expires_at=NOW + timedelta(days=2)):
        lot.id = UUID(int=lot.id.int + 10**6)
        books.credits[lot.account_id].add(lot, burn_key)
    return planned(books, bulk(["-0.50"] * n))


def some_bad(n: int) -> Counted:
    return planned(
        books_with(n), bulk(["1.00", "-0.001", "-1.00", "-99999999.00"] * (n // 4), error_policy="SKIP_FAILED")
    )


def some_bad_and_all_refused(n: int) -> Counted:
    return planned(books_with(n), bulk(["1.00", "-1.00", "-99999999.00", "0.001"] * (n // 4)), undone=True)


def removed_at_once(n: int) -> Counted:
    return planned(books_with(n), AdjustCredit(ANNA, "GBP", Decimal(-n), "CORRECTION"))


def used_for_a_service_that_few_serve(n: int) -> Counted:
    books = books_with(n, "SERVICE_CREDITS", service_ids=(CAKE,))
    last = books.credits[UUID(int=101)].credits[-1]
    last.service_ids = (TEA,)
    return planned(books, UseCredit(ANNA, TEA, Decimal(1)))


def applied(n: int) -> Counted:
    return planned(books_with(n), an_invoice(n))


def invoice_voided(n: int) -> Counted:
    books, invoice = assigned(n)
    return planned(books, VoidInvoice(invoice))


def invoice_voided_and_taken_back(n: int) -> Counted:
    books, invoice = assigned(n)
    return planned(books, VoidInvoice(invoice), undone=True)


def paid_with_credit(n: int) -> Counted:
    books = books_with(n)
    planned(books, an_invoice(n, auto_apply=False))
    (invoice,) = books.invoices.values()
    return planned(books, RecordPayment(invoice.id, Decimal(n), "ACCOUNT_CREDIT"))


def payment_voided(n: int) -> Counted:
    books, payment = paid(n)
    return planned(books, VoidPayment(payment))


def noted(n: int) -> Counted:
    books, invoice = assigned(n)
    return planned(books, CreateCreditNote(invoice))


def noted_in_proportion(n: int) -> Counted:
    books, invoice = assigned(n)
    return planned(books, CreateCreditNote(invoice, Decimal(n) / 2, give_back="IN_PROPORTION"))


def note_voided(n: int) -> Counted:
    """As a later posting would load it."""
    books, invoice = assigned(n)
    planned(books, CreateCreditNote(invoice))
    (note,) = books.writes.credit_notes
    note.parts = tuple(books.writes.credit_note_parts)
    books.credit_notes[note.id] = note
    assert len(note.parts) == n
    return planned(books, VoidCreditNote(note.id))


def expired(n: int) -> Counted:
    return planned(books_with(n, expires_at=NOW - timedelta(days=1)), ExpireCredits(ANNA, "GBP"))


def merged(n: int) -> Counted:
    return planned(books_with(n), MergeCustomers(ANNA, BEN))


def held(n: int, *, holds: int = 1) -> tuple[Books, UUID]:
    """All of so many lots is held, by so many holds together; and the first of these."""
    books = books_with(n)
    for _ in range(holds):
        planned(books, HoldCredit(ANNA, "GBP", Decimal(n) / holds, note="Table 7"))
    assert len(books.holds) == holds
    return books, next(iter(books.holds))


def set_aside(n: int) -> Counted:
    return planned(books_with(n), HoldCredit(ANNA, "GBP", Decimal(n), note="Table 7"))


def captured(n: int) -> Counted:
    books, hold = held(n)
    return planned(books, CaptureHold(hold))


def captured_for_an_invoice(n: int) -> Counted:
    books, hold = held(n)
    planned(books, an_invoice(n))
    (invoice,) = books.invoices
    return planned(books, CaptureHold(hold, invoice_id=invoice))


def let_go(n: int) -> Counted:
    books, hold = held(n)
    return planned(books, ReleaseHold(hold))


def extended(n: int) -> Counted:
    books, hold = held(n)
    counted = planned(books, ExtendHold(hold, expires_in_minutes=60))
    counted.calls += n  # it takes as long whatever is held
    return counted


def merged_while_held(n: int) -> Counted:
    return planned(held(n)[0], MergeCustomers(ANNA, BEN))


def merged_while_held_by_many(n: int) -> Counted:
    return planned(held(n, holds=n // 2)[0], MergeCustomers(ANNA, BEN))


def voided_while_held_by_many(n: int) -> Counted:
    books = books_with(1)
    (lot,) = books.credits_by_id.values()
    lot.amount_minor = lot.remaining_minor = 100 * n
    account = books.accounts[ANNA, "GBP"]
    account.balance_minor = account.lifetime_minor = 100 * n
    for _ in range(n // 2):
        planned(books, HoldCredit(ANNA, "GBP", Decimal(2), note="Table 7"))
    return planned(books, VoidCredit(lot.id, release_holds=True))


def transferred(n: int) -> Counted:
    return planned(books_with(n), TransferCredit(ANNA, BEN, "GBP", Decimal(n)))


def spent(n: int, *, expired_since: bool = False) -> tuple[Books, UUID]:
    """A spend of so many lots, as a later posting would load it."""
    books = books_with(n)
    planned(books, SpendCredit(ANNA, "GBP", Decimal(n), note="Coffee"))
    spend = books.writes.transactions[-1]
    books.given_back[spend.id] = SpendState(spend.id, spend.kind, MANAGER, 0)
    for entry in books.writes.entries:
        assert entry.credit_id is not None
        record = SpendRecord(spend.id, entry.sequence, entry.credit_id, -entry.amount_minor)
        books.spend_records.append(record)
    for lot in books.credits_by_id.values() if expired_since else ():
        lot.expires_at = NOW
        books.lapsed[lot.id] = LapsedState()
    books.credits.clear()
    assert len(books.spend_records) == n
    return books, spend.id


def given_back(n: int) -> Counted:
    books, spend = spent(n)
    return planned(books, RefundSpend(spend))


def given_back_under_another_expiry(n: int) -> Counted:
    books, spend = spent(n, expired_since=True)
    return planned(books, RefundSpend(spend, new_expiry=NewExpiry(never=True)))


def told_of_a_merge(n: int) -> Counted:
    """What a preview makes of the plan."""
    books = books_with(n)
    planned(books, MergeCustomers(ANNA, BEN))
    with counting() as counted:
        _walk(counted, effects_by_account(books))
    return counted


CASES: Final = (
    added,
    added_dry,
    mixed,
    mixed_dry,
    removed,
    removed_behind_what_has_not_begun,
    some_bad,
    some_bad_and_all_refused,
    removed_at_once,
    used_for_a_service_that_few_serve,
    applied,
    invoice_voided,
    invoice_voided_and_taken_back,
    paid_with_credit,
    payment_voided,
    noted,
    noted_in_proportion,
    note_voided,
    expired,
    merged,
    set_aside,
    captured,
    captured_for_an_invoice,
    let_go,
    extended,
    merged_while_held,
    merged_while_held_by_many,
    voided_while_held_by_many,
    transferred,
    given_back,
    given_back_under_another_expiry,
    told_of_a_merge,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_plan_costs_n_log_n_and_pauses_often(case: Callable[[int], Counted]) -> None:
    few, many = case(FEW), case(MANY)
    assert few.calls > FEW  # something was planned
    assert many.calls < MOST_TIMES * few.calls
    assert many.longest < max(A_STEP, A_LOOK * MANY)


def test_what_is_planned_is_right() -> None:
    """10,000 rows of one customer: each removal takes the oldest lots, and the sums are what they come to."""
    books = books_with(3_000)
    planned(books, bulk(["1.00", "-1.50"] * 3_000))
    account = books.accounts[ANNA, "GBP"]
    assert account.balance_minor == 100 * 3_000 - 50 * 3_000
    lots_then = books.credits[account.id].credits
    assert lots_then == sorted(lots_then, key=burn_key)
    used_up = [lot.remaining_minor for lot in lots_then]
    assert used_up == [0] * 4_500 + [100] * 1_500  # 4,500.00 were taken, from the front
    taken = [entry.amount_minor for entry in books.writes.entries if entry.amount_minor < 0]
    assert sum(taken) == -150 * 3_000


def test_bad_rows_keep_no_frames() -> None:
    """A traceback each would keep ten thousand plans alive."""
    books, context = books_with(0), PostingContext(MANAGER, None, UUID(int=5))
    with pytest.raises(LedgerErrors) as caught:
        for _ in planning.plan(books, context, bulk(["-1.00"] * 5)):
            pass
    assert [error.__traceback__ for error in caught.value.errors] == [None] * 5


def test_what_a_spend_has_passed_is_there_again_once_it_is_undone() -> None:
    books = books_with(5)
    account, savepoint = books.accounts[ANNA, "GBP"], books.savepoint()
    planned(books, bulk(["-2.50", "-1.00"]))
    assert books.credits[account.id].passed == {(): 3}
    books.rollback_to(savepoint)
    assert [lot.id for lot in spendable(books, account)] == [lot.id for lot in books.credits[account.id].credits]

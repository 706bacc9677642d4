"""The payments and assignments that a credit note gives back, and how much of each. Pure."""

from datetime import datetime
from uuid import UUID

from models.kinds import GiveBack
from models.planning.state import AssignmentState, Books, InvoiceState, PaymentState
from turns.steps import Steps, in_order

Paid = AssignmentState | PaymentState
"""Something that paid an invoice: account credit, or money."""
_MONEY = None
"""The group of all payments in money: what is given back of them becomes one new credit."""


def to_give_back(books: Books, invoice: InvoiceState, amount_minor: int, how: str) -> Steps[list[tuple[Paid, int]]]:
    """The amounts that a note of this amount gives back, last first; none if it only lowers what is due.

    It gives back what is paid beyond the rest of the invoice; and at least so much of account credit that no more of it
    is left than the lines that may be paid with it come to.
    """
    beyond_credit_minor = invoice.credited_minor + invoice.noted_minor + amount_minor - invoice.creditable_minor
    back_minor = max(amount_minor - invoice.due_minor, beyond_credit_minor)
    if back_minor <= 0:
        return []
    with_credit: list[Paid] = [
        a for a in books.assignments.values() if a.invoice_id == invoice.id and a.released_at is None
    ]
    in_money: list[Paid] = [
        p
        for p in books.payments.values()
        if p.invoice_id == invoice.id and p.voided_at is None and p.transaction_id is None
    ]
    given = yield from _shared(books, [*with_credit, *in_money], back_minor, how)
    if sum([minor for paid, minor in given if isinstance(paid, AssignmentState)]) < beyond_credit_minor:
        given = yield from _shared(books, with_credit, beyond_credit_minor, how)
        given += yield from _shared(books, in_money, back_minor - beyond_credit_minor, how)
    return (yield from in_order(given, _when_given, reverse=True))


def _shared(books: Books, paid: list[Paid], back_minor: int, how: str) -> Steps[list[tuple[Paid, int]]]:
    if how == GiveBack.LAST_FIRST:
        return (yield from _last_first(paid, back_minor))
    groups: dict[UUID | None, list[Paid]] = {}
    left: dict[UUID | None, int] = {}
    for each in paid:
        group = books.credits_by_id[each.credit_id].id if isinstance(each, AssignmentState) else _MONEY
        groups.setdefault(group, []).append(each)
        left[group] = left.get(group, 0) + _left(each)
        yield
    shares = yield from _in_proportion(books, left, back_minor)
    given: list[tuple[Paid, int]] = []
    for group, rows in groups.items():
        given += yield from _last_first(rows, shares[group])
    return given


def _left(paid: Paid) -> int:
    """The part that pays the invoice."""
    kept_minor = paid.kept_minor if isinstance(paid, PaymentState) else 0
    return paid.amount_minor - kept_minor - paid.noted_minor


def _in_proportion(books: Books, left: dict[UUID | None, int], back_minor: int) -> Steps[dict[UUID | None, int]]:
    """Each group's share, to the minor unit: what rounding leaves goes to the largest remainders, then to the older
    credit, and to money after all credits."""
    total = sum(left.values())
    shares = {group: back_minor * minor // total for group, minor in left.items()} if total else {}

    def order(group: UUID | None) -> tuple[int, bool, datetime | None, bytes]:
        credit = None if group is None else books.credits_by_id[group]
        age = (credit.created_at, credit.id.bytes) if credit else (books.now, b"")
        return -(back_minor * left[group] % total), credit is None, *age

    over = back_minor - sum(shares.values())
    for group in (yield from in_order(list(shares), order))[:over]:
        shares[group] += 1
    return shares


def _last_first(paid: list[Paid], back_minor: int) -> Steps[list[tuple[Paid, int]]]:
    """Of what no note has given back yet."""
    given = []
    for each in (yield from in_order(paid, _when, reverse=True)):
        part_minor = min(_left(each), back_minor)
        if part_minor:
            given.append((each, part_minor))
            back_minor -= part_minor
        yield
    return given


def _when(paid: Paid) -> tuple[datetime | None, bool, bytes]:
    """When it paid. Of what paid at the same instant, account credit is the last."""
    with_credit = isinstance(paid, AssignmentState)
    return (paid.assigned_at if isinstance(paid, AssignmentState) else paid.created_at), with_credit, paid.id.bytes


def _when_given(part: tuple[Paid, int]) -> tuple[datetime | None, bool, bytes]:
    return _when(part[0])

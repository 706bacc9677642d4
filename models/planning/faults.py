"""All that is wrong with an adjustment whatever the books hold, not the first thing alone. Pure.

Only of one that is refused, to be told with the refusal: a plan raises the first error that it meets.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from models.commands import AdjustCredit
from models.errors import Invalid, LedgerError
from models.money import nonzero_minor, to_minor
from models.planning import calendar
from models.planning.adjust import check_no_dates, check_reason, check_services
from models.planning.notes import check_note
from models.planning.state import Books


def with_faults(books: Books, asked: AdjustCredit, refusal: LedgerError, *, sets: bool = False) -> LedgerError:
    """The refusal, with whatever else is wrong. sets: whether the amount is what is to be available (BulkMode.SET)."""
    refusal.others = others(faults(books, asked, asked.amount, sets=sets), refusal)
    return refusal


def others(found: Iterator[LedgerError], *known: LedgerError) -> tuple[LedgerError, ...]:
    """Of these errors those that are about other fields than the known ones, one a field."""
    fields = {error.field for error in known}
    more = []
    for error in found:
        if error.field not in fields:
            fields.add(error.field)
            more.append(error)
    return tuple(more)


def faults(books: Books, asked: AdjustCredit, amount: Decimal | None, *, sets: bool) -> Iterator[LedgerError]:
    """Each thing that is wrong. amount: None if it was not understood, and is told of elsewhere."""
    adds = amount is None or amount > 0
    checks: tuple[Callable[[], object], ...] = (
        lambda: None if amount is None else check_amount(amount, asked.asset, sets=sets),
        lambda: _check_reason(books, asked, amount, sets=sets),
        lambda: check_note(asked.note),
        lambda: check_services(books, asked.asset, asked.service_ids, adding=adds),
        lambda: _check_dates(books, asked) if adds else check_no_dates(books, asked),
    )
    for check in checks:
        try:
            check()
        except LedgerError as error:
            error.__traceback__ = None
            yield error


def check_amount(amount: Decimal, asset: str, *, sets: bool) -> None:
    """Raises AssetUnknown, AmountPrecision, AmountOutOfRange; AmountZero, or if it sets what is available, Invalid below
    zero."""
    if not sets:
        nonzero_minor(amount, asset)
    elif to_minor(amount, asset) < 0:
        raise Invalid("An amount to have available cannot be below zero.", field=("amount",))


def _check_reason(books: Books, asked: AdjustCredit, amount: Decimal | None, *, sets: bool) -> None:
    """Of a row whose direction is not known yet, whether it serves any."""
    reason = books.config.reasons.get(asked.reason)
    either = amount is None or sets
    check_reason(books, asked, adding=reason.adds if either and reason is not None else amount is None or amount > 0)


def _check_dates(books: Books, asked: AdjustCredit) -> None:
    zone = books.config.zone
    effective_on, starts_at = calendar.start_of_credit(asked.effective_on, books.now, zone)
    calendar.expiry_of_credit(
        asked.expires_in_days,
        asked.expires_at,
        effective_on=effective_on,
        starts_at=starts_at,
        now=books.now,
        zone=zone,
    )

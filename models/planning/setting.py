"""Rows of a bulk whose amount is what is to be available (domain: files, `mode=SET`). Pure."""

from dataclasses import replace

from models.commands import AdjustCredit
from models.errors import ExpiryConflict
from models.money import MAX_AMOUNT_MINOR, to_decimal, to_minor
from models.planning import adjust, calendar
from models.planning.faults import check_amount
from models.planning.needs import Needs, Spend
from models.planning.state import Books


def needs_to_set(asked: AdjustCredit, amount_minor: int) -> Needs:
    """It may add or remove: which, and how much, is known under the lock."""
    key = (asked.customer_id, asked.asset)
    spend = Spend(key, MAX_AMOUNT_MINOR, ())
    if amount_minor > 0:
        return replace(adjust.needs_to_add((key,)), spends=(spend,))
    return Needs(customers=(asked.customer_id,), accounts=(key,), spends=(spend,))


def to_reach(books: Books, asked: AdjustCredit) -> AdjustCredit:
    """The adjustment after which so much is available: of zero, if it is. Raises LedgerError.

    What is scheduled or held is not available, and stays as it is. A removal has no expiry and no start, and takes from
    credits for any services: an amount to have available counts all of them.
    """
    check_amount(asked.amount, asked.asset, sets=True)
    if asked.customer_id not in books.customers:
        raise adjust.no_such_customer()
    if asked.effective_on is not None and asked.effective_on > calendar.local_date(books.now, books.config.zone):
        raise ExpiryConflict(
            "What is to be available now cannot start in the future. Leave the date out.", field=("effectiveOn",)
        )
    account = books.accounts.get((asked.customer_id, asked.asset))
    available_minor = 0 if account is None else account.available_minor
    missing = to_decimal(to_minor(asked.amount, asked.asset) - available_minor, asked.asset)
    if missing > 0:
        return replace(asked, amount=missing)
    if not missing:
        adjust.check_reason(books, asked, adding=_serves(books, asked))
    adjust.check_services(books, asked.asset, asked.service_ids, adding=False)
    return replace(asked, amount=missing, expires_in_days=None, expires_at=None, effective_on=None, service_ids=())


def _serves(books: Books, asked: AdjustCredit) -> bool:
    """A direction that the reason serves, where none is needed."""
    reason = books.config.reasons.get(asked.reason)
    return reason is None or reason.adds

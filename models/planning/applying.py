"""Credits that apply themselves to a new invoice (domain: credits on invoices). Pure."""

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from models.planning.calendar import start_of_day
from models.planning.state import CreditState


def applying_on(issued_on: date, zone: ZoneInfo) -> Callable[[CreditState], bool]:
    """A test whether an open credit applies itself to an invoice issued on that day in `zone`.

    It does if it is not paused, is effective on that day or before, and has not expired when that day begins: an
    invoice dated in the past takes no later credit, and one dated ahead none that will have expired by then.
    """
    began = start_of_day(issued_on, zone)

    def applies(credit: CreditState) -> bool:
        return (
            credit.auto_apply
            and credit.effective_on <= issued_on
            and (credit.expires_at is None or credit.expires_at > began)
        )

    return applies

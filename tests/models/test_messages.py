"""Messages of expected failures: for the person at the till, who is told what happened and what is possible."""

import re
from decimal import Decimal
from typing import Final

import pytest

from models import errors
from models.errors import LedgerError, LimitExceeded, LimitRemaining

TEN: Final = Decimal("10.00")
EXAMPLES: Final[tuple[LedgerError, ...]] = (
    errors.LedgerErrors((errors.AmountZero(), errors.AmountZero())),
    errors.Busy(),
    errors.Unavailable(7200.0),
    errors.AssetUnknown("XXX"),
    errors.AmountZero(),
    errors.AmountPrecision(amount=Decimal("10.005"), asset="GBP", places=2),
    errors.AmountPrecision(amount=Decimal("1.5"), asset="POINTS", places=0),
    errors.AmountOutOfRange(amount=Decimal(10**16), asset="GBP"),
    errors.CurrencyMismatch("GBP", "EUR"),
    errors.CurrencyMismatch("POINTS"),
    errors.InsufficientBalance(TEN, "GBP"),
    errors.ReturnSpent(TEN, TEN, "GBP"),
    errors.CreditNoted("payment"),
    errors.CreditNoteVoided(),
    errors.CreditNotOpen("VOIDED"),
    errors.CreditAssigned(),
    errors.CreditSpent(Decimal("0.01"), TEN, "GBP"),
    errors.CouponNotIssued("USED"),
    errors.AlreadyReleased(),
    errors.PaymentVoided(),
    errors.InvoicePaid(TEN, "GBP"),
    errors.ExpiryInPast(),
    errors.ReasonUnknown("GIFT"),
    errors.ReasonDirection("POLICY", "add"),
    errors.NoteRequired("OTHER"),
    errors.PurposeRequired(),
    errors.MembershipGraceEnded(60),
    errors.NoMembership(),
    errors.LimitExceeded((LimitRemaining("PER_ADJUSTMENT", "GBP", TEN),)),
    errors.LimitExceeded(()),
    errors.CurrencyNotAllowed("USD", ("EUR", "GBP")),
    errors.RequestChanged((errors.TermChange("reward.pointsCost", "1500", None),), "f3c0"),
    errors.RequestChanged((), "f3c0"),
    errors.RequestNotPending("APPROVED"),
    errors.RequesterNotAllowed("web-shop"),
    errors.TooManyPending(1000),
    errors.OwnRequest(),
    errors.OthersRequest(),
    errors.RewardInactive("retired"),
    errors.InvoiceNotOpen("PAID"),
    errors.ExceedsDue(TEN, "GBP"),
    errors.ExceedsRemaining(TEN, "GBP"),
    errors.CustomerMismatch("invoice"),
    errors.IdempotencyKeyReused(),
)
OF_THEIR_PLACE: Final = {errors.Invalid, errors.NotFound, errors.Duplicate, errors.ExpiryConflict}
"""Their message is written where they are raised."""


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_plain_english(error: LedgerError) -> None:
    assert re.fullmatch(r"[A-Z0-9'].*\.", error.message)
    assert not re.search(
        r"hoever|any more\b|None|_", error.message.replace("POINTS", "").replace("SERVICE_CREDITS", "")
    )


def test_every_failure_has_an_example() -> None:
    def below(error: type[LedgerError]) -> set[type[LedgerError]]:
        return {error}.union(*(below(child) for child in error.__subclasses__()))

    ours = {error for error in below(LedgerError) if error.__module__ == errors.__name__}
    assert ours - {LedgerError} - OF_THEIR_PLACE == {type(error) for error in EXAMPLES}


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (
            (
                ("PER_ADJUSTMENT", "100.00", "ADDING"),
                ("PER_ACTOR_DAY", "475.00", "ADDING"),
                ("PER_CUSTOMER_DAY", "175.00", "ADDING"),
            ),
            (
                "Over your limit: you can give 100.00 GBP at a time, 475.00 GBP more today, 175.00 GBP more to this"
                " customer today. A manager can approve more."
            ),
        ),
        (
            (("PER_ADJUSTMENT", "50.00", "SELLING_CREDIT"), ("PER_ACTOR_DAY", "20.00", "SELLING_CREDIT")),
            (
                "Over your limit: you can sell 50.00 GBP of credit in one order, 20.00 GBP of credit more today."
                " A manager can approve more."
            ),
        ),
        (
            (
                ("PER_ADJUSTMENT", "5.00", "SPENDING"),
                ("PER_ACTOR_DAY", "20.00", "SPENDING"),
                ("PER_CUSTOMER_DAY", "3.00", "SPENDING"),
            ),
            (
                "Over your limit: you can spend 5.00 GBP at a time, 20.00 GBP more today, 3.00 GBP more of this customer's"
                " today. Ask a manager to do it."
            ),
        ),
        ((), "Over your limit: you may not give any. A manager can approve more."),
    ],
)
def test_over_a_limit_the_till_hears_what_is_possible(left: tuple[tuple[str, str, str], ...], told: str) -> None:
    error = LimitExceeded(tuple(LimitRemaining(scope, "GBP", Decimal(amount), kind) for scope, amount, kind in left))

    assert error.message == told

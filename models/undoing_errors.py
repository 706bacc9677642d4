"""Expected failures of undoing: of coupons that were used, of bulks, and of what credit notes take back; of trying
bulks again; and of what does not fit an invoice. See models/errors.py."""

from models.errors import ExceedsRemaining, Invalid, LedgerError


class CouponNotUsed(LedgerError):
    """Only the use of a coupon can be undone."""

    code = "COUPON_NOT_USED"

    def __init__(self, status: str) -> None:
        super().__init__(f"The coupon was not used: it is {status.lower()}.", field=("couponId",))


class CouponReopened(LedgerError):
    """A coupon's use is undone once, and in one way."""

    code = "COUPON_REOPENED"

    def __init__(self) -> None:
        super().__init__(
            "The coupon was reopened before. That is done once, and its points are not given back after it.",
            field=("couponId",),
        )


class BulkNotRetryable(LedgerError):
    """The bulk has no rows that could be tried again now."""

    code = "BULK_NOT_RETRYABLE"

    def __init__(self, why: str) -> None:
        super().__init__(f"The bulk cannot be tried again. {why}", field=("id",))


class BulkNotReversible(LedgerError):
    """The bulk has posted nothing that could be taken back now."""

    code = "BULK_NOT_REVERSIBLE"

    def __init__(self, why: str) -> None:
        super().__init__(f"The bulk cannot be taken back. {why}", field=("operationId",))


class UnlikeInvoice(Invalid):
    """An amount or a quantity that was asked for does not fit its invoice. without: the message without the invoice's
    figure."""

    def __init__(self, message: str, without: str, *, field: tuple[str, ...]) -> None:
        super().__init__(message, field=field)
        self.without = without


class NotedTooMuch(ExceedsRemaining):
    """More of an invoice or a line of it than a credit note can take back."""

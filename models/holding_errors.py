"""Expected failures that holds are the reason of."""

from decimal import Decimal

from models.errors import LedgerError


class CreditHeld(LedgerError):
    """Part of the credit is set aside by holds. Carries that amount."""

    code = "CREDIT_HELD"

    def __init__(self, held: Decimal, asset: str) -> None:
        super().__init__(
            f"{held} {asset} of the credit is held. Release that first, or void it with releaseHolds.",
            field=("creditId",),
        )
        self.held = held


class HeldByOthers(CreditHeld):
    """The same, of a partner's program that may release nothing of it."""

    def __init__(self, held: Decimal, asset: str) -> None:
        super().__init__(held, asset)
        self.message = f"{held} {asset} of the credit is held by others. Only they, or the business, can release it."


class HoldEnded(LedgerError):
    """Nothing is held by it any more: it was captured or released, or its time has passed."""

    code = "HOLD_ENDED"

    def __init__(self, status: str) -> None:
        super().__init__(f"The hold is {status.lower()}: nothing is held by it any more.", field=("holdId",))
        self.status = status


class TooManyHolds(LedgerError):
    code = "TOO_MANY_HOLDS"

    def __init__(self, most: int) -> None:
        super().__init__(f"The account has {most:,} holds, and can have no more. Capture or release some first.")

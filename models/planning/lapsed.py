"""The expired part of a lot. Pure."""

from dataclasses import dataclass


@dataclass(slots=True)
class LapsedState:
    """Of a lot, whichever credits it was on: all that has ever expired of it, and what of that was put back.

    revoked: whether what gave it was undone, such as an order's payment: then none of it may be put back.
    """

    expired_minor: int = 0
    revived_minor: int = 0
    revoked: bool = False

    @property
    def left_minor(self) -> int:
        """The amount that has expired and was not put back."""
        return self.expired_minor - self.revived_minor

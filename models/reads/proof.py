"""The answer of a proof of the books: the rows read, and the differences found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

MAX_LISTED: Final = 20
"""Maximum differences of each kind that a proof lists; the rest it only counts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs from the entries. check: the name of the comparison; id: the row's; detail: both figures."""

    check: str
    id: UUID
    detail: str


@dataclass(slots=True)
class Proof:
    """The rows read, and the differences: none if the books are right.

    found: number of differences by check. listed: the first MAX_LISTED of each.
    """

    entries: int = 0
    notes: int = 0
    accounts: int = 0
    credits: int = 0
    invoices: int = 0
    coupons: int = 0
    found: Counter[str] = field(default_factory=Counter)
    listed: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.found

    def differs(self, check: str, row_id: UUID, detail: str) -> None:
        self.found[check] += 1
        if self.found[check] <= MAX_LISTED:
            self.listed.append(Difference(check, row_id, detail))

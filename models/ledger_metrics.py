"""Process-wide counters of the ledger, exported at /metrics."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class LedgerMetrics:
    """postings: batches committed or refused whole. seconds: spent in them. units: their number by result.

    retries: batches retried because the database asked for it. one_by_one: batches that it refused after the plan had
    allowed them, each time a bug in Scrip. denials: of access, by whether they were recorded in the audit.
    """

    postings: int = 0
    seconds: float = 0.0
    retries: int = 0
    one_by_one: int = 0
    units: dict[str, int] = field(default_factory=dict)
    denials: dict[str, int] = field(default_factory=lambda: {"recorded": 0, "unrecorded": 0})

    def count(self, result: str) -> None:
        self.units[result] = self.units.get(result, 0) + 1

    def deny(self, *, recorded: int = 0, unrecorded: int) -> None:
        self.denials["recorded"] += recorded
        self.denials["unrecorded"] += unrecorded

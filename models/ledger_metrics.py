"""Process-wide counters of the ledger and its jobs, exported at /metrics."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(slots=True)
class JobMetrics:
    """One job's. rounds: completed, over all tenants. failures: steps and rounds that failed. done: what its steps say.

    seconds: spent in rounds. ended_at: Unix time of the last completed round, 0 before it.
    """

    rounds: int = 0
    failures: int = 0
    done: int = 0
    seconds: float = 0.0
    ended_at: float = 0.0
    _lag_s: float = 0.0
    _oldest_s: float = 0.0

    @property
    def lag_s(self) -> float:
        """How old the oldest work is that the round under way has found, or the last one had; 0 if there is none."""
        return max(self._lag_s, self._oldest_s)

    def found(self, age_s: float) -> None:
        """Note the age of work that the round under way has found."""
        self._oldest_s = max(self._oldest_s, age_s)

    def end_round(self, *, seconds: float, done: int, now: float) -> None:
        """Note a completed round. now: Unix time."""
        self.rounds += 1
        self.seconds += seconds
        self.done += done
        self.ended_at = now
        self._lag_s, self._oldest_s = self._oldest_s, 0.0


@dataclass(slots=True)
class WebhookMetrics:
    """Of the webhooks that this process delivers. attempts: their number by outcome.

    Of each tenant with webhooks, as it was last looked at. paused: how many Scrip has stopped. oldest: Unix time at which
    the oldest event was recorded that an active one has not got. active: those that have any that is delivered to.
    """

    attempts: dict[str, int] = field(default_factory=dict)
    paused: dict[UUID, int] = field(default_factory=dict)
    oldest: dict[UUID, float] = field(default_factory=dict)
    active: set[UUID] = field(default_factory=set)

    def count(self, outcome: str) -> None:
        self.attempts[outcome] = self.attempts.get(outcome, 0) + 1

    def looked(self, tenant_id: UUID, paused: int, oldest: float | None, *, active: bool) -> None:
        """Note what a look at a tenant has found."""
        (self.active.add if active else self.active.discard)(tenant_id)
        self.paused.pop(tenant_id, None)
        self.oldest.pop(tenant_id, None)
        if paused:
            self.paused[tenant_id] = paused
        if oldest is not None:
            self.oldest[tenant_id] = oldest

    def lag_s(self, now: float) -> float:
        """The age of the oldest event that was not delivered; now: Unix time."""
        return max(0.0, now - min(self.oldest.values())) if self.oldest else 0.0


@dataclass(slots=True)
class LedgerMetrics:
    """postings: batches committed or refused whole. seconds: spent in them. units: their number by result.

    retries: batches retried because the database asked for it. one_by_one: batches that it refused after the plan had
    allowed them, each time a bug in Scrip. denials: of access, by whether they were recorded in the audit. jobs: by name,
    of those that run in this process.
    """

    postings: int = 0
    seconds: float = 0.0
    retries: int = 0
    one_by_one: int = 0
    units: dict[str, int] = field(default_factory=dict)
    denials: dict[str, int] = field(default_factory=lambda: {"recorded": 0, "unrecorded": 0})
    jobs: dict[str, JobMetrics] = field(default_factory=dict)
    webhooks: WebhookMetrics = field(default_factory=WebhookMetrics)

    def count(self, result: str) -> None:
        self.units[result] = self.units.get(result, 0) + 1

    def deny(self, *, recorded: int = 0, unrecorded: int) -> None:
        self.denials["recorded"] += recorded
        self.denials["unrecorded"] += unrecorded

    def job(self, name: str) -> JobMetrics:
        """A job's, to be counted in."""
        return self.jobs.setdefault(name, JobMetrics())

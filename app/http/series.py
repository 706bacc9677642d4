"""The series of `/metrics` beside the times of requests: each with its meaning, and where its value is read.

docs/metrics.md has them all; a test compares.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from app.rate_limits.quotas import RateLimitTallies
from gateway.errors import TOLD as ERRORS
from models.ledger import Ledger
from models.pool import PoolState
from models.reads.live import LiveFeed
from schema.types.errors import TOLD as USER_ERRORS

Mode = Literal["livesum", "livemax", "livemostrecent"]


class Series(NamedTuple):
    """A counter's meaning and label; or a gauge's, and what its values in several processes come to."""

    text: str
    label: str | None = None
    mode: Mode | None = None


SERIES: Final[Mapping[str, Series]] = MappingProxyType(
    {
        "scrip_postings": Series("Batches of requests posted together."),
        "scrip_posting_seconds": Series("Time spent in them."),
        "scrip_posting_retries": Series("Batches tried again because the database asked for it."),
        "scrip_posting_one_by_one": Series("Batches that the database refused: a bug each time."),
        "scrip_units": Series("Requests to the ledger, by how they ended.", "result"),
        "scrip_user_errors": Series("Expected failures that clients were told, by code.", "code"),
        "scrip_errors": Series("Errors at the top of a response, by code.", "code"),
        "scrip_access_denied": Series("Refusals for want of a right, by whether the audit tells of them.", "audit"),
        "scrip_refused_tokens": Series("Tokens that were refused, by why.", "reason"),
        "scrip_rate_limited": Series("Requests refused because their holder's limit was used up."),
        "scrip_rate_limit_outages": Series("Times that Redis was given up for not answering."),
        "scrip_rate_limit_counted_here": Series("Requests counted without it meanwhile."),
        "scrip_job_rounds": Series("Rounds of a job over all tenants.", "name"),
        "scrip_job_failures": Series("Steps and rounds of a job that failed.", "name"),
        "scrip_job_done": Series("How much a job has done, in its own measure.", "name"),
        "scrip_job_seconds": Series("Time spent in a job's rounds.", "name"),
        "scrip_job_ended_timestamp_seconds": Series(
            "When a job's last round ended, in Unix time.", "name", "livemostrecent"
        ),
        "scrip_job_lag_seconds": Series(
            "Age of the oldest work that a job has found: of an expiry not written off, of a file not posted, of what has "
            "no position in the feed, of what is in no checkpoint.",
            "name",
            "livemax",
        ),
        "scrip_webhook_attempts": Series("Attempts to deliver to webhooks, by how they ended.", "outcome"),
        "scrip_webhooks_paused": Series("Webhooks that Scrip has stopped, of the tenants looked at.", mode="livemax"),
        "scrip_webhook_lag_seconds": Series(
            "Age of the oldest event that an active webhook has not got.", mode="livemax"
        ),
        "scrip_units_waiting": Series("Requests waiting for a posting.", mode="livesum"),
        "scrip_units_longest_wait_seconds": Series("For how long the first of them has waited.", mode="livemax"),
        "scrip_http_requests_under_way": Series("Requests to /graphql that are being answered.", mode="livesum"),
        "scrip_websockets_open": Series("WebSockets that are open.", mode="livesum"),
        "scrip_subscriptions": Series("Subscriptions that are open.", mode="livesum"),
        "scrip_subscription_events": Series("Events handed to subscriptions."),
        "scrip_subscriptions_dropped": Series("Subscriptions ended because their clients read too slowly."),
        "scrip_subscription_event_timestamp_seconds": Series(
            "When the last event was recorded that subscriptions here were told of, in Unix time.",
            mode="livemostrecent",
        ),
        "scrip_feeds_told": Series(
            "Processes that are told at once when a feed has grown; others look now and then.", mode="livesum"
        ),
        "scrip_pool_connections": Series(
            "Connections to the database: busy, idle, and the most there may be.", "state", "livesum"
        ),
        "scrip_pool_waiting": Series("Who is waiting for one of them.", mode="livesum"),
        "scrip_clock_skew_seconds": Series(
            "By how much this machine's clock is ahead of the database's.", mode="livemostrecent"
        ),
        "scrip_processes": Series("Processes that are counted here.", mode="livesum"),
    }
)

Value = tuple[str, str | None, float]
"""A series' name, its label's value if it has one, and what it is now."""


@dataclass(slots=True)
class Sources:
    """Read for the values. pool: None before the database is open."""

    ledger: Ledger
    refused_tokens: Mapping[str, int] = field(default_factory=dict)
    rate_limits: RateLimitTallies | None = None
    pool: Callable[[], PoolState | None] = lambda: None
    live: LiveFeed | None = None
    open_sockets: Callable[[], int] = lambda: 0
    under_way: int = 0
    """Requests to /graphql that are being answered."""

    def values(self) -> Iterator[Value]:
        """The values of now."""
        yield from self._postings()
        yield from self._refusals()
        yield from self._jobs()
        yield from self._live()
        yield from self._at_the_moment()

    def _postings(self) -> Iterator[Value]:
        metrics = self.ledger.metrics
        yield "scrip_postings", None, metrics.postings
        yield "scrip_posting_seconds", None, metrics.seconds
        yield "scrip_posting_retries", None, metrics.retries
        yield "scrip_posting_one_by_one", None, metrics.one_by_one
        yield from _labelled("scrip_units", metrics.units)

    def _refusals(self) -> Iterator[Value]:
        yield from _labelled("scrip_user_errors", USER_ERRORS)
        yield from _labelled("scrip_errors", ERRORS)
        yield from _labelled("scrip_access_denied", self.ledger.metrics.denials)
        yield from _labelled("scrip_refused_tokens", self.refused_tokens)
        if self.rate_limits is not None:
            yield "scrip_rate_limited", None, self.rate_limits.refused
            yield "scrip_rate_limit_outages", None, self.rate_limits.outages
            yield "scrip_rate_limit_counted_here", None, self.rate_limits.counted_here

    def _jobs(self) -> Iterator[Value]:
        for name, job in list(self.ledger.metrics.jobs.items()):
            yield "scrip_job_rounds", name, job.rounds
            yield "scrip_job_failures", name, job.failures
            yield "scrip_job_done", name, job.done
            yield "scrip_job_seconds", name, job.seconds
            yield "scrip_job_lag_seconds", name, job.lag_s
            if job.rounds:
                yield "scrip_job_ended_timestamp_seconds", name, job.ended_at
        webhooks = self.ledger.metrics.webhooks
        yield from _labelled("scrip_webhook_attempts", webhooks.attempts)
        yield "scrip_webhooks_paused", None, sum(webhooks.paused.values())
        yield "scrip_webhook_lag_seconds", None, webhooks.lag_s(self.ledger.clock().timestamp())

    def _live(self) -> Iterator[Value]:
        if self.live is None:
            return
        yield "scrip_subscriptions", None, self.live.followers
        yield "scrip_subscription_events", None, self.live.metrics.delivered
        yield "scrip_subscriptions_dropped", None, self.live.metrics.dropped
        yield "scrip_feeds_told", None, self.live.told
        yield "scrip_subscription_event_timestamp_seconds", None, self.live.metrics.last_at

    def _at_the_moment(self) -> Iterator[Value]:
        yield "scrip_processes", None, 1
        yield "scrip_units_waiting", None, self.ledger.waiting
        yield "scrip_units_longest_wait_seconds", None, self.ledger.longest_wait_s
        yield "scrip_http_requests_under_way", None, self.under_way
        yield "scrip_websockets_open", None, self.open_sockets()
        if (skew := self.ledger.clock.skew) is not None:
            yield "scrip_clock_skew_seconds", None, skew
        if (pool := self.pool()) is not None:
            yield "scrip_pool_connections", "busy", pool.size - pool.idle
            yield "scrip_pool_connections", "idle", pool.idle
            yield "scrip_pool_connections", "max", pool.maximum
            yield "scrip_pool_waiting", None, pool.asking


def _labelled(name: str, numbers: Mapping[str, int]) -> Iterator[Value]:
    for label, number in sorted(numbers.items()):
        yield name, label, number

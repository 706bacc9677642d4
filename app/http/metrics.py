"""`/metrics`, for Prometheus: the ledger's postings, the HTTP requests, and the process itself.

Each serving process reports itself alone: with SCRIP_WORKERS above 1 a scrape reaches one of them.
"""

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Self

from prometheus_client import CollectorRegistry, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.rate_limits.quotas import RateLimitTallies
from models.ledger import Ledger

BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """One app's. `routes` serves them; `Timing` feeds the requests in."""

    def __init__(
        self,
        ledger: Ledger,
        refused_tokens: Mapping[str, int] = MappingProxyType({}),
        rate_limits: RateLimitTallies | None = None,
    ) -> None:
        """refused_tokens: number so far, by reason; rate_limits: their tallies; both are read at each scrape."""
        self._registry = CollectorRegistry()
        self._registry.register(_LedgerCollector(ledger))
        self._registry.register(_RefusedTokens(refused_tokens))
        if rate_limits is not None:
            self._registry.register(_RateLimitCollector(rate_limits))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.seconds = Histogram(
            "scrip_http_request_seconds",
            "Time to answer a request to /graphql.",
            ["status"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._seconds_of: dict[int, Histogram] = {}
        self.lag = Histogram(
            "scrip_event_loop_lag_seconds",
            "By how much the event loop was late, looked at ten times a second.",
            buckets=LAG_BUCKETS,
            registry=self._registry,
        )
        self.under_way = 0
        """Requests to /graphql that are being answered: read when it is scraped."""
        gauge = Gauge("scrip_http_requests_under_way", "Requests to /graphql.", registry=self._registry)
        gauge.set_function(lambda: self.under_way)

    @property
    def routes(self) -> list[Route]:
        return [Route("/metrics", self._show)]

    def timed(self) -> "Timed":
        """Measures one request to /graphql, for as long as the block lasts."""
        return Timed(self)

    def seconds_of(self, status: int) -> Histogram:
        """The histogram of the responses with this status. Statuses are ours: a dozen."""
        found = self._seconds_of.get(status)
        if found is None:
            found = self._seconds_of[status] = self.seconds.labels(str(status))
        return found

    async def _show(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class Timing:
    """ASGI middleware: measures requests to /graphql."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        with self._metrics.timed() as timed:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    timed.status = message["status"]
                await send(message)

            await self._app(scope, receive, watched)


class Timed:
    """One request to /graphql while it is answered. status: of the response, once it is known."""

    __slots__ = ("_began", "_metrics", "status")

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.status = 500

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._metrics.under_way += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._metrics.under_way -= 1
        self._metrics.seconds_of(self.status).observe(time.perf_counter() - self._began)


class _LedgerCollector(Collector):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        metrics = self._ledger.metrics
        for name, text, value in (
            ("scrip_postings", "Batches of requests posted together.", metrics.postings),
            ("scrip_posting_seconds", "Time spent in them.", metrics.seconds),
            ("scrip_posting_retries", "Batches tried again because the database asked for it.", metrics.retries),
            ("scrip_posting_one_by_one", "Batches that the database refused: a bug each time.", metrics.one_by_one),
        ):
            yield CounterMetricFamily(name, text, value=value)
        units = CounterMetricFamily("scrip_units", "Requests to the ledger, by how they ended.", labels=["result"])
        for result, number in sorted(metrics.units.items()):
            units.add_metric([result], number)
        yield units
        denials = CounterMetricFamily(
            "scrip_access_denied", "Refusals for want of a right, by whether the audit tells of them.", labels=["audit"]
        )
        for result, number in metrics.denials.items():
            denials.add_metric([result], number)
        yield denials
        yield GaugeMetricFamily("scrip_units_waiting", "Requests waiting for a posting.", value=self._ledger.waiting)
        skew = GaugeMetricFamily(
            "scrip_clock_skew_seconds", "By how much this machine's clock is ahead of the database's."
        )
        if (seconds := self._ledger.clock.skew) is not None:
            skew.add_metric([], seconds)
        yield skew


class _RateLimitCollector(Collector):
    def __init__(self, tallies: RateLimitTallies) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        for name, text, value in (
            ("scrip_rate_limited", "Requests refused because their holder's limit was used up.", self._tallies.refused),
            ("scrip_rate_limit_outages", "Times that Redis was given up for not answering.", self._tallies.outages),
            ("scrip_rate_limit_counted_here", "Requests counted without it meanwhile.", self._tallies.counted_here),
        ):
            yield CounterMetricFamily(name, text, value=value)


class _RefusedTokens(Collector):
    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily("scrip_refused_tokens", "Tokens that were refused, by why.", labels=["reason"])
        for reason, number in sorted(self._counts.items()):
            refused.add_metric([reason], number)
        yield refused

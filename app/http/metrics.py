"""Metrics for Prometheus: the ledger's postings, the HTTP requests, the jobs, and the processes themselves.

Several processes of one server share a folder, and the one that is scraped tells of all (app/http/shared_metrics.py).
What is counted in passing is a plain number in the process, and becomes a metric when it is scraped, or once a second.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.series import SERIES, Sources
from app.http.shared_metrics import SharedMetrics
from app.http.verify_file import LastVerify
from gateway.http.media import wants_stream

# Else there is one more series for each counter and bucket, of an instant that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
PUBLISH_INTERVAL_S: Final = 1.0
"""How old what other processes tell of this one may be."""


class Metrics:
    """One app's. `routes` serves them; `Timing` feeds the requests in."""

    def __init__(self, sources: Sources, *, shared: SharedMetrics | None = None, verified: Path | None = None) -> None:
        """shared: if other processes count beside this one. verified: the file in which `scrip verify` leaves what it
        found."""
        self.sources = sources
        self._own = CollectorRegistry()
        self._shown = self._own if shared is None else CollectorRegistry()
        self._is_shared = shared is not None
        if shared is None:
            ProcessCollector(registry=self._own)
        else:
            self._shown.register(shared)
        PlatformCollector(registry=self._shown)
        if verified is not None:
            self._shown.register(LastVerify(verified))
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._told: dict[tuple[str, str | None], float] = {}
        self.seconds = Histogram(
            "scrip_http_request_seconds",
            "Time to answer a request to /graphql.",
            ["status"],
            buckets=BUCKETS,
            registry=self._own,
        )
        self._seconds_of: dict[int, Histogram] = {}
        self.lag = Histogram(
            "scrip_event_loop_lag_seconds",
            "By how much the event loop was late, looked at ten times a second.",
            buckets=LAG_BUCKETS,
            registry=self._own,
        )

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

    def publish(self) -> None:
        """Make metrics of the values of now."""
        for name, label, value in self.sources.values():
            if SERIES[name].mode is None:
                told = self._told.get((name, label), 0.0)
                counter = self._counter(name)
                (counter if label is None else counter.labels(label)).inc(value - told)
                self._told[name, label] = value
            else:
                gauge = self._gauge(name)
                (gauge if label is None else gauge.labels(label)).set(value)

    @asynccontextmanager
    async def published(self) -> AsyncIterator[None]:
        """While the block lasts, publish for the other processes, if there are any."""
        task = asyncio.create_task(self._publish(), name="metrics") if self._is_shared else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                self.publish()

    async def _publish(self) -> None:
        while True:
            self.publish()
            await asyncio.sleep(PUBLISH_INTERVAL_S)

    def _counter(self, name: str) -> Counter:
        if name not in self._counters:
            series = SERIES[name]
            labels = [series.label] if series.label else []
            self._counters[name] = Counter(name, series.text, labels, registry=self._own)
        return self._counters[name]

    def _gauge(self, name: str) -> Gauge:
        if name not in self._gauges:
            series = SERIES[name]
            labels = [series.label] if series.label else []
            mode = series.mode or "livesum"
            self._gauges[name] = Gauge(name, series.text, labels, registry=self._own, multiprocess_mode=mode)
        return self._gauges[name]

    def text(self) -> bytes:
        """All metrics of now, as Prometheus reads them."""
        self.publish()
        return generate_latest(self._shown)

    async def _show(self, _: Request) -> Response:
        return Response(self.text(), media_type=CONTENT_TYPE_LATEST)


class Timing:
    """ASGI middleware: measures requests to /graphql, but streams, which last for hours."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql" or wants_stream(scope):
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
        self._metrics.sources.under_way += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._metrics.sources.under_way -= 1
        self._metrics.seconds_of(self.status).observe(time.perf_counter() - self._began)

"""Traces, by OpenTelemetry: of requests, GraphQL operations, postings and statements.

Only what is needed to follow a request is told: no query, variable, header or name of a person (docs/adr/0051). This module
needs what the extra `telemetry` installs; nothing else imports it unless SCRIP_TELEMETRY is set.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.types import ExecutionResult

from app.http.request_log import MAX_ASKED
from gateway.schema import GatewaySchema
from models.ledger import Ledger
from models.units import Unit

SERVICE: Final = "scrip"
MAX_LINKS: Final = 100
"""Maximum requests of one posting that are linked with it."""
UNTRACED: Final = "health/.*,metrics"
"""Paths whose requests have no trace, as the instrumentation takes them."""
_CARRIED: Final = (b"traceparent", b"tracestate")
"""The only headers that the instrumentation sees."""
_WHOLE: Final = "scrip.scope"


Execute = Callable[..., Awaitable[ExecutionResult]]


class Tracing:
    """The traces of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("scrip")
        self._waiting: dict[UUID, Span] = {}
        self._statements = AsyncPGInstrumentor()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def on(self, schema: GatewaySchema, ledger: Ledger) -> AsyncIterator[None]:
        """Trace operations of this schema, postings of this ledger, and all statements of the process, while the block
        lasts. At the end, what is left is sent."""
        execute = schema.execute
        schema.execute = self._operations(execute)  # type: ignore[method-assign, assignment]
        ledger.watcher = self
        self._statements.instrument(tracer_provider=self._provider)
        try:
            yield
        finally:
            self._statements.uninstrument()
            ledger.watcher = None
            schema.execute = execute  # type: ignore[method-assign]
            await asyncio.to_thread(self._provider.shutdown)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, with a trace for each HTTP request."""
        return _Traced(app, self._provider)

    def _operations(self, execute: Execute) -> Execute:
        """The same, with a span for each GraphQL operation, by whichever way it is executed."""

        async def traced(*args: Any, context_value: Any = None, **options: Any) -> ExecutionResult:
            with self._tracer.start_as_current_span("GraphQL") as span:
                result = await execute(*args, context_value=context_value, **options)
                _tell(span, context_value, result)
                return result

        return traced

    @contextmanager
    def submitted(self, unit: Unit) -> Iterator[None]:
        """See models.ledger.Watcher."""
        self._waiting[unit.result_id] = trace.get_current_span()
        try:
            yield
        finally:
            del self._waiting[unit.result_id]

    @contextmanager
    def posting(self, units: Sequence[Unit]) -> Iterator[None]:
        """See models.ledger.Watcher. The posting belongs to the trace of one request, and is linked with the others'."""
        known = (self._waiting.get(unit.result_id) for unit in units)
        spans = [span for span in known if span is not None and span.is_recording()][:MAX_LINKS]
        first = trace.set_span_in_context(spans[0] if spans else trace.INVALID_SPAN)
        links = [Link(span.get_span_context()) for span in spans[1:]]
        attributes = {"scrip.units": len(units)}
        with self._tracer.start_as_current_span("posting", first, links=links, attributes=attributes) as posting:
            for span in spans[1:]:
                span.add_link(posting.get_span_context())
            yield


class _Traced:
    """ASGI app: OpenTelemetry's instrumentation around another, which sees neither queries nor headers."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._app = app
        self._instrumented: ASGIApp = OpenTelemetryMiddleware(
            self._whole, excluded_urls=UNTRACED, tracer_provider=provider, exclude_spans=["receive", "send"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket, whose operations have traces of their own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [header for header in scope["headers"] if header[0] in _CARRIED]
        bare = {**scope, "query_string": b"", "headers": headers, _WHOLE: scope}
        await self._instrumented(bare, receive, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope[_WHOLE], receive, send)


def tracing_from_environment() -> Tracing:
    """Traces that are sent by OTLP over HTTP, as OpenTelemetry's own variables (OTEL_…) say."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _tell(span: Span, context: Any, result: ExecutionResult) -> None:
    """Put on the span what a line of the log has, too: the fields that were asked for, by whom, and how it ended."""
    if not span.is_recording():
        return
    asked = " ".join(context.asked[:MAX_ASKED])
    if asked:
        span.update_name(f"GraphQL {asked}")
        span.set_attribute("scrip.operation", asked)
    if context.request_id is not None:
        span.set_attribute("scrip.request_id", context.request_id)
    if (principal := context.principal) is not None:
        span.set_attribute("scrip.tenant", principal.tenant)
        span.set_attribute("scrip.actor", principal.subject)
        span.set_attribute("scrip.role", principal.role.value)
    codes = {str((error.extensions or {}).get("code")) for error in result.errors or ()}
    if codes:
        span.set_attribute("scrip.error_codes", sorted(codes))

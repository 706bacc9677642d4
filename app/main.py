"""The application: settings in, an ASGI app out."""

import gc
import logging
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import uuid_utils
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from uuid_utils.compat import uuid7

from app.console.operations import read_operations
from app.console.routes import FOLDER as CONSOLE
from app.console.routes import console_routes
from app.files.imports import import_route
from app.files.reports import report_routes
from app.files.requests import away
from app.files.statements import statement_route
from app.graphql import context_maker, event_streams, graphql_view, socket_view
from app.http import straight
from app.http.cors import cors, is_localhost
from app.http.health import health_routes
from app.http.loop_lag import lag_watched
from app.http.metrics import Metrics, Timing
from app.http.request_id import RequestIdMiddleware
from app.http.request_log import RequestLog
from app.http.security_headers import SecurityHeadersMiddleware, fault
from app.http.series import Sources
from app.http.shared_metrics import SharedMetrics, shared_metrics
from app.notary import notary
from app.postgres.clock import clock_kept, new_ledger
from app.postgres.launch import stop_with_parent
from app.postgres.waiting import opened_once_there, stop_noticed
from app.problems import SetupProblem
from app.rate_limits.quotas import RateLimits, rate_limits
from app.sample.pages.editor import editor_page, editor_routes
from app.sample.pages.front import front_page
from app.sample.sign_in import sample_sign_in
from app.settings import Settings, load_settings
from app.tokens.claims import token_verifier
from app.tokens.keys import token_keys
from app.tokens.partners import PartnerTokenVerifier
from app.tokens.refused import RefusedTokens
from auth.backend import BearerBackend, authentication_by
from gateway.compiled.extension import COMPILE_AT
from gateway.documents import DocumentCache
from gateway.http.view import GraphQLView
from gateway.manifest import BadManifest, OwnClient, load_trusted_documents
from gateway.schema import GatewaySchema
from gateway.trusted import TrustedDocuments
from gateway.websocket.limits import SocketLimits
from jobs.signals import signalled
from jobs.worker import working
from models.errors import DatabaseAway
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.reads.live import LiveFeed, LiveLimits
from models.reads.tenants import TenantDirectory
from models.session import pool_state
from models.sources import system_clock
from schema.root import build_schema

if TYPE_CHECKING:
    from app.http.tracing import Tracing

log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    ledger: Ledger | None = None,
    *,
    shared: SharedMetrics | None = None,
    tracing: "Tracing | None" = None,
) -> Starlette:
    """The app for these settings, on a ledger of its own unless one is given. shared: if other processes count beside it.
    tracing: if there are traces.

    It opens the database when its lifespan begins, not before.

    Raises SetupProblem if the settings name no database, or no keys to check tokens with.
    """
    url = settings.app_url
    if url is None:
        raise SetupProblem("DATABASE_URL is not set.")
    keys = token_keys(settings)
    ledger = ledger or new_ledger(settings)
    if settings.run_jobs:
        ledger.notary = notary(settings)
    verifier = token_verifier(settings, keys)
    partner_tokens = PartnerTokenVerifier(ledger)
    refused = RefusedTokens(system_clock)
    limits = rate_limits(settings.rate_limit, settings.rate_limit_url.get_secret_value(), settings.rate_limit_writes)
    sources = Sources(ledger, refused.counts, None if limits is None else limits.tallies, pool=pool_state)
    metrics = Metrics(sources, shared=shared, verified=settings.verify_metrics)
    schema = _schema(settings)
    # Where nobody can tell the relay that it has work, the followers have it done.
    live = LiveFeed(_live_limits(settings), None if settings.run_jobs else partial(keep_feed, ledger))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await keys.start()
        try:
            async with (
                nullcontext() if tracing is None else tracing.on(schema, ledger),
                _open(settings, url, ledger, live, metrics, partner_tokens),
            ):
                yield
        finally:
            if shared is not None:
                shared.leave()
            await keys.stop()
            if limits is not None:
                await limits.close()

    backend, tenants = BearerBackend(verifier, partner_tokens), TenantDirectory()
    view = graphql_view(
        schema,
        ledger,
        tenants,
        refused=refused.note,
        rate_limits=limits,
        read_timeout=settings.read_timeout,
        execution_timeout=settings.execution_timeout,
        ide=editor_page() if settings.has_pages else None,
    )
    return straight.Fronted(
        routes=[
            *_api(settings, schema, sources, view, live, tenants, backend, refused, limits),
            *health_routes(ledger),
            *(metrics.routes if settings.metrics else ()),
            *_pages(settings),
        ],
        front=_front(settings, view, backend, refused, metrics, tracing),
        middleware=_layers(settings, backend, refused, metrics),
        exception_handlers={DatabaseAway: away, Exception: fault},
        lifespan=lifespan,
    )


def _pages(settings: Settings) -> list[Route]:
    """The pages for people: the console, and the examples. `/` leads to the first of them that is there."""
    sign_in = sample_sign_in(settings, system_clock, uuid7)
    return [
        *((*sign_in, *console_routes(settings)) if settings.has_console else ()),
        *((*front_page(settings, system_clock, uuid7), *editor_routes()) if settings.has_pages else ()),
    ]


@asynccontextmanager
async def _open(
    settings: Settings, url: str, ledger: Ledger, live: LiveFeed, metrics: Metrics, partner_tokens: PartnerTokenVerifier
) -> AsyncIterator[None]:
    """The database, once it is there, and all that runs beside the requests, until the block ends."""
    async with AsyncExitStack() as stack:
        with stop_noticed() as stopped:
            there = await stack.enter_async_context(
                opened_once_there(
                    url,
                    ledger,
                    log.warning,
                    pool_min=settings.database_pool_min,
                    pool_max=settings.database_pool_max,
                    statement_cache=settings.database_statement_cache,
                    stopped=stopped,
                )
            )
        if not there:
            yield  # uvicorn, which was told to stop, does so now
            return
        async with (
            lag_watched(metrics.lag.observe),
            metrics.published(),
            clock_kept(ledger),
            signalled(live=live, relays=settings.run_jobs, delivered=ledger.metrics.webhooks.active) as hints,
            working(ledger, hints=hints) if settings.run_jobs else nullcontext(),
        ):
            yield
        await partner_tokens.settle()
        await ledger.close()


def _front(
    settings: Settings,
    view: GraphQLView,
    backend: BearerBackend,
    refused: RefusedTokens,
    metrics: Metrics,
    tracing: "Tracing | None",
) -> list[Middleware]:
    """The way that goes straight through, in front of all layers; and a trace for each request if there are traces."""
    way = Middleware(
        straight.StraightWay,
        view=view,
        backend=backend,
        on_error=refused.answer,
        metrics=metrics,
        new_id=_new_request_id,
        logs=settings.log_format == "json",
        cors=_cors(settings),
    )
    return [way] if tracing is None else [Middleware(tracing.around), way]


def _layers(settings: Settings, backend: BearerBackend, refused: RefusedTokens, metrics: Metrics) -> list[Middleware]:
    """The layers around the routes."""
    return [
        Middleware(RequestIdMiddleware, new_id=_new_request_id),
        *((Middleware(RequestLog),) if settings.log_format == "json" else ()),
        Middleware(SecurityHeadersMiddleware),
        *_cors(settings),
        Middleware(Timing, metrics=metrics),
        authentication_by(backend, on_error=refused.answer),
    ]


def _cors(settings: Settings) -> list[Middleware]:
    return cors(settings.cors_origins, settings.cors_headers, localhost=settings.cors_localhost)


def _api(
    settings: Settings,
    schema: GatewaySchema,
    sources: Sources,
    view: GraphQLView,
    live: LiveFeed,
    tenants: TenantDirectory,
    backend: BearerBackend,
    refused: RefusedTokens,
    limits: RateLimits | None,
) -> list[BaseRoute]:
    """GraphQL by HTTP and WebSocket, and files in and out."""
    ledger = sources.ledger
    sockets = socket_view(
        schema,
        ledger,
        tenants,
        backend,
        system_clock,
        refused=refused.note,
        rate_limits=limits,
        origins=settings.cors_origins,
        other_origin=is_localhost if settings.cors_localhost else None,
        limits=_socket_limits(settings),
        live=live,
        logs=settings.log_format == "json",
    )
    sources.live = live
    sources.open_sockets = lambda: sockets.sockets.number
    streams = event_streams(
        schema,
        ledger,
        tenants,
        backend,
        sockets,
        view,
        clock=system_clock,
        refused=refused.note,
        rate_limits=limits,
        live=live,
        read_timeout=settings.read_timeout,
    )
    make_context = context_maker(ledger, tenants, refused.note, limits)
    ways = [Route(straight.PATH, streams), WebSocketRoute(straight.PATH, sockets)]
    files = [statement_route(make_context), import_route(make_context), *report_routes(make_context)]
    return [*ways, *files]


def _new_request_id() -> str:
    return uuid_utils.uuid7().hex


def _schema(settings: Settings) -> GatewaySchema:
    """The schema with its limits and trusted documents, to which the console's belong where it is served. Raises
    SetupProblem for a manifest of trusted documents with any fault."""
    manifest = settings.trusted_documents

    def trusted(documents: DocumentCache) -> TrustedDocuments:
        assert manifest is not None  # noqa: S101 - for the type checker
        own = None
        if settings.has_console:
            own = OwnClient(read_operations(CONSOLE / "operations").values(), settings.console_client_id)
        return load_trusted_documents(manifest, documents, only=settings.only_trusted_documents, own=own)

    try:
        return build_schema(
            introspection=settings.introspection,
            trusted=None if manifest is None else trusted,
            compile_at=COMPILE_AT if settings.compiled_execution else None,
        )
    except BadManifest as error:
        raise SetupProblem(f"SCRIP_TRUSTED_DOCUMENTS: {error}") from error


def _socket_limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        init_timeout=settings.websocket_init_timeout,
        execution_timeout=settings.execution_timeout,
        max_sockets=settings.max_websockets,
        max_sockets_per_holder=settings.max_websockets_per_holder,
    )


def _live_limits(settings: Settings) -> LiveLimits:
    return LiveLimits(settings.max_subscriptions, settings.max_subscriptions_per_tenant)


def create_app_from_environment() -> Starlette:
    """Create the app of a serving process, and set its collector up."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        # Killed without a chance to stop its workers, the parent would leave them behind, holding the port.
        stop_with_parent(parent.pid, signal.SIGTERM)
    settings = load_settings()
    app = create_app(settings, shared=shared_metrics(settings.metrics_dir), tracing=_tracing(settings))
    _spare_the_collector()
    return app


def _tracing(settings: Settings) -> "Tracing | None":
    """The traces, if they are asked for. Raises SetupProblem if that is not installed."""
    if not settings.telemetry:
        return None
    try:
        from app.http.tracing import tracing_from_environment
    except ImportError as error:
        raise SetupProblem(
            f"SCRIP_TELEMETRY is on, and {error.name} is not installed. It comes with requirements-telemetry.lock, or with "
            "the extra: pip install scrip[telemetry]"
        ) from error
    return tracing_from_environment()


def _spare_the_collector() -> None:
    """Take objects made at start, above all the schema, out of the garbage collector's sight, and let it look less often.

    Walking the schema's heap again and again took nearly half of a request's time (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 20)
    gc.enable()

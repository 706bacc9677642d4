"""Health and metrics of a process that serves nothing else, at a port of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from app.cli.output import say
from app.cli.serve import address, bounded_http, take_port
from app.http.health import health_routes
from app.http.loop_lag import lag_watched
from app.http.metrics import Metrics
from app.http.security_headers import SecurityHeadersMiddleware
from app.http.series import Sources
from app.http.shared_metrics import shared_metrics
from app.settings import Settings
from models.ledger import Ledger
from models.session import pool_state

GRACE_S = 1


class Beside(uvicorn.Server):
    """A server in a process that sees to its signals by itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@asynccontextmanager
async def shown_beside(settings: Settings, ledger: Ledger) -> AsyncIterator[None]:
    """While the block lasts, serve `/health` and `/metrics` at SCRIP_WORK_PORT, if that is set. Raises SetupProblem."""
    if settings.work_port is None:
        yield
        return
    metrics = Metrics(
        Sources(ledger, pool=pool_state), shared=shared_metrics(settings.metrics_dir), verified=settings.verify_metrics
    )
    routes = [*health_routes(ledger), *(metrics.routes if settings.metrics else ())]
    app = Starlette(routes=routes, middleware=[Middleware(SecurityHeadersMiddleware)])
    with take_port(settings.host, settings.work_port, "SCRIP_WORK_PORT") as listener:
        say(f"Health and metrics are at {address(listener)}")
        server = Beside(
            uvicorn.Config(
                app,
                http=bounded_http(settings),  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="health and metrics")
        try:
            async with lag_watched(metrics.lag.observe), metrics.published():
                yield
        finally:
            server.should_exit = True
            await serving

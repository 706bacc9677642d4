"""Serves the page of examples. One's own deployment gets the running version; the sample lets one try everything.

Tokens are on the page only if `scrip run` has made the sample, the server listens on this machine's loopback alone, and
the request is to it by number or as `localhost`: a page from elsewhere that has its own name lead here (DNS rebinding)
gets none.
"""

import importlib.metadata
import ipaddress
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.postgres.embedded import SETTINGS as SERVER_SETTINGS
from app.sample.demo import TENANT, demo_figures
from app.sample.pages import render
from app.sample.pages.sample import sample_ids
from app.sample.tokens import demo_tokens
from app.settings import Settings
from models.session import server_told, tenant_id_of

FOLDER: Final = Path(__file__).parent
_ASSETS: Final = {"front.css": "text/css", "front.js": "text/javascript"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def front_page(settings: Settings, clock: Callable[[], datetime], new_id: Callable[[], UUID]) -> list[Route]:
    """The routes of the page and its two files. It needs the pool; `new_id` names the tokens."""

    async def page(request: Request) -> Response:
        facts = [("Version", version()), ("API", "POST /graphql"), ("Health", "/health/live, /health/ready")]
        if not settings.sample:
            return _html(render.page(facts, render.NO_SAMPLE))
        tenant_id = await tenant_id_of(TENANT)
        if tenant_id is None:
            return _html(render.page(facts, render.SAMPLE_MISSING))
        facts += [("Database", await _server()), ("Tenant", TENANT)]
        figures = render.figures(await demo_figures(tenant_id))
        if not settings.on_loopback:
            return _html(render.page(facts, figures + render.OPEN))
        if not is_local(request.headers.get("host", "")):
            return _html(render.page(facts, figures + render.OTHER_NAME))
        tokens = demo_tokens(settings, clock(), new_id)
        ids = await sample_ids(tenant_id)
        trying = render.trying(tokens, ids, secrets.token_hex(8), str(request.base_url).rstrip("/"))
        return _html(render.page(facts, figures + trying))

    def to_examples(_: Request) -> Response:
        return RedirectResponse("/examples")

    return [
        Route("/", to_examples),
        Route("/examples", page),
        *(Route(f"/page/{name}", _asset(name, kind)) for name, kind in _ASSETS.items()),
    ]


@cache
def version() -> str:
    """Of the installed project."""
    try:
        return importlib.metadata.version("scrip")
    except importlib.metadata.PackageNotFoundError:
        return "unknown (not installed)"


async def _server() -> str:
    version, cluster = await server_told()
    embedded = "embedded" if cluster == SERVER_SETTINGS["cluster_name"] else "your own"
    return f"PostgreSQL {version}, {embedded}"


def is_local(host: str) -> bool:
    """Whether a Host header names this machine by number or as `localhost`."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _html(text: str) -> Response:
    return Response(text, media_type="text/html", headers=_HEADERS)


def _asset(name: str, kind: str) -> Callable[[Request], Response]:
    content = (FOLDER / name).read_bytes()

    def asset(_: Request) -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return asset

"""Serves the page of examples. One's own deployment gets the running version; the sample lets one try everything.

Tokens are on the page only if `scrip run` has made the sample, the server listens on this machine's loopback alone, and
the request is to it by number or as `localhost`: a page from elsewhere that has its own name lead here (DNS rebinding)
gets none.
"""

import ipaddress
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.http.security_headers import version
from app.postgres.embedded import SETTINGS as SERVER_SETTINGS
from app.sample.demo import TENANT, demo_figures
from app.sample.pages import render
from app.sample.pages.editor import OFFERS
from app.sample.pages.examples import examples
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
    """The routes of the page, its two files and what the editor offers. They need the pool; `new_id` names the tokens."""

    async def page(request: Request) -> Response:
        facts = [
            ("Version", version() or "unknown (not installed)"),
            ("API", "POST /graphql"),
            ("Health", "/health/live, /health/ready"),
        ]
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

    async def offers(request: Request) -> Response:
        """The tokens and examples for the editor's page: none if the front page shows no tokens either."""
        told: dict[str, list[dict[str, object]]] = {"tokens": [], "examples": []}
        tenant_id = await tenant_id_of(TENANT) if settings.sample and settings.on_loopback else None
        if tenant_id is not None and is_local(request.headers.get("host", "")):
            tokens, ids = demo_tokens(settings, clock(), new_id), await sample_ids(tenant_id)
            told["tokens"] = [{"role": token.role.value, "may": token.may, "token": token.text} for token in tokens]
            groups = examples(ids, secrets.token_hex(8)) if tokens and ids is not None else {}
            told["examples"] = [
                {"group": title, "name": one.name, "hint": one.hint, "query": one.query, "variables": one.variables}
                for title, shown in groups.items()
                for one in shown
            ]
        return JSONResponse(told, headers=_HEADERS)

    def to_examples(_: Request) -> Response:
        return RedirectResponse("/examples")

    return [
        Route("/", to_examples),
        Route("/examples", page),
        Route(OFFERS, offers),
        *(Route(f"/page/{name}", _asset(name, kind)) for name, kind in _ASSETS.items()),
    ]


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

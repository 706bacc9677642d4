"""Serves the console: its files as they are, and its page at every path beneath that is none of them, for the screens are
told apart in the browser.

Nothing here is secret, and nothing here is a right: what a person may do is decided by the API, by their token.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.console.operations import read_operations
from app.settings import Settings

FOLDER: Final = Path(__file__).parents[2] / "console"
_KINDS: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGE: Final = "index.html"
_MIN_PACKED: Final = 1_000
"""Bytes; less is sent as it is."""


@dataclass(frozen=True, slots=True)
class _File:
    """packed: as gzip, if that is shorter."""

    kind: str
    body: bytes
    packed: bytes | None
    tag: str


def console_routes(settings: Settings) -> list[Route]:
    """The routes of the console, and of `/`, which leads to it. The files are read once, here."""
    files = {name: _file(kind, body) for name, kind, body in _contents(settings)}
    headers = _headers(settings)

    def serve(request: Request) -> Response:
        name = request.path_params.get("name", "")
        found = files.get(name)
        if found is None and "." in name.rpartition("/")[2]:
            return Response(status_code=404)
        return _answer(request, found or files[_PAGE], headers)

    def to_console(_: Request) -> Response:
        return RedirectResponse("/console")

    return [Route("/", to_console), Route("/console", serve), Route("/console/{name:path}", serve)]


def _contents(settings: Settings) -> Iterator[tuple[str, str, bytes]]:
    """Each file's name, media type and contents; two are made here: the operations and the settings."""
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _KINDS:
            yield path.relative_to(FOLDER).as_posix(), _KINDS[path.suffix], path.read_bytes()
    yield "operations.json", "application/json", orjson.dumps(read_operations(FOLDER / "operations"))
    yield "settings.json", "application/json", orjson.dumps(_told(settings))


def _told(settings: Settings) -> dict[str, object]:
    """The part of the settings that the browser is told."""
    sign_in = None
    if settings.console_issuer is not None:
        sign_in = {
            "issuer": settings.console_issuer,
            "clientId": settings.console_client_id,
            "scope": settings.console_scope,
        }
    return {"signIn": sign_in, "sample": settings.sample}


def _file(kind: str, body: bytes) -> _File:
    packed = gzip.compress(body, mtime=0) if len(body) >= _MIN_PACKED else None
    return _File(kind, body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _answer(request: Request, file: _File, headers: dict[str, str]) -> Response:
    more = {**headers, "etag": file.tag, "vary": "accept-encoding"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=more)
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, media_type=file.kind, headers={**more, "content-encoding": "gzip"})
    return Response(file.body, media_type=file.kind, headers=more)


def _headers(settings: Settings) -> dict[str, str]:
    """Nothing but what comes from here is loaded, and only the identity provider is asked beside this server."""
    issuers = [settings.console_issuer] if settings.console_issuer is not None else []
    asked = " ".join(["'self'", *map(_origin, issuers), *settings.console_origins])
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src {asked}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    return {
        "cache-control": "no-cache",
        "content-security-policy": policy,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""The editor for queries that browsers get at `/graphql`: GraphiQL, out of an installed package, and nothing from elsewhere.

The package brings the builds of GraphiQL, its explorer, React and graphql-ws as they are on npm, for Django; Scrip takes the
files alone. Who asks, and what there is to try, is asked for at OFFERS, as the page's `editor.js` does.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.view import Page

PACKAGE: Final = "graphene_django_graphiql_static"
DISTRIBUTION: Final = "graphene-django-graphiql-static"
AT: Final = "/page/editor/"
OFFERS: Final = "/page/offers.json"
STYLES: Final = ("graphiql.min.css", "style.css")
SCRIPTS: Final = (
    "react.production.min.js",
    "react-dom.production.min.js",
    "graphiql.min.js",
    "graphiql-plugin-explorer.umd.js",
    "graphql-ws.min.js",
)
OWN: Final = ("editor.css", "editor.js")
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
FOLDER: Final = Path(__file__).parent
# GraphiQL's editor writes style elements as it runs. Fonts and pictures are in its style file.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {"content-security-policy": _POLICY, "cross-origin-opener-policy": "same-origin"}
_KEPT: Final = {"cache-control": "private, max-age=31536000, immutable", "cross-origin-resource-policy": "same-origin"}


class EditorFile(NamedTuple):
    """A file of the page. version: of what is in it, so that a browser may keep it."""

    content: bytes
    media_type: str
    version: str


def editor_page() -> Page:
    """The page, as the view at /graphql shows it to browsers. Without the package, it says what is missing."""
    try:
        found = editor_files()
    except FileNotFoundError as error:
        return Page(_frame("missing.html", reason=escape(str(error)), distribution=DISTRIBUTION), _HEADERS)
    styles = "\n".join(f'<link rel="stylesheet" href="{_address(name, found)}">' for name in (*STYLES, OWN[0]))
    scripts = "\n".join(f'<script src="{_address(name, found)}" defer></script>' for name in (*SCRIPTS, OWN[1]))
    return Page(_frame("editor.html", styles=styles, scripts=scripts, offers=OFFERS), _HEADERS)


def editor_routes() -> list[Route]:
    """The routes of the page's files; none if the package is missing."""
    try:
        found = editor_files()
    except FileNotFoundError:
        return []

    def file(request: Request) -> Response:
        wanted = found.get(request.path_params["name"])
        if wanted is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        return Response(wanted.content, media_type=wanted.media_type, headers=_KEPT)

    return [Route(AT + "{name}", file)]


@cache
def editor_files() -> Mapping[str, EditorFile]:
    """The files by name. Raises FileNotFoundError, saying what is missing."""
    try:
        folder = files(PACKAGE) / "static" / PACKAGE
    except ModuleNotFoundError:
        raise FileNotFoundError(f"the package {DISTRIBUTION} is not installed") from None
    return {
        **{name: _file(name, (folder / name).read_bytes()) for name in (*STYLES, *SCRIPTS)},
        **{name: _file(name, (FOLDER / name).read_bytes()) for name in OWN},
    }


def _file(name: str, content: bytes) -> EditorFile:
    return EditorFile(content, _TYPES[name.rpartition(".")[2]], hashlib.sha256(content).hexdigest()[:16])


def _address(name: str, found: Mapping[str, EditorFile]) -> str:
    return f"{AT}{name}?v={found[name].version}"


def _frame(name: str, **values: str) -> bytes:
    return Template((FOLDER / name).read_text(encoding="utf-8")).substitute(values).encode()

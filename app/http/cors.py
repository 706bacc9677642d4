"""Pages of other origins that may read our responses (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

ANY: Final = "*"
REQUEST_HEADERS: Final = (
    "authorization",
    "content-type",
    "idempotency-key",
    "x-request-id",
    # W3C Trace Context and Baggage; what tracers send with every request of a page
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
    "newrelic",
    "elastic-apm-traceparent",
    "request-id",
    "request-context",
    # Apollo's clients, and those that follow them
    "apollographql-client-name",
    "apollographql-client-version",
    "apollo-require-preflight",
    "graphql-require-preflight",
    "graphql-client-name",
    "graphql-client-version",
    "x-apollo-operation-id",
    "x-apollo-operation-name",
    "x-client-name",
    "x-client-version",
    # Fetch wrappers, and streams of events
    "x-requested-with",
    "cache-control",
    "last-event-id",
)
"""Request headers that pages may send, since their libraries do so by themselves. None of them gives a right: a token
alone does."""
EXPOSED: Final = (
    "X-Request-Id",
    "X-Scrip-Version",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "WWW-Authenticate",
    "Location",
    "Content-Disposition",
)
MAX_HEADERS: Final = 100
_METHODS: Final = ("GET", "POST")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_LOCALHOST: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
_PAGES: Final = re.compile(r"/|/examples|/page/.*|/console(?:/.*)?", re.DOTALL)
"""Paths of our own pages."""


def parse_origins(text: str) -> tuple[str, ...]:
    """`https://shop.example, http://localhost:5173`, or `*`, as a list. Raises ValueError naming each entry that is no
    origin.

    Browsers send an origin in lower case and without a path or the scheme's own port, and expect it back to the letter.
    `null` is refused: any sandboxed frame and local file sends it.
    """
    origins = tuple(dict.fromkeys(origin.strip() for origin in text.split(",") if origin.strip()))
    for origin in origins:
        if origin != ANY and not _is_origin(origin):
            raise ValueError("must be origins like https://shop.example, separated by commas, or *")
    if ANY in origins and len(origins) > 1:
        raise ValueError("has * beside other origins, which it includes")
    return origins


def parse_headers(text: str) -> tuple[str, ...]:
    """`x-shop, x-till`, or `*`, as a list. Raises ValueError for what is no name of a header, and for too many."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if len(names) > MAX_HEADERS:
        raise ValueError(f"has more than {MAX_HEADERS} names")
    for name in names:
        if not _NAME.fullmatch(name) or (ANY in name and name != ANY):
            raise ValueError("must be names of headers like x-shop, separated by commas, or *")
    return names


def is_localhost(origin: str) -> bool:
    """Whether an origin is a server on the browser's own machine, at any port."""
    return _LOCALHOST.fullmatch(origin) is not None


def cors(origins: Sequence[str], headers: Sequence[str] = (), *, localhost: bool = False) -> list[Middleware]:
    """The middleware: in front of authentication, since a preflight has no token, and since a page must be able to read
    a 401. None at all without origins.

    headers: that pages may send besides REQUEST_HEADERS; ANY for any. localhost: whether pages of the browser's own machine
    may call as well. Credentials are not allowed: tokens come in a header that the page sets, and there are no cookies.
    """
    if not origins and not localhost:
        return []
    return [
        Middleware(
            _BesidePages,
            allow_origins=origins,
            allow_origin_regex=_LOCALHOST.pattern if localhost else None,
            allow_methods=_METHODS,
            allow_headers=(*REQUEST_HEADERS, *headers),
            expose_headers=EXPOSED,
        )
    ]


class _BesidePages:
    """Starlette's middleware for all but our own pages: no other page reads what stands on them, such as the sample's
    tokens."""

    def __init__(self, app: ASGIApp, /, **options: Any) -> None:
        self._app = app
        self._shared = CORSMiddleware(app, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        own = scope["type"] == "http" and _PAGES.fullmatch(scope["path"]) is not None
        await (self._app if own else self._shared)(scope, receive, send)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if (
        "*" in text
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or text != f"{parts.scheme}://{parts.netloc}"
    ):
        return False
    default = {"http": 80, "https": 443}[parts.scheme]
    return parts.username is None and text == text.lower() and port != default and text.isascii() and " " not in text

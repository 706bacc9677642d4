"""Pages of other origins that may read our responses (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

ANY: Final = "*"
_METHODS: Final = ("GET", "POST")
_REQUEST_HEADERS: Final = ("authorization", "content-type", "idempotency-key", "x-request-id")
_EXPOSED: Final = ("X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy")


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


def cors(origins: Sequence[str]) -> list[Middleware]:
    """The middleware: in front of authentication, since a preflight has no token, and since a page must be able to read
    a 401. None at all without origins.

    Credentials are not allowed: tokens come in a header that the page sets, and there are no cookies.
    """
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_EXPOSED,
        )
    ]


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

"""Media types: what a request's body is, and which of ours its sender accepts (RFC 9110, 8.3 and 12.5.1)."""

from functools import lru_cache

from starlette.types import Scope

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
HTML = "text/html"
EVENT_STREAM = "text/event-stream"

# In our order of preference: a client that takes anything gets what clients have always got.
_RESPONSE_TYPES = (JSON, GRAPHQL_RESPONSE)
_MAX_ACCEPT_RANGES = 32


@lru_cache(maxsize=128)
def response_type(accept: str | None) -> str | None:
    """The best response type for an Accept header, or None if it accepts neither. Without a header, JSON."""
    if accept is None or accept == "*/*":
        return JSON
    ranges = _ranges(accept)
    best, best_quality = None, 0.0
    for offered in _by_mention(ranges):
        quality = _quality(offered, ranges)
        if quality > best_quality:
            best, best_quality = offered, quality
    return best


def wants_stream(scope: Scope) -> bool:
    """Whether a request's sender takes a stream of server-sent events and no JSON."""
    return any(name == b"accept" and _takes_stream(value) for name, value in scope["headers"])


@lru_cache(maxsize=128)
def _takes_stream(accept: bytes) -> bool:
    """Whether it names that type, before any of ours."""
    names = [name for name, quality in _ranges(accept.decode("latin-1")) if quality > 0]
    ours = (name for name in names if name in (EVENT_STREAM, *_RESPONSE_TYPES))
    return next(ours, None) == EVENT_STREAM


@lru_cache(maxsize=128)
def accepts_html(accept: str | None) -> bool:
    """Whether the sender names text/html: browsers do, programs do not."""
    return accept is not None and any(name == HTML and quality > 0 for name, quality in _ranges(accept))


@lru_cache(maxsize=128)
def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type header is exactly JSON in UTF-8: `application/jsonp` is not."""
    if content_type is None:
        return False
    name, parameters = _split(content_type)
    charset = parameters.get("charset", "utf-8").strip('"').lower()
    return name == JSON and charset in ("utf-8", "utf8")


def _by_mention(ranges: list[tuple[str, float]]) -> tuple[str, ...]:
    """The server's types in the header's order; types it does not name keep the server's order."""
    names = [name for name, _ in ranges]
    return tuple(sorted(_RESPONSE_TYPES, key=lambda offered: names.index(offered) if offered in names else len(names)))


def _quality(offered: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of one type: the most specific range that covers it decides."""
    for covering in (offered, offered.split("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == covering:
                return quality
    return 0.0


def _ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for item in accept.split(",")[:_MAX_ACCEPT_RANGES]:
        name, parameters = _split(item)
        if parameters.get("charset", "utf-8").strip('"').lower() in ("utf-8", "utf8"):
            ranges.append((name, _q(parameters.get("q"))))
    return ranges


def _q(value: str | None) -> float:
    if value is None:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0


def _split(header: str) -> tuple[str, dict[str, str]]:
    name, *parameters = header.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip().lower(), {key.strip().lower(): value.strip() for key, _, value in pairs}

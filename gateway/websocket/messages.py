"""Messages that a client may send over a WebSocket: the shape of each of graphql-transport-ws.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Strawberry's handler assumes a message's
shape, and crashes on any other.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.http.requests import GraphQLParams, HttpError, params_of

MAX_ID_LENGTH: Final = 255
MAX_CLOSE_REASON_BYTES: Final = 123
"""RFC 6455, 5.5: a control frame holds 125 bytes, of which the code takes two."""

_TYPES: Final = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})
_WITH_ID: Final = frozenset({"subscribe", "complete"})


class BadMessage(Exception):
    """Not a message of the protocol. The text fits a close frame, and repeats nothing that was sent."""


def message_of(data: object) -> dict[str, Any]:
    """The message in the JSON; a null payload counts as none. Raises BadMessage."""
    if not isinstance(data, dict):
        raise BadMessage("A message must be a JSON object")
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise BadMessage("Unknown message type")
    message: dict[str, Any] = {"type": kind}
    if kind in _WITH_ID:
        message["id"] = _id_of(data)
    payload = data.get("payload")
    if payload is not None:
        if not isinstance(payload, dict):
            raise BadMessage("The payload must be an object")
        message["payload"] = payload
    elif kind == "subscribe":
        raise BadMessage("The payload must be an object")
    return message


def operation_of(message: Mapping[str, Any]) -> GraphQLParams:
    """The operation requested by a `subscribe`. Raises BadMessage."""
    try:
        return params_of(message["payload"])
    except HttpError as error:
        raise BadMessage(error.message) from None


def credentials_of(payload: Mapping[str, object]) -> list[object]:
    """The value of `Authorization` in a connection_init; the name is case-insensitive, like header names."""
    return [value for name, value in payload.items() if name.lower() == "authorization"]


def close_reason(text: str) -> str:
    """The text, cut to fit a close frame."""
    return text.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")


def _id_of(data: Mapping[str, Any]) -> str:
    value = data.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        raise BadMessage(f"The id must be a text of 1 to {MAX_ID_LENGTH} characters")
    return value

"""The same server, which checks a token once and then never again: not its key, its expiry, nor whether it is revoked."""

from typing import Any

from starlette.authentication import AuthCredentials
from starlette.requests import HTTPConnection

from auth.backend import BearerBackend
from auth.principal import Principal

_known: dict[str, tuple[AuthCredentials, Principal] | None] = {}


def apply() -> None:
    """Remember the result of the first check of a header, for ever."""
    check = BearerBackend.authenticate

    async def remembered(self: BearerBackend, conn: HTTPConnection) -> Any:
        header = conn.headers.get("authorization", "")
        if header not in _known:
            _known[header] = await check(self, conn)
        return _known[header]

    BearerBackend.authenticate = remembered  # type: ignore[method-assign]

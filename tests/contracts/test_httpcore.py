"""What webhooks take for granted of httpcore: that each connection is the network backend's to make."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpcore

from tests.contracts.shape import accepts

if TYPE_CHECKING:
    from collections.abc import Iterable


async def test_network_backend() -> None:
    """The pool connects through it alone, by the URL's host, which also is what TLS and Host are about."""
    asked: list[tuple[str, int]] = []

    class Noting(httpcore.AsyncNetworkBackend):
        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
            local_address: str | None = None,
            socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
        ) -> httpcore.AsyncNetworkStream:
            asked.append((host, port))
            raise httpcore.ConnectError

    accepts(httpcore.AnyIOBackend.connect_tcp, "host", "port", "timeout", "local_address", "socket_options")
    pool = httpcore.AsyncConnectionPool(network_backend=Noting())
    url = httpcore.URL(scheme=b"https", host=b"hook.example", port=8443, target=b"/x")
    for _ in range(2):
        try:
            await asyncio.wait_for(pool.request("POST", url, content=b"{}"), 10)
        except httpcore.ConnectError:
            continue
        raise AssertionError("a connection came about without the backend")
    await pool.aclose()
    assert asked == [("hook.example", 8443)] * 2


async def test_no_redirect_and_no_proxy() -> None:
    """A pool has neither: these are httpx's."""
    pool: Any = httpcore.AsyncConnectionPool
    assert not {"follow_redirects", "trust_env"} & set(pool.__init__.__annotations__)

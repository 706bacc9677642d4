"""Requests to endpoints of others: to public addresses alone unless the operator allows more, never elsewhere than asked.

The name is looked up by us for each connection, each address is checked, and the connection goes to the address that was
checked: what a name stands for a moment later leads nowhere. The certificate has to be the name's. Redirects are not
followed, proxies of the environment not used, and of an answer no more is read than its first bytes.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from models.event_kinds import DeliveryError
from models.webhooks import Endpoint, WebhookSetup

TIMEOUT_S: Final = 15.0
"""For all of a request: name, connection, sending, and the answer's first bytes."""
MAX_ANSWER_BYTES: Final = 16 * 1024
"""An answer with a longer body is cut off there, and its connection closed."""
KEPT_CHARACTERS: Final = 500
"""How much of an answer is kept."""
MAX_ADDRESSES: Final = 4
"""Of one name, that are tried."""
MAX_RETRY_AFTER_S: Final = 3600.0
USER_AGENT: Final = b"Scrip-Webhooks"
_NAMES: Final = ThreadPoolExecutor(max_workers=16, thread_name_prefix="webhook-names")
"""Of its own: names that are answered slowly keep nobody else waiting."""


class AddressNotAllowed(Exception):
    """The name has no address to which requests may go."""


class NameUnknown(Exception):
    """The name has no address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of an attempt. error: None if it was taken. retry_after_s: for how long it asks to be left alone."""

    error: DeliveryError | None
    status: int | None = None
    body: str | None = None
    duration_ms: int = 0
    retry_after_s: float | None = None


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that are allowed."""

    def __init__(self, setup: WebhookSetup, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._setup = setup
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the name that is allowed and answers. Raises AddressNotAllowed, NameUnknown."""
        failed: Exception = AddressNotAllowed(host)
        for address in self._allowed(await addresses_of(host, port)):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def _allowed(self, addresses: list[str]) -> list[str]:
        allowed = []
        for text in addresses:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:  # one with a zone: of this machine's own links
                continue
            if self._setup.allows(address):
                allowed.append(text)
        return allowed[:MAX_ADDRESSES]

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise AddressNotAllowed(path)

    async def sleep(self, seconds: float) -> None:
        """For the library's own retries, of which there are none."""
        await asyncio.sleep(seconds)


async def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a name, or of an address as text, in the order in which they are to be tried. Raises NameUnknown."""

    def look_up() -> list[Any]:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    try:
        found = await asyncio.get_running_loop().run_in_executor(_NAMES, look_up)
    except (OSError, UnicodeError) as error:
        raise NameUnknown(host) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _encryption() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Sender:
    """Sends to one endpoint, over connections of its own."""

    def __init__(
        self,
        setup: WebhookSetup,
        endpoint: Endpoint,
        *,
        at_once: int,
        timeout_s: float = TIMEOUT_S,
        encryption: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._setup = setup
        self._timeout_s = timeout_s
        self._url = httpcore.URL(
            scheme=endpoint.scheme.encode(),
            host=endpoint.host.encode(),
            port=endpoint.port,
            target=endpoint.target.encode(),
        )
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=encryption or _encryption(),
            max_connections=at_once,
            keepalive_expiry=30.0,
            http1=True,
            http2=False,
            network_backend=CheckedNetwork(setup),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def send(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send one POST, and return what came of it."""
        if self._endpoint.scheme == "http" and not self._setup.plain_http:
            return Answer(DeliveryError.ADDRESS)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._send(body, headers)
        except (TimeoutError, httpcore.TimeoutException):
            answer = Answer(DeliveryError.TIMEOUT)
        except AddressNotAllowed:
            answer = Answer(DeliveryError.ADDRESS)
        except NameUnknown:
            answer = Answer(DeliveryError.NAME)
        except httpcore.ConnectError as error:
            answer = Answer(DeliveryError.TLS if _is_tls(error) else DeliveryError.CONNECTION)
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            answer = Answer(DeliveryError.PROTOCOL)
        except (httpcore.NetworkError, OSError):
            answer = Answer(DeliveryError.CONNECTION)
        taken = round((time.monotonic() - began) * 1000)
        return Answer(answer.error, answer.status, answer.body, taken, answer.retry_after_s)

    async def _send(self, body: bytes, headers: dict[str, str]) -> Answer:
        sent = [
            (b"Host", self._endpoint.authority.encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Accept", b"*/*"),
            (b"User-Agent", USER_AGENT),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        async with self._pool.stream(
            "POST", self._url, headers=sent, content=body, extensions={"timeout": timeouts}
        ) as response:
            read = bytearray()
            async for part in response.aiter_stream():
                read += part
                if len(read) >= MAX_ANSWER_BYTES:
                    break
            return _answer(response.status, response.headers, bytes(read))


def _is_tls(error: BaseException) -> bool:
    """Whether the connection failed in its encryption."""
    cause: BaseException | None = error
    for _ in range(10):
        if isinstance(cause, ssl.SSLError):
            return True
        cause = None if cause is None else cause.__cause__ or cause.__context__
    return False


def _answer(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Answer:
    error: DeliveryError | None = DeliveryError.STATUS
    if 200 <= status < 300:
        error = None
    elif 300 <= status < 400:
        error = DeliveryError.REDIRECT
    text = body.decode("utf-8", "replace").replace("\x00", "\ufffd")[:KEPT_CHARACTERS]
    return Answer(error, status, text, retry_after_s=_retry_after(headers) if status in (429, 503) else None)


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return min(float(value), MAX_RETRY_AFTER_S)
    return None

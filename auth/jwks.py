"""Public keys that change while the server runs: a JWK Set in a file or at a URL, read in the background.

`find` only looks into memory. If a set cannot be read, the keys of the last one stay in use for a limited time: an
outage of the issuer is not an outage of Scrip at once, and a withdrawn key is not trusted for ever.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import jwt

from auth.errors import KeyConfigurationError, KeySetError
from auth.keys import PUBLIC_KEY_ALGORITHMS, KeySource, KeyTable, SharedSecret, parse_key_set

MAX_DOCUMENT_BYTES = 256 * 1024
FETCH_TIMEOUT_SECONDS = 5.0
UNKNOWN_KEY_WAIT_SECONDS = 3.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times at which a key set is read again, all in seconds.

    `interval` between reads, `retry` after a failed one, `cooldown` at least between reads that unknown keys ask for,
    `max_age` after the last good read until the keys are no longer trusted.
    """

    interval: float
    retry: float
    cooldown: float
    max_age: float


FILE_SCHEDULE = Schedule(interval=2, retry=2, cooldown=1, max_age=3600)
URL_SCHEDULE = Schedule(interval=300, retry=15, cooldown=30, max_age=3600)


class Document(Protocol):
    """A place to read a key set from."""

    async def read(self) -> bytes:
        """Return at most MAX_DOCUMENT_BYTES. Raises KeySetError."""

    async def close(self) -> None:
        """Let go of connections."""


class FileDocument:
    """A file. It is read whole each time: a few kilobytes, and no guessing from its times whether it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """Return the file's content. Raises KeySetError."""
        return await asyncio.to_thread(self._read)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            raise KeySetError(f"the key set {self._path} cannot be read: {error.strerror}") from error
        if len(data) > MAX_DOCUMENT_BYTES:
            raise KeySetError(f"the key set {self._path} is larger than {MAX_DOCUMENT_BYTES} bytes")
        return data


class UrlDocument:
    """A URL: https, or http on this host. Redirects are not followed; time and size of an answer are bounded."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises KeyConfigurationError for a URL that keys must not be fetched from."""
        loopback = _check_url(url)
        self._url = url
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=FETCH_TIMEOUT_SECONDS,
            follow_redirects=False,
            # A proxy has no way to this host's own loopback.
            trust_env=not loopback,
            # Nothing to unpack: a small answer cannot become a large one.
            headers={"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"},
        )

    async def read(self) -> bytes:
        """Return the body of a plain 200 response. Raises KeySetError."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS), self._client.stream("GET", self._url) as response:
                if response.status_code != 200:
                    raise KeySetError(f"the key set's server answered {response.status_code}")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise KeySetError("the key set came compressed, unasked")
                return await _bounded(response)
        except TimeoutError as error:
            raise KeySetError("the key set's server took too long") from error
        except httpx.HTTPError as error:
            raise KeySetError(f"the key set cannot be fetched: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class JwksKeys:
    """The keys of a document that is read again and again. One loop, no threads: `find` needs no lock."""

    def __init__(
        self, document: Document, schedule: Schedule, monotonic: Callable[[], float], *, must_start: bool
    ) -> None:
        """must_start: whether a failed first read prevents the start (a file) or not (a URL)."""
        self._document = document
        self._schedule = schedule
        self._monotonic = monotonic
        self._must_start = must_start
        self._keys: KeyTable = {}
        self._body: bytes | None = None
        self._good_until = float("-inf")
        self._last_read = float("-inf")
        self._problem: str | None = None
        self._reading: asyncio.Task[None] | None = None
        self._loop: asyncio.Task[None] | None = None

    @property
    def algorithms(self) -> frozenset[str]:
        """RS256, ES256 and EdDSA."""
        return PUBLIC_KEY_ALGORITHMS

    @property
    def ready(self) -> bool:
        """Return whether there are keys that are not too old."""
        return self._monotonic() < self._good_until

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key with this `kid` for this algorithm, or None."""
        return self._keys.get((key_id, algorithm)) if self.ready else None

    async def refresh_for_unknown_key(self) -> bool:
        """Read now, or join the read under way, and wait a short time for it. Returns False while cooling down."""
        reading = self._reading is not None and not self._reading.done()
        if not reading and self._monotonic() < self._last_read + self._schedule.cooldown:
            return False
        try:
            async with asyncio.timeout(UNKNOWN_KEY_WAIT_SECONDS):
                await self.refresh()
        except TimeoutError:
            return False
        return True

    async def refresh(self) -> None:
        """Read the document once, however many callers ask at the same time. A failure is logged and changes nothing."""
        if self._reading is None or self._reading.done():
            self._last_read = self._monotonic()
            self._reading = asyncio.create_task(self._read())
        # A caller that gives up waiting must not cancel the read for the others.
        await asyncio.shield(self._reading)

    async def start(self) -> None:
        """Read once, then continue in the background. Raises KeyConfigurationError if the first read was required and
        failed."""
        await self.refresh()
        if self._must_start and not self.ready:
            await self._document.close()
            raise KeyConfigurationError(self._problem or "the key set cannot be read")
        self._loop = asyncio.create_task(self._read_on())

    async def stop(self) -> None:
        """End the background work and close the document."""
        tasks = [task for task in (self._loop, self._reading) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._document.close()

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(self._schedule.interval if self._problem is None else self._schedule.retry)
            await self.refresh()

    async def _read(self) -> None:
        try:
            body = await self._document.read()
            if body != self._body:
                # Parsed before anything is replaced. An unchanged set keeps its key objects, by which caches know them.
                self._keys, self._body = parse_key_set(body), body
                _logger.info("token keys read: %d", len(self._keys))
        except KeySetError as error:
            self._report(str(error))
        except Exception:
            # A bug of ours must not end the loop that would bring the next good set.
            _logger.exception("token keys could not be read")
            self._problem = "the key set cannot be read"
        else:
            self._problem = None
            self._good_until = self._monotonic() + self._schedule.max_age

    def _report(self, problem: str) -> None:
        """Once per problem, not once per try."""
        if problem != self._problem:
            _logger.warning(
                "token keys could not be read; the previous ones stay in use for a limited time: %s", problem
            )
        self._problem = problem


def key_source(
    *, secret: str | None, jwks_file: Path | None, jwks_url: str | None, monotonic: Callable[[], float]
) -> KeySource:
    """Return the configured source.

    monotonic: in seconds. Raises KeyConfigurationError unless exactly one is given, and if it cannot be right.
    """
    if sum(value is not None for value in (secret, jwks_file, jwks_url)) != 1:
        raise KeyConfigurationError("give a secret, a key set file or a key set URL to check tokens with: exactly one")
    if jwks_file is not None:
        return JwksKeys(FileDocument(jwks_file), FILE_SCHEDULE, monotonic, must_start=True)
    if jwks_url is not None:
        return JwksKeys(UrlDocument(jwks_url), URL_SCHEDULE, monotonic, must_start=False)
    return SharedSecret(secret or "")


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > MAX_DOCUMENT_BYTES:
            raise KeySetError(f"the key set is larger than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(body)


def _check_url(url: str) -> bool:
    """Return whether the URL is on this host. Raises KeyConfigurationError if it is neither that nor https."""
    try:
        httpx.URL(url)
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise KeyConfigurationError("the key set URL is malformed") from error
    loopback = host is not None and _is_loopback(host)
    if not host or parts.username is not None or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise KeyConfigurationError("the key set URL must be https (http on this host alone), without a user name")
    return loopback


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Key sets that change: rotation, outages, files, URLs; and tokens that try to choose how they are checked."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.errors import KeyConfigurationError, KeySetError, TokenError, UnknownKeyError
from auth.jwks import FILE_SCHEDULE, MAX_DOCUMENT_BYTES, URL_SCHEDULE, FileDocument, JwksKeys, Schedule, UrlDocument

if TYPE_CHECKING:
    from tests.auth.conftest import Clock, KeyPairs, Mint

SCHEDULE = Schedule(interval=1000, retry=1000, cooldown=30, max_age=3600)


def key_set(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


class Shelf:
    """A document in memory: what it holds can be exchanged, and reading it can be made to fail or to hang."""

    def __init__(self, content: bytes) -> None:
        self.content: bytes | Exception = content
        self.reads = 0
        self.closed = False
        self.gate: asyncio.Event | None = None

    async def read(self) -> bytes:
        self.reads += 1
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def reading(
    document: Shelf | FileDocument | UrlDocument,
    clock: Clock,
    schedule: Schedule = SCHEDULE,
    *,
    must_start: bool = False,
) -> AsyncIterator[JwksKeys]:
    keys = JwksKeys(document, schedule, clock.monotonic, must_start=must_start)
    await keys.start()
    try:
        yield keys
    finally:
        await keys.stop()


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_is_checked_by_the_key_its_kid_names(
    mint: Mint, pairs: KeyPairs, clock: Clock, algorithm: str
) -> None:
    shelf = Shelf(key_set(*(pairs.jwk(name, name) for name in pairs.private)))
    async with reading(shelf, clock) as keys:
        verifier = mint.verifier(keys)
        key = pairs.private[algorithm]
        assert verifier.verify(mint.by_key(key, algorithm, algorithm)).subject == "sam"
        assert verifier.verify(mint.by_key(key, algorithm)).subject == "sam"
        with pytest.raises(UnknownKeyError):
            verifier.verify(mint.by_key(key, algorithm, "another"))
    assert shelf.closed


def published_keys(pairs: KeyPairs) -> bytes:
    return key_set(pairs.jwk("RS256", "rsa"), pairs.jwk("EdDSA", "ed"))


def attacks_on(mint: Mint, pairs: KeyPairs) -> dict[str, str]:
    """Tokens that try to choose the key or the algorithm that they are checked with, where those keys are published."""
    rsa, edwards = pairs.private["RS256"], pairs.private["EdDSA"]
    public = rsa.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    mine = Ed25519PrivateKey.generate()
    own_jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(mine.public_key())) | {"kid": "rsa"}
    published = published_keys(pairs)
    attacks = {
        "the public key as a secret, PEM": mint.signed(mint.header(kid="rsa"), mint.payload(), pem),
        "the same without its last line end": mint.signed(mint.header(kid="rsa"), mint.payload(), pem.strip()),
        "the public key as a secret, DER": mint.signed(mint.header(kid="rsa"), mint.payload(), der),
        "the public key as a secret, no kid": mint.signed(mint.header(), mint.payload(), pem),
        "the key set as a secret": mint.signed(mint.header(kid="rsa"), mint.payload(), published),
        "an empty secret": mint.signed(mint.header(kid="rsa"), mint.payload(), b""),
        "no algorithm": mint.signed(mint.header(alg="none", kid="rsa"), mint.payload(), b""),
        "another algorithm of the same key": mint.by_key(rsa, "RS512", "rsa"),
        "padding of another kind": mint.by_key(rsa, "PS256", "rsa"),
        "the kid of another key": mint.by_key(edwards, "EdDSA", "rsa"),
        "the algorithm of another key": mint.signed(mint.header(alg="RS256", kid="ed"), mint.payload(), pem),
        "a key of its own": mint.by_key(mine, "EdDSA", "ed"),
        "a key of its own, enclosed": mint.by_key(mine, "EdDSA", "ed", jwk=own_jwk),
        "a key of its own, enclosed, no kid": mint.by_key(mine, "EdDSA", jwk=own_jwk),
        "a key of its own at a URL": mint.by_key(
            mine, "EdDSA", "ed", jku="https://evil.test/", x5u="https://evil.test/"
        ),
        "a certificate of its own": mint.by_key(mine, "EdDSA", "ed", x5c=["MIIB"], x5t="AA"),
    }
    others = (
        "../../../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "ed\x00",
        "https://evil.test/",
        "ed ",
        "ED",
        "k" * 5000,
    )
    for key_id in others:
        attacks[f"kid {key_id[:30]!r}"] = mint.by_key(mine, "EdDSA", key_id)
    return attacks


async def test_no_token_chooses_how_it_is_checked(mint: Mint, pairs: KeyPairs, clock: Clock) -> None:
    shelf = Shelf(published_keys(pairs))
    async with reading(shelf, clock) as keys:
        verifier = mint.verifier(keys)
        for name, token in attacks_on(mint, pairs).items():
            with pytest.raises(TokenError):
                pytest.fail(f"{name}: {verifier.verify(token)}")
        assert verifier.verify(mint.by_key(pairs.private["EdDSA"], "EdDSA", "ed")).subject == "sam"
    assert shelf.reads == 1


async def test_a_new_key_is_found_without_refusing_anyone(mint: Mint, pairs: KeyPairs, clock: Clock) -> None:
    shelf = Shelf(key_set(pairs.jwk("RS256", "old")))
    async with reading(shelf, clock) as keys:
        verifier = mint.verifier(keys)
        old = mint.by_key(pairs.private["RS256"], "RS256", "old")
        new = mint.by_key(pairs.private["EdDSA"], "EdDSA", "new")
        assert verifier.verify(old).subject == "sam"
        clock.advance(31)
        shelf.content = key_set(pairs.jwk("EdDSA", "new"))
        shelf.gate = asyncio.Event()
        waiting = [asyncio.create_task(verifier.authenticate(new)) for _ in range(20)]
        await _until(lambda: shelf.reads == 2)
        shelf.gate.set()
        assert {principal.subject for principal in await asyncio.gather(*waiting)} == {"sam"}
        assert shelf.reads == 2
        with pytest.raises(UnknownKeyError):
            verifier.verify(old)  # remembered from before, but its key has been withdrawn


async def test_unknown_keys_do_not_make_us_a_hammer(mint: Mint, pairs: KeyPairs, clock: Clock) -> None:
    shelf = Shelf(key_set(pairs.jwk("RS256", "a")))
    async with reading(shelf, clock) as keys:
        verifier = mint.verifier(keys)

        async def knock(times: int) -> None:
            for number in range(times):
                with pytest.raises(UnknownKeyError):
                    await verifier.authenticate(mint.by_key(pairs.private["EdDSA"], "EdDSA", f"k{number}"))

        await knock(10)
        assert shelf.reads == 1
        clock.advance(30)
        await knock(10)
        assert shelf.reads == 2


async def test_what_cannot_be_ours_asks_for_no_read(mint: Mint, pairs: KeyPairs, clock: Clock) -> None:
    shelf = Shelf(key_set(pairs.jwk("RS256", "a")))
    async with reading(shelf, clock) as keys:
        clock.advance(60)
        for token in ("rubbish", mint.token(), mint.token_with_header(alg="none", kid="new")):
            with pytest.raises(TokenError):
                await mint.verifier(keys).authenticate(token)
        assert shelf.reads == 1


async def test_whoever_waits_for_a_slow_key_set_waits_only_so_long(
    mint: Mint, pairs: KeyPairs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.jwks.UNKNOWN_KEY_WAIT_SECONDS", 0.02)
    shelf = Shelf(key_set(pairs.jwk("RS256", "a")))
    async with reading(shelf, clock) as keys:
        clock.advance(60)
        shelf.gate = asyncio.Event()
        with pytest.raises(UnknownKeyError):
            await mint.verifier(keys).authenticate(mint.by_key(pairs.private["EdDSA"], "EdDSA", "new"))
        # The read was not given up with the one who waited for it.
        shelf.content = key_set(pairs.jwk("EdDSA", "new"))
        shelf.gate.set()
        await _until(lambda: keys.find("new", "EdDSA") is not None)


@pytest.mark.parametrize("content", [KeySetError("out of reach"), b"<html>", b'{"keys":[]}', OSError("a surprise")])
async def test_an_outage_keeps_known_keys_for_a_bounded_time(
    mint: Mint, pairs: KeyPairs, clock: Clock, content: bytes | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    good = key_set(pairs.jwk("EdDSA", "a"))
    shelf = Shelf(good)
    async with reading(shelf, clock) as keys:
        verifier = mint.verifier(keys)
        mint_later = mint.by_key(pairs.private["EdDSA"], "EdDSA", "a")
        shelf.content = content
        with caplog.at_level(logging.WARNING, logger="auth.jwks"):
            for _ in range(3):
                await keys.refresh()
        assert "could not be read" in caplog.text
        clock.advance(599)
        assert verifier.verify(mint_later).subject == "sam"
        clock.advance(3600 - 599)
        with pytest.raises(UnknownKeyError):
            verifier.verify(mint.by_key(pairs.private["EdDSA"], "EdDSA", "a"))
        shelf.content = good
        await keys.refresh()
        assert verifier.verify(mint.by_key(pairs.private["EdDSA"], "EdDSA", "a")).subject == "sam"


async def test_the_same_trouble_is_told_once(pairs: KeyPairs, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf(b"")
    with caplog.at_level(logging.WARNING, logger="auth.jwks"):
        async with reading(shelf, clock) as keys:
            for _ in range(5):
                await keys.refresh()
            shelf.content = key_set(pairs.jwk("EdDSA", "a"))
            await keys.refresh()
            shelf.content = b""
            await keys.refresh()
    assert caplog.text.count("could not be read") == 2


async def test_an_unchanged_set_keeps_its_keys_as_they_are(pairs: KeyPairs, clock: Clock) -> None:
    async with reading(Shelf(key_set(pairs.jwk("EdDSA", "a"))), clock) as keys:
        before = keys.find("a", "EdDSA")
        clock.advance(3000)
        await keys.refresh()
        clock.advance(3000)
        assert keys.find("a", "EdDSA") is before is not None
        assert keys.ready
        clock.advance(600)
        assert not keys.ready


async def test_a_file_is_read_again_when_it_changes(mint: Mint, pairs: KeyPairs, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "key set.json"
    path.write_bytes(key_set(pairs.jwk("RS256", "a")))
    schedule = Schedule(interval=0.01, retry=0.01, cooldown=1, max_age=60)
    async with reading(FileDocument(path), clock, schedule, must_start=True) as keys:
        verifier = mint.verifier(keys)
        assert verifier.verify(mint.by_key(pairs.private["RS256"], "RS256", "a")).subject == "sam"
        path.write_bytes(key_set(pairs.jwk("ES256", "b"))[:-9])  # half written
        await asyncio.sleep(0.05)
        assert keys.find("a", "RS256") is not None
        path.unlink()
        await asyncio.sleep(0.05)
        assert keys.find("a", "RS256") is not None
        path.write_bytes(key_set(pairs.jwk("ES256", "b")))
        await _until(lambda: keys.find("b", "ES256") is not None)
        assert verifier.verify(mint.by_key(pairs.private["ES256"], "ES256", "b")).subject == "sam"
        with pytest.raises(UnknownKeyError):
            verifier.verify(mint.by_key(pairs.private["RS256"], "RS256", "a"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"{}", 'no list "keys"'), (b" " * (MAX_DOCUMENT_BYTES + 1), "larger than")],
)
async def test_a_file_without_keys_stops_the_start(
    clock: Clock, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_bytes(content)
    keys = JwksKeys(FileDocument(path), FILE_SCHEDULE, clock.monotonic, must_start=True)
    with pytest.raises(KeyConfigurationError, match=reason):
        await keys.start()
    await keys.stop()


async def test_a_url_out_of_reach_at_the_start_is_tried_again(pairs: KeyPairs, clock: Clock) -> None:
    shelf = Shelf(b"")
    schedule = Schedule(interval=1000, retry=0.01, cooldown=30, max_age=60)
    async with reading(shelf, clock, schedule) as keys:
        assert not keys.ready
        shelf.content = key_set(pairs.jwk("EdDSA", "a"))
        await _until(lambda: keys.ready)


def _raise(error: Exception) -> httpx.Response:
    raise error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: httpx.Response(500), "answered 500"),
        (lambda _: httpx.Response(204), "answered 204"),
        (lambda _: httpx.Response(302, headers={"location": "https://evil.test/"}), "answered 302"),
        (lambda _: httpx.Response(200, stream=_Bytes(MAX_DOCUMENT_BYTES + 1)), "larger than"),
        (lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Bytes(2)), "compressed"),
        (lambda request: _raise(httpx.ConnectError("refused", request=request)), "ConnectError"),
        (lambda request: _raise(httpx.ReadTimeout("slow", request=request)), "ReadTimeout"),
    ],
)
async def test_a_bad_answer_is_no_key_set(answer: Callable[[httpx.Request], httpx.Response], reason: str) -> None:
    document = UrlDocument("https://issuer.test/jwks", httpx.MockTransport(answer))
    with pytest.raises(KeySetError, match=reason):
        await document.read()
    await document.close()


class _Bytes(httpx.AsyncByteStream):
    def __init__(self, length: int) -> None:
        self._length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._length):
            yield b" "


async def test_a_server_that_never_ends_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auth.jwks.FETCH_TIMEOUT_SECONDS", 0.05)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    async with _served(trickle) as url:
        document = UrlDocument(url)
        with pytest.raises(KeySetError, match="too long"):
            await document.read()
        await document.close()


async def test_keys_come_over_http_from_this_host(mint: Mint, pairs: KeyPairs, clock: Clock) -> None:
    body = key_set(pairs.jwk("ES256", "a"))
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with _served(serve) as url, reading(UrlDocument(url), clock, URL_SCHEDULE) as keys:
        assert mint.verifier(keys).verify(mint.by_key(pairs.private["ES256"], "ES256", "a")).subject == "sam"
    assert len(requests) == 1
    assert b"authorization" not in requests[0].lower()


@asynccontextmanager
async def _served(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    finally:
        server.close()

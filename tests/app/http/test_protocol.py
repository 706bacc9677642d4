"""Requests and responses as bytes on a connection: sent ahead by a client that then goes, in one write, without a body."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http import protocol
from tests.support.logged import logged
from tests.support.sockets import served, until

REQUEST = b"GET /%d HTTP/1.1\r\nhost: localhost\r\n\r\n"


class Slow:
    """An app that answers when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gone: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.append(scope["path"])
        await self.may_answer.wait()
        await receive()
        if (await receive())["type"] == "http.disconnect":
            self.gone.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


HEADERS = [(b"content-length", b"2")]


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of this app."""
    async with served(app) as base:
        parts = urlsplit(base)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def test_a_head_goes_out_with_the_first_of_the_body() -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        begun.set()
        await may_go_on.wait()
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        await send({"type": "http.response.body", "body": b"k"})

    async with connected(app) as (reader, writer):
        writer.write(REQUEST % 1)
        await begun.wait()
        first = asyncio.create_task(reader.read(1))
        assert not (await asyncio.wait([first], timeout=0.2))[0]
        may_go_on.set()
        answer = await first + await reader.readuntil(b"\r\n\r\nok")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_head_without_a_body_goes_out_by_itself() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"ok"})

    async with connected(app) as (reader, writer):
        for _ in range(2):
            writer.write(b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(b"HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_body_is_asked_for_before_the_head_of_its_answer() -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": body})

    async with connected(app) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_an_answer_cut_off_after_its_head_is_seen_to_be_one(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})

    async with connected(app) as (reader, writer):
        writer.write(REQUEST % 1)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert "without completing response" in caplog.text


async def test_what_was_sent_ahead_by_a_client_that_has_gone_is_not_begun(caplog: pytest.LogCaptureFixture) -> None:
    app = Slow()
    async with served(app) as base:
        parts = urlsplit(base)
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"".join(REQUEST % n for n in range(20)))
        await until(lambda: app.begun)
        writer.transport.abort()
        await asyncio.sleep(0.2)
        with caplog.at_level(logging.ERROR):
            app.may_answer.set()
            await until(lambda: app.gone)
            await asyncio.sleep(0.2)
    assert (app.begun, app.gone) == (["/0"], ["/0"])
    assert [record for record in logged(caplog) if record.levelno >= logging.ERROR] == []


SAME = [(b"cache-control", b"no-store"), (b"X-Of-Ours", b"as it is")]
ENDS = (b"connection", b"close")


@pytest.mark.parametrize("more", [[], [ENDS]], ids=["kept", "closed"])
@pytest.mark.parametrize("asked", [b"", b"connection: close\r\n"], ids=["goes on", "ends"])
async def test_a_head_is_what_uvicorn_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, more: list[tuple[bytes, bytes]], asked: bytes
) -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [*HEADERS, *SAME, *more]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def answered() -> bytes:
        async with connected(app) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n%b\r\n" % asked)
            return await reader.readuntil(b"\r\n\r\nok")

    ours = await answered()
    monkeypatch.delattr(protocol.Cycle, "send")
    assert _without_date(ours) == _without_date(await answered())


@pytest.mark.parametrize("header", [(b"x-ours", b"two\r\nlines"), (b"x ours", b"one"), (b"content-length", b"2\n")])
async def test_a_header_that_is_none_is_not_sent(header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, header]})

    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        async with connected(app) as (reader, writer):
            writer.write(REQUEST % 1)
            assert await reader.read() == b""


async def test_an_answer_longer_than_it_says_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"longer"})

    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        async with connected(app) as (reader, writer):
            writer.write(REQUEST % 1)
            assert b"longer" not in await reader.read()


def _without_date(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"date:")]

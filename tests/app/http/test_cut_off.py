"""Requests that are still under way when the server's patience with them is over, as it stops."""

import asyncio
import gc
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from app.http.security_headers import version
from tests.support.sockets import served

REQUEST = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"


class Hanging:
    """An app that answers nothing, or only begins to."""

    def __init__(self, *, begins: bool) -> None:
        self.asked = asyncio.Event()
        self._begins = begins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        self.asked.set()
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def collected() -> None:
    """What tests before have left is told of now, and not in one that wants silence."""
    gc.collect()


async def left_to(app: Hanging) -> bytes:
    """What a client has read once the server has stopped."""
    async with asyncio.timeout(20):
        async with served(app, grace_s=1) as base:
            parts = urlsplit(base)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(REQUEST)
            await app.asked.wait()
        try:
            return await reader.read()
        finally:
            writer.close()


async def test_it_is_to_be_sent_again_and_is_nobody_s_fault(caplog: pytest.LogCaptureFixture) -> None:
    answer = (await left_to(Hanging(begins=False))).lower()
    assert answer.startswith(b"http/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert b"\r\nconnection: close\r\n" in answer
    assert f"\r\nx-scrip-version: {version()}\r\n".encode() in answer
    assert [record for record in caplog.records if record.exc_info] == []


async def test_an_answer_that_has_begun_ends_there(caplog: pytest.LogCaptureFixture) -> None:
    """Its client sees that it is not whole: the last of its pieces is missing."""
    answer = await left_to(Hanging(begins=True))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"begun\r\n")
    assert [record for record in caplog.records if record.exc_info] == []

"""Requests that are sent ahead on one connection, by a client that then goes."""

import asyncio
import logging
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

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
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

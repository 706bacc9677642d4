"""Connections that do not finish, never end or are too many: they are closed in time, and others are served meanwhile."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.attacked import GROWN_BYTES, MOST, READ_TIMEOUT_S, Server, attacked, others_are_served, within

__all__ = ["attacked"]
CONNECTIONS: Final = 1_000
PATIENT: Final = pytest.mark.parametrize("attacked", [5 * READ_TIMEOUT_S], indirect=True)
"""Where nothing may have timed out before all is sent, however busy the machine is."""
HEAD: Final = b"POST /graphql HTTP/1.1\r\nhost: scrip\r\ncontent-type: application/json\r\n"


@pytest.fixture
def attackers(attacked: Server) -> Iterator[list[socket.socket]]:
    """A thousand connections that have begun a request, each in another way, and do not go on."""
    beginnings = (
        b"",
        b"POST /gra",
        HEAD + b"x-slow: a",
        HEAD + b"content-length: 100\r\n\r\n{",
        HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    )
    connections = [attacked.connection(beginnings[n % len(beginnings)]) for n in range(CONNECTIONS)]
    yield connections
    for connection in connections:
        connection.close()


async def test_a_thousand_connections_that_never_finish_are_closed_while_others_are_served(
    attacked: Server, attackers: list[socket.socket]
) -> None:
    def last_words() -> set[bytes]:
        return {connection.recv(1_000)[:12] for connection in attackers}

    before, began = attacked.loop_time(), time.perf_counter()
    async with others_are_served(attacked) as others:
        said = await asyncio.to_thread(last_words)
    waited, _ = within(attacked, began, before)
    assert said == {b"", b"HTTP/1.1 408"}
    assert waited < READ_TIMEOUT_S + 2
    assert others.times > 10
    assert attacked.peak_bytes() < GROWN_BYTES


async def _sent_until_closed(attacked: Server, beginning: bytes, more: bytes, most: int) -> bytes:
    """Send and send. What the server says when it closes the connection; it is a failure if it takes so many bytes."""

    def send() -> bytes:
        with attacked.connection(beginning) as connection:
            try:
                for _ in range(most // len(more)):
                    connection.sendall(more)
            except ConnectionError:
                try:
                    return connection.recv(1_000)
                except ConnectionError:
                    return b""
        raise AssertionError("the server went on reading")

    return await asyncio.to_thread(send)


CHUNKED: Final = HEAD + b"transfer-encoding: chunked\r\n\r\n"
ENDLESS: Final = {
    "headers": (HEAD, b"x-more: " + b"a" * 8_000 + b"\r\n"),
    "a header": (HEAD + b"x-long: ", b"a" * 8_000),
    "a path": (b"GET /graphql?query=", b"a" * 8_000),
    "trailers": (CHUNKED + b"1\r\n{\r\n0\r\n", b"x-trailer: " + b"a" * 8_000 + b"\r\n"),
    "a chunk's extension": (CHUNKED + b"1;x=", b"a" * 8_000),
    "a body": (CHUNKED, b"8000\r\n" + b"a" * 0x8000 + b"\r\n"),
}


async def test_what_never_ends_is_cut_off(attacked: Server) -> None:
    started = attacked.peak_bytes()
    for name, (beginning, more) in ENDLESS.items():
        said = await _sent_until_closed(attacked, beginning, more, 100_000_000)
        assert said == b"" or said.startswith((b"HTTP/1.1 431", b"HTTP/1.1 413", b"HTTP/1.1 400")), name
        assert attacked.peak_bytes() - started < 20_000_000, name


async def test_a_request_that_goes_on_after_its_answer_is_cut_off(attacked: Server) -> None:
    """Refused at its head, it is never read; so nothing else would ever bound it."""
    head = b"POST /graphql HTTP/1.1\r\nhost: scrip\r\ntransfer-encoding: chunked\r\n\r\n"

    def dribble() -> float:
        with attacked.connection(head) as connection:
            assert connection.recv(1_000).startswith(b"HTTP/1.1 415")
            began = time.monotonic()
            while time.monotonic() - began < 10 * READ_TIMEOUT_S:
                try:
                    connection.sendall(b"1\r\na\r\n")
                except ConnectionError:
                    return time.monotonic() - began
                time.sleep(0.05)
        raise AssertionError("the server went on reading")

    assert await asyncio.to_thread(dribble) < 3 * READ_TIMEOUT_S


@PATIENT
async def test_many_unfinished_bodies_hold_a_bounded_amount_of_memory(attacked: Server) -> None:
    """Beyond it, those who send long ones are asked to come again, and short requests are served as ever."""
    size = 3_900_000
    head = HEAD + f"authorization: {attacked.headers['authorization']}\r\ncontent-length: {size + 1}\r\n\r\n".encode()

    def send() -> list[bytes]:
        # The server pauses reading from those that it has refused; so nobody here waits for it to take everything.
        connections = [attacked.connection(head + b"x" * 1_000) for _ in range(40)]
        for connection in connections:
            connection.settimeout(0.5)
            try:
                connection.sendall(b"x" * (size - 1_000))
            except OSError:
                continue
        answers = []
        for connection in connections:
            connection.settimeout(10 * READ_TIMEOUT_S)
            try:
                answers.append(connection.recv(1_000)[:12])
            except ConnectionError:
                answers.append(b"")
            connection.close()
        return answers

    started = attacked.peak_bytes()
    async with others_are_served(attacked):
        answers = await asyncio.to_thread(send)
    assert set(answers) <= {b"HTTP/1.1 503", b"HTTP/1.1 408", b""}
    assert answers.count(b"HTTP/1.1 408") < 20
    assert attacked.peak_bytes() - started < 150_000_000


@PATIENT
async def test_beyond_the_most_connections_requests_are_refused_until_some_have_gone(attacked: Server) -> None:
    def status() -> bytes:
        with attacked.connection(
            b"GET /health/live HTTP/1.1\r\nhost: scrip\r\nconnection: close\r\n\r\n"
        ) as connection:
            return connection.recv(12)

    connections = [attacked.connection() for _ in range(MOST)]
    assert await asyncio.to_thread(status) == b"HTTP/1.1 503"
    for connection in connections[: MOST // 2]:
        connection.close()
    async with asyncio.timeout(10 * READ_TIMEOUT_S):
        while await asyncio.to_thread(status) != b"HTTP/1.1 200":  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
    for connection in connections[MOST // 2 :]:
        connection.close()


async def test_a_resting_connection_is_closed(attacked: Server) -> None:
    def rest() -> bytes:
        with attacked.connection(b"GET /health/live HTTP/1.1\r\nhost: scrip\r\n\r\n") as connection:
            answer = b""
            while piece := connection.recv(5_000):
                answer += piece
        return answer

    answer = await asyncio.to_thread(rest)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" not in answer


async def test_requests_sent_ahead_are_all_answered(attacked: Server) -> None:
    """Pipelining; and the wait for a head does not count while the one before is answered."""
    number = 50

    def send() -> int:
        with attacked.connection(b"GET /health/live HTTP/1.1\r\nhost: scrip\r\n\r\n" * number) as connection:
            received = b""
            while received.count(b'{"status":"live"}') < number:
                piece = connection.recv(100_000)
                assert piece, received
                received += piece
        return received.count(b"HTTP/1.1 200")

    assert await asyncio.to_thread(send) == number

"""One connection: what keeps it from being made is told in a line, and whether that may pass by itself."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from app.postgres.connecting import connecting
from app.postgres.embedded import Urls
from app.problems import OutOfReach, SetupProblem
from tests.app.cli.test_work import output, scrip

NO_TLS: Final = b"N"
KERBEROS: Final = b"R" + struct.pack("!II", 8, 2)
"""Asks for an authentication that went out of use in 2014."""
LOGIN: Final = b"".join(
    kind + struct.pack("!I", len(body) + 4) + body
    for kind, body in (
        (b"R", struct.pack("!I", 0)),
        (b"S", b"server_version\x0016.1\x00"),
        (b"K", struct.pack("!II", 1, 1)),
        (b"Z", b"I"),
    )
)
"""What a pooler answers that has kept it: anybody is let in."""
AWAY: Final = b"SFATAL\0VFATAL\0C08P01\0Mserver login has been failing, try again later (server_login_retry)\0\0"


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """The URL of a server that gives these answers, each to a message, and then goes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(4096)
            writer.write(answer)
            await writer.drain()
        await reader.read(4096)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as listener:
        yield f"postgresql://u:p@127.0.0.1:{listener.sockets[0].getsockname()[1]}/x"


async def refusal(url: str) -> SetupProblem:
    with pytest.raises(SetupProblem) as told:
        async with connecting(url) as raw:
            await raw.fetchval("SELECT 1")
    return told.value


def _empty(folder: Path) -> Path:
    file = folder / "empty.pem"
    file.touch()
    return file


def _malformed(folder: Path) -> Path:
    file = folder / "malformed.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n")
    return file


@pytest.mark.parametrize(
    ("option", "make", "message"),
    [
        ("sslrootcert", lambda folder: folder / "typo.pem", "typo.pem cannot be read"),
        ("sslrootcert", lambda folder: folder, "cannot be read"),
        ("sslcert", lambda folder: folder / "typo.pem", "typo.pem cannot be read"),
        ("sslrootcert", _empty, "TLS"),
        ("sslrootcert", _malformed, "TLS"),
        ("sslcert", _malformed, "TLS"),
    ],
)
async def test_a_file_for_tls_that_cannot_be_used_does_not_pass(
    tmp_path: Path, unused_tcp_port: int, option: str, make: Callable[[Path], Path], message: str
) -> None:
    url = f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x?sslmode=verify-full&{option}={make(tmp_path)}"
    problem = await refusal(url if option == "sslrootcert" else url.replace("verify-full", "require"))
    assert not isinstance(problem, OutOfReach)
    assert message in str(problem)


async def test_a_file_that_is_not_asked_for_has_no_part_in_it(unused_tcp_port: int) -> None:
    url = f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x?sslmode=disable&sslrootcert=/typo.pem"
    assert isinstance(await refusal(url), OutOfReach)


async def test_a_socket_that_is_not_there_yet_may_come(tmp_path: Path) -> None:
    assert isinstance(await refusal(f"postgresql://u:p@/x?host={tmp_path}"), OutOfReach)


async def test_a_server_without_tls_does_not_pass() -> None:
    async with answering(NO_TLS) as url:
        problem = await refusal(f"{url}?sslmode=require")
    assert not isinstance(problem, OutOfReach)
    assert "takes no TLS" in str(problem)


async def test_an_authentication_that_is_not_known_does_not_pass() -> None:
    async with answering(KERBEROS) as url:
        problem = await refusal(f"{url}?sslmode=disable")
    assert not isinstance(problem, OutOfReach)
    assert "asks for an authentication that Scrip does not know" in str(problem)


@pytest.mark.parametrize("then", [[], [b"E" + struct.pack("!I", len(AWAY) + 4) + AWAY]])
async def test_a_pooler_whose_database_is_away_is_told_in_a_line(database_urls: Urls, then: list[bytes]) -> None:
    """It takes the login by itself, and only the first statement fails."""
    async with answering(LOGIN, *then) as url:
        problem = await refusal(f"{url}?sslmode=disable")
        status, _, said = await output(
            await scrip(database_urls, "tenant", "list", DATABASE_URL=f"{url}?sslmode=disable")
        )
    assert isinstance(problem, OutOfReach)
    assert status == 1
    assert said.startswith("scrip: The database at 127.0.0.1")
    assert said.count("\n") == 1


async def _lose(url: str) -> None:
    async with connecting(url) as raw:
        raw.terminate()
        await raw.fetchval("SELECT 1")


async def test_a_connection_that_is_lost_is_told_as_such(database_urls: Urls) -> None:
    """And not as a fault of the URL."""
    with pytest.raises(OutOfReach, match="was lost, or cannot be used now: "):
        await _lose(database_urls.owner)

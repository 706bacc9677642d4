"""Requests go nowhere but where they may, wherever names and answers lead; and an endpoint can hold nothing up."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs.webhook_http import Answer, Sender
from models.event_kinds import DeliveryError
from models.webhooks import WebhookSetup, parse_url
from tests.support.receivers import SETUP, Receiver, Reply, receiving

NOTHING_PRIVATE = replace(SETUP, networks=())
HEADERS = {"webhook-id": "evt_1"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def sent(url: str, setup: WebhookSetup = SETUP, *, timeout_s: float = 5.0, **more: Any) -> Answer:
    endpoint = parse_url(url)
    assert endpoint is not None, url
    sender = Sender(setup, endpoint, at_once=2, timeout_s=timeout_s, **more)
    try:
        return await sender.send(b'{"a":1}', HEADERS)
    finally:
        await sender.close()


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names have these addresses, one list after the other and then the last for ever. Returns what is looked up."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


async def test_what_is_sent(receiver: Receiver) -> None:
    answer = await sent(receiver.url + "?a=b")
    assert (answer.error, answer.status, answer.body) == (None, 204, "")
    (request,) = receiver.seen
    assert request.path == "/hook?a=b"
    assert request.told == {"a": 1}
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": "7",
        "accept": "*/*",
        "user-agent": "Scrip-Webhooks",
        "webhook-id": "evt_1",
    }


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]"]
)
async def test_nothing_private_is_reached_however_it_is_written(receiver: Receiver, host: str) -> None:
    answer = await sent(f"http://{host}:{receiver.port}/", NOTHING_PRIVATE)
    assert answer.error in (DeliveryError.ADDRESS, DeliveryError.NAME)
    assert not receiver.seen


async def test_a_name_that_leads_inside_is_not_followed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["127.0.0.1", "169.254.169.254", "::1", "fe80::1%lo"])
    assert (await sent(f"http://hook.example:{receiver.port}/", NOTHING_PRIVATE)).error is DeliveryError.ADDRESS
    assert not receiver.seen


async def test_a_name_is_looked_up_once_for_each_connection_and_that_address_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for something else by the time it is connected to."""
    only = replace(SETUP, networks=(ipaddress.ip_network("127.0.0.1/32"),))
    asked = names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    endpoint = parse_url(f"http://hook.example:{receiver.port}/")
    assert endpoint is not None
    sender = Sender(only, endpoint, at_once=1)
    assert (await sender.send(b"{}", HEADERS)).error is None
    assert (await sender.send(b"{}", HEADERS)).error is None  # over the same connection
    assert asked == ["hook.example"]
    await sender.close()
    assert (await sent(f"http://hook.example:{receiver.port}/", only)).error is DeliveryError.ADDRESS
    assert len(receiver.seen) == 2
    assert receiver.seen[0].headers["host"] == f"hook.example:{receiver.port}"


async def test_an_address_that_is_allowed_is_used_beside_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ["10.0.0.1", "127.0.0.1"])
    assert (await sent(f"http://hook.example:{receiver.port}/")).error is None


async def test_no_redirect_is_followed(receiver: Receiver) -> None:
    for status in (301, 302, 303, 307, 308):
        receiver.always(Reply(status, headers={"Location": receiver.url + "/inside"}))
        assert (await sent(receiver.url)).error is DeliveryError.REDIRECT
    assert {request.path for request in receiver.seen} == {"/hook"}


async def test_http_is_refused_where_it_is_not_allowed(receiver: Receiver) -> None:
    assert (await sent(receiver.url, replace(SETUP, plain_http=False))).error is DeliveryError.ADDRESS
    assert not receiver.seen


async def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await sent(receiver.url)).error is None


async def test_who_does_not_answer_is_given_up(receiver: Receiver) -> None:
    receiver.decide = lambda _: Reply(after_s=30)
    answer = await sent(receiver.url, timeout_s=0.2)
    assert answer.error is DeliveryError.TIMEOUT
    assert 200 <= answer.duration_ms < 3_000


@pytest.mark.parametrize(
    "parts",
    [[b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"], [b"HTTP/1.1 200 OK\r\n\r\n", b"x"], [b"HTTP/1.1 100 Continue\r\n\r\n"]],
)
async def test_who_answers_for_ever_is_given_up_or_cut_off(parts: list[bytes]) -> None:
    first, again = parts[0], parts[-1]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # whoever asked has given up
            writer.write(first)
            for _number in range(10_000):
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(0.01)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await sent(f"http://127.0.0.1:{port}/", timeout_s=0.5)
    assert answer.error in (DeliveryError.TIMEOUT, DeliveryError.PROTOCOL)
    server.close()


async def test_of_a_long_answer_the_beginning_is_kept(receiver: Receiver) -> None:
    receiver.decide = lambda _: Reply(500, b"\x00\xff" + b"a" * 5_000_000)
    answer = await sent(receiver.url)
    assert answer.error is DeliveryError.STATUS
    assert answer.body is not None
    assert answer.body.startswith("\ufffd\ufffdaaa")
    assert len(answer.body) == 500


async def test_no_answer_no_name_no_http(receiver: Receiver) -> None:
    receiver.decide = lambda _: Reply(0)
    assert (await sent(receiver.url)).error in (DeliveryError.PROTOCOL, DeliveryError.CONNECTION)
    assert (await sent("http://nowhere.invalid/")).error is DeliveryError.NAME
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await sent(f"http://127.0.0.1:{port}/")).error is DeliveryError.CONNECTION


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server has that is called so, and what trusts it."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(pem)
    return served, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


async def test_the_certificate_has_to_be_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served, trusting = certificate(tmp_path, "hook.example")
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=served)
    port = server.sockets[0].getsockname()[1]
    names(monkeypatch, ["127.0.0.1"])
    assert (await sent(f"https://hook.example:{port}/", encryption=trusting)).error is None
    assert (await sent(f"https://other.example:{port}/", encryption=trusting)).error is DeliveryError.TLS
    assert (await sent(f"https://hook.example:{port}/")).error is DeliveryError.TLS
    assert len(receiver.seen) == 1
    receiver.hang_up()
    server.close()

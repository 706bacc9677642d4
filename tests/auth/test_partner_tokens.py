"""Opaque tokens as texts: one text for each, nothing else is one, and none gives its secret away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from auth.backend import BearerBackend, network_address
from auth.errors import TokenError
from auth.partner_tokens import PREFIX, PartnerSecret, is_partner_token, parse

if TYPE_CHECKING:
    from auth.principal import Principal
    from tests.auth.conftest import Mint

SECRET = bytes(range(32))
TOKEN = PartnerSecret(UUID(int=1), UUID(int=2), SECRET)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.uuids(), st.uuids(), st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(tenant: UUID, token: UUID, secret: bytes) -> None:
    made = PartnerSecret(tenant, token, secret)
    assert parse(made.text) == made
    assert is_partner_token(made.text)
    assert re.fullmatch(r"scrip_[A-Za-z0-9_-]{91}", made.text)


@given(st.integers(0, 90), st.sampled_from(ALPHABET))
def test_no_character_can_be_another(place: int, other: str) -> None:
    """The last one's unused bits included: there is no second text for a token."""
    text = TOKEN.text
    at = len(PREFIX) + place
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        with pytest.raises(TokenError):
            parse(changed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        TOKEN.text[:-1],
        TOKEN.text + "A",
        TOKEN.text + "=",
        TOKEN.text + "\n",
        " " + TOKEN.text,
        TOKEN.text.upper(),
        TOKEN.text.removeprefix(PREFIX),
        TOKEN.text.replace("scrip_", "scrip-"),
        PREFIX + "A" * 91,
        PREFIX + "é" * 91,
        PREFIX + "\u0661" * 91,
        PREFIX + "+/" * 45 + "A",
        TOKEN.text * 2,
        PREFIX + "A" * 1_000_000,
    ],
)
def test_nothing_else_is_a_token(text: str) -> None:
    with pytest.raises(TokenError) as caught:
        parse(text)
    assert TOKEN.text not in str(caught.value)
    assert len(str(caught.value)) < 100


def test_only_its_own_secret_fits() -> None:
    assert TOKEN.fits(TOKEN.digest)
    assert not PartnerSecret(TOKEN.tenant_id, TOKEN.token_id, bytes(32)).fits(TOKEN.digest)
    assert not TOKEN.fits(SECRET)
    assert not TOKEN.fits(b"")


def test_the_secret_is_not_shown() -> None:
    for shown in (repr(TOKEN), str(TOKEN), f"{TOKEN}", repr([TOKEN])):
        assert TOKEN.text not in shown
        assert SECRET.hex() not in shown
        assert repr(SECRET) not in shown


class _Asked:
    """Notes what it is asked about."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def principal(self, token: str, *, address: str | None, request_id: str | None) -> Principal:
        self.tokens.append(token)
        raise TokenError(f"not here ({address}, {request_id})")


async def test_each_kind_of_token_goes_to_its_own_verifier(mint: Mint) -> None:
    asked = _Asked()
    backend = BearerBackend(mint.verifier(), asked)
    assert (await backend.principal([f"Bearer {mint.token()}"])).subject == "sam"
    assert asked.tokens == []
    for text in (TOKEN.text, PREFIX, f"{PREFIX}{mint.token()}"):
        with pytest.raises(TokenError, match="not here"):
            await backend.principal([f"Bearer {text}"], address="192.0.2.1", request_id="r-1")
    assert asked.tokens == [TOKEN.text, PREFIX, f"{PREFIX}{mint.token()}"]
    with pytest.raises(TokenError, match=r"not here \(192\.0\.2\.1, r-1\)"):
        await backend.principal([f"Bearer {TOKEN.text}"], address="192.0.2.1", request_id="r-1")


async def test_without_partner_tokens_none_is_taken(mint: Mint) -> None:
    with pytest.raises(TokenError, match="not known here"):
        await BearerBackend(mint.verifier()).principal([f"Bearer {TOKEN.text}"])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%\x00" + "x" * 99, "fe80::1"),
        ("testclient", None),
        ("", None),
        ("x" * 1000, None),
        ("1.2.3.4\x00", None),
    ],
)
def test_an_address_is_an_ip_address_or_nothing(host: str, address: str | None) -> None:
    assert network_address(HTTPConnection({"type": "http", "client": (host, 1)})) == address


def test_a_socket_file_has_no_address() -> None:
    assert network_address(HTTPConnection({"type": "http", "client": None})) is None

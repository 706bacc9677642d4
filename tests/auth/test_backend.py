"""Tokens on requests, through Starlette's own middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from auth.backend import BearerBackend, authentication, principal_of
from auth.errors import TokenError

if TYPE_CHECKING:
    from tests.auth.conftest import Mint


async def _who(request: Request) -> JSONResponse:
    principal = principal_of(request)
    return JSONResponse(
        {
            "subject": principal and principal.subject,
            "authenticated": request.user.is_authenticated,
            "name": request.user.display_name,
        }
    )


async def _who_socket(socket: WebSocket) -> None:
    await socket.accept()
    principal = principal_of(socket)
    await socket.send_text(principal.subject if principal else "nobody")
    await socket.close()


@pytest.fixture
def app(mint: Mint) -> Starlette:
    return Starlette(
        routes=[Route("/", _who), WebSocketRoute("/ws", _who_socket)], middleware=[authentication(mint.verifier())]
    )


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scrip.test") as client:
        yield client


async def test_a_request_without_a_token_is_nobodys(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.json() == {"subject": None, "authenticated": False, "name": ""}


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_a_request_with_a_token_is_the_principals(client: httpx.AsyncClient, mint: Mint, scheme: str) -> None:
    answer = await client.get("/", headers={"authorization": scheme + mint.token(name="Sam")})
    assert answer.json() == {"subject": "sam", "authenticated": True, "name": "Sam"}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic c2FtOnNhbQ==",
        "{token}",
        "Token {token}",
        "Bearer\t{token}",
        "Bearer {token} {token}",
        "Bearer {token}, Bearer {token}",
        "Bearer {token}=",
        "Bearer {expired}",
        "Bearer \xe9",
    ],
)
async def test_a_bad_token_is_refused_whatever_is_asked(client: httpx.AsyncClient, mint: Mint, value: str) -> None:
    header = value.format(token=mint.token(), expired=mint.token(exp=mint.now)).encode("latin-1")
    answer = await client.get("/", headers=[(b"authorization", header)])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert error["message"][0].isupper()
    assert error["message"].endswith(".")
    assert mint.token() not in answer.text


async def test_a_graphql_client_gets_its_media_type(client: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer x", "accept": "application/graphql-response+json, application/json;q=0.9"}
    answer = await client.get("/", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/graphql-response+json")


async def test_two_tokens_are_one_too_many(client: httpx.AsyncClient, mint: Mint) -> None:
    value = f"Bearer {mint.token()}"
    for second in (value, "Bearer x", ""):
        answer = await client.get("/", headers=[("authorization", value), ("Authorization", second)])
        assert answer.status_code == 401
        assert "more than one" in answer.json()["errors"][0]["message"]


async def test_a_token_elsewhere_is_no_token(client: httpx.AsyncClient, mint: Mint) -> None:
    answer = await client.get(f"/?access_token={mint.token()}", headers={"cookie": f"token={mint.token()}"})
    assert answer.json()["subject"] is None


async def test_the_backend_reads_what_a_socket_sends_along(mint: Mint) -> None:
    backend = BearerBackend(mint.verifier())
    assert (await backend.principal([f"Bearer {mint.token()}"])).subject == "sam"
    for values in ([], ["Bearer x"], [f"Bearer {mint.token()}"] * 2):
        with pytest.raises(TokenError):
            await backend.principal(values)


async def _socket(app: Starlette, headers: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """What the application sends to a WebSocket that opens and then listens."""
    sent: list[dict[str, Any]] = []
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": headers, "query_string": b"", "subprotocols": []}
    await app(scope, incoming.get, send)
    return sent


async def test_a_sockets_token_is_left_to_its_endpoint(app: Starlette, mint: Mint) -> None:
    """Which answers a bad one with a code that WebSocket clients understand; here it would have no answer at all."""
    for token in (None, mint.token(), "x"):
        headers = [] if token is None else [(b"authorization", b"Bearer " + token.encode())]
        messages = await _socket(app, headers)
        assert [message["type"] for message in messages] == ["websocket.accept", "websocket.send", "websocket.close"]
        assert messages[1]["text"] == "nobody"

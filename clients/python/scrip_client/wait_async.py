"""What the client for asyncio does in its own way. wait_sync.py has the same names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Final

import httpx

Client = httpx.AsyncClient
Responding = AbstractAsyncContextManager[httpx.Response]
Token = str | Callable[[], str | Awaitable[str]]
"""A text, or a function that is called for it."""

sleep: Final = asyncio.sleep


async def token_of(token: Token) -> str:
    """The token, for one request."""
    found = token() if callable(token) else token
    return found if isinstance(found, str) else await found


async def pieces_of(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each read beside the event loop."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


async def read(response: httpx.Response) -> None:
    """Read all of it."""
    await response.aread()


def received(response: httpx.Response) -> AsyncIterator[bytes]:
    """What comes, as it comes."""
    return response.aiter_bytes()


async def finish(client: Client) -> None:
    """Close its connections."""
    await client.aclose()

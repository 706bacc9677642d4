"""What the client that waits does in its own way. wait_async.py has the same names."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

import httpx

Client = httpx.Client
Responding = AbstractContextManager[httpx.Response]
Token = str | Callable[[], str]
"""A text, or a function that is called for it."""

sleep: Final = time.sleep


def token_of(token: Token) -> str:
    """The token, for one request."""
    return token() if callable(token) else token


def pieces_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces."""
    return pieces


def read(response: httpx.Response) -> None:
    """Read all of it."""
    response.read()


def received(response: httpx.Response) -> Iterator[bytes]:
    """What comes, as it comes."""
    return response.iter_bytes()


def finish(client: Client) -> None:
    """Close its connections."""
    client.close()

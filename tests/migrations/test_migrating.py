"""From an empty database to the newest, once, however many start at the same moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg

from app.database import LOCATION, migrate
from app.embedded import DATABASE, OWNER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.embedded import Urls

import pytest


@pytest.fixture
async def empty(server: Urls) -> AsyncIterator[tuple[str, str]]:
    """An empty database: the owner's URL and the app's."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        yield server.owner.replace(f"/{DATABASE}?", f"/{name}?"), server.app.replace(f"/{DATABASE}?", f"/{name}?")
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def test_two_at_once_migrate_once(empty: tuple[str, str]) -> None:
    said: list[str] = []

    applied = await asyncio.gather(*(migrate(*empty, said.append) for _ in range(2)))

    assert sorted(map(len, applied)) == [0, len(list((LOCATION / "models").glob("[0-9]*_*.py")))]
    app = await asyncpg.connect(empty[1])
    try:
        versions = [row["version"] for row in await app.fetch("SELECT version FROM aerich")]
        assert versions == max(applied)
        assert await app.fetch("SELECT FROM entries") == []
    finally:
        await app.close()
    assert await migrate(*empty, said.append) == []

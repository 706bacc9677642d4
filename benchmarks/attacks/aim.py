"""An attack's targets and means."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Big:
    """Customers' ids. invoiced: whose open credits one invoice takes. spent, merged, erased: with many open credits.
    told: with a long history."""

    invoiced: str
    spent: str
    merged: str
    erased: str
    told: str


@dataclass(frozen=True, slots=True)
class Aim:
    """bases: of the servers, http://… tokens: by role, in lower case. customers: ids of ordinary ones; locked: of one
    whose account another transaction holds. scale: 1 for the documented limits, less for less. database: the owner's
    URL.
    """

    bases: list[str]
    tokens: dict[str, str]
    customers: list[str]
    locked: str
    big: Big
    database: str
    tenant: str
    scale: float
    answers: Counter[str] = field(default_factory=Counter)
    """By status and code, of all requests made."""

    def many(self, number: int) -> int:
        """So many, or fewer by the scale."""
        return max(int(number * self.scale), 1)

    def client(self, server: int = 0) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=2_000)
        return httpx.AsyncClient(base_url=self.bases[server % len(self.bases)], timeout=PATIENCE_S, limits=limits)

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, role: str = "manager", server: int = 0
    ) -> dict[str, Any]:
        """Send one operation and return the response."""
        async with self.client(server) as client:
            return await self.send(client, json.dumps({"query": query, "variables": variables or {}}).encode(), role)

    async def send(self, client: httpx.AsyncClient, body: bytes, role: str = "manager") -> dict[str, Any]:
        """Send a body of any kind and return the response."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.tokens.get(role, role)}"}
        response = await client.post("/graphql", content=body, headers=headers)
        answer: dict[str, Any] = response.json()
        self.note(response.status_code, answer)
        return answer

    def note(self, status: int, answer: Any = None) -> None:
        """Count a response."""
        errors = answer.get("errors") if isinstance(answer, dict) else None
        code = errors[0].get("extensions", {}).get("code", "?") if errors else ""
        for payload in ((answer.get("data") or {}) if isinstance(answer, dict) else {}).values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                code = payload["userErrors"][0]["code"]
        self.answers[f"{status} {code}".strip()] += 1

    def key(self) -> str:
        return uuid4().hex


Attack = Callable[[Aim], Awaitable[None]]


async def at_once(number: int, one: Callable[[int], Awaitable[Any]]) -> None:
    """So many of one thing."""
    await asyncio.gather(*(one(n) for n in range(number)))

"""A consumer of the feed: it follows over HTTP, from any server, and crashes at random, back to what it has kept."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from random import Random
from time import monotonic
from typing import Any, Final
from uuid import UUID

import httpx

from auth.roles import Role
from schema.ids import parse_id
from tests.chaos.load import AGAIN, dice_of
from tests.chaos.world import World

PAGE: Final = 50
CRASH: Final = 0.2
"""Part of the pages after which it dies before it has kept them."""
PAUSE_S: Final = 0.2
PATIENCE_S: Final = 20.0
CAUGHT_UP_S: Final = 60.0
MOST_TOLD: Final = 10
FEED: Final = """query Feed($after: String, $first: Int!) { events(first: $first, after: $after) {
  edges { cursor node { position kind recordedAt
    ... on MovementEvent { transactionId movements { accountId entries sequence hash previousHash } } } }
  newest } }"""
TOLD_OF: Final = "SELECT id FROM transactions WHERE tenant_id = $1"
HEADS: Final = "SELECT id, sequence, head_hash FROM accounts WHERE tenant_id = $1 AND sequence > 0"


@dataclass(frozen=True, slots=True)
class Movement:
    """What an event says of one account."""

    account: UUID
    entries: int
    sequence: int
    hash: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it was kept. transaction: of a movement."""

    position: int
    kind: str
    recorded_at: datetime
    transaction: UUID | None
    movements: tuple[Movement, ...]


class Follower:
    """Keeps events together with its cursor. `crashes`: how often it died before it had kept a page that it had seen."""

    def __init__(self, world: World, seed: int) -> None:
        self.kept: list[Event] = []
        self.crashes = 0
        self.wrong: list[str] = []
        self._cursor: str | None = None
        self._world = world
        self._dice: Random = dice_of(f"follower {seed}")
        self._token = f"Bearer {world.token(Role.ADMIN, 'follower@chaos')}"
        self._task: asyncio.Task[None] | None = None
        self._http = httpx.AsyncClient(timeout=PATIENCE_S)

    def open(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow(), name="follower")

    async def close(self) -> None:
        """Stop, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._http.aclose()

    async def _follow(self) -> None:
        while True:
            page = await self._page()
            if page and self._dice.random() < CRASH:
                self.crashes += 1
            elif page:
                self.kept += (event_of(edge["node"]) for edge in page)
                self._cursor = page[-1]["cursor"]
            if len(page) < PAGE:
                await asyncio.sleep(PAUSE_S)

    async def _page(self) -> list[dict[str, Any]]:
        server = self._dice.choice(self._world.servers)
        body = {"query": FEED, "variables": {"after": self._cursor, "first": PAGE}}
        try:
            answer = await self._http.post(f"{server.url}/graphql", json=body, headers={"authorization": self._token})
            told = answer.json()
        except (httpx.TransportError, json.JSONDecodeError):
            return []
        codes = [error.get("extensions", {}).get("code", "none") for error in told.get("errors") or ()]
        if not codes and answer.status_code == 200:
            edges: list[dict[str, Any]] = told["data"]["events"]["edges"]
            return edges
        if not codes or any(code not in AGAIN for code in codes):
            self.wrong.append(f"feed: {answer.status_code} {answer.text[:400]}")
        return []


def event_of(node: dict[str, Any]) -> Event:
    """An event, of what the API says."""
    moved = (
        Movement(parse_id(m["accountId"])[1], m["entries"], m["sequence"], m["hash"], m["previousHash"])
        for m in node.get("movements") or ()
    )
    transaction = parse_id(node["transactionId"])[1] if "transactionId" in node else None
    return Event(
        int(node["position"]), node["kind"], datetime.fromisoformat(node["recordedAt"]), transaction, tuple(moved)
    )


async def followed(world: World, follower: Follower) -> list[str]:
    """What the consumer has missed, or seen otherwise than the books have it. No client may be at work."""
    admin = await world.admin()
    try:
        transactions = {row["id"] for row in await admin.fetch(TOLD_OF, world.tenant)}
        heads = {row["id"]: (row["sequence"], row["head_hash"].hex()) for row in await admin.fetch(HEADS, world.tenant)}
    finally:
        await admin.close()
    give_up = monotonic() + CAUGHT_UP_S
    while monotonic() < give_up and not transactions <= told_of(follower.kept).keys():  # noqa: ASYNC110 - as a poller would
        await asyncio.sleep(0.1)
    return [*follower.wrong[:MOST_TOLD], *compared(follower.kept, transactions, heads)]


def told_of(events: Iterable[Event]) -> Counter[UUID]:
    """How often there is an event of each transaction."""
    return Counter(event.transaction for event in events if event.transaction is not None)


def compared(events: list[Event], transactions: set[UUID], heads: dict[UUID, tuple[int, str]]) -> list[str]:
    """Gaps in positions, times and chains; transactions that were told twice, or not at all; other heads."""
    wrong = []
    if [event.position for event in events] != list(range(1, len(events) + 1)):
        wrong.append("feed: positions are not 1, 2, 3 and so on")
    wrong += [
        f"feed: recordedAt decreases at {later.position}: {event.kind} {event.recorded_at}, {later.kind} {later.recorded_at}"
        for event, later in pairwise(events)
        if later.recorded_at < event.recorded_at
    ]
    told = told_of(events)
    if twice := [transaction for transaction, times in told.items() if times > 1]:
        wrong.append(f"feed: {len(twice)} transactions are there twice, as {twice[0]}")
    if missing := transactions - set(told):
        wrong.append(f"feed: {len(missing)} transactions are missing, as {min(missing)}")
    if invented := set(told) - transactions:
        wrong.append(f"feed: {len(invented)} transactions are nowhere else, as {min(invented)}")
    at: dict[UUID, tuple[int, str | None]] = {}
    for event in events:
        for moved in event.movements:
            if (moved.sequence - moved.entries, moved.previous) != at.get(moved.account, (0, None)):
                wrong.append(f"feed: at {event.position} the chain of {moved.account} is broken")
            at[moved.account] = moved.sequence, moved.hash
    wrong += [f"feed: ends before the head of {account}" for account, head in heads.items() if at.get(account) != head]
    return wrong[:MOST_TOLD]

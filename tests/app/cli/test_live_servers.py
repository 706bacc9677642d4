"""Two servers and the jobs, three processes on one database: what one posts is told by the other, over HTTP."""

import asyncio
import json
import signal
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import httpx

from app.postgres.embedded import Urls
from tests.app.cli.test_run import START_S, Scrip, start
from tests.app.cli.test_work import output, scrip
from tests.conftest import cloned_database

__all__ = ["start"]
SECRET: Final = "a secret for two servers alone, and long enough"
POSTINGS: Final = 5
TOLD_WITHIN_S: Final = 8.0
"""Far more than it takes, on a machine that does much else."""
LIVE: Final = """subscription($after: String) { events(after: $after, types: [CREDIT_ADJUSTED]) { cursor
  node { ... on MovementEvent { movements { sequence } } } } }"""
UPSERT: Final = """mutation { upsertCustomer(input: {externalId: "carol", name: "Carol"}) { customer { id } } }"""
ADJUST: Final = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"


class Follower:
    """One who follows, now at one server, now at another. seen: sequences of the account's entries."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.seen: list[int] = []
        self._headers = headers | {"accept": "text/event-stream"}
        self._cursor: str | None = None
        self._began = asyncio.Event()

    async def follow(self, base: str, until: int) -> None:
        """Until it has seen so many."""
        body = {"query": LIVE, "variables": {"after": self._cursor}}
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream("POST", f"{base}/graphql", json=body, headers=self._headers) as answer,
        ):
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                self._began.set()
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))["data"]["events"]
                    self._cursor = told["cursor"]
                    self.seen += [moved["sequence"] for moved in told["node"]["movements"]]
                if len(self.seen) >= until:
                    return

    async def begun(self) -> None:
        """Until the server has taken it."""
        async with asyncio.timeout(START_S):
            await self._began.wait()


async def play(begin: Callable[..., Scrip], urls: Urls, way: str, **more: str) -> float:
    """Follow at one server what is posted at the other, and go on there by the cursor once the first has stopped. The
    longest that an event took, in seconds. way: the URL by which Scrip gets to the database.
    more: settings that it needs."""
    settings = {"DATABASE_URL": way, "SCRIP_JWT_SECRET": SECRET, "SCRIP_RATE_LIMIT": "0", **more}
    status, _, said = await output(
        await scrip(urls, "tenant", "create", "tea", "--time-zone", "Europe/London", **settings)
    )
    assert status == 0, said
    status, token, said = await output(
        await scrip(urls, "token", "--tenant", "tea", "--role", "admin", "--ttl", "1h", **settings)
    )
    assert status == 0, said
    headers = {"authorization": f"Bearer {token.strip()}"}
    begin("work", **settings)
    first, second = begin("serve", **settings), begin("serve", **settings)
    here, there = await asyncio.to_thread(first.url), await asyncio.to_thread(second.url)
    follower, took = Follower(headers), list[float]()
    async with httpx.AsyncClient(base_url=there, headers=headers, timeout=30) as client:
        made = await _answer(client, UPSERT, {})
        customer = made["upsertCustomer"]["customer"]["id"]
        following = asyncio.create_task(follower.follow(here, POSTINGS))
        await follower.begun()
        await asyncio.sleep(1)  # it joins the feed by then; if not, it reads what it missed
        for n in range(POSTINGS):
            await _post(client, customer, n)
            posted = monotonic()
            async with asyncio.timeout(TOLD_WITHIN_S):
                while len(follower.seen) <= n:  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.02)
            took.append(monotonic() - posted)
        await following
        assert await asyncio.to_thread(first.end, signal.SIGTERM) == 0
        for n in range(POSTINGS, 2 * POSTINGS):
            await _post(client, customer, n)
        async with asyncio.timeout(4 * TOLD_WITHIN_S):
            await follower.follow(there, 2 * POSTINGS)
    assert follower.seen == list(range(1, 2 * POSTINGS + 1))
    return max(took)


async def _post(client: httpx.AsyncClient, customer: str, n: int) -> None:
    given = {
        "customerId": customer,
        "asset": "GBP",
        "amount": "1.00",
        "reason": "CORRECTION",
        "idempotencyKey": f"k-{n}",
    }
    assert (await _answer(client, ADJUST, {"input": given}))["adjustCredit"]["userErrors"] == []


async def _answer(client: httpx.AsyncClient, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def test_what_one_server_posts_the_other_tells(start: Callable[..., Scrip], server: Urls, worker_id: str) -> None:
    async with cloned_database(server, f"live_{worker_id}") as urls:
        await play(start, urls, urls.app)

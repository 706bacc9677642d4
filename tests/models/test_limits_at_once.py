"""Limits under many requests at the same moment: in two processes, through several tokens, and while they change."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.embedded import Urls
from models.commands import Actor
from models.configuration_commands import RemoveLimit, SetLimit
from models.errors import LimitExceeded
from models.ledger import Ledger
from models.operations.limits import remove_limit, set_limit
from models.posting import Posted
from models.session import tenant_transaction
from tests.support.limits_worker import add
from tests.support.shop import ADMIN, STAFF, Clock, Shop
from tests.support.units import adjustment, post

ROOT = Path(__file__).parents[2]
AT_ONCE = 100
STEP = 7
LINE_BYTES = 1_000_000

Additions = list[list[Any]]
Elsewhere = Callable[[Additions], Coroutine[Any, Any, list[str]]]


@pytest.fixture
async def elsewhere(shop: Shop, database_urls: Urls) -> AsyncIterator[Elsewhere]:
    """Sends additions from another process, which keeps what it knows of the configuration from one call to the next."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.limits_worker", stdin=PIPE, stdout=PIPE, cwd=ROOT, limit=LINE_BYTES
    )
    assert await said(process, {"url": database_urls.app, "now": shop.clock().isoformat()}) == b"ready\n"

    async def send(additions: Additions) -> list[str]:
        answer: list[str] = json.loads(await said(process, {"tenant": str(shop.tenant_id), "additions": additions}))
        return answer

    yield send
    assert await ended(process) == 0


async def said(process: Process, line: dict[str, Any]) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(line).encode() + b"\n")
    return await process.stdout.readline()


async def ended(process: Process) -> int:
    """It ends where there is nothing more to read."""
    assert process.stdin is not None
    process.stdin.close()
    return await process.wait()


async def here(shop: Shop, additions: Additions) -> list[str]:
    return list(await asyncio.gather(*(add(shop.ledger, shop.tenant_id, addition) for addition in additions)))


def addition(actor: Actor, customer: UUID, amount: int, asset: str = "GBP", *, reward: UUID | None = None) -> list[Any]:
    return [
        actor.subject, actor.role, actor.client, str(customer), asset, str(amount),
        None if reward is None else str(reward),
    ]  # fmt: skip


async def set_to(
    shop: Shop, role: str, asset: str | None = "GBP", holder: str | None = None, **limits: int | None
) -> None:
    exact: dict[str, Any] = {kind: None if limit is None else Decimal(limit) for kind, limit in limits.items()}
    await set_limit(shop.ledger, shop.tenant_id, ADMIN, SetLimit(role, asset, holder, **exact))


async def added(shop: Shop, asset: str) -> int:
    """In minor units, by everybody together."""
    sql = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM accounts WHERE tenant_id = $1 AND asset = $2"
    found: int = (await shop.rows(sql, asset))[0][0]
    return found


async def used(shop: Shop, scope: str, asset: str) -> list[int]:
    sql = "SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND scope = $2 AND asset = $3 AND used_minor > 0"
    return [row[0] for row in await shop.rows(sql, scope, asset)]


async def test_a_change_holds_at_once_in_every_process(shop: Shop, anna: UUID, elsewhere: Elsewhere) -> None:
    """The other process knows the configuration already. Each change is asked about the moment it is done."""
    ten = [addition(STAFF, anna, 10)]
    maria = [addition(Actor("maria", "MANAGER"), anna, 10)]
    assert await elsewhere(ten + maria) == ["posted", "posted"]
    for limit, code in ((9, "LIMIT_EXCEEDED"), (10, "posted"), (0, "LIMIT_EXCEEDED"), (None, "posted")):
        await set_to(shop, "STAFF", per_adjustment=limit)
        before = await shop.fingerprint()
        assert await elsewhere(ten) == [code], limit
        assert (await shop.fingerprint() == before) == (code != "posted")
    await set_to(shop, "STAFF", holder="sam", per_adjustment=9)
    assert await elsewhere(ten + maria) == ["LIMIT_EXCEEDED", "posted"]
    await remove_limit(shop.ledger, shop.tenant_id, ADMIN, RemoveLimit("STAFF", "GBP", "sam"))
    await set_to(shop, "MANAGER", per_adjustment=9)
    assert await elsewhere(ten + maria) == ["posted", "LIMIT_EXCEEDED"]
    await remove_limit(shop.ledger, shop.tenant_id, ADMIN, RemoveLimit("MANAGER", "GBP"))
    assert await elsewhere(maria) == ["posted"]


async def test_a_hundred_at_once_in_two_processes_never_pass_a_limit_together(shop: Shop, elsewhere: Elsewhere) -> None:
    people = [await shop.customer() for _ in range(10)]
    reward = await shop.reward(STEP)
    await set_to(shop, "STAFF", "GBP", per_actor_day=100)
    await set_to(shop, "STAFF", "EUR", per_customer_day=100)
    await set_to(shop, "PARTNER", "USD", "app", per_actor_day=100)
    await set_to(shop, "STAFF", "POINTS", per_actor_day=100)
    kinds: dict[str, Callable[[int], list[Any]]] = {
        "GBP": lambda n: addition(STAFF, people[n % 10], STEP),  # one actor, ten customers
        "EUR": lambda n: addition(Actor(f"staff {n}", "STAFF"), people[0], STEP, "EUR"),  # and the other way round
        "USD": lambda n: addition(Actor(f"token {n}", "PARTNER", "app"), people[n % 10], STEP, "USD"),
        "POINTS": lambda n: addition(STAFF, people[n % 10], 0, "POINTS", reward=reward),
    }
    for asset, of in kinds.items():
        additions = [of(n) for n in range(AT_ONCE)]
        both = await asyncio.gather(here(shop, additions[::2]), elsewhere(additions[1::2]))
        codes = both[0] + both[1]
        assert (codes.count("posted"), codes.count("LIMIT_EXCEEDED")) == (14, 86), asset  # 100 / 7
        scope = "PER_CUSTOMER_DAY" if asset == "EUR" else "PER_ACTOR_DAY"
        digits = 1 if asset == "POINTS" else 100
        assert await used(shop, scope, asset) == [14 * STEP * digits], asset
        assert await added(shop, asset) == (0 if asset == "POINTS" else 14 * STEP * digits), asset
    assert await shop.count("coupons") == 14


async def test_while_it_is_lowered_nothing_that_comes_after_exceeds_it(
    shop: Shop, clock: Clock, elsewhere: Elsewhere
) -> None:
    """What was added when a change was done is all that may ever be above the new limit."""
    people = [await shop.customer() for _ in range(10)]
    await set_to(shop, "STAFF", per_actor_day=1_000)
    additions = [addition(STAFF, people[n % 10], STEP) for n in range(AT_ONCE)]
    other = Shop(Ledger(clock), clock, shop.slug, shop.tenant_id)
    adding = [asyncio.create_task(elsewhere(additions))]
    for limit in (600, 400, 200, 50):
        adding += [asyncio.create_task(here(one, additions[:20])) for one in (shop, other)]
        await set_to(shop, "STAFF", per_actor_day=limit)
        then = await added(shop, "GBP")
    codes = [code for codes in await asyncio.gather(*adding) for code in codes]
    await other.ledger.close()

    posted = codes.count("posted")
    assert set(codes) == {"posted", "LIMIT_EXCEEDED"}
    assert await added(shop, "GBP") == posted * STEP * 100
    assert posted * STEP * 100 <= max(then, 50 * 100)


async def waiting_for_locks(shop: Shop, number: int) -> None:
    """Until so many of the database's connections wait for one another."""
    sql = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL"""
    async with asyncio.timeout(4):
        while (await shop.rows(sql))[0][0] < number:  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.01)


async def test_a_change_waits_for_what_is_under_way_and_the_next_goes_by_it(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, 1, actor=STAFF)
    units = [await adjustment(shop, anna, 50, "GBP", actor=STAFF) for _ in range(2)]
    async with tenant_transaction(shop.tenant_id) as connection:
        await connection.raw.execute("SELECT FROM limit_counters WHERE tenant_id = $1 FOR UPDATE", shop.tenant_id)
        under_way = asyncio.create_task(post(shop, units[0]))
        await waiting_for_locks(shop, 1)  # it has read the limits, and waits for the day's counter
        change = asyncio.create_task(set_to(shop, "STAFF", None, per_adjustment=10))
        await waiting_for_locks(shop, 2)
        following = asyncio.create_task(post(shop, units[1]))
        await waiting_for_locks(shop, 3)
        # What adds nothing waits for nobody.
        bob = await shop.customer("Bob")
        await asyncio.wait_for(shop.invoice(bob, 1), timeout=4)
        assert not change.done()
    (first,), _, (second,) = await asyncio.gather(under_way, change, following)
    assert isinstance(first, Posted)
    assert isinstance(getattr(second, "error", None), LimitExceeded)
    assert await shop.available(anna) == 5_100

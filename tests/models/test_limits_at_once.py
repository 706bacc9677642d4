"""Limits under many requests at the same moment: in two processes, through several tokens, and while they change."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models.commands import Actor
from models.configuration_commands import IssueToken, RemoveLimit, SetLimit
from models.errors import Busy
from models.ledger import Ledger
from models.loading import config_locks
from models.operations.limits import remove_limit, set_limit
from models.operations.partner_tokens import issue_token
from models.session import tenant_transaction
from tests.support.clock import Clock
from tests.support.limits_worker import add
from tests.support.pausing import Pause
from tests.support.tenants import ADMIN, STAFF, Tenant

ROOT = Path(__file__).parents[2]
AT_ONCE = 100
STEP = 7
LINE_BYTES = 1_000_000
SOON = 15

Additions = list[list[Any]]
Elsewhere = Callable[[Additions], Coroutine[Any, Any, list[str]]]


@pytest.fixture
async def elsewhere(tenant: Tenant, database_urls: Urls) -> AsyncIterator[Elsewhere]:
    """Sends additions from another process, which keeps what it knows of the configuration from one call to the next."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.limits_worker", stdin=PIPE, stdout=PIPE, cwd=ROOT, limit=LINE_BYTES
    )
    assert await said(process, {"url": database_urls.app, "now": tenant.clock().isoformat()}) == b"ready\n"

    async def send(additions: Additions) -> list[str]:
        answer: list[str] = json.loads(await said(process, {"tenant": str(tenant.id), "additions": additions}))
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


async def here(tenant: Tenant, additions: Additions) -> list[str]:
    return list(await asyncio.gather(*(add(tenant.ledger, tenant.id, addition) for addition in additions)))


def addition(actor: Actor, customer: UUID, amount: int, asset: str = "GBP", *, reward: UUID | None = None) -> list[Any]:
    return [
        actor.subject,
        actor.role,
        actor.client,
        str(customer),
        asset,
        str(amount),
        None if reward is None else str(reward),
    ]


async def set_to(
    tenant: Tenant, role: str, asset: str | None = "GBP", holder: str | None = None, **limits: int | None
) -> None:
    exact: dict[str, Any] = {kind: None if limit is None else Decimal(limit) for kind, limit in limits.items()}
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit(role, asset, holder, **exact))


async def added(tenant: Tenant, asset: str) -> int:
    """In minor units, by everybody together."""
    sql = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM accounts WHERE tenant_id = $1 AND asset = $2"
    found: int = (await tenant.rows(sql, asset))[0][0]
    return found


async def used(tenant: Tenant, scope: str, asset: str) -> list[int]:
    sql = "SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND scope = $2 AND asset = $3 AND used_minor > 0"
    return [row[0] for row in await tenant.rows(sql, scope, asset)]


async def test_a_change_holds_at_once_in_every_process(tenant: Tenant, anna: UUID, elsewhere: Elsewhere) -> None:
    """The other process knows the configuration already. Each change is asked about the moment it is done."""
    ten = [addition(STAFF, anna, 10)]
    maria = [addition(Actor("maria", "MANAGER"), anna, 10)]
    assert await elsewhere(ten + maria) == ["posted", "posted"]
    for limit, code in ((9, "LIMIT_EXCEEDED"), (10, "posted"), (0, "LIMIT_EXCEEDED"), (None, "posted")):
        await set_to(tenant, "STAFF", per_adjustment=limit)
        before = await tenant.fingerprint()
        assert await elsewhere(ten) == [code], limit
        assert (await tenant.fingerprint() == before) == (code != "posted")
    await set_to(tenant, "STAFF", holder="sam", per_adjustment=9)
    assert await elsewhere(ten + maria) == ["LIMIT_EXCEEDED", "posted"]
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", "GBP", "sam"))
    await set_to(tenant, "MANAGER", per_adjustment=9)
    assert await elsewhere(ten + maria) == ["posted", "LIMIT_EXCEEDED"]
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("MANAGER", "GBP"))
    assert await elsewhere(maria) == ["posted"]


async def test_a_hundred_at_once_in_two_processes_never_pass_a_limit_together(
    tenant: Tenant, elsewhere: Elsewhere
) -> None:
    people = [await tenant.customer() for _ in range(10)]
    reward = await tenant.reward(STEP)
    await set_to(tenant, "STAFF", "GBP", per_actor_day=100)
    await set_to(tenant, "STAFF", "EUR", per_customer_day=100)
    await set_to(tenant, "PARTNER", "USD", "app", per_actor_day=100)
    await set_to(tenant, "STAFF", "POINTS", per_actor_day=100)
    kinds: dict[str, Callable[[int], list[Any]]] = {
        "GBP": lambda n: addition(STAFF, people[n % 10], STEP),  # one actor, ten customers
        "EUR": lambda n: addition(Actor(f"staff {n}", "STAFF"), people[0], STEP, "EUR"),  # and the other way round
        "USD": lambda n: addition(Actor(f"token {n}", "PARTNER", "app"), people[n % 10], STEP, "USD"),
        "POINTS": lambda n: addition(STAFF, people[n % 10], 0, "POINTS", reward=reward),
    }
    for asset, of in kinds.items():
        additions = [of(n) for n in range(AT_ONCE)]
        both = await asyncio.gather(here(tenant, additions[::2]), elsewhere(additions[1::2]))
        codes = both[0] + both[1]
        assert (codes.count("posted"), codes.count("LIMIT_EXCEEDED")) == (14, 86), asset  # 100 / 7
        scope = "PER_CUSTOMER_DAY" if asset == "EUR" else "PER_ACTOR_DAY"
        digits = 1 if asset == "POINTS" else 100
        assert await used(tenant, scope, asset) == [14 * STEP * digits], asset
        assert await added(tenant, asset) == (0 if asset == "POINTS" else 14 * STEP * digits), asset
    assert await tenant.count("coupons") == 14


async def test_while_it_is_lowered_nothing_that_comes_after_exceeds_it(
    tenant: Tenant, clock: Clock, elsewhere: Elsewhere
) -> None:
    """What was added when a change was done is all that may ever be above the new limit."""
    people = [await tenant.customer() for _ in range(10)]
    await set_to(tenant, "STAFF", per_actor_day=1_000)
    additions = [addition(STAFF, people[n % 10], STEP) for n in range(AT_ONCE)]
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    adding = [asyncio.create_task(elsewhere(additions))]
    for limit in (600, 400, 200, 50):
        adding += [asyncio.create_task(here(one, additions[:20])) for one in (tenant, other)]
        await set_to(tenant, "STAFF", per_actor_day=limit)
        then = await added(tenant, "GBP")
    codes = [code for codes in await asyncio.gather(*adding) for code in codes]
    await other.ledger.close()

    posted = codes.count("posted")
    assert set(codes) == {"posted", "LIMIT_EXCEEDED"}
    assert await added(tenant, "GBP") == posted * STEP * 100
    assert posted * STEP * 100 <= max(then, 50 * 100)


async def test_a_change_waits_for_what_is_under_way_and_nobody_waits_for_the_change(
    tenant: Tenant, other: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, cleo = await tenant.customer(name="Bob"), await tenant.customer(name="Cleo")
    for one in (tenant, other):
        await one.adjust(bob, 1, actor=STAFF)
    pause = Pause(monkeypatch, "models.posting.write")
    bulk = asyncio.create_task(tenant.bulk((anna, 50), (cleo, 50), asset="GBP"))
    await pause.reached.wait()  # it has read the limits, and has not been posted
    changes = [asyncio.create_task(set_to(tenant, "STAFF", None, per_adjustment=20))]
    await until_limits(tenant, {"STAFF": 20})  # of two that begin together, either may be the last
    changes += [asyncio.create_task(set_to(tenant, "STAFF", None, per_adjustment=10))]
    changes += [asyncio.create_task(set_to(other, "MANAGER", None, per_adjustment=10))]
    await until_limits(tenant, {"STAFF": 10, "MANAGER": 10})
    async with asyncio.timeout(SOON):
        for one in (tenant, other):
            await one.adjust(bob, 10, actor=STAFF)
            async with one.refused("LIMIT_EXCEEDED"):
                await one.adjust(bob, 11)  # a manager's: what begins now goes by the new rule, answered or not
            await one.adjust(bob, -1)
            await one.adjust(bob, 1, "POINTS", actor=STAFF)
    assert not any(change.done() for change in changes)
    pause.go_on.set()
    await asyncio.gather(bulk, *changes)
    assert await tenant.available(anna) == 5_000  # by the rule that was
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 11)


async def test_a_change_says_so_where_what_is_under_way_takes_too_long(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_locks, "LONGEST_WAIT_S", 0.05)
    await set_to(tenant, "STAFF", per_adjustment=70)
    tokens = await tenant.count("partner_tokens")
    async with tenant_transaction(tenant.id):
        with pytest.raises(Busy, match="was changed"):
            await set_to(tenant, "STAFF", per_adjustment=60)
        with pytest.raises(Busy, match="was changed"):
            await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", "GBP"))
        with pytest.raises(Busy):  # where there is none any more, it may just have been removed
            await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", "GBP"))
        with pytest.raises(Busy):
            await issue_token(tenant.ledger, tenant.id, ADMIN, token(SetLimit("PARTNER", "GBP", "app", Decimal(5))))
    assert await tenant.count("partner_tokens") == tokens + 1
    assert await tenant.rows("SELECT revoked_at IS NULL FROM partner_tokens WHERE tenant_id = $1") == [(False,)]
    await issue_token(tenant.ledger, tenant.id, ADMIN, token(SetLimit("PARTNER", "GBP", "app", Decimal(5))))


async def test_a_file_that_is_taken_in_holds_up_no_change(tenant: Tenant, anna: UUID) -> None:
    async with tenant_transaction(tenant.id, settings=config_locks.adding_nothing(tenant.id)):
        async with asyncio.timeout(SOON):
            await set_to(tenant, "STAFF", per_adjustment=60)


async def test_a_dry_run_holds_up_no_change(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    pause = Pause(monkeypatch, "models.posting.write")
    bulk = asyncio.create_task(tenant.bulk((anna, 50), asset="GBP", dry_run=True))
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        await set_to(tenant, "STAFF", per_adjustment=60)
    pause.go_on.set()
    await bulk


def token(*limits: SetLimit) -> IssueToken:
    return IssueToken(uuid4(), uuid4().bytes * 2, "app", "till", frozenset({"credits:add"}), limits)


async def until_limits(tenant: Tenant, wanted: dict[str, int]) -> None:
    """Until they are committed, whether or not they have been answered."""
    sql = """SELECT role, per_adjustment::int FROM limit_rules
        WHERE tenant_id = $1 AND kind = 'ADDING' AND asset = 'MONEY' AND holder = ''"""
    async with asyncio.timeout(SOON):
        while not wanted.items() <= dict(await tenant.rows(sql)).items():  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.01)

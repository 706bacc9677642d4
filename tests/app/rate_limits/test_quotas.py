"""Rate limits: how they are reckoned, whose they are, in memory and in Redis, and what becomes of them without it."""

import asyncio
import logging
import socket
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakeredis import TcpFakeServer
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from app.http.metrics import Metrics
from app.http.series import Sources
from app.problems import SetupProblem
from app.rate_limits import quotas
from app.rate_limits.memory import MemoryWindows
from app.rate_limits.quotas import REDIS_PAUSE_S, RateLimits, holder_key, parse_limit, rate_limits
from app.rate_limits.windows import Quota, Window
from app.settings import Settings
from auth.principal import Principal
from auth.roles import Role
from gateway.errors import RateLimited
from models.ledger import Ledger

ROOT = Path(__file__).parents[3]
START = 6_000.0
"""The beginning of a minute."""


class Seconds:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


async def refused_for(limits: RateLimits, cost: int = 1, holder: str = "h") -> int | None:
    """Seconds, or None if it was let through."""
    try:
        await limits.charge(holder, cost)
    except RateLimited as refused:
        return refused.retry_after
    return None


async def test_what_is_left_is_counted_by_cost_and_for_each_holder() -> None:
    limits = RateLimits(parse_limit("100/minute"), clock=Seconds())
    assert await refused_for(limits, 60) is None
    assert await refused_for(limits, 41) is not None
    assert await refused_for(limits, 40) is None
    assert await refused_for(limits, 1) == 61
    assert await refused_for(limits, 100, "another") is None
    assert limits.tallies.refused == 2


async def test_the_window_slides() -> None:
    clock = Seconds()
    limits = RateLimits(parse_limit("100/minute"), clock=clock)
    assert await refused_for(limits, 100) is None
    clock.now += 60 + 29  # 31/60 of the minute before still count: 51
    assert await refused_for(limits, 50) is not None
    assert await refused_for(limits, 49) is None
    clock.now += 120
    assert await refused_for(limits, 100) is None


async def test_nothing_is_free_and_nothing_can_never_run() -> None:
    limits = RateLimits(parse_limit("3/minute"), clock=Seconds())
    for _ in range(3):
        assert await refused_for(limits, 0) is None
    assert await refused_for(limits, 0) is not None
    assert await refused_for(limits, 50_000, "another") is None
    assert await refused_for(limits, 1, "another") is not None


@given(charges=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 40)), max_size=12), cost=st.integers(1, 60))
async def test_whoever_waits_as_long_as_told_is_let_through(charges: list[tuple[float, int]], cost: int) -> None:
    clock = Seconds()
    limits = RateLimits(parse_limit("60/minute"), clock=clock)
    for pause, earlier in charges:
        clock.now += pause
        await refused_for(limits, earlier)
    wait = await refused_for(limits, cost)
    if wait is not None:
        assert 1 <= wait <= 121
        clock.now += wait
        assert await refused_for(limits, cost) is None


async def test_no_window_of_a_minute_gets_far_past_the_limit() -> None:
    clock = Seconds()
    limits = RateLimits(parse_limit("60/minute"), clock=clock)
    passed: list[float] = []
    for _ in range(1_000):
        clock.now += 0.37
        if await refused_for(limits) is None:
            passed.append(clock.now)
    worst = max(sum(1 for at in passed if end - 60 < at <= end) for end in passed)
    assert 60 <= worst <= 66
    assert len(passed) >= 60 * 5


def test_a_million_holders_take_bounded_memory_and_constant_time() -> None:
    quota, windows = Quota("reads", 10, 60), MemoryWindows(Seconds(), max_windows=1_000)

    def took(number: int) -> float:
        began = time.thread_time()
        for n in range(number):
            assert windows.take(f"{number}/{n}", [(quota, 1)])[0]
        return (time.thread_time() - began) / number

    first = took(2_000)
    later = min(took(20_000), took(20_001))
    assert len(windows) == 1_000
    assert later < first * 5
    # Who came last is still known.
    assert not windows.take("20001/20000", [(quota, 10)])[0]


async def test_what_is_written_has_a_quota_of_its_own() -> None:
    limits = RateLimits(parse_limit("100/minute"), writes=parse_limit("30/minute"), clock=Seconds())
    await limits.charge("h", 60, 30)
    with pytest.raises(RateLimited, match="30 writes in 60 s"):
        await limits.charge("h", 1, 10)
    assert await refused_for(limits, 40) is None
    with pytest.raises(RateLimited, match="100 reads in 60 s"):
        await limits.charge("h", 1)


async def test_a_refusal_takes_nothing_of_either_quota() -> None:
    limits = RateLimits(parse_limit("100/minute"), writes=parse_limit("30/minute"), clock=Seconds())
    await limits.charge("h", 1, 10)
    with pytest.raises(RateLimited):
        await limits.charge("h", 1, 30)
    await limits.charge("h", 99, 20)


async def test_what_is_left_is_told() -> None:
    clock, instant = Seconds(), datetime(2031, 5, 6, 7, 8, 9, 400_000, UTC)
    limits = RateLimits(parse_limit("100/minute"), writes=parse_limit("30/minute"), clock=clock, now=lambda: instant)
    clock.now += 10
    charge = limits.of(None, "10.0.0.1")
    assert (charge.headers(), charge.told(), charge.scarcest()) == ({}, {}, {})
    await charge(7)
    policy = '"reads";q=100;w=60;qu="cost", "writes";q=30;w=60;qu="cost"'
    assert charge.headers() == {"ratelimit": '"reads";r=93;t=110', "ratelimit-policy": policy}
    await charge(3, 10)
    assert charge.headers()["ratelimit"] == '"reads";r=90;t=110, "writes";r=20;t=110'
    assert charge.told() == {
        "reads": {"limit": 100, "remaining": 90, "resetsIn": 110},
        "writes": {"limit": 30, "remaining": 20, "resetsIn": 110},
    }
    assert charge.scarcest() == {"limit": 30, "remaining": 20, "resetAt": "2031-05-06T07:10:00Z"}
    clock.now += 110
    again = limits.of(None, "10.0.0.1")
    await again(0, 1)
    assert again.told()["writes"]["remaining"] == 29


async def test_by_default_a_till_at_the_full_speed_of_one_machine_meets_neither_quota() -> None:
    """2,000 adjustments a second, for ten minutes; one dashboard that asks for 31,000 a second does within a minute."""
    settings, clock = Settings.model_validate({}), Seconds()
    found = rate_limits(settings.rate_limit, "memory://", settings.rate_limit_writes)
    assert found is not None
    assert found.writes is not None
    limits = RateLimits(
        parse_limit(settings.rate_limit), writes=parse_limit(f"{found.writes.amount}/minute"), clock=clock
    )
    for _ in range(600):
        clock.now += 1
        await limits.charge("till", 2_000 * 8, 2_000 * 10)
    asked = 0
    while await refused_for(limits, 31_000, "dashboard") is None:
        asked += 1
        clock.now += 1
    assert asked < 60


@pytest.mark.parametrize(
    ("limit", "writes", "expected"),
    [
        ("10/minute", None, (10, 30)),
        ("10/minute", "0", (10, None)),
        ("0", "7/hour", (None, 7)),
        ("0", None, None),
        ("0", "0", None),
    ],
)
def test_each_quota_can_be_set_and_turned_off(limit: str, writes: str | None, expected: object) -> None:
    made = rate_limits(limit, "memory://", writes)
    assert expected == (made and tuple(quota and quota.amount for quota in (made.reads, made.writes)))


def principal(**changes: Any) -> Principal:
    return replace(
        Principal(
            tenant="acme",
            subject="ann",
            role=Role.PARTNER,
            scopes=frozenset(),
            name=None,
            client_id="till",
            customer=None,
            token_id="1",
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        ),
        **changes,
    )


def test_a_fresh_token_of_the_same_holder_changes_nothing() -> None:
    fresh = principal(token_id="2", expires_at=datetime(2031, 1, 1, tzinfo=UTC), name="Ann", scopes=frozenset())
    assert holder_key(fresh, "10.0.0.1") == holder_key(principal(), "10.9.9.9")


def test_every_other_holder_has_a_limit_of_their_own() -> None:
    others = [
        principal(tenant="other"),
        principal(subject="bob"),
        principal(role=Role.STAFF),
        principal(client_id="web"),
        principal(customer="c1"),
        principal(subject='ann","till'),
        principal(subject="ann/till", client_id=None),
        None,
    ]
    keys = [holder_key(who, "10.0.0.1") for who in (principal(), *others)]
    assert len(set(keys)) == len(keys)
    assert "ann" not in "".join(keys)


def test_without_a_token_the_network_counts() -> None:
    assert holder_key(None, "10.0.0.1") != holder_key(None, "10.0.0.2")
    assert holder_key(None, "2001:db8:1:2::1") == holder_key(None, "2001:db8:1:2:ffff::9")
    assert holder_key(None, "2001:db8:1:2::1") != holder_key(None, "2001:db8:1:3::1")
    assert holder_key(None, "::ffff:10.0.0.1") == holder_key(None, "10.0.0.1")
    assert holder_key(None, "not:an:address") == holder_key(None, "not:an:address")
    assert holder_key(None, None) == holder_key(None, None)


@pytest.mark.parametrize(
    ("text", "amount", "period"),
    [
        ("100/minute", 100, 60),
        (" 100 per 5 Minutes ", 100, 300),
        ("7/second", 7, 1),
        ("1/24 hours", 1, 86_400),
        ("9 per day", 9, 86_400),
    ],
)
def test_a_limit_is_an_amount_in_a_period(text: str, amount: int, period: int) -> None:
    assert parse_limit(text) == (amount, period)


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "many",
        "5/0 minutes",
        "5",
        "٥/minute",
        "0/minute",
        "10/fortnight",
        "5/2 day",
        "-1/minute",
        "1.5/minute",
        "5/minute; 9/hour",
    ],
)
def test_a_limit_that_makes_no_sense_is_told_at_start(limit: str) -> None:
    with pytest.raises(SetupProblem, match=r"^SCRIP_RATE_LIMIT: "):
        rate_limits(limit, "memory://")


def test_so_is_one_of_writes() -> None:
    with pytest.raises(SetupProblem, match=r"^SCRIP_RATE_LIMIT_WRITES: "):
        rate_limits("10/minute", "memory://", "many")


@pytest.mark.parametrize("url", ["memcached://h", "redis//h", "redis://u:hunter2@h:port/0"])
def test_so_is_a_url_that_is_none_without_its_password(url: str) -> None:
    with pytest.raises(SetupProblem, match=r"^SCRIP_RATE_LIMIT_URL: ") as problem:
        rate_limits("10/minute", url)
    assert "hunter2" not in str(problem.value)


def test_they_can_be_turned_off() -> None:
    assert rate_limits("0", "memory://") is None


@pytest.fixture
def redis_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One that may take its time: it is a thread here, beside whatever else runs."""
    monkeypatch.setattr(quotas, "REDIS_TIMEOUT_S", 10)
    server = TcpFakeServer(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def unused_port() -> int:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_processes_share_one_limit_in_redis(redis_url: str) -> None:
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.rate_limit_worker", redis_url, "50/minute", "40", stdout=PIPE, cwd=ROOT
        )
        for _ in range(2)
    ]
    answers = [await worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    passed = [int(answer) for answer, _ in answers]
    assert sum(passed) == 50
    assert all(each >= 10 for each in passed)


async def test_redis_tells_how_long_to_wait(redis_url: str) -> None:
    limits = RateLimits(parse_limit("10/minute"), redis_url)
    assert await refused_for(limits, 10) is None
    wait = await refused_for(limits, 1)
    assert wait is not None
    assert 55 <= wait <= 68
    assert limits.tallies.counted_here == 0
    await limits.close()


async def test_redis_counts_both_quotas_at_once_and_a_refusal_takes_nothing(redis_url: str) -> None:
    limits = RateLimits(parse_limit("100/minute"), redis_url, writes=parse_limit("30/minute"))
    charge = limits.of(None, "10.0.0.1")
    await charge(10, 20)
    told = charge.told()
    assert {name: standing["remaining"] for name, standing in told.items()} == {"reads": 90, "writes": 10}
    assert all(100 <= standing["resetsIn"] <= 120 for standing in told.values())
    with pytest.raises(RateLimited):
        await charge(10, 11)
    await charge(90, 10)
    assert {standing["remaining"] for standing in charge.told().values()} == {0}
    assert limits.tallies.counted_here == 0
    await limits.close()


async def test_in_redis_the_window_slides_too(redis_url: str) -> None:
    limits = RateLimits(parse_limit("100/second"), redis_url)
    charge = limits.of(None, "10.0.0.1")
    await charge(100)
    for _ in range(40):
        await asyncio.sleep(0.1)
        try:
            await charge(50)
        except RateLimited:
            continue
        break
    else:
        pytest.fail("there was never room again")
    assert limits.tallies.counted_here == 0
    await limits.close()


async def test_without_redis_each_process_counts_for_itself_and_says_so_once(
    unused_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Seconds()
    limits = RateLimits(parse_limit("10/minute"), f"redis://user:hunter2@127.0.0.1:{unused_port}/0", clock=clock)
    with caplog.at_level(logging.INFO):
        for _ in range(10):
            assert await refused_for(limits) is None
        assert await refused_for(limits) is not None
        clock.now += REDIS_PAUSE_S + 1
        assert await refused_for(limits) is not None
    assert [record.levelname for record in caplog.records if record.name == "app.rate_limits.quotas"] == ["WARNING"]
    assert "hunter2" not in caplog.text
    assert limits.tallies.outages == 1
    assert limits.tallies.counted_here == 12
    await limits.close()


async def test_a_redis_that_never_answers_holds_up_one_request_and_not_for_long() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    limits = RateLimits(parse_limit("1000/minute"), f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    began = time.perf_counter()
    assert await refused_for(limits) is None
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(100):
        assert await refused_for(limits) is None
    assert first < 2  # 0.25 of them waiting; the rest is for a busy machine
    assert time.perf_counter() - began < 100 * 0.25  # none of them waited
    await limits.close()
    for writer in connections:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_redis_counts_again_once_it_is_back(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Seconds()
    limits = RateLimits(parse_limit("10/minute"), redis_url, clock=clock)
    shared = limits._shared
    assert shared is not None

    async def broken(*_: object) -> tuple[bool, list[Window]]:
        raise ConnectionResetError

    with monkeypatch.context() as outage:
        outage.setattr(shared, "take", broken)
        assert await refused_for(limits) is None
    assert limits.tallies.outages == 1
    clock.now += REDIS_PAUSE_S / 2
    assert await refused_for(limits) is None
    assert limits.tallies.counted_here == 2
    clock.now += REDIS_PAUSE_S
    with caplog.at_level(logging.INFO, logger="app.rate_limits.quotas"):
        assert await refused_for(limits, 10) is None
    assert limits.tallies.counted_here == 2
    assert "answers again" in caplog.text
    await limits.close()


async def test_metrics_tell_of_refusals_and_of_outages() -> None:
    limits = RateLimits(parse_limit("1/minute"), clock=Seconds())
    assert await refused_for(limits) is None
    assert await refused_for(limits) is not None
    app = Starlette(routes=Metrics(Sources(Ledger(), rate_limits=limits.tallies)).routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scrip") as client:
        text = (await client.get("/metrics")).text
    assert "scrip_rate_limited_total 1.0" in text
    assert "scrip_rate_limit_outages_total 0.0" in text
    assert "scrip_rate_limit_counted_here_total 0.0" in text

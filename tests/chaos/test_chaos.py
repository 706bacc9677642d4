"""A short piece of chaos: faults that need nothing but Python, once each. `make chaos` plays it longer, and with more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import httpx
import pytest

from auth.roles import Role
from tests.chaos.checks import counted, replayed
from tests.chaos.faults import FAULTS
from tests.chaos.follow import Event, Movement, compared
from tests.chaos.load import ADJUST, Call, Load, Wrong, verdict
from tests.chaos.play import play
from tests.chaos.report import KEPT, PAGE, page
from tests.chaos.world import Wanted, World, world

SEED: Final = 20_261_128
SHORT: Final = ("answers to COMMIT lost", "server killed", "PostgreSQL killed", "network cut", "lock held")
MOST_S: Final = 2.0
CLIENTS: Final = 6
CALL: Final = Call("adjust", "k", ADJUST, {}, Role.MANAGER)


async def test_nothing_that_was_acknowledged_is_lost_or_done_twice() -> None:
    said: list[str] = []
    async with world(Wanted()) as made:
        played = await play(
            made,
            "short",
            SEED,
            len(SHORT),
            said.append,
            only=SHORT,
            most_s=MOST_S,
            clients=CLIENTS,
            then=would_be_noticed,
        )
    wrong = [text for each in played.rounds for text in each.wrong] + played.wrong
    assert wrong == [], "\n".join([*said, *wrong])
    assert len(played.kinds) >= 8, "the load was not mixed"
    assert played.events > sum(played.kinds.values()) / 2, "nobody followed the feed"
    assert sum(each.seen.again.total() for each in played.rounds) > 0, "nobody noticed anything"


async def would_be_noticed(world: World, load: Load) -> None:
    """A write that is lost, one that is there twice, one that moved something else, and another answer."""
    at, acked = next((n, each) for n, each in enumerate(load.acked) if each.call.kind == "adjust" and each.amount)
    more = [acked] * (1 + load.doubtful.total())
    load.doubtful.clear()
    load.acked += more
    assert [text for text in await counted(world, load) if text.startswith("adjust, approve: ")], "lost"
    del load.acked[-len(more) :]
    load.acked.pop(at)
    assert [text for text in await counted(world, load) if text.startswith("adjust, approve: ")], "twice"
    load.acked.insert(at, replace(acked, amount=Decimal("123.45")))
    assert [text for text in await counted(world, load) if "123.45 was acknowledged" in text], "another amount"
    assert len(await replayed(load, [replace(acked, ids={"transaction": "another"})])) == 1
    load.acked[at] = acked


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (200, {"data": {"answer": {"replayed": True, "userErrors": []}}}, None),
        (200, {"data": {"answer": {"userErrors": [{"code": "BUSY"}]}}}, "BUSY"),
        (200, {"data": {"answer": {"userErrors": [{"code": "INSUFFICIENT_BALANCE"}]}}}, "INSUFFICIENT_BALANCE"),
        (503, {"errors": [{"extensions": {"code": "UNAVAILABLE"}}]}, "UNAVAILABLE"),
    ],
)
def test_what_a_client_does_with_an_answer(status: int, told: object, expected: str | None) -> None:
    why, payload = verdict(CALL, httpx.Response(status, json=told))
    assert why == expected
    assert (payload == "refused") == (why == "INSUFFICIENT_BALANCE")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (500, {"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}),
        (200, {"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}], "data": {"answer": None}}),
        (200, {"data": {"answer": None}}),
        (500, {}),
    ],
)
def test_no_client_should_ever_get_that(status: int, told: object) -> None:
    with pytest.raises(Wrong):
        verdict(CALL, httpx.Response(status, json=told))


A, B, C = (UUID(int=n) for n in (1, 2, 3))
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
TOLD: Final = [
    Event(1, "CREDIT_ADJUSTED", AT, A, (Movement(C, 1, 1, "h1", None),)),
    Event(2, "CUSTOMER_UPDATED", AT + timedelta(seconds=1), None, ()),
    Event(3, "CREDIT_SPENT", AT + timedelta(seconds=2), B, (Movement(C, 2, 3, "h3", "h1"),)),
]
HEADS: Final = {C: (3, "h3")}


def test_a_consumer_that_was_told_all_finds_nothing() -> None:
    assert compared(TOLD, {A, B}, HEADS) == []


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (TOLD[:2], "transactions are missing"),
        ([TOLD[0], TOLD[2]], "positions are not"),
        ([*TOLD, replace(TOLD[2], position=4)], "are there twice"),
        ([TOLD[0], TOLD[1], replace(TOLD[2], recorded_at=AT)], "recordedAt decreases"),
        ([*TOLD, replace(TOLD[1], position=4, transaction=C)], "are nowhere else"),
        ([TOLD[0], TOLD[1], replace(TOLD[2], movements=(Movement(C, 1, 3, "h3", "h1"),))], "is broken"),
        ([TOLD[0], TOLD[1], replace(TOLD[2], movements=(Movement(C, 2, 3, "h3", "other"),))], "is broken"),
        ([TOLD[0], TOLD[1], replace(TOLD[2], movements=(Movement(C, 2, 3, "other", "h1"),))], "before the head"),
    ],
)
def test_a_consumer_notices(events: list[Event], expected: str) -> None:
    assert any(expected in text for text in compared(events, {A, B}, HEADS))


def test_every_short_fault_is_one() -> None:
    assert set(SHORT) <= set(FAULTS)


def test_the_page_is_what_the_kept_results_say() -> None:
    assert PAGE.read_text() == page()
    assert all(file.suffix in (".json", "") for file in KEPT.iterdir())

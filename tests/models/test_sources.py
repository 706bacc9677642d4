"""The database's time as a process knows it: learned from answers, carried on by a steady clock, compared with the wall."""

import logging
from datetime import datetime, timedelta

import pytest

from models.errors import Unavailable
from models.sources import SAID_EVERY_S, STALE_S, DatabaseClock, GivenClock, steady_clock, system_clock
from tests.support.clock import NOON
from tests.support.logged import logged

SECOND = timedelta(seconds=1)


class World:
    """The database's clock, and this machine's two: `wall` is ahead of it by `skew`."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.skew = timedelta()
        self.reset = timedelta()

    @property
    def now(self) -> datetime:
        return NOON + self.reset + timedelta(seconds=self.passed)

    def clock(self, max_skew: timedelta = 2 * SECOND) -> DatabaseClock:
        return DatabaseClock(lambda: self.now + self.skew, lambda: self.passed, max_skew=max_skew)

    def tell(self, clock: DatabaseClock, *, there: float = 0.0, back: float = 0.0) -> None:
        """Ask the database for its time, which takes so many seconds either way."""
        asked = clock.asking()
        self.passed += there
        told = self.now
        self.passed += back
        clock.learn(asked, told)


@pytest.fixture
def world() -> World:
    return World()


def test_it_is_the_walls_until_the_database_has_told_its_own(world: World) -> None:
    clock, world.skew = world.clock(), timedelta(days=2)
    assert (clock(), clock.skew, clock.doubtful) == (NOON + timedelta(days=2), None, True)
    clock.check()
    world.tell(clock)
    assert (clock(), clock.skew) == (NOON, 2 * 86_400)
    assert not clock.doubtful


def test_setting_the_wall_clock_does_not_move_it(world: World) -> None:
    clock = world.clock()
    world.tell(clock)
    world.passed, world.skew = 30.0, timedelta(hours=-3)
    assert clock() == NOON + 30 * SECOND
    assert clock.skew == -3 * 3_600


def test_the_tightest_telling_is_kept(world: World) -> None:
    clock = world.clock()
    world.tell(clock, there=0.001, back=0.001)
    exact = clock() - world.now
    assert abs(exact) < timedelta(milliseconds=1)
    world.tell(clock, there=4, back=0)  # it waited for a lock, or so it seems
    assert abs(clock() - world.now) < timedelta(milliseconds=1)
    world.passed += 3_600
    world.tell(clock, there=0.5, back=0)  # by now the first one is vaguer than that
    assert timedelta(milliseconds=200) < abs(clock() - world.now) < timedelta(milliseconds=300)


def test_it_is_never_before_what_the_database_has_said(world: World) -> None:
    clock = world.clock()
    world.tell(clock, there=1.9, back=0.1)
    assert clock() >= NOON + 1.9 * SECOND


@pytest.mark.parametrize("by", [timedelta(hours=2), timedelta(hours=-2)])
def test_somebody_sets_the_databases_clock(world: World, by: timedelta) -> None:
    clock = world.clock()
    world.tell(clock, back=0.001)
    world.reset, world.skew = by, -by
    world.tell(clock, back=0.001)
    assert abs(clock() - world.now) < timedelta(milliseconds=2)
    with pytest.raises(Unavailable) as caught:
        clock.check()
    assert caught.value.skew_s == pytest.approx(-by.total_seconds(), abs=0.01)


@pytest.mark.parametrize(("skew", "off"), [(1.9, False), (-1.9, False), (2.1, True), (-2.1, True)])
def test_the_bound(world: World, skew: float, off: bool) -> None:
    clock, world.skew = world.clock(), timedelta(seconds=skew)
    world.tell(clock, there=0.01, back=0.01)
    assert clock.off is off


def test_nobody_is_refused_for_what_is_merely_vague(world: World) -> None:
    clock, world.skew = world.clock(), 2.5 * SECOND
    world.tell(clock, there=5, back=5)
    clock.check()
    world.tell(clock)
    with pytest.raises(Unavailable):
        clock.check()


def test_what_was_told_long_ago_is_asked_again_before_anybody_is_refused(world: World) -> None:
    clock = world.clock()
    world.tell(clock)
    world.passed += 2 * STALE_S
    doubts = [clock.doubtful]
    world.skew = 5 * SECOND
    doubts.append(clock.doubtful)
    world.tell(clock)
    doubts.append(clock.doubtful)
    assert doubts == [False, True, False]


def test_it_says_so_once_and_again_when_it_is_over(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "models.sources")
    clock, world.skew = world.clock(), timedelta(hours=2)
    for _ in range(100):
        world.tell(clock)
    world.passed += SAID_EVERY_S
    world.skew = timedelta()
    for _ in range(100):
        world.tell(clock, there=0.01)
    said = [(record.levelname, record.getMessage()) for record in logged(caplog)]
    assert [level for level, _ in said] == ["ERROR", "WARNING"]
    assert "+7200.0" in said[0][1]


def test_a_clock_at_the_bound_does_not_fill_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    clock = world.clock()
    for n in range(1_000):
        world.skew = (2.1 if n % 2 else 1.9) * SECOND
        world.tell(clock, there=0.01)
    assert len(logged(caplog)) <= 1 + 10 / SAID_EVERY_S


def test_the_real_clocks() -> None:
    clock = DatabaseClock()
    clock.learn(clock.asking(), system_clock())
    assert abs(clock.skew or 0) < 1
    assert steady_clock() <= steady_clock()
    clock.check()


def test_one_that_is_given_decides() -> None:
    clock = GivenClock(lambda: NOON)
    clock.learn(clock.asking(), NOON + timedelta(days=9))
    clock.check()
    assert (clock(), clock.given, clock.skew, clock.doubtful) == (NOON, NOON, None, False)

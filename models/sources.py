"""Time, ids and randomness of the running service. Tests pass their own."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import uuid_utils
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - it is one of the class of that name

from models.errors import Unavailable

log = logging.getLogger(__name__)

MAX_SKEW: Final = timedelta(seconds=2)
"""Default maximum difference between a server's wall clock and the database's."""
DRIFT: Final = 0.0005
"""Maximum drift of two clocks, in seconds per second, while one is being slewed."""
STALE_S: Final = 1.0
"""Seconds after which an answer is too old for a refusal: the database is asked again first."""
SAID_EVERY_S: Final = 10.0
"""At most one log line about the clock in this many seconds."""

_CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that look alike
_CODE_CHARACTERS: Final = 12
_SALT_BYTES: Final = 16
_SECRET_BYTES: Final = 32


def system_clock() -> datetime:
    """Now, in UTC, by this machine's wall clock."""
    return datetime.now(UTC)


_BOOTTIME: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


def steady_clock() -> float:
    """Monotonic seconds, including the machine's sleep. Setting the wall clock does not affect it."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class GivenClock:
    """A clock independent of the database's time: for tests, which move it."""

    skew: Final = None
    right: Final = True
    doubtful: Final = False

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def __call__(self) -> datetime:
        return self._clock()

    @property
    def given(self) -> datetime | None:
        return self._clock()

    def asking(self) -> float:
        return 0.0

    def learn(self, asked: float, told: datetime) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing: there is no clock to compare with."""


@dataclass(frozen=True, slots=True)
class _Told:
    """The database's time when the steady clock was at 0: a lower and an upper bound, in seconds of the Unix epoch.

    at: the steady clock's time when the database was asked.
    """

    earliest: float
    latest: float
    at: float

    def bounds(self, now: float) -> tuple[float, float]:
        """The bounds, widened by the drift until `now`."""
        drift = (now - self.at) * DRIFT
        return self.earliest - drift, self.latest + drift


class DatabaseClock:
    """The database's time, as this process knows it: its last answer, and the time since by the steady clock.

    Called, it returns now, for comparisons and reads; rows are stamped with the database's own time in their
    transaction. Each answer is true for some moment between query and answer. The tightest is kept, until its age has
    made it vaguer than a new one, so that neither a lock wait nor a busy loop affects it. One that contradicts it
    replaces it.

    wall: the clock compared with it. max_skew: their maximum difference. Until the first answer, now is the wall's.
    """

    given: Final = None

    def __init__(
        self,
        wall: Callable[[], datetime] = system_clock,
        steady: Callable[[], float] = steady_clock,
        *,
        max_skew: timedelta = MAX_SKEW,
    ) -> None:
        self.max_skew = max_skew
        self._most = max_skew.total_seconds()
        self._wall = wall
        self._steady = steady
        self._known: _Told | None = None
        self._newest: datetime | None = None
        self._learned_at = 0.0
        self._said_off = False
        self._said_at: float | None = None

    def __call__(self) -> datetime:
        """The time now, never before one that the database has already given."""
        if self._known is None or self._newest is None:
            return self._wall()
        at_zero = (self._known.earliest + self._known.latest) / 2
        return max(self._newest, datetime.fromtimestamp(at_zero + self._steady(), UTC))

    def asking(self) -> float:
        """The steady clock's time, to be read before the database is asked."""
        return self._steady()

    def learn(self, asked: float, told: datetime) -> None:
        """Use the database's answer to a query sent at `asked`. Logs if the wall clock is off."""
        now = self._learned_at = self._steady()
        new = _Told(told.timestamp() - now, told.timestamp() - asked, now)
        if self._known is None or self._newest is None:
            self._known, self._newest = new, told
        else:
            earliest, latest = self._known.bounds(now)
            if new.latest < earliest or new.earliest > latest:  # the database's clock has been set
                self._known, self._newest = new, told
            else:
                self._newest = max(self._newest, told)
                if new.latest - new.earliest <= latest - earliest:
                    self._known = new
        self._say(now)

    @property
    def skew(self) -> float | None:
        """Seconds by which the wall clock is ahead of the database's; None before the first answer."""
        bounds = self._skew()
        return None if bounds is None else (bounds[0] + bounds[1]) / 2

    @property
    def off(self) -> bool:
        """Whether the two certainly differ by more than the maximum."""
        bounds = self._skew()
        return bounds is not None and (bounds[0] > self._most or bounds[1] < -self._most)

    @property
    def right(self) -> bool:
        """Whether the database was asked, and the two do not differ by more than the maximum, as far as known."""
        return self._known is not None and not self.off

    @property
    def doubtful(self) -> bool:
        """Whether the database should be asked again before `check` is relied on."""
        return self._known is None or (self.off and self._steady() - self._learned_at > STALE_S)

    def check(self) -> None:
        """Raises Unavailable if the two differ by more than the maximum."""
        if self.off:
            raise Unavailable(self.skew or 0.0)

    def _skew(self) -> tuple[float, float] | None:
        """Minimum and maximum by which the wall clock is ahead, in seconds."""
        if self._known is None:
            return None
        before = self._steady()
        wall = self._wall().timestamp()
        after = self._steady()
        earliest, latest = self._known.bounds(after)
        return wall - latest - after, wall - earliest - before

    def _say(self, now: float) -> None:
        """Log one line when the difference begins and one when it ends, not one for each request."""
        off = self.off
        if off is self._said_off or (self._said_at is not None and now - self._said_at < SAID_EVERY_S):
            return
        self._said_off, self._said_at = off, now
        if off:
            log.error(
                "this server's clock is %+.3f s from the database's, more than %g s: writes are refused"
                " until it is corrected",
                self.skew,
                self._most,
            )
        else:
            log.warning("this server's clock is within %g s of the database's again: writes are accepted", self._most)


LedgerClock = GivenClock | DatabaseClock


def id_of(data: bytes) -> UUID:
    """The id of these 16 bytes.

    It is of the driver's class, like ids that are read: made in 0.8 us where `uuid.UUID` takes 2.9, and hashed, compared
    and sent eight times as fast.
    """
    made: UUID = DriverUUID(data)
    return made


class RandomSource:
    """UUIDv7 ids, salts for note digests, coupon codes that cannot be guessed (59 bits), secrets (256)."""

    def new_id(self) -> UUID:
        return id_of(uuid_utils.uuid7().bytes)

    def new_salt(self) -> bytes:
        return secrets.token_bytes(_SALT_BYTES)

    def new_coupon_code(self) -> str:
        return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_CHARACTERS))

    def new_secret(self) -> bytes:
        return secrets.token_bytes(_SECRET_BYTES)

"""Quotas of API use for one holder of tokens in a while, counted by the cost of their requests.

Counted in this process's memory, or in a Redis that all processes share. If that Redis does not answer, each process
counts for itself until it does: requests are neither refused nor let through unbounded because of it.
"""

import asyncio
import hashlib
import ipaddress
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
from redis.exceptions import RedisError

from app.problems import SetupProblem
from app.rate_limits.memory import MemoryWindows
from app.rate_limits.redis import RedisWindows
from app.rate_limits.windows import Quota, Window
from auth.principal import Principal
from gateway.errors import RateLimited
from models.sources import system_clock

logger = logging.getLogger(__name__)

OFF: Final = "0"
READS, WRITES = "reads", "writes"
WRITES_FOR_READS: Final = 3
"""How many times the limit of reads the limit of writes is, if it is not set."""
MEMORY_URL: Final = "memory://"
REDIS_SCHEMES: Final = ("redis://", "rediss://")
REDIS_TIMEOUT_S: Final = 0.25
"""The most that a request waits for Redis; then it is counted here."""
REDIS_PAUSE_S: Final = 5.0
"""How long a Redis that failed is left alone. Then one request tries it."""
MAX_PERIOD_S: Final = 24 * 3600
_UNIT_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 24 * 3600}
_LIMIT: Final = re.compile(rf"([0-9]{{1,18}})\s*(?:/|per)\s*([0-9]{{1,9}})?\s*({'|'.join(_UNIT_S)})s?")
_UP_TO_A_SECOND: Final = timedelta(microseconds=999_999)
_IPV6_SITE_BITS: Final = 64
"""A subscriber gets at least this much of IPv6, and can have as many addresses in it as they like."""


class Limit(NamedTuple):
    """amount: cost units. period: seconds."""

    amount: int
    period: int


@dataclass(slots=True)
class RateLimitTallies:
    """Since the process began. outages: how often Redis was given up; counted_here: requests counted without it."""

    refused: int = 0
    outages: int = 0
    counted_here: int = 0


class RateLimits:
    """The same quotas for every holder: one for reads, one for writes. Charging raises `RateLimited` if one is used up.

    limit, writes: cost units in a period; None for no limit. redis_url: where to count; in this process if it is None.
    The period is a sliding window (app/rate_limits/windows.py). clock: what it is counted by. now: for what is told of it.
    """

    def __init__(
        self,
        limit: Limit | None,
        redis_url: str | None = None,
        *,
        writes: Limit | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = system_clock,
    ) -> None:
        self.tallies = RateLimitTallies()
        self.reads, self.writes = _quota(READS, limit), _quota(WRITES, writes)
        self.policy = ", ".join(
            f'"{quota.name}";q={quota.amount};w={quota.period};qu="cost"'
            for quota in (self.reads, self.writes)
            if quota
        )
        """As the header field RateLimit-Policy says it (draft-ietf-httpapi-ratelimit-headers)."""
        self.now = now
        self._clock = clock
        self._own = MemoryWindows(clock)
        self._shared = None if redis_url is None else RedisWindows(redis_url, REDIS_TIMEOUT_S)
        self._failing = False
        self._again_at = 0.0

    def of(self, principal: Principal | None, address: str | None) -> "Charge":
        """The charger of one request's holder."""
        return Charge(self, holder_key(principal, address))

    async def charge(self, holder: str, cost: int, writes: int = 0) -> None:
        """Take so many units, and at least one. A request that costs more than a whole quota takes all of it.

        Raises RateLimited, having taken nothing.
        """
        await Charge(self, holder)(cost, writes)

    async def take(self, holder: str, wanted: Sequence[tuple[Quota, int]]) -> tuple[bool, list[Window]]:
        """Take so much of each quota if there is room in all, else nothing. Returns their state after that."""
        if self._shared is None:
            return self._own.take(holder, wanted)
        if not self._failing or self._clock() >= self._again_at:
            # Set before it is known how this ends: one request alone tries a Redis that failed.
            self._again_at = self._clock() + REDIS_PAUSE_S
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    taken = await self._shared.take(holder, wanted)
            except (RedisError, OSError, TimeoutError) as error:
                self._note_outage(error)
            else:
                self._note_answer()
                return taken
        self.tallies.counted_here += 1
        return self._own.take(holder, wanted)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is not None:
            await self._shared.close()

    def _note_outage(self, error: Exception) -> None:
        self._again_at = self._clock() + REDIS_PAUSE_S
        if not self._failing:
            self._failing = True
            self.tallies.outages += 1
            # Its text may hold the address and the password; the kind says enough.
            logger.warning("rate limits: Redis does not answer (%s); each process counts alone", type(error).__name__)

    def _note_answer(self) -> None:
        if self._failing:
            self._failing = False
            logger.info("rate limits: Redis answers again")


class Charge:
    """One request's charger: takes from its holder's quotas, and reports their state."""

    __slots__ = ("_figures", "_holder", "_limits", "_wait")

    def __init__(self, limits: RateLimits, holder: str) -> None:
        self._limits = limits
        self._holder = holder
        self._figures: dict[str, tuple[int, int, int]] = {}
        """By the quota's name: how much it is, how much is left, and in how many seconds it is whole again."""
        self._wait: int | None = None
        """After a refusal: in how many seconds there is enough."""

    async def __call__(self, cost: int, writes: int = 0) -> None:
        """Take so many units of reads and of writes, and at least one. Raises RateLimited."""
        limits = self._limits
        wanted = []
        if (reads := limits.reads) is not None and (cost > 0 or not writes):
            wanted.append((reads, min(max(cost, 1), reads.amount)))
        if limits.writes is not None and writes:
            wanted.append((limits.writes, min(writes, limits.writes.amount)))
        if not wanted:
            return
        fits, found = await limits.take(self._holder, wanted)
        for (quota, _), window in zip(wanted, found, strict=True):
            self._figures[quota.name] = quota.amount, window.left(quota), window.resets_in()
        if not fits:
            limits.tallies.refused += 1
            waits = {quota: window.wait(quota, units) for (quota, units), window in zip(wanted, found, strict=True)}
            last = max(waits, key=waits.__getitem__)
            self._wait = max(waits[last], 1)
            raise RateLimited(str(last), self._wait)

    def headers(self) -> Mapping[str, str]:
        """RateLimit and RateLimit-Policy, for the quotas that were charged; none if none was.

        After a refusal nothing in RateLimit is later than Retry-After, as the draft wants it.
        """
        if not self._figures:
            return {}
        standing = ", ".join(
            f'"{name}";r={left};t={resets_in if self._wait is None else min(resets_in, self._wait)}'
            for name, (_, left, resets_in) in self._figures.items()
        )
        return {"ratelimit": standing, "ratelimit-policy": self._limits.policy}

    def told(self) -> dict[str, dict[str, int]]:
        """The same for `extensions`, for clients that see no headers."""
        return {
            name: {"limit": limit, "remaining": left, "resetsIn": resets_in}
            for name, (limit, left, resets_in) in self._figures.items()
        }

    def scarcest(self) -> dict[str, int | str]:
        """The one with the smallest part left, and the instant at which it is whole again if nothing else is taken."""
        if not self._figures:
            return {}
        limit, left, resets_in = min(self._figures.values(), key=_part_left)
        # Up to the next whole second: never too early.
        at = self._limits.now() + _UP_TO_A_SECOND
        return {"limit": limit, "remaining": left, "resetAt": _instant(int(at.timestamp()) + resets_in)}


def _part_left(figures: tuple[int, int, int]) -> float:
    return figures[1] / figures[0]


@lru_cache(maxsize=256)
def _instant(seconds: int) -> str:
    """A whole second since 1970, as it is told: the same one to many."""
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat('T', 'seconds')}Z"


def _quota(name: str, limit: Limit | None) -> Quota | None:
    return None if limit is None else Quota(name, limit.amount, limit.period)


def holder_key(principal: Principal | None, address: str | None) -> str:
    """The holder charged: one person or client, however many tokens they are issued; without a token, an address.

    A hash, so that no name gets into Redis and none can be put together that equals another's.
    """
    who: tuple[str | None, ...]
    if principal is None:
        who = ("address", _site(address))
    else:
        who = ("token", principal.tenant, principal.role, principal.subject, principal.client_id, principal.customer)
    return _hashed(who)


@lru_cache(maxsize=4_096)
def _hashed(who: tuple[str | None, ...]) -> str:
    return hashlib.blake2b(orjson.dumps(who), digest_size=16).hexdigest()


def _site(address: str | None) -> str | None:
    if address is None or ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed.packed, _IPV6_SITE_BITS), strict=False).network_address)


def rate_limits(limit: str, url: str, writes: str | None = None) -> RateLimits | None:
    """From the settings; None if they turn limits off. Raises SetupProblem if they make no sense.

    writes: None for WRITES_FOR_READS times the limit.
    """
    reading = parse_limit(limit)
    writing = _times(reading, WRITES_FOR_READS) if writes is None else parse_limit(writes, "SCRIP_RATE_LIMIT_WRITES")
    redis_url = None if url == MEMORY_URL else url
    if redis_url is not None and not redis_url.startswith(REDIS_SCHEMES):
        raise SetupProblem(f"SCRIP_RATE_LIMIT_URL: must be {MEMORY_URL} or begin with {' or '.join(REDIS_SCHEMES)}")
    if reading is None and writing is None:
        return None
    try:
        return RateLimits(reading, redis_url, writes=writing)
    except ValueError:
        # Redis's own words would repeat the URL, with its password.
        raise SetupProblem("SCRIP_RATE_LIMIT_URL: is not the URL of a Redis") from None


def parse_limit(text: str, setting: str = "SCRIP_RATE_LIMIT") -> Limit | None:
    """A limit such as "100000/minute" or "100 per 5 minutes"; None for "0", which is none. Raises SetupProblem."""
    if text.strip() == OFF:
        return None
    match = _LIMIT.fullmatch(text.strip().lower())
    if match is None:
        raise SetupProblem(f'{setting}: must be of the form "1200000/minute", or 0 for none')
    amount, number, unit = match.groups()
    limit = Limit(int(amount), int(number or 1) * _UNIT_S[unit])
    if limit.amount < 1 or not 0 < limit.period <= MAX_PERIOD_S:
        raise SetupProblem(f"{setting}: must be at least 1 unit, in at most a day")
    return limit


def _times(limit: Limit | None, times: int) -> Limit | None:
    return None if limit is None else limit._replace(amount=limit.amount * times)

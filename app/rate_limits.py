"""How much of the API one holder of tokens may use in a while, counted by the cost of what they ask for.

Counted in this process's memory, or in a Redis that all processes share. Where that Redis does not answer, each process
counts for itself until it does: requests are neither refused nor let through unbounded because of it.
"""

import asyncio
import hashlib
import ipaddress
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson
from limits import RateLimitItem, parse_many
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.problems import SetupProblem
from app.rate_limit_memory import BoundedMemoryStorage
from auth.principal import Principal
from schema.error_codes import RateLimited

logger = logging.getLogger(__name__)

OFF: Final = "0"
MEMORY_URL: Final = "memory://"
REDIS_SCHEMES: Final = ("redis://", "rediss://")
REDIS_TIMEOUT_S: Final = 0.25
"""The most that a request waits for Redis; then it is counted here."""
REDIS_PAUSE_S: Final = 5.0
"""How long a Redis that failed is left alone. Then one request tries it."""
MAX_REDIS_CONNECTIONS: Final = 20
MAX_PERIOD_S: Final = 24 * 3600
_IPV6_SITE_BITS: Final = 64
"""A subscriber gets at least this much of IPv6, and can have as many addresses in it as they like."""

Charge = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class RateLimitTallies:
    """Since the process began. outages: how often Redis was given up; counted_here: requests counted without it."""

    refused: int = 0
    outages: int = 0
    counted_here: int = 0


class RateLimits:
    """One limit for every holder. Charging raises `RateLimited` where it is used up.

    limit: cost units in a period. redis_url: where to count; in this process where it is None. The period is a sliding
    window, reckoned as `limits` does: of the fixed window before, the part that the sliding one still reaches counts.
    """

    def __init__(
        self, limit: RateLimitItem, redis_url: str | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self.tallies = RateLimitTallies()
        self._clock = clock
        self._own = _Counter(limit, BoundedMemoryStorage(clock))
        self._pool = None if redis_url is None else _pool(redis_url)
        self._shared = None if redis_url is None or self._pool is None else _shared(limit, redis_url, self._pool)
        self._failing = False
        self._again_at = 0.0

    def of(self, principal: Principal | None, address: str | None) -> Charge:
        """What charges one request's holder."""
        holder = holder_key(principal, address)

        async def charge(cost: int) -> None:
            await self.charge(holder, cost)

        return charge

    async def charge(self, holder: str, cost: int) -> None:
        """Take at least one unit. What costs more than the whole limit takes all of it.

        Raises RateLimited, having taken nothing.
        """
        units = min(max(cost, 1), self.limit.amount)
        wait = await self._take(holder, units)
        if wait is not None:
            self.tallies.refused += 1
            raise RateLimited(str(self.limit), wait)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def _take(self, holder: str, units: int) -> int | None:
        if self._shared is None:
            return await self._own.take(holder, units)
        if not self._failing or self._clock() >= self._again_at:
            # Set before it is known how this ends: one request alone tries a Redis that failed.
            self._again_at = self._clock() + REDIS_PAUSE_S
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    wait = await self._shared.take(holder, units)
            except (RedisError, OSError, TimeoutError) as error:
                self._note_outage(error)
            else:
                self._note_answer()
                return wait
        self.tallies.counted_here += 1
        return await self._own.take(holder, units)

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


class _Counter:
    """One limit in one storage."""

    def __init__(self, limit: RateLimitItem, storage: BoundedMemoryStorage | RedisStorage) -> None:
        self._limit = limit
        self._storage = storage
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def take(self, holder: str, units: int) -> int | None:
        """None if there was room; else the whole seconds until there will be, if nothing else is taken meanwhile."""
        if await self._limiter.hit(self._limit, holder, cost=units):
            return None
        period = self._limit.get_expiry()
        previous, previous_left, current, current_left = await self._storage.get_sliding_window(
            self._limit.key_for(holder), period
        )
        room = self._limit.amount - units
        if current <= room and previous:
            # Enough of the window before has to slide out: floor(previous × part) ≤ room − current.
            wait = previous_left - period * (room - current + 1) / previous
        else:
            until_next = current_left - period
            wait = until_next + period * (1 - (room + 1) / max(current, 1))
        # At the very instant there is not yet room for the last unit.
        return max(0, math.floor(wait)) + 1


def holder_key(principal: Principal | None, address: str | None) -> str:
    """Who is charged: one person or client, however many tokens they are issued; without a token, an address.

    A hash, so that no name gets into Redis and none can be put together that equals another's.
    """
    who: tuple[str | None, ...]
    if principal is None:
        who = ("address", _site(address))
    else:
        who = ("token", principal.tenant, principal.role, principal.subject, principal.client_id, principal.customer)
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


def rate_limits(limit: str, url: str) -> RateLimits | None:
    """From the settings; None where they turn limits off. Raises SetupProblem where they make no sense."""
    if limit.strip() == OFF:
        return None
    redis_url = None if url == MEMORY_URL else url
    if redis_url is not None and not redis_url.startswith(REDIS_SCHEMES):
        raise SetupProblem(f"SCRIP_RATE_LIMIT_URL: must be {MEMORY_URL} or begin with {' or '.join(REDIS_SCHEMES)}")
    try:
        return RateLimits(parse_limit(limit), redis_url)
    except ValueError:
        # Redis's own words would repeat the URL, with its password.
        raise SetupProblem("SCRIP_RATE_LIMIT_URL: is not the URL of a Redis") from None


def parse_limit(text: str) -> RateLimitItem:
    """A limit such as "100000/minute". Raises SetupProblem."""
    try:
        (limit,) = parse_many(text)  # `parse` takes the first of several, and leaves the others out unsaid
    except ValueError:
        raise SetupProblem('SCRIP_RATE_LIMIT: must be of the form "600000/minute", or 0 for none') from None
    if limit.amount < 1 or limit.get_expiry() > MAX_PERIOD_S:
        raise SetupProblem("SCRIP_RATE_LIMIT: must be at least 1 unit, in at most a day")
    return limit


def _pool(url: str) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        url, max_connections=MAX_REDIS_CONNECTIONS, timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S, retry=Retry(NoBackoff(), 1),  # a connection that has rested may be gone
    )  # fmt: skip


def _shared(limit: RateLimitItem, url: str, pool: BlockingConnectionPool) -> _Counter:
    storage = RedisStorage(f"async+{url}", implementation="redispy", key_prefix="scrip", connection_pool=pool)  # type: ignore[arg-type]
    return _Counter(limit, storage)

"""Sliding windows in a Redis that several processes share: one script, one round trip for all of a request's quotas."""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.rate_limits.windows import Quota, Window

MAX_CONNECTIONS: Final = 20
_MS: Final = 1000
_TAKE: Final = """
local found, room = {}, true
for n = 0, #KEYS / 2 - 1 do
    local before, this = KEYS[2 * n + 1], KEYS[2 * n + 2]
    local amount, period, units = tonumber(ARGV[3 * n + 1]), tonumber(ARGV[3 * n + 2]), tonumber(ARGV[3 * n + 3])
    local left = redis.call('pttl', this)
    if left > 0 and left <= period then  -- this window has become the one before
        redis.call('rename', this, before)
        redis.call('set', this, 0, 'PX', left + period)
    end
    local taken_before = tonumber(redis.call('get', before) or 0)
    local taken = tonumber(redis.call('get', this) or 0)
    local before_left = math.max(redis.call('pttl', before), 0)
    if math.floor(taken_before * before_left / period) + taken + units > amount then room = false end
    for _, each in ipairs({taken_before, before_left, taken, math.max(redis.call('pttl', this), 0)}) do
        table.insert(found, each)
    end
end
if not room then return {0, unpack(found)} end
for n = 0, #KEYS / 2 - 1 do
    if redis.call('exists', KEYS[2 * n + 2]) == 1 then
        redis.call('incrby', KEYS[2 * n + 2], ARGV[3 * n + 3])
    else
        redis.call('set', KEYS[2 * n + 2], ARGV[3 * n + 3], 'PX', 2 * ARGV[3 * n + 2])
    end
end
return {1, unpack(found)}
"""
"""Times are milliseconds. A key outlives its window by one more, in which it is the one before."""


class RedisWindows:
    """The windows of all holders. Two keys for each quota of a holder, which Redis forgets after two windows.

    Raises ValueError if the URL is none. timeout: seconds, for a connection as for a reply.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 1),  # a connection that has rested may be gone
        )
        self._script = Redis(connection_pool=self._pool).register_script(_TAKE)

    async def take(self, holder: str, wanted: Sequence[tuple[Quota, int]]) -> tuple[bool, list[Window]]:
        """As MemoryWindows. Raises RedisError, OSError, TimeoutError."""
        # In braces, so that a cluster keeps them together.
        keys = [f"scrip:{{{holder}}}:{quota.name}:{which}" for quota, _ in wanted for which in ("before", "now")]
        arguments = [figure for quota, units in wanted for figure in (quota.amount, quota.period * _MS, units)]
        fits, *figures = await self._script(keys, arguments)
        found = []
        for n, (quota, units) in enumerate(wanted):
            previous, previous_left, current, current_left = figures[4 * n : 4 * n + 4]
            window = Window(previous, previous_left / _MS, current, (current_left or 2 * quota.period * _MS) / _MS)
            found.append(window.with_more(units) if fits else window)
        return bool(fits), found

    async def ping(self) -> None:
        """Raises RedisError, OSError, TimeoutError if it does not answer."""
        pinged: Any = Redis(connection_pool=self._pool).ping()
        await pinged

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()

"""The Redis that counts for the rate limits of all processes: whether it answers."""

from typing import Final

from redis.exceptions import RedisError

from app.finding import Finding, ok, warning
from app.rate_limits.quotas import MEMORY_URL
from app.rate_limits.redis import RedisWindows
from app.settings import Settings

PATIENCE_S: Final = 3.0


async def look_at_counts(settings: Settings) -> list[Finding]:
    """Findings of it; none if it is not used."""
    url = settings.rate_limit_url.get_secret_value()
    if url == MEMORY_URL:
        return []
    try:
        windows = RedisWindows(url, PATIENCE_S)
        try:
            await windows.ping()
        finally:
            await windows.close()
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        todo = "Until it answers, each process counts for itself. Check SCRIP_RATE_LIMIT_URL and the network."
        return [warning("rate limit", f"Redis does not answer: {type(error).__name__}.", todo)]
    return [ok("rate limit", "Redis answers.")]

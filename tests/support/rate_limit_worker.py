"""One of several processes that charge the same holder in the same Redis. Says how often it was let through."""

import asyncio
import sys

from app.rate_limits.quotas import RateLimits, parse_limit
from gateway.errors import RateLimited


async def main(url: str, limit: str, requests: int) -> int:
    limits = RateLimits(parse_limit(limit), url)
    passed = 0
    for _ in range(requests):
        try:
            await limits.charge("holder", 1)
        except RateLimited:
            continue
        passed += 1
    assert limits.tallies.counted_here == 0
    await limits.close()
    return passed


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))  # noqa: T201

"""The bytes of hashes, put together in SQL: instants are exact, whichever way they are worked out."""

import random
from datetime import UTC, datetime, timedelta

from models.reads.verify_hashes import _instant
from models.session import tenant_transaction
from tests.support.tenants import Tenant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDS = (datetime(1930, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
MICROSECOND = timedelta(microseconds=1)


async def test_instants_are_exact(tenant: Tenant) -> None:
    dice = random.Random(1)  # noqa: S311 - samples, no secrets
    span = (ENDS[1] - ENDS[0]) // MICROSECOND
    instants = [ENDS[0] + timedelta(microseconds=dice.randrange(span)) for _ in range(20_000)]
    instants += [ENDS[1] - n * MICROSECOND for n in range(-2_000, 2_000)]
    instants += [ENDS[0] + n * MICROSECOND for n in range(-20, 20)]
    instants += [datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) for year in (1, 1600, 2041, 2262, 9998)]

    async with tenant_transaction(tenant.id) as connection:
        rows = await connection.raw.fetch(
            f"SELECT v, {_instant('v')} AS bytes FROM unnest($1::timestamptz[]) v", instants
        )

    assert [row["bytes"] for row in rows] == [
        ((row["v"] - EPOCH) // MICROSECOND).to_bytes(8, signed=True) for row in rows
    ]
    assert len(rows) == len(instants)

"""A tenant for each test, whose books are proved when the test is over."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.shop import Clock, Shop


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shop(database: Urls, clock: Clock) -> AsyncIterator[Shop]:
    shop = await Shop.open(clock)
    yield shop
    await shop.ledger.close()
    proof = await verify(shop.tenant_id)
    assert proof.holds, proof.listed


@pytest.fixture
async def anna(shop: Shop) -> UUID:
    return await shop.customer("Anna")

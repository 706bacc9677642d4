"""A tenant for each test, whose books are proved when the test is over."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.ledger import Ledger
from tests.support.citus import proof_of
from tests.support.clock import NOON, Clock
from tests.support.tenants import Tenant


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    tenant = await Tenant.open(clock)
    yield tenant
    await tenant.ledger.close()
    proof = await proof_of(tenant.id)
    assert proof.holds, proof.listed


@pytest.fixture
async def anna(tenant: Tenant) -> UUID:
    return await tenant.customer(name="Anna")


@pytest.fixture
async def other(tenant: Tenant, clock: Clock) -> AsyncIterator[Tenant]:
    """Another server: it shares nothing with the first one but the database."""
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    yield other
    await other.ledger.close()

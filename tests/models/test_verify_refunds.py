"""The proof of the books finds what is wrong with spends and what was given back of them, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import PARTNER, Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna has spent 5.00 and 3.00, the first by a partner, and 1.00 and then 2.00 of it came back; and has used 2 of her
    service credits, of which 1 came back. Ben has spent a pound."""
    tenant = await Tenant.open(clock)
    anna, ben, yoga = await tenant.customer(name="Anna"), await tenant.customer(name="Ben"), await tenant.service()
    await tenant.credit(anna, 9)
    await tenant.credit(ben, 9)
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    spend = await tenant.spend(anna, 5, actor=PARTNER)
    await tenant.spend(anna, 3)
    await tenant.spend(ben, 1)
    await tenant.refund(spend, 1)
    await tenant.refund(spend, 2)
    await tenant.refund(await tenant.use(anna, yoga, 2), 1)
    yield tenant
    await tenant.ledger.close()


LATER, USED = "before_minor = 100", "taken_minor = 2"
ANOTHERS = (
    "(SELECT t.id FROM transactions t JOIN customers c ON c.id = t.customer_id WHERE c.name = 'Ben' AND kind = 'SPEND')"
)

PLANTED = {
    "a larger part": planted("refunds", "amount_minor = 201", LATER, "refunds", "row of refunds"),
    "less taken": planted("refunds", "taken_minor = 400", LATER, "refunds"),
    "another beginning": planted("refunds", "before_minor = 200", LATER, "refunds"),
    "another's spend": planted("refunds", f"spend_id = {ANOTHERS}", LATER, "refunds"),
    "a refund that is forgotten": planted("refunds", None, LATER, "refunds", "row of refunds"),
    "a use that is forgotten": planted("refunds", None, USED, "refunds"),
    "a refund that was an order": planted(
        "entries", "counter = 'ORDERS'", "counter = 'SPENT' AND amount_minor = 100", "refunds"
    ),
    "an adjustment that was a spend": planted(
        "entries", "counter = 'SPENT', lifetime_minor = 0", "amount_minor = 5", "spent"
    ),
    "less spent than was counted": planted(
        "limit_counters", "used_minor = 499", "scope = 'SPENT_PERSON_DAY' AND used_minor = 500", "limit counter"
    ),
    "less spent by the partner": planted(
        "limit_counters", "used_minor = 499", "scope = 'SPENT_ACTOR_DAY' AND used_minor = 500", "limit counter"
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)

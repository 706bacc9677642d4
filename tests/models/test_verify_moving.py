"""The proof of the books finds what is wrong with transfers and revivals, by its name."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna has given Ben 3.00 and 2.00. Of a credit of hers 9.00 expired, and 1.00 and then 4.00 were revived."""
    tenant = await Tenant.open(clock)
    anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
    await tenant.credit(anna, 20)
    await tenant.transfer(anna, ben, 3)
    await tenant.transfer(anna, ben, 2)
    credit = await tenant.credit(anna, 9, expires_at=clock() + timedelta(hours=1))
    clock.advance(days=1)
    await tenant.expire()
    await tenant.revive(credit, 1)
    await tenant.revive(credit, 4)
    yield tenant
    await tenant.ledger.close()


FIRST = "id = (SELECT min(id::text)::uuid FROM {})"
SOME = "(SELECT min(id::text)::uuid FROM transactions WHERE kind = 'ADJUSTMENT')"
PLANTED = {
    "another counterpart": planted("transfers", f"received_id = {SOME}", FIRST.format("transfers"), "transfers"),
    "more received than given": planted(
        "entries", "amount_minor = 301", "counter = 'TRANSFERRED' AND amount_minor = 300", "transfers"
    ),
    "a transfer out of nothing": planted(
        "entries",
        "counter = 'TRANSFERRED', lifetime_minor = 0",
        "amount_minor = 2000 AND counter = 'ISSUED'",
        "transfers",
    ),
    "a lot that is forgotten": planted(
        "transferred_credits", None, FIRST.format("transferred_credits"), "transferred credits"
    ),
    "another source": planted(
        "transferred_credits", "source_id = transfer_id", FIRST.format("transferred_credits"), "transferred credits"
    ),
    "a younger lot": planted(
        "credits", "created_at = created_at + interval '1 day'", "amount_minor = 300", "transferred credits"
    ),
    "a lot that counts": planted("credits", "counts = true", "amount_minor = 300", "transferred credits"),
    "a revival that is forgotten": planted("revivals", None, "before_minor = 0", "revivals", "row of revivals"),
    "more revived": planted("revivals", "amount_minor = 401", "before_minor = 100", "revivals"),
    "another beginning": planted("revivals", "before_minor = 101", "before_minor = 100", "revivals"),
    "more expired": planted("revivals", "expired_minor = 1000", "before_minor = 100", "revivals"),
    "an expiry that it never had": planted(
        "revivals", "expired_at = expired_at - interval '1 hour'", "before_minor = 0", "revivals"
    ),
    "a revival of what was never written off": planted(
        "entries", "counter = 'REMOVED'", "counter = 'EXPIRED' AND amount_minor < 0", "revivals"
    ),
    "a revival in another name": planted(
        "transactions",
        "kind = 'REFUND'",
        "id = (SELECT transaction_id FROM revivals WHERE before_minor = 0)",
        "revivals",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)

"""The proof of the books finds what is wrong with approvals, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.approvals import SECOND, approve, ask, reject
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Sam asked for three things: one was approved by Maria, one rejected by Mike, one waits. Maria added one alone."""
    tenant = await Tenant.open(clock)
    anna = await tenant.customer(name="Anna")
    await approve(tenant, await ask(tenant, anna, 101))
    await reject(tenant, await ask(tenant, anna, 102), SECOND)
    await ask(tenant, anna, 103)
    await tenant.credit(anna, 5)
    yield tenant
    await tenant.ledger.close()


def a_transaction(alone: bool) -> str:
    return f"(SELECT id FROM transactions WHERE approved_by_id IS {'' if alone else 'NOT'} NULL)"


APPROVED = "status = 'APPROVED'"
MIKE = "decided_by_id = (SELECT id FROM actors WHERE subject = 'mike'), decided_subject = 'mike'"
PLANTED = {
    "another's approval": planted("approval_requests", MIKE, APPROVED, "approvals"),
    "what nobody approved": planted(
        "approval_requests",
        f"transaction_id = {a_transaction(alone=True)}",
        APPROVED,
        "approvals",
        "approved transactions",
    ),
    "an approval that is gone": planted("approval_requests", None, APPROVED, "approved transactions"),
    "an approval that was none": planted(
        "transactions",
        "approved_by_id = NULL",
        "approved_by_id IS NOT NULL",
        "approvals",
        "approved transactions",
        "row of transactions",
    ),
    "a second name for it": planted("approval_requests", "requested_subject = 'else'", APPROVED, "approvals"),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)


async def test_two_requests_cannot_name_one_transaction(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    (posted,) = (await tenant.rows("SELECT id FROM transactions WHERE tenant_id = $1 AND approved_by_id IS NOT NULL"))[
        0
    ]
    with pytest.raises(asyncpg.UniqueViolationError):
        await Tampering(owner_connection, tenant.id)(
            "approval_requests",
            f"UPDATE approval_requests SET status = 'APPROVED', transaction_id = '{posted}' WHERE status = 'REJECTED'",
        )

"""The proof of the books finds what is wrong with approvals, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.approvals import SECOND, approve, ask, reject
from tests.support.shop import Clock, Shop
from tests.support.tampering import Tampering, planted


@pytest.fixture
async def shop(database: Urls, clock: Clock) -> AsyncIterator[Shop]:
    """Sam asked for three things: one was approved by Maria, one rejected by Mike, one waits. Maria added one alone."""
    shop = await Shop.open(clock)
    anna = await shop.customer("Anna")
    await approve(shop, await ask(shop, anna, 101))
    await reject(shop, await ask(shop, anna, 102), SECOND)
    await ask(shop, anna, 103)
    await shop.credit(anna, 5)
    yield shop
    await shop.ledger.close()


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
async def test_tampering_is_found(shop: Shop, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(shop.tenant_id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, shop.tenant_id)(corruption.table, corruption.statement)

    proof = await verify(shop.tenant_id)

    assert corruption.found <= set(proof.found)


async def test_two_requests_cannot_name_one_transaction(
    shop: Shop, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    (posted,) = (await shop.rows("SELECT id FROM transactions WHERE tenant_id = $1 AND approved_by_id IS NOT NULL"))[0]
    with pytest.raises(asyncpg.UniqueViolationError):
        await Tampering(owner_connection, shop.tenant_id)(
            "approval_requests",
            f"UPDATE approval_requests SET status = 'APPROVED', transaction_id = '{posted}' WHERE status = 'REJECTED'",
        )

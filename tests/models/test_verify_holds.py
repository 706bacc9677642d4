"""The proof of the books finds what is wrong with holds, by its name."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.holds import capture, extend, hold, release
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna has 9.00, of which 5.00 were held, 1.00 captured as a spend and 2.00 as a payment; and 1.00 was held and
    released. Ben holds one point for two hours."""
    tenant = await Tenant.open(clock)
    anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
    await tenant.credit(anna, 9)
    await tenant.credit(ben, 9, "POINTS")
    invoice = await tenant.invoice(anna, 2, auto_apply=False)
    held = await hold(tenant, anna, 5)
    await capture(tenant, held, 1)
    await capture(tenant, held, invoice=invoice)
    await release(tenant, await hold(tenant, anna, 1))
    await extend(tenant, await hold(tenant, ben, 1, "POINTS"), until=clock() + timedelta(hours=2))
    yield tenant
    await tenant.ledger.close()


FIVE = "amount_minor = 500"
BENS = "(SELECT a.id FROM accounts a WHERE a.asset = 'POINTS')"

PLANTED = {
    "less held": planted("holds", "held_minor = 199", FIVE, "hold sums"),
    "less captured": planted("holds", "captured_minor = 299", FIVE, "hold sums"),
    "more placed": planted("holds", "amount_minor = 501", FIVE, "hold sums", "row of holds"),
    "a later expiry": planted("holds", "expires_at = expires_at + interval '1 day'", FIVE, "hold sums", "held until"),
    "another time": planted("holds", "created_at = created_at - interval '1 day'", FIVE, "hold sums"),
    "on another account": planted("holds", f"home_id = {BENS}", FIVE, "hold home", "row of holds"),
    "placed elsewhere": planted("holds", f"account_id = {BENS}", FIVE, "hold parties"),
    "a part of another hold": planted(
        "hold_lots",
        "position = 1",
        "amount_minor = -100 AND expires_at IS NOT NULL AND"
        " transaction_id IN (SELECT id FROM transactions WHERE kind = 'SPEND')",
        "hold parts",
    ),
    "more set aside": planted("hold_lots", "amount_minor = 1000", FIVE, "hold sums", "held credit", "row of hold_lots"),
    "less captured than spent": planted(
        "hold_lots",
        "amount_minor = -99",
        "transaction_id IN (SELECT id FROM transactions WHERE kind = 'SPEND')",
        "captures",
        "hold sums",
    ),
    "a payment that captured less": planted(
        "hold_lots",
        "amount_minor = -199",
        "transaction_id IN (SELECT id FROM transactions WHERE kind = 'ASSIGNMENT')",
        "captures",
    ),
    "a release that is forgotten": planted(
        "hold_lots",
        None,
        "amount_minor = -100 AND transaction_id <> hold_id AND transaction_id IN"
        " (SELECT id FROM transactions WHERE kind = 'HOLD')",
        "captures",
        "hold sums",
    ),
    "an account that says nothing is held": planted("accounts", "held_until = NULL", "asset = 'POINTS'", "held until"),
    "an account that holds for longer": planted(
        "accounts", "held_until = held_until + interval '1 hour'", "asset = 'POINTS'", "held until"
    ),
    "an account that never held": planted(
        "accounts", "held_until = held_until - interval '1 hour'", "asset = 'GBP'", "held until"
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)

"""The proof of the books finds what is wrong with orders, by its name."""

from collections.abc import AsyncIterator
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
    """Anna has paid one order with cash and account credit; another payment of hers was voided. Ben's order is open."""
    tenant = await Tenant.open(clock)
    anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
    credit, chair = await tenant.product(1, "CREDIT"), await tenant.product(30)
    await tenant.credit(anna, 80)
    paid = await tenant.order(anna, (credit, 50), (chair, 1), number="PAID")
    await tenant.pay(paid, 50, "CASH")
    await tenant.pay(paid, 30, "ACCOUNT_CREDIT")
    voided = await tenant.order(anna, (credit, 20), (chair, 1), number="VOIDED")
    await tenant.pay(voided, 20, "CASH")
    await tenant.void_payment((await tenant.pay(voided, 30, "ACCOUNT_CREDIT")).payment_id)
    await tenant.order(ben, (credit, 50), number="BENS")
    yield tenant
    await tenant.ledger.close()


def _number(number: str) -> str:
    return f"(SELECT id FROM invoices WHERE number = '{number}')"


PAID, VOIDED, BENS = _number("PAID"), _number("VOIDED"), _number("BENS")
LIVE = "revoked_transaction_id IS NULL"
GRANTED = f"(SELECT credit_id FROM grants WHERE {LIVE})"
WITH_CREDIT = "method = 'ACCOUNT_CREDIT' AND voided_at IS NULL"

PLANTED = {
    "a grant that is gone": planted("grants", None, LIVE, "order grants", "grant entries"),
    "a grant of another's order": planted("grants", f"invoice_id = {BENS}", LIVE, "order grants", "grant parties"),
    "a grant that was not taken back": planted(
        "grants", "revoked_transaction_id = transaction_id, revoked_minor = 5", LIVE, "order grants", "grant entries"
    ),
    "a grant that was": planted(
        "grants", "revoked_transaction_id = NULL, revoked_minor = NULL", f"NOT {LIVE}", "order grants", "grant entries"
    ),
    "what a grant is worth": planted(
        "credits",
        "amount_minor = amount_minor + 1",
        f"id = {GRANTED}",
        "credit amount",
        "order grants",
        "grant entries",
    ),
    "a grant's entry": planted(
        "entries", "counter = 'ISSUED'", f"credit_id = {GRANTED}", "entry hash", "grant entries"
    ),
    "what was sold": planted(
        "invoice_lines", "kind = 'GOODS'", f"invoice_id = {PAID} AND kind = 'CREDIT'", "order grants"
    ),
    "what credit may pay": planted(
        "invoices", "creditable_minor = creditable_minor + 1", f"id = {PAID}", "order grants"
    ),
    "what was paid with credit": planted(
        "payments", "amount_minor = amount_minor - 1", WITH_CREDIT, "account credit payments"
    ),
    "a payment with credit that is void": planted(
        "payments", "voided_at = created_at", WITH_CREDIT, "account credit payments"
    ),
    "a void one that is not": planted(
        "payments", "voided_at = NULL", "voided_at IS NOT NULL", "account credit payments"
    ),
    "a payment with credit of another order": planted(
        "payments", f"invoice_id = {VOIDED}", WITH_CREDIT, "account credit payments"
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)

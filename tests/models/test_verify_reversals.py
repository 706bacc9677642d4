"""The proof of the books finds what is wrong with bulks that were taken back, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.operations.merge_customers import merge_customers
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import MANAGER, Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna was given 50, of which she has spent 8, and Ben 30; both were taken back. Of Carl 4 of his 9 were removed, and
    put back after he was merged into Dora. Eve's 77 stay."""
    tenant = await Tenant.open(clock)
    anna, ben, carl, dora, eve = [await tenant.customer(name=name) for name in ("Anna", "Ben", "Carl", "Dora", "Eve")]
    bulk = await tenant.bulk((anna, 50), (ben, 30))
    await tenant.bulk((eve, 77))
    await tenant.spend(anna, 8, "POINTS")
    await tenant.reverse(bulk)
    await tenant.credit(carl, 9, "POINTS")
    removal = await tenant.bulk((carl, -4))
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(carl, dora), tenant.key())
    await tenant.reverse(removal)
    yield tenant
    await tenant.ledger.close()


BENS, CARLS, CHECK = "amount_minor = -30", "amount_minor = 4", "bulk reversals"
EVES = "(SELECT id FROM bulk_rows WHERE amount = 77)"
PLANTED = {
    "less taken": planted("reversed_rows", "amount_minor = -29", BENS, CHECK, "row of reversed_rows"),
    "less put back": planted("reversed_rows", "amount_minor = 3", CARLS, CHECK, "row of reversed_rows"),
    "less in use": planted("reversed_rows", "used_minor = 7", "used_minor = 8", "row of reversed_rows"),
    "a mark that is gone": planted("reversed_rows", None, CARLS, CHECK, "row of reversed_rows"),
    "another row's mark": planted("reversed_rows", f"id = {EVES}", BENS, CHECK, "row of reversed_rows"),
    "another's transaction": planted(
        "reversed_rows",
        "transaction_id = (SELECT transaction_id FROM bulk_rows WHERE amount = 77)",
        BENS,
        CHECK,
        "row of reversed_rows",
    ),
    "a credit that is good again": planted("credits", "voided_at = NULL", "amount_minor = 30", CHECK, "row of credits"),
    "a reversal that reverses another": planted(
        "bulk_operations",
        "reverses_id = (SELECT operation_id FROM bulk_rows WHERE amount = 77)",
        "reverses_id IS NOT NULL AND total = 1",
        "row of bulk_operations",
    ),
    "a report of another figure": planted(
        "bulk_rows", """details = '{"taken_minor": 1}'""", "details->>'used_minor' = '8'", "row of bulk_rows"
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)

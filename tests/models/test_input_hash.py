"""What tells a request that is sent again from another one under the same key, also across an upgrade."""

import hashlib
from typing import Any
from uuid import UUID

import asyncpg

from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from tests.support.tenants import MANAGER, Tenant


async def kept_as_it_was(tenant: Tenant, owner: "asyncpg.Connection[Any]", said: str) -> None:
    """The one key there is, with the hash of what the command said then."""
    async with owner.transaction():
        await owner.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        hashed = hashlib.sha256(said.encode()).digest()
        await owner.execute(
            """UPDATE idempotency_keys SET sealed = true, input_hash = $2,
                operation = CASE WHEN sealed THEN operation ELSE 'adjustCredit' END WHERE tenant_id = $1""",
            tenant.id,
            hashed,
        )


async def test_a_blank_text_and_a_missing_one_are_the_same(tenant: Tenant, anna: UUID) -> None:
    first = await tenant.adjust(anna, 5, key="k", note=" ")
    again = await tenant.adjust(anna, 5, key="k")
    assert (again.replayed, again.transaction_id) == (True, first.transaction_id)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.adjust(anna, 5, key="k", note="Sorry")


async def test_a_key_from_before_that_is_known_again(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", anna: UUID
) -> None:
    """Also one that was kept with a blank text, or with none."""
    for note, said in (("", '""'), (None, "null")):
        key = f"k-{note}"
        first = await tenant.adjust(anna, 5, key=key, note=note)
        await kept_as_it_was(
            tenant,
            owner_connection,
            f'{{"customer_id":"{anna}","asset":"GBP","amount":"5","reason":"GOODWILL","note":{said},"expires_in_days":null,'
            '"expires_at":null,"effective_on":null,"service_ids":[],"credit_id":null,"request_approval":false,'
            '"auto_apply":true}',
        )
        again = await tenant.adjust(anna, 5, key=key, note=note)
        assert (again.replayed, again.transaction_id) == (True, first.transaction_id)


async def test_so_is_a_file_s(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]") -> None:
    command = ImportCredits(digest="d", asset="GBP", reason="CORRECTION", note="")
    first = await import_credits(tenant.ledger, tenant.id, MANAGER, command, [ImportRow(None, None)], "k")
    await kept_as_it_was(
        tenant,
        owner_connection,
        '{"digest":"d","asset":"GBP","reason":"CORRECTION","note":"","expires_in_days":null,"expires_at":null,'
        '"error_policy":"REJECT_ALL","dry_run":false,"allow_duplicate_customers":false}',
    )
    again = await import_credits(tenant.ledger, tenant.id, MANAGER, command, [], "k")
    assert (again.replayed, again.bulk_operation_id) == (True, first.bulk_operation_id)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        other = ImportCredits(digest="e", asset="GBP", reason="CORRECTION")
        await import_credits(tenant.ledger, tenant.id, MANAGER, other, [], "k")

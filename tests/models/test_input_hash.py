"""What tells a request that is sent again from another one under the same key, also across an upgrade."""

import hashlib
from uuid import UUID

from models.operations.import_credits import ImportCredits, ImportRow, import_credits
from tests.support.shop import MANAGER, Shop

KEPT = """WITH gone AS (DELETE FROM idempotency_keys WHERE tenant_id = $1 RETURNING *)
    INSERT INTO idempotency_keys (tenant_id, key, operation, input_hash, result_id, created_at)
    SELECT tenant_id, key, operation, $2, result_id, created_at FROM gone"""


async def kept_as_it_was(shop: Shop, said: str) -> None:
    """The one key there is, with the hash of what the command said then."""
    await shop.run(KEPT, hashlib.sha256(said.encode()).digest())


async def test_a_blank_text_and_a_missing_one_are_the_same(shop: Shop, anna: UUID) -> None:
    first = await shop.adjust(anna, 5, key="k", note=" ")
    again = await shop.adjust(anna, 5, key="k")
    assert (again.replayed, again.transaction_id) == (True, first.transaction_id)
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        await shop.adjust(anna, 5, key="k", note="Sorry")


async def test_a_key_from_before_that_is_known_again(shop: Shop, anna: UUID) -> None:
    """Also one that was kept with a blank text, or with none."""
    for note, said in (("", '""'), (None, "null")):
        key = f"k-{note}"
        first = await shop.adjust(anna, 5, key=key, note=note)
        await kept_as_it_was(
            shop,
            f'{{"customer_id":"{anna}","asset":"GBP","amount":"5","reason":"GOODWILL","note":{said},"expires_in_days":null,'
            '"expires_at":null,"effective_on":null,"service_ids":[],"credit_id":null,"request_approval":false,'
            '"auto_apply":true}',
        )
        again = await shop.adjust(anna, 5, key=key, note=note)
        assert (again.replayed, again.transaction_id) == (True, first.transaction_id)


async def test_so_is_a_file_s(shop: Shop) -> None:
    command = ImportCredits(digest="d", asset="GBP", reason="CORRECTION", note="")
    first = await import_credits(shop.ledger, shop.tenant_id, MANAGER, command, [ImportRow(None, None)], "k")
    await kept_as_it_was(
        shop,
        '{"digest":"d","asset":"GBP","reason":"CORRECTION","note":"","expires_in_days":null,"expires_at":null,'
        '"error_policy":"REJECT_ALL","dry_run":false,"allow_duplicate_customers":false}',
    )
    again = await import_credits(shop.ledger, shop.tenant_id, MANAGER, command, [], "k")
    assert (again.replayed, again.bulk_operation_id) == (True, first.bulk_operation_id)
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        other = ImportCredits(digest="e", asset="GBP", reason="CORRECTION")
        await import_credits(shop.ledger, shop.tenant_id, MANAGER, other, [], "k")

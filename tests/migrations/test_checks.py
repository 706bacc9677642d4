"""Each invariant that a row can state, tried with a row that breaks it and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.migrations.conftest import TwoTenants

TOO_MUCH = "1000000000000001"
SHORT = "decode('00', 'hex')"

BROKEN = [
    ("tenants_slug_pattern", "slug = 'No good'"),
    ("tenants_slug_pattern", "slug = '-no'"),
    ("tenants_name_form", "name = 'Tea shop '"),
    ("tenants_texts", "name = ''"),
    ("tenants_numbers", "grace_days = -1"),
    ("tenants_approval_hours", "approval_hours = 0"),
    ("tenants_key_days", "key_days = 29"),
    ("actors_role", "role = 'OWNER'"),
    ("actors_subject_given", "subject = ''"),
    ("customers_external_id_form", "external_id = E' X'"),
    ("customers_external_id_form", "external_id = U&'e\\0301'"),
    ("customers_name_form", "name = ''"),
    ("customers_name_form", "name = U&'Zoe\\3000'"),
    ("customers_texts", "external_id = ''"),
    ("customers_merged", "merged_into_id = id"),
    ("customers_merged_at", "merged_at = now()"),
    ("customers_membership", "membership_started_at = now(), membership_cancelled_at = now() - interval '1 s'"),
    ("reasons_direction", "adds = false, removes = false"),
    ("reasons_label_form", "label = U&'\\00A0Gift'"),
    ("reasons_texts", "label = ''"),
    ("services_name_form", "name = 'Yoga '"),
    ("services_name_given", "name = ''"),
    ("products_name_form", "name = E'Tea\\n'"),
    ("products_name_given", "name = ''"),
    ("products_kind", "kind = 'GIFT'"),
    ("products_currency", "currency = 'POINTS'"),
    ("products_price", "price_minor = -1"),
    ("products_price", f"price_minor = {TOO_MUCH}"),
    ("tiers_name_form", "name = ' Gold'"),
    ("tiers_name_given", "name = ''"),
    ("tiers_threshold", "threshold_minor = -1"),
    ("rewards_name_form", "name = ' Tea'"),
    ("rewards_product_form", "kind = 'FREE_PRODUCT', product = ' Tea'"),
    ("rewards_name_given", "name = ''"),
    ("rewards_numbers", "stock = -1"),
    ("rewards_numbers", "points_cost_minor = -1"),
    ("rewards_numbers", "validity_days = -1"),
    ("rewards_kind", "kind = 'CASH'"),
    ("rewards_kind", "kind = 'FIXED', value = 5"),
    ("rewards_kind", "kind = 'PERCENT', value = 101"),
    ("rewards_kind", "kind = 'FREE_PRODUCT'"),
    ("limit_rules_role", "role = 'CUSTOMER'"),
    ("limit_rules_asset", "asset = 'pounds'"),
    ("limit_rules_numbers", "per_actor_day = -1"),
    ("transactions_kind", "kind = 'GIFT'"),
    ("transactions_reason_given", "reason = NULL"),
    ("transactions_four_eyes", "approved_by_id = actor_id"),
    ("transactions_note_digest", f"note_digest = {SHORT}"),
    ("transaction_texts_note", "note = repeat('x', 10001)"),
    ("transaction_texts_salt", "salt = ''"),
    ("accounts_asset", "asset = 'MONEY'"),
    ("accounts_balance", "balance_minor = -1"),
    ("accounts_balance", f"balance_minor = {TOO_MUCH}"),
    ("accounts_lifetime", "lifetime_minor = -1"),
    ("accounts_head", "sequence = 0"),
    ("accounts_head", "sequence = -1"),
    ("accounts_head", "head_hash = NULL"),
    ("accounts_head", f"head_hash = {SHORT}"),
    ("credits_amount", "amount_minor = 0, remaining_minor = 0"),
    ("credits_amount", f"amount_minor = {TOO_MUCH}"),
    ("credits_remaining", "remaining_minor = -1"),
    ("credits_remaining", "remaining_minor = amount_minor + 1"),
    ("credits_remaining", "gone_minor = -1"),
    ("credits_remaining", "gone_minor = 1"),
    ("credits_moved", "successor_id = id"),
    ("credits_opened", "opened_sequence = 0"),
    ("credits_expiry", "expires_at = starts_at"),
    ("credits_closed", "voided_at = now()"),
    ("credits_closed", "swept_at = now(), expires_at = now()"),
    ("credits_swept_expires", "swept_at = now(), remaining_minor = 0"),
    ("entries_counter", "counter = 'GIFTS'"),
    ("entries_counter", "counter = 'REMOVED'"),
    ("entries_counter", "amount_minor = -100, lifetime_minor = -100"),
    ("entries_amount", "amount_minor = 0, lifetime_minor = 0, counter = 'ORDERS'"),
    ("entries_amount", f"amount_minor = {TOO_MUCH}, lifetime_minor = 0"),
    ("entries_amount", "credit_id = NULL"),
    ("entries_amount", "credit_id = NULL, counter = 'MERGED'"),
    ("entries_amount", "credit_id = NULL, counter = 'MERGED', amount_minor = 0, lifetime_minor = 0"),
    ("entries_lifetime", "lifetime_minor = 50"),
    ("entries_lifetime", "counter = 'MERGED'"),
    ("entries_lifetime", "counter = 'REDEEMED'"),
    ("entries_balance_after", "balance_after_minor = -1"),
    ("entries_sequence", "sequence = 0"),
    ("entries_sequence", "sequence = 2"),
    ("entries_hashes", f"hash = {SHORT}"),
    ("tier_changes_differ", "new_tier = NULL"),
    ("invoices_number_form", "number = E'1\\t'"),
    ("invoices_number_given", "number = ''"),
    ("invoices_currency", "currency = 'POINTS'"),
    ("invoices_kind", "kind = 'QUOTE'"),
    ("invoices_creditable", "kind = 'ORDER', creditable_minor = -1, credited_minor = 0"),
    ("invoices_creditable", "kind = 'ORDER', creditable_minor = 101"),
    ("invoices_creditable", "kind = 'ORDER', creditable_minor = 19"),
    ("invoices_creditable", "creditable_minor = 50"),
    ("invoices_sums", "paid_minor = -1"),
    ("invoices_sums", "paid_minor = 101, credited_minor = 0, status = 'VOID', voided_at = now()"),
    ("invoices_sums", f"total_minor = {TOO_MUCH}, creditable_minor = {TOO_MUCH}"),
    ("invoices_status", "status = 'LATE'"),
    ("invoices_status", "status = 'OPEN'"),
    ("invoices_status", "status = 'PAID'"),
    ("invoices_status", "paid_minor = 80"),
    ("invoices_status", "status = 'VOID', voided_at = now()"),
    ("invoices_voided", "voided_at = now()"),
    ("invoice_lines_numbers", "quantity = 0"),
    ("invoice_lines_numbers", "position = -1"),
    ("invoice_lines_product", "kind = 'CASH'"),
    ("invoice_lines_product", "kind = NULL"),
    ("invoice_lines_product", "product_id = NULL"),
    ("payments_amount", "amount_minor = 0"),
    ("payments_method", "method = 'GOLD'"),
    ("payments_method", "method = 'ACCOUNT_CREDIT'"),
    ("payments_method", "transaction_id = id"),
    ("assignments_amount", "amount_minor = 0"),
    ("assignments_origin", "origin = 'MAGIC'"),
    ("assignments_released", "released_at = now()"),
    ("coupons_code_given", "code = ''"),
    ("coupons_points", "points_spent_minor = -1"),
    ("coupons_status", "status = 'EXPIRED', closed_at = now()"),
    ("coupons_closed", "status = 'USED'"),
    ("coupons_refund", "refund_transaction_id = transaction_id"),
    ("coupons_expiry", "expires_at = issued_at"),
    ("audit_events_action", "action = 'Created'"),
    ("audit_events_note", "note = repeat('x', 10001)"),
    ("limit_counters_scope", "scope = 'PER_YEAR'"),
    ("limit_counters_role", "role = 'CUSTOMER'"),
    ("limit_counters_asset", "asset = 'MONEY'"),
    ("limit_counters_used", "used_minor = -1"),
    ("idempotency_keys_key_given", "key = ''"),
    ("idempotency_keys_input_hash", f"input_hash = {SHORT}"),
    ("idempotency_keys_shared", "shared = true, client = 'shop'"),
    ("outbox_topic_given", "topic = ''"),
    ("approval_requests_status", "status = 'LOST'"),
    ("approval_requests_status", "status = 'APPROVED'"),
    ("approval_requests_status", "transaction_id = id"),
    (
        "approval_requests_four_eyes",
        "status = 'REJECTED', decided_by_id = id, decided_subject = requested_subject, decided_at = now()",
    ),
    ("approval_requests_decided", "decided_at = now()"),
    ("approval_requests_decision_note", "decision_note = 'no'"),
    ("approval_requests_expiry", "expires_at = created_at"),
    ("partner_tokens_texts", "client = ''"),
    ("partner_tokens_texts", "name = ''"),
    ("partner_tokens_name_form", "name = ' shop'"),
    ("partner_tokens_secret_hash", f"secret_hash = {SHORT}"),
    ("partner_tokens_expiry", "expires_at = created_at"),
    ("partner_tokens_revoked", "revoked_at = now()"),
    ("grants_revoked", "revoked_minor = 1"),
    ("transactions_digest", f"digest = {SHORT}"),
    ("transactions_limited", "limited_minor = 1"),
    ("transactions_limited", "limited_asset = 'GBP', limited_minor = -1, limited_on = '2026-01-01'"),
    ("currencies_code", "code = 'gbp'"),
    ("currencies_exponent", "exponent = 5"),
    ("seals_digest", f"digest = {SHORT}"),
    ("seals_salt", f"salt = {SHORT}"),
    ("bulk_operations_asset", "asset = 'gold'"),
    ("bulk_operations_error_policy", "error_policy = 'HOPE'"),
    ("bulk_operations_counts", "processed = 2"),
    ("bulk_operations_counts", "succeeded = 1"),
    ("bulk_operations_status", "status = 'RUNNING'"),
    ("bulk_operations_status", "status = 'PAUSED'"),
    ("bulk_rows_row", "row = -1"),
    ("bulk_rows_amount", "amount = NULL"),
    ("bulk_rows_fate", "transaction_id = id, error = '{}'"),
]


async def test_every_check_is_tried(owner_connection: asyncpg.Connection[Any]) -> None:
    rows = await owner_connection.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )

    assert {row["conname"] for row in rows} == {name for name, _ in BROKEN}


@pytest.mark.parametrize(("constraint", "change"), BROKEN)
async def test_a_row_that_breaks_it_is_refused(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], constraint: str, change: str
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        table = await connection.fetchval(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = $1 AND contype = 'c'", constraint
        )
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # undone with the transaction
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(f"UPDATE {table} SET {change}")

    assert refused.value.constraint_name == constraint

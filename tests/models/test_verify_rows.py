"""Whatever a superuser changes of a row with the triggers off, the proof of the books names the row."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.operations.people import erase_customer
from models.reads.verify import verify
from models.reads.verify_links import LINKS
from models.reads.verify_seals import SEALED, UNSEALED, UNSEALED_TABLES
from tests.support.clock import NOON, Clock
from tests.support.tampering_rows import COPIED, MOVED, NOBODY, Corruption, Superuser, everything
from tests.support.tenants import MANAGER, Tenant

LATER = "interval '1 day'"
FORGED = "sha256('forged')"
BOTH_UP = "opening_minor = opening_minor + 1, used_minor = used_minor + 1"
PENDING_AGAIN = (
    "status = 'PENDING', decided_by_id = NULL, decided_subject = NULL, decided_at = NULL, decision_note = NULL"
)

CHANGES: dict[str, tuple[tuple[str, str | None], ...]] = {
    "accounts": (
        ("asset = 'GBP'", None),
        ("asset = 'GBP'", MOVED),
        ("asset = 'GBP'", "asset = 'EUR'"),
        ("asset = 'GBP'", f"created_at = created_at - {LATER}"),
        ("asset = 'GBP'", f"customer_id = '{NOBODY}'"),
        ("asset = 'GBP'", "balance_minor = balance_minor + 1"),
        ("asset = 'POINTS'", "lifetime_minor = 7"),
        ("held_until IS NOT NULL", "held_until = NULL"),
        ("held_until IS NOT NULL", f"held_until = held_until + {LATER}"),
        ("asset = 'GBP'", COPIED),
    ),
    "actors": (
        ("true", None),
        ("name IS NOT NULL", "name = 'Eve'"),
        ("subject = 'sam'", "subject = 'eve'"),
        ("role = 'STAFF'", "role = 'ADMIN'"),
    ),
    "approval_requests": (
        ("status = 'APPROVED'", 'command = command || \'{"amount": "1000"}\''),
        ("status = 'APPROVED'", None),
        ("status = 'PENDING'", "status = 'EXPIRED'"),
        ("status = 'PENDING'", f"expires_at = expires_at + {LATER}"),
        ("status = 'REJECTED'", "status = 'WITHDRAWN'"),
        ("status = 'REJECTED'", "decision_note = 'Yes'"),
        ("status = 'PENDING'", "requested_subject = 'eve'"),
        ("status = 'PENDING'", MOVED),
        ("status = 'PENDING'", COPIED),
        ("status = 'REJECTED'", PENDING_AGAIN),
        ("status = 'PENDING'", 'terms = terms || \'{"reason.movesLifetime": "false"}\''),
        ("status = 'PENDING'", "terms = NULL"),
        ("invoice_id IS NOT NULL", f"invoice_id = '{NOBODY}'"),
        ("invoice_id IS NOT NULL", None),
        ("invoice_id IS NOT NULL", "decided_subject = 'eve'"),
    ),
    "assignments": (
        ("released_at IS NULL", None),
        ("released_at IS NULL", "amount_minor = amount_minor - 1"),
        ("released_at IS NULL", "origin = 'AUTO'"),
        ("released_at IS NOT NULL", f"assigned_at = assigned_at - {LATER}"),
        ("released_at IS NOT NULL", "released_at = NULL, release_transaction_id = NULL"),
        ("released_at IS NOT NULL", f"released_at = released_at + {LATER}"),
        ("released_at IS NULL", COPIED),
    ),
    "audit_events": (
        ("true", None),
        ("details IS NOT NULL", "details = NULL"),
        ("true", "action = 'membership.cancelled'"),
        ("customer_id IS NOT NULL", "customer_id = NULL"),
        ("true", f"created_at = created_at + {LATER}"),
        ("true", "address = '10.0.0.1'"),
        ("true", MOVED),
        ("true", COPIED),
        ("note IS NULL", "note = 'No'"),
    ),
    "bulk_operations": (
        ("true", None),
        ("true", "total = total + 1"),
        ("true", "error_policy = 'SKIP_FAILED'"),
        ("true", f"finished_at = finished_at + {LATER}"),
    ),
    "bulk_rows": (
        ("true", None),
        ("true", "amount = amount + 1"),
        ("true", f"customer_id = '{NOBODY}'"),
        ("true", "transaction_id = NULL"),
        ("true", "error = '{}', transaction_id = NULL"),
        ("true", COPIED),
    ),
    "checkpoints": (
        ("number = 1", None),
        ("number = 1", f"until = until + {LATER}"),
        ("number = 1", "size = size + 1"),
        ("number = 1", f"root = {FORGED}"),
        ("number = 1", "position = position + 1"),
        ("number = 1", "note = replace(note, 'events 1 ', 'events 2 ')"),
        ("number = 1", "keys = 'strange'"),
        ("number = 1", f"created_at = created_at + {LATER}"),
        ("number = 1", MOVED),
    ),
    "coupons": (
        ("status = 'USED'", None),
        ("status = 'USED'", "status = 'ISSUED', closed_at = NULL"),
        ("status = 'DISABLED'", "status = 'USED', refund_transaction_id = NULL"),
        ("status = 'ISSUED'", 'terms = terms || \'{"name": "Anything"}\''),
        ("status = 'ISSUED'", f"expires_at = expires_at + {LATER}"),
        ("status = 'ISSUED'", "expires_at = NULL"),
        ("status = 'ISSUED'", "code = 'FORGED'"),
        ("status = 'ISSUED'", "points_spent_minor = 1"),
        ("status = 'ISSUED'", f"issued_at = issued_at - {LATER}"),
        ("status = 'ISSUED'", f"customer_id = '{NOBODY}'"),
        ("status = 'USED'", f"closed_at = closed_at + {LATER}"),
        ("status = 'ISSUED'", COPIED),
    ),
    "credit_changes": (
        ("true", None),
        ("true", f"old_expires_at = now() + {LATER}"),
        ("true", "new_expires_at = NULL"),
        ("true", "new_auto_apply = NOT new_auto_apply"),
        ("true", f"created_at = created_at + {LATER}"),
    ),
    "credit_services": (("true", None), ("true", f"service_id = '{NOBODY}'"), ("true", f"credit_id = '{NOBODY}'")),
    "credits": (
        ("amount_minor = 10000", None),
        ("amount_minor = 10000", MOVED),
        ("amount_minor = 10000", COPIED),
        ("expires_at IS NULL AND open", f"expires_at = now() + {LATER}"),
        ("expires_at IS NOT NULL AND amount_minor = 5000", f"expires_at = expires_at + {LATER}"),
        ("expires_at IS NOT NULL AND amount_minor = 5000", "expires_at = NULL"),
        ("restricted", f"expires_at = expires_at + {LATER}"),
        ("open", f"starts_at = starts_at - {LATER}"),
        ("open", "effective_on = effective_on + 1"),
        ("restricted", "restricted = false"),
        ("NOT restricted AND open", "restricted = true"),
        ("open", "auto_apply = NOT auto_apply"),
        ("NOT open AND voided_at IS NULL", "voided_at = created_at"),
        ("voided_at IS NOT NULL", "voided_at = NULL"),
        ("swept_at IS NOT NULL", "swept_at = NULL"),
        ("swept_at IS NOT NULL", f"swept_at = swept_at + {LATER}"),
        ("open", "counts = NOT counts"),
        ("origin_id IS NULL", f"created_at = created_at - {LATER}"),
        ("origin_id IS NOT NULL", f"created_at = created_at - {LATER}"),
        ("origin_id IS NOT NULL", "origin_id = NULL"),
        ("successor_id IS NOT NULL", "successor_id = NULL"),
        ("amount_minor = 10000", "amount_minor = 20000"),
        ("open", "remaining_minor = remaining_minor - 1"),
        ("gone_minor > 0", "gone_minor = gone_minor - 1"),
        ("open", "opened_sequence = opened_sequence + 50"),
        ("open", f"account_id = '{NOBODY}'"),
        ("open", f"transaction_id = '{NOBODY}'"),
    ),
    "currencies": (("true", None), ("true", "exponent = 3"), ("true", "code = 'EUR'")),
    "customers": (
        ("merged_into_id IS NULL AND erased_at IS NULL", None),
        ("merged_into_id IS NULL", "name = 'Eve'"),
        ("erased_at IS NULL", "external_id = 'eve'"),
        ("erased_at IS NULL", "email = 'eve@example.com'"),
        ("erased_at IS NULL", "reference = 'PO-8'"),
        ("erased_at IS NULL", "metadata = '{}'"),
        ("merged_into_id IS NOT NULL", "merged_into_id = NULL, merged_at = NULL"),
        ("merged_into_id IS NOT NULL", f"merged_at = merged_at + {LATER}"),
        ("membership_started_at IS NOT NULL", f"membership_started_at = membership_started_at - {LATER}"),
        ("membership_started_at IS NOT NULL", "membership_cancelled_at = now()"),
        ("membership_started_at IS NULL", "membership_started_at = now()"),
        ("erased_at IS NOT NULL", "erased_at = NULL"),
        ("erased_at IS NULL", MOVED),
        ("erased_at IS NULL", COPIED),
        ("erased_at IS NULL", "external_id_reused = NOT external_id_reused"),
        ("external_id_since IS NOT NULL", f"external_id_since = external_id_since - {LATER}"),
    ),
    "external_ids_left": (("true", None), ("true", f"left_at = left_at - {LATER}")),
    "entries": (
        ("sequence = 1", None),
        ("counter = 'INVOICES'", "amount_minor = amount_minor + 1"),
        ("sequence = 2", f"created_at = created_at + {LATER}"),
        ("sequence = 1", f"credit_id = '{NOBODY}'"),
        ("sequence = 2", f"hash = {FORGED}"),
        ("sequence = 2", COPIED),
        ("sequence = 1", MOVED),
        ("counter = 'ISSUED'", "lifetime_minor = CASE lifetime_minor WHEN 0 THEN amount_minor ELSE 0 END"),
    ),
    "grants": (
        ("true", None),
        ("revoked_transaction_id IS NULL", f"credit_id = '{NOBODY}'"),
        ("revoked_minor > 0", "revoked_minor = revoked_minor - 1"),
        ("revoked_minor > 0", "revoked_minor = NULL, revoked_transaction_id = NULL"),
        ("true", COPIED),
    ),
    "idempotency_keys": (
        ("operation = 'adjustCredit'", None),
        ("operation = 'recordPayment'", None),
        ("operation = 'adjustCredit'", f"result_id = '{NOBODY}'"),
        ("operation = 'adjustCredit'", "operation = 'useCredit'"),
        ("operation = 'adjustCredit'", f"input_hash = {FORGED}"),
        ("operation = 'createInvoice'", f"created_at = created_at + {LATER}"),
        ("NOT sealed", MOVED),
        ("NOT sealed", "client = 'shop'"),
        ("NOT sealed", "shared = true"),
        ("NOT sealed", "kept = true"),
        ("NOT sealed", f"created_at = created_at - {LATER}"),
        ("operation = 'useCoupon'", MOVED),
        ("operation = 'useCoupon'", "client = 'shop'"),
        ("operation = 'useCoupon'", "shared = true"),
        ("operation = 'useCoupon'", "kept = true"),
    ),
    "invoice_line_details": (
        ("true", None),
        ("true", "tax_minor = tax_minor + 1"),
        ("true", "quantity = quantity + 1, amount_minor = round((quantity + 1) * 199 * 0.9)"),
        ("true", "discount_percent = discount_percent + 0.0001"),
        ("true", COPIED),
    ),
    "invoice_lines": (
        ("true", None),
        ("true", "description = 'Coffee'"),
        ("true", "quantity = quantity + 1"),
        ("true", "position = position + 7"),
        ("true", COPIED),
    ),
    "invoice_texts": (
        ("true", None),
        ("true", COPIED),
        ("true", MOVED),
        ("true", "reference = 'PO-8'"),
        ("true", "reference = NULL, referenced_at = NULL"),
        ("true", "metadata = '{}'"),
        ("true", f"referenced_at = referenced_at + {LATER}"),
    ),
    "invoices": (
        ("status = 'OPEN'", None),
        ("status = 'OPEN'", "status = 'VOID', voided_at = created_at"),
        ("status = 'VOID'", "status = 'OPEN', voided_at = NULL"),
        ("status = 'OPEN'", COPIED),
        ("status = 'OPEN'", MOVED),
        ("status = 'OPEN'", "number = 'forged'"),
        ("status = 'OPEN'", "due_on = issued_on + 3"),
        ("status = 'OPEN'", "issued_on = issued_on - 1"),
        ("status = 'OPEN'", f"customer_id = '{NOBODY}'"),
        ("status = 'OPEN'", "auto_apply = NOT auto_apply"),
        ("status = 'OPEN'", "currency = 'EUR'"),
        ("status = 'PART_PAID'", f"created_at = created_at + {LATER}"),
        ("status = 'OPEN'", "kind = 'ORDER'"),
        ("status = 'VOID'", f"voided_at = voided_at + {LATER}"),
        ("status = 'OPEN'", "total_minor = 1, creditable_minor = 1"),
        ("limited_on IS NOT NULL", "limited_on = NULL"),
        ("limited_on IS NOT NULL", "limited_on = limited_on + 1"),
        ("limited_on IS NULL AND creditable_minor < total_minor AND status = 'OPEN'", "limited_on = issued_on"),
    ),
    "limit_counters": (
        ("used_minor > 0", None),
        ("used_minor > 0", "used_minor = 0"),
        ("used_minor > 0", "day = day - 1"),
        ("used_minor > 0", "holder = 'eve'"),
        ("used_minor > 0", BOTH_UP),
        ("used_minor > 0", COPIED),
        ("scope = 'SOLD_ACTOR_DAY'", "used_minor = 0"),
        ("scope = 'SOLD_ACTOR_DAY'", None),
    ),
    "reversed_rows": (
        ("true", None),
        ("true", "amount_minor = amount_minor - 1"),
        ("true", "used_minor = used_minor + 1"),
    ),
    "credit_notes": (
        ("voided_at IS NULL", None),
        ("voided_at IS NULL", "amount_minor = amount_minor + 1"),
        ("voided_at IS NULL", f"created_at = created_at + {LATER}"),
        ("voided_at IS NOT NULL", "voided_at = NULL, void_transaction_id = NULL"),
    ),
    "credit_note_parts": (("true", None), ("true", "amount_minor = amount_minor + 1"), ("NOT gone", "gone = true")),
    "credit_note_lines": (("true", None), ("true", "quantity = quantity / 2"), ("true", "amount_minor = 1")),
    "holds": (
        ("true", None),
        ("true", "held_minor = held_minor - 1"),
        ("true", "captured_minor = captured_minor + 1, held_minor = held_minor - 1"),
        ("true", f"expires_at = expires_at + {LATER}"),
        ("true", f"invoice_id = '{NOBODY}'"),
        ("true", f"home_id = '{NOBODY}'"),
    ),
    "hold_lots": (
        ("amount_minor < 0", None),
        ("amount_minor > 0", "amount_minor = amount_minor + 1"),
        ("amount_minor > 0", f"credit_id = '{NOBODY}'"),
        ("true", "position = position + 1"),
        ("true", COPIED),
    ),
    "refunds": (
        ("true", None),
        ("true", "amount_minor = amount_minor + 1"),
        ("true", "taken_minor = taken_minor + 1"),
        ("true", "spend_id = id"),
    ),
    "transfers": (("true", None), ("true", "received_id = (SELECT min(id::text)::uuid FROM transactions)")),
    "transferred_credits": (("true", None), ("true", "from_id = id"), ("true", "source_id = transfer_id")),
    "revivals": (
        ("true", None),
        ("true", "amount_minor = amount_minor + 1"),
        ("true", "before_minor = 1"),
        ("true", f"expired_at = expired_at + {LATER}"),
        ("true", f"revived_at = revived_at + {LATER}"),
    ),
    "limit_rules": (
        ("true", None),
        ("true", "per_adjustment = 1000000"),
        ("holder = ''", "holder = 'eve'"),
        ("kind = 'SELLING_CREDIT'", "kind = 'ADDING'"),
        ("asset = 'MONEY'", "kind = 'SELLING_CREDIT', per_customer_day = NULL"),
        ("kind = 'SELLING_CREDIT'", "per_adjustment = NULL"),
    ),
    "overpayments": (
        ("revoked_minor IS NULL", None),
        ("revoked_minor IS NULL", "amount_minor = amount_minor + 1"),
        ("revoked_minor IS NULL", f"credit_id = '{NOBODY}'"),
        ("revoked_minor IS NULL", "revoked_minor = 0, revoked_transaction_id = transaction_id"),
        ("revoked_minor IS NOT NULL", "revoked_minor = revoked_minor - 1"),
        ("revoked_minor IS NOT NULL", "revoked_minor = NULL, revoked_transaction_id = NULL"),
        ("revoked_minor IS NULL", COPIED),
    ),
    "partner_tokens": (
        ("true", None),
        ("true", "scope = 'credits:add credits:remove'"),
        ("true", f"secret_hash = {FORGED}"),
        ("true", "expires_at = now() + interval '9 years'"),
    ),
    "payments": (
        ("voided_at IS NULL", None),
        ("voided_at IS NULL", "amount_minor = amount_minor + 1"),
        ("voided_at IS NULL AND method = 'CARD'", "method = 'CASH'"),
        ("voided_at IS NULL", "received_on = received_on - 1"),
        ("voided_at IS NOT NULL", "voided_at = NULL"),
        ("voided_at IS NULL", "voided_at = created_at"),
        ("voided_at IS NULL", COPIED),
    ),
    "products": (
        ("true", None),
        ("true", "price_minor = price_minor + 1"),
        ("true", "name = 'Forged'"),
        ("true", "metadata = '{}'"),
    ),
    "reasons": (
        ("code = 'POLICY'", None),
        ("code = 'POLICY'", "moves_lifetime = NOT moves_lifetime"),
        ("code = 'POLICY'", "note_required = true"),
        ("code = 'POLICY'", "active = false"),
    ),
    "rewards": (
        ("true", None),
        ("true", "points_cost_minor = 1"),
        ("true", "stock = 500"),
        ("true", "validity_days = NULL"),
    ),
    "services": (("true", None), ("true", "name = 'Forged'"), ("true", "active = false")),
    "tenants": (
        ("true", "grace_days = 600"),
        ("true", "time_zone = 'Asia/Tokyo'"),
        ("true", "keys_pruned_at = now()"),
        ("true", "approval_hours = 1"),
        ("true", "key_days = 30"),
        ("true", "limited_currencies = NULL"),
        ("true", "limited_currencies = 'EUR GBP USD'"),
        ("true", "suspended_at = now()"),
    ),
    "tier_changes": (
        ("true", None),
        ("true", "new_tier = 'Platinum'"),
        ("true", "transaction_id = NULL"),
        ("true", f"created_at = created_at + {LATER}"),
        ("true", COPIED),
    ),
    "tiers": (("true", None), ("true", "threshold_minor = 1"), ("true", "name = 'Forged'")),
    "transaction_texts": (
        ("note <> ''", None),
        ("note <> ''", "note = '', salt = ''"),
        ("note <> ''", "note = 'Another'"),
        ("note <> ''", "salt = decode(repeat('00', 16), 'hex')"),
        ("reference IS NOT NULL", None),
        ("reference IS NOT NULL", "reference = 'PO-8'"),
        ("reference IS NOT NULL", "metadata = '{}'"),
        ("reference IS NOT NULL", "metadata = NULL"),
        ("reference IS NOT NULL", f"referenced_at = referenced_at + {LATER}"),
        ("salt = ''", None),
        ("salt = ''", "note = 'Forged', salt = decode(repeat('00', 16), 'hex')"),
    ),
    "transactions": (
        ("kind = 'ADJUSTMENT'", None),
        ("kind = 'UPDATE'", None),
        ("kind = 'MERGE'", None),
        ("kind = 'REWARD'", None),
        ("kind = 'ADJUSTMENT'", f"created_at = created_at + {LATER}"),
        ("kind = 'UPDATE'", f"created_at = created_at + {LATER}"),
        ("kind = 'ADJUSTMENT' AND key_use IS NULL", "idempotency_key = NULL"),
        ("key_use IS NOT NULL", "key_use = NULL, key_at = NULL"),
        ("key_use IS NOT NULL", f"key_use = substr({FORGED}, 1, 16)"),
        ("key_use IS NOT NULL", f"key_at = key_at - {LATER}"),
        ("kind = 'ADJUSTMENT'", "idempotency_key = 'another'"),
        ("kind = 'ADJUSTMENT'", f"customer_id = '{NOBODY}'"),
        ("kind = 'ADJUSTMENT'", f"actor_id = '{NOBODY}'"),
        ("approved_by_id IS NOT NULL", "approved_by_id = NULL"),
        ("kind = 'ADJUSTMENT'", "reason = 'PROMOTION'"),
        ("kind = 'UPDATE'", "kind = 'USE'"),
        ("note_digest IS NOT NULL", "note_digest = NULL"),
        ("kind = 'ADJUSTMENT'", f"digest = {FORGED}"),
        ("limited_on IS NOT NULL", "limited_minor = limited_minor - 1"),
        ("kind = 'ADJUSTMENT'", "digest = NULL"),
        ("kind = 'ADJUSTMENT'", COPIED),
        ("kind = 'ADJUSTMENT'", MOVED),
    ),
}
CORRUPTIONS = [Corruption(table, where, change) for table, changes in CHANGES.items() for where, change in changes]


@pytest.fixture(scope="module")
async def whole(database: Urls) -> AsyncIterator[Tenant]:
    """Made once: whatever is done to it is undone."""
    clock = Clock(NOON)
    tenant = await Tenant.open(clock)
    await everything(tenant, clock)
    yield tenant
    proof = await verify(tenant.id)
    await tenant.ledger.close()
    assert proof.holds, proof.listed


@pytest.fixture(scope="module")
async def superuser(whole: Tenant, database_urls: Urls) -> AsyncIterator[Superuser]:
    other = await Tenant.open(Clock(NOON))
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_urls.admin)
    yield Superuser(connection, whole.id, other.id)
    await connection.close()
    await other.ledger.close()


async def test_the_books_as_they_are_hold(whole: Tenant) -> None:
    proof = await verify(whole.id)

    assert proof.holds, proof.listed


@pytest.mark.parametrize(
    "corruption", CORRUPTIONS, ids=[f"{c.table}: {c.change or 'deleted'} where {c.where}" for c in CORRUPTIONS]
)
async def test_it_is_named(whole: Tenant, superuser: Superuser, corruption: Corruption) -> None:
    async with superuser.doing(corruption) as row:
        proof = await verify(whole.id)

    assert not proof.holds
    said = " ".join(f"{difference.id} {difference.detail}" for difference in proof.listed)
    name = "key" if corruption.table == "idempotency_keys" else "id"
    if corruption.table == "entries" and corruption.change in (None, MOVED):
        name = "account_id"  # and its place there: the one after it tells
    assert str(row[name]) in said, proof.listed


def test_every_table_is_tried() -> None:
    assert CHANGES.keys() == {*SEALED, "entries", "transaction_texts"}


async def test_every_column_is_sealed_or_worked_out(owner_connection: "asyncpg.Connection[Any]") -> None:
    """A new column is sealed, unless it is said to be worked out."""
    rows = await owner_connection.fetch(
        """SELECT table_name, array_agg(column_name::text) FROM information_schema.columns
        WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY table_name"""
    )
    columns = {table: set(names) for table, names in rows}
    listed = {table: {*names.split(), "tenant_id"} for table, names in SEALED.items()}
    listed["tenants"].discard("tenant_id")
    for table, names in UNSEALED.items():
        listed[table].update(names.split())

    assert columns.keys() - listed.keys() == {"aerich", *UNSEALED_TABLES}
    assert {table: columns[table] for table in listed} == listed


async def test_every_foreign_key_is_looked_at(owner_connection: "asyncpg.Connection[Any]") -> None:
    rows = await owner_connection.fetch(
        """SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]
        WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"""
    )
    there = {tuple(row) for row in rows} - {("transactions", "reason", "reasons")}

    assert there == {(table, *link.split()) for table, links in LINKS.items() for link in links.split(",")}


async def test_a_rightful_change_does_not_hide_it(whole: Tenant, superuser: Superuser) -> None:
    """The seal is renewed only where it fitted the row as it was before."""
    product_id: UUID = (await whole.rows("SELECT id FROM products WHERE tenant_id = $1 ORDER BY id"))[0][0]
    async with superuser.doing(Corruption("products", "true", "price_minor = price_minor + 1")):
        await whole.execute("UPDATE products SET active = false WHERE tenant_id = $1 AND id = $2", product_id)
        hidden = await verify(whole.id)

    assert [difference.id for difference in hidden.listed] == [product_id]


async def test_nor_does_one_of_many_rows_at_once(whole: Tenant, superuser: Superuser) -> None:
    """The seals of a bulk's rows are renewed by the statement that settles them, each by what was true of its own row."""
    rows = await whole.rows("SELECT id FROM bulk_rows WHERE tenant_id = $1 AND error IS NULL ORDER BY id")
    row_id: UUID = rows[0][0]
    there, gone = """coalesce(details, '{}') || '{"a": 1}'""", "nullif(details - 'a', '{}')"
    change = "UPDATE bulk_rows SET details = {} WHERE tenant_id = $1 AND error IS NULL"
    async with superuser.doing(Corruption("bulk_rows", f"id = '{row_id}'", "amount = amount + 1")):
        await whole.execute(change.format(there))
        hidden = await verify(whole.id)
        await whole.execute(change.format(gone))

    assert len(rows) > 1
    assert [difference.id for difference in hidden.listed] == [row_id]


async def test_of_what_was_erased_nothing_is_left_to_guess(whole: Tenant) -> None:
    """A seal's salt is a new one with each change, so that the digest of before is not to be had again from a guess."""
    seal = "SELECT version, salt, digest FROM seals WHERE tenant_id = $1 AND of_table = 'customers' AND id = $2"
    customer_id = await whole.customer(name="Fred")
    ((_, salt, digest),) = await whole.rows(seal, customer_id)

    await erase_customer(whole.ledger, whole.id, MANAGER, customer_id)
    ((version, new_salt, new_digest),) = await whole.rows(seal, customer_id)

    assert (version, len(salt), len(new_salt)) == (2, 16, 16)
    assert salt != new_salt
    assert digest != new_digest


async def test_the_app_cannot_write_seals(whole: Tenant) -> None:
    for statement in ("UPDATE seals SET version = 9", "DELETE FROM seals", "INSERT INTO seals SELECT * FROM seals"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await whole.execute(f"{statement} WHERE tenant_id = $1")

"""What the database itself holds against any bug of ours: the ledger only grows, and each entry follows the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.migrations.conftest import TwoTenants

LATER = "timestamptz '2026-01-02Z'"


@pytest.mark.parametrize("table", ["entries", "transactions", "transaction_texts", "credit_changes", "hold_lots"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_not_even_the_owner_changes_the_ledger(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], table: str, statement: str
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is append-only"):
            await connection.execute(statement.format(table))


@pytest.mark.parametrize("statement", ["DELETE FROM audit_events", "TRUNCATE audit_events"])
async def test_an_event_is_not_deleted_even_by_the_owner(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], statement: str
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is append-only"):
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ("note = '', salt = ''", True),
        ("note = '', salt = '', reference = NULL, metadata = NULL, referenced_at = NULL", True),
        ("note = '', salt = '', reference = 'PO-7', referenced_at = now()", False),
        ("note = '', salt = '', metadata = '{}'", False),
        ("reference = 'PO-7', referenced_at = now()", False),
        ("note = ''", False),
        ("note = 'Another note'", False),
        ("note = '', salt = '', id = gen_random_uuid()", False),
    ],
)
async def test_a_note_is_only_erased(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], change: str, allowed: bool
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        if allowed:
            assert await connection.execute(f"UPDATE transaction_texts SET {change}") == "UPDATE 1"
        else:
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is append-only"):
                await connection.execute(f"UPDATE transaction_texts SET {change}")


def entries(*rows: str) -> str:
    """INSERT of entries, of whose columns only those that make the chain differ."""
    values = ", ".join(f"({row})" for row in rows)
    return f"""
        INSERT INTO entries (tenant_id, id, account_id, transaction_id, credit_id, counter, lifetime_minor, sequence,
            amount_minor, balance_after_minor, created_at, previous_hash, hash)
        SELECT e.tenant_id, gen_random_uuid(), e.account_id, e.transaction_id, e.credit_id, 'INVOICES', 0, n.*
        FROM entries e CROSS JOIN (VALUES {values}) n(sequence, amount, balance, created_at, previous_hash, hash)
        WHERE e.sequence = 1
    """


SECOND = f"2, -30, 70, {LATER}, sha256('1'), sha256('2')"
THIRD = f"3, 5, 75, {LATER}, sha256('2'), sha256('3')"


@pytest.mark.parametrize("rows", [(SECOND,), (SECOND, THIRD), (THIRD, SECOND)])
async def test_entries_that_continue_the_last_are_taken(tenants: TwoTenants, rows: tuple[str, ...]) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        assert await connection.execute(entries(*rows)) == f"INSERT 0 {len(rows)}"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((THIRD,), id="a gap"),
        pytest.param((f"2, -30, 71, {LATER}, sha256('1'), sha256('2')",), id="another balance"),
        pytest.param((f"2, -30, 70, {LATER}, sha256('0'), sha256('2')",), id="another link"),
        pytest.param(("2, -30, 70, timestamptz '2025-12-31Z', sha256('1'), sha256('2')",), id="back in time"),
        pytest.param((SECOND, f"3, 5, 74, {LATER}, sha256('2'), sha256('3')"), id="the second of two"),
    ],
)
async def test_entries_that_do_not_are_refused(tenants: TwoTenants, rows: tuple[str, ...]) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not continue the one before it"):
            await connection.execute(entries(*rows))


async def test_a_first_entry_starts_from_nothing(tenants: TwoTenants) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not continue the one before it"):
            await connection.execute(
                """WITH a AS (INSERT INTO accounts SELECT gen_random_uuid(), $1, id, 'JPY', 0, 0, 0, NULL, now(), NULL
                    FROM customers RETURNING id)
                INSERT INTO entries
                SELECT gen_random_uuid(), $1, a.id, 1, transaction_id, credit_id, 'ISSUED', 5, 0, 6, now(), NULL, hash
                FROM a, entries""",
                tenants.one,
            )


async def test_an_account_that_follows_its_entries_is_taken(tenants: TwoTenants) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        await connection.execute(entries(SECOND, THIRD))
        changed = await connection.execute(
            f"UPDATE accounts SET balance_minor = 75, sequence = 3, head_hash = sha256('3'), posted_at = {LATER}"
        )
        assert changed == "UPDATE 1"


@pytest.mark.parametrize(
    "change",
    [
        "balance_minor = balance_minor + 1",
        "sequence = 2",
        "head_hash = sha256('another')",
        "posted_at = now()",
        "balance_minor = 0, lifetime_minor = 0, sequence = 0, head_hash = NULL, posted_at = NULL",
    ],
)
async def test_an_account_that_does_not_is_refused(tenants: TwoTenants, change: str) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not agree with its newest entry"):
            await connection.execute(f"UPDATE accounts SET {change}")


@pytest.mark.parametrize(
    ("statement", "raises"),
    [
        ("UPDATE reasons SET active = false", True),
        ("INSERT INTO tiers SELECT gen_random_uuid(), tenant_id, 'X', 5 FROM tiers", True),
        ("UPDATE services SET active = false", True),
        ("INSERT INTO services SELECT gen_random_uuid(), tenant_id, 'X', true FROM services", True),
        ("UPDATE tiers SET threshold_minor = 5", True),
        ("DELETE FROM tiers", True),
        ("UPDATE limit_rules SET per_adjustment = 5", True),
        ("DELETE FROM limit_rules", True),
        ("UPDATE rewards SET active = false", True),
        ("UPDATE rewards SET stock = 7, points_cost_minor = 5", True),
        ("UPDATE rewards SET stock = 7", False),
        ("UPDATE tenants SET time_zone = 'Europe/Paris'", True),
        ("UPDATE tenants SET grace_days = grace_days", False),
        ("UPDATE customers SET name = 'X'", False),
    ],
)
async def test_the_configuration_s_version_rises_with_every_change(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], statement: str, raises: bool
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        before = await connection.fetchval("SELECT config_version FROM tenants")
        await connection.execute(statement)
        after = await connection.fetchval("SELECT config_version FROM tenants")

    assert after - before == (1 if raises else 0)


def lots(*rows: str) -> str:
    """INSERT of what is done to holds: id, position and amount, at one o'clock."""
    values = ", ".join(f"({row})" for row in rows)
    return f"""
        INSERT INTO hold_lots (tenant_id, id, hold_id, transaction_id, account_id, credit_id, position, amount_minor,
            expires_at, created_at)
        SELECT t.id, gen_random_uuid(), h.id, h.id, h.account_id, c.id, n.position, n.minor, h.expires_at,
            timestamptz '2026-01-01 01:00Z'
        FROM tenants t, holds h, credits c, (VALUES {values}) n(position, minor)"""


@pytest.mark.parametrize(
    ("rows", "fits"),
    [(("1, 95",), True), (("1, 96",), False), (("1, 50", "2, 46"), False), (("0, -5",), True), (("0, -6",), False)],
)
async def test_no_more_is_held_than_is_left_nor_taken_than_is_held(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], rows: tuple[str, ...], fits: bool
) -> None:
    async with tenants.as_tenant(tenants.one, owner_connection) as connection:
        await connection.execute("ALTER TABLE entries DISABLE TRIGGER USER")  # undone with the transaction
        await connection.execute("UPDATE entries SET created_at = '2026-01-01Z'")
        await connection.execute("UPDATE credits SET remaining_minor = 100, amount_minor = 100")
        if fits:
            await connection.execute(lots(*rows))
        else:
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not fit"):
                await connection.execute(lots(*rows))

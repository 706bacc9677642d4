"""The app's role may do what the list says, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from models import tables
from models.privileges import APP_FUNCTIONS, APP_PRIVILEGES, grants

if TYPE_CHECKING:
    from app.postgres.embedded import Urls
    from tests.migrations.conftest import TwoTenants


@pytest.fixture
async def app_role(database_urls: Urls) -> str:
    connection = await asyncpg.connect(database_urls.app)
    try:
        return str(await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


def test_every_table_is_listed() -> None:
    assert APP_PRIVILEGES.keys() == {*(getattr(tables, name)._meta.db_table for name in tables.__all__), "aerich"}


async def test_the_role_is_bound_by_everything(app_role: str, owner_connection: asyncpg.Connection[Any]) -> None:
    role = await owner_connection.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = $1",
        app_role,
    )
    owned = await owner_connection.fetchval(
        "SELECT count(*) FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE rolname = $1", app_role
    )

    assert not any(role)
    assert owned == 0


@pytest.mark.parametrize("table", APP_PRIVILEGES)
async def test_rights_are_those_listed(
    app_role: str, owner_connection: asyncpg.Connection[Any], tenants: TwoTenants, table: str
) -> None:
    may = APP_PRIVILEGES[table]

    async def has(privilege: str) -> bool:
        return bool(
            await owner_connection.fetchval("SELECT has_table_privilege($1, $2, $3)", app_role, table, privilege)
        )

    updates = await owner_connection.fetch(
        """SELECT attname FROM pg_attribute WHERE attrelid = $2::regclass AND attnum > 0
        AND has_column_privilege($1, attrelid, attnum, 'UPDATE')""",
        app_role,
        table,
    )

    assert await has("SELECT")
    assert await has("INSERT") is may.inserts
    assert await has("DELETE") is may.deletes
    assert {row["attname"] for row in updates} == set(may.updates)
    for privilege in ("UPDATE", "TRUNCATE", "REFERENCES", "TRIGGER"):
        assert not await has(privilege)


async def test_functions_are_the_app_s_alone(app_role: str, owner_connection: asyncpg.Connection[Any]) -> None:
    for function in APP_FUNCTIONS:
        may = "SELECT has_function_privilege($1, $2, 'EXECUTE')"
        assert await owner_connection.fetchval(may, app_role, function)
        assert not await owner_connection.fetchval(may, "pg_monitor", function)


@pytest.mark.parametrize("table", ["entries", "transactions", "transaction_texts", "credit_changes"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_app_only_adds_to_the_ledger(tenants: TwoTenants, table: str, statement: str) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await connection.execute(statement.format(table))


async def test_the_app_removes_an_account_only_without_entries(tenants: TwoTenants) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        await connection.execute(
            """INSERT INTO accounts
            SELECT gen_random_uuid(), $1, id, 'JPY', 0, 0, 0, NULL, now(), NULL FROM customers""",
            tenants.one,
        )
        assert await connection.execute("DELETE FROM accounts WHERE asset = 'JPY'") == "DELETE 1"

        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute("DELETE FROM accounts")


async def test_grants_take_back_what_is_not_listed(app_role: str, owner_connection: asyncpg.Connection[Any]) -> None:
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute(f'GRANT DELETE, UPDATE, UPDATE (amount_minor) ON entries TO "{app_role}"')
        await owner_connection.execute(grants(app_role))

        for right in ("DELETE", "UPDATE"):
            assert not await owner_connection.fetchval("SELECT has_table_privilege($1, 'entries', $2)", app_role, right)
        assert not await owner_connection.fetchval(
            "SELECT has_column_privilege($1, 'entries', 'amount_minor', 'UPDATE')", app_role
        )
    finally:
        await transaction.rollback()

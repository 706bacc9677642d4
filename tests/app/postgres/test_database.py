"""What the app's role finds in a database that the migrations built."""

import asyncpg
import pytest
from tortoise import connections

from app.postgres.embedded import Urls


async def test_the_pool_is_the_apps_role_and_no_more(database: Urls) -> None:
    rows = await connections.get("default").execute_query_dict(
        "SELECT rolname, rolsuper, rolbypassrls, rolinherit, rolcreaterole, "
        "pg_has_role('scrip_owner', 'MEMBER') AS owns "
        "FROM pg_roles WHERE rolname = current_user"
    )
    assert rows == [
        {
            "rolname": "scrip_app",
            "rolsuper": False,
            "rolbypassrls": False,
            "rolinherit": False,
            "rolcreaterole": False,
            "owns": False,
        }
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET amount_minor = 1", "DELETE FROM entries", "DROP TABLE entries"]
)
async def test_the_books_cannot_be_changed_by_the_apps_role(database: Urls, statement: str) -> None:
    connection = await asyncpg.connect(database.app)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()

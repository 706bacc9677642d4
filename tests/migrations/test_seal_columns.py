"""The step that seals a new column is written by a script: it builds what was written by hand, and holds on a database."""

import re
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify_seals import SALTED, SEALED, facts
from scripts.database_sql import PICTURE
from scripts.seal_columns import BY_HAND, step, unsealed
from tests.support.clock import Clock
from tests.support.tenants import Tenant

TABLES = sorted(set(SEALED) - BY_HAND)


def functions(sql: str, table: str) -> list[str]:
    """Those of the table's triggers, without white space."""
    found = re.findall(rf"FUNCTION (seal_(?:added_)?{table}\(\)\s*RETURNS.*?END \$function\$;)", sql, re.DOTALL)
    return sorted("".join(each.split()) for each in found)


def without(picture: str, table: str, column: str) -> str:
    """As before the column, its last one, was sealed."""
    fact = rf""",\s*(\(extract\(epoch FROM )?(encode\()?\w+\."{column}"(\) \* 1000000\)::bigint|, 'hex'\)|::text)?"""
    return re.sub(
        rf"seal_(?:added_)?{table}\(\)\s*RETURNS.*?END \$function\$;",
        lambda function: re.sub(rf"{fact}(?=\s*\)::text, 'UTF8')", "", function[0]),
        picture,
        flags=re.DOTALL,
    )


@pytest.mark.parametrize("table", TABLES)
def test_it_writes_what_is_there(table: str) -> None:
    picture = PICTURE.read_text("utf-8")
    assert unsealed(picture, table) == []
    *_, last = SEALED[table].split()
    before = without(picture, table, last)
    assert unsealed(before, table) == [last]
    assert functions(step(before, table, [last]), table) == functions(picture, table)
    assert len(functions(picture, table)) == 2
    triggers = [
        text for text in step(before, table, [last]).split("CREATE TRIGGER ")[1:] if f'"{last}" ON {table}' in text
    ]
    assert len(triggers) == picture.count(f" ON {table}\n    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*)")


async def test_rows_keep_their_seals_and_changes_renew_them(database: Urls) -> None:
    tenant = await Tenant.open(Clock())
    customer = await tenant.customer()
    assert "customers" in SALTED
    said = facts("customers").replace(")::text, 'UTF8')", ", t.phone)::text, 'UTF8')")
    fits = f"""SELECT s.digest = sha256(s.salt || {said}) FROM customers t
        JOIN seals s ON s.tenant_id = t.tenant_id AND s.of_table = 'customers' AND s.id = t.id WHERE t.id = $1"""
    superuser: asyncpg.Connection[Any] = await asyncpg.connect(database.admin)
    change = superuser.transaction()
    await change.start()
    try:
        # The triggers see the rows of a tenant's transaction.
        await superuser.execute("SELECT set_config('scrip.tenant', $1, true)", str(tenant.id))
        await superuser.execute("ALTER TABLE customers ADD COLUMN phone text")
        await superuser.execute(step(PICTURE.read_text("utf-8"), "customers", ["phone"]))
        assert await superuser.fetchval(fits, customer) is True
        await superuser.execute("UPDATE customers SET phone = '1' WHERE id = $1", customer)
        assert await superuser.fetchval(fits, customer) is True
        await superuser.execute("ALTER TABLE customers DISABLE TRIGGER seal_changed")
        await superuser.execute("UPDATE customers SET phone = '2' WHERE id = $1", customer)
        assert await superuser.fetchval(fits, customer) is False
    finally:
        await change.rollback()
        await superuser.close()
        await tenant.ledger.close()


def test_tables_that_are_sealed_otherwise_are_left_to_a_hand() -> None:
    with pytest.raises(ValueError, match="credits: its rows"):
        step(PICTURE.read_text("utf-8"), "credits", ["shape"])

"""Whatever a superuser changes of a row with the triggers off, the proof of the books names the row."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.operations.people import erase_customer
from models.reads import verify as verifying
from models.reads.verify import verify
from models.reads.verify_links import LINKS
from models.reads.verify_seals import SEALED, UNSEALED, UNSEALED_TABLES
from tests.support.citus import proof_of, together
from tests.support.clock import NOON, Clock
from tests.support.tampering_changes import CHANGES
from tests.support.tampering_rows import MOVED, Corruption, Superuser, everything
from tests.support.tenants import MANAGER, Tenant

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
        proof = await proof_of(whole.id)

    assert not proof.holds
    said = " ".join(f"{difference.id} {difference.detail}" for difference in proof.listed)
    name = "key" if corruption.table == "idempotency_keys" else "id"
    if corruption.table == "entries" and corruption.change in (None, MOVED):
        name = "account_id"  # and its place there: the one after it tells
    assert str(row[name]) in said, proof.listed


@pytest.mark.parametrize("table", ["customers", "entries"])
async def test_what_tests_on_several_nodes_ask_finds_the_same(
    whole: Tenant, superuser: Superuser, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with superuser.doing(next(each for each in CORRUPTIONS if each.table == table)):
        proof = await verify(whole.id)
        monkeypatch.setattr(verifying, "_CHECKS", together(verifying._CHECKS))
        assert await verify(whole.id) == proof
    assert not proof.holds


def test_every_table_is_tried() -> None:
    assert CHANGES.keys() == {*SEALED, "entries", "transaction_texts"}


async def test_every_column_is_sealed_or_worked_out(owner_connection: "asyncpg.Connection[Any]") -> None:
    """A new column is sealed, unless it is said to be worked out."""
    rows = await owner_connection.fetch(
        """SELECT table_name, array_agg(column_name::text)
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY table_name"""
    )
    columns = {table: set(names) for table, names in rows}
    listed = {table: {*names.split(), "tenant_id"} for table, names in SEALED.items()}
    listed["tenants"].discard("tenant_id")
    for table, names in UNSEALED.items():
        listed[table].update(names.split())

    assert columns.keys() - listed.keys() == {"aerich", *UNSEALED_TABLES}
    assert {table: columns[table] for table in listed} == listed


async def test_every_foreign_key_is_looked_at(owner_connection: "asyncpg.Connection[Any]") -> None:
    """But for those of what is none of the books: where the feed is delivered to, and the order of lists."""
    rows = await owner_connection.fetch(
        """SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]
        WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"""
    )
    there = {tuple(row) for row in rows if row[0] not in ("webhooks", "webhook_deliveries", "standings")}
    there -= {("transactions", "reason", "reasons")}

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

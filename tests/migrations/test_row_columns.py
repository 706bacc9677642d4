"""The rows that postings read and write have the columns that the database has, of the same types."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import pytest

from models.planning import state  # noqa: F401 - with it come all rows
from models.planning.columns import LATER, Kind, columns_of, inserted, table, table_of, tables

TYPES: Final = {
    "uuid": {"uuid"},
    "text": {"text", "character varying"},
    "bigint": {"bigint", "integer"},
    "bool": {"boolean"},
    "bytea": {"bytea"},
    "timestamptz": {"timestamp with time zone"},
    "date": {"date"},
    "numeric": {"numeric"},
    "jsonb": {"jsonb"},
}
"""What each type that is sent may be stored as."""

Catalogue = dict[str, dict[str, asyncpg.Record]]


@pytest.fixture
async def catalogue(owner_connection: "asyncpg.Connection[Any]") -> Catalogue:
    """By table and column: its type, and whether a row must say it."""
    rows = await owner_connection.fetch(
        """SELECT table_name, column_name, data_type, is_generated = 'NEVER' AS written,
            is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER' AS needed
        FROM information_schema.columns WHERE table_schema = 'public'"""
    )
    found: Catalogue = {}
    for row in rows:
        found.setdefault(row["table_name"], {})[row["column_name"]] = row
    return found


def wrong(kinds: Iterable[Kind], catalogue: Catalogue) -> list[str]:
    """What the rows say of their columns that the catalogue does not."""
    found = []
    for kind in kinds:
        name, there = table_of(kind), catalogue.get(table_of(kind), {})
        for column in columns_of(kind):
            known = there.get(column.name)
            if known is None or not known["written"]:
                found.append(f"{name}.{column.name} is not there to be written")
            elif known["data_type"] not in TYPES[column.sql]:
                found.append(f"{name}.{column.name} is {known['data_type']}, and not {column.sql}")
    return found


def missing(kinds: Iterable[Kind], catalogue: Catalogue) -> list[str]:
    """What a new row has to say, and these do not."""
    return [
        f"{table_of(kind)}.{name}"
        for kind in kinds
        for name, known in catalogue[table_of(kind)].items()
        if known["needed"] and name not in {"tenant_id", *(column.name for column in inserted(kind).columns)}
    ]


def written_by_name() -> dict[str, Kind]:
    return {kind.__name__: kind for kind in tables()}


NOT_INSERTED: Final = {
    "CustomerState",
    "AccountState",
    "ProductState",
    "RewardState",
    "CounterState",
    "GrantRevocation",
    "OverpaymentRevocation",
    "RowResult",
}
"""Rows that no batch makes, or that it makes by statements of their own (models/loading)."""


async def test_rows_have_the_databases_columns(catalogue: Catalogue) -> None:
    assert wrong(tables(), catalogue) == []


async def test_a_new_row_says_all_that_it_has_to(catalogue: Catalogue) -> None:
    assert missing([kind for name, kind in written_by_name().items() if name not in NOT_INSERTED], catalogue) == []


async def test_both_notice_what_is_wrong(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.planning.columns._TABLES", {})

    @table("grants", open=bool)
    @dataclass
    class Grant:
        id: str
        invoice_id: UUID
        credit_id: Annotated[UUID, LATER]

    assert wrong([Grant], catalogue) == ["grants.id is uuid, and not text", "grants.open is not there to be written"]
    assert sorted(missing([Grant], catalogue)) == ["grants.credit_id", "grants.transaction_id"]

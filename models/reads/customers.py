"""Customers."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from models.customers import READ, CustomerView
from models.lookups import each
from models.reads.paging import Condition, Listing, id_key, instant_key, text_key, time_key
from models.reads.references import Reference
from models.reads.session import ReadSession

_COLUMNS: Final = ", ".join(f"t.{name}" for name in READ)

# For a merged record, its survivor. Under row-level security no index serves a COALESCE, which is not leakproof; a CASE
# is.
_PERSON: Final = """cross join lateral (
    select * from customers c
     where c.tenant_id = $1 and c.id = case when o.merged_into_id is null then o.id else o.merged_into_id end offset 0) t"""
_BY_EXTERNAL_ID: Final = f"select {_COLUMNS} from customers o {_PERSON} where o.tenant_id = $1 and o.external_id = $2"
_BY_IDS: Final = f"""
    select k.id as asked, {_COLUMNS}
      from {each("id uuid")} k join customers o on o.tenant_id = $1 and o.id = k.id {_PERSON}"""


CUSTOMERS: Final = Listing(
    name="customers",
    columns=_COLUMNS,
    table="customers t",
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=CustomerView.of,
    alone="num_nonnulls(t.merged_into_id) <> 1",
)
"""All of a tenant's customers, each person once: the parent is the tenant. `alone` counts as true of nearly all."""


BY_REFERENCE: Final = Listing(
    name="customers-by-reference",
    columns=_COLUMNS,
    table="customers t",
    parent="t.tenant_id",
    keys=(text_key("t.reference"), instant_key("t.created_at"), id_key("t.id")),
    view=CustomerView.of,
    alone="num_nonnulls(t.merged_into_id) <> 1",
)
"""All of a tenant's customers that have references, by these."""


def matching(text: str) -> Condition:
    """Customers whose external id, name, last name or e-mail begins with `text`, in any case; or those of a record
    merged into them.

    A range and not LIKE: only leakproof operators may use an index under row-level security.
    """
    merged = "select m.merged_into_id from customers m where m.tenant_id = $1 and m.merged_into_id is not null"
    return Condition(f"{_begins('t')} or t.id = any(array({merged} and ({_begins('m')})))", (text,))


def referenced(reference: Reference) -> Condition:
    """Customers that have the reference; or, of a whole one, those of a record merged into them."""
    has = reference.of("t.reference")
    if reference.begins:
        return has
    merged = f"""select m.merged_into_id from customers m where m.tenant_id = $1 and m.merged_into_id is not null
        and {reference.of("m.reference").sql}"""
    return Condition(f"({has.sql} or t.id = any(array({merged})))", has.values)


def _begins(table: str) -> str:
    columns = [f"{table}.search_{name}" for name in ("external_id", "name", "last_name", "email")]
    return " or ".join(f"({name} >= lower({{0}}) and {name} < lower({{0}}) || U&'\\+10FFFF')" for name in columns)


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, CustomerView]:
    """The person that each id names: for a merged record, its survivor."""
    return {row["asked"]: CustomerView.of(row) for row in await session.fetch(_BY_IDS, list(ids))}


async def by_external_id(session: ReadSession, external_id: str) -> CustomerView | None:
    """The person with this external id: for a merged record, its survivor."""
    rows = await session.fetch(_BY_EXTERNAL_ID, external_id)
    return CustomerView.of(rows[0]) if rows else None


async def ids_of(session: ReadSession, external_ids: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing records among these, by external id."""
    sql = "select external_id, id from customers where tenant_id = $1 and external_id = any($2::text[])"
    return {row["external_id"]: row["id"] for row in await session.fetch(sql, list(external_ids))}

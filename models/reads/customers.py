"""Customers."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from models.reads.paging import Condition, Listing, id_key, time_key
from models.reads.session import ReadSession
from models.views import CustomerView

_COLUMNS: Final = """
    t.id, t.external_id, t.name, t.email, t.created_at, t.membership_started_at, t.membership_cancelled_at"""

_BY_EXTERNAL_ID: Final = f"select {_COLUMNS} from customers t where t.tenant_id = $1 and t.external_id = $2"


def _view(row: Any) -> CustomerView:
    return CustomerView(
        id=row["id"], external_id=row["external_id"], name=row["name"], email=row["email"],
        created_at=row["created_at"], membership_started_at=row["membership_started_at"],
        membership_cancelled_at=row["membership_cancelled_at"],
    )  # fmt: skip


CUSTOMERS: Final = Listing(
    name="customers", columns=_COLUMNS, table="customers t", parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")), view=_view,
)  # fmt: skip
"""All of a tenant's customers: the parent is the tenant."""


def matching(text: str) -> Condition:
    """Customers whose external id, name, last name or e-mail begins with `text`, whatever its case.

    A range and not LIKE: only leakproof operators may use an index under row-level security.
    """
    columns = ("search_external_id", "search_name", "search_last_name", "search_email")
    ranges = (f"t.{name} >= lower({{0}}) and t.{name} < lower({{0}}) || U&'\\+10FFFF'" for name in columns)
    return Condition(" or ".join(f"({each})" for each in ranges), (text,))


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CustomerView]:
    return [_view(row) for row in await session.fetch_by_ids("customers", _COLUMNS, ids)]


async def by_external_id(session: ReadSession, external_id: str) -> CustomerView | None:
    rows = await session.fetch(_BY_EXTERNAL_ID, external_id)
    return _view(rows[0]) if rows else None

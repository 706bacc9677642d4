"""Ids of the things that requests name, by their names: each by the unique index on it, many in one statement."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.lookups import each
from models.reads.session import ReadSession

MAX_AT_ONCE: Final = 1_000
"""Maximum names looked up by one statement; more take several."""


@dataclass(frozen=True, slots=True)
class Naming:
    """A kind of thing, the table of its rows, and the column of their names, unique in a tenant."""

    kind: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Named:
    """One thing by its name."""

    naming: Naming
    name: str

    @property
    def sql(self) -> str:
        """Its id, found in the statement that asks for it, whose value the name is; null if nothing has it."""
        kind = self.naming
        return f"(select n.id from {kind.table} n where n.tenant_id = $1 and n.{kind.column} = {{0}})"


def by_id_or_name(asked: UUID | Named) -> tuple[str, UUID | str]:
    """SQL for the id of what is asked for, and its value {0}."""
    return (asked.sql, asked.name) if isinstance(asked, Named) else ("{0}", asked)


CUSTOMERS: Final = Naming("Customer", "customers", "external_id")
"""A record merged into another keeps its name: a posting follows it to the survivor, as it follows an id."""
INVOICES: Final = Naming("Invoice", "invoices", "number")
SERVICES: Final = Naming("Service", "services", "name")
REWARDS: Final = Naming("Reward", "rewards", "name")
PRODUCTS: Final = Naming("Product", "products", "name")
TIERS: Final = Naming("Tier", "tiers", "name")
COUPONS: Final = Naming("Coupon", "coupons", "code")

_IDS: Final = {
    naming: f"""select t.{naming.column} as name, t.id
      from {each("name text")} k join {naming.table} t on t.tenant_id = $1 and t.{naming.column} = k.name"""
    for naming in (CUSTOMERS, INVOICES, SERVICES, REWARDS, PRODUCTS, TIERS, COUPONS)
}


async def ids_of(session: ReadSession, naming: Naming, names: Collection[str]) -> dict[str, UUID]:
    """The ids of the existing rows among these, by name."""
    found: dict[str, UUID] = {}
    wanted = list(dict.fromkeys(names))
    for start in range(0, len(wanted), MAX_AT_ONCE):
        rows = await session.fetch(_IDS[naming], wanted[start : start + MAX_AT_ONCE])
        found.update((row["name"], row["id"]) for row in rows)
    return found

"""Looking things up by their references: exactly, in the order of the list; or by how they begin, by reference.

Each way has its rows in an index in the list's own order, so a page takes as long however many have the reference. Of
transactions, whose lists have an order of their own, only so many can be found by how their references begin.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.reads.paging import Condition
from models.reads.session import ReadSession

FEW: Final = 1_000
"""Maximum transactions looked up by how their references begin, or of one reference by their ids."""
_TRANSACTIONS: Final = "select x.id from transaction_texts x where x.tenant_id = $1 and {} limit $3"


@dataclass(frozen=True, slots=True)
class Reference:
    """text: a reference, or, with `begins`, the beginning of references."""

    text: str
    begins: bool = False

    def of(self, column: str) -> Condition:
        """The condition that the column has it."""
        return Condition(_beginning(column) if self.begins else f"{column} = {{0}}", (self.text,))


def _beginning(column: str) -> str:
    """A range and not LIKE: only leakproof operators may use an index under row-level security."""
    return f"{column} >= {{0}} and {column} < {{0}} || U&'\\+10FFFF'"


class TooManyFound(ValueError):
    """More transactions than can be found have references that begin like this."""


def of_transaction(reference: Reference, transaction_id: str) -> Condition:
    """That the transaction of the id in this column has it."""
    has = reference.of("x.reference")
    return Condition(
        f"exists (select 1 from transaction_texts x where x.tenant_id = $1 and x.id = {transaction_id} and {has.sql})",
        has.values,
    )


async def transactions_of(session: ReadSession, reference: Reference) -> tuple[UUID, ...] | None:
    """The ids of those that have it; None if they are many. Raises TooManyFound if these only begin like it."""
    has = reference.of("x.reference").sql.format("$2")
    rows = await session.fetch(_TRANSACTIONS.format(has), reference.text, FEW + 1)
    if len(rows) <= FEW:
        return tuple(row["id"] for row in rows)
    if reference.begins:
        raise TooManyFound(f"More than {FEW:,} transactions have references that begin like this. Give more of it.")
    return None

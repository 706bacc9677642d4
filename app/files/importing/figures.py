"""Figures of an import, as the ledger has them now, to be checked against the file's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from models.money import to_decimal
from models.reads.imports import imported
from models.reads.session import reading


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of some invoices and credit notes, in pounds.

    applied: credit of the credit notes that has paid these invoices by itself; in_full, in_part: how many. left: the
    remainder.
    """

    customers: int
    invoices: int
    invoiced: Decimal
    credit_notes: int
    credited: Decimal
    applied: Decimal
    in_full: int
    in_part: int
    left: Decimal

    def rows(self) -> list[tuple[str, str, str]]:
        """Rows for people: label, number, amount."""
        return [
            ("customers", f"{self.customers:,}", ""),
            ("invoices", f"{self.invoices:,}", f"£{self.invoiced:,}"),
            ("credit notes", f"{self.credit_notes:,}", f"£{self.credited:,}"),
            ("credit applied to later invoices", "", f"£{self.applied:,}"),
            ("invoices it paid in full", f"{self.in_full:,}", ""),
            ("invoices it paid in part", f"{self.in_part:,}", ""),
            ("credit left over", "", f"£{self.left:,}"),
        ]


async def figures_of(tenant_id: UUID, keys: Sequence[str]) -> Figures:
    """The figures of the documents that were posted under these idempotency keys, as they are now."""
    async with reading(tenant_id) as session:
        found = await imported(session, keys)
    return Figures(
        customers=found.customers,
        invoices=found.invoices,
        invoiced=to_decimal(found.invoiced_minor, CURRENCY),
        credit_notes=found.credit_notes,
        credited=to_decimal(found.credited_minor, CURRENCY),
        applied=to_decimal(found.applied_minor, CURRENCY),
        in_full=found.in_full,
        in_part=found.in_part,
        left=to_decimal(found.left_minor, CURRENCY),
    )

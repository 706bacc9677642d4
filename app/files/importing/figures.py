"""What an import comes to, as the ledger has it now: the figures that can be checked against the file's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from models.money import to_decimal
from models.reads.session import ReadSession

_OF_KEYS: Final = """
    with keys as (
        select result_id, operation from idempotency_keys
         where tenant_id = $1 and key = any($2::text[]) and client = ''),
    issued as (
        select i.id, i.customer_id, i.total_minor from keys k
          join invoices i on i.tenant_id = $1 and i.id = k.result_id where k.operation = 'createInvoice'),
    noted as (
        select c.id, a.customer_id, c.amount_minor, c.remaining_minor from keys k
          join credits c on c.tenant_id = $1 and c.transaction_id = k.result_id
          join accounts a on a.tenant_id = $1 and a.id = c.account_id where k.operation = 'adjustCredit'),
    applied as (
        select s.invoice_id, s.amount_minor from noted n join assignments s on s.tenant_id = $1 and s.credit_id = n.id
          join issued i on i.id = s.invoice_id
         where s.origin = 'AUTO' and s.released_at is null),
    covered as (
        select i.total_minor, sum(p.amount_minor) as applied_minor from applied p join issued i on i.id = p.invoice_id
         group by i.id, i.total_minor)
    select (select count(*) from (select customer_id from issued union select customer_id from noted) c) as customers,
           (select count(*) from issued) as invoices,
           (select coalesce(sum(total_minor), 0)::bigint from issued) as invoiced_minor,
           (select count(*) from noted) as credit_notes,
           (select coalesce(sum(amount_minor), 0)::bigint from noted) as credited_minor,
           (select coalesce(sum(amount_minor), 0)::bigint from applied) as applied_minor,
           (select count(*) from covered where applied_minor = total_minor) as in_full,
           (select count(*) from covered where applied_minor < total_minor) as in_part,
           (select coalesce(sum(remaining_minor), 0)::bigint from noted) as left_minor"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some invoices and credit notes. Amounts are in pounds.

    applied: what the credit notes' credit has paid of these invoices by itself; in_full, in_part: how many.
    left: what remains of it.
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
        """For people: what it is, how many, how much."""
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
    """Of the documents that were posted under these idempotency keys, as they stand now."""
    session = ReadSession(tenant_id)
    try:
        (row,) = await session.fetch(_OF_KEYS, list(keys))
    finally:
        await session.release()
    return Figures(
        customers=row["customers"], invoices=row["invoices"], invoiced=to_decimal(row["invoiced_minor"], CURRENCY),
        credit_notes=row["credit_notes"], credited=to_decimal(row["credited_minor"], CURRENCY),
        applied=to_decimal(row["applied_minor"], CURRENCY), in_full=row["in_full"], in_part=row["in_part"],
        left=to_decimal(row["left_minor"], CURRENCY),
    )  # fmt: skip

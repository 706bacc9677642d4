"""Results of an import's documents, looked up by the idempotency keys under which they were posted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

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
          join entries e on e.tenant_id = $1 and e.transaction_id = k.result_id
          join credits c on c.tenant_id = $1 and c.id = e.credit_id and c.transaction_id = e.transaction_id
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

_IS_USED: Final = "select 1 from idempotency_keys where tenant_id = $1 and key = $2 and client = ''"


@dataclass(frozen=True, slots=True)
class ImportView:
    """Sums of some invoices and credit notes, in minor units of their currency.

    applied: credit of the credit notes that auto-applied to these invoices; in_full, in_part: how many. left: the
    remainder.
    """

    customers: int
    invoices: int
    invoiced_minor: int
    credit_notes: int
    credited_minor: int
    applied_minor: int
    in_full: int
    in_part: int
    left_minor: int


async def imported(session: ReadSession, keys: Iterable[str]) -> ImportView:
    """The results as they are now."""
    (row,) = await session.fetch(_OF_KEYS, list(keys))
    return ImportView(**row)


async def is_used(session: ReadSession, key: str) -> bool:
    """Whether something was posted under this key, by the actor of file imports."""
    return bool(await session.fetch(_IS_USED, key))

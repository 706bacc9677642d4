"""Rows of the books to try things out on."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.reads.session import ReadSession

# A credit with a remainder and an open invoice of the same customer: the regular one, if they have both.
_PAIR: Final = """
    select c.id as credit_id, c.remaining_minor,
           i.id as invoice_id, i.total_minor - i.paid_minor - i.credited_minor as due_minor
      from credits c
      join accounts a on a.tenant_id = $1 and a.id = c.account_id and a.asset = $3
      join invoices i on i.tenant_id = $1 and i.customer_id = a.customer_id and i.currency = a.asset
     where c.tenant_id = $1 and c.remaining_minor > 0 and c.expires_at is null and c.starts_at <= now()
       and i.status in ('OPEN', 'PART_PAID')
     order by (a.customer_id = $2) desc, c.created_at, c.id, i.created_at, i.id limit 1"""
_CHOICES: Final = """
    select (select id from rewards where tenant_id = $1 and name = $2) as reward_id,
           (select id from services where tenant_id = $1 and name = $3) as service_id,
           (select id from approval_requests where tenant_id = $1
             order by (status = 'PENDING' and expires_at > now()) desc, created_at, id limit 1) as request_id"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A credit with a remainder, and an open invoice that it can pay. In minor units."""

    credit_id: UUID
    remaining_minor: int
    invoice_id: UUID
    due_minor: int


@dataclass(frozen=True, slots=True)
class Choices:
    """Ids to choose; None if there is none. request_id: of an approval request, a pending one if any."""

    reward_id: UUID | None
    service_id: UUID | None
    request_id: UUID | None


async def pair(session: ReadSession, customer_id: UUID, currency: str) -> Pair | None:
    """A pair of this customer's, if they have both; else any customer's."""
    rows = await session.fetch(_PAIR, customer_id, currency)
    return Pair(**rows[0]) if rows else None


async def choices(session: ReadSession, reward: str, service: str) -> Choices:
    """The reward and the service of these names, and a request."""
    (row,) = await session.fetch(_CHOICES, reward, service)
    return Choices(**row)

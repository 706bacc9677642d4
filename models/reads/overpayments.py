"""Payments of more than was due, of which the rest was kept as credit: by the payment, and by the credit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.lookups import each
from models.reads.session import ReadSession

_OF_PAYMENTS: Final = f"""
    select o.id, o.credit_id, o.amount_minor
      from {each("id uuid")} k join overpayments o on o.tenant_id = $1 and o.id = k.id"""

# A credit moved by a merge is one that was kept before.
_OF_CREDITS: Final = f"""
    select k.id, o.id as payment_id
      from {each("id uuid")} k
     cross join lateral (select case when origin_id is null then id else origin_id end as id from credits
                          where tenant_id = $1 and id = k.id offset 0) c
     cross join lateral (select id from overpayments where tenant_id = $1 and credit_id = c.id offset 0) o"""


@dataclass(frozen=True, slots=True)
class OverpaymentView:
    """Of one payment."""

    credit_id: UUID
    amount_minor: int


async def of_payments(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, OverpaymentView]:
    """By payment, of those of which something was kept."""
    rows = await session.look_up(_OF_PAYMENTS, ids)
    return {row["id"]: OverpaymentView(row["credit_id"], row["amount_minor"]) for row in rows}


async def payments_of_credits(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """By credit, the payment that it was kept of, if it was."""
    return {row["id"]: row["payment_id"] for row in await session.look_up(_OF_CREDITS, ids)}

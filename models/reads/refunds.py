"""Refunds: how much of a spend they have given back, and the spend that each gives back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.lookups import each
from models.reads.session import ReadSession

# A spend is of one account, and so of one asset.
_REFUNDS: Final = f"""
    select t.id, r.spend_id, case when t.kind in ('SPEND', 'USE') then coalesce(b.minor, 0) end as refunded_minor, a.asset
      from {each("id uuid")} k join transactions t on t.tenant_id = $1 and t.id = k.id
      left join lateral (select spend_id from refunds where tenant_id = $1 and id = t.id offset 0) r on true
      left join lateral (select sum(amount_minor)::bigint as minor from refunds
                          where tenant_id = $1 and spend_id = t.id offset 0) b on true
      left join lateral (select m.account_id from (select account_id from entries
                                                     where tenant_id = $1 and transaction_id = t.id offset 0) m
                         limit 1) e on true
      left join lateral (select asset from accounts where tenant_id = $1 and id = e.account_id offset 0) a on true"""


@dataclass(frozen=True, slots=True)
class RefundsView:
    """Of one transaction. spend_id: of a refund, what it gives back. refunded_minor: what was given back of a spend or
    use, None for any other transaction; asset: its asset."""

    spend_id: UUID | None
    refunded_minor: int | None
    asset: str | None


async def of_transactions(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, RefundsView]:
    rows = await session.look_up(_REFUNDS, ids)
    return {row["id"]: RefundsView(row["spend_id"], row["refunded_minor"], row["asset"]) for row in rows}

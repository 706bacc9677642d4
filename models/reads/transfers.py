"""Transfers: the two transactions of each, which name each other."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from models.lookups import each
from models.reads.session import ReadSession

_COUNTERPARTS: Final = f"""
    select k.id, coalesce(g.other_id, r.other_id) as other_id from {each("id uuid")} k
      left join lateral (select received_id as other_id from transfers
                          where tenant_id = $1 and id = k.id offset 0) g on true
      left join lateral (select id as other_id from transfers
                          where tenant_id = $1 and received_id = k.id offset 0) r on true"""


async def counterparts(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """By a transfer's transaction, the other customer's."""
    rows = await session.look_up(_COUNTERPARTS, ids)
    return {row["id"]: row["other_id"] for row in rows if row["other_id"] is not None}

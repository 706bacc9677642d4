"""A tenant's checkpoints, by number, and the newest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from models.checkpoints import LAST
from models.reads.columns import columns, rows
from models.reads.keys import integer_key
from models.reads.paging import Listing
from models.reads.session import ReadSession
from models.session import tenant_transaction


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """As in the table (models/tables/checkpoints.py)."""

    id: UUID
    number: int
    until: datetime
    size: int
    root: bytes
    position: int
    note: str
    keys: str
    created_at: datetime


CHECKPOINT: Final = columns(CheckpointView)
checkpoint: Final = rows(CheckpointView)
CHECKPOINTS: Final = Listing(
    name="checkpoints",
    columns=CHECKPOINT,
    table="checkpoints t",
    parent="t.tenant_id",
    keys=(integer_key("t.number"),),
    view=checkpoint,
)
"""All of a tenant's: the parent is the tenant."""


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CheckpointView]:
    return [checkpoint(row) for row in await session.fetch_by_ids("checkpoints", CHECKPOINT, ids)]


async def last_note(tenant_id: UUID) -> str | None:
    """The note of the newest checkpoint."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(LAST, tenant_id)
    return None if row is None else row["note"]

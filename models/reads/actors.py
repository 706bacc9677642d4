"""Actors by their ids, and the ids of those that are known by subject, role and client."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.lookups import each
from models.reads.session import ReadSession
from models.views import ActorView

_COLUMNS: Final = "t.id, t.subject, t.name, t.role, nullif(t.client, '') as client"
_IDS: Final = f"""
    select t.id, t.subject, t.role, nullif(t.client, '') as client
      from {each("subject text", "role text", "client text")} k
      join actors t on t.tenant_id = $1 and t.subject = k.subject and t.role = k.role and t.client = k.client"""

Name = tuple[str, str, str | None]
"""Subject, role, and client or None: unique in a tenant."""


@dataclass(frozen=True, slots=True)
class KnownActor:
    id: UUID
    view: ActorView


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[KnownActor]:
    rows = await session.fetch_by_ids("actors", _COLUMNS, ids)
    return [KnownActor(row["id"], ActorView(row["subject"], row["name"], row["role"], row["client"])) for row in rows]


async def ids_of(session: ReadSession, names: list[Name]) -> dict[Name, UUID]:
    subjects, roles, clients = zip(*names, strict=True)
    rows = await session.fetch(_IDS, list(subjects), list(roles), [client or "" for client in clients])
    return {(row["subject"], row["role"], row["client"]): row["id"] for row in rows}

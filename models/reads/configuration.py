"""An admin's settings, as rows: small tables, read whole."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from tortoise.models import Model

from models.reads.session import ReadSession
from models.session import TenantConnection
from models.tables import Reason, Service, Tier

M = TypeVar("M", bound=Model)


async def reasons(session: ReadSession, *, active_only: bool) -> list[Reason]:
    """By code."""
    return await _whole(session, Reason, "code", **({"active": True} if active_only else {}))


async def reasons_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[Reason]:
    return await _whole(session, Reason, "code", id__in=list(ids))


async def services(session: ReadSession, *, active_only: bool) -> list[Service]:
    """By name."""
    return await _whole(session, Service, "name", **({"active": True} if active_only else {}))


async def services_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[Service]:
    return await _whole(session, Service, "name", id__in=list(ids))


async def tiers(session: ReadSession) -> list[Tier]:
    """By rising threshold."""
    return await _whole(session, Tier, "threshold_minor")


async def _whole(session: ReadSession, table: type[M], order: str, **conditions: object) -> list[M]:
    async def rows(connection: TenantConnection) -> list[M]:
        found = table.filter(tenant_id=session.tenant_id, **conditions).using_db(connection.orm)
        return await found.order_by(order)

    return await session.ask(rows)


async def service_ids(session: ReadSession, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing services among these, by name."""
    sql = "select name, id from services where tenant_id = $1 and name = any($2::text[])"
    return {row["name"]: row["id"] for row in await session.fetch(sql, list(names))}

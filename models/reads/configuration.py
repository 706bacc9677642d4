"""An admin's settings, as rows: small tables, read whole."""

from collections.abc import Iterable
from uuid import UUID

from models.reads.session import ReadSession
from models.tables import Reason, Service, Tier


async def reasons(session: ReadSession, *, active_only: bool) -> list[Reason]:
    """By code."""
    async with session.use() as connection:
        query = Reason.filter(tenant_id=session.tenant_id).using_db(connection.orm)
        return await (query.filter(active=True) if active_only else query).order_by("code")


async def reasons_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[Reason]:
    async with session.use() as connection:
        return await Reason.filter(tenant_id=session.tenant_id, id__in=list(ids)).using_db(connection.orm)


async def services(session: ReadSession, *, active_only: bool) -> list[Service]:
    """By name."""
    async with session.use() as connection:
        query = Service.filter(tenant_id=session.tenant_id).using_db(connection.orm)
        return await (query.filter(active=True) if active_only else query).order_by("name")


async def services_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[Service]:
    async with session.use() as connection:
        return await Service.filter(tenant_id=session.tenant_id, id__in=list(ids)).using_db(connection.orm)


async def tiers(session: ReadSession) -> list[Tier]:
    """By rising threshold."""
    async with session.use() as connection:
        return await Tier.filter(tenant_id=session.tenant_id).using_db(connection.orm).order_by("threshold_minor")


async def service_ids(session: ReadSession, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing services among these, by name."""
    sql = "select name, id from services where tenant_id = $1 and name = any($2::text[])"
    return {row["name"]: row["id"] for row in await session.fetch(sql, list(names))}

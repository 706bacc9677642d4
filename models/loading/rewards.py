"""Rewards and coupons."""

from typing import Any
from uuid import UUID

from models.lookups import each
from models.planning.columns import maker, selected
from models.planning.reward_rows import CouponState, RewardState
from models.session import TenantConnection


async def load_rewards(connection: TenantConnection, ids: set[UUID], *, locking: str) -> dict[UUID, RewardState]:
    """Read rewards. locking: the lock clause in SQL; '' for no lock."""
    rows = await connection.raw.fetch(
        f"""SELECT {selected(RewardState)}, name, kind, value, currency, product
        FROM rewards WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id {locking}""",
        connection.tenant_id,
        sorted(ids),
    )
    return {row["id"]: _reward(row) for row in rows}


def _reward(row: Any) -> RewardState:
    terms = {name: row[name] for name in ("name", "kind", "currency", "product")}
    terms["value"] = None if row["value"] is None else format(row["value"], "f")
    return RewardState(
        id=row["id"],
        terms=terms,
        points_cost_minor=row["points_cost_minor"],
        validity_days=row["validity_days"],
        stock=row["stock"],
        active=row["active"],
    )


async def load_coupons(connection: TenantConnection, ids: set[UUID], *, locking: str) -> dict[UUID, CouponState]:
    """Read coupons, each with its customer's surviving record. locking: the lock clause in SQL; '' for no lock."""
    rows = await connection.raw.fetch(
        f"""SELECT {selected(CouponState, "x", customer_id="coalesce(c.merged_into_id, c.id)")}
        FROM {each("id uuid")} k JOIN coupons x ON x.tenant_id = $1 AND x.id = k.id
        JOIN customers c ON c.tenant_id = $1 AND c.id = x.customer_id
        ORDER BY x.id {locking}""",
        connection.tenant_id,
        sorted(ids),
    )
    coupon = maker(CouponState, rows)
    return {row["id"]: coupon(row) for row in rows}

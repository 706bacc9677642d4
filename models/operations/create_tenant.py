"""Create a tenant, with a new tenant's reasons and limits (domain: adjusting; who may)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.backends.base.client import BaseDBAsyncClient

from models.errors import Duplicate, Invalid
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.names import checked_name
from models.operations.update_tenant import checked_currencies
from models.patience import patiently
from models.planning.limits import ADDING, LIMITED_ROLES, MONEY, SPENDING, SPENDING_ROLES
from models.session import tenant_id_of, tenant_transaction, written_id
from models.tables import LimitRule, Reason, Tenant

MAX_NAME_CHARACTERS: Final = 200
GRACE_DAYS: Final = 60
APPROVAL_HOURS: Final = 7 * 24
FIRST_REASONS: Final = (  # code, label, adds, removes, moves the lifetime total, needs a note
    ("SERVICE_RECOVERY", "Service recovery", True, False, True, False),
    ("PROMOTION", "Promotion", True, False, True, False),
    ("GOODWILL", "Goodwill", True, False, True, False),
    ("CORRECTION", "Correction", True, True, True, False),
    ("POLICY", "Policy enforcement", False, True, True, False),
    ("OTHER", "Other", True, True, True, True),
)
PER_ADJUSTMENT: Final = {MONEY: Decimal(100), SERVICE_CREDITS: Decimal(10), POINTS: Decimal(1000)}
ACTOR_DAY_TIMES: Final = 5
CUSTOMER_DAY_TIMES: Final = 2


@patiently
async def create_tenant(
    ledger: Ledger,
    slug: str,
    name: str,
    time_zone: str,
    limited_currencies: tuple[str, ...] = (),
    *,
    suspended: bool = False,
) -> UUID:
    """Create the tenant and return its id.

    limited_currencies: those that limited roles may use; none named: all. suspended: from the beginning, until it is
    resumed.

    Raises Duplicate if the slug is taken, Invalid if it looks like an id or the name is invalid, ZoneInfoNotFoundError,
    ValueError, AssetUnknown, Unavailable.
    """
    ZoneInfo(time_zone)
    name = checked_name(name, MAX_NAME_CHARACTERS, "name")
    currencies = checked_currencies(limited_currencies)
    if written_id(slug) is not None:
        raise Invalid("The short name must not look like an id.", field=("slug",))
    existing = await tenant_id_of(slug)
    if existing is not None:
        raise Duplicate(f"Another tenant is called {slug!r}.", field=("slug",))
    tenant_id, new_id = ledger.source.new_id(), ledger.source.new_id
    async with tenant_transaction(tenant_id) as connection:
        now, orm = await ledger.stamp(connection), connection.orm
        await connection.raw.execute("INSERT INTO tenant_slugs (slug, tenant_id) VALUES ($2, $1)", tenant_id, slug)
        await Tenant.create(
            id=tenant_id,
            slug=slug,
            name=name,
            time_zone=time_zone,
            grace_days=GRACE_DAYS,
            approval_hours=APPROVAL_HOURS,
            config_version=1,
            created_at=now,
            limited_currencies=currencies or None,
            suspended_at=now if suspended else None,
            using_db=orm,
        )
        await _set_up(tenant_id, new_id, orm)
    return tenant_id


async def _set_up(tenant_id: UUID, new_id: Callable[[], UUID], orm: BaseDBAsyncClient) -> None:
    """The first reasons and limits."""
    reasons = [
        Reason(
            id=new_id(),
            tenant_id=tenant_id,
            code=code,
            label=label,
            adds=adds,
            removes=removes,
            moves_lifetime=lifetime,
            note_required=note,
            active=True,
        )
        for code, label, adds, removes, lifetime, note in FIRST_REASONS
    ]
    await Reason.bulk_create(reasons, using_db=orm)
    rules = [
        LimitRule(
            id=new_id(),
            tenant_id=tenant_id,
            role=role,
            asset=asset,
            holder="",
            per_adjustment=limit,
            per_actor_day=limit * ACTOR_DAY_TIMES,
            per_customer_day=limit * CUSTOMER_DAY_TIMES,
            kind=kind,
        )
        for kind, roles in ((ADDING, LIMITED_ROLES), (SPENDING, SPENDING_ROLES))
        for role in roles
        for asset, limit in PER_ADJUSTMENT.items()
    ]
    await LimitRule.bulk_create(rules, using_db=orm)

"""An admin's settings, as the planner needs them: loaded whole, and cached until the tenant's version changes."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from models.currencies import held_currencies
from models.money import enter_books
from models.planning.config import LimitRuleValues, ReasonRule, TenantConfig, TierRule
from models.planning.limits import ADDING, SELLING_CREDIT, SPENDING
from models.session import TenantConnection
from models.tables import LimitRule, Reason, Service, Tenant, Tier

MAX_REMEMBERED_TENANTS: Final = 10_000


class Configurations:
    """Each tenant's newest known configuration. One per process."""

    def __init__(self) -> None:
        self._known: dict[UUID, TenantConfig] = {}

    def forget(self) -> None:
        """Forget all: versions may count anew, in a database that has not got the last changes."""
        self._known.clear()

    async def at_version(self, connection: TenantConnection, version: int) -> TenantConfig:
        """The configuration as of `version` (or newer): cached, or loaded over this connection.

        From then on amounts have the decimal places of these books' currencies.
        """
        known = self._known.get(connection.tenant_id)
        if known is None or known.version < version:
            known = await load(connection)
            if len(self._known) >= MAX_REMEMBERED_TENANTS:
                self._known.clear()
            self._known[connection.tenant_id] = known
        enter_books(known.currencies)
        return known


async def load(connection: TenantConnection) -> TenantConfig:
    """Load all of it, in six statements. The version is read first, so that later reads are at least as new."""
    tenant_id, orm = connection.tenant_id, connection.orm
    tenant = await Tenant.filter(id=tenant_id).using_db(orm).get()
    currencies = await held_currencies(connection)
    reasons = await Reason.filter(tenant_id=tenant_id).using_db(orm)
    services = await Service.filter(tenant_id=tenant_id).using_db(orm)
    tiers = await Tier.filter(tenant_id=tenant_id).order_by("threshold_minor").using_db(orm)
    rules = await LimitRule.filter(tenant_id=tenant_id).using_db(orm)
    return TenantConfig(
        tenant_id=tenant_id,
        # A currency is added by the posting that uses it first, which must not wait for a change of the other configuration.
        version=tenant.config_version + len(currencies),
        zone=ZoneInfo(tenant.time_zone),
        grace_days=tenant.grace_days,
        approval_lifetime=timedelta(hours=tenant.approval_hours),
        reasons={r.code: _reason(r) for r in reasons},
        services={s.id: s.active for s in services},
        tiers=tuple(TierRule(t.name, t.threshold_minor) for t in tiers),
        limits=_limits(rules, ADDING),
        currencies=currencies,
        selling_limits=_limits(rules, SELLING_CREDIT),
        spending_limits=_limits(rules, SPENDING),
        limited_currencies=frozenset((tenant.limited_currencies or "").split()),
        service_names={s.id: s.name for s in services},
    )


def _reason(row: Reason) -> ReasonRule:
    return ReasonRule(row.code, row.adds, row.removes, row.moves_lifetime, row.note_required, row.active)


def _limits(rules: list[LimitRule], kind: str) -> dict[tuple[str, str, str], LimitRuleValues]:
    return {(r.role, r.asset, r.holder): _limit(r) for r in rules if r.kind == kind}


def _limit(row: Any) -> LimitRuleValues:
    return LimitRuleValues(
        row.role, row.asset, row.holder, row.per_adjustment, row.per_actor_day, row.per_customer_day, row.kind
    )

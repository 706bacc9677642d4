"""The limit rules, and the amounts that an actor's limits leave today."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.errors import LimitRemaining
from models.money import is_money
from models.planning import limits
from models.planning.config import LimitRuleValues
from models.planning.limits import (
    ADDING,
    LIMITED_ROLES,
    MONEY,
    PER_ACTOR_DAY,
    PER_CUSTOMER_DAY,
    SELLING_CREDIT,
    SOLD_ACTOR_DAY,
    SPENDING,
    SPENDING_ROLES,
    SPENT_ACTOR_DAY,
)
from models.reads import accounts
from models.reads.session import ReadSession

_RULES: Final = """
    select id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day, kind from limit_rules
     where tenant_id = $1 and ($2::text is null or role = $2) and ($3::text[] is null or holder = any($3))
     order by role, asset, holder, kind"""

_RULES_BY_ID: Final = "t.id, t.role, t.asset, t.holder, t.per_adjustment, t.per_actor_day, t.per_customer_day, t.kind"
_ONE_RULE: Final = f"""
    select {_RULES_BY_ID} from limit_rules t
     where t.tenant_id = $1 and t.kind = $2 and t.role = $3 and t.asset = $4 and t.holder = $5"""

_USED: Final = """
    select asset, used_minor from limit_counters
     where tenant_id = $1 and scope = $5 and role = $2 and holder = $3 and day = $4"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRuleView(LimitRuleValues):
    """A rule as it is stored."""

    id: UUID


async def rules(session: ReadSession, role: str | None, holder: str | None) -> list[LimitRuleView]:
    """All, or one role's, or one holder's, by role, asset and holder."""
    return await _rules(session, role, None if holder is None else [holder])


async def rules_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[LimitRuleView]:
    return [LimitRuleView(**row) for row in await session.fetch_by_ids("limit_rules", _RULES_BY_ID, ids)]


async def rule_as_stored(session: ReadSession, rule: LimitRuleValues) -> LimitRuleView | None:
    """The rule that stands in this one's place: None if it has been removed meanwhile."""
    rows = await session.fetch(_ONE_RULE, rule.kind, rule.role, rule.asset, rule.holder)
    return LimitRuleView(**rows[0]) if rows else None


async def left_today(
    session: ReadSession, actor: Actor, day: date, currencies: Collection[str] = ()
) -> list[LimitRemaining]:
    """The amount that each of the actor's limits leaves on `day`, by asset: per adjustment, and per actor and day; then
    the same for limits on selling credit, and on spending.

    Money under the rule for MONEY is listed for each currency in which the tenant has accounts. Limits per customer are
    left out: their remainder depends on the customer; so are currencies in which the actor may neither add nor sell.
    currencies: those that limited roles may use; none: all.
    """
    rules_of_actor = await _rules(session, actor.role, ["", actor.holder])
    found, selling, spending = (
        {(rule.role, rule.asset, rule.holder): rule for rule in rules_of_actor if rule.kind == kind}
        for kind in (ADDING, SELLING_CREDIT, SPENDING)
    )
    if not (found or selling or spending) and actor.role not in LIMITED_ROLES:
        return []
    held = set(await accounts.assets(session))
    left: list[LimitRemaining] = []

    def open_to(assets: set[str]) -> list[str]:
        return sorted(each for each in assets if each != MONEY and not limits.is_barred(currencies, actor, each))

    if found or actor.role in LIMITED_ROLES:
        used = await _used(session, actor, day, PER_ACTOR_DAY)
        for asset in open_to(set(used).union(held, (asset for _, asset, _ in found))):
            left += _remaining(limits.binding_rule(found, actor, asset), asset, used)
    if selling:
        used = await _used(session, actor, day, SOLD_ACTOR_DAY)
        for asset in open_to(set(used).union(held, (asset for _, asset, _ in selling))):
            left += _remaining(limits.selling_rule(selling, actor, asset) if is_money(asset) else None, asset, used)
    if spending or actor.role in SPENDING_ROLES:
        used = await _used(session, actor, day, SPENT_ACTOR_DAY)
        for asset in sorted(set(used).union(held, (asset for _, asset, _ in spending)) - {MONEY}):
            left += _remaining(limits.spending_rule(spending, actor, asset), asset, used)
    return left


async def _used(session: ReadSession, actor: Actor, day: date, scope: str) -> dict[str, int]:
    rows = await session.fetch(_USED, actor.role, actor.holder, day, scope)
    return {row["asset"]: row["used_minor"] for row in rows}


def _remaining(rule: LimitRuleValues | None, asset: str, used: dict[str, int]) -> list[LimitRemaining]:
    if rule is None:
        return []
    everything = limits.check(rule, asset, 0, by_actor=used.get(asset, 0), by_customer=0).remaining
    return [left for left in everything if left.scope != PER_CUSTOMER_DAY]


async def _rules(session: ReadSession, role: str | None, holders: list[str] | None) -> list[LimitRuleView]:
    return [LimitRuleView(**row) for row in await session.fetch(_RULES, role, holders)]

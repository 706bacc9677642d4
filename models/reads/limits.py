"""What an actor's limits leave today."""

from datetime import date
from typing import Final

from models.commands import Actor
from models.errors import LimitRemaining
from models.limits import MONEY, PER_ACTOR_DAY, PER_ADJUSTMENT
from models.money import exponent, is_money, to_decimal
from models.reads import accounts, configuration
from models.reads.session import ReadSession
from models.tables import LimitRule

_USED: Final = """
    select asset, used_minor from limit_counters
     where tenant_id = $1 and scope = 'PER_ACTOR_DAY' and role = $2 and holder = $3 and day = $4"""


async def left_today(session: ReadSession, actor: Actor, day: date) -> list[LimitRemaining]:
    """What each of the actor's limits leaves on `day`, by asset: per adjustment, and per actor and day.

    Money under the rule for every currency is listed for each currency that the tenant has accounts in. Limits by
    customer are left out: what they leave depends on the customer.
    """
    rules = await configuration.limit_rules(session, actor.role, actor.holder)
    if not rules:
        return []
    by_name = {(rule.holder != "", rule.asset): rule for rule in rules}
    used = {row["asset"]: row["used_minor"] for row in await session.fetch(_USED, actor.role, actor.holder, day)}
    assets = {rule.asset for rule in rules if rule.asset != MONEY} | set(used)
    if any(rule.asset == MONEY for rule in rules):
        assets |= set(await accounts.assets(session))
    left: list[LimitRemaining] = []
    for asset in sorted(assets):
        rule = _binding(by_name, asset)
        if rule is not None:
            left += _remaining(rule, asset, used.get(asset, 0))
    return left


def _binding(rules: dict[tuple[bool, str], LimitRule], asset: str) -> LimitRule | None:
    """The same order as models.limits.rule_for: one's own rule before the role's, the asset's before money's."""
    names = (asset, MONEY) if is_money(asset) else (asset,)
    return next((rules[own, name] for own in (True, False) for name in names if (own, name) in rules), None)


def _remaining(rule: LimitRule, asset: str, used_minor: int) -> list[LimitRemaining]:
    left = []
    for scope, limit, used in (
        (PER_ADJUSTMENT, rule.per_adjustment, 0),
        (PER_ACTOR_DAY, rule.per_actor_day, used_minor),
    ):
        if limit is not None:
            limit_minor = int(limit.scaleb(exponent(asset)))
            left.append(LimitRemaining(scope, asset, to_decimal(max(limit_minor - used, 0), asset)))
    return left

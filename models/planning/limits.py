"""Remainders of limits. Pure: from the rules an admin set and the day's counters that the posting has locked.

Source of the rules: domain, "Who may". A currency without a rule of its own falls under the rule for MONEY, each
currency counted by itself; a rule for one person or client takes precedence over the role's. Staff and partners are
always limited, managers and admins only if a rule exists.

Selling credit is another kind of limit, on the sum of an order's credit lines, per order and per actor and day: unset
by default, and sales are counted apart from additions. Spending is a third kind, per spend, per actor and day, and per
customer and day: unset by default, but partners may spend nothing without a rule.

Additions under a rule are counted for the day whether or not the rule limits the day: a limit set at noon counts the
morning too.
"""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.errors import CurrencyNotAllowed, LimitRemaining
from models.frozen import frozen
from models.kinds import CounterScope, LimitKind, LimitRole, LimitScope
from models.money import POINTS, exponent, is_money, to_decimal, to_minor
from models.planning.config import LimitRuleValues, TenantConfig
from models.planning.state import CounterKey

PER_ADJUSTMENT: Final = LimitScope.PER_ADJUSTMENT
PER_ACTOR_DAY: Final = CounterScope.PER_ACTOR_DAY
PER_CUSTOMER_DAY: Final = CounterScope.PER_CUSTOMER_DAY
SOLD_ACTOR_DAY: Final = CounterScope.SOLD_ACTOR_DAY
"""The scope of sales counters. Shown as PER_ACTOR_DAY, of its kind."""
SPENT_ACTOR_DAY: Final = CounterScope.SPENT_ACTOR_DAY
SPENT_PERSON_DAY: Final = CounterScope.SPENT_PERSON_DAY
"""The scopes of what is spent. Shown as PER_ACTOR_DAY and PER_CUSTOMER_DAY, of their kind."""
CUSTOMER_DAYS: Final = (PER_CUSTOMER_DAY, SPENT_PERSON_DAY)
"""Scopes of which a customer is the holder."""
ADDING: Final = LimitKind.ADDING
SELLING_CREDIT: Final = LimitKind.SELLING_CREDIT
SPENDING: Final = LimitKind.SPENDING
MONEY: Final = "MONEY"
LIMITED_ROLES: Final = (LimitRole.STAFF, LimitRole.PARTNER)
"""Roles that may add nothing unless a rule allows it."""
SPENDING_ROLES: Final = (LimitRole.PARTNER,)
"""Roles that may spend nothing unless a rule allows it."""
MAX_COUNTED: Final = 2**63 - 1
"""Maximum of a day's counter, in minor units. An actor under a rule who reaches it needs a second person."""
_NOTHING: Final = Decimal(0)

RuleKey = tuple[str, str, str]
"""Role, asset or MONEY, holder or '' for everyone of the role."""


def in_own_places(limit: Decimal | None, asset: str) -> Decimal | None:
    """A limit as shown: with the asset's decimal places; for MONEY, which has none, with as many as needed."""
    if limit is None:
        return None
    return limit.normalize() if asset == MONEY else to_decimal(to_minor(limit, asset), asset)


def rule_for(config: TenantConfig, actor: Actor, asset: str) -> LimitRuleValues | None:
    """The rule that applies to this actor and asset, or None for an actor without limits."""
    return binding_rule(config.limits, actor, asset)


def binding_rule(rules: Mapping[RuleKey, LimitRuleValues], actor: Actor, asset: str) -> LimitRuleValues | None:
    """The same, from any rules: a holder's own take precedence over the role's, then the asset's over MONEY's.

    If no rule applies, staff and partners may add nothing.
    """
    rule = _rule(rules, actor, asset)
    if rule is None and actor.role in LIMITED_ROLES:
        return LimitRuleValues(actor.role, asset, "", _NOTHING, _NOTHING, _NOTHING)
    return rule


def selling_rule(rules: Mapping[RuleKey, LimitRuleValues], actor: Actor, currency: str) -> LimitRuleValues | None:
    """The rule about selling credit that applies to this actor; without one, sales are unlimited."""
    return _rule(rules, actor, currency) if rules else None


def spending_rule(rules: Mapping[RuleKey, LimitRuleValues], actor: Actor, asset: str) -> LimitRuleValues | None:
    """The rule about spending that applies to this actor; without one, a partner may spend nothing, and others anything."""
    rule = _rule(rules, actor, asset) if rules else None
    if rule is None and actor.role in SPENDING_ROLES:
        return LimitRuleValues(actor.role, asset, "", _NOTHING, _NOTHING, _NOTHING, SPENDING)
    return rule


def _rule(rules: Mapping[RuleKey, LimitRuleValues], actor: Actor, asset: str) -> LimitRuleValues | None:
    names = (asset, MONEY) if is_money(asset) else (asset,)
    for holder in (actor.holder, ""):
        for name in names:
            rule = rules.get((actor.role, name, holder))
            if rule is not None:
                return rule
    return None


def counter_keys(actor: Actor, customer_id: UUID, asset: str, day: date) -> tuple[CounterKey, CounterKey]:
    """The counters that an actor under a rule reads and raises."""
    return (
        (PER_ACTOR_DAY, actor.role, actor.holder, asset, day),
        (PER_CUSTOMER_DAY, actor.role, str(customer_id), asset, day),
    )


def spending_keys(actor: Actor, customer_id: UUID, asset: str, day: date) -> tuple[CounterKey, CounterKey]:
    """The counters of what an actor under a rule about spending spends."""
    return (
        (SPENT_ACTOR_DAY, actor.role, actor.holder, asset, day),
        (SPENT_PERSON_DAY, actor.role, str(customer_id), asset, day),
    )


def goes_with_account(scope: str, asset: str) -> bool:
    """Whether nobody raises such a counter, or makes it, without the customer's account. A free reward counts points, and
    needs no account of them."""
    return scope in CUSTOMER_DAYS and asset != POINTS


def selling_key(actor: Actor, currency: str, day: date) -> CounterKey:
    """The counter of sales by an actor under a rule about selling credit."""
    return SOLD_ACTOR_DAY, actor.role, actor.holder, currency, day


def barred_from(config: TenantConfig, actor: Actor, asset: str) -> CurrencyNotAllowed | None:
    """The reason why the actor may not use this currency at all, if the tenant restricts limited roles' currencies."""
    listed = config.limited_currencies
    return CurrencyNotAllowed(asset, tuple(sorted(listed))) if is_barred(listed, actor, asset) else None


def is_barred(listed: Collection[str], actor: Actor, asset: str) -> bool:
    """Whether the actor may not use this currency at all. listed: those that limited roles may use; none: all."""
    return bool(listed) and actor.role in LIMITED_ROLES and asset not in listed and is_money(asset)


def _minor(limit: Decimal, asset: str) -> int:
    """A limit in minor units, rounded down to the asset's decimal places: those that it has in these books."""
    return _scaled(limit, exponent(asset))


@lru_cache(maxsize=1_000)
def _scaled(limit: Decimal, places: int) -> int:
    return int(limit.scaleb(places))


def is_within(rule: LimitRuleValues, asset: str, *, by_actor: int) -> bool:
    """Whether the actor's day may reach this sum. If so, every part of it allowed at a lower sum stays allowed."""
    limit = rule.per_actor_day
    return by_actor <= MAX_COUNTED and (limit is None or by_actor <= _minor(limit, asset))


@frozen
class Verdict:
    """left_minor: by scope, the amount that each limit leaves before this one; negative if overdrawn."""

    allowed: bool
    asset: str
    left_minor: tuple[tuple[str, int], ...] = ()
    kind: str = ADDING

    @property
    def remaining(self) -> tuple[LimitRemaining, ...]:
        """The amounts as reported, at least 0: a limit lowered during the day can be overdrawn."""
        asset = self.asset
        return tuple(
            LimitRemaining(scope, asset, to_decimal(max(left, 0), asset), self.kind) for scope, left in self.left_minor
        )


def room(rule: LimitRuleValues, asset: str, *, by_actor: int, by_customer: int) -> int:
    """The amount, in minor units, that every limit of `rule` leaves: below 0 if one is overdrawn. by_actor, by_customer: the
    day's sums so far."""
    left = MAX_COUNTED - max(by_actor, by_customer)
    if rule.per_adjustment is not None:
        left = min(left, _minor(rule.per_adjustment, asset))
    if rule.per_actor_day is not None:
        left = min(left, _minor(rule.per_actor_day, asset) - by_actor)
    if rule.per_customer_day is not None:
        left = min(left, _minor(rule.per_customer_day, asset) - by_customer)
    return left


def check(rule: LimitRuleValues, asset: str, amount_minor: int, *, by_actor: int, by_customer: int) -> Verdict:
    """Whether `amount_minor` is within every limit of `rule`, and what each leaves."""
    limits = (
        (PER_ADJUSTMENT, rule.per_adjustment, 0),
        (PER_ACTOR_DAY, rule.per_actor_day, by_actor),
        (PER_CUSTOMER_DAY, rule.per_customer_day, by_customer),
    )
    left = tuple((scope, _minor(limit, asset) - used) for scope, limit, used in limits if limit is not None)
    allowed = amount_minor <= room(rule, asset, by_actor=by_actor, by_customer=by_customer)
    return Verdict(allowed, asset, left, rule.kind)

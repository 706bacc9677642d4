"""Amounts that an actor may still add to an account today, spend of it, or sell as credit: the rule that applies, and its
day counters. Pure."""

from datetime import date
from uuid import UUID

from models.commands import Actor
from models.errors import LedgerError, LimitExceeded
from models.frozen import frozen
from models.planning import calendar, limits
from models.planning.config import LimitRuleValues
from models.planning.drafts import Limited
from models.planning.state import Books, CounterState


@frozen
class Allowance:
    """rule: None if no limit applies; then there are no counters. counters: the actor's day; for additions and spends
    also the customer's day. barred: the reason why they may not use the currency at all.
    """

    asset: str
    rule: LimitRuleValues | None
    counters: tuple[CounterState, ...]
    day: date | None = None
    barred: LedgerError | None = None

    # In quotes: if `limits` is imported first, it is only half loaded when this line runs.
    def verdict(self, amount_minor: int) -> "limits.Verdict":
        """Whether the limits allow this, including the day's counters as locked."""
        if self.rule is None:
            return limits.Verdict(allowed=True, asset=self.asset)
        by_actor, by_customer = self._used
        return limits.check(self.rule, self.asset, amount_minor, by_actor=by_actor, by_customer=by_customer)

    @property
    def _used(self) -> tuple[int, int]:
        by_actor, *others = [counter.used_minor for counter in self.counters]
        return by_actor, sum(others)

    def refusal(self, amount_minor: int, named_by: str | None = None) -> LedgerError | None:
        """The reason why this needs a second person; None if it does not. named_by: the field that leads to the currency,
        where none names it."""
        if self.barred is not None:
            return self.barred if named_by is None else self.barred.at(named_by)
        if self.rule is None:
            return None
        by_actor, by_customer = self._used
        if amount_minor <= limits.room(self.rule, self.asset, by_actor=by_actor, by_customer=by_customer):
            return None
        return LimitExceeded(self.verdict(amount_minor).remaining)

    def use(self, books: Books, amount_minor: int) -> Limited | None:
        """Raise the day's counters by the amount about to be posted, and return it for the event; None without
        counters."""
        for counter in self.counters:
            books.change(counter, used_minor=counter.used_minor + amount_minor)
            books.writes.touched_counters.append(counter)
        return None if self.day is None else Limited(self.asset, amount_minor, self.day)


def allowance_of(books: Books, actor: Actor, customer_id: UUID, asset: str) -> Allowance:
    """The actor's allowance on this customer's account in this asset, today."""
    rule = limits.rule_for(books.config, actor, asset)
    if rule is None:
        return Allowance(asset, None, ())
    day = calendar.local_date(books.now, books.config.zone)
    keys = limits.counter_keys(actor, customer_id, asset, day)
    barred = limits.barred_from(books.config, actor, asset)
    return Allowance(asset, rule, tuple(books.counters[key] for key in keys), day, barred)


def spending_allowance_of(books: Books, actor: Actor, customer_id: UUID, asset: str) -> Allowance:
    """The amount that the actor may still spend of this customer's account in this asset today."""
    rule = limits.spending_rule(books.config.spending_limits, actor, asset)
    if rule is None:
        return Allowance(asset, None, ())
    day = calendar.local_date(books.now, books.config.zone)
    keys = limits.spending_keys(actor, customer_id, asset, day)
    return Allowance(asset, rule, tuple(books.counters[key] for key in keys), day)


def selling_allowance_of(books: Books, actor: Actor, currency: str) -> Allowance:
    """The credit that the actor may still sell in this currency today."""
    rule = limits.selling_rule(books.config.selling_limits, actor, currency)
    barred = limits.barred_from(books.config, actor, currency)
    if rule is None:
        return Allowance(currency, None, (), barred=barred)
    day = calendar.local_date(books.now, books.config.zone)
    return Allowance(currency, rule, (books.counters[limits.selling_key(actor, currency, day)],), day, barred)

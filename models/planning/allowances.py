"""What an actor may still add to an account today: the rule that binds, and the day's counters under it. Pure."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from models import limits
from models.commands import Actor
from models.planning import calendar
from models.planning.state import Books, CounterState, Limited, LimitRuleValues


@dataclass(frozen=True, slots=True)
class Allowance:
    """rule: None where nothing binds, and then there are no counters. counters: the actor's day, the customer's day."""

    asset: str
    rule: LimitRuleValues | None
    counters: tuple[CounterState, ...]
    day: date | None = None

    # In quotes: whoever imports `limits` first gets here while it is half way through.
    def verdict(self, amount_minor: int) -> "limits.Verdict":
        """Whether the limits allow this, counting what the day's counters hold under our locks."""
        if self.rule is None:
            return limits.Verdict(allowed=True, asset=self.asset)
        by_actor, by_customer = (counter.used_minor for counter in self.counters)
        return limits.check(self.rule, self.asset, amount_minor, by_actor=by_actor, by_customer=by_customer)

    def use(self, books: Books, amount_minor: int) -> Limited | None:
        """Raise the day's counters by what is about to be posted, which has to say so; None where there are none."""
        for counter in self.counters:
            books.change(counter, used_minor=counter.used_minor + amount_minor)
            books.writes.touched_counters.append(counter)
        return None if self.day is None else Limited(self.asset, amount_minor, self.day)


def allowance_of(books: Books, actor: Actor, customer_id: UUID, asset: str) -> Allowance:
    """The actor's, on this customer's account in this asset, today."""
    rule = limits.rule_for(books.config, actor, asset)
    if rule is None:
        return Allowance(asset, None, ())
    day = calendar.local_date(books.now, books.config.zone)
    keys = limits.counter_keys(actor, customer_id, asset, day)
    return Allowance(asset, rule, tuple(books.counters[key] for key in keys), day)

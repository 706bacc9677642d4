"""The reference's people: records that are added, renamed, merged and erased, and memberships."""

from datetime import UTC, datetime

from tests.simulation.records import Customer, refuse
from tests.simulation.state import State, burn_order

NEVER = datetime.min.replace(tzinfo=UTC)


class People(State):
    def holder(self, external: str) -> int | None:
        """The record that has this external id, if any: one that was merged keeps its own, an erased one has none."""
        numbers = (n for n, customer in enumerate(self.customers) if customer.external == external)
        return next(numbers, None) if external else None

    def _upsert(self, *, now: datetime, role: str, external: str, name: str) -> str:
        found = self.holder(external)
        if found is None:
            self.customers.append(Customer(external, name))
        elif self.customers[found].into is None:  # else it answers the survivor, and edits nothing
            self.customers[found].name = name
        return "done"

    def _rename(
        self, *, now: datetime, role: str, customer: int, name: str | None = None, external: str | None = None
    ) -> str:
        refuse(set() if self.known(customer) else {"NOT_FOUND"})
        person = self.person(customer)
        renamed = self.customers[person]
        refuse({"INVALID"} if renamed.erased else set())
        if external is not None:
            refuse({"DUPLICATE"} if self.holder(external) not in (None, person) else set())
            renamed.external = external
        renamed.name = renamed.name if name is None else name
        return "done"

    # One person from now on

    def _merge(self, *, now: datetime, role: str, source: int, target: int) -> str:
        """Whose a lot, an invoice, a coupon or a request is, is its record's person: nothing more has to be said."""
        refuse(set() if self.known(source) and self.known(target) else {"NOT_FOUND"})
        old, new = self.person(source), self.person(target)
        if old == new:
            return self._merge_again(source, target)
        refuse({"INVALID"} if self.customers[old].erased or self.customers[new].erased else set())
        self._merge_memberships(self.customers[old], self.customers[new])
        for role_of, whose, asset, day in list(self.used):
            if whose.split()[:2] == ["customer", str(old)]:
                theirs = (role_of, whose.replace(str(old), str(new)), asset, day)
                self.used[theirs] += self.used[role_of, whose, asset, day]
                self.settled |= {theirs} if day < self.today(now) else set()
        self.customers[old].into = new
        for lot in sorted(self.lots, key=lambda lot: (lot.asset, burn_order(lot))):
            if lot.left:
                self._move_home(lot)
        return "done"

    def _merge_again(self, source: int, target: int) -> str:
        """They are one already. The same again changes nothing; the other way round is a circle."""
        refuse({"INVALID"} if self.customers[source].into is None or source == target else set())
        if self.customers[source].into != target or self.is_erased(source):
            self.may_refuse({"INVALID"})
        return "done"

    def _merge_memberships(self, old: Customer, new: Customer) -> None:
        """The one that runs, of two the older start; where none runs, the one that ended last."""
        if old.is_member and new.is_member:
            new.started = min(when for when in (old.started, new.started) if when is not None)
        elif old.is_member:
            new.started, new.cancelled = old.started, None
        elif not new.is_member and (old.cancelled or NEVER) > (new.cancelled or NEVER):
            new.started, new.cancelled = old.started, old.cancelled

    def _erase(self, *, now: datetime, role: str, customer: int) -> str:
        """All records of the person, by whichever of them; and every text about them."""
        refuse(set() if self.known(customer) else {"NOT_FOUND"})
        person = self.person(customer)
        for number, record in enumerate(self.customers):
            if self.person(number) == person:
                record.erased, record.external = True, ""
        for asked in self.requests:
            if self.person(asked.facts["customer"]) == person and "note" in asked.facts:
                asked.facts = asked.facts | {"note": None}
        for spend in self.spends:
            spend.reference = None if self.person(spend.customer) == person else spend.reference
        for invoice in self.invoices:
            invoice.reference = None if self.person(invoice.customer) == person else invoice.reference
        return "done"

    # Members

    def _start(self, *, now: datetime, role: str, customer: int, at: datetime | None) -> str:
        member = self._member(customer)
        if not member.is_member:
            member.started, member.cancelled = _checked(at, now, member.cancelled), None
        return "done"

    def _cancel(self, *, now: datetime, role: str, customer: int, at: datetime | None) -> str:
        member = self._member(customer)
        if member.cancelled is None:
            refuse({"NO_MEMBERSHIP"} if member.started is None else set())
            member.cancelled = _checked(at, now, member.started)
        return "done"

    def _reinstate(self, *, now: datetime, role: str, customer: int) -> str:
        member = self._member(customer)
        refuse({"NO_MEMBERSHIP"} if member.started is None and member.cancelled is None else set())
        member.started, member.cancelled = member.started or member.cancelled, None
        return "done"

    def _member(self, customer: int) -> Customer:
        refuse(set() if self.known(customer) else {"NOT_FOUND"})
        member = self.customers[self.person(customer)]
        refuse({"INVALID"} if member.erased else set())
        return member

    def _grace_is_over(self, customer: int, now: datetime) -> bool:
        cancelled = self.customers[self.person(customer)].cancelled
        return cancelled is not None and (self.today(now) - self.today(cancelled)).days > self.grace_days


def _checked(at: datetime | None, now: datetime, not_before: datetime | None) -> datetime:
    if at is not None:
        refuse({"INVALID"} if at > now or (not_before is not None and at < not_before) else set())
    return at or max(now, not_before or now)

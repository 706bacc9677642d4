"""The reference's requests for a second person: what waits, and what becomes of it."""

from datetime import datetime, timedelta
from typing import Any

from tests.simulation.people import People
from tests.simulation.records import APPROVAL_DAYS, Refusal, Request, refuse

APPROVED_ROLE = "APPROVED"
"""Nobody's: what is done in it falls under no limit."""


class Approving(People):
    def _request(self, name: str, now: datetime, *, has_days: bool = False, **facts: Any) -> str:
        made = Request(name, facts, now + timedelta(days=APPROVAL_DAYS), has_days)
        made.terms = self._terms(made)
        self.requests.append(made)
        return "requested"

    def _terms(self, asked: Request) -> tuple[Any, ...]:
        """What is in force of that which an admin may change and nobody has named: the zone, and prices."""
        prices: tuple[Any, ...] = ()
        if asked.name == "give":
            prices = (self.prizes[asked.facts["prize"]].price,)
        elif asked.name == "order":
            prices = tuple(self.products[number].price for number, line in asked.facts["items"] if line.price is None)
        return (self.zone if asked.has_days else None, *prices)

    def _approve(self, *, now: datetime, role: str, request: int) -> str:
        asked = self.requests[request]
        if role == "STAFF":  # they all are of the one who is staff
            raise Refusal({"INVALID"})
        if asked.status == "APPROVED":
            return "approved before"
        self._check_pending(asked, now)
        has_changed = asked.terms != self._terms(asked)
        does = self.trial() if has_changed else self  # what refuses the thing itself is found first
        does.figures = self.figures
        getattr(does, f"_{asked.name}")(now=now, role=APPROVED_ROLE, **asked.facts)
        refuse({"REQUEST_CHANGED"} if has_changed else set())
        asked.status = "APPROVED"
        return "approved"

    def _reject(self, *, now: datetime, role: str, request: int) -> str:
        return self._end(self.requests[request], "REJECTED", now)

    def _withdraw(self, *, now: datetime, role: str, request: int) -> str:
        return self._end(self.requests[request], "WITHDRAWN", now)

    def _end(self, asked: Request, status: str, now: datetime) -> str:
        if asked.status != status:
            self._check_pending(asked, now)
            asked.status = status
        return "done"

    def _check_pending(self, asked: Request, now: datetime) -> None:
        refuse({"REQUEST_NOT_PENDING"} if asked.status != "PENDING" or asked.expires <= now else set())

    def _sweep_requests(self, now: datetime) -> None:
        for asked in self.requests:
            if asked.status == "PENDING" and asked.expires <= now:
                asked.status = "EXPIRED"

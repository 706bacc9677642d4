"""The shop of the sample on its days that were: who works there, and how its people post what happens."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from app.sample.days import Days
from models.commands import Actor, AdjustCredit, GiveReward, MembershipChange, Outcome, RecordPayment
from models.customers import CustomerView
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.give_reward import give_reward
from models.operations.memberships import cancel_membership, start_membership
from models.operations.record_payment import record_payment

PREFIX: Final = "sample-life"
"""Of the idempotency keys of all that happens to the sample's people."""
Story = Coroutine[Any, Any, None]
C = TypeVar("C")

Operation = Callable[[Ledger, UUID, Actor, C, str], Awaitable[Outcome]]


def subject_of(name: str) -> str:
    """The subject of those who work there, by a name or a role: `staff` …"""
    return f"{name}@demo"


def _works(subject: str, role: str, name: str, client: str | None = None) -> Actor:
    """Somebody whose idempotency keys are kept: a load that was stopped is taken up again much later, too."""
    return Actor(subject_of(subject), role, client=client, name=name, keeps_keys=True)


SAM: Final = _works("staff", "STAFF", "Sam, staff")
TESS: Final = _works("tess", "STAFF", "Tess, staff")
MARIA: Final = _works("manager", "MANAGER", "Maria, manager")
TILL: Final = _works("till", "ADMIN", "Till", client="scrip-demo")
"""The shop's own program: purchases, orders and invoices come from it."""


@dataclass(frozen=True, slots=True)
class Person:
    """place: in the list of people, which decides what happens to them."""

    place: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Shop:
    """ledger: by the clock of `days`. services, rewards, products: ids by name. members: the people as they were when this
    load began: what one that was stopped had changed of them already."""

    ledger: Ledger
    tenant_id: UUID
    days: Days
    services: Mapping[str, UUID]
    rewards: Mapping[str, UUID]
    products: Mapping[str, UUID]
    members: Mapping[UUID, CustomerView]

    async def post(self, key: str, operation: Operation[C], actor: Actor, command: C) -> Outcome:
        """Once, however often the load is taken up again. Raises LedgerError."""
        return await operation(self.ledger, self.tenant_id, actor, command, f"{PREFIX}/{key}")

    async def add(
        self, key: str, actor: Actor, person: Person, asset: str, amount: int, reason: str, **more: Any
    ) -> None:
        """Adjust it by this amount; more: other fields of the command."""
        command = AdjustCredit(person.id, asset, Decimal(amount), reason, **more)
        await self.post(key, adjust_credit, actor, command)

    async def points(self, key: str, person: Person, amount: int, **more: Any) -> None:
        """For a purchase, from the till."""
        await self.add(key, TILL, person, POINTS, amount, "PURCHASE", **more)

    async def classes(self, key: str, person: Person, number: int, days: int) -> None:
        """Service credits of a membership, for so many days."""
        await self.add(key, MARIA, person, SERVICE_CREDITS, number, "MEMBERSHIP", expires_in_days=days)

    async def money(self, key: str, actor: Actor, person: Person, amount: int, reason: str, **more: Any) -> None:
        """In pounds."""
        await self.add(key, actor, person, CURRENCY, amount, reason, **more)

    async def reward(self, key: str, actor: Actor, person: Person, name: str, *, for_points: bool) -> UUID:
        """Give it. Returns the coupon's id."""
        command = GiveReward(person.id, self.rewards[name], deduct_points=for_points)
        return made((await self.post(key, give_reward, actor, command)).coupon_id)

    async def pay(self, key: str, invoice_id: UUID, amount: Decimal, method: str) -> UUID:
        """An invoice or an order, at the till. Returns the payment's id."""
        command = RecordPayment(invoice_id, amount, method)
        return made((await self.post(key, record_payment, TILL, command)).payment_id)

    async def joins(self, person: Person, at: datetime | None = None) -> None:
        """Start a membership, now or at a past instant, unless that was done before."""
        if not self._was_changed(person):
            await start_membership(self.ledger, self.tenant_id, MARIA, MembershipChange(person.id, at))

    async def leaves(self, person: Person, note: str | None = None) -> None:
        """End the membership, unless that was done before."""
        if not self._was_changed(person):
            await cancel_membership(self.ledger, self.tenant_id, MARIA, MembershipChange(person.id, note=note))

    def _was_changed(self, person: Person) -> bool:
        """Whether the membership was changed now or later, by a load that was stopped: it has no idempotency key."""
        was = self.members.get(person.id)
        at = () if was is None else (was.membership_started_at, was.membership_cancelled_at)
        return any(each is not None and each >= self.days.clock() for each in at)


def made(found: UUID | None) -> UUID:
    """The id of what an operation has made."""
    if found is None:
        raise RuntimeError("an operation of the sample has made nothing")
    return found

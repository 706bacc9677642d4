"""Wishes put to the real ledger, through its operations."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from models.commands import (
    Actor,
    AdjustCredit,
    AssignCredit,
    BulkCredit,
    BulkItem,
    CreateInvoice,
    GiveReward,
    InvoiceAmount,
    InvoiceLineItem,
    Outcome,
    RecordPayment,
    ReleaseAssignments,
    UseCredit,
    VoidCredit,
    VoidInvoice,
)
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_invoice import create_invoice
from models.operations.expire import expire_credits
from models.operations.give_reward import give_reward
from models.operations.record_payment import record_payment
from models.operations.releasing import release_assignments, void_credit, void_invoice
from models.operations.use_credit import use_credit
from tests.simulation.reference import Wish
from tests.support.shop import Shop

ACTORS: Final = {role: Actor(role.lower(), role) for role in ("MANAGER", "STAFF")}


@dataclass
class Names:
    """The ids of what the reference knows by number: a row's number is its place among its kind, by id."""

    customers: list[UUID]
    services: list[UUID] = field(default_factory=list)
    prizes: list[UUID] = field(default_factory=list)
    credits: list[UUID] = field(default_factory=list)
    bills: list[UUID] = field(default_factory=list)
    parts: list[UUID] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)

    async def refresh(self, shop: Shop) -> None:
        """Learn of new rows."""
        for kind, table in (("credits", "credits"), ("bills", "invoices"), ("parts", "assignments")):
            rows = await shop.rows(f"SELECT id FROM {table} WHERE tenant_id = $1 ORDER BY id")
            setattr(self, kind, [row[0] for row in rows])

    def customer(self, number: int) -> UUID:
        return self.customers[number] if number < len(self.customers) else uuid4()


def ask(ledger: Ledger, tenant_id: UUID, names: Names, wish: Wish, key: str) -> Awaitable[Outcome]:
    """The operation that the wish asks for, under way."""
    if wish.name == "sweep":
        return _sweep(ledger, tenant_id)
    operation, command = _COMMANDS[wish.name](names, key, **wish.facts)
    asked: Awaitable[Outcome] = operation(ledger, tenant_id, ACTORS[wish.role], command, key)
    return asked


async def _sweep(ledger: Ledger, tenant_id: UUID) -> Outcome:
    while await expire_credits(ledger, tenant_id):
        pass
    return Outcome()


def _adjust(names: Names, key: str, **facts: Any) -> Any:
    credit = facts.get("credit")
    return adjust_credit, AdjustCredit(
        customer_id=names.customer(facts["customer"]), asset=facts["asset"], amount=facts["amount"],
        reason=facts["reason"], note=facts.get("note"), expires_in_days=facts.get("days"),
        expires_at=facts.get("expires"), effective_on=facts.get("effective"),
        service_ids=tuple(names.services[s] for s in facts.get("services", ())),
        credit_id=None if credit is None else names.credits[credit],
        request_approval=facts.get("approval", False), auto_apply=facts.get("auto_apply", True),
    )  # fmt: skip


def _bulk(names: Names, key: str, **facts: Any) -> Any:
    return bulk_credit, BulkCredit(
        items=tuple(BulkItem(names.customer(customer), amount) for customer, amount in facts["rows"]),
        asset=facts["asset"], reason=facts["reason"], expires_in_days=facts["days"], dry_run=facts["dry_run"],
        error_policy="SKIP_FAILED" if facts["skip"] else "REJECT_ALL",
    )  # fmt: skip


def _invoice(names: Names, key: str, **facts: Any) -> Any:
    lines = tuple(InvoiceLineItem("Tea", quantity, price) for quantity, price in facts["lines"])
    customer = names.customer(facts["customer"])
    # A number of its own, the same again under the same key.
    return create_invoice, CreateInvoice(customer, key, facts["currency"], lines, auto_apply=facts["auto"])


def _assign(names: Names, key: str, *, credit: int, items: tuple[tuple[int, Decimal | None], ...]) -> Any:
    return assign_credit, AssignCredit(
        names.credits[credit], tuple(InvoiceAmount(names.bills[bill], amount) for bill, amount in items)
    )


def _pay(names: Names, key: str, *, bill: int, amount: Decimal) -> Any:
    return record_payment, RecordPayment(names.bills[bill], amount, "CASH")


def _release(names: Names, key: str, *, parts: tuple[int, ...]) -> Any:
    return release_assignments, ReleaseAssignments(tuple(names.parts[part] for part in parts))


def _void_invoice(names: Names, key: str, *, bill: int) -> Any:
    return void_invoice, VoidInvoice(names.bills[bill])


def _void_credit(names: Names, key: str, *, credit: int, release: bool) -> Any:
    return void_credit, VoidCredit(names.credits[credit], release_assignments=release)


def _use(names: Names, key: str, *, customer: int, service: int, amount: Decimal) -> Any:
    return use_credit, UseCredit(names.customer(customer), names.services[service], amount)


def _give(names: Names, key: str, *, customer: int, prize: int, deduct: bool) -> Any:
    return give_reward, GiveReward(names.customer(customer), names.prizes[prize], deduct)


_COMMANDS: Final[dict[str, Any]] = {
    "adjust": _adjust, "bulk": _bulk, "invoice": _invoice, "assign": _assign, "pay": _pay, "release": _release,
    "void_invoice": _void_invoice, "void_credit": _void_credit, "use": _use, "give": _give,
}  # fmt: skip

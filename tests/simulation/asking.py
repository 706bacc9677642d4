"""Wishes put to the real ledger, through its operations."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from jobs import expiry
from models import commands as c
from models import configuration_commands as settings
from models.commands import Actor, Outcome
from models.ledger import Ledger
from models.operations import approvals, coupons, memberships, releasing
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.give_reward import give_reward
from models.operations.products import update_product
from models.operations.record_payment import record_payment, void_payment
from models.operations.rewards import update_reward
from models.operations.services import update_service
from models.operations.tiers import update_tier
from models.operations.update_tenant import update_tenant
from models.operations.use_credit import use_credit
from tests.simulation.things import Wish
from tests.support.shop import ADMIN, Shop

ACTORS: Final = {role: Actor(role.lower(), role) for role in ("MANAGER", "STAFF")}
KINDS: Final = ("credits", "invoices", "assignments", "payments", "coupons", "approval_requests")
_NEW: Final = " UNION ALL ".join(
    f"(SELECT '{kind}', id FROM {kind} WHERE tenant_id = $1 AND id > ${place} ORDER BY id)"
    for place, kind in enumerate(KINDS, start=2)
)
_BEFORE_ALL: Final = UUID(int=0)


@dataclass
class Names:
    """The ids of what the reference knows by number: a row's number is its place among its kind, by id."""

    customers: list[UUID]
    services: list[UUID] = field(default_factory=list)
    prizes: list[UUID] = field(default_factory=list)
    products: list[UUID] = field(default_factory=list)
    tiers: list[UUID] = field(default_factory=list)
    rows: dict[str, list[UUID]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    async def refresh(self, shop: Shop) -> None:
        """Learn of new rows."""
        last = [self.rows[kind][-1] if self.rows[kind] else _BEFORE_ALL for kind in KINDS]
        for kind, row_id in await shop.rows(_NEW, *last):
            self.rows[kind].append(row_id)

    def customer(self, number: int) -> UUID:
        return self.customers[number] if number < len(self.customers) else uuid4()


def ask(ledger: Ledger, tenant_id: UUID, names: Names, wish: Wish, key: str) -> Awaitable[Outcome]:
    """The operation that the wish asks for, under way."""
    if wish.name == "sweep":
        return _sweep(ledger, tenant_id)
    if wish.name in SETTINGS:
        return _set(ledger, tenant_id, names, wish)
    operation, command = _COMMANDS[wish.name](names, key, **wish.facts)
    asked: Awaitable[Outcome] = operation(ledger, tenant_id, ACTORS[wish.role], command, key)
    return asked


async def _sweep(ledger: Ledger, tenant_id: UUID) -> Outcome:
    while await expiry.run_once(ledger, tenant_id):
        pass
    return Outcome()


async def _set(ledger: Ledger, tenant_id: UUID, names: Names, wish: Wish) -> Outcome:
    operation, command = SETTINGS[wish.name](names, **wish.facts)
    await operation(ledger, tenant_id, ADMIN, command)
    return Outcome()


def _adjust(names: Names, key: str, **facts: Any) -> Any:
    credit = facts.get("credit")
    return adjust_credit, c.AdjustCredit(
        customer_id=names.customer(facts["customer"]), asset=facts["asset"], amount=facts["amount"],
        reason=facts["reason"], note=facts.get("note"), expires_in_days=facts.get("days"),
        expires_at=facts.get("expires"), effective_on=facts.get("effective"),
        service_ids=tuple(names.services[s] for s in facts.get("services", ())),
        credit_id=None if credit is None else names.rows["credits"][credit],
        request_approval=facts.get("approval", False), auto_apply=facts.get("auto_apply", True),
    )  # fmt: skip


def _bulk(names: Names, key: str, **facts: Any) -> Any:
    return bulk_credit, c.BulkCredit(
        items=tuple(c.BulkItem(names.customer(customer), amount) for customer, amount in facts["rows"]),
        asset=facts["asset"], reason=facts["reason"], expires_in_days=facts["days"], dry_run=facts["dry_run"],
        error_policy="SKIP_FAILED" if facts["skip"] else "REJECT_ALL",
    )  # fmt: skip


# An invoice's number is the key: a number of its own, the same again under the same key.


def _invoice(names: Names, key: str, **facts: Any) -> Any:
    lines = tuple(c.InvoiceLineItem("Tea", quantity, price) for quantity, price in facts["lines"])
    customer = names.customer(facts["customer"])
    return create_invoice, c.CreateInvoice(customer, key, facts["currency"], lines, auto_apply=facts["auto"])


def _order(names: Names, key: str, **facts: Any) -> Any:
    items = tuple(c.OrderItem(names.products[product], *more) for product, *more in facts["items"])
    customer = names.customer(facts["customer"])
    return create_order, c.CreateOrder(customer, key, facts["currency"], items, auto_apply=facts["auto"])


def _pay(names: Names, key: str, *, bill: int, amount: Decimal, method: str, **facts: Any) -> Any:
    return record_payment, c.RecordPayment(names.rows["invoices"][bill], amount, method, facts.get("received"))


def _void_payment(names: Names, key: str, *, payment: int) -> Any:
    return void_payment, c.VoidPayment(names.rows["payments"][payment])


def _amounts(names: Names, items: tuple[tuple[int, Decimal | None], ...]) -> tuple[c.InvoiceAmount, ...]:
    return tuple(c.InvoiceAmount(names.rows["invoices"][bill], amount) for bill, amount in items)


def _assign(names: Names, key: str, *, credit: int, items: tuple[tuple[int, Decimal | None], ...]) -> Any:
    return assign_credit, c.AssignCredit(names.rows["credits"][credit], _amounts(names, items))


def _reassign(names: Names, key: str, *, part: int, items: tuple[tuple[int, Decimal | None], ...]) -> Any:
    command = c.ReassignCredit(names.rows["assignments"][part], _amounts(names, items))
    return releasing.reassign_credit, command


def _release(names: Names, key: str, *, parts: tuple[int, ...]) -> Any:
    command = c.ReleaseAssignments(tuple(names.rows["assignments"][part] for part in parts))
    return releasing.release_assignments, command


def _void_invoice(names: Names, key: str, *, bill: int) -> Any:
    return releasing.void_invoice, c.VoidInvoice(names.rows["invoices"][bill])


def _void_credit(names: Names, key: str, *, credit: int, release: bool) -> Any:
    return releasing.void_credit, c.VoidCredit(names.rows["credits"][credit], release_assignments=release)


def _update_credit(names: Names, key: str, *, credit: int, **facts: Any) -> Any:
    services = facts.get("services")
    return releasing.update_credit, c.UpdateCredit(
        names.rows["credits"][credit], expires_in_days=facts.get("days"), expires_at=facts.get("expires"),
        never_expires=facts.get("never", False), auto_apply=facts.get("auto_apply"), note=facts.get("note"),
        service_ids=None if services is None else tuple(names.services[s] for s in services),
    )  # fmt: skip


def _use(names: Names, key: str, *, customer: int, service: int, amount: Decimal) -> Any:
    return use_credit, c.UseCredit(names.customer(customer), names.services[service], amount)


def _give(names: Names, key: str, *, customer: int, prize: int, deduct: bool, approval: bool) -> Any:
    command = c.GiveReward(names.customer(customer), names.prizes[prize], deduct, request_approval=approval)
    return give_reward, command


def _approve(names: Names, key: str, *, request: int) -> Any:
    return approvals.approve_request, c.ApproveRequest(names.rows["approval_requests"][request])


def _use_coupon(names: Names, key: str, *, coupon: int) -> Any:
    return coupons.use_coupon, c.UseCoupon(names.rows["coupons"][coupon])


def _disable_coupon(names: Names, key: str, *, coupon: int, refund: bool) -> Any:
    return coupons.disable_coupon, c.DisableCoupon(names.rows["coupons"][coupon], refund)


_COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "adjust": _adjust, "bulk": _bulk, "invoice": _invoice, "order": _order, "pay": _pay, "void_payment": _void_payment,
    "assign": _assign, "reassign": _reassign, "release": _release, "void_invoice": _void_invoice,
    "void_credit": _void_credit, "update_credit": _update_credit, "use": _use, "give": _give, "approve": _approve,
    "use_coupon": _use_coupon, "disable_coupon": _disable_coupon,
}  # fmt: skip


async def _reject(ledger: Ledger, tenant_id: UUID, actor: Actor, request_id: UUID) -> None:
    await approvals.reject_request(ledger, tenant_id, actor, request_id, "No")


async def _withdraw(ledger: Ledger, tenant_id: UUID, _: Actor, request_id: UUID) -> None:
    await approvals.withdraw_request(ledger, tenant_id, ACTORS["STAFF"], request_id, None)


def _ending(operation: Any) -> Callable[..., Any]:
    return lambda names, request: (operation, names.rows["approval_requests"][request])


def _membership(operation: Any) -> Callable[..., Any]:
    return lambda names, customer, at=None: (operation, c.MembershipChange(names.customer(customer), at))


def _set_tier(names: Names, *, tier: int, threshold: int) -> Any:
    return update_tier, settings.UpdateTier(names.tiers[tier], threshold=Decimal(threshold))


def _set_prize(names: Names, *, prize: int, price: int, stock: int | None, active: bool) -> Any:
    return update_reward, settings.UpdateReward(
        names.prizes[prize], points_cost=Decimal(price), stock=stock, unlimited_stock=stock is None, active=active
    )


def _set_product(names: Names, *, product: int, price: Decimal, active: bool) -> Any:
    return update_product, settings.UpdateProduct(names.products[product], price=price, active=active)


def _set_service(names: Names, *, service: int, active: bool) -> Any:
    return update_service, settings.UpdateService(names.services[service], active=active)


def _set_grace(names: Names, *, days: int) -> Any:
    return update_tenant, settings.UpdateTenant(grace_days=days)


def _set_zone(names: Names, *, zone: str) -> Any:
    return update_tenant, settings.UpdateTenant(time_zone=zone)


SETTINGS: Final[dict[str, Callable[..., Any]]] = {
    "start": _membership(memberships.start_membership), "cancel": _membership(memberships.cancel_membership),
    "reinstate": _membership(memberships.reinstate_membership), "set_tier": _set_tier, "set_prize": _set_prize,
    "set_product": _set_product, "set_service": _set_service, "set_grace": _set_grace, "set_zone": _set_zone,
    "reject": _ending(_reject), "withdraw": _ending(_withdraw),
}  # fmt: skip
"""What is done at once, without a key, and never waits for a batch."""

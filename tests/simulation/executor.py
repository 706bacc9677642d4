"""Commands put to the real ledger, through its operations."""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from jobs import bulk, expiry
from models import commands as c
from models import configuration_commands as settings
from models.commands import Actor, Outcome
from models.customers import UpdateCustomer, UpsertCustomer
from models.ledger import Ledger
from models.operations import approvals, coupons, memberships, people, releasing
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.give_reward import give_reward
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.merge_customers import merge_customers
from models.operations.products import update_product
from models.operations.record_payment import record_payment, void_payment
from models.operations.refund_spend import refund_spend
from models.operations.reverse_bulk import ReverseBulk, reverse_bulk
from models.operations.revive_credit import revive_credit
from models.operations.rewards import update_reward
from models.operations.services import update_service
from models.operations.spend_credit import spend_credit
from models.operations.tiers import update_tier
from models.operations.transfer_credit import transfer_credit
from models.operations.update_tenant import update_tenant
from models.operations.upsert_customer import upsert_customer
from models.operations.use_credit import use_credit
from models.planning.approving import ApproveRequest
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.coupons import DisableCoupon, ReopenCoupon, UseCoupon
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.payments import VoidPayment
from models.planning.releasing import ReassignCredit, ReleaseAssignments, UpdateCredit, VoidCredit, VoidInvoice
from models.planning.spending import SpendCredit
from models.planning.using import UseCredit
from models.texts import texts_of
from tests.simulation import hold_commands, note_commands
from tests.simulation.names import Names
from tests.simulation.records import Command, FileRow, Line
from tests.support.tenants import ADMIN

ACTORS: Final = {role: Actor(role.lower(), role) for role in ("MANAGER", "STAFF")}
Asked = Callable[[Ledger], Coroutine[Any, Any, Outcome]]
"""A command as it is put to a ledger, ids and key and all: the same again when it is called again."""


def ask(tenant_id: UUID, names: Names, command: Command, key: str) -> Asked:
    """The operation that the command asks for."""
    if command.name in ALONE:
        return lambda ledger: ALONE[command.name](ledger, tenant_id, names, key, **command.facts)
    operation, asked = _COMMANDS[command.name](names, key, **command.facts)
    return lambda ledger: operation(ledger, tenant_id, ACTORS[command.role], asked, key)


def _adjust(names: Names, key: str, **facts: Any) -> Any:
    credit = facts.get("credit")
    return adjust_credit, c.AdjustCredit(
        customer_id=names.customer(facts["customer"]),
        asset=facts["asset"],
        amount=facts["amount"],
        reason=facts["reason"],
        note=facts.get("note"),
        expires_in_days=facts.get("days"),
        expires_at=facts.get("expires"),
        effective_on=facts.get("effective"),
        service_ids=tuple(names.services[s] for s in facts.get("services", ())),
        credit_id=None if credit is None else names.credit(credit),
        request_approval=facts.get("approval", False),
        auto_apply=facts.get("auto_apply", True),
        propose_only=facts.get("propose", False),
    )


def _bulk(names: Names, key: str, **facts: Any) -> Any:
    return bulk_credit, c.BulkCredit(
        items=tuple(c.BulkItem(names.customer(customer), amount) for customer, amount in facts["rows"]),
        asset=facts["asset"],
        reason=facts["reason"],
        expires_in_days=facts["days"],
        dry_run=facts["dry_run"],
        error_policy="SKIP_FAILED" if facts["skip"] else "REJECT_ALL",
    )


# An invoice's number is the key: a number of its own, the same again under the same key.


def _invoice(names: Names, key: str, **facts: Any) -> Any:
    lines = tuple(InvoiceLineItem("Tea", **_line(line)) for line in facts["lines"])
    customer = names.customer(facts["customer"])
    return create_invoice, CreateInvoice(
        customer,
        key,
        facts["currency"],
        lines,
        facts.get("issued"),
        auto_apply=facts["auto"],
        invoice_texts=texts_of(facts.get("reference"), None),
    )


def _order(names: Names, key: str, **facts: Any) -> Any:
    items = tuple(c.OrderItem(names.products[product], **_line(line)) for product, line in facts["items"])
    customer = names.customer(facts["customer"])
    return create_order, c.CreateOrder(
        customer,
        key,
        facts["currency"],
        items,
        facts.get("issued"),
        auto_apply=facts["auto"],
        propose_only=facts.get("propose", False),
    )


def _line(line: Line) -> dict[str, Any]:
    whole = isinstance(line.quantity, int)
    return {
        "quantity": line.quantity if whole else 0,
        "unit_price": line.price,
        "quantity_decimal": None if whole else line.quantity,
        "discount_percent": line.percent,
        "discount_amount": line.off,
        "tax_amount": line.tax,
    }


def _pay(names: Names, key: str, *, invoice: int, amount: Decimal, method: str, **facts: Any) -> Any:
    return record_payment, c.RecordPayment(
        names.rows["invoices"][invoice],
        amount,
        method,
        facts.get("received"),
        keep_excess=facts.get("keep", False),
        request_approval=facts.get("approval", False),
        propose_only=facts.get("propose", False),
    )


def _void_payment(names: Names, key: str, *, payment: int) -> Any:
    return void_payment, VoidPayment(names.rows["payments"][payment])


def _amounts(names: Names, items: tuple[tuple[int, Decimal | None], ...]) -> tuple[InvoiceAmount, ...]:
    return tuple(InvoiceAmount(names.rows["invoices"][invoice], amount) for invoice, amount in items)


def _assign(names: Names, key: str, *, credit: int, items: tuple[tuple[int, Decimal | None], ...]) -> Any:
    return assign_credit, AssignCredit(names.credit(credit), _amounts(names, items))


def _reassign(names: Names, key: str, *, part: int, items: tuple[tuple[int, Decimal | None], ...]) -> Any:
    command = ReassignCredit(names.rows["assignments"][part], _amounts(names, items))
    return releasing.reassign_credit, command


def _release(names: Names, key: str, *, parts: tuple[int, ...]) -> Any:
    command = ReleaseAssignments(tuple(names.rows["assignments"][part] for part in parts))
    return releasing.release_assignments, command


def _void_invoice(names: Names, key: str, *, invoice: int) -> Any:
    return releasing.void_invoice, VoidInvoice(names.rows["invoices"][invoice])


def _void_credit(names: Names, key: str, *, credit: int, release: bool, release_holds: bool = False) -> Any:
    command = VoidCredit(names.credit(credit), release_assignments=release, release_holds=release_holds)
    return releasing.void_credit, command


def _update_credit(names: Names, key: str, *, credit: int, **facts: Any) -> Any:
    services = facts.get("services")
    return releasing.update_credit, UpdateCredit(
        names.credit(credit),
        expires_in_days=facts.get("days"),
        expires_at=facts.get("expires"),
        never_expires=facts.get("never", False),
        auto_apply=facts.get("auto_apply"),
        note=facts.get("note"),
        service_ids=None if services is None else tuple(names.services[s] for s in services),
    )


def _use(names: Names, key: str, *, customer: int, service: int, amount: Decimal) -> Any:
    return use_credit, UseCredit(names.customer(customer), names.services[service], amount)


def _spend(names: Names, key: str, **facts: Any) -> Any:
    return spend_credit, SpendCredit(
        names.customer(facts["customer"]),
        facts["asset"],
        facts["amount"],
        facts["note"],
        tuple(names.services[s] for s in facts["services"]),
        texts_of(facts.get("reference"), None),
    )


def _refund(names: Names, key: str, *, spend: int, amount: Decimal | None, **facts: Any) -> Any:
    return refund_spend, c.RefundSpend(
        names.rows["spends"][spend],
        amount,
        request_approval=facts["approval"],
        propose_only=facts.get("propose", False),
        new_expiry=_new_expiry(facts),
    )


def _new_expiry(facts: dict[str, Any]) -> c.NewExpiry:
    return c.NewExpiry(facts.get("days"), facts.get("expires"), facts.get("never", False))


def _transfer(names: Names, key: str, **facts: Any) -> Any:
    credit = facts.get("credit")
    return transfer_credit, c.TransferCredit(
        names.customer(facts["customer"]),
        names.customer(facts["to"]),
        facts["asset"],
        facts["amount"],
        None if credit is None else names.credit(credit),
        request_approval=facts["approval"],
        propose_only=facts.get("propose", False),
    )


def _revive(names: Names, key: str, *, credit: int, **facts: Any) -> Any:
    return revive_credit, c.ReviveCredit(
        names.credit(credit),
        facts["reason"],
        _new_expiry(facts),
        facts["amount"],
        facts["note"],
        request_approval=facts["approval"],
        propose_only=facts.get("propose", False),
    )


def _give(names: Names, key: str, *, customer: int, prize: int, deduct: bool, **facts: bool) -> Any:
    command = c.GiveReward(
        names.customer(customer),
        names.prizes[prize],
        deduct,
        request_approval=facts["approval"],
        propose_only=facts.get("propose", False),
    )
    return give_reward, command


def _approve(names: Names, key: str, *, request: int) -> Any:
    return approvals.approve_request, ApproveRequest(names.rows["approval_requests"][request])


def _use_coupon(names: Names, key: str, *, coupon: int, invoice: int | None = None) -> Any:
    used_on = None if invoice is None else names.rows["invoices"][invoice]
    return coupons.use_coupon, UseCoupon(names.rows["coupons"][coupon], used_on)


def _reopen_coupon(names: Names, key: str, *, coupon: int) -> Any:
    return coupons.reopen_coupon, ReopenCoupon(names.rows["coupons"][coupon])


def _disable_coupon(names: Names, key: str, *, coupon: int, refund: bool, restock: bool = False) -> Any:
    return coupons.disable_coupon, DisableCoupon(names.rows["coupons"][coupon], refund, restock=restock)


def _merge(names: Names, key: str, *, source: int, target: int) -> Any:
    return merge_customers, c.MergeCustomers(names.customer(source), names.customer(target))


_COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "adjust": _adjust,
    "bulk": _bulk,
    "invoice": _invoice,
    "order": _order,
    "pay": _pay,
    "void_payment": _void_payment,
    "assign": _assign,
    "reassign": _reassign,
    "release": _release,
    "void_invoice": _void_invoice,
    "note": note_commands.note,
    "void_note": note_commands.void,
    "void_credit": _void_credit,
    "update_credit": _update_credit,
    "use": _use,
    "spend": _spend,
    "refund": _refund,
    "transfer": _transfer,
    "revive": _revive,
    "hold": hold_commands.hold,
    "capture": hold_commands.capture,
    "release_hold": hold_commands.release,
    "extend_hold": hold_commands.extend,
    "give": _give,
    "approve": _approve,
    "use_coupon": _use_coupon,
    "reopen_coupon": _reopen_coupon,
    "disable_coupon": _disable_coupon,
    "merge": _merge,
}


async def _sweep(ledger: Ledger, tenant_id: UUID, names: Names, key: str) -> Outcome:
    while await expiry.run_once(ledger, tenant_id):
        pass
    return Outcome()


async def _file(
    ledger: Ledger,
    tenant_id: UUID,
    names: Names,
    key: str,
    *,
    rows: tuple[FileRow, ...],
    asset: str,
    reason: str,
    skip: bool,
    dry_run: bool,
    twice: bool,
    days: int | None = None,
) -> Outcome:
    command = ImportCredits(
        sha256(key.encode()).hexdigest(),
        asset,
        reason,
        expires_in_days=days,
        dry_run=dry_run,
        error_policy="SKIP_FAILED" if skip else "REJECT_ALL",
        allow_duplicate_customers=twice,
    )
    read = [
        ImportRow(row.external, row.amount, row.asset, row.reason, expires_in_days=row.days, expires_on=row.until)
        for row in rows
    ]
    return await import_credits(ledger, tenant_id, ACTORS["MANAGER"], command, read, key)


async def _reverse(ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, bulk: int, dry_run: bool) -> Outcome:
    command = ReverseBulk(names.bulks[bulk], dry_run)
    return await reverse_bulk(ledger, tenant_id, ACTORS["MANAGER"], command, key)


async def _run(ledger: Ledger, tenant_id: UUID, names: Names, key: str) -> Outcome:
    await bulk.run_once(ledger, tenant_id)
    return Outcome()


async def _upsert(ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, external: str, name: str) -> Outcome:
    await upsert_customer(ledger, tenant_id, ADMIN, UpsertCustomer(external, name))
    return Outcome()


async def _erase(ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, customer: int) -> Outcome:
    await people.erase_customer(ledger, tenant_id, ADMIN, names.customer(customer))
    return Outcome()


async def _rename(
    ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, customer: int, name: str | None, external: str | None
) -> Outcome:
    command = UpdateCustomer(names.customer(customer), external, name)
    await people.update_customer(ledger, tenant_id, ADMIN, command)
    return Outcome()


async def _reject(ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, request: int) -> Outcome:
    await approvals.reject_request(ledger, tenant_id, ADMIN, names.rows["approval_requests"][request], "No")
    return Outcome()


async def _withdraw(ledger: Ledger, tenant_id: UUID, names: Names, key: str, *, request: int) -> Outcome:
    request_id = names.rows["approval_requests"][request]
    await approvals.withdraw_request(ledger, tenant_id, ACTORS["STAFF"], request_id, None)
    return Outcome()


def _setting(build: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Outcome]]:
    async def asked(ledger: Ledger, tenant_id: UUID, names: Names, key: str, **facts: Any) -> Outcome:
        operation, command = build(names, **facts)
        await operation(ledger, tenant_id, ADMIN, command)
        return Outcome()

    return asked


def _membership(operation: Any) -> Callable[..., Coroutine[Any, Any, Outcome]]:
    return _setting(lambda names, customer, at=None: (operation, c.MembershipChange(names.customer(customer), at)))


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


ALONE: Final[dict[str, Callable[..., Coroutine[Any, Any, Outcome]]]] = {
    "sweep": _sweep,
    "file": _file,
    "run": _run,
    "reverse": _reverse,
    "upsert": _upsert,
    "rename": _rename,
    "erase": _erase,
    "reject": _reject,
    "withdraw": _withdraw,
    "start": _membership(memberships.start_membership),
    "cancel": _membership(memberships.cancel_membership),
    "reinstate": _membership(memberships.reinstate_membership),
    "set_tier": _setting(_set_tier),
    "set_prize": _setting(_set_prize),
    "set_product": _setting(_set_product),
    "set_service": _setting(_set_service),
    "set_grace": _setting(_set_grace),
    "set_zone": _setting(_set_zone),
}
"""What is done at once, without a posting of its own (or in many), and never waits for a batch."""

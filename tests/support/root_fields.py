"""A request to a root field: who may make it, what it needs to be there, and every token that could come with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from auth.roles import Role, Scope
from models.commands import Actor, BulkCredit, BulkItem
from models.configuration_commands import SetLimit
from models.operations.bulk_credit import bulk_credit
from models.operations.cancel_bulk import cancel_bulk
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import set_limit
from models.operations.run_bulks import run_bulk
from tests.api.conftest import gid
from tests.support.holds import hold
from tests.support.receivers import hooked, pinged
from tests.support.tenants import ADMIN as FACTORY_ADMIN
from tests.support.tenants import Tenant, known

STAFF, MANAGER, ADMIN, PARTNER, CUSTOMER = Role.STAFF, Role.MANAGER, Role.ADMIN, Role.PARTNER, Role.CUSTOMER
INSIDE: Final = {STAFF, MANAGER, ADMIN, PARTNER}
EVERYBODY: Final = INSIDE | {CUSTOMER}
ABOVE_STAFF: Final = {MANAGER, ADMIN, PARTNER}
CONFIGURATION: Final = {MANAGER, ADMIN}
ASKER: Final = Actor("asker", "STAFF")

Ids = dict[str, str]
Given = Callable[[Ids], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A request, the root field it is for, and who may make it (a partner: with these scopes and no others).

    subject: whose token it takes, in whatever role.
    """

    name: str
    field: str
    query: str
    allowed: set[Role]
    scopes: frozenset[Scope]
    variables: Given = lambda ids: {}
    undoes: bool = False
    subject: str | None = None


def mutation(field: str) -> str:
    kind = field[0].upper() + field[1:]
    return f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"


def adjusting(amount: str) -> Given:
    return lambda ids: {
        "customerId": ids["Customer"],
        "asset": "GBP",
        "amount": amount,
        "reason": "CORRECTION",
        "idempotencyKey": "k",
    }


def in_bulk(amount: str) -> Given:
    return lambda ids: {
        "items": [{"customerId": ids["Customer"], "amount": amount}],
        "asset": "GBP",
        "reason": "CORRECTION",
        "idempotencyKey": "k",
    }


def giving(*, deduct_points: bool) -> Given:
    return lambda ids: {
        "customerId": ids["Customer"],
        "rewardId": ids["Reward"],
        "deductPoints": deduct_points,
        "idempotencyKey": "k",
    }


def as_input(given: Given) -> Given:
    return lambda ids: {"input": given(ids)}


def mutating(name: str, field: str, allowed: set[Role], scopes: frozenset[Scope], given: Given, **more: Any) -> Case:
    """A mutation's case. given: its input."""
    return Case(name, field, mutation(field), allowed, scopes, as_input(given), **more)


def by_id(kind: str) -> Given:
    return lambda ids: {"id": ids[kind]}


def scopes(*names: str) -> frozenset[Scope]:
    return frozenset(map(Scope, names))


async def cancelled_file(tenant: Tenant, sender: Actor) -> UUID:
    """The operation of a file with one row, cancelled before it was posted."""
    command = ImportCredits("0" * 64, asset="POINTS", reason="CORRECTION", error_policy="SKIP_FAILED")
    rows = [ImportRow("carol", Decimal(1), line=2)]
    outcome = await import_credits(tenant.ledger, tenant.id, sender, command, rows, tenant.key())
    operation_id = known(outcome.bulk_operation_id)
    await cancel_bulk(tenant.ledger, tenant.id, sender, operation_id)
    await run_bulk(tenant.ledger, tenant.id)
    return operation_id


async def one_of_each(tenant: Tenant) -> Ids:
    """The customer's own where it belongs to one."""
    customer = await tenant.customer("carol")
    credit = await tenant.adjust(customer, "10.00")
    await tenant.adjust(customer, "500", "POINTS")
    await tenant.adjust(customer, "5", "SERVICE_CREDITS")
    member = await tenant.member()
    invoice = await tenant.invoice(customer, "20.00", auto_apply=False)
    payment = await tenant.pay(invoice, "2.00")
    row = BulkCredit((BulkItem(customer, Decimal(1)),), "POINTS", "CORRECTION")
    program = Actor("a program", "PARTNER", client="shop")  # a partner may cancel what its own client sent
    bulk = await bulk_credit(tenant.ledger, tenant.id, program, row, tenant.key())
    file = await cancelled_file(tenant, program)
    reward = await tenant.reward(100, name="Mug")
    coupon = await tenant.give(customer, reward)
    noted = await tenant.note(await tenant.invoice(customer, "5.00", auto_apply=False), "1.00")
    asked = await tenant.adjust(customer, "101.00", actor=ASKER, request_approval=True)
    spent = await tenant.spend(customer, "1.00", actor=program)
    await tenant.adjust(customer, "1.00", expires_in_days=1)  # of which it is held, before the other
    held = await hold(tenant, customer, "1.00", actor=program)
    used = await tenant.give(customer, reward)
    await tenant.use_coupon(used.coupon_id)
    expired = await tenant.adjust(customer, "1.00", expires_at=tenant.clock() + timedelta(seconds=1))
    tenant.clock.advance(seconds=2)
    await set_limit(tenant.ledger, tenant.id, FACTORY_ADMIN, SetLimit("STAFF", holder="gone"))
    entry = await tenant.rows("SELECT id FROM entries WHERE tenant_id = $1 AND account_id = $2", credit.account_id)
    rows = {
        "Tenant": tenant.id,
        "AuditRecord": await first_of(tenant, "audit_events"),
        "BulkRow": await first_of(tenant, "bulk_rows", "operation_id", known(bulk.bulk_operation_id)),
        "Membership": member,
        "AdjustmentReason": await first_of(tenant, "reasons"),
        "LimitRule": await first_of(tenant, "limit_rules"),
        "LedgerEntry": entry[0][0],
        "Customer": customer,
        "Account": credit.account_id,
        "Credit": credit.credit_id,
        "Invoice": invoice,
        "Reward": reward,
        "Coupon": coupon.coupon_id,
        "Tier": await tenant.tier("Gold", 100),
        "ApprovalRequest": asked.approval_request_id,
        "Service": await tenant.service("Cut"),
        "BulkOperation": bulk.bulk_operation_id,
        "Cancelled file": file,
        "PartnerToken": (await tenant.partner_token("credits:add")).token_id,
        "Webhook": (webhook := await hooked(tenant, "https://example.com/scrip")),
        "WebhookDelivery": await pinged(tenant, webhook),
        "Gift": await tenant.product("1.00", "CREDIT", name="Gift card"),
        "Member": member,
        "Product": await tenant.product("30.00", name="Chair"),
        "Payment": payment.payment_id,
        "CreditNote": noted.credit_note_id,
        "Transaction": spent.transaction_id,
        "Hold": held.hold_id,
        "Used": used.coupon_id,
        "Expired": expired.credit_id,
    }
    kinds = {
        "Member": "Customer",
        "Gift": "Product",
        "Used": "Coupon",
        "Expired": "Credit",
        "Cancelled file": "BulkOperation",
    }
    return {kind: gid(kinds.get(kind, kind), row_id) for kind, row_id in rows.items()}


async def first_of(tenant: Tenant, table: str, column: str = "tenant_id", value: UUID | None = None) -> UUID:
    """The id of a row of the table, where the column has the value. Both are constants of the tests."""
    sql = f"SELECT id FROM {table} WHERE tenant_id = $1 AND {column} = $2 LIMIT 1"
    row_id: UUID = (await tenant.rows(sql, value or tenant.id))[0][0]
    return row_id


async def what_it_names(tenant: Tenant, case: Case) -> Ids:
    """One of each, and something to undo for those cases that undo it."""
    found = await one_of_each(tenant)
    if case.undoes:
        dave = await tenant.customer("dave")
        credit, unpaid = await tenant.adjust(dave, "10.00"), await tenant.invoice(dave, "20.00", auto_apply=False)
        assigned = await tenant.assign(credit.credit_id, (unpaid, "1.00"))
        found["Assignment"] = gid("Assignment", assigned.assignment_ids[0])
        found["Unpaid"] = gid("Invoice", unpaid)
    return found


def token_of(case: Case, role: Role) -> dict[str, Any]:
    """What the role's token says; a partner's has the scopes that the case needs, and no others."""
    token: dict[str, Any] = {"role": role, "subject": case.subject, "customer": "carol" if role is CUSTOMER else None}
    if role is PARTNER:
        token |= {"scopes": case.scopes, "client_id": "shop"}
    return token


def reads(case: Case) -> bool:
    return not case.query.startswith("mutation")


def usable(role: Role, narrowed: Iterable[Scope] | None) -> Iterable[str]:
    """The scopes of a token. One that names none has all that the role can use; a partner's then has nothing."""
    if narrowed is None:
        narrowed = () if role is PARTNER else Scope
    return [scope.value for scope in narrowed]


TOKENS: Final[list[dict[str, Any]]] = [
    {
        "role": role,
        "scopes": narrowed,
        "customer": "carol" if role is CUSTOMER else None,
        "client_id": "shop" if role is PARTNER else None,
    }
    for role in Role
    for narrowed in (None, [], list(Scope), *([scope] for scope in Scope))
]
"""Every role as it is, with each scope alone, with all of them and with none."""

"""Every role on every root field, beside an independent copy of the table "Who may". A denial moves nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pytest
from strawberry.types.base import get_object_definition

from auth.roles import Role, Scope
from models.commands import Actor, BulkCredit, BulkItem
from models.configuration_commands import SetLimit
from models.operations.bulk_credit import bulk_credit
from models.operations.limits import set_limit
from schema.root import Mutation, Query
from tests.api.conftest import Answer, Api, bearer, gid
from tests.support.tenants import ADMIN as FACTORY_ADMIN
from tests.support.tenants import Tenant
from tests.support.who_may import RIGHTS, may, missing

STAFF, MANAGER, ADMIN, PARTNER, CUSTOMER = Role.STAFF, Role.MANAGER, Role.ADMIN, Role.PARTNER, Role.CUSTOMER
INSIDE: Final = {STAFF, MANAGER, ADMIN, PARTNER}
EVERYBODY: Final = INSIDE | {CUSTOMER}
ABOVE_STAFF: Final = {MANAGER, ADMIN, PARTNER}
CONFIGURATION: Final = {MANAGER, ADMIN}
ASKER: Final = Actor("asker", "STAFF")

Ids = dict[str, str]


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
    variables: Callable[[Ids], dict[str, Any]] = lambda ids: {}
    undoes: bool = False
    subject: str | None = None


def mutation(field: str) -> str:
    kind = field[0].upper() + field[1:]
    return f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"


def adjusting(amount: str) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {
        "input": {
            "customerId": ids["Customer"],
            "asset": "GBP",
            "amount": amount,
            "reason": "CORRECTION",
            "idempotencyKey": "k",
        }
    }


def in_bulk(amount: str) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {
        "input": {
            "items": [{"customerId": ids["Customer"], "amount": amount}],
            "asset": "GBP",
            "reason": "CORRECTION",
            "idempotencyKey": "k",
        }
    }


def giving(*, deduct_points: bool) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {
        "input": {
            "customerId": ids["Customer"],
            "rewardId": ids["Reward"],
            "deductPoints": deduct_points,
            "idempotencyKey": "k",
        }
    }


def by_id(kind: str) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {"id": ids[kind]}


def scopes(*names: str) -> frozenset[Scope]:
    return frozenset(map(Scope, names))


PREVIEW: Final = "query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { userErrors { code } } }"
NODE: Final = "query($id: ID!) { node(id: $id) { id } }"
CATALOGUE: Final = scopes("ledger:read")
PRODUCTS: Final = scopes("invoices:read", "invoices:write")

CASES: Final = [
    Case("viewer", "viewer", "{ viewer { subject } }", EVERYBODY, frozenset()),
    Case(
        "customer",
        "customer",
        "query($id: ID!) { customer(by: {id: $id}) { id } }",
        EVERYBODY,
        scopes("customers:read"),
        by_id("Customer"),
    ),
    Case("customers", "customers", "{ customers { edges { cursor } } }", INSIDE, scopes("customers:read")),
    Case(
        "balances",
        "balances",
        "query($id: ID!) { balances(customerId: $id) { id } }",
        EVERYBODY,
        scopes("ledger:read"),
        by_id("Customer"),
    ),
    Case(
        "ledger",
        "ledger",
        "query($id: ID!) { ledger(customerId: $id) { edges { cursor } } }",
        EVERYBODY,
        scopes("ledger:read"),
        by_id("Customer"),
    ),
    Case("invoices", "invoices", "{ invoices { edges { cursor } } }", EVERYBODY, scopes("invoices:read")),
    Case(
        "invoice",
        "invoice",
        "query($id: ID!) { invoice(id: $id) { id } }",
        EVERYBODY,
        scopes("invoices:read"),
        by_id("Invoice"),
    ),
    Case("credits", "credits", "{ credits { edges { cursor } } }", EVERYBODY, scopes("ledger:read")),
    Case("preview an addition", "adjustmentPreview", PREVIEW, INSIDE, scopes("credits:add"), adjusting("1.00")),
    Case("preview a removal", "adjustmentPreview", PREVIEW, ABOVE_STAFF, scopes("credits:remove"), adjusting("-1.00")),
    Case("reasons", "adjustmentReasons", "{ adjustmentReasons { code } }", INSIDE, CATALOGUE),
    Case(
        "old reasons",
        "adjustmentReasons",
        "{ adjustmentReasons(activeOnly: false) { code } }",
        CONFIGURATION,
        CATALOGUE,
    ),
    Case("services", "services", "{ services { id } }", INSIDE, CATALOGUE),
    Case("old services", "services", "{ services(activeOnly: false) { id } }", CONFIGURATION, CATALOGUE),
    Case("rewards", "rewards", "{ rewards { edges { cursor } } }", EVERYBODY, scopes("rewards:read")),
    Case(
        "old rewards",
        "rewards",
        "{ rewards(activeOnly: false) { edges { cursor } } }",
        CONFIGURATION,
        scopes("rewards:read"),
    ),
    Case("tiers", "tiers", "{ tiers { name } }", EVERYBODY, scopes("rewards:read")),
    Case("liability", "liability", "{ liability { asset } }", INSIDE, scopes("reports:read")),
    Case("trial balance", "trialBalance", "{ trialBalance { asset } }", INSIDE, scopes("reports:read")),
    Case(
        "upcoming",
        "upcomingExpirations",
        "{ upcomingExpirations { edges { cursor } } }",
        EVERYBODY,
        scopes("reports:read"),
    ),
    Case(
        "upcoming of one",
        "upcomingExpirations",
        "query($id: ID!) { upcomingExpirations(customerId: $id) { edges { cursor } } }",
        EVERYBODY,
        scopes("ledger:read"),
        by_id("Customer"),
    ),
    Case(
        "statement",
        "statement",
        'query($id: ID!) { statement(customerId: $id, asset: "GBP") { asset } }',
        EVERYBODY,
        scopes("ledger:read"),
        by_id("Customer"),
    ),
    Case("audit trail", "auditTrail", "{ auditTrail { edges { cursor } } }", ABOVE_STAFF, scopes("reports:read")),
    Case(
        "bulk operation",
        "bulkOperation",
        "query($id: ID!) { bulkOperation(id: $id) { id } }",
        ABOVE_STAFF,
        scopes("credits:bulk"),
        by_id("BulkOperation"),
    ),
    Case("node: customer", "node", NODE, EVERYBODY, scopes("customers:read"), by_id("Customer")),
    Case("node: account", "node", NODE, EVERYBODY, scopes("ledger:read"), by_id("Account")),
    Case("node: invoice", "node", NODE, EVERYBODY, scopes("invoices:read"), by_id("Invoice")),
    Case("node: reward", "node", NODE, EVERYBODY, scopes("rewards:read"), by_id("Reward")),
    Case("node: service", "node", NODE, INSIDE, CATALOGUE, by_id("Service")),
    Case("orders", "orders", "{ orders { edges { cursor } } }", EVERYBODY, scopes("invoices:read")),
    Case("products", "products", "{ products { edges { cursor } } }", INSIDE, PRODUCTS),
    Case("old products", "products", "{ products(activeOnly: false) { edges { cursor } } }", CONFIGURATION, PRODUCTS),
    Case("node: product", "node", NODE, INSIDE, PRODUCTS, by_id("Product")),
    Case("node: payment", "node", NODE, EVERYBODY, scopes("invoices:read"), by_id("Payment")),
    Case(
        "create order",
        "createOrder",
        mutation("createOrder"),
        INSIDE,
        scopes("invoices:write"),
        lambda ids: {
            "input": {
                "customerId": ids["Customer"],
                "number": "O-1",
                "currency": "GBP",
                "idempotencyKey": "k",
                "items": [{"productId": ids["Product"], "quantity": 1}],
            }
        },
    ),
    Case(
        "order credit",
        "createOrder",
        mutation("createOrder"),
        INSIDE,
        scopes("invoices:write", "credits:add"),
        lambda ids: {
            "input": {
                "customerId": ids["Customer"],
                "number": "O-2",
                "currency": "GBP",
                "idempotencyKey": "k",
                "items": [{"productId": ids["Gift"], "quantity": 1}],
            }
        },
    ),
    Case(
        "pay with credit",
        "recordPayment",
        mutation("recordPayment"),
        INSIDE,
        scopes("payments:write", "credits:spend"),
        lambda ids: {
            "input": {"invoiceId": ids["Invoice"], "amount": "1.00", "method": "ACCOUNT_CREDIT", "idempotencyKey": "k"}
        },
    ),
    Case(
        "void payment",
        "voidPayment",
        mutation("voidPayment"),
        ABOVE_STAFF,
        scopes("payments:write"),
        lambda ids: {"input": {"paymentId": ids["Payment"], "idempotencyKey": "k"}},
    ),
    Case(
        "create product",
        "createProduct",
        mutation("createProduct"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"name": "Lamp", "kind": "GOODS", "currency": "GBP", "price": "9.00"}},
    ),
    Case(
        "update product",
        "updateProduct",
        mutation("updateProduct"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"productId": ids["Product"], "active": False}},
    ),
    Case("node: bulk operation", "node", NODE, ABOVE_STAFF, scopes("credits:bulk"), by_id("BulkOperation")),
    Case("add", "adjustCredit", mutation("adjustCredit"), INSIDE, scopes("credits:add"), adjusting("1.00")),
    Case("remove", "adjustCredit", mutation("adjustCredit"), ABOVE_STAFF, scopes("credits:remove"), adjusting("-1.00")),
    Case("bulk", "bulkCredit", mutation("bulkCredit"), ABOVE_STAFF, scopes("credits:bulk"), in_bulk("1.00")),
    Case(
        "bulk with a removal",
        "bulkCredit",
        mutation("bulkCredit"),
        ABOVE_STAFF,
        scopes("credits:bulk", "credits:remove"),
        in_bulk("-1.00"),
    ),
    Case(
        "cancel a bulk",
        "cancelBulkOperation",
        mutation("cancelBulkOperation"),
        ABOVE_STAFF,
        scopes("credits:bulk"),
        lambda ids: {"input": {"id": ids["BulkOperation"]}},
    ),
    Case(
        "assign",
        "assignCredit",
        mutation("assignCredit"),
        INSIDE,
        scopes("credits:assign"),
        lambda ids: {
            "input": {"creditId": ids["Credit"], "assignments": [{"invoiceId": ids["Invoice"]}], "idempotencyKey": "k"}
        },
    ),
    Case(
        "release",
        "releaseAssignments",
        mutation("releaseAssignments"),
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"input": {"assignmentIds": [ids["Assignment"]], "idempotencyKey": "k"}},
        undoes=True,
    ),
    Case(
        "reassign",
        "reassignCredit",
        mutation("reassignCredit"),
        ABOVE_STAFF,
        scopes("credits:remove", "credits:assign"),
        lambda ids: {
            "input": {
                "assignmentId": ids["Assignment"],
                "assignments": [{"invoiceId": ids["Unpaid"]}],
                "idempotencyKey": "k",
            }
        },
        undoes=True,
    ),
    Case(
        "void an invoice",
        "voidInvoice",
        mutation("voidInvoice"),
        ABOVE_STAFF,
        scopes("invoices:write"),
        lambda ids: {"input": {"invoiceId": ids["Unpaid"], "idempotencyKey": "k"}},
        undoes=True,
    ),
    Case(
        "void a credit",
        "voidCredit",
        mutation("voidCredit"),
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"input": {"creditId": ids["Credit"], "releaseAssignments": True, "idempotencyKey": "k"}},
    ),
    Case(
        "update a credit",
        "updateCredit",
        mutation("updateCredit"),
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"input": {"creditId": ids["Credit"], "autoApply": False, "idempotencyKey": "k"}},
    ),
    Case(
        "give for points",
        "giveReward",
        mutation("giveReward"),
        INSIDE,
        scopes("rewards:give"),
        giving(deduct_points=True),
    ),
    Case(
        "give free", "giveReward", mutation("giveReward"), INSIDE, scopes("rewards:give"), giving(deduct_points=False)
    ),
    Case(
        "coupon",
        "coupon",
        "query($id: ID!) { coupon(by: {id: $id}) { code } }",
        EVERYBODY,
        scopes("rewards:read"),
        by_id("Coupon"),
    ),
    Case("node: coupon", "node", NODE, EVERYBODY, scopes("rewards:read"), by_id("Coupon")),
    Case("node: tier", "node", NODE, EVERYBODY, scopes("rewards:read"), by_id("Tier")),
    Case(
        "use a coupon",
        "useCoupon",
        mutation("useCoupon"),
        INSIDE,
        scopes("rewards:give"),
        lambda ids: {"input": {"couponId": ids["Coupon"], "idempotencyKey": "k"}},
    ),
    Case(
        "disable a coupon",
        "disableCoupon",
        mutation("disableCoupon"),
        ABOVE_STAFF,
        scopes("rewards:give"),
        lambda ids: {"input": {"couponId": ids["Coupon"], "refundPoints": True, "idempotencyKey": "k"}},
    ),
    Case(
        "create reward",
        "createReward",
        mutation("createReward"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"name": "Cup", "kind": "FREE_DELIVERY", "pointsCost": "10"}},
    ),
    Case(
        "update reward",
        "updateReward",
        mutation("updateReward"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"rewardId": ids["Reward"], "active": False}},
    ),
    Case(
        "create tier",
        "createTier",
        mutation("createTier"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"name": "Silver", "threshold": "50"}},
    ),
    Case(
        "update tier",
        "updateTier",
        mutation("updateTier"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"tierId": ids["Tier"], "threshold": "90"}},
    ),
    Case(
        "delete tier",
        "deleteTier",
        mutation("deleteTier"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"tierId": ids["Tier"]}},
    ),
    Case(
        "upsert customer",
        "upsertCustomer",
        mutation("upsertCustomer"),
        INSIDE,
        scopes("customers:write"),
        lambda ids: {"input": {"externalId": "new", "name": "New"}},
    ),
    Case(
        "create invoice",
        "createInvoice",
        mutation("createInvoice"),
        INSIDE,
        scopes("invoices:write"),
        lambda ids: {
            "input": {
                "customerId": ids["Customer"],
                "number": "N-1",
                "currency": "GBP",
                "idempotencyKey": "k",
                "lines": [{"description": "x", "quantity": 1, "unitPrice": "1.00"}],
            }
        },
    ),
    Case(
        "record payment",
        "recordPayment",
        mutation("recordPayment"),
        INSIDE,
        scopes("payments:write"),
        lambda ids: {"input": {"invoiceId": ids["Invoice"], "amount": "1.00", "method": "CASH", "idempotencyKey": "k"}},
    ),
    Case(
        "use credit",
        "useCredit",
        mutation("useCredit"),
        INSIDE,
        scopes("credits:spend"),
        lambda ids: {
            "input": {"customerId": ids["Customer"], "serviceId": ids["Service"], "amount": "1", "idempotencyKey": "k"}
        },
    ),
    Case(
        "update customer",
        "updateCustomer",
        mutation("updateCustomer"),
        INSIDE,
        scopes("customers:write"),
        lambda ids: {"input": {"customerId": ids["Customer"], "name": "Caroline"}},
    ),
    Case(
        "merge customers",
        "mergeCustomers",
        mutation("mergeCustomers"),
        CONFIGURATION,
        scopes("customers:write", "credits:remove"),
        lambda ids: {"input": {"fromId": ids["Member"], "intoId": ids["Customer"], "idempotencyKey": "k"}},
    ),
    Case(
        "erase customer",
        "eraseCustomer",
        mutation("eraseCustomer"),
        ABOVE_STAFF,
        scopes("customers:write"),
        lambda ids: {"input": {"customerId": ids["Member"]}},
    ),
    Case(
        "start membership",
        "startMembership",
        mutation("startMembership"),
        INSIDE,
        scopes("customers:write"),
        lambda ids: {"input": {"customerId": ids["Customer"]}},
    ),
    Case(
        "cancel membership",
        "cancelMembership",
        mutation("cancelMembership"),
        INSIDE,
        scopes("customers:write"),
        lambda ids: {"input": {"customerId": ids["Member"]}},
    ),
    Case(
        "reinstate membership",
        "reinstateMembership",
        mutation("reinstateMembership"),
        INSIDE,
        scopes("customers:write"),
        lambda ids: {"input": {"customerId": ids["Member"]}},
    ),
    Case(
        "create reason",
        "createReason",
        mutation("createReason"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"code": "NEW", "label": "New", "directions": ["ADD"]}},
    ),
    Case(
        "update reason",
        "updateReason",
        mutation("updateReason"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"code": "GOODWILL", "active": False}},
    ),
    Case(
        "create service",
        "createService",
        mutation("createService"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"name": "New"}},
    ),
    Case(
        "update service",
        "updateService",
        mutation("updateService"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"serviceId": ids["Service"], "active": False}},
    ),
    Case(
        "approval requests",
        "approvalRequests",
        "{ approvalRequests { edges { cursor } } }",
        INSIDE,
        scopes("credits:add", "rewards:give"),
    ),
    Case(
        "node: approval request",
        "node",
        NODE,
        INSIDE,
        scopes("credits:add", "rewards:give"),
        by_id("ApprovalRequest"),
        subject=ASKER.subject,
    ),
    Case(
        "approve",
        "approveRequest",
        mutation("approveRequest"),
        {MANAGER, ADMIN},
        scopes("credits:add"),
        lambda ids: {"input": {"requestId": ids["ApprovalRequest"], "idempotencyKey": "k"}},
    ),
    Case(
        "reject",
        "rejectRequest",
        mutation("rejectRequest"),
        {MANAGER, ADMIN},
        scopes("credits:add"),
        lambda ids: {"input": {"requestId": ids["ApprovalRequest"]}},
    ),
    Case(
        "withdraw",
        "withdrawRequest",
        mutation("withdrawRequest"),
        {STAFF, MANAGER, ADMIN},
        scopes("credits:add", "rewards:give"),
        lambda ids: {"input": {"requestId": ids["ApprovalRequest"]}},
        subject=ASKER.subject,
    ),
    Case("limit rules", "limitRules", "{ limitRules { role } }", CONFIGURATION, scopes("config:write")),
    Case(
        "set a limit",
        "setLimit",
        mutation("setLimit"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"role": "STAFF", "asset": "GBP", "perAdjustment": "5.00"}},
    ),
    Case(
        "remove a limit",
        "removeLimit",
        mutation("removeLimit"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"role": "STAFF", "holder": "gone"}},
    ),
    Case(
        "partner tokens",
        "partnerTokens",
        "{ partnerTokens { edges { cursor } } }",
        CONFIGURATION,
        scopes("config:write", "tokens:write"),
    ),
    Case(
        "node: partner token",
        "node",
        NODE,
        CONFIGURATION,
        scopes("config:write", "tokens:write"),
        by_id("PartnerToken"),
    ),
    Case(
        "issue a token",
        "issueToken",
        mutation("issueToken"),
        {ADMIN},
        scopes("tokens:write"),
        lambda ids: {"input": {"client": "shop", "name": "Till", "scopes": ["credits:add"]}},
    ),
    Case(
        "rotate a token",
        "rotateToken",
        mutation("rotateToken"),
        {ADMIN},
        scopes("tokens:write"),
        lambda ids: {"input": {"tokenId": ids["PartnerToken"]}},
    ),
    Case(
        "revoke a token",
        "revokeToken",
        mutation("revokeToken"),
        {ADMIN},
        scopes("tokens:write"),
        lambda ids: {"input": {"tokenId": ids["PartnerToken"]}},
    ),
    Case(
        "update tenant",
        "updateTenant",
        mutation("updateTenant"),
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"input": {"name": "New"}},
    ),
]


async def one_of_each(tenant: Tenant) -> Ids:
    """The customer's own where it belongs to one."""
    customer = await tenant.customer("carol")
    credit = await tenant.adjust(customer, "10.00")
    await tenant.adjust(customer, "500", "POINTS")
    await tenant.adjust(customer, "5", "SERVICE_CREDITS")
    member = await tenant.member()
    invoice = await tenant.invoice(customer, "20.00")
    payment = await tenant.pay(invoice, "2.00")
    row = BulkCredit((BulkItem(customer, Decimal(1)),), "POINTS", "CORRECTION")
    bulk = await bulk_credit(tenant.ledger, tenant.id, FACTORY_ADMIN, row, tenant.key())
    reward = await tenant.reward(100, name="Mug")
    coupon = await tenant.give(customer, reward)
    asked = await tenant.adjust(customer, "101.00", actor=ASKER, request_approval=True)
    await set_limit(tenant.ledger, tenant.id, FACTORY_ADMIN, SetLimit("STAFF", holder="gone"))
    rows = {
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
        "PartnerToken": (await tenant.partner_token("credits:add")).token_id,
        "Gift": await tenant.product("1.00", "CREDIT", name="Gift card"),
        "Member": member,
        "Product": await tenant.product("30.00", name="Chair"),
        "Payment": payment.payment_id,
    }
    kinds = {"Member": "Customer", "Gift": "Product"}
    return {kind: gid(kinds.get(kind, kind), row_id) for kind, row_id in rows.items()}


async def what_it_names(tenant: Tenant, case: Case) -> Ids:
    """One of each, and something to undo for those cases that undo it."""
    found = await one_of_each(tenant)
    if case.undoes:
        dave = await tenant.customer("dave")
        credit, unpaid = await tenant.adjust(dave, "10.00"), await tenant.invoice(dave, "20.00")
        assigned = await tenant.assign(credit.credit_id, (unpaid, "1.00"))
        found["Assignment"] = gid("Assignment", assigned.assignment_ids[0])
        found["Unpaid"] = gid("Invoice", unpaid)
    return found


@pytest.fixture
async def ids(tenant: Tenant, request: pytest.FixtureRequest) -> Ids:
    return await what_it_names(tenant, request.node.callspec.params["case"])


def test_every_root_field_has_its_cases() -> None:
    fields = {f.name for root in (Query, Mutation) for f in get_object_definition(root, strict=True).fields}
    graphql_names = {name.split("_")[0] + "".join(map(str.title, name.split("_")[1:])) for name in fields}
    assert {case.field for case in CASES} == graphql_names


def token_of(case: Case, role: Role) -> dict[str, Any]:
    """What the role's token says; a partner's has the scopes that the case needs, and no others."""
    token: dict[str, Any] = {"role": role, "subject": case.subject, "customer": "carol" if role is CUSTOMER else None}
    if role is PARTNER:
        token |= {"scopes": case.scopes, "client_id": "shop"}
    return token


async def served(api: Api, ids: Ids, case: Case, role: Role) -> None:
    answer = await api(case.query, case.variables(ids), **token_of(case, role))
    assert answer.errors == [], role
    assert (answer[case.field] or {"userErrors": []}) != {}, role
    if "userErrors" in case.query:
        assert answer[case.field] == {"userErrors": []}, role


QUERIES: Final = [case for case in CASES if not case.query.startswith("mutation")]
MUTATIONS: Final = [case for case in CASES if case.query.startswith("mutation")]


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case.name)
async def test_who_may_ask(api: Api, tenant: Tenant, ids: Ids, case: Case) -> None:
    async with tenant.nothing_moves():
        for role in case.allowed:
            await served(api, ids, case, role)


@pytest.mark.parametrize(
    ("case", "role"),
    [pytest.param(case, role, id=f"{case.name}-{role.value}") for case in MUTATIONS for role in case.allowed],
)
async def test_who_may_change(api: Api, ids: Ids, case: Case, role: Role) -> None:
    await served(api, ids, case, role)


def reads(case: Case) -> bool:
    return not case.query.startswith("mutation")


def usable(role: Role, narrowed: Iterable[Scope] | None) -> Iterable[str]:
    """The scopes of a token. One that names none has all that the role can use; a partner's then has nothing."""
    if narrowed is None:
        narrowed = () if role is PARTNER else Scope
    return [scope.value for scope in narrowed]


def test_every_case_has_its_rows_in_the_table() -> None:
    """A request to a new root field goes into tests/support/who_may.py too."""
    assert {case.name for case in CASES} == set(RIGHTS)
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_the_table_says(case: Case) -> None:
    assert case.allowed == {role for role in Role if may(case.name, role.value, map(str, Scope), reads=reads(case))}
    if PARTNER in case.allowed:
        assert may(case.name, "partner", map(str, case.scopes), reads=reads(case))


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


def named(answer: Answer) -> tuple[set[str], list[str]]:
    """The rights that the one refusal names, and the roles that have them."""
    (error,) = answer.errors
    missing = error["extensions"]["missing"]
    assert len(set(missing)) == len(missing)
    assert all(scope in error["message"] for scope in missing if "roles" not in error["extensions"])
    return set(missing), error["extensions"].get("roles", [])


def expected(case: Case, token: dict[str, Any]) -> tuple[set[str], list[str]]:
    return missing(case.name, token["role"].value, usable(token["role"], token["scopes"]), reads=reads(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_role_and_every_scope(api: Api, tenant: Tenant, ids: Ids, case: Case) -> None:
    """Each is let in or told FORBIDDEN as the table says, and the denied move nothing. Nobody is UNAUTHENTICATED."""
    good = {
        n
        for n, token in enumerate(TOKENS)
        if may(case.name, token["role"].value, usable(token["role"], token["scopes"]), reads=reads(case))
    }
    async with tenant.nothing_moves():
        for n, token in enumerate(TOKENS):
            if n not in good:
                answer = await api(case.query, case.variables(ids), **token, subject=case.subject)
                assert (answer.codes, answer.data) == (["FORBIDDEN"], {case.field: None}), token
                assert named(answer) == expected(case, token), token
        answer = await api(case.query, case.variables(ids), role=None)
        assert (answer.codes, answer.data) == (["UNAUTHENTICATED"], {case.field: None})
    for n in sorted(good):
        answer = await api(case.query, case.variables(ids), **TOKENS[n], subject=case.subject)
        assert answer.codes == [], TOKENS[n]


@pytest.mark.parametrize("claim", ["nobody", "no such tenant", "té", "x" * 255, "0197aaaa-bbbb-7ccc-8ddd-eeeeffff0001"])
async def test_a_tenant_that_is_not_here_is_nobody(api: Api, claim: str) -> None:
    headers = {"authorization": bearer(claim, ADMIN)}
    response = await api.client.post("/graphql", json={"query": "{ viewer { subject } }"}, headers=headers)
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_tenant_may_be_named_by_its_id(api: Api, tenant: Tenant) -> None:
    headers = {"authorization": bearer(str(tenant.id), ADMIN)}
    response = await api.client.post("/graphql", json={"query": "{ viewer { tenant { id } } }"}, headers=headers)
    assert response.json()["data"] == {"viewer": {"tenant": {"id": gid("Tenant", tenant.id)}}}

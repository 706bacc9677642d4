"""A walk along every path that leads to a node: as another customer, as another tenant, and with each scope alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLObjectType, get_named_type

from app.postgres.embedded import Urls
from app.tokens.partners import PartnerTokenVerifier
from auth.roles import Role, Scope
from models.commands import Actor, BulkCredit, BulkItem, MembershipChange, NotedLine
from models.ledger import Ledger
from models.operations.bulk_credit import bulk_credit
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.operations.memberships import start_membership
from models.operations.releasing import update_credit
from models.planning.releasing import UpdateCredit
from schema.ids import parse_id
from tests.api.conftest import Api, gid, serving, token_verifier
from tests.api.test_tenants import MARK, copy_rows
from tests.models.test_make_checkpoint import Elsewhere
from tests.support.clock import Clock
from tests.support.holds import hold
from tests.support.receivers import hooked, pinged
from tests.support.root_cases import CASES
from tests.support.root_fields import Case, reads, token_of, what_it_names
from tests.support.schema_walk import NODES, TYPES, Walker
from tests.support.tenants import ADMIN, Tenant, make_tenant
from tests.support.who_may import may

STAFF: Final = Actor("sam@staff", "STAFF", name="Sam Staff")
NOTE: Final = "between ourselves"
INTERNAL: Final = (NOTE, STAFF.subject, "Sam Staff", ADMIN.subject, "Ada Admin")

ACCOUNT: Final = "JOIN accounts a ON a.tenant_id = $1 AND a.id ="
INVOICE: Final = "JOIN invoices i ON i.tenant_id = $1 AND i.id ="
# Whose a row is, by the books themselves.
OWNERS: Final = {
    "Customer": "SELECT id, id FROM customers WHERE tenant_id = $1",
    "Account": "SELECT id, customer_id FROM accounts WHERE tenant_id = $1",
    "Credit": f"SELECT c.id, customer_id FROM credits c {ACCOUNT} c.account_id WHERE c.tenant_id = $1",
    "LedgerEntry": f"SELECT e.id, customer_id FROM entries e {ACCOUNT} e.account_id WHERE e.tenant_id = $1",
    "Transaction": "SELECT id, customer_id FROM transactions WHERE tenant_id = $1",
    "Invoice": "SELECT id, customer_id FROM invoices WHERE tenant_id = $1",
    "Assignment": f"SELECT s.id, customer_id FROM assignments s {INVOICE} invoice_id WHERE s.tenant_id = $1",
    "Payment": f"SELECT p.id, customer_id FROM payments p {INVOICE} invoice_id WHERE p.tenant_id = $1",
    "InvoiceLine": f"SELECT l.id, customer_id FROM invoice_lines l {INVOICE} invoice_id WHERE l.tenant_id = $1",
    "CreditNote": f"SELECT n.id, customer_id FROM credit_notes n {INVOICE} invoice_id WHERE n.tenant_id = $1",
    "Coupon": "SELECT id, customer_id FROM coupons WHERE tenant_id = $1",
    "CreditNoteLine": "SELECT l.id, customer_id FROM credit_note_lines l JOIN credit_notes n ON n.tenant_id = $1"
    f" AND n.id = note_id {INVOICE} invoice_id WHERE l.tenant_id = $1",
    "CreditChange": "SELECT h.id, customer_id FROM credit_changes h JOIN credits c ON c.tenant_id = $1"
    f" AND c.id = h.credit_id {ACCOUNT} c.account_id WHERE h.tenant_id = $1",
    "TierChange": f"SELECT h.id, customer_id FROM tier_changes h {ACCOUNT} h.account_id WHERE h.tenant_id = $1",
    "Membership": "SELECT id, id FROM customers WHERE tenant_id = $1 AND membership_started_at IS NOT NULL",
    "Event": "SELECT lpad(to_hex(position), 32, '0')::uuid, customer_id FROM feed WHERE tenant_id = $1",
    "Hold": f"SELECT h.id, customer_id FROM holds h {ACCOUNT} h.account_id WHERE h.tenant_id = $1",
}
NOBODY_S: Final = {"Reward", "Tier", "Service", "Product", "Tenant", "Viewer"}
"""What customers are shown though it belongs to no customer: services and products as their own credits and orders."""


@dataclass
class Town:
    """Two customers of one tenant, each with some of everything."""

    api: Api
    carol: UUID
    ids: dict[str, list[str]]
    texts: dict[str, list[str]]
    owners: dict[str, UUID]

    def walker(self, token: dict[str, Any]) -> Walker:
        """Visits each field of each type, and asks for two things of each kind by id."""
        return Walker(self.api, token, {kind: ids[:2] for kind, ids in self.ids.items()}, self.texts)

    def thorough_walker(self, token: dict[str, Any]) -> Walker:
        """Visits each field by every way from one node to the next, and asks for all there is by id."""
        return Walker(self.api, token, self.ids, self.texts, remembered=2)


async def settle(tenant: Tenant, external_id: str, service: UUID, reward: UUID, product: UUID) -> UUID:
    """A customer with some of everything, whose own texts all hold the external id."""
    customer = await tenant.customer(external_id, f"{external_id} Surname", f"{external_id}@example.com")
    credit = await tenant.adjust(customer, "50.00", note=f"{NOTE}: {external_id}", auto_apply=False)
    await tenant.adjust(customer, "-5.00", note=NOTE)
    await tenant.adjust(customer, "500", "POINTS")
    await tenant.adjust(customer, "7", "SERVICE_CREDITS", service_ids=(service,), expires_in_days=10)
    await start_membership(tenant.ledger, tenant.id, ADMIN, MembershipChange(customer))
    await tenant.adjust(customer, "999", actor=STAFF, reason="GOODWILL", request_approval=True)
    invoice = await tenant.invoice(customer, "20.00", number=f"{external_id}-1", auto_apply=False)
    await tenant.assign(credit.credit_id, (invoice, "3.00"))
    await tenant.pay(invoice, "2.00")
    noted, line = await tenant.invoice_with_line(customer, "4.00")
    await tenant.pay(noted, "4.00")
    await tenant.note(noted, None, NotedLine(line, Decimal("0.5")), note=NOTE)
    await tenant.void_note(await tenant.note(noted, "1.00"), text=NOTE)
    await hold(tenant, customer, "2.00", note=f"{NOTE}: {external_id}")
    await tenant.give(customer, reward)
    order = await tenant.order(customer, (product, 2), number=f"{external_id}-2")
    await tenant.pay(order, "2.00")
    assert credit.credit_id is not None
    change = UpdateCredit(credit.credit_id, expires_in_days=90, note=NOTE)
    await update_credit(tenant.ledger, tenant.id, ADMIN, change, tenant.key())
    return customer


@asynccontextmanager
async def founded() -> AsyncIterator["Town"]:
    """Its own ledger and server."""
    clock = Clock()
    ledger = Ledger(clock)
    partner_tokens = PartnerTokenVerifier(ledger)
    try:
        async with serving(ledger, token_verifier(), partner_tokens) as client:
            yield await settled(Api(client, await make_tenant(ledger), clock))
    finally:
        await partner_tokens.settle()
        await ledger.close()


@pytest.fixture(scope="module")
async def town(database: Urls) -> AsyncIterator["Town"]:
    """One for all walks that only read."""
    async with founded() as town:
        yield town


@pytest.fixture(scope="module")
async def twin(town: "Town", database_urls: Urls) -> "Town":
    """Another tenant's, with the same ids: all texts are marked, and the amounts are others."""
    one = town.api.tenant
    other = await make_tenant(one.ledger)
    await copy_rows(database_urls, one.id, other.id)
    return replace(town, api=Api(town.api.client, other, town.api.clock))


async def settled(api: Api) -> "Town":
    tenant = api.tenant
    await tenant.tier("Gold", 100)
    service, reward = await tenant.service("Haircut"), await tenant.reward(100, name="Mug", validity_days=30)
    product = await tenant.product("1.00", "CREDIT", name="Gift card")
    people = [await settle(tenant, name, service, reward, product) for name in ("carol", "dave")]
    items = tuple(BulkItem(customer, Decimal(1)) for customer in people)
    rows = BulkCredit(items, "POINTS", "CORRECTION", note=NOTE)
    await bulk_credit(tenant.ledger, tenant.id, ADMIN, rows, tenant.key())
    await tenant.execute(
        """INSERT INTO partner_tokens (tenant_id, id, client, name, scope, secret_hash, created_by_id, created_at)
        SELECT tenant_id, $2, 'till-4', 'Till', 'ledger:read', sha256('x'), id, now() FROM actors
        WHERE tenant_id = $1 LIMIT 1""",
        uuid4(),
    )
    await pinged(tenant, await hooked(tenant, "https://example.com/scrip"))
    api.clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert await make_checkpoint(tenant.ledger, tenant.id, Elsewhere().notary, now=True)
    # By id, the oldest first: without an order, what a walk asks for would be up to PostgreSQL's plan.
    owners = {
        gid(kind, row[0]): row[1] for kind, sql in OWNERS.items() for row in await tenant.fetch(f"{sql} ORDER BY 1")
    }
    ids: dict[str, list[str]] = {}
    for global_id in owners:
        ids.setdefault(parse_id(global_id)[0], []).append(global_id)
    for kind, table in OTHER_TABLES.items():
        rows_ = await tenant.fetch(f"SELECT id FROM {table} WHERE tenant_id = $1 ORDER BY id")
        ids[kind] = [gid(kind, row["id"]) for row in rows_]
    codes = [row["code"] for row in await tenant.fetch("SELECT code FROM coupons WHERE tenant_id = $1")]
    now = tenant.ledger.clock().isoformat()
    texts = {
        "externalId": ["carol", "dave"],
        "code": codes,
        "number": ["carol-1"],
        "name": ["Haircut"],
        "description": ["Tea"],
        "AssetCode": ["POINTS", "GBP", "SERVICE_CREDITS"],
        "DateTime": [now],
        "Decimal": ["1.00", "-1.00"],
        "reason": ["CORRECTION"],
        "idempotencyKey": ["walk"],
    }
    return Town(api, people[0], ids, texts, owners)


OTHER_TABLES: Final = {
    "Reward": "rewards",
    "Tier": "tiers",
    "Service": "services",
    "Product": "products",
    "BulkOperation": "bulk_operations",
    "ApprovalRequest": "approval_requests",
    "PartnerToken": "partner_tokens",
    "Webhook": "webhooks",
    "WebhookDelivery": "webhook_deliveries",
    "Actor": "actors",
    "AdjustmentReason": "reasons",
    "AuditRecord": "audit_events",
    "BulkRow": "bulk_rows",
    "Checkpoint": "checkpoints",
    "LimitRule": "limit_rules",
}
"""Where the nodes are that no customer owns."""
OF_REQUESTS: Final = {"Tenant", "Viewer"}
"""Nodes of which each request has one."""


def test_every_node_has_its_table() -> None:
    """Where this fails, a new kind of node has to be put there, and some of it into the town."""
    assert {*OWNERS, *OTHER_TABLES, *OF_REQUESTS} == NODES


async def test_an_admin_s_walk_reaches_everything(town: Town) -> None:
    """Else the others would prove nothing."""
    seen = await town.walker({"role": Role.ADMIN}).queries()
    assert seen.codes == set()
    assert seen.ids.keys() == NODES
    assert {owner for ids in seen.ids.values() for id_ in ids if (owner := town.owners.get(id_))} == {
        *filter(None, town.owners.values())
    }
    assert seen.told("dave", *INTERNAL) == ["dave", *INTERNAL]


async def test_a_customer_s_walk_reaches_their_own_alone(town: Town) -> None:
    token = {"role": Role.CUSTOMER, "customer": "carol", "subject": "carol's phone"}
    seen = await town.thorough_walker(token).queries()
    assert seen.codes <= {"FORBIDDEN"}
    assert seen.ids.keys() - NOBODY_S == set(OWNERS)
    strangers = {
        id_
        for kind, ids in seen.ids.items()
        if kind not in NOBODY_S
        for id_ in ids
        if town.owners.get(id_) != town.carol
    }
    assert strangers == set()
    assert seen.told("carol", "dave", *INTERNAL) == ["carol"]
    assert "Actor" not in seen.types


async def test_a_customer_that_is_not_here_reaches_nobody(town: Town) -> None:
    seen = await town.walker({"role": Role.CUSTOMER, "customer": "nobody", "subject": "phone"}).queries()
    assert seen.ids.keys() <= NOBODY_S
    assert seen.told("carol", "dave", *INTERNAL) == []


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.usefixtures("twin")
async def test_where_another_tenant_has_the_same_ids_nothing_of_it_is_reached(town: Town, role: Role) -> None:
    token: dict[str, Any] = {"role": role}
    if role is Role.CUSTOMER:
        token["customer"] = "carol"
    elif role is Role.PARTNER:
        token |= {"scopes": list(Scope), "client_id": "till-4"}
    seen = await town.walker(token).queries()
    assert len(seen.types & NODES) >= len(OWNERS)
    assert seen.told(MARK) == []


async def test_the_other_tenant_does_have_them(twin: Town) -> None:
    """Else that would prove nothing."""
    seen = await twin.walker({"role": Role.ADMIN}).queries()
    assert seen.told(MARK) == [MARK]
    assert seen.ids.keys() == NODES


async def test_another_tenant_s_ids_reach_nothing(town: Town) -> None:
    """All ids of the town, asked for in another."""
    elsewhere = await make_tenant(town.api.tenant.ledger)
    stranger = replace(town, api=Api(town.api.client, elsewhere, town.api.clock))
    seen = await stranger.walker({"role": Role.ADMIN}).queries()
    assert seen.ids.pop("Tenant") == {gid("Tenant", elsewhere.id)}
    assert [id_ for kind, ids in seen.ids.items() for id_ in ids if id_ in town.ids.get(kind, ())] == []


# What each scope lets read, by hand: the types that are reached with it alone.
ANYBODY_S: Final = {"Viewer", "Tenant", "LimitRemaining", "UserError", "Money"}
_CATALOGUE: Final = {"AdjustmentReason", "Service"}
_PREVIEW: Final = {"AdjustmentPreview", "LimitVerdict"}
_EFFECTS: Final = {"PostingPreview", "LimitVerdict"}
OPENS: Final[dict[Scope, set[str]]] = {
    Scope.CUSTOMERS_READ: {"Customer", "Membership"},
    Scope.CUSTOMERS_WRITE: set(),
    Scope.LEDGER_READ: {
        "Account",
        "Credit",
        "CreditChange",
        "Hold",
        "LedgerEntry",
        "Transaction",
        "Actor",
        "BalanceExplanation",
        "Statement",
        "TierChange",
        "Tier",
        "Checkpoint",
        *_CATALOGUE,
    },
    Scope.CREDITS_ADD: {*_PREVIEW, "RevivalPreview", *_CATALOGUE, "ApprovalRequest", "Actor"},
    Scope.CREDITS_REMOVE: {*_PREVIEW, *_EFFECTS, *_CATALOGUE, "ApprovalRequest", "Actor"},
    Scope.CREDITS_ASSIGN: {"SpendPreview", *_EFFECTS},
    Scope.CREDITS_SPEND: {"SpendPreview", "LimitVerdict"},
    Scope.CREDITS_REFUND: {"SpendPreview", "CreditNotePreview", *_EFFECTS, "ApprovalRequest", "Actor"},
    Scope.CREDITS_BULK: {"BulkOperation", "BulkRow", "BulkSum", "Actor", *_CATALOGUE},
    Scope.INVOICES_READ: {
        *("Invoice", "InvoiceLine", "Payment", "Assignment", "Product"),
        *("CreditNote", "CreditNoteLine"),
    },
    Scope.INVOICES_WRITE: {"Product", "ApprovalRequest", "Actor", *_EFFECTS},
    Scope.PAYMENTS_WRITE: {"PaymentPreview", *_EFFECTS},
    Scope.REWARDS_READ: {"Reward", "Coupon", "CouponTerms", "Tier"},
    Scope.REWARDS_GIVE: {"ApprovalRequest", "Actor", *_EFFECTS},
    Scope.REPORTS_READ: {
        "Liability",
        "LiabilityByMonth",
        "LiabilityBySource",
        "TrialBalance",
        "CounterTotal",
        "AuditRecord",
        "AuditChange",
        "Actor",
        "Credit",
        "Service",
    },
    Scope.CONFIG_WRITE: {"LimitRule", "PartnerToken", "Webhook", "WebhookDelivery", "Actor"},
    Scope.TOKENS_WRITE: {"PartnerToken", "Actor"},
    Scope.WEBHOOKS_WRITE: {"Webhook", "WebhookDelivery", "Actor"},
    Scope.EVENTS_READ: {"AccountMovement", "CreditAdjustedEvent", "CustomerEvent"},
}


@pytest.mark.parametrize("scope", list(Scope), ids=str)
async def test_a_scope_alone_opens_what_it_is_for(town: Town, scope: Scope) -> None:
    """For every role that can use it. Each reaches no more than this, and one of them all of it."""
    reached: set[str] = set()
    for role in (Role.STAFF, Role.MANAGER, Role.ADMIN, Role.PARTNER):
        seen = await town.walker({"role": role, "scopes": [scope], "client_id": "till-4"}).queries()
        assert seen.codes <= {"FORBIDDEN"}, role
        reached |= {kind for kind in seen.types if not kind.endswith(("Connection", "Edge", "PageInfo"))}
    assert sorted(reached - ANYBODY_S) == sorted(OPENS[scope])


ALONE: Final = [
    pytest.param(case, scope, id=f"{case.name}-{scope}")
    for case in CASES
    for scope in Scope
    if not reads(case) and may(case.name, "partner", [scope], reads=False)
]


@pytest.mark.parametrize(("case", "scope"), ALONE)
async def test_a_payload_shows_what_was_done_and_no_more(api: Api, case: Case, scope: Scope) -> None:
    """What the payload itself names, and who did it; and what lies beyond only where the scope lets read that."""
    token = token_of(case, Role.PARTNER) | {"scopes": [scope]}
    texts = {"DateTime": [api.clock().isoformat()], "AssetCode": ["GBP", "POINTS"]}
    seen = await Walker(api, token, {}, texts).payload(
        case.field, case.variables(await what_it_names(api.tenant, case))
    )
    assert seen.codes <= {"FORBIDDEN"}
    (payload,) = (kind for kind in seen.types if kind.endswith("Payload"))
    assert (seen.types & NODES) - NOBODY_S <= {*named_by(payload), "Actor", *OPENS[scope]}


def named_by(kind: str) -> set[str]:
    """The types of its fields."""
    payload = TYPES[kind]
    assert isinstance(payload, GraphQLObjectType)
    return {get_named_type(field.type).name for field in payload.fields.values()}

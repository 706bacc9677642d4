"""Each filter of each list: what it lists, wherever the list hangs, and to whom it may not tell anything."""

from datetime import timedelta
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType

from auth.roles import Role, Scope
from models.commands import Actor
from models.texts import Texts
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.schema import SCHEMA
from tests.support.tenants import Tenant

CUSTOMERS: Final = "query($filter: CustomerFilter) { customers(filter: $filter) { nodes { externalId } } }"
INVOICES: Final = """query($filter: InvoiceFilter, $customer: ID, $sort: InvoiceSort) {
  invoices(filter: $filter, customerId: $customer, sortBy: $sort) { nodes { number } } }"""
OF_CUSTOMER: Final = """query($by: CustomerBy!, $filter: InvoiceFilter, $sort: InvoiceSort) {
  customer(by: $by) { invoices(filter: $filter, sortBy: $sort) { nodes { number } } } }"""


async def listed(api: Api, query: str, shown: str, **variables: Any) -> list[str]:
    answer = await api(query, variables)
    assert answer.data is not None, answer.errors
    assert not answer.errors, answer.errors
    found: Any = answer.data
    while "nodes" not in found:
        (found,) = found.values()
    return [node[shown] for node in found["nodes"]]


async def test_customers(api: Api, tenant: Tenant, clock: Clock) -> None:
    await tenant.tier("Silver", 100)
    gold = await tenant.tier("Gold", 500)
    ann = await tenant.customer("ann", "Ann")
    clock.advance(days=1)
    bob = await tenant.customer("bob", "Bob")
    await tenant.customer("cid", "Cid")
    await tenant.adjust(ann, "25.00", expires_in_days=2)
    await tenant.adjust(ann, 150, "POINTS")
    clock.advance(days=1)
    posted = clock()
    await tenant.adjust(bob, 500, "POINTS")
    await tenant.execute(
        "UPDATE customers SET membership_started_at = $3 WHERE tenant_id = $1 AND id = $2", ann, clock()
    )
    silver = (await api("{ tiers { id name } }"))["tiers"]
    of = {tier["name"]: tier["id"] for tier in silver}
    assert of["Gold"] == gid("Tier", gold)

    async def found(**filter_: Any) -> list[str]:
        return await listed(api, CUSTOMERS, "externalId", filter=filter_)

    assert await found() == ["ann", "bob", "cid"]
    added = [row[0] for row in await tenant.rows("SELECT created_at FROM customers WHERE tenant_id = $1 ORDER BY 1")]
    assert await found(createdAt={"to": added[0].isoformat()}) == []
    assert await found(createdAt={"from": added[0].isoformat(), "to": added[1].isoformat()}) == ["ann"]
    assert await found(createdAt={"from": added[1].isoformat()}) == ["bob", "cid"]
    assert await found(hasBalance="GBP") == ["ann"]
    assert await found(hasBalance="POINTS") == ["ann", "bob"]
    assert await found(balance={"asset": "POINTS", "min": "151"}) == ["bob"]
    assert await found(balance={"asset": "POINTS", "max": "150.5"}) == ["ann"]
    assert await found(balance={"asset": "GBP", "min": "25.00", "max": "25.00"}) == ["ann"]
    assert await found(tierId=of["Silver"]) == ["ann"]
    assert await found(tierId=of["Gold"]) == ["bob"]
    assert await found(tierId=gid("Customer", ann)) == []
    assert await found(membership=["ACTIVE"]) == ["ann"]
    assert await found(membership=["CANCELLED", "ENDED"]) == []
    assert await found(lastActivityAt={"from": posted.isoformat()}) == ["bob"]
    assert await found(lastActivityAt={"to": posted.isoformat()}) == ["ann"]
    assert await found(expiringBefore=(clock() + timedelta(days=5)).isoformat()) == ["ann"]
    assert await found(expiringBefore=clock().isoformat()) == []
    assert await found(hasBalance="GBP", membership=["ACTIVE"], search="a") == ["ann"]
    assert (await api(CUSTOMERS, {"filter": {"balance": {"asset": "XQX"}}})).codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("status", "days", "listed_"),
    [("CANCELLED", 60, True), ("ENDED", 60, False), ("CANCELLED", 61, False), ("ENDED", 61, True)],
)
async def test_a_membership_ends_with_its_grace(
    api: Api, tenant: Tenant, clock: Clock, status: str, days: int, listed_: bool
) -> None:
    member = await tenant.member()
    await tenant.cancel_membership(member, clock())
    clock.advance(days=days)
    shown = (await api(f'{{ customer(by: {{id: "{gid("Customer", member)}"}}) {{ membership {{ status }} }} }}'))[
        "customer"
    ]
    assert (shown["membership"]["status"] == status) is listed_
    assert bool(await listed(api, CUSTOMERS, "externalId", filter={"membership": [status]})) is listed_


@pytest.mark.parametrize(
    "filter_",
    [
        {"hasBalance": "GBP"},
        {"balance": {"asset": "GBP", "min": "1"}},
        {"lastActivityAt": {"to": "2026-01-01T00:00:00Z"}},
        {"expiringBefore": "2026-01-01T00:00:00Z"},
        {"tierId": "VGllcjoBmQe1"},
    ],
)
async def test_who_may_not_read_balances_does_not_learn_them_by_a_filter(api: Api, filter_: dict[str, Any]) -> None:
    answer = await api(CUSTOMERS, {"filter": filter_}, role=Role.PARTNER, scopes=[Scope.CUSTOMERS_READ])
    assert answer.codes == ["FORBIDDEN"]
    assert (await api(CUSTOMERS, role=Role.PARTNER, scopes=[Scope.CUSTOMERS_READ])).codes == []


async def test_invoices_are_the_same_wherever_they_hang(api: Api, tenant: Tenant, clock: Clock) -> None:
    ann, bob = await tenant.customer("ann"), await tenant.customer("bob")
    due = tenant.today() + timedelta(days=30)
    await tenant.invoice(ann, "30.00", number="A1", due_on=due + timedelta(days=2))
    await tenant.invoice(ann, "10.00", number="A2", due_on=due, invoice_texts=Texts("PO-7", (("shop", "1"),)))
    clock.advance(days=1)
    began = clock()
    await tenant.invoice(ann, "20.00", number="A3", currency="EUR")
    await tenant.invoice(bob, "40.00", number="B1", due_on=due + timedelta(days=1))

    async def found(*numbers: str, sort: str | None = None, **filter_: Any) -> None:
        asked: dict[str, Any] = {"filter": filter_, "sort": sort}
        assert await listed(api, INVOICES, "number", **asked) == list(numbers)
        own = [number for number in numbers if number.startswith("A")]
        assert await listed(api, INVOICES, "number", customer=gid("Customer", ann), **asked) == own
        assert await listed(api, OF_CUSTOMER, "number", by={"externalId": "ann"}, **asked) == own

    await found("A1", "A2", "A3", "B1")
    await found("A3", "B1", createdAt={"from": began.isoformat()})
    await found("A2", "B1", "A1", sort="DUE_ON")
    await found("B1", "A1", sort="DUE_ON", dueOn={"from": (due + timedelta(days=1)).isoformat()})
    await found("A2", "B1", dueOn={"to": (due + timedelta(days=1)).isoformat()})
    await found("A1", "A2", total={"asset": "GBP", "max": "30.00"})
    await found("A3", total={"asset": "EUR"})
    await found("A2", reference={"exactly": "PO-7"})
    await found("A2", reference={"startsWith": "PO"})
    await found("A2", sort="DUE_ON", reference={"exactly": "PO-7"})
    await found("A2", metadata={"key": "shop"})
    await found("A2", metadata={"key": "shop", "value": "1"})
    await found(metadata={"key": "shop", "value": "2"})
    await found("A1", "A2", "A3", "B1", kind="INVOICE", status=["OPEN", "PART_PAID"])
    await found(kind="ORDER")
    await found(status=["VOID"])
    await found(status=[])
    await tenant.pay(
        (await tenant.rows("SELECT id FROM invoices WHERE tenant_id = $1 AND number = 'A2'"))[0][0], "10.00"
    )
    await found("A2", status=["PAID"])
    await found("B1", "A1", sort="DUE_ON", status=["OPEN", "PART_PAID"])
    await found("A2", sort="DUE_ON", status=["PAID"])
    await found("A2", "B1", "A1", sort="DUE_ON", status=["OPEN", "PART_PAID", "PAID", "VOID"])
    await found(sort="DUE_ON", status=["VOID"])
    await found("A1", "B1", due={"asset": "GBP", "min": "0.01"})


async def test_customers_do_not_find_out_metadata(api: Api, tenant: Tenant) -> None:
    ann = await tenant.customer("ann")
    await tenant.invoice(ann, 1, invoice_texts=Texts(None, (("secret", "1"),)))
    answer = await api.as_customer("ann", INVOICES, {"filter": {"metadata": {"key": "secret"}}})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert (await api.as_customer("ann", INVOICES)).codes == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ('customers(filter: {balance: {asset: "XXX"}})', ["filter", "balance"]),
        ('invoices(filter: {due: {asset: "POUNDS", min: "1"}})', ["filter", "due"]),
        ('customers(filter: {reference: {startsWith: " "}})', ["filter", "reference", "startsWith"]),
        ('customers(reference: {exactly: ""})', ["reference", "exactly"]),
        ('holds(filter: {reference: {exactly: ""}})', ["filter", "reference", "exactly"]),
        ('invoices(filter: {reference: {exactly: ""}})', ["filter", "reference", "exactly"]),
        ('credits(filter: {serviceId: "x"})', ["filter", "serviceId"]),
        ("customers(sortBy: BALANCE)", ["filter"]),
        ('auditTrail(filter: {address: "here"})', ["filter", "address"]),
        ('auditTrail(address: "here")', ["address"]),
        ('auditTrail(filter: {reference: {exactly: ""}})', ["filter", "reference", "exactly"]),
        ('auditTrail(actor: "ann", filter: {actor: "bob"})', ["filter", "actor"]),
        ('auditTrail(first: -1, filter: {actor: "bob"})', ["first"]),
    ],
)
async def test_what_is_wrong_in_a_filter_is_told_by_its_path(api: Api, asked: str, field: list[str]) -> None:
    answer = await api(f"{{ {asked} {{ nodes {{ id }} }} }}")
    assert [error["extensions"]["field"] for error in answer.errors] == [field]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ('{ customer(by: {id: "x"}) { id } }', ["by", "id"]),
        ('{ nodes(ids: ["x"]) { id } }', ["ids", "0"]),
        (f"{{ nodes(ids: {['x'] * 101}) {{ id }} }}".replace("'", '"'), ["ids"]),
    ],
)
async def test_what_is_wrong_in_a_look_up_is_told_by_its_path(api: Api, query: str, field: list[str]) -> None:
    assert [error["extensions"]["field"] for error in (await api(query)).errors] == [field]


async def test_a_key_of_metadata_is_looked_for_as_it_is_kept(api: Api, tenant: Tenant) -> None:
    await tenant.invoice(await tenant.customer("ann"), 1, invoice_texts=Texts(None, (("Caf\u00e9", "1"),)))
    asked = {"metadata": {"key": " Cafe\u0301 ", "value": "1"}}
    assert len((await api(INVOICES, {"filter": asked}))["invoices"]["nodes"]) == 1


CREDITS: Final = """query($filter: CreditFilter, $customer: ID, $sort: CreditSort) {
  credits(filter: $filter, customerId: $customer, sortBy: $sort) { nodes { amount } } }"""
OF_ACCOUNT: Final = """query($by: CustomerBy!, $filter: CreditFilter, $sort: CreditSort) {
  customer(by: $by) { account(asset: "GBP") { credits(filter: $filter, sortBy: $sort) { nodes { amount } } } } }"""


async def test_credits_are_the_same_wherever_they_hang(api: Api, tenant: Tenant, clock: Clock) -> None:
    ann, bob = await tenant.customer("ann"), await tenant.customer("bob")
    await tenant.adjust(ann, "1.00", expires_in_days=9)
    await tenant.adjust(ann, "2.00")
    clock.advance(days=1)
    await tenant.adjust(ann, "3.00", expires_in_days=2)
    await tenant.adjust(bob, "4.00", expires_in_days=4)
    await tenant.adjust(bob, 5, "POINTS")
    soon = (clock() + timedelta(days=6)).isoformat()

    async def found(*amounts: str, sort: str | None = None, **filter_: Any) -> None:
        asked: dict[str, Any] = {"filter": filter_, "sort": sort}
        own = [amount for amount in amounts if amount in ("1.00", "2.00", "3.00")]
        assert await listed(api, CREDITS, "amount", **asked) == list(amounts)
        assert await listed(api, CREDITS, "amount", customer=gid("Customer", ann), **asked) == own
        assert await listed(api, OF_ACCOUNT, "amount", by={"externalId": "ann"}, **asked) == own

    await found("1.00", "2.00", "3.00", "4.00", "5")
    await found("3.00", "4.00", "1.00", sort="EXPIRES_AT")
    await found("3.00", "4.00", sort="EXPIRES_AT", expiresAt={"to": soon})
    await found("3.00", "4.00", expiresAt={"to": soon})
    await found("1.00", "2.00", "3.00", "4.00", asset="GBP", status=["OPEN"])
    await found("2.00", "3.00", amount={"asset": "GBP", "min": "2", "max": "3"})
    await found("4.00", remaining={"asset": "GBP", "min": "4"})
    await found(autoApply=False)
    await found(status=["VOIDED"])
    await found("1.00", "2.00", effectiveOn={"to": (clock() - timedelta(days=1)).date().isoformat()})


LEDGER: Final = """query($filter: LedgerEntryFilter, $customer: ID!) {
  ledger(filter: $filter, customerId: $customer) { nodes { amount } } }"""
BELOW: Final = """query($by: CustomerBy!, $filter: LedgerEntryFilter) { customer(by: $by) {
  ledger(filter: $filter) { nodes { amount } } } }"""
ACCOUNT: Final = """query($by: CustomerBy!, $filter: LedgerEntryFilter) { customer(by: $by) {
  account(asset: "GBP") { ledger(filter: $filter) { nodes { amount } } } } }"""


async def test_entries_are_the_same_wherever_they_hang(api: Api, tenant: Tenant, clock: Clock) -> None:
    ann = await tenant.customer("ann")
    times = []
    posted: tuple[tuple[str, dict[str, Any]], ...] = (
        ("9.00", {"texts": Texts("R-1", (("till", "3"),))}),
        ("-2.00", {}),
        ("5.00", {}),
    )
    for amount, more in posted:
        times.append(clock().isoformat())
        await tenant.adjust(ann, amount, **more)
        clock.advance(days=1)
    await tenant.adjust(ann, 7, "POINTS")

    async def found(*amounts: str, **filter_: Any) -> None:
        own = {"by": {"externalId": "ann"}, "filter": filter_}
        money = [amount for amount in amounts if "." in amount]
        assert await listed(api, LEDGER, "amount", customer=gid("Customer", ann), filter=filter_) == list(amounts)
        assert await listed(api, BELOW, "amount", **own) == list(amounts)
        assert await listed(api, ACCOUNT, "amount", **own) == money

    await found("9.00", "-2.00", "5.00", "7")
    await found("-2.00", "5.00", "7", postedAt={"from": times[1]})
    await found("9.00", "-2.00", postedAt={"to": times[2]})
    await found("-2.00", postedAt={"from": times[1], "to": times[2]})
    await found(postedAt={"to": times[0]})
    await found(postedAt={"from": (clock() + timedelta(days=9)).isoformat()})
    await found("9.00", "-2.00", "5.00", asset="GBP")
    await found("7", asset="POINTS")
    await found("9.00", "5.00", amount={"asset": "GBP", "min": "0"})
    await found("-2.00", amount={"asset": "GBP", "max": "-0.01"})
    await found("-2.00", reason="POLICY")
    await found("9.00", "5.00", "7", reason="GOODWILL", kind=["ADJUSTMENT"])
    await found(kind=["EXPIRY"])
    await found("9.00", reference={"exactly": "R-1"})
    await found("9.00", reference={"startsWith": "R"}, metadata={"key": "till", "value": "3"})


async def test_approvals_bulks_coupons_and_holds(api: Api, tenant: Tenant, clock: Clock) -> None:
    ann = await tenant.customer("ann")
    staff = Actor("sam@staff", "STAFF")
    await tenant.adjust(ann, "5.00", actor=staff, propose_only=True)
    await tenant.bulk((ann, 3))
    reward = await tenant.reward(0)
    await tenant.give(ann, reward)
    await tenant.adjust(ann, "50.00")
    now, later = clock().isoformat(), (clock() + timedelta(days=1)).isoformat()

    async def number(query: str) -> int:
        answer = await api(f"{{ {query} }}")
        assert answer.data is not None
        assert not answer.errors, answer.errors
        found: Any = answer.data
        while "totalCount" not in found:
            (found,) = found.values()
        assert found["totalCount"] == len(found["nodes"])
        return len(found["nodes"])

    shown = "{ totalCount nodes { id } }"
    for filter_, found in (
        ("status: [PENDING]", 1),
        ("status: [REJECTED]", 0),
        ('requestedBy: "sam@staff"', 1),
        ('requestedBy: "x"', 0),
        ("operation: [ADJUST_CREDIT]", 1),
        ("operation: [GIVE_REWARD]", 0),
        (f'createdAt: {{from: "{later}"}}', 0),
    ):
        assert await number(f"approvalRequests(filter: {{{filter_}}}) {shown}") == found, filter_
    for filter_, found in (
        ("status: [QUEUED, RUNNING]", 0),
        ("status: [COMPLETED]", 1),
        ('asset: "POINTS"', 1),
        ('asset: "GBP"', 0),
        ('sentBy: "x"', 0),
        (f'createdAt: {{to: "{later}"}}', 1),
    ):
        assert await number(f"bulkOperations(filter: {{{filter_}}}) {shown}") == found, filter_
    for filter_, found in (
        ("status: [ISSUED]", 1),
        ("status: [USED]", 0),
        (f'rewardId: "{gid("Reward", reward)}"', 1),
        (f'rewardId: "{gid("Customer", ann)}"', 0),
        (f'issuedAt: {{from: "{later}"}}', 0),
    ):
        query = f'customer(by: {{externalId: "ann"}}) {{ coupons(filter: {{{filter_}}}) {shown} }}'
        assert await number(query) == found, filter_
    for filter_, found in (("status: [HELD]", 0), ('asset: "GBP"', 0), (f'createdAt: {{from: "{now}"}}', 0)):
        assert await number(f"holds(filter: {{{filter_}}}) {shown}") == found, filter_


async def test_the_audit_says_the_same_by_filter_as_by_arguments(api: Api, tenant: Tenant) -> None:
    ann = await tenant.customer("ann")
    await tenant.adjust(ann, "5.00")
    await tenant.adjust(ann, "6.00", reason="PROMOTION")
    query = "{ auditTrail(%s) { nodes { amount } } }"
    for arguments in ('reason: "PROMOTION"', 'minAmount: "6"', "kind: [ADJUSTMENT]", 'actor: "nobody"'):
        beside = (await api(query % arguments))["auditTrail"]
        assert (await api(query % f"filter: {{{arguments}}}"))["auditTrail"] == beside
    assert await listed(api, query % 'filter: {at: {to: "2020-01-01T00:00:00Z"}}', "amount") == []
    answer = await api(query % 'reason: "A", filter: {reason: "A"}')
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "reason" in answer.errors[0]["message"]


def test_every_filter_says_what_an_index_serves() -> None:
    filters = {
        name: type_
        for name, type_ in SCHEMA.graphql.type_map.items()
        if name.endswith("Filter") and isinstance(type_, GraphQLInputObjectType)
    }
    assert len(filters) >= 9
    for name, type_ in filters.items():
        assert type_.description is not None
        assert name == "AuditFilter" or ("Served by an index: " in type_.description and "refused" in type_.description)

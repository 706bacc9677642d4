"""What holds for every mutation: malformed input, several in one request, payloads that need no reading."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise import connections

from auth.roles import Role
from models.session import CONNECTION_NAME
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

ADJUST = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed userErrors { code field message available remaining { scope } row }
  transaction { id kind note actor { subject role name } createdAt } account { id asset available scheduled lifetime }
  credit { id amount remaining status effectiveOn expiresAt autoApply } approvalRequest { id } } }"""

LONG = "x" * 1_000_000


def adjusting(customer: UUID, amount: str = "2.50", **more: Any) -> dict[str, Any]:
    return {
        "input": {
            "customerId": gid("Customer", customer),
            "asset": "GBP",
            "amount": amount,
            "reason": "CORRECTION",
            "idempotencyKey": "k",
            **more,
        }
    }


def mutation(field: str) -> str:
    kind = field[0].upper() + field[1:]
    return f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code field }} }} }}"


async def test_a_payload_is_known_without_reading(api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    carol = await tenant.customer()
    await api(ADJUST, adjusting(carol, note="sorry", idempotencyKey="before"))
    reads: list[str] = []
    original = asyncpg.Connection.execute

    def noting(self: Any, query: str, *args: Any, **more: Any) -> Any:
        reads.extend([query] if "READ ONLY" in query else [])
        return original(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "execute", noting)
    payload = (await api(ADJUST, adjusting(carol, note="sorry")))["adjustCredit"]

    assert reads == []
    assert (payload["userErrors"], payload["replayed"]) == ([], False)
    assert (payload["transaction"]["kind"], payload["transaction"]["note"]) == ("ADJUSTMENT", "sorry")
    assert payload["transaction"]["actor"] == {"subject": "admin@test", "role": "ADMIN", "name": "Admin of the test"}
    assert payload["account"]["available"] == "5.00"
    assert payload["credit"]["status"] == "OPEN"


async def test_a_replay_reads_what_is_there(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    first = (await api(ADJUST, adjusting(carol)))["adjustCredit"]
    async with tenant.nothing_moves():
        again = (await api(ADJUST, adjusting(carol)))["adjustCredit"]
        other = (await api(ADJUST, adjusting(carol, "2.51")))["adjustCredit"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert {name: again[name] for name in ("transaction", "account", "credit")} == {
        name: first[name] for name in ("transaction", "account", "credit")
    }
    assert other["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_several_in_one_request_see_their_own_writes_and_none_hides_another(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    query = """mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!, $c: AdjustCreditInput!) {
      a: adjustCredit(input: $a) { account { available customer { balances { available } } } userErrors { code } }
      b: adjustCredit(input: $b) { account { available } userErrors { code available } }
      c: adjustCredit(input: $c) { account { available ledger(last: 1) { edges { node { sequence } } } customer {
         account(asset: "GBP") { available } } } userErrors { code } } }"""
    inputs = {
        name: adjusting(carol, amount, idempotencyKey=name)["input"]
        for name, amount in (("a", "10.00"), ("b", "-20.00"), ("c", "-4.00"))
    }
    answer = await api(query, inputs)

    assert answer["a"] == {
        "account": {"available": "10.00", "customer": {"balances": [{"available": "10.00"}]}},
        "userErrors": [],
    }
    assert answer["b"] == {"account": None, "userErrors": [{"code": "INSUFFICIENT_BALANCE", "available": "10.00"}]}
    assert answer["c"]["account"] == {
        "available": "6.00",
        "ledger": {"edges": [{"node": {"sequence": 2}}]},
        "customer": {"account": {"available": "6.00"}},
    }


async def test_a_denied_field_does_not_hide_what_another_posted(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    query = """mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!) {
      a: adjustCredit(input: $a) { account { available } } b: adjustCredit(input: $b) { account { available } } }"""
    inputs = {"a": adjusting(carol, "1.00", idempotencyKey="a")["input"], "b": adjusting(carol, "-1.00")["input"]}
    answer = await api(query, inputs, role=Role.STAFF)
    assert answer.data == {"a": {"account": {"available": "1.00"}}, "b": None}
    assert answer.codes == ["FORBIDDEN"]


async def test_no_connection_is_held_while_a_posting_is_waited_for(api: Api, tenant: Tenant) -> None:
    """More requests than the pool has connections, each of which read before it posts."""
    carol = await tenant.customer()
    query = """mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!) {
      a: adjustCredit(input: $a) { account { ledger { edges { cursor } } } userErrors { code } }
      b: adjustCredit(input: $b) { account { ledger { edges { cursor } } } userErrors { code } } }"""

    async def send(n: int) -> list[Any]:
        inputs = {name: adjusting(carol, idempotencyKey=f"{name}-{n}")["input"] for name in ("a", "b")}
        answer = await api(query, inputs)
        return [*answer["a"]["userErrors"], *answer["b"]["userErrors"]]

    pool: Any = connections.get(CONNECTION_NAME)
    assert await asyncio.wait_for(asyncio.gather(*map(send, range(40))), timeout=30) == [[]] * 40
    assert pool._pool.get_idle_size() == pool._pool.get_size()


async def test_the_connection_comes_back_whatever_happens(api: Api, tenant: Tenant) -> None:
    pool: Any = connections.get(CONNECTION_NAME)
    await tenant.customer("carol")
    for query in (
        "{ customers { edges { node { balances { id } } } } }",
        "{ customers { edges { node { balances { id } } } } liability { asset } customer(by: {id: 1}) { id } }",
        '{ a: customers { edges { cursor } } b: customers(after: "x") { edges { cursor } } }',
    ):
        await api(query)
        assert pool._pool.get_idle_size() == pool._pool.get_size()


BAD: list[tuple[str, dict[str, Any], list[str]]] = [
    ("adjustCredit", {"customerId": "x"}, ["NOT_FOUND", "customerId"]),
    ("adjustCredit", {"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ("adjustCredit", {"idempotencyKey": "k" * 256}, ["INVALID", "idempotencyKey"]),
    ("adjustCredit", {"idempotencyKey": "k\x00"}, ["INVALID", "idempotencyKey"]),
    ("adjustCredit", {"idempotencyKey": "bulk:0197aaaa-bbbb-7ccc-8ddd-eeeeffff0001:1"}, ["INVALID", "idempotencyKey"]),
    ("adjustCredit", {"note": LONG}, ["INVALID", "note"]),
    ("adjustCredit", {"note": "a\x00b"}, ["INVALID", "note"]),
    ("adjustCredit", {"reason": LONG}, ["INVALID", "reason"]),
    ("adjustCredit", {"reason": "\x00"}, ["INVALID", "reason"]),
    ("adjustCredit", {"creditId": "?", "amount": "-1.00"}, ["NOT_FOUND", "creditId"]),
    ("adjustCredit", {"serviceIds": ["?"]}, ["NOT_FOUND", "serviceIds", "0"]),
    ("adjustCredit", {"expiresInDays": -1}, ["INVALID", "expiresInDays"]),
    ("adjustCredit", {"expiresInDays": 2**31 - 1}, ["INVALID", "expiresInDays"]),
    ("adjustCredit", {"effectiveOn": "9999-12-30"}, ["INVALID", "effectiveOn"]),
    ("adjustCredit", {"expiresAt": "9999-12-30T00:00:00Z"}, ["INVALID", "expiresAt"]),
    ("adjustCredit", {"effectiveOn": "0001-01-02"}, ["INVALID", "effectiveOn"]),
    ("adjustCredit", {"amount": "9999999999999999.9999"}, ["AMOUNT_PRECISION", "amount"]),
    ("adjustCredit", {"amount": "9999999999999999"}, ["AMOUNT_OUT_OF_RANGE", "amount"]),
    ("bulkCredit", {"items": []}, ["INVALID", "items"]),
    ("bulkCredit", {"items": [{"customerId": "x", "amount": "1.00"}]}, ["NOT_FOUND", "items", "0", "customerId"]),
    ("bulkCredit", {"reason": "\x00"}, ["INVALID", "reason"]),
    ("bulkCredit", {"note": LONG}, ["INVALID", "note"]),
    ("bulkCredit", {"idempotencyKey": ""}, ["INVALID", "idempotencyKey"]),
    ("bulkCredit", {"asset": "XYZ"}, ["INVALID", "asset"]),
    ("assignCredit", {"creditId": "x"}, ["NOT_FOUND", "creditId"]),
    ("assignCredit", {"assignments": [{"invoiceId": "x"}]}, ["NOT_FOUND", "assignments", "0", "invoiceId"]),
    ("assignCredit", {"assignments": []}, ["INVALID", "assignments"]),
    ("assignCredit", {"idempotencyKey": ""}, ["INVALID", "idempotencyKey"]),
    ("giveReward", {"customerId": "x"}, ["NOT_FOUND", "customerId"]),
    ("giveReward", {"rewardId": "x"}, ["NOT_FOUND", "rewardId"]),
    ("giveReward", {"note": "\x00"}, ["INVALID", "note"]),
    ("giveReward", {"idempotencyKey": "\t"}, ["INVALID", "idempotencyKey"]),
    ("upsertCustomer", {"externalId": ""}, ["INVALID", "externalId"]),
    ("upsertCustomer", {"externalId": "x" * 256}, ["INVALID", "externalId"]),
    ("upsertCustomer", {"name": "\x00"}, ["INVALID", "name"]),
    ("upsertCustomer", {"name": LONG}, ["INVALID", "name"]),
    ("upsertCustomer", {"email": "no address"}, ["INVALID", "email"]),
    ("createInvoice", {"customerId": "x"}, ["NOT_FOUND", "customerId"]),
    ("createInvoice", {"number": ""}, ["INVALID", "number"]),
    ("createInvoice", {"number": "n" * 65}, ["INVALID", "number"]),
    ("createInvoice", {"currency": "POINTS"}, ["CURRENCY_MISMATCH", "currency"]),
    ("createInvoice", {"lines": []}, ["INVALID", "lines"]),
    (
        "createInvoice",
        {"lines": [{"description": "\x00", "quantity": 1, "unitPrice": "1.00"}]},
        ["INVALID", "lines", "0", "description"],
    ),
    ("createInvoice", {"issuedOn": "9999-12-30"}, ["INVALID", "issuedOn"]),
    ("createInvoice", {"idempotencyKey": ""}, ["INVALID", "idempotencyKey"]),
    ("recordPayment", {"invoiceId": "x"}, ["NOT_FOUND", "invoiceId"]),
    ("recordPayment", {"amount": "-1.00"}, ["INVALID", "amount"]),
    ("recordPayment", {"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
    ("recordPayment", {"receivedOn": "9999-12-30"}, ["INVALID", "receivedOn"]),
    ("recordPayment", {"idempotencyKey": ""}, ["INVALID", "idempotencyKey"]),
]


@pytest.mark.parametrize(("field", "change", "expected"), BAD, ids=lambda value: str(value)[:50])
async def test_bad_input_is_a_user_error_and_moves_nothing(
    api: Api, tenant: Tenant, field: str, change: dict[str, Any], expected: list[str]
) -> None:
    carol = await tenant.customer("carol")
    credit = await tenant.adjust(carol, "5.00")
    invoice = await tenant.invoice(carol, "9.00", auto_apply=False)
    customer, key = gid("Customer", carol), {"idempotencyKey": "k"}
    inputs: dict[str, dict[str, Any]] = {
        "adjustCredit": adjusting(carol)["input"],
        "bulkCredit": {
            "items": [{"customerId": customer, "amount": "1.00"}],
            "asset": "GBP",
            "reason": "CORRECTION",
            **key,
        },
        "assignCredit": {
            "creditId": gid("Credit", credit.credit_id),
            "assignments": [{"invoiceId": gid("Invoice", invoice)}],
            **key,
        },
        "giveReward": {
            "customerId": customer,
            "rewardId": gid("Reward", await tenant.reward(1, name="Mug")),
            "deductPoints": False,
            **key,
        },
        "upsertCustomer": {"externalId": "dave", "name": "Dave"},
        "createInvoice": {
            "customerId": customer,
            "number": "N",
            "currency": "GBP",
            "lines": [{"description": "x", "quantity": 1, "unitPrice": "1.00"}],
            **key,
        },
        "recordPayment": {"invoiceId": gid("Invoice", invoice), "amount": "1.00", "method": "CASH", **key},
    }
    async with tenant.nothing_moves():
        payload = (await api(mutation(field), {"input": {**inputs[field], **change}}))[field]
    assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 1.5},
        {"amount": "1e3"},
        {"amount": None},
        {"asset": "gbp"},
        {"effectiveOn": "tomorrow"},
        {"expiresAt": "2030-01-01T00:00:00"},
        {"expiresInDays": 2**31},
        {"nonsense": 1},
        {"idempotencyKey": None},
    ],
    ids=str,
)
async def test_what_is_of_no_type_is_refused_before_anything_runs(
    api: Api, tenant: Tenant, change: dict[str, Any]
) -> None:
    carol = await tenant.customer()
    async with tenant.nothing_moves():
        answer = await api(ADJUST, adjusting(carol, **change))
    assert (answer.codes, answer.data) == (["BAD_USER_INPUT"], None)

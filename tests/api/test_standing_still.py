"""Lists that are followed and instants that have passed, over the API and beside postings under way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type

from app.postgres.embedded import Urls
from app.tokens.partners import PartnerTokenVerifier
from auth.roles import Role
from gateway.documents import DocumentCache
from models import session as models_session
from models.commands import BulkCredit, BulkItem
from models.ledger import Ledger
from models.money import to_decimal
from models.operations.bulk_credit import bulk_credit
from models.reads import session as reading
from models.session import tenant_transaction
from models.sources import system_clock
from schema.root import FOLLOWS
from tests.api.conftest import Api, bearer, gid, serving, token_verifier
from tests.support.clock import Clock
from tests.support.schema import SCHEMA
from tests.support.tenants import ADMIN, Tenant, make_tenant

ROWS: Final = 1_000
FOLLOW: Final = """query($after: String) {
  auditTrail(first: 100, after: $after) { edges { node { transaction { id } } } pageInfo { hasNextPage endCursor } } }"""
THE_PAST: Final = """query($account: ID!, $customer: ID!, $at: DateTime!) {
  node(id: $account) { ... on Account { balanceAt(at: $at)
    ledger(filter: {postedAt: {to: $at}}, last: 3) { edges { node { sequence } } }
    credits(filter: {openedAt: {to: $at}}, last: 3) { totalCount edges { node { id } } }
    balanceExplanation(at: $at) { ledgerBalance entries(last: 3) { edges { node { sequence } } } } } }
  statement(customerId: $customer, asset: "POINTS", to: $at) { closingBalance
    entries(last: 3) { edges { node { sequence } } } }
  liability(at: $at) { asset outstanding accounts byExpiryMonth { month outstanding } bySource { kind reason outstanding } }
  trialBalance(at: $at) { asset accounts counters { counter amount } }
  credits(filter: {openedAt: {to: $at}}, last: 3) { edges { node { id } } }
  ledger(customerId: $customer, to: $at, last: 3) { edges { node { sequence } } pageInfo { hasPreviousPage } }
  auditTrail(to: $at, last: 5) { edges { node { at transaction { id } } } } }"""


@pytest.fixture
async def real(database: Urls) -> AsyncIterator[Ledger]:
    """Its rows carry the database's time."""
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def live(real: Ledger) -> AsyncIterator[Api]:
    partner_tokens = PartnerTokenVerifier(real)
    async with serving(real, token_verifier(), partner_tokens) as client:
        yield Api(client, await make_tenant(real), Clock())
    await partner_tokens.settle()


async def bulk(tenant: Tenant, ledger: Ledger, *items: BulkItem) -> None:
    """In one posting."""
    command = BulkCredit(items, "POINTS", "PROMOTION", allow_duplicate_customers=True)
    await bulk_credit(ledger, tenant.id, ADMIN, command, tenant.key())


async def follow(api: Api, seen: list[str], load: "asyncio.Task[None]") -> None:
    after: str | None = None
    while True:
        over = load.done()
        page = (await api(FOLLOW, {"after": after}))["auditTrail"]
        seen += [edge["node"]["transaction"]["id"] for edge in page["edges"] if edge["node"]["transaction"]]
        after = page["pageInfo"]["endCursor"] or after
        if over and not page["pageInfo"]["hasNextPage"]:
            return


async def test_the_audit_trail_is_followed_by_its_end_cursor(live: Api) -> None:
    tenant, elsewhere = live.tenant, Ledger()
    anna, ben = await tenant.customer("anna"), await tenant.customer("ben")
    one = BulkItem(ben, to_decimal(1, "POINTS"))

    async def load() -> None:
        big = asyncio.create_task(bulk(tenant, elsewhere, *[one] * ROWS))
        while not big.done():
            await tenant.adjust(anna, "1.00")
        await big

    seen: list[str] = []
    loading = asyncio.create_task(load())
    await follow(live, seen, loading)
    await loading
    await elsewhere.close()
    posted = await tenant.fetch("select id from transactions where tenant_id = $1")
    assert len(posted) > ROWS
    assert sorted(seen) == sorted(gid("Transaction", row["id"]) for row in posted)


async def test_the_past_answers_the_same_when_it_is_asked_again(live: Api) -> None:
    tenant, elsewhere = live.tenant, Ledger()
    anna = await tenant.customer("anna")
    account = (await tenant.adjust(anna, "5", "POINTS")).account_id
    names = {"account": gid("Account", account), "customer": gid("Customer", anna)}
    one = BulkItem(anna, to_decimal(1, "POINTS"))

    told: dict[str, Any] = {}

    async def load() -> None:
        while len(told) < 8:
            await bulk(tenant, elsewhere, *[one] * (ROWS // 10))

    loading = asyncio.create_task(load())
    while not loading.done():
        at = (system_clock() - timedelta(milliseconds=50)).isoformat()
        answer = await live(THE_PAST, {**names, "at": at})
        assert not answer.errors
        told[at] = answer.data
    await loading
    await elsewhere.close()
    for at, before in told.items():
        assert (await live(THE_PAST, {**names, "at": at})).data == before
    statement = f"/statements/{names['customer']}.csv"
    ends = [
        (await live.client.get(statement, params={"to": at}, headers=live_token(live))).text.splitlines()[-1]
        for at in told
    ]
    assert [line.split(",")[6] for line in ends] == [each["statement"]["closingBalance"] for each in told.values()]


def live_token(api: Api) -> dict[str, str]:
    return {"authorization": bearer(api.tenant.slug, Role.ADMIN)}


async def test_an_instant_is_waited_for_only_if_somebody_can_still_change_it(
    live: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_SETTLING_SECONDS", 0.1)
    query = "query($at: DateTime) { trialBalance(at: $at) { asset } }"
    earlier = system_clock().isoformat()
    async with tenant_transaction(live.tenant.id) as connection:
        at = (await connection.raw.fetchval("select clock_timestamp()")).isoformat()
        await asyncio.sleep(0.01)
        answer = await live(query, {"at": at})
        assert answer.codes == ["BUSY"]
        assert "under way" in answer.errors[0]["message"]
        ahead = (system_clock() + timedelta(hours=1)).isoformat()
        for fine in (earlier, ahead, None):
            assert (await live(query, {"at": fine}))["trialBalance"] == []
    assert (await live(query, {"at": at}))["trialBalance"] == []


async def test_the_file_says_so_too(live: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SETTLING_SECONDS", 0.1)
    path = f"/statements/{gid('Customer', await live.tenant.customer())}.csv"
    async with tenant_transaction(live.tenant.id) as connection:
        at = (await connection.raw.fetchval("select clock_timestamp()")).isoformat()
        await asyncio.sleep(0.01)
        answer: httpx.Response = await live.client.get(path, params={"to": at}, headers=live_token(live))
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "BUSY"


UP_TO: Final = """query($account: ID!, $at: DateTime!) {
  node(id: $account) { ... on Account { ledger(filter: {postedAt: {to: $at}}) { edges { node { sequence } } } } }
  invoices(filter: {createdAt: {to: $at}}) { edges { node { id } } }
  ahead: invoices(filter: {createdAt: {from: $at}}) { edges { node { id } } }
  credits(filter: {expiresAt: {to: $at}}) { edges { node { id } } }
  customers { edges { node { externalId } } } }"""


async def test_lists_up_to_an_instant_say_so_and_no_others(live: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SETTLING_SECONDS", 0.1)
    account = (await live.tenant.adjust(await live.tenant.customer("anna"), 1)).account_id
    async with tenant_transaction(live.tenant.id) as connection:
        at = (await connection.raw.fetchval("select clock_timestamp()")).isoformat()
        await asyncio.sleep(0.01)
        asked = {"account": gid("Account", account), "at": at}
        answer = await live(UP_TO, asked)
        told = {(error["path"][0], error["extensions"]["code"]) for error in answer.errors}
        assert told == {("node", "BUSY"), ("invoices", "BUSY")}
        assert answer.data is not None
        assert (answer.data["ahead"], answer.data["credits"]) == ({"edges": []}, {"edges": []})
        assert answer.data["customers"]["edges"] == [{"node": {"externalId": "anna"}}]
    assert not (await live(UP_TO, asked)).errors


ASKS_NOTHING: Final = "{ customers(first: 5) { edges { node { externalId balances { available } } } } }"


@pytest.mark.parametrize(
    ("query", "asks"),
    [
        (ASKS_NOTHING, False),
        ("{ customers { pageInfo { hasNextPage } } }", False),
        ("{ customers { pageInfo { endCursor } } }", True),
        ("{ customers { pageInfo { x: startCursor } } }", True),
        ("{ customers { edges { cursor } } }", True),
        ('{ trialBalance(at #\n : "2026-01-01T00:00:00Z") { asset } }', True),
    ],
)
async def test_only_who_wants_cursors_or_the_past_asks_how_far_things_are_settled(
    live: Api, monkeypatch: pytest.MonkeyPatch, query: str, asks: bool
) -> None:
    opened: list[Any] = []
    original = models_session.TenantConnection.__init__

    def counted(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        opened.append(self)

    monkeypatch.setattr(models_session.TenantConnection, "__init__", counted)
    await live.tenant.customer()
    opened.clear()
    answer = await live(query)
    assert not answer.errors
    assert any(connection.settled is not None for connection in opened) is asks


def test_no_cursor_and_no_instant_is_named_otherwise() -> None:
    """What a document is judged by (schema/root.py) covers every cursor and instant that the schema has."""
    cache = DocumentCache(SCHEMA.graphql, SCHEMA.documents.limits, (), FOLLOWS)

    def follows(word: str) -> bool:
        return cache.get(f"query {{ viewer {{ subject }} }} # {word}\n").follows

    assert not follows("first")
    for field, name in fields():
        if "cursor" in name.lower():
            assert follows(name)
        for argument, of in field.args.items():
            kind = get_named_type(of.type).name
            if argument in ("after",) or (kind == "DateTime" and argument != "until"):
                assert follows(argument), argument


def fields() -> list[tuple[GraphQLField, str]]:
    return [
        (field, name)
        for of in SCHEMA.graphql.type_map.values()
        if isinstance(of, GraphQLObjectType) and not of.name.startswith("__")
        for name, field in of.fields.items()
    ]


async def test_a_report_waits_for_others_and_not_for_ever(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports share a quarter of the connections; what is no report has nothing to wait for."""
    monkeypatch.setattr(reading, "SEARCHING_SECONDS", 0.05)
    held = [reading.ReadSession(api.tenant.id, searches=True) for _ in range(max(models_session.pool_size() // 4, 1))]
    for session in held:
        await session.fetch("select 1 where $1::uuid is not null")
    try:
        answer = await api("{ trialBalance { asset } }")
        assert [error["extensions"]["code"] for error in answer.errors] == ["BUSY"]
        assert "Too many reports" in answer.errors[0]["message"]
        assert (await api("{ customers(first: 1) { edges { node { id } } } }"))["customers"]["edges"] == []
    finally:
        for session in held:
            await session.close()
    assert (await api("{ trialBalance { asset } }"))["trialBalance"] == []

"""The page at `/`: what it shows to whom, and that everything on it works."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.graphql import graphql_view
from app.postgres.embedded import Urls
from app.sample import demo
from app.sample.pages.examples import examples
from app.sample.pages.front import front_page, is_local
from app.sample.pages.sample import sample_ids
from app.sample.shop import subject_of
from app.sample.tokens import demo_tokens
from app.settings import Settings
from auth.backend import authentication
from auth.keys import SharedSecret
from auth.roles import Role
from auth.tokens import TokenVerifier
from models.ledger import Ledger
from models.reads.tenants import TenantDirectory
from models.session import tenant_id_of
from tests.support.schema import SCHEMA

SECRET: Final = "a secret for tests alone, and long enough"
HEADLINES: Final = (
    "viewer",
    "customers",
    "balances",
    "ledger",
    "invoices",
    "liability",
    "previewAdjustment",
    "adjustCredit",
    "bulkCredit",
    "assignCredit",
    "giveReward",
    "createInvoice",
    "recordPayment",
    "limitRules",
    "setLimit",
    "adjustCredit, over the limit",
    "approvalRequests",
    "approveRequest",
    "issueToken",
    "partnerTokens",
    "auditTrail",
)


def now() -> datetime:
    return datetime.now(UTC)


def settings(urls: Urls, **more: Any) -> Settings:
    return Settings(database_url=urls.app, jwt_secret=SECRET, **{"sample": True, **more})


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    await demo.load_demo(ledger, lambda _: None)
    yield ledger
    await ledger.close()


def client_of(ledger: Ledger, settings: Settings, host: str = "localhost:8000") -> httpx.AsyncClient:
    verifier = TokenVerifier(SharedSecret(SECRET), "scrip", "scrip", now)
    routes = [Route("/graphql", graphql_view(SCHEMA, ledger, TenantDirectory())), *front_page(settings, now, uuid4)]
    app = Starlette(routes=routes, middleware=[authentication(verifier)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


async def page_of(ledger: Ledger, settings: Settings, host: str = "localhost:8000") -> httpx.Response:
    async with client_of(ledger, settings, host) as client:
        return await client.get("/examples")


def tokens_on(page: str) -> dict[str, str]:
    found = re.findall(r'data-token-of="(\w+)">([^<]+)<', page)
    return dict(found)


def examples_on(page: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, query and variables of each, as a browser would read them."""
    found = re.findall(
        r'<h4>(.*?)</h4>.*?class="query"[^>]*>(.*?)</pre>.*?<textarea[^>]*>(.*?)</textarea>', page, re.DOTALL
    )
    return [(unescape(name), unescape(query), json.loads(unescape(variables))) for name, query, variables in found]


async def test_every_example_runs_and_answers(ledger: Ledger, database: Urls) -> None:
    async with client_of(ledger, settings(database)) as client:
        page = (await client.get("/examples")).text
        examples = examples_on(page)
        assert not set(HEADLINES) - {name for name, _, _ in examples}
        for name, query, variables in examples:
            answer = await client.post(
                "/graphql",
                json={"query": query, "variables": variables},
                headers={"authorization": f"Bearer {tokens_on(page)['admin']}"},
            )
            body = answer.json()
            assert "errors" not in body, (name, body)
            for field, value in body["data"].items():
                assert value not in (None, []), (name, field)
                if isinstance(value, dict):
                    assert not value.get("userErrors"), (name, value)


async def run_example(client: httpx.AsyncClient, page: str, name: str, role: str, **more: Any) -> dict[str, Any]:
    """What the example answers to that role, with more in its input."""
    ((query, variables),) = [(query, variables) for found, query, variables in examples_on(page) if found == name]
    if more:
        variables["input"] |= more
    headers = {"authorization": f"Bearer {tokens_on(page)[role]}"}
    answer = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    body: dict[str, Any] = answer.json()
    return body


async def money_of_regular(client: httpx.AsyncClient, page: str) -> Decimal:
    answer = await run_example(client, page, "balances", "admin")
    (money,) = [balance for balance in answer["data"]["balances"] if balance["asset"] == "GBP"]
    return Decimal(money["available"])


async def test_staff_ask_and_a_manager_approves(ledger: Ledger, database: Urls) -> None:
    """As the hints say it: nothing moves before that, and whoever asked may not."""
    async with client_of(ledger, settings(database)) as client:
        page = (await client.get("/examples")).text
        before = await money_of_regular(client, page)
        asked = (await run_example(client, page, "adjustCredit, over the limit", "staff"))["data"]["adjustCredit"]
        assert asked["transaction"] is None
        request = asked["approvalRequest"]
        assert request["status"] == "PENDING"
        refused = await run_example(client, page, "approveRequest", "staff", requestId=request["id"])
        assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]
        assert await money_of_regular(client, page) == before
        answer = await run_example(client, page, "approveRequest", "manager", requestId=request["id"])
        approved = answer["data"]["approveRequest"]
        assert approved["replayed"] is False
        assert approved["transaction"]["actor"] == {"subject": subject_of("staff"), "role": "STAFF"}
        assert approved["transaction"]["approvedBy"] == {"subject": subject_of("manager"), "role": "MANAGER"}
        assert Decimal(approved["account"]["available"]) - before == Decimal("150.00")


async def test_the_page_offers_a_request_that_waits(ledger: Ledger, database: Urls) -> None:
    """And it is a whole page where nobody has asked for anything yet."""
    async with client_of(ledger, settings(database)) as client:
        page = (await client.get("/examples")).text
        await run_example(client, page, "adjustCredit, over the limit", "staff")
        page = (await client.get("/examples")).text
        approved = (await run_example(client, page, "approveRequest", "manager"))["data"]["approveRequest"]
        assert approved["replayed"] is False
        assert approved["approvalRequest"]["status"] == "APPROVED"
    tenant_id = await tenant_id_of(demo.TENANT)
    assert tenant_id is not None
    ids = await sample_ids(tenant_id)
    assert ids is not None
    shown = examples(replace(ids, request=None), "key")
    assert [[example.name for example in group] for group in shown.values()] == [
        [example.name for example in group] for group in examples(ids, "key").values()
    ]


async def test_the_secret_of_a_partner_s_token_is_told_once(ledger: Ledger, database: Urls) -> None:
    async with client_of(ledger, settings(database)) as client:
        page = (await client.get("/examples")).text
        first = (await run_example(client, page, "issueToken", "admin"))["data"]["issueToken"]
        assert first["secret"]
        again = (await run_example(client, page, "issueToken", "admin"))["data"]["issueToken"]
        assert again["secret"] is None
        assert [error["code"] for error in again["userErrors"]] == ["DUPLICATE"]
        listed = json.dumps(await run_example(client, page, "partnerTokens", "manager"))
    assert first["token"]["name"] in listed
    assert first["secret"] not in listed


async def test_a_page_loaded_again_has_new_keys(ledger: Ledger, database: Urls) -> None:
    def key_on(page: httpx.Response) -> str:
        (variables,) = [variables for name, _, variables in examples_on(page.text) if name == "adjustCredit"]
        key: str = variables["input"]["idempotencyKey"]
        return key

    assert key_on(await page_of(ledger, settings(database))) != key_on(await page_of(ledger, settings(database)))


async def test_there_is_a_working_token_for_each_role(ledger: Ledger, database: Urls) -> None:
    async with client_of(ledger, settings(database)) as client:
        tokens = tokens_on((await client.get("/examples")).text)
        assert set(tokens) == {role.value for role in Role}
        for role, token in tokens.items():
            query = "{ viewer { role tenant { name } customer { externalId } } }"
            headers = {"authorization": f"Bearer {token}"}
            answer = (await client.post("/graphql", json={"query": query}, headers=headers)).json()
            own = {"externalId": demo.REGULAR} if role == "customer" else None
            assert answer == answer | {
                "data": {"viewer": {"role": role.upper(), "tenant": {"name": demo.TENANT_NAME}, "customer": own}}
            }


async def test_it_tells_what_runs_and_the_sample_s_figures(ledger: Ledger, database: Urls) -> None:
    page = (await page_of(ledger, settings(database))).text
    for shown in ("embedded", "<dd>demo</dd>", "£163,770.73", "£2,644.85", "401 in number", "These tokens exist only"):
        assert shown in page
    assert re.search(r"PostgreSQL \d+\.\d+, embedded", page)


async def test_without_the_sample_there_is_nothing_but_what_runs(ledger: Ledger, database: Urls) -> None:
    page = await page_of(ledger, settings(database, sample=False))
    assert page.status_code == 200
    assert "Version" in page.text
    for hidden in ("token-of", "eyJ", "PostgreSQL 1", "£", "<form"):
        assert hidden not in page.text


@pytest.mark.parametrize("host", ["scrip.example", "localhost.example:8000", "127.0.0.1.example", "", "a:b"])
async def test_under_another_name_it_gives_no_tokens(ledger: Ledger, database: Urls, host: str) -> None:
    async with client_of(ledger, settings(database)) as client:
        page = await client.get("/examples", headers={"host": host})
    assert page.status_code == 200
    assert "£163,770.73" in page.text
    assert tokens_on(page.text) == {}
    assert "eyJ" not in page.text


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "192.168.1.5", "[::1]:8000", "[::1]"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_local(host)


async def test_the_editor_offers_what_the_page_does(ledger: Ledger, database: Urls) -> None:
    async with client_of(ledger, settings(database)) as client:
        page = (await client.get("/examples")).text
        offers = await client.get("/page/offers.json")
    assert offers.headers["cache-control"] == "no-store"
    told = offers.json()
    assert [one["role"] for one in told["tokens"]] == list(tokens_on(page))
    assert [one["query"] for one in told["examples"]] == [query for _, query, _ in examples_on(page)]
    assert {one["group"] for one in told["examples"]} == {"Questions", "Changes", "Limits, approvals, partners, audit"}


@pytest.mark.parametrize(
    ("more", "host"),
    [({}, "evil.example"), ({"host": "192.0.2.1"}, "localhost:8000"), ({"sample": False}, "localhost")],
)
async def test_it_offers_nothing_where_the_page_has_no_tokens(
    ledger: Ledger, database: Urls, more: dict[str, Any], host: str
) -> None:
    async with client_of(ledger, settings(database, **more), host) as client:
        assert (await client.get("/page/offers.json")).json() == {"tokens": [], "examples": []}


async def test_where_others_issue_the_tokens_there_are_none(ledger: Ledger, database: Urls, tmp_path: Any) -> None:
    theirs = Settings(database_url=database.app, jwks_file=tmp_path / "keys.json", sample=True)
    assert demo_tokens(theirs, now(), uuid4) == []
    page = (await page_of(ledger, theirs)).text
    assert "Tokens are issued by the owner of the key set" in page
    assert tokens_on(page) == {}


async def test_what_is_in_the_books_cannot_become_markup(
    ledger: Ledger, database: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sample.pages.front.version", lambda: "<script>alert(1)</script>")
    page = (await page_of(ledger, settings(database))).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_nothing_is_loaded_from_elsewhere_and_the_policy_says_so(ledger: Ledger, database: Urls) -> None:
    async with client_of(ledger, settings(database)) as client:
        page = await client.get("/examples")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert re.findall(r"<script(?! src=\"/page/)", page.text) == []
        assert re.findall(r"\son\w+=|style=", page.text) == []
        linked = re.findall(r'(?:src|href)="(/page/[^"]+)"', page.text)
        assert len(linked) == 2
        for address in linked:
            file = await client.get(address)
            assert file.status_code == 200
            assert file.headers["x-content-type-options"] == "nosniff"
            assert not re.search(r"https?://|@import|url\(", file.text)
        addresses = re.findall(r'(?:src|href)="(https?:)?//', page.text)
        assert addresses == []

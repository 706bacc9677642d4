"""Rate limits as clients meet them: over HTTP, for every way in, whatever is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from app.files import imports, statements
from app.graphql import socket_view
from app.http.request_id import RequestIdMiddleware
from app.rate_limits.quotas import RateLimits, holder_key, parse_limit
from app.rate_limits.windows import Quota
from app.tokens.partners import PartnerTokenVerifier
from auth.backend import BearerBackend
from auth.roles import Role
from auth.tokens import TokenVerifier
from gateway.schema import CHARACTERS_PER_UNIT
from gateway.trusted import TrustedDocuments, sha256_of
from models.ledger import Ledger
from models.reads.tenants import TenantDirectory
from tests.api.conftest import Api, bearer, gid, serving
from tests.support.clock import Clock
from tests.support.schema import SCHEMA
from tests.support.sockets import opened, served
from tests.support.tenants import Tenant

LIMIT: Final = 2_000
ADDRESS: Final = "127.0.0.1"
VIEWER: Final = "{ viewer { subject } }"
UPSERT: Final = 'mutation { upsertCustomer(input: {externalId: "c1", name: "Ann"}) { customer { id } } }'


@pytest.fixture
def clock() -> Clock:
    """It stands still: nothing slides out of the window by itself."""
    clock = Clock()
    clock.stand_still(datetime.now(UTC).replace(second=0, microsecond=0))
    return clock


@pytest.fixture
def rate_limits(clock: Clock) -> RateLimits:
    return RateLimits(parse_limit(f"{LIMIT}/minute"), clock=lambda: clock().timestamp())


@pytest.fixture
async def client(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier, rate_limits: RateLimits
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(ledger, verifier, partner_tokens, rate_limits) as client:
        yield client


Use = Callable[..., Awaitable[None]]


@pytest.fixture
def use(rate_limits: RateLimits, verifier: TokenVerifier, tenant: Tenant) -> Use:
    """Takes so much of what a holder has; with role None, of what the tests' address has without a token."""

    async def use(cost: int, role: Role | None = Role.ADMIN, **token: Any) -> None:
        who = None
        if role is not None:
            who = await verifier.authenticate(bearer(tenant.slug, role, **token).removeprefix("Bearer "))
        await rate_limits.charge(holder_key(who, ADDRESS), cost)

    return use


@pytest.fixture
def left(api: Api, rate_limits: RateLimits, verifier: TokenVerifier) -> Callable[[], Awaitable[int]]:
    """What the admin has left."""

    async def left() -> int:
        who = await verifier.authenticate(bearer(api.tenant.slug).removeprefix("Bearer "))
        assert rate_limits.reads is not None
        [window] = rate_limits._own.take(holder_key(who, None), [(rate_limits.reads, 0)])[1]
        return window.left(rate_limits.reads)

    return left


def check_refusal(response: httpx.Response) -> int:
    """Seconds to wait."""
    assert response.status_code == 429
    body = response.json()
    assert "data" not in body
    [error] = body["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    wait: int = error["extensions"].get("retryAfter") or int(response.headers["retry-after"])
    assert response.headers["retry-after"] == str(wait)
    assert 1 <= wait <= 121
    return wait


async def test_who_has_used_up_their_limit_is_told_when_to_come_back(
    api: Api, tenant: Tenant, clock: Clock, use: Use
) -> None:
    await use(LIMIT)
    async with tenant.nothing_moves():
        wait = check_refusal((await api(UPSERT)).response)
    clock.advance(seconds=wait)
    assert (await api(VIEWER))["viewer"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_the_status_is_the_same_in_both_media_types(api: Api, accept: str, use: Use) -> None:
    await use(LIMIT)
    headers = {"authorization": bearer(api.tenant.slug), "accept": accept}
    check_refusal(await api.client.post("/graphql", json={"query": VIEWER}, headers=headers))
    check_refusal(await api.client.get("/graphql", params={"query": VIEWER}, headers=headers))


async def test_a_fresh_token_does_not_help_and_others_are_served(api: Api, use: Use) -> None:
    await use(LIMIT)
    check_refusal((await api(VIEWER)).response)
    assert (await api(VIEWER, subject="somebody else"))["viewer"]
    assert (await api(VIEWER, role=Role.MANAGER))["viewer"]
    check_refusal((await api(VIEWER)).response)


async def test_what_is_charged_is_what_the_answer_says(api: Api, left: Callable[[], Awaitable[int]]) -> None:
    query = "query ($n: Int) { customers(first: $n) { edges { node { id } } } liability { asset } }"
    await api(query, {"n": 3})
    before = await left()
    answer = await api(query, {"n": 7})
    cost = answer.response.json()["extensions"]["cost"]["requested"]
    # Each edge and its node; a report weighs a hundred, and each of its rows again.
    assert cost == 1 + 7 * 2 + 5 * 100
    assert before - await left() == cost


async def test_every_answer_tells_what_is_left(api: Api, use: Use) -> None:
    await api(VIEWER)
    answer = await api(VIEWER)
    told = answer.response.json()["extensions"]["rateLimit"]
    left, resets = told["reads"]["remaining"], told["reads"]["resetsIn"]
    assert told == {"reads": {"limit": LIMIT, "remaining": left, "resetsIn": resets}}
    assert LIMIT - 20 < left < LIMIT
    assert answer.response.headers["ratelimit"] == f'"reads";r={left};t={resets}'
    assert answer.response.headers["ratelimit-policy"].startswith(f'"reads";q={LIMIT};w=60')
    assert (await api(VIEWER)).response.json()["extensions"]["rateLimit"]["reads"]["remaining"] == left - 1
    await use(left - 1)
    refused = await api(VIEWER)
    check_refusal(refused.response)
    assert refused.response.headers["ratelimit"].startswith('"reads";r=0;t=')
    assert refused.response.json()["extensions"]["rateLimit"]["reads"]["remaining"] == 0
    # Nothing in RateLimit is later than Retry-After, or it would contradict it.
    reset = int(refused.response.headers["ratelimit"].rpartition("t=")[2])
    assert reset <= int(refused.response.headers["retry-after"])


async def test_the_cost_tells_the_quota_of_which_least_is_left(
    api: Api, rate_limits: RateLimits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "writes", Quota("writes", 30, 60))
    monkeypatch.setattr(rate_limits, "now", clock)
    told = (await api(UPSERT)).response.json()["extensions"]
    writes = told["rateLimit"]["writes"]
    assert told["cost"] == {
        "requested": 11,
        "maximum": 50_000,
        "limit": 30,
        "remaining": 20,
        "resetAt": f"{clock() + timedelta(seconds=writes['resetsIn']):%Y-%m-%dT%H:%M:%S}Z",
    }
    assert (await api(VIEWER)).response.json()["extensions"]["cost"]["limit"] == LIMIT
    refused = await api("{ customers(first: 100000) { edges { node { id } } } }")
    assert refused.codes == ["QUERY_TOO_COSTLY"]
    assert refused.response.json()["extensions"]["cost"]["remaining"] < LIMIT


async def test_files_tell_what_is_left_too(client: httpx.AsyncClient, tenant: Tenant, use: Use) -> None:
    """Whatever comes of the request."""
    headers = {"authorization": bearer(tenant.slug, Role.ADMIN)}
    customer = gid("Customer", await tenant.customer())
    sent = await client.get(f"/statements/{customer}.csv", headers=headers)
    assert (sent.status_code, sent.headers["ratelimit"].split(";")[1]) == (200, f"r={LIMIT - statements.COST}")
    refused = await client.post("/imports/credits", headers=headers, content=b"")
    assert (refused.status_code, refused.headers["ratelimit"].split(";")[1]) == (415, "r=0")
    again = await client.get(f"/statements/{customer}.csv", headers=headers)
    assert (again.status_code, again.headers["ratelimit"].split(";")[1]) == (429, "r=0")


async def test_what_is_written_is_charged_apart_from_what_is_read(
    api: Api, rate_limits: RateLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "writes", Quota("writes", 35, 60))
    await api(UPSERT)
    answer = await api(UPSERT)
    extensions = answer.response.json()["extensions"]
    assert extensions["rateLimit"]["writes"]["remaining"] == 35 - 2 * 10
    assert '"writes";r=15' in answer.response.headers["ratelimit"]
    assert extensions["cost"]["requested"] == 11
    assert (await api(UPSERT))["upsertCustomer"]
    check_refusal((await api(UPSERT)).response)
    assert (await api(VIEWER))["viewer"]


async def test_each_row_of_a_bulk_counts_as_a_tenth_of_a_posting(
    api: Api, tenant: Tenant, rate_limits: RateLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "writes", Quota("writes", 100, 60))
    item = {"customerId": gid("Customer", await tenant.customer()), "amount": "1.00"}
    given = {"asset": "GBP", "reason": "GOODWILL", "items": [item] * 30, "allowDuplicateCustomers": True}
    query = "mutation($i: BulkCreditInput!) { bulkCredit(input: $i) { userErrors { code } } }"
    answer = await api(query, {"i": {**given, "idempotencyKey": "k"}})
    assert not answer.errors
    assert answer.response.json()["extensions"]["rateLimit"]["writes"]["remaining"] == 100 - 10 - 30


async def test_a_document_is_paid_for_by_its_length_the_first_time(
    api: Api, left: Callable[[], Awaitable[int]]
) -> None:
    query = f"{{ viewer {{ subject }} }} # {uuid4().hex}"
    before = await left()
    for _ in range(2):
        assert (await api(query))["viewer"]
    assert before - await left() == 1 + len(query) // CHARACTERS_PER_UNIT + 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ " + "viewer " * 100, "GRAPHQL_PARSE_FAILED"),
        ("{ " + "nothing " * 20 + "}", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { " + "subject " * 200 + "} }", "QUERY_TOO_COSTLY"),
        ("{ customers(first: 100000) { edges { node { id } } } }", "QUERY_TOO_COSTLY"),
        ("query A { viewer { subject } } query B { viewer { subject } }", "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_a_refused_document_is_never_free(
    api: Api, query: str, code: str, left: Callable[[], Awaitable[int]]
) -> None:
    for _ in range(3):
        before = await left()
        assert (await api(query)).codes[0] == code
        assert before > await left()


async def test_garbage_is_refused_unread_once_the_limit_is_used_up(api: Api, use: Use) -> None:
    await use(LIMIT)
    check_refusal((await api("{ " + "viewer " * 100)).response)


async def test_without_a_token_the_address_is_charged(api: Api, use: Use) -> None:
    assert (await api("{ __typename }", role=None))["__typename"]
    await use(LIMIT // 2, None)
    for _ in range(LIMIT):
        answer = await api("{ __schema { types { name } } }", role=None)
        if answer.errors:
            break
    check_refusal(answer.response)
    assert (await api(VIEWER))["viewer"]


async def test_statements_count(api: Api, use: Use) -> None:
    headers = {"authorization": bearer(api.tenant.slug)}
    path = f"/statements/{gid('Customer', uuid4())}.csv"
    for _ in range(LIMIT // statements.COST):
        assert (await api.client.get(path, headers=headers)).status_code == 404
    check_refusal(await api.client.get(path, headers=headers))


async def test_imports_count_before_a_byte_of_the_file_is_read(api: Api, tenant: Tenant, use: Use) -> None:
    headers = {"authorization": bearer(api.tenant.slug), "content-type": "text/csv", "idempotency-key": "k"}
    for _ in range(LIMIT // imports.COST):
        assert (await api.client.post("/imports/credits?nonsense=1", content="x", headers=headers)).status_code == 400
    async with tenant.nothing_moves():
        check_refusal(await api.client.post("/imports/credits?asset=GBP", content="x", headers=headers))


@pytest.fixture
async def base(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier, rate_limits: RateLimits
) -> AsyncIterator[str]:
    """The same API over WebSocket."""
    view = socket_view(
        SCHEMA,
        ledger,
        TenantDirectory(),
        BearerBackend(verifier, partner_tokens),
        lambda: datetime.now(UTC),
        refused=lambda *_: None,
        rate_limits=rate_limits,
    )
    app = RequestIdMiddleware(Starlette(routes=[WebSocketRoute("/graphql", view)]), lambda: uuid4().hex)
    async with served(app) as base:
        yield base


async def test_the_same_limit_holds_over_websocket_and_leaves_the_socket_open(
    base: str, tenant: Tenant, use: Use, clock: Clock
) -> None:
    async with opened(base) as socket:
        await socket.begin(bearer(tenant.slug))
        answer = await socket.ask(VIEWER)
        assert answer["data"]["viewer"]
        assert answer["extensions"]["rateLimit"]["reads"]["limit"] == LIMIT
        await use(LIMIT - 100)
        async with tenant.nothing_moves():
            for _ in range(100):
                answer = await socket.ask(VIEWER)
                if "refused" in answer:
                    break
            [error] = (await socket.ask(UPSERT))["refused"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        clock.advance(seconds=error["extensions"]["retryAfter"])
        assert (await socket.ask(VIEWER))["data"]["viewer"]


async def test_trusted_documents_hold_over_websocket(
    base: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SCHEMA, "trusted", TrustedDocuments({sha256_of(VIEWER): VIEWER}, only=True))
    async with opened(base) as socket:
        await socket.begin(bearer(tenant.slug))
        assert (await socket.ask("", documentId=f"sha256:{sha256_of(VIEWER)}"))["data"]["viewer"]
        persisted = {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(VIEWER)}}
        assert (await socket.ask("", extensions=persisted))["data"]["viewer"]
        async with tenant.nothing_moves():
            [error] = (await socket.ask(UPSERT))["refused"]
        assert error["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        [error] = (await socket.ask("", documentId="nothing"))["refused"]
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_the_example_that_is_documented(api: Api) -> None:
    text = (Path(__file__).parents[2] / "docs" / "query-cost.md").read_text()
    query = text.split("```graphql", 1)[1].split("```", 1)[0]
    for variables, cost in (({}, 651), ({"n": 5}, 66)):
        answer = await api(query, variables)
        told = answer.response.json()["extensions"]["cost"]
        assert (told["requested"], told["maximum"], told["limit"]) == (cost, 50_000, LIMIT)
        assert f"{cost}" in text

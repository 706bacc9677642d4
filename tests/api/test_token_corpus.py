"""Every bad token on every class of operation: 401 to the letter, before anything is read or moved."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from app.graphql import socket_view
from app.http.request_id import RequestIdMiddleware
from app.tokens.partners import PartnerTokenVerifier
from auth.backend import BearerBackend
from auth.keys import KeyTable, parse_key_set
from auth.tokens import TokenVerifier
from models.ledger import Ledger
from models.reads.tenants import TenantDirectory
from tests.api.conftest import Api, gid
from tests.auth.conftest import KeyPairs, Mint
from tests.auth.test_jwks import attacks_on, published_keys
from tests.auth.test_tokens import BAD_TOKENS
from tests.support.headline import ADJUST, adjusting, document
from tests.support.schema import SCHEMA
from tests.support.sockets import Socket, opened, served
from tests.support.tenants import Tenant

GRAPHQL: Final = "application/graphql-response+json"
VIEWER: Final = "{ viewer { subject } }"
LARGEST_MESSAGE_BYTES: Final = 2_000_000
Headers = list[tuple[bytes, bytes]]


class TenantMint(Mint):
    """Its tokens are for a tenant that exists, so that nothing but what is bad in them refuses them."""

    tenant = "demo"

    def claims(self, without: str = "", /, **changes: object) -> dict[str, object]:
        return super().claims(without, **{"tenant": self.tenant, "role": "manager", **changes})


class Published:
    """A set of public keys that never changes."""

    algorithms = frozenset({"RS256", "EdDSA"})
    ready = True

    def __init__(self, table: KeyTable) -> None:
        self._table = table

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        return self._table.get((key_id, algorithm))

    async def refresh_for_unknown_key(self) -> bool:
        return False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@pytest.fixture
def mint(tenant: Tenant) -> TenantMint:
    mint = TenantMint()
    mint.tenant = tenant.slug
    return mint


@pytest.fixture(params=["secret", "published"])
def verifier(request: pytest.FixtureRequest, mint: TenantMint, pairs: KeyPairs) -> TokenVerifier:
    if request.param == "secret":
        return mint.verifier()
    return mint.verifier(Published(parse_key_set(published_keys(pairs))))


@pytest.fixture(scope="session")
def pairs() -> KeyPairs:
    return KeyPairs.fresh()


@pytest.fixture
def good(request: pytest.FixtureRequest, mint: TenantMint, pairs: KeyPairs) -> str:
    """A token that this verifier takes."""
    if request.node.callspec.params["verifier"] == "secret":
        return mint.token()
    return mint.by_key(pairs.private["EdDSA"], "EdDSA", "ed")


def bad_headers(mint: Mint, pairs: KeyPairs, good: str) -> Mapping[str, Headers]:
    """Authorization headers, by what is wrong with them."""
    found = {name: [(b"authorization", value.encode("utf-8"))] for name, value in bad_values(mint, pairs, good).items()}
    bearer = f"Bearer {good}".encode()
    found["two headers, the same"] = [(b"authorization", bearer)] * 2
    found["two headers, the second bad"] = [(b"authorization", bearer), (b"Authorization", b"Bearer x")]
    found["two headers, the first bad"] = [(b"AUTHORIZATION", b"Basic eA=="), (b"authorization", bearer)]
    return found


def bad_values(mint: Mint, pairs: KeyPairs, good: str) -> Mapping[str, str]:
    """Values of one Authorization header, or of a WebSocket client's, by what is wrong with them."""
    values = {name: f"Bearer {make(mint)}" for name, (make, _) in BAD_TOKENS.items() if name != "a surrogate"}
    values |= {name: f"Bearer {token}" for name, token in attacks_on(mint, pairs).items()}
    values |= {
        "no value": "",
        "the scheme alone": "Bearer",
        "an empty token": "Bearer ",
        "Basic": "Basic c2FtOnNhbQ==",
        "no scheme": good,
        "another scheme": f"Token {good}",
        "DPoP": f"DPoP {good}",
        "a tab": f"Bearer\t{good}",
        "two in one": f"Bearer {good}, Bearer {good}",
        "two after each other": f"Bearer {good} {good}",
        "quoted": f'Bearer "{good}"',
        "a parameter": f"Bearer token={good}",
        "the scheme twice": f"Bearer Bearer {good}",
        "a no-break space": f"Bearer {good}\xa0",
        "a megabyte": "Bearer " + "x" * 1_000_000,
        "an opaque token of nobody's": "Bearer scrip_" + "A" * 86,
    }
    return values


@dataclass(frozen=True)
class Endpoint:
    """One class of operation: a request, and the status of its answer with a good token."""

    method: str
    path: str
    served: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | None = None


def _graphql(query: str, variables: dict[str, Any] | None = None, accept: str = "application/json") -> Endpoint:
    headers = ((b"content-type", b"application/json"), (b"accept", accept.encode()))
    return Endpoint("POST", "/graphql", 200, headers, json.dumps({"query": query, "variables": variables}).encode())


def classes(customer_id: str, adjustment: dict[str, Any]) -> Mapping[str, Endpoint]:
    """Every class of operation there is."""
    node = "query($id: ID!) { node(id: $id) { id } }"
    file = b"customer,amount\ncarol,1.00\n"
    importing = ((b"content-type", b"text/csv"), (b"idempotency-key", b"corpus"))
    return {
        "typename": _graphql("{ __typename }"),
        "introspection": _graphql("{ __schema { queryType { name } } }", accept=GRAPHQL),
        "query": _graphql(VIEWER),
        "query, newer media type": _graphql("{ customers { edges { cursor } } }", accept=GRAPHQL),
        "node": _graphql(node, {"id": customer_id}),
        "mutation": _graphql(document(ADJUST, "userErrors { code }"), {"input": adjustment}),
        "mutation, newer media type": _graphql(document(ADJUST, "replayed"), {"input": adjustment}, GRAPHQL),
        "query by GET": Endpoint("GET", f"/graphql?query={VIEWER}"),
        "mutation by GET": Endpoint("GET", "/graphql?query=mutation { __typename }", 405),
        "statement": Endpoint("GET", f"/statements/{customer_id}.csv"),
        "import": Endpoint("POST", "/imports/credits?asset=GBP&reason=CORRECTION", 202, importing, file),
    }


async def _send(client: httpx.AsyncClient, endpoint: Endpoint, authorization: Headers) -> httpx.Response:
    # Not `headers=` alone: httpx would fold two of one name.
    return await client.request(
        endpoint.method, endpoint.path, headers=[*endpoint.headers, *authorization], content=endpoint.body
    )


CLASSES: Final = tuple(classes("", {}))


@pytest.fixture
async def endpoint(tenant: Tenant, request: pytest.FixtureRequest) -> Endpoint:
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "10.00")
    return classes(gid("Customer", customer), adjusting(customer, "1.00"))[request.node.callspec.params["kind"]]


@pytest.mark.parametrize("kind", CLASSES)
async def test_no_bad_token_is_good_for_anything(
    api: Api, tenant: Tenant, mint: TenantMint, pairs: KeyPairs, endpoint: Endpoint, good: str, kind: str
) -> None:
    asked = dict(endpoint.headers).get(b"accept", b"").decode()
    async with tenant.nothing_moves():
        for name, headers in bad_headers(mint, pairs, good).items():
            answer = await _send(api.client, endpoint, headers)
            assert answer.status_code == 401, name
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', name
            assert answer.headers["cache-control"] == "no-store", name
            assert answer.headers["content-type"] == (GRAPHQL if asked == GRAPHQL else "application/json"), name
            body = answer.json()
            assert body.keys() == {"errors"}, name
            (error,) = body["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED", name
            assert good not in answer.text, name
            assert mint.secret not in answer.text, name


@pytest.mark.parametrize("kind", CLASSES)
async def test_a_good_token_is_served(api: Api, endpoint: Endpoint, good: str, kind: str) -> None:
    """Else the refusals would prove nothing. The scheme is in any case (RFC 9110, 11.1)."""
    answer = await _send(api.client, endpoint, [(b"authorization", f"bEaReR {good}".encode())])
    assert answer.status_code == endpoint.served, answer.text


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind not in ("typename", "introspection")])
async def test_without_a_token_nothing_is_served_either(
    api: Api, tenant: Tenant, endpoint: Endpoint, kind: str
) -> None:
    """Only the schema itself is for anybody. No error is told of a token that was not sent (RFC 6750, 3.1)."""
    async with tenant.nothing_moves():
        answer = await _send(api.client, endpoint, [])
    if endpoint.served == 405:
        assert answer.status_code == 405
        return
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="scrip"'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("place", ["query", "cookie", "body", "x-authorization", "proxy-authorization"])
async def test_a_token_anywhere_else_is_not_read(api: Api, good: str, place: str) -> None:
    """RFC 6750, 2.2 and 2.3 are not offered; RFC 9700, 4.3.2 forbids the URL."""
    url, headers, body = "/graphql", {}, {"query": VIEWER}
    if place == "query":
        url += f"?access_token={good}"
    elif place == "body":
        body |= {"access_token": good, "authorization": f"Bearer {good}"}
    elif place == "cookie":
        headers["cookie"] = f"access_token={good}; authorization=Bearer {good}"
    else:
        headers[place] = f"Bearer {good}"
    answer = await api.client.post(url, json=body, headers=headers)
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]


# WebSocket


@pytest.fixture
async def sockets(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier, refusals: list[str]
) -> AsyncIterator[str]:
    """The address of a server with WebSockets alone, on this ledger and with these keys."""
    view = socket_view(
        SCHEMA,
        ledger,
        TenantDirectory(),
        BearerBackend(verifier, partner_tokens),
        lambda: datetime.now(UTC),
        refused=lambda reason, *_: refusals.append(reason),
    )
    app = RequestIdMiddleware(Starlette(routes=[WebSocketRoute("/graphql", view)]), lambda: uuid4().hex)
    async with served(app, ws_max_size=LARGEST_MESSAGE_BYTES) as base:
        yield base


@pytest.fixture
def refusals() -> list[str]:
    """Why the server has refused tokens."""
    return []


async def _offer(client: Socket, payload: dict[str, Any]) -> None:
    await client.send(json.dumps({"type": "connection_init", "payload": payload}))


@pytest.mark.parametrize("kind", ["mutation"])
async def test_no_bad_token_opens_a_websocket(
    sockets: str,
    refusals: list[str],
    tenant: Tenant,
    mint: TenantMint,
    pairs: KeyPairs,
    endpoint: Endpoint,
    good: str,
    kind: str,
) -> None:
    """4403 and why, without the token; the mutation that is sent right behind it runs into the closing."""
    operation = json.loads(endpoint.body or b"")
    payloads = {name: {"Authorization": value} for name, value in bad_values(mint, pairs, good).items()}
    bearer = f"Bearer {good}"
    payloads["two names, the second bad"] = {"Authorization": bearer, "authorization": "Bearer x"}
    payloads["two names, the first bad"] = {"AUTHORIZATION": "Basic eA==", "authorization": bearer}
    async with tenant.nothing_moves():
        for name, payload in payloads.items():
            refusals.clear()
            async with opened(sockets) as client:
                await _offer(client, payload)
                await client.subscribe("1", **operation)
                said, (code, reason) = await client.last_words()
            assert (said, code) == ([], 4403), name
            assert refusals == [reason], name
            assert good not in reason, name
            assert mint.secret not in reason, name


@pytest.mark.parametrize("kind", ["mutation"])
async def test_a_good_token_opens_a_websocket(sockets: str, endpoint: Endpoint, good: str, kind: str) -> None:
    """Else the refusals would prove nothing."""
    operation = json.loads(endpoint.body or b"")
    async with opened(sockets) as client:
        await client.begin(f"bEaReR {good}")
        answer = await client.ask(**operation)
    assert answer["data"] == {ADJUST: {"userErrors": []}}

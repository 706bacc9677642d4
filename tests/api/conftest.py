"""GraphQL as a client sees it: real HTTP handling, real tokens, the real ledger on a real PostgreSQL; no network."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.files.imports import import_route
from app.files.reports import report_routes
from app.files.statements import statement_route
from app.graphql import context_maker, graphql_view
from app.http.metrics import Metrics
from app.http.request_id import RequestIdMiddleware
from app.http.series import Sources
from app.http.straight import StraightWay
from app.postgres.embedded import Urls
from app.rate_limits.quotas import RateLimits
from app.tokens.partners import PartnerTokenVerifier
from auth.backend import BearerBackend, authentication, unauthenticated_response
from auth.keys import SharedSecret
from auth.roles import Role, Scope
from auth.tokens import TokenVerifier, issue
from models.ledger import Ledger
from models.reads.tenants import TenantDirectory
from schema.ids import global_id
from schema.written import PageWriter
from tests.support.both_ways import both_ways
from tests.support.clock import Clock
from tests.support.named_fields import misnamed
from tests.support.schema import PLAIN, SCHEMA
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for tests alone, and long enough"
ISSUER: Final = "scrip"
MAX_FILE_BYTES: Final = 100_000
ASKED_ONCE: Final = frozenset(
    {
        "test_a_page_costs_at_most_ten_statements_however_long",
        "test_a_pool_that_two_tenants_share_mixes_nothing_up",
        "test_rotation_can_leave_both_good_for_a_while",
        "test_the_audit_trail_is_followed_by_its_end_cursor",
        "test_the_past_answers_the_same_when_it_is_asked_again",
        "test_without_the_database_s_refusal_it_would_have_leaked",
    }
)
"""Tests that count statements or connections, or race with what changes while they ask."""


@pytest.fixture(autouse=True)
def _both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """With SCRIP_TEST_BOTH_WAYS, each query is executed by graphql-core too (tests/support/both_ways.py)."""
    name = request.node.name.partition("[")[0]
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("SCRIP_TEST_BOTH_WAYS") and name not in ASKED_ONCE:
            patch.setattr(SCHEMA, "execute", both_ways(SCHEMA, PLAIN))
        yield


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written as pages (schema/written.py)."""
    found: list[str] = []

    async def noted(self: PageWriter, *arguments: Any) -> list[str]:
        texts = await original(self, *arguments)
        found.extend(texts)
        return texts

    original = PageWriter.__call__
    monkeypatch.setattr(PageWriter, "__call__", noted)
    return found


def bearer(
    tenant: str,
    role: Role = Role.ADMIN,
    *,
    subject: str | None = None,
    scopes: Iterable[Scope] | None = None,
    customer: str | None = None,
    client_id: str | None = None,
    issued_at: datetime | None = None,
) -> str:
    """An Authorization header's value. issued_at: now unless given."""
    token = issue(
        SECRET,
        issuer=ISSUER,
        audience=ISSUER,
        tenant=tenant,
        subject=subject or f"{role.value}@test",
        role=role,
        issued_at=issued_at or datetime.now(UTC),
        lifetime=timedelta(hours=1),
        token_id=uuid4().hex,
        scopes=scopes,
        name=f"{role.value.title()} of the test",
        client_id=client_id,
        customer=customer,
    )
    return f"Bearer {token}"


class Answer:
    """What came back: `data` and `errors` as in the response."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        body = response.json()
        self.data: dict[str, Any] | None = body.get("data")
        self.errors: list[dict[str, Any]] = body.get("errors", [])

    def __getitem__(self, field: str) -> Any:
        """A root field of an answer without errors."""
        assert self.data is not None, self.errors
        assert not self.errors, self.errors
        return self.data[field]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


class Api:
    """A client of one tenant, as whoever it is asked to be."""

    def __init__(self, client: httpx.AsyncClient, tenant: Tenant, clock: Clock) -> None:
        self.client = client
        self.tenant = tenant
        self.clock = clock

    async def __call__(
        self, query: str, variables: dict[str, Any] | None = None, *, role: Role | None = Role.ADMIN, **token: Any
    ) -> Answer:
        """role None: without a token. token: what `bearer` takes."""
        headers = {} if role is None else {"authorization": self.bearer(role, **token)}
        body = {"query": query, "variables": variables or {}}
        answer = Answer(await self.client.post("/graphql", json=body, headers=headers))
        assert not misnamed(query, answer.data)
        return answer

    def bearer(self, role: Role, **token: Any) -> str:
        """Issued now; a customer's by the ledger's clock where that is ahead: it may not be older than their record."""
        if role is Role.CUSTOMER:
            token = {"issued_at": max(datetime.now(UTC), self.clock()), **token}
        return bearer(self.tenant.slug, role, **token)

    async def as_customer(self, external_id: str, query: str, variables: dict[str, Any] | None = None) -> Answer:
        return await self(query, variables, role=Role.CUSTOMER, customer=external_id)


def gid(type_name: str, row_id: UUID | None) -> str:
    assert row_id is not None
    return global_id(type_name, row_id)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def noon(clock: Clock) -> datetime:
    """The clock goes on to the next noon, so that a test's day does not end under it."""
    now = clock()
    clock.advance(now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1) - now)
    return clock()


@pytest.fixture
async def ledger(database: Urls, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = Ledger(clock)
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger, clock: Clock) -> Tenant:
    return await make_tenant(ledger, clock)


@pytest.fixture
async def other_tenant(ledger: Ledger, clock: Clock) -> Tenant:
    """Somebody else's: nothing of it may ever be seen or touched."""
    return await make_tenant(ledger, clock)


def token_verifier() -> TokenVerifier:
    """Takes what `bearer` makes, also of an instant that the ledger's clock alone has come to."""
    return TokenVerifier(SharedSecret(SECRET), ISSUER, ISSUER, lambda: datetime.now(UTC), timedelta(days=3_000))


@pytest.fixture
def verifier() -> TokenVerifier:
    """What tokens are checked by."""
    return token_verifier()


@pytest.fixture
async def partner_tokens(ledger: Ledger) -> AsyncIterator[PartnerTokenVerifier]:
    """What the tokens of partners' clients are checked by."""
    partner_tokens = PartnerTokenVerifier(ledger)
    yield partner_tokens
    await partner_tokens.settle()


@asynccontextmanager
async def serving(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier, rate_limits: RateLimits | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API on this ledger."""
    tenants = TenantDirectory()
    make_context = context_maker(ledger, tenants, rate_limits=rate_limits)
    view = graphql_view(SCHEMA, ledger, tenants, rate_limits=rate_limits)
    routes = [
        Route("/graphql", view),
        statement_route(make_context),
        import_route(make_context, max_file_bytes=MAX_FILE_BYTES),
        *report_routes(make_context),
    ]
    middleware = [authentication(verifier, partner_tokens)]
    layers = RequestIdMiddleware(Starlette(routes=routes, middleware=middleware), lambda: uuid4().hex)
    app = StraightWay(
        layers,
        view=view,
        backend=BearerBackend(verifier, partner_tokens),
        on_error=unauthenticated_response,
        metrics=Metrics(Sources(ledger)),
        new_id=lambda: uuid4().hex,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def client(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(ledger, verifier, partner_tokens) as client:
        yield client


@pytest.fixture
def api(client: httpx.AsyncClient, tenant: Tenant, clock: Clock) -> Api:
    return Api(client, tenant, clock)

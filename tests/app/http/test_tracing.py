"""Traces of the app as it is served: by the straight way and compiled execution, too, and of postings that are shared."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.http.tracing import Tracing
from app.main import create_app
from app.postgres.embedded import Urls
from app.settings import Settings
from models.ledger import Ledger
from schema.ids import global_id
from tests.api.conftest import SECRET, bearer
from tests.support.tenants import Tenant, make_tenant

CALLER: Final = "0af7651916cd43dd8448eb211c80319c"
ADJUST: Final = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


class Traced:
    """A client of an app with traces, and the spans that have ended."""

    def __init__(self, client: httpx.AsyncClient, spans: InMemorySpanExporter) -> None:
        self.client = client
        self._spans = spans

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        sent = {"query": query, "variables": variables}
        response = await self.client.post("/graphql?secretive=1", json=sent)
        answer: dict[str, Any] = response.json()
        assert response.status_code == 200, answer
        return answer

    def ended(self) -> Sequence[ReadableSpan]:
        """Those since the last time."""
        spans = self._spans.get_finished_spans()
        self._spans.clear()
        return spans


@asynccontextmanager
async def traced(urls: Urls, ledger: Ledger, tenant: Tenant) -> AsyncIterator[Traced]:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = Settings.model_validate({"database_url": urls.app, "jwt_secret": SECRET, "rate_limit": "0"})
    app = create_app(settings, ledger, tracing=Tracing(provider))
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("app.main.opened_once_there", lambda *_, **__: nullcontext(True))  # the test's own is open
    headers = {"authorization": bearer(tenant.slug), "traceparent": f"00-{CALLER}-b7ad6b7169203331-01"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scrip", headers=headers) as client,
    ):
        monkeypatch.undo()
        yield Traced(client, spans)


def parents(spans: Sequence[ReadableSpan], name: str) -> list[str]:
    """The names of a span of that name and of all above it."""
    by_id = {span.context.span_id: span for span in spans if span.context is not None}
    found: ReadableSpan | None = next((span for span in spans if span.name == name), None)
    assert found is not None, [span.name for span in spans]
    names = []
    while found is not None:
        names.append(found.name)
        found = None if found.parent is None else by_id.get(found.parent.span_id)
    return names


async def begun(app: Traced) -> None:
    """Wait for what the process does by itself as it begins: it asks for the clock, then it listens."""
    listens = 0
    async with asyncio.timeout(10):
        while listens < 2:
            listens += sum("LISTEN" in str((span.attributes or {}).get("db.statement")) for span in app.ended())
            await asyncio.sleep(0.01)


async def test_each_way_of_executing_has_its_spans(database: Urls, ledger: Ledger, tenant: Tenant) -> None:
    """The first use is graphql-core's, later ones are compiled (docs/adr/0039)."""
    async with traced(database, ledger, tenant) as app:
        await begun(app)
        for _ in range(4):
            answer = await app.ask("{ viewer { subject } customers(first: 1) { edges { node { id } } } }")
            assert answer["data"]["viewer"] == {"subject": "admin@test"}
            spans = app.ended()
            assert parents(spans, "GraphQL viewer customers") == ["GraphQL viewer customers", "POST /graphql"]
            (graphql,) = (span for span in spans if span.name == "GraphQL viewer customers")
            assert graphql.attributes is not None
            told = {name: graphql.attributes[name] for name in ("scrip.tenant", "scrip.actor", "scrip.role")}
            assert told == {"scrip.tenant": tenant.slug, "scrip.actor": "admin@test", "scrip.role": "admin"}
            assert {span.context.trace_id for span in spans if span.context} == {int(CALLER, 16)}
            assert any("db.statement" in (span.attributes or {}) for span in spans)
            assert "ecretive" not in "".join(span.to_json() for span in spans)
        assert (await app.client.get("/health/live")).status_code == 200
        assert app.ended() == ()


async def test_a_posting_that_requests_share_is_linked_with_each(
    database: Urls, ledger: Ledger, tenant: Tenant
) -> None:
    customer = await tenant.customer(name="Ann")
    async with traced(database, ledger, tenant) as app:
        given = {"customerId": global_id("Customer", customer), "asset": "GBP", "amount": "1.00", "reason": "GOODWILL"}
        asked = [app.ask(ADJUST, input={**given, "idempotencyKey": f"k-{n}"}) for n in range(5)]
        answers = await asyncio.gather(*asked)
        assert [answer["data"]["adjustCredit"]["userErrors"] for answer in answers] == [[]] * 5
        spans = app.ended()
    postings = [span for span in spans if span.name == "posting"]
    assert sum((span.attributes or {})["scrip.units"] for span in postings) >= 5  # type: ignore[misc]
    assert parents(spans, "posting") == ["posting", "GraphQL adjustCredit", "POST /graphql"]
    operations = {span.context.span_id for span in spans if span.name == "GraphQL adjustCredit" and span.context}
    linked = {link.context.span_id for span in postings for link in span.links}
    own = {span.parent.span_id for span in postings if span.parent}
    assert linked | own == operations
    shared = [span for span in spans if span.name == "GraphQL adjustCredit" and span.links]
    assert len(shared) == len(linked)


async def test_nothing_is_traced_any_more_once_the_app_has_ended(
    database: Urls, ledger: Ledger, tenant: Tenant
) -> None:
    async with traced(database, ledger, tenant) as app:
        await begun(app)
    assert await tenant.rows("SELECT count(*) FROM entries WHERE tenant_id = $1") == [(0,)]
    assert app.ended() == ()
    assert ledger.watcher is None

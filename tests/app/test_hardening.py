"""What HTTP gives away and lets in: other origins' pages, headers on every answer, switches, names, logs."""

import hashlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from graphql import specified_rules
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.http.cors import EXPOSED
from app.main import create_app
from app.postgres.embedded import Urls
from app.sample.pages import editor
from app.sample.pages.editor import OWN, SCRIPTS, STYLES
from app.settings import Settings
from auth.roles import Role
from auth.tokens import issue
from gateway.errors import MASKED_MESSAGE
from models.ledger import Ledger
from tests.app.cli.test_run import ROOT
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for hardened servers, and long enough"
SHOP: Final = "https://shop.example"
BROWSER: Final = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HEADERS: Final = (
    "cache-control",
    "content-security-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-scrip-version",
)


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


def app_of(urls: Urls, ledger: Ledger, **more: Any) -> Starlette:
    return create_app(Settings(database_url=urls.app, jwt_secret=SECRET, **more), ledger)


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app on the pool that is open already: its own lifespan is not run."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


def bearer(tenant: Tenant, role: Role = Role.ADMIN) -> dict[str, str]:
    token = issue(
        SECRET,
        issuer="scrip",
        audience="scrip",
        tenant=tenant.slug,
        subject="ann@test",
        role=role,
        issued_at=datetime.now(UTC),
        lifetime=timedelta(hours=1),
        token_id=uuid4().hex,
    )
    return {"authorization": f"Bearer {token}"}


# Other origins.


def preflight(origin: str, method: str = "POST", headers: str = "authorization,content-type") -> dict[str, str]:
    return {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}


async def test_a_preflight_of_a_listed_origin_is_answered_before_authentication(database: Urls, ledger: Ledger) -> None:
    async with client_of(app_of(database, ledger, cors_origins=(SHOP,))) as client:
        headers = {**preflight(SHOP), "authorization": "Bearer nonsense"}
        answer = await client.options("/graphql", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "x-request-id"))
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "headers",
    [
        preflight("https://evil.example"),
        preflight("null"),
        preflight(SHOP + ".evil.example"),
        preflight("http://shop.example"),
        preflight("https://shop.example:444"),
        preflight(SHOP.upper()),
        preflight(SHOP, method="DELETE"),
        preflight(SHOP, headers="x-other"),
    ],
)
async def test_any_other_preflight_is_refused(database: Urls, ledger: Ledger, headers: dict[str, str]) -> None:
    async with client_of(app_of(database, ledger, cors_origins=(SHOP,))) as client:
        answer = await client.options("/graphql", headers=headers)
    assert answer.status_code == 400
    assert headers["origin"] == SHOP or "access-control-allow-origin" not in answer.headers


async def test_a_listed_page_may_read_answers_refusals_too_and_no_other_may(database: Urls, ledger: Ledger) -> None:
    async with client_of(app_of(database, ledger, cors_origins=(SHOP, "http://localhost:5173"))) as client:
        for path, headers, status in (
            ("/graphql?query={__typename}", {}, 200),
            ("/graphql?query={__typename}", {"authorization": "Bearer nonsense"}, 401),
            ("/nothing", {}, 404),
        ):
            answer = await client.get(path, headers={**headers, "origin": SHOP})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == SHOP
            assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED)
            for other in ("https://evil.example", "null"):
                answer = await client.get(path, headers={**headers, "origin": other})
                assert answer.status_code == status
                assert "access-control-allow-origin" not in answer.headers


async def test_without_a_list_there_is_no_word_about_origins(database: Urls, ledger: Ledger) -> None:
    async with client_of(app_of(database, ledger)) as client:
        for answer in (
            await client.options("/graphql", headers=preflight(SHOP)),
            await client.get("/graphql?query={__typename}", headers={"origin": SHOP}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_any_origin_is_let_in_only_where_it_is_written(database: Urls, ledger: Ledger) -> None:
    async with client_of(app_of(database, ledger, cors_origins="*")) as client:
        answer = await client.get("/graphql?query={__typename}", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


# As the libraries of pages send by themselves (Apollo Client, urql, Sentry, OpenTelemetry, Datadog).
SENT_BY_LIBRARIES: Final = (
    "authorization,content-type,apollographql-client-name,apollographql-client-version,apollo-require-preflight",
    "authorization,content-type,baggage,sentry-trace",
    "content-type,traceparent,tracestate",
    "content-type,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id",
    "content-type,idempotency-key,x-request-id,x-requested-with",
)


@pytest.mark.parametrize("headers", SENT_BY_LIBRARIES)
async def test_a_page_may_send_what_its_libraries_add(database: Urls, ledger: Ledger, headers: str) -> None:
    async with client_of(app_of(database, ledger, cors_origins=(SHOP,))) as client:
        answer = await client.options("/graphql", headers=preflight(SHOP, headers=headers))
    assert answer.status_code == 200
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed >= set(headers.split(","))


@pytest.mark.parametrize(("setting", "asked"), [("X-Shop, x-till", "content-type,x-shop,x-till"), ("*", "x-anything")])
async def test_more_headers_can_be_let_in(database: Urls, ledger: Ledger, setting: str, asked: str) -> None:
    async with client_of(app_of(database, ledger, cors_origins=(SHOP,), cors_headers=setting)) as client:
        assert (await client.options("/graphql", headers=preflight(SHOP, headers=asked))).status_code == 200
        assert (await client.options("/graphql", headers=preflight("https://evil.example"))).status_code == 400


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"])
async def test_in_the_sample_pages_of_this_machine_may_call(database: Urls, ledger: Ledger, origin: str) -> None:
    """They read the API, and not our own pages, on which tokens stand."""
    async with client_of(app_of(database, ledger, sample=True)) as client:
        assert (await client.options("/graphql", headers=preflight(origin))).status_code == 200
        answer = await client.get("/graphql?query={__typename}", headers={"origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        for path in ("/", "/examples", "/page/offers.json", "/page/front.js", "/console", "/console/sample.json"):
            answer = await client.get(path, headers={"origin": origin}, follow_redirects=False)
            assert answer.status_code == (307 if path == "/" else 200)
            assert "access-control-allow-origin" not in answer.headers
        for other in ("http://localhost.evil.example", "http://localhost:5173.evil.example", "null", SHOP):
            assert (await client.options("/graphql", headers=preflight(other))).status_code == 400


@pytest.mark.parametrize("more", [{}, {"sample": True, "host": "192.0.2.1"}, {"sample": True, "cors_origins": (SHOP,)}])
async def test_elsewhere_they_may_not(database: Urls, ledger: Ledger, more: dict[str, Any]) -> None:
    async with client_of(app_of(database, ledger, **more)) as client:
        answer = await client.get("/graphql?query={__typename}", headers={"origin": "http://localhost:5173"})
    assert "access-control-allow-origin" not in answer.headers


# What another site's page can send without a preflight does nothing.


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        None,
        "text/plain; application/json",
        "text/plain, application/json",
    ],
)
async def test_a_form_of_another_site_changes_nothing(
    database: Urls, ledger: Ledger, tenant: Tenant, content_type: str | None
) -> None:
    mutation = 'mutation { upsertCustomer(input: {externalId: "csrf", name: "C"}) { customer { id } } }'
    headers = {**bearer(tenant), "origin": "https://evil.example"}
    before = await tenant.fingerprint()
    async with client_of(app_of(database, ledger)) as client:
        body = f'{{"query": {httpx.Response(200, json=mutation).text}}}'
        typed = {**headers, "content-type": content_type} if content_type else headers
        assert (await client.post("/graphql", content=body, headers=typed)).status_code == 415
        answer = await client.get("/graphql", params={"query": mutation}, headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = await client.get("/graphql", params={"query": mutation}, headers={**headers, **BROWSER})
        assert answer.status_code == 405
        assert await tenant.fingerprint() == before
        # The same does change something when it is sent as it should be.
        answer = await client.post("/graphql", json={"query": mutation}, headers=headers)
        assert answer.json()["data"]["upsertCustomer"]["customer"]["id"]


# Headers.


async def _break(_: Request) -> Response:
    raise RuntimeError("the cellar at 10.0.0.1 is flooded")


async def test_every_answer_has_the_security_headers(database: Urls, ledger: Ledger, tenant: Tenant) -> None:
    app = app_of(database, ledger, sample=True, cors_origins=(SHOP,))
    app.router.routes.append(Route("/broken", _break))
    paths = (
        ("GET", "/", 307),
        ("GET", "/console", 200),
        ("GET", "/console/app.js", 200),
        ("GET", "/console/sample.json", 200),
        ("GET", "/examples", 200),
        ("GET", "/page/front.css", 200),
        ("GET", "/graphql?query={__typename}", 200),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/graphql", 405),
        ("POST", "/graphql", 415),
        ("POST", "/health/live", 405),
        ("GET", "/statements/x.csv", 400),
        ("POST", "/imports/credits", 415),
        ("GET", "/imports/credits", 405),
        ("GET", "/broken", 500),
        ("OPTIONS", "/graphql", 405),
        ("HEAD", "/health/live", 200),
    )
    async with client_of(app) as client:
        answers = [
            (await client.request(method, path, headers=bearer(tenant)), status) for method, path, status in paths
        ]
        answers.append((await client.get("/graphql", headers=BROWSER), 200))
        answers.append((await client.get("/health/live", headers={"authorization": "Bearer nonsense"}), 401))
        answers.append((await client.options("/graphql", headers=preflight("null")), 400))
    for answer, status in answers:
        assert answer.status_code == status, answer.request.url
        for name in HEADERS:
            assert len(answer.headers.get_list(name)) == 1, (answer.request.url, name)
        # The console's own files are no secret, and are asked about each time.
        own = answer.request.url.path in ("/console", "/console/app.js")
        assert answer.headers["cache-control"] == ("no-cache" if own else "no-store")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "server" not in answer.headers
        assert len(answer.headers.get_list("x-request-id")) == 1


async def test_a_fault_outside_graphql_is_masked(database: Urls, ledger: Ledger) -> None:
    app = app_of(database, ledger)
    app.router.routes.append(Route("/broken", _break))
    async with client_of(app) as client:
        answer = await client.get("/broken", headers={"x-request-id": "abc"})
    (error,) = answer.json()["errors"]
    assert error == {"message": MASKED_MESSAGE, "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "abc"}}
    assert answer.headers["x-request-id"] == "abc"


class _Loads(HTMLParser):
    """What a page has loaded, and the hash that each has to have."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("src") or (given.get("href") if given.get("rel") == "stylesheet" else None)
        if address:
            self.found[address] = given.get("integrity")


async def test_the_editor_loads_its_own_files_and_no_others(database: Urls, ledger: Ledger) -> None:
    """Each as its address says what is in it, so that a browser may keep it."""
    async with client_of(app_of(database, ledger, sample=True)) as client:
        page = await client.get("/graphql", headers=BROWSER)
        policy = page.headers["content-security-policy"]
        assert re.findall(r"https?:", policy + page.text) == []
        assert "script-src 'self';" in policy
        assert "<script>" not in page.text
        loads = _Loads()
        loads.feed(page.text)
        assert len(loads.found) == len((*STYLES, *SCRIPTS, *OWN))
        for address in loads.found:
            assert address.startswith("/page/editor/")
            file = await client.get(address)
            assert file.status_code == 200
            assert file.headers["content-type"].split(";")[0] in ("text/css", "text/javascript")
            assert file.headers["cache-control"] == "private, max-age=31536000, immutable"
            assert hashlib.sha256(file.content).hexdigest().startswith(address.partition("?v=")[2])
        assert (await client.get("/page/editor/index.html")).status_code == 404


async def test_without_the_package_the_editor_s_page_says_what_is_missing(
    database: Urls, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "PACKAGE", "no_such_package_here")
    editor.editor_files.cache_clear()
    try:
        async with client_of(app_of(database, ledger, sample=True)) as client:
            page = await client.get("/graphql", headers=BROWSER)
            assert (page.status_code, "<script" in page.text) == (200, False)
            assert "the package graphene-django-graphiql-static is not installed" in page.text
            assert (await client.get("/page/editor/graphiql.min.js")).status_code == 404
    finally:
        editor.editor_files.cache_clear()


def test_the_editor_keeps_tokens_no_longer_than_its_tab() -> None:
    assert (editor.FOLDER / "editor.js").read_text().count("storage: window.sessionStorage,") == 1


# Switches.


@pytest.mark.parametrize(
    ("settings", "shown"),
    [({}, False), ({"sample": True}, True), ({"pages": True}, True), ({"sample": True, "pages": False}, False)],
)
async def test_pages_are_the_sample_s_or_as_set(
    database: Urls, ledger: Ledger, settings: dict[str, bool], shown: bool
) -> None:
    async with client_of(app_of(database, ledger, **settings)) as client:
        for path in ("/examples", "/page/front.css", "/page/front.js"):
            assert (await client.get(path)).status_code == (200 if shown else 404)
        answer = await client.get("/graphql", headers=BROWSER)
        assert (answer.status_code == 200, "GraphiQL" in answer.text) == (shown, shown)


async def test_metrics_can_be_turned_off(database: Urls, ledger: Ledger) -> None:
    async with client_of(app_of(database, ledger, metrics=False)) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_metrics_name_no_tenant_and_nobody(database: Urls, ledger: Ledger, tenant: Tenant) -> None:
    await tenant.adjust(await tenant.customer(), "1.00")
    async with client_of(app_of(database, ledger)) as client:
        asked = await client.post("/graphql", json={"query": "{ viewer { role } }"}, headers=bearer(tenant))
        assert asked.json()["data"]
        text = (await client.get("/metrics")).text
    assert "scrip_postings_total" in text
    for secret in (tenant.slug, str(tenant.id), tenant.id.hex, "Test & Co", "ann@test"):
        assert secret not in text


# Without introspection, errors give no name away either.

MISTAKES: Final[tuple[tuple[str, Any], ...]] = (
    ("{ viewr { role } }", None),
    ("{ viewer { rol } }", None),
    ("{ viewer }", None),
    ("{ viewer { role { x } } }", None),
    ("{ node(id: 1) { name } }", None),
    ("{ node(id: 1) { balances { asset } } }", None),
    ("{ customers(firs: 1) { edges { cursor } } }", None),
    ("{ customers { edges { node { ... on Custome { id } } } } }", None),
    ("fragment f on Custome { id } { viewer { ...f } }", None),
    ("fragment f on Viewer { role } { viewer { ...g } }", None),
    ("{ customer(by: {externalI: 1}) { id } }", None),
    ("{ customer(by: {}) { id } }", None),
    ("{ viewer @skp(if: true) { role } }", None),
    ("{ viewer @skip(i: true) { role } }", None),
    ("query($a: Rol) { viewer { role } }", None),
    ("query($a: AdjustCreditInpt!) { viewer { role } }", None),
    ("query($a: Viewer) { viewer { role } }", None),
    ("query($first: Int) { customers(first: $firs) { edges { cursor } } }", None),
    ("mutation { adjustCredi(input: {}) { replayed } }", None),
    ("mutation { adjustCredit(input: {customerI: 1, asse: 2}) { replayed } }", None),
    ("mutation { bulkCredit(input: {errorPolicy: REJECT_AL}) { replayed } }", None),
    ("mutation($a: AdjustCreditInput!) { adjustCredit(input: $a) { replayed } }", {"a": {"customerI": 1, "asse": 2}}),
    ("mutation($a: BulkCreditInput!) { bulkCredit(input: $a) { replayed } }", {"a": {"errorPolicy": "REJECT_AL"}}),
    ("query viewer { viewer { role } } query other { viewer { role } }", None),
    ("subscription { tick }", None),
    ("{ __schem { types { name } } }", None),
    ("{ __typ(name: 1) { name } }", None),
    ("{ viewer { __typenam } }", None),
)
_SUGGESTS: Final = re.compile(r"did you mean|perhaps you|maybe you|similar to|\bor try\b", re.IGNORECASE)


async def test_without_introspection_no_error_suggests_a_name(database: Urls, ledger: Ledger, tenant: Tenant) -> None:
    names = {query: None for query, _ in MISTAKES}
    assert len(names) == len(MISTAKES)

    async def messages(introspection: bool) -> list[list[str]]:
        async with client_of(app_of(database, ledger, introspection=introspection)) as client:
            answers = [
                await client.post("/graphql", json={"query": query, "variables": given}, headers=bearer(tenant))
                for query, given in MISTAKES
            ]
        assert all(answer.json()["errors"] for answer in answers)
        return [[error["message"] for error in answer.json()["errors"]] for answer in answers]

    suggested, hidden = await messages(True), await messages(False)
    assert sum(bool(_SUGGESTS.search(" ".join(errors))) for errors in suggested) >= 12
    assert not [errors for errors in hidden if _SUGGESTS.search(" ".join(errors))]
    for (query, _), with_names, without in zip(MISTAKES, suggested, hidden, strict=True):
        if "__sche" not in query and "__typ(" not in query:
            assert len(with_names) == len(without), query


def test_the_mistakes_are_of_every_kind_that_graphql_core_suggests_names_for() -> None:
    """Its rules that know the schema's names. A new one has to be looked at, and its mistake added above."""
    rules = {rule.__name__ for rule in specified_rules}
    assert {
        "FieldsOnCorrectTypeRule",
        "KnownArgumentNamesRule",
        "KnownTypeNamesRule",
        "ScalarLeafsRule",
        "ValuesOfCorrectTypeRule",
        "KnownDirectivesRule",
        "KnownFragmentNamesRule",
        "VariablesAreInputTypesRule",
    } <= rules


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Viewer") { name } }'])
async def test_introspection_can_be_turned_off(database: Urls, ledger: Ledger, tenant: Tenant, query: str) -> None:
    for introspection in (True, False):
        async with client_of(app_of(database, ledger, introspection=introspection)) as client:
            answer = (await client.post("/graphql", json={"query": query}, headers=bearer(tenant))).json()
            typename = (await client.post("/graphql", json={"query": "{ __typename }"})).json()
        assert ("data" in answer) is introspection
        assert typename["data"] == {"__typename": "Query"}


# Logs.


LOGGING: Final = """
import logging.config
from app.http.logs import log_config
logging.config.dictConfig(log_config("debug"))
path = "/graphql?query={customers(search:%22Ann%20Smith%22){edges{cursor}}}&token=hunter2"
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:9", "GET", path, "1.1", 200)
logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "127.0.0.1:9", path)
logging.getLogger("uvicorn.error").debug("< authorization: Bearer hunter3")
logging.getLogger("httpx").info("HTTP Request: GET https://issuer.example/keys?key=hunter4")
logging.getLogger("gateway.http.view").error("unexpected error", extra={"request_id": "r-1"})
"""


def test_no_query_string_is_logged_and_at_debug_no_header() -> None:
    said = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "GET /graphql?… HTTP/1.1" in said.stdout
    assert "WebSocket /graphql?…" in said.stderr
    assert "Ann" not in said.stdout + said.stderr
    assert "hunter" not in said.stdout + said.stderr
    # What clients are told to quote is what there is to search for.
    assert "unexpected error [r-1]" in said.stderr

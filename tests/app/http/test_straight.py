"""The straight way and the way through the layers: whatever is sent, the answer is the same to the letter, but
for the order of headers."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast

import httpx
import pytest
from starlette.applications import Starlette

from app.http.logs import JsonFormatter
from app.http.request_id import RequestIdFilter
from app.http.request_log import log
from app.http.straight import Fronted, StraightWay
from app.postgres.embedded import Urls
from gateway.http.view import GraphQLView
from models.ledger import Ledger
from tests.app.test_hardening import SHOP, app_of, bearer, client_of
from tests.support.tenants import Tenant, make_tenant

VIEWER: Final = {"query": "{ viewer { subject } }"}
JSON: Final = {"content-type": "application/json"}
LARGE: Final = b"x" * 300_000

COUNTED: Final = ("scrip_http_request_seconds_count", "scrip_http_requests_under_way", "scrip_refused_tokens_total")

Sent = tuple[str, dict[str, str], bytes]
"""Method, headers and body."""


def post(body: Any = VIEWER, method: str = "POST", **headers: str) -> Sent:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return method, {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}, raw


REQUESTS: Final[dict[str, Sent]] = {
    "a query": post(),
    "as the newer media type": post(accept="application/graphql-response+json"),
    "no type that is served": post(accept="text/csv"),
    "an id of its own": post(x_request_id="mine"),
    "an id that cannot be taken": post(x_request_id="two words"),
    "a token that is none": post(authorization="Bearer nonsense"),
    "no bearer": post(authorization="Basic abc"),
    "a partner's token that nobody issued": post(authorization=f"Bearer scrip_pt_{'a' * 43}"),
    "a field that is not there": post({"query": "{ nothing }"}),
    "the same as the newer media type": post({"query": "{ nothing }"}, accept="application/graphql-response+json"),
    "a refused field": post({"query": "{ partnerTokens { edges { node { id } } } }"}),
    "no syntax": post({"query": "{"}),
    "a subscription": post({"query": "subscription { x }"}),
    "no operation": post({"query": "query A { viewer { subject } } query B { viewer { subject } }"}),
    "no JSON": post(b"{"),
    "a list": post([VIEWER]),
    "another content type": post(content_type="text/plain"),
    "a content encoding": post(content_encoding="gzip"),
    "without a token": post(authorization=""),
    "the schema without a token": post({"query": "{ __schema { queryType { name } } }"}, authorization=""),
    "more than nobody may send": post(LARGE, authorization=""),
    "another origin's": post(origin=SHOP),
    "an origin's that may not": post(origin="https://evil.example"),
    "GET": post(b"", method="GET"),
    "PUT": post(method="PUT"),
    "a preflight": post(b"", method="OPTIONS", origin=SHOP, access_control_request_method="POST"),
}


class Lines(logging.Handler):
    """Keeps the lines about requests as they are written, but for what depends on the instant."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.addFilter(RequestIdFilter())
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(self.format(record))
        assert line.pop("duration_ms") > 0
        assert line.pop("time")
        assert line.pop("request_id")
        self.lines.append(line)

    def taken(self) -> list[dict[str, Any]]:
        """Those since the last time."""
        lines, self.lines = self.lines, []
        return lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines, level = Lines(), log.level
    log.setLevel(logging.INFO)
    log.addHandler(lines)
    yield lines
    log.removeHandler(lines)
    log.setLevel(level)


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


def layered(app: Starlette) -> Starlette:
    """The app without its straight way."""
    assert isinstance(app, Fronted)
    assert [cast("object", each.cls) for each in app.front] == [StraightWay]
    app.front = ()
    return app


async def told(client: httpx.AsyncClient, sent: Sent, tenant: Tenant) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body. What is left of a quota depends on the second, and an id that was made on chance."""
    method, headers, body = sent
    headers = {**bearer(tenant), **headers}
    if not headers["authorization"]:
        del headers["authorization"]
    answer = await client.request(method, "/graphql", headers=headers, content=body)
    made = answer.headers["x-request-id"]
    assert made == "mine" or headers.get("x-request-id") != "mine"
    timely = ("ratelimit", "x-request-id")
    shown = [(name, "" if name in timely else value) for name, value in answer.headers.multi_items()]
    content = answer.json() if answer.content.startswith(b"{") else {}
    content.get("extensions", {}).pop("rateLimit", None)
    content.get("extensions", {}).get("cost", {}).pop("resetAt", None)
    content.get("extensions", {}).get("cost", {}).pop("remaining", None)
    return answer.status_code, sorted(shown), json.dumps(content).replace(made, "").encode()


@pytest.mark.parametrize("origins", [(), (SHOP,)])
async def test_both_ways_answer_the_same(
    database: Urls, ledger: Ledger, tenant: Tenant, origins: tuple[str, ...]
) -> None:
    async with (
        client_of(app_of(database, ledger, cors_origins=origins, metrics=True)) as straight,
        client_of(layered(app_of(database, ledger, cors_origins=origins, metrics=True))) as through,
    ):
        for name, sent in REQUESTS.items():
            assert await told(straight, sent, tenant) == await told(through, sent, tenant), name
        counts = [
            [line for line in (await client.get("/metrics")).text.splitlines() if line.startswith(COUNTED)]
            for client in (straight, through)
        ]
    assert len(counts[0]) > len(COUNTED)
    assert counts[0] == counts[1]


async def test_an_unexpected_error_on_the_way_is_answered_as_any_other(
    database: Urls, ledger: Ledger, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the cellar is flooded")

    monkeypatch.setattr(GraphQLView, "answer", broken)
    async with client_of(app_of(database, ledger)) as straight, client_of(layered(app_of(database, ledger))) as through:
        answers = [await told(client, post(x_request_id="mine"), tenant) for client in (straight, through)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 500
    assert b"flooded" not in answers[0][2]


async def test_both_ways_write_the_same_line(database: Urls, ledger: Ledger, tenant: Tenant, lines: Lines) -> None:
    asked = {"once": post(), "again": post(), "compiled by now": post(), **REQUESTS}
    async with (
        client_of(app_of(database, ledger, log_format="json")) as straight,
        client_of(layered(app_of(database, ledger, log_format="json"))) as through,
    ):
        for name, sent in asked.items():
            found = []
            for client in (straight, through):
                status, *_ = await told(client, sent, tenant)
                (line,) = lines.taken()
                assert (line["method"], line["path"], line["status"]) == (sent[0], "/graphql", status), name
                found.append(line)
            assert found[0] == found[1], name
            if sent == post():
                known = {"actor": "ann@test", "role": "admin", "tenant": tenant.slug, "operation": "viewer"}
                assert found[0].items() >= known.items(), name


async def test_an_unexpected_error_has_its_line(
    database: Urls, ledger: Ledger, tenant: Tenant, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the cellar is flooded")

    monkeypatch.setattr(GraphQLView, "answer", broken)
    async with client_of(app_of(database, ledger, log_format="json")) as client:
        await told(client, post(), tenant)
    (line,) = lines.taken()
    assert (line["status"], line["tenant"]) == (500, tenant.slug)


async def test_logs_as_text_have_no_such_line(database: Urls, ledger: Ledger, tenant: Tenant, lines: Lines) -> None:
    async with client_of(app_of(database, ledger)) as client:
        await told(client, post(), tenant)
    assert lines.taken() == []

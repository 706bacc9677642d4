"""The log of a server as it runs: as text each line has its time, as JSON each line is an object."""

import asyncio
import json
import logging
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.http.logs import JsonFormatter
from app.http.request_id import RequestIdFilter, RequestIdMiddleware
from app.http.request_log import RequestLog, who_asks
from app.postgres.embedded import Urls
from auth.principal import Principal
from auth.roles import Role
from auth.tokens import issue
from models.ledger import Ledger
from tests.app.cli.test_run import Scrip, wait_for
from tests.support.tenants import Tenant, make_tenant

SECRET = "a secret for servers under test, and long enough"
TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR): +\S.* \[[^\]]+\]\n")
ASKED = "query Secretive($by: CustomerBy!) { customer(by: $by) { id } viewer { subject } }"


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    ledger = Ledger()
    yield await make_tenant(ledger)
    await ledger.close()


@pytest.fixture
def start(tmp_path: Path, database_urls: Urls) -> Iterator[Callable[..., Scrip]]:
    started: list[Scrip] = []

    def begin(command: str, **variables: str) -> Scrip:
        given = {"DATABASE_URL": database_urls.app, "SCRIP_JWT_SECRET": SECRET, **variables}
        started.append(Scrip(command, cwd=tmp_path, **given))
        return started[-1]

    yield begin
    for scrip in started:
        scrip.process.kill()
        scrip.wait()
    shutil.rmtree(tmp_path / ".scrip", ignore_errors=True)


def token(tenant: Tenant) -> str:
    return issue(
        SECRET,
        issuer="scrip",
        audience="scrip",
        tenant=tenant.slug,
        subject="sam",
        role=Role.STAFF,
        issued_at=datetime.now(UTC),
        lifetime=timedelta(hours=1),
        token_id="t-1",
        name="Samuel Secretive",
        client_id="desk",
    )


def objects(scrip: Scrip) -> list[dict[str, Any]]:
    return [json.loads(line) for line in scrip.said]


async def test_as_json_each_request_has_a_line(tenant: Tenant, start: Callable[..., Scrip]) -> None:
    scrip = start("serve", SCRIP_LOG_FORMAT="json", SCRIP_PORT="0")
    where = wait_for(lambda: next((each for each in objects(scrip) if "Scrip is at" in each["message"]), None))
    base = where["message"].split()[3].removesuffix("/graphql")
    wait_for(lambda: any("startup complete" in each["message"] for each in objects(scrip)) or None)
    bearer = token(tenant)
    body = {"query": ASKED, "variables": {"by": {"externalId": "Ann Secretive"}}}
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        headers = {"authorization": f"Bearer {bearer}", "x-request-id": "r-1"}
        assert (await client.post("/graphql?secretive=1", json=body, headers=headers)).status_code == 200
        refused = await client.post("/graphql", json=body, headers={"authorization": "Bearer x.y.z"})
        assert refused.status_code == 401
        assert (await client.get("/health/live")).status_code == 200

    wait_for(lambda: len([each for each in objects(scrip) if each["logger"] == "scrip.requests"]) >= 2 or None)
    first, second = (each for each in objects(scrip) if each["logger"] == "scrip.requests")
    assert 0 < first.pop("duration_ms") < 30_000
    at = datetime.fromisoformat(first.pop("time"))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)
    assert first == {
        "level": "info",
        "logger": "scrip.requests",
        "message": "request",
        "request_id": "r-1",
        "actor": "sam",
        "role": "staff",
        "client": "desk",
        "tenant": tenant.slug,
        "operation": "customer viewer",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
    }
    assert (second["status"], "actor" in second) == (401, False)
    said = "".join(scrip.said)
    for secret in (bearer, "ecretive", SECRET, "hunter", "x.y.z"):
        assert secret not in said


async def test_a_fault_tells_who_asked_although_it_is_logged_after_all_layers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As uvicorn does: in the request's task, once everything around the app has ended."""

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"] = Principal(
            "tea-shop", "sam", Role.STAFF, frozenset(), "Sam", "desk", None, None, datetime.now(UTC)
        )
        raise RuntimeError("no")

    scope = {"type": "http", "method": "GET", "path": "/statements/x.csv", "headers": [(b"x-request-id", b"r-9")]}
    app = RequestIdMiddleware(RequestLog(fails), lambda: "made")
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "Exception in ASGI application", None, None)

    async def as_uvicorn_does() -> dict[str, Any]:
        with pytest.raises(RuntimeError):
            await app(scope, None, None)  # type: ignore[arg-type]
        RequestIdFilter().filter(record)
        line: dict[str, Any] = json.loads(JsonFormatter().format(record))
        return line

    line = await asyncio.create_task(as_uvicorn_does())
    assert line.items() >= {"request_id": "r-9", "actor": "sam", "tenant": "tea-shop", "client": "desk"}.items()
    assert who_asks() == {}


async def test_as_text_each_line_has_its_time(start: Callable[..., Scrip]) -> None:
    scrip = start("serve", SCRIP_PORT="0")
    scrip.url()
    logged = [line for line in scrip.said if not line.startswith("Scrip is at")]
    assert logged
    assert [line for line in logged if not TIMED.fullmatch(line)] == []


def test_a_fault_is_one_line_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError("no\nsuch thing")
    except RuntimeError:
        logging.getLogger("scrip").exception("it failed: %s", {"é": 1})
    (record,) = caplog.records
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["message"]) == ("error", "it failed: {'é': 1}")
    assert "RuntimeError: no\nsuch thing" in told["error"]

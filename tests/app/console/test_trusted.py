"""A production that runs trusted documents alone still serves the console: its operations are trusted where it is on."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from app.console.operations import read_operations
from app.console.routes import FOLDER
from app.postgres.embedded import Urls
from auth.roles import Role
from auth.tokens import issue
from gateway.trusted import sha256_of
from models.ledger import Ledger
from tests.app.cli.test_run import Scrip
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for servers under test, and long enough"
HELLO: Final = "query Shop { viewer { role } }"
OTHER: Final = "{ viewer { subject } }"
NOT_TRUSTED: Final = "DOCUMENT_NOT_TRUSTED"


@pytest.fixture
async def tenant(database: Urls) -> Tenant:
    ledger = Ledger()
    made = await make_tenant(ledger)
    await ledger.close()
    return made


class Server:
    """`scrip serve` with manifests."""

    def __init__(self, folder: Path, urls: Urls, tenant: Tenant, manifests: str, **variables: str) -> None:
        files = {"SCRIP_TRUSTED_DOCUMENTS": str(folder / manifests)}
        self.scrip = Scrip("serve", cwd=folder, DATABASE_URL=urls.app, SCRIP_JWT_SECRET=SECRET, **files, **variables)
        self.url = self.scrip.url()
        self.tenant = tenant

    async def ask(self, query: str, client: str | None = None) -> Any:
        """The answer to a document sent as the console sends it, by a token of a client."""
        bearer = issue(
            SECRET,
            issuer="scrip",
            audience="scrip",
            tenant=str(self.tenant.id),
            subject="ada",
            role=Role.ADMIN,
            issued_at=datetime.now(UTC),
            lifetime=timedelta(minutes=5),
            token_id=str(uuid4()),
            client_id=client,
        )
        async with httpx.AsyncClient(base_url=self.url, headers={"authorization": f"Bearer {bearer}"}) as http:
            return (await http.post("/graphql", json={"query": query})).json()

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url) as browser:
            return await browser.get(path)

    def stop(self) -> None:
        self.scrip.process.kill()
        self.scrip.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    for name in ("web", "till"):
        (tmp_path / "manifests" / f"{name}.json").write_text(json.dumps({sha256_of(HELLO): HELLO}))
    return tmp_path


def code(answer: Any) -> str | None:
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


async def test_the_consoles_operations_run_and_no_others(folder: Path, database: Urls, tenant: Tenant) -> None:
    provider = {"SCRIP_CONSOLE_ISSUER": "https://login.example", "SCRIP_CONSOLE_CLIENT_ID": "till"}
    server = await asyncio.to_thread(Server, folder, database, tenant, "manifests", SCRIP_CONSOLE="true", **provider)
    try:
        assert (await server.get("/console")).status_code == 200
        served = (await server.get("/console/operations.json")).json()
        assert served == read_operations(FOLDER / "operations")
        assert (await server.ask(served["Viewer"]))["data"]["viewer"]["role"] == "ADMIN"
        assert code(await server.ask(served["Webhooks"])) is None
        assert (await server.ask(HELLO))["data"]["viewer"]["role"] == "ADMIN"
        assert code(await server.ask(OTHER)) == NOT_TRUSTED
        # A client with a manifest of its own runs what that says; the console's own client, what both do.
        assert code(await server.ask(served["Viewer"], "web")) == NOT_TRUSTED
        assert code(await server.ask(served["Viewer"], "till")) is None
        assert code(await server.ask(HELLO, "till")) is None
        assert code(await server.ask(served["Viewer"], "console")) is None
    finally:
        server.stop()


async def test_without_the_console_they_are_not_trusted(folder: Path, database: Urls, tenant: Tenant) -> None:
    server = await asyncio.to_thread(Server, folder, database, tenant, "manifests/web.json")
    try:
        assert (await server.get("/console")).status_code == 404
        assert code(await server.ask(read_operations(FOLDER / "operations")["Viewer"])) == NOT_TRUSTED
        assert code(await server.ask(HELLO)) is None
    finally:
        server.stop()


def test_they_are_printed_as_a_manifest() -> None:
    command = [sys.executable, "-m", "app.cli", "documents"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert printed == {sha256_of(text): text for text in read_operations(FOLDER / "operations").values()}

"""Secrets stand nowhere that people look: not in logs at their loudest, not in answers, tracebacks, metrics or help."""

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from app.postgres.embedded import Urls
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from app.tokens.refused import MAX_LINES_A_MINUTE, MAX_REASONS, OTHER_REASONS, RefusedTokens
from auth.errors import TokenError
from auth.keys import SharedSecret
from auth.roles import Role
from auth.tokens import TokenVerifier, issue
from tests.app.cli.test_run import ROOT, Scrip
from tests.conftest import cloned_database
from tests.support.logged import logged
from tests.support.sockets import opened

SECRET: Final = "a signing secret of this test alone, and long enough"
LOUD: Final = """import logging.config, sys
sys.stdout = sys.stderr
configure = logging.config.dictConfig
def loudly(config):
    configure(config)
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
logging.config.dictConfig = loudly
"""
"""Run by Python before anything else: whatever logs is heard, and all of it is in one stream."""
VIEWER: Final = "{ viewer { subject } }"
ISSUE: Final = """mutation { issueToken(input: {client: "shop", name: "Till", scopes: ["customers:read"]}) {
  secret token { id } userErrors { code } } }"""
REVOKE: Final = "mutation($id: ID!) { revokeToken(input: {tokenId: $id}) { userErrors { code } } }"


def signed(tenant: str, secret: str = SECRET, *, age: timedelta = timedelta(), role: Role = Role.ADMIN) -> str:
    return issue(
        secret,
        issuer="scrip",
        audience="scrip",
        tenant=tenant,
        subject="ada",
        role=role,
        issued_at=datetime.now(UTC) - age,
        lifetime=timedelta(hours=1),
        token_id=uuid4().hex,
    )


class Watched:
    """A server at its loudest, all that it answered, and the secrets that went in."""

    def __init__(self, scrip: Scrip, base: str, tenant: str, urls: Urls) -> None:
        self.scrip, self.base, self.tenant = scrip, base, tenant
        self.database = urlsplit(urls.app).path.removeprefix("/")
        self.http = httpx.AsyncClient(base_url=base, timeout=30)
        self.answers: list[str] = []
        self.secrets: dict[str, str] = {"the signing secret": SECRET}
        for name, url in (("the app's password", urls.app), ("the owner's password", urls.owner)):
            password = urlsplit(url).password
            assert password
            self.secrets[name] = password

    def knows(self, name: str, token: str) -> str:
        """The token is a secret from here on: all of it, and the part that proves it."""
        self.secrets[name] = token[-30:]
        return token

    async def send(
        self, token: str | None, body: object = None, to: str = "/graphql", **headers: str
    ) -> httpx.Response:
        """POST the body, or GET; the answer is kept."""
        given = headers | ({} if token is None else {"authorization": f"Bearer {token}"})
        answer = await (
            self.http.get(to, headers=given) if body is None else self.http.post(to, json=body, headers=given)
        )
        self.answers.append(f"{answer.headers} {answer.text}")
        return answer

    async def ask(self, token: str, query: str, **variables: object) -> Any:
        answer = (await self.send(token, {"query": query, "variables": variables})).json()
        return answer.get("data")

    def found(self) -> list[tuple[str, str]]:
        """Each secret that stands somewhere, with the line."""
        said = [*self.scrip.said, *self.answers]
        return [(name, line) for line in said for name, secret in self.secrets.items() if secret in line]


@pytest.fixture
async def watched(server: Urls, tmp_path: Path) -> AsyncIterator[Watched]:
    """On a database of its own, which a test may take away."""
    (tmp_path / "sitecustomize.py").write_text(LOUD)
    async with cloned_database(server, f"secrets_{uuid4().hex}") as urls:
        slug = await _make_tenant(urls)
        scrip = Scrip(
            "serve",
            cwd=tmp_path,
            DATABASE_URL=urls.app,
            SCRIP_MIGRATION_DATABASE_URL=urls.owner,
            SCRIP_JWT_SECRET=SECRET,
            SCRIP_LOG_LEVEL="debug",
            PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}",
        )
        try:
            watched = Watched(scrip, scrip.url(), slug, urls)
            yield watched
            await watched.http.aclose()
        finally:
            scrip.process.kill()
            scrip.wait()


async def _make_tenant(urls: Urls) -> str:
    """By SQL: this process has the models' pool on another database."""
    connection, tenant_id, slug = await asyncpg.connect(urls.app), uuid4(), f"t-{uuid4().hex}"
    async with connection.transaction():
        await connection.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")
        await connection.execute(
            """INSERT INTO tenants (id, slug, name, time_zone, grace_days, approval_hours, config_version, created_at)
            VALUES ($1, $2, 'Tea shop', 'UTC', 60, 24, 1, now())""",
            tenant_id,
            slug,
        )
    await connection.close()
    return slug


async def with_tokens_of_every_kind(watched: Watched) -> None:
    """Good and bad ones, where they belong and where they do not."""
    good = watched.knows("a good token", signed(watched.tenant))
    assert (await watched.ask(good, VIEWER))["viewer"] == {"subject": "ada"}
    answer = await watched.http.post("/graphql", json={"query": ISSUE}, headers={"authorization": f"Bearer {good}"})
    issued = answer.json()["data"]["issueToken"]  # the one place that it is told at
    partner = watched.knows("a partner's token", issued["secret"])
    assert (await watched.ask(partner, VIEWER))["viewer"] == {"subject": "shop"}
    bad = {
        "an expired token": signed(watched.tenant, age=timedelta(hours=2)),
        "a forged token": signed(watched.tenant, "another secret, which is just as long as ours is"),
        "a token of nobody's": signed("nobody's"),
        "a guessed partner's token": partner[:-8] + "AAAAAAAA",
        "a mangled token": good[:-4] + "!!!!",
    }
    for name, token in bad.items():
        watched.knows(name, token)
    for token in (good, partner, *bad.values()):
        await watched.send(token, {"query": VIEWER})
        await watched.send(token, {"query": "{ nope }"})
        await watched.send(token, to="/statements/nope.csv")
        await watched.send(
            None, to=f"/graphql?query={quote(VIEWER)}&access_token={token}&authorization=Bearer%20{token}"
        )
        await watched.send(None, to=f"/nowhere?token={token}")
        await watched.send(
            None, {"query": VIEWER}, cookie=f"token={token}", **{"x-api-key": token, "x-request-id": token}
        )
        await watched.send(
            good,
            {
                "query": "query($s: String) { customers(search: $s) { edges { cursor } } }",
                "variables": {"s": token},
                "extensions": {"token": token},
            },
        )
        await _by_websocket(watched, token)
    assert (await watched.ask(good, REVOKE, id=issued["token"]["id"]))["revokeToken"] == {"userErrors": []}
    await watched.send(partner, {"query": VIEWER})


async def _by_websocket(watched: Watched, token: str) -> None:
    base = watched.base.replace("http://", "ws://")
    async with opened(base) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        if "ack" in json.dumps(first := await _first(socket)):
            answer = await socket.ask(VIEWER)
            watched.answers.append(json.dumps([first, answer]))
        else:
            watched.answers.append(json.dumps(first))


async def _first(socket: Any) -> Any:
    try:
        return await socket.receive()
    except ConnectionClosed:
        return [socket.connection.close_code, socket.connection.close_reason]


async def test_no_token_and_no_password_is_logged_or_answered_whatever_goes_wrong(
    watched: Watched, server: Urls
) -> None:
    await with_tokens_of_every_kind(watched)
    good = signed(watched.tenant)
    watched.knows("a last token", good)
    owner = await asyncpg.connect(server.owner.replace("/scrip?", f"/{watched.database}?"))
    await owner.execute("ALTER TABLE tiers RENAME TO tears")  # whatever reads it fails from here on
    await owner.close()
    assert (await watched.ask(good, "{ tiers { name } }")) == {"tiers": None}
    admin = await asyncpg.connect(server.admin.replace("/scrip?", "/postgres?"))
    await admin.execute(f'ALTER DATABASE "{watched.database}" ALLOW_CONNECTIONS false')
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", watched.database)
    await admin.close()
    for _ in range(3):
        await watched.send(good, {"query": "{ customers { edges { cursor } } }"})
        await watched.send(good, to="/health/ready")
    await watched.send(None, to="/metrics")
    watched.scrip.end(signal.SIGTERM)
    said = "".join(watched.scrip.said)
    assert watched.found() == []
    # The test would see it: the log is as loud as it gets, and faults stand in it with their tracebacks.
    assert "DEBUG" in said
    assert "GET /graphql?" in said
    assert "UndefinedTableError" in said
    assert "token refused: the token has expired" in said
    assert 'scrip_refused_tokens_total{reason="the token has expired"}' in "".join(watched.answers)


async def test_refused_tokens_are_counted_by_why_and_logged_so_many_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    at = datetime.now(UTC)
    refused = RefusedTokens(lambda: at)
    caplog.set_level(logging.WARNING)
    for _ in range(MAX_LINES_A_MINUTE + 5):
        refused.note("the token has expired", "r-1", "203.0.113.9")
    assert refused.counts == {"the token has expired": MAX_LINES_A_MINUTE + 5}
    assert len(logged(caplog)) == MAX_LINES_A_MINUTE
    assert logged(caplog)[0].getMessage() == "token refused: the token has expired; request r-1 from 203.0.113.9"
    at += timedelta(minutes=1)
    refused.note("this is not a signed token", None, None)
    assert logged(caplog)[-1].getMessage() == (
        "token refused: this is not a signed token; request - from - (5 more were not logged)"
    )
    for n in range(MAX_REASONS * 2):
        refused.note(f"reason {n}", None, None)
    assert len(refused.counts) == MAX_REASONS + 1
    assert refused.counts[OTHER_REASONS] == MAX_REASONS + 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hun/ter2@db:5432/d",
        "postgresql://u:hun#ter2@db:5432/d",
        "postgresql://u:hun?ter2@db:5432/d",
        "postgresql://u:hun[ter2@db:5432/d",
        "postgresql://u@x:hun:ter2@db:5432/d",
        "postgresql://u:5/hunter2@db:5432/d",
        "postgresql://u:hunter2@db:99999/d",
        "postgresql://u:5?hunter2@db/d",
        "mysql://u:hunter2@db/d",
        "hunter2",
    ],
)
def test_a_url_that_is_wrong_is_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SCRIP_MIGRATION_DATABASE_URL"):
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:good@db/d")
        monkeypatch.setenv(name, url)
        with pytest.raises(SetupProblem) as caught:
            load_settings()
        assert name in str(caught.value)
        told = "".join(traceback.format_exception(caught.value))
        assert not any(part in told for part in ("hun", "ter2", "u:5")), told


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        if name.endswith(("_secret", "database_url", "rate_limit_url")):
            assert "SecretStr" in str(field.annotation), name
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter1@db/scrip")
    monkeypatch.setenv("SCRIP_MIGRATION_DATABASE_URL", "postgresql://owner:hunter2@db/scrip")
    monkeypatch.setenv("SCRIP_JWT_SECRET", "hunter3 is the secret, and long enough for it")
    monkeypatch.setenv("SCRIP_RATE_LIMIT_URL", "redis://:hunter4@cache/0")
    settings = load_settings()
    assert "hunter" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_principal_and_the_keys_show_no_token() -> None:
    token = signed("tea")
    keys = SharedSecret(SECRET)
    verifier = TokenVerifier(keys, "scrip", "scrip", lambda: datetime.now(UTC))
    shown = f"{verifier.verify(token)!r} {verifier!r} {keys!r} {vars(keys)!r}"
    assert SECRET not in shown
    assert token not in shown
    assert base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=") not in shown
    for bad in (token[:-4] + "!!!!", f"{token}x", token.partition(".")[2], signed("tea", "another" * 8)):
        with pytest.raises(TokenError) as caught:
            verifier.verify(bad)
        told = "".join(traceback.format_exception(caught.value))
        assert bad not in told
        assert bad[-20:] not in told


@pytest.mark.parametrize(
    "arguments", [("--help",), ("token", "--help"), ("migrate",), ("verify",), ("work", "--once")], ids=" ".join
)
def test_the_command_line_tells_no_secret(arguments: tuple[str, ...], tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    variables = {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": "postgresql://app:hunter1@127.0.0.1:1/d",
        "SCRIP_PORT": "0",
        "SCRIP_MIGRATION_DATABASE_URL": "postgresql://owner:hunter2@127.0.0.1:1/d",
        "SCRIP_JWT_SECRET": SECRET,
    }
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=tmp_path,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stdout + done.stderr
    assert (done.returncode == 0) == ("--help" in arguments), told
    assert told
    assert not any(secret in told for secret in ("hunter", SECRET))
    assert "Traceback" not in told

"""`scrip token`: what it prints is taken by a server with the same settings."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.cli.token import make_token, token_command
from app.problems import SetupProblem
from app.settings import Settings
from app.tokens.keys import KEPT_IN, made_secret, token_keys, token_secret
from auth.keys import SharedSecret
from auth.principal import Principal
from auth.roles import Role, Scope, scopes_of
from auth.tokens import TokenVerifier

NOW = datetime.fromtimestamp(int(time.time()), UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """As beside a `scrip run` with a secret of its own."""
    settings = Settings(data_dir=tmp_path / "data", jwt_secret=None, jwks_url=None, jwks_file=None)
    made_secret(settings)
    return settings


def _made(settings: Settings, role: Role, **options: str) -> Principal:
    token = make_token(settings, tenant="demo", role=role, issued_at=NOW, token_id="t1", **options)
    keys = SharedSecret(token_secret(settings))
    return TokenVerifier(keys, settings.jwt_issuer, settings.jwt_audience, lambda: NOW).verify(token)


@pytest.mark.parametrize("role", [Role.STAFF, Role.MANAGER, Role.ADMIN])
def test_a_role_is_enough(settings: Settings, role: Role) -> None:
    principal = _made(settings, role)
    assert (principal.tenant, principal.role, principal.token_id) == ("demo", role, "t1")
    assert principal.scopes == scopes_of(role)
    assert principal.subject == f"{role.value}@demo"
    assert principal.expires_at == NOW + timedelta(hours=1)


def test_a_partner_has_its_scopes_and_a_customer_a_name(settings: Settings) -> None:
    partner = _made(settings, Role.PARTNER, subject="till", scope="ledger:read credits:add")
    assert (partner.client_id, partner.scopes) == ("till", frozenset({Scope.LEDGER_READ, Scope.CREDITS_ADD}))
    assert _made(settings, Role.PARTNER).scopes == frozenset()
    customer = _made(settings, Role.CUSTOMER, customer="\u00a0C 17 ")
    assert (customer.customer, customer.subject) == ("C 17", "C 17")


@pytest.mark.parametrize(("ttl", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7200), ("7d", 604_800)])
def test_how_long_a_token_is_good_for(settings: Settings, ttl: str, seconds: int) -> None:
    assert _made(settings, Role.STAFF, ttl=ttl).expires_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("ttl", ["", "1", "h", "0h", "-1h", "1.5h", "1h30m", "1w", "99999d", "1 h", "\uff11h"])
def test_a_lifetime_that_makes_no_sense(settings: Settings, ttl: str) -> None:
    with pytest.raises(SetupProblem):
        _made(settings, Role.STAFF, ttl=ttl)


@pytest.mark.parametrize(
    ("role", "options", "reason"),
    [
        (Role.STAFF, {"scope": "ledger:read ledger:write"}, "No such scope: ledger:write"),
        (Role.CUSTOMER, {}, "name a customer"),
        (Role.STAFF, {"customer": "C1"}, "name a customer"),
        (Role.STAFF, {"subject": "a\nb"}, "sub"),
    ],
)
def test_what_a_server_would_refuse_is_not_issued(
    settings: Settings, role: Role, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(SetupProblem, match=reason):
        _made(settings, role, **options)


def test_the_secret_is_the_one_that_is_set_or_kept(settings: Settings) -> None:
    kept = token_secret(settings)
    assert token_secret(settings) == kept
    assert (settings.data_dir / KEPT_IN).read_text().strip() == kept
    given = Settings(data_dir=settings.data_dir, jwt_secret="g" * 40)
    assert token_secret(given) == "g" * 40
    assert _made(given, Role.STAFF).role is Role.STAFF


def test_a_short_secret_stops_the_server_and_the_command(settings: Settings) -> None:
    short = Settings(data_dir=settings.data_dir, jwt_secret="short")
    with pytest.raises(SetupProblem, match="at least 32"):
        token_keys(short)
    with pytest.raises(SetupProblem, match="at least 32"):
        make_token(short, tenant="demo", role=Role.STAFF, issued_at=NOW, token_id="t1")


def test_nobody_but_run_makes_up_a_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", jwt_secret=None, jwks_url=None, jwks_file=None)
    with pytest.raises(SetupProblem, match="no keys to check tokens with"):
        token_keys(settings)
    with pytest.raises(SetupProblem, match="no secret to sign tokens with"):
        token_secret(settings)
    assert not settings.data_dir.exists()
    assert made_secret(settings) == token_secret(settings)
    with pytest.raises(SetupProblem, match="no keys to check tokens with"):  # not even one that is there
        token_keys(settings)


def test_who_has_no_secret_issues_no_tokens(tmp_path: Path) -> None:
    other = Settings(data_dir=tmp_path / "data", jwks_url="https://issuer.test/jwks")
    for secret in (token_secret, made_secret):
        with pytest.raises(SetupProblem, match="owner of the key set"):
            secret(other)
    assert token_keys(other).algorithms == {"RS256", "ES256", "EdDSA"}
    with pytest.raises(SetupProblem, match="must be https"):
        token_keys(Settings(data_dir=tmp_path / "data", jwks_url="http://issuer.test/jwks"))
    assert not other.data_dir.exists()


def _run(monkeypatch: pytest.MonkeyPatch, settings: Settings, *arguments: str) -> Result:
    """The command, where the tenant is there; test_tenant.py has it with a database."""
    monkeypatch.setattr("app.cli.token.load_settings", lambda: settings)
    monkeypatch.setattr("app.cli.token.check_tenant", lambda *_: None)
    program = typer.Typer()
    program.command()(token_command)
    return CliRunner().invoke(program, ["--tenant", "demo", *arguments])


def test_the_command_prints_just_the_token(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    result = _run(monkeypatch, settings, "--role", "staff", "--subject", "sam", "--ttl", "5m")
    assert (result.exit_code, result.stderr) == (0, "")
    (token,) = result.stdout.splitlines()
    verifier = TokenVerifier(SharedSecret(token_secret(settings)), "scrip", "scrip", lambda: datetime.now(UTC))
    assert verifier.verify(token).subject == "sam"


def test_the_command_says_what_a_partner_lacks(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    result = _run(monkeypatch, settings, "--role", "partner")
    assert (result.exit_code, len(result.stdout.split())) == (0, 1)
    assert "--scope" in result.stderr


def test_the_command_knows_the_roles(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    result = _run(monkeypatch, settings, "--role", "root")
    assert (result.exit_code, result.stdout) == (2, "")

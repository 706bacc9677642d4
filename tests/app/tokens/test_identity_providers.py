"""Tokens as identity providers make them, taken by a server that is set as docs/identity-providers.md says."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from app.postgres.embedded import Urls
from models.ledger import Ledger
from tests.app.cli.test_run import Scrip
from tests.support.tenants import Tenant, make_tenant

PAGE: Final = (Path(__file__).parents[3] / "docs/identity-providers.md").read_text()
KEYCLOAK: Final[dict[str, Any]] = {
    "iss": "https://sso.example/realms/tea",
    "aud": ["scrip", "account"],
    "sub": "8a0e1a7e-0c0e-4f2b-8f6e-0f6b2d1c9a11",
    "typ": "Bearer",
    "azp": "back-office",
    "acr": "1",
    "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-tea"]},
    "resource_access": {"scrip": {"roles": ["staff", "manager"]}, "account": {"roles": ["view-profile"]}},
    "scope": "openid profile email",
    "name": "Maria Manager",
    "preferred_username": "maria",
    "tenant": "tea-shop",
}
ENTRA: Final[dict[str, Any]] = {
    "aud": "APP",
    "iss": "https://login.microsoftonline.com/TENANT/v2.0",
    "azp": "f0e1",
    "azpacr": "0",
    "name": "Maria Manager",
    "oid": "00000000-0000-0000-66f3-3332eca7ea81",
    "roles": ["Scrip.Manager"],
    "scp": "access_as_user",
    "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
    "tid": "TENANT",
    "ver": "2.0",
}
GOOGLE: Final[dict[str, Any]] = {
    "iss": "https://accounts.google.com",
    "azp": "1234.apps.googleusercontent.com",
    "aud": "1234.apps.googleusercontent.com",
    "sub": "110169484474386276334",
    "hd": "tea.example",
    "email": "maria@tea.example",
    "email_verified": True,
    "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
    "name": "Maria Manager",
}
PROVIDERS: Final = {"Keycloak": KEYCLOAK, "Microsoft Entra ID": ENTRA, "Google": GOOGLE}
SUBJECTS: Final = {"Keycloak": KEYCLOAK["sub"], "Microsoft Entra ID": ENTRA["oid"], "Google": GOOGLE["sub"]}
REFUSED: Final[dict[str, list[tuple[dict[str, Any], str]]]] = {
    "Keycloak": [
        ({"aud": "account"}, "another audience"),
        ({"typ": "ID", "aud": ["scrip"]}, "not an access token"),
        ({"resource_access": {"account": {"roles": ["admin"]}}}, "no role known here"),
        ({"tenant": None}, "no tenant"),
    ],
    "Microsoft Entra ID": [
        ({"tid": "ANOTHER"}, "tenant is none of those known"),
        ({"roles": ["Admin"]}, "no role known here"),
    ],
    "Google": [({"hd": "evil.example"}, "tenant is none"), ({"email": "eve@tea.example"}, "no role known here")],
}


def settings_of(provider: str) -> dict[str, str]:
    """As the page has them."""
    section = PAGE.partition(f"\n## {provider}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r'^export (\w+)="?(.*?)"?$', section, re.MULTILINE))


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
async def tenant(database: Urls) -> Any:
    ledger = Ledger()
    tenant = await make_tenant(ledger)
    yield tenant
    await ledger.close()


@pytest.fixture
def start(tmp_path: Path, database_urls: Urls, key: RSAPrivateKey) -> Iterator[Any]:
    """Starts a server for a provider, whose key set is in a file here, and whose tenant is this one."""
    started: list[Scrip] = []
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [public | {"kid": "k1", "use": "sig"}]}))

    def begin(provider: str, slug: str) -> str:
        given = {name: value.replace("tea-shop", slug) for name, value in settings_of(provider).items()}
        del given["SCRIP_JWKS_URL"]
        given["SCRIP_JWKS_FILE"] = str(tmp_path / "keys.json")
        started.append(Scrip("serve", cwd=tmp_path, DATABASE_URL=database_urls.app, **given))
        return started[-1].url()

    yield begin
    for scrip in started:
        scrip.process.kill()
        scrip.wait()
    shutil.rmtree(tmp_path / ".scrip", ignore_errors=True)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_its_tokens_are_taken_as_the_page_says(
    provider: str, tenant: Tenant, start: Any, key: RSAPrivateKey
) -> None:
    base = start(provider, tenant.slug)
    now = int(datetime.now(UTC).timestamp())
    good = PROVIDERS[provider] | {"iat": now, "exp": now + 600}
    if "tenant" in good:
        good["tenant"] = tenant.slug

    async def ask(claims: dict[str, Any], kind: str = "JWT") -> httpx.Response:
        present = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(present, key, algorithm="RS256", headers={"typ": kind, "kid": "k1"})
        headers = {"authorization": f"Bearer {token}"}
        query = {"query": "{ viewer { subject role tenant { id } } }"}
        async with httpx.AsyncClient(timeout=30) as client:
            return await client.post(f"{base}/graphql", json=query, headers=headers)

    answer = (await ask(good)).json()
    assert "errors" not in answer, answer
    viewer = answer["data"]["viewer"]
    assert (viewer["subject"], viewer["role"]) == (SUBJECTS[provider], "MANAGER")
    for changes, reason in [*REFUSED[provider], ({"iss": "https://evil.example"}, "another issuer")]:
        refused = await ask(good | changes)
        assert refused.status_code == 401, changes
        assert reason in refused.json()["errors"][0]["message"]
    assert "typ must be jwt" in (await ask(good, "logout+jwt")).json()["errors"][0]["message"]


def test_the_page_has_settings_for_each() -> None:
    assert all(len(settings_of(provider)) >= 8 for provider in PROVIDERS)
    assert settings_of("Nobody") == {}


CONSOLES: Final = {
    "Keycloak": ("https://sso.example/realms/tea", "scrip-console", "openid profile"),
    "Microsoft Entra ID": (
        "https://login.microsoftonline.com/TENANT/v2.0",
        "CONSOLE",
        "openid profile offline_access api://APP/access",
    ),
    "Google": None,
}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_console_is_told_what_the_page_says(provider: str, tenant: Tenant, start: Any) -> None:
    base = start(provider, tenant.slug)
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{base}/console/settings.json")
    if (expected := CONSOLES[provider]) is None:
        assert answer.status_code == 404
    else:
        issuer, client_id, scope = expected
        assert answer.json()["signIn"] == {"issuer": issuer, "clientId": client_id, "scope": scope}
        # The same issuer signs what the API takes, so what the console gets there is taken here.
        assert settings_of(provider)["SCRIP_JWT_ISSUER"] == issuer

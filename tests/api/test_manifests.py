"""Trusted documents of each client, as requests name them over HTTP."""

from typing import Any, Final

import pytest

from auth.roles import Role
from gateway.trusted import TrustedDocuments
from tests.api.conftest import Api, bearer
from tests.support.schema import SCHEMA
from tests.support.tenants import Tenant

WEB: Final = "query Who { viewer { subject } }"
TILL: Final = "query Who { viewer { role } }"


@pytest.fixture(autouse=True)
def manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = {name: TrustedDocuments({"who": text}, only=True) for name, text in (("web", WEB), ("till", TILL))}
    monkeypatch.setattr(SCHEMA, "trusted", TrustedDocuments({}, only=True, clients=clients))


@pytest.mark.parametrize(
    ("of_token", "said", "data"),
    [
        (None, "web", {"viewer": {"subject": "sam"}}),
        (None, "till", {"viewer": {"role": "ADMIN"}}),
        # Whoever has a token of the till's is the till.
        ("till", "web", {"viewer": {"role": "ADMIN"}}),
        ("another", "web", {"viewer": {"subject": "sam"}}),
        ("another", None, None),
        (None, "WEB", None),
    ],
)
@pytest.mark.parametrize("name", ["apollographql-client-name", "graphql-client-name"])
async def test_a_client_runs_its_own_documents(
    api: Api, tenant: Tenant, name: str, of_token: str | None, said: str | None, data: Any
) -> None:
    headers = {"authorization": bearer(tenant.slug, Role.ADMIN, subject="sam", client_id=of_token)}
    if said is not None:
        headers[name] = said
    answer = (await api.client.post("/graphql", json={"documentId": "who"}, headers=headers)).json()
    assert answer.get("data") == data
    if data is None:
        assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

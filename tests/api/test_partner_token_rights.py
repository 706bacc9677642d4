"""What a partner's token opens: what its scopes say, and no more."""

import json

import pytest

from auth.roles import Role, Scope, scopes_of
from models.commands import Actor
from tests.api.conftest import Api
from tests.support.partner_tokens import CUSTOMERS, LIST, VIEWER, ask, issued
from tests.support.root_cases import CASES
from tests.support.root_fields import one_of_each, reads
from tests.support.tenants import Tenant
from tests.support.who_may import may


@pytest.mark.parametrize("scope", sorted(scopes_of(Role.PARTNER)))
async def test_each_scope_alone_opens_what_it_opens_to_signed_tokens(api: Api, tenant: Tenant, scope: Scope) -> None:
    """Every request that reads, and every change that it must not make, by the domain's table."""
    ids = await one_of_each(tenant)
    secret = (await tenant.partner_token(scope.value, client=f"only {scope.value}")).text
    wanted, found = {}, {}
    for case in CASES:
        allowed = may(case.name, "partner", [scope.value], reads=reads(case))
        if case.undoes or (not reads(case) and (allowed or case.subject)):
            continue
        answer = await ask(api, secret, case.query, case.variables(ids))
        wanted[case.name], found[case.name] = [] if allowed else ["FORBIDDEN"], answer.codes
    assert found == wanted
    assert ["FORBIDDEN"] in found.values()


async def test_scopes_that_partners_lost_since_are_worth_nothing(api: Api, tenant: Tenant) -> None:
    made = await tenant.partner_token("tokens:write", "config:write", "no:such", "customers:read")
    assert (await ask(api, made.text, LIST)).codes == ["FORBIDDEN"]
    assert (await ask(api, made.text, CUSTOMERS)).errors == []


def test_an_actor_of_a_client_is_its_own_holder() -> None:
    """Issued and signed tokens of one client share a limit; nobody else's."""
    assert Actor("shop", "PARTNER", "shop").holder == Actor("bot", "PARTNER", "shop").holder == "shop"


async def test_two_tokens_or_one_elsewhere_are_none(api: Api) -> None:
    secret, _ = await issued(api)
    value = f"Bearer {secret}"
    for headers in (
        [("authorization", value)] * 2,
        [("authorization", f"Basic {secret}")],
        [("authorization", secret)],
    ):
        response = await api.client.post("/graphql", json={"query": VIEWER}, headers=headers)
        assert response.status_code == 401
        assert secret not in response.text
    response = await api.client.post(f"/graphql?access_token={secret}", json={"query": VIEWER})
    assert json.loads(response.text)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

"""Permission is checked again on a replay: a used key tells nothing to whoever may not do what it was used for."""

from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from app.tokens.partners import PartnerTokenVerifier
from auth.partner_tokens import PartnerSecret
from auth.roles import Role, Scope
from models.configuration_commands import RevokeToken, SetLimit
from models.operations.limits import set_limit
from models.operations.partner_tokens import revoke_token
from tests.api.conftest import Answer, Api
from tests.support.headline import document
from tests.support.root_fields import TOKENS, Case, Ids, usable, what_it_names
from tests.support.root_mutations import MUTATIONS
from tests.support.schema import SCHEMA
from tests.support.tenants import ADMIN, Tenant
from tests.support.who_may import may

EVERYTHING: Final = frozenset(Scope)


def keyed_mutations() -> set[str]:
    """Those that the schema gives a key."""
    mutation_type = SCHEMA.graphql.mutation_type
    assert mutation_type is not None
    inputs = {name: get_named_type(field.args["input"].type) for name, field in mutation_type.fields.items()}
    return {
        name
        for name, kind in inputs.items()
        if isinstance(kind, GraphQLInputObjectType) and "idempotencyKey" in kind.fields
    }


KEYED: Final = [case for case in MUTATIONS if case.field in keyed_mutations()]


def test_every_mutation_with_a_key_is_here() -> None:
    assert {case.field for case in KEYED} == keyed_mutations() != set()


@pytest.fixture
async def ids(tenant: Tenant, request: pytest.FixtureRequest) -> Ids:
    return await what_it_names(tenant, request.node.callspec.params["case"])


@pytest.fixture
def request_of(ids: Ids, case: Case) -> tuple[str, dict[str, Any]]:
    return document(case.field, "replayed userErrors { code }"), case.variables(ids)


@pytest.fixture
async def asked(api: Api, request_of: tuple[str, dict[str, Any]], case: Case) -> tuple[str, dict[str, Any]]:
    """The request, which an admin has had granted."""
    assert (await api(*request_of))[case.field] == {"replayed": False, "userErrors": []}
    return request_of


def instead(case: Case, scope: Scope) -> set[Scope]:
    """Other scopes that would do in place of this one."""
    rest = case.scopes - {scope}
    return {one for one in EVERYTHING - {scope} if may(case.name, "partner", [*rest, one], reads=False)}


def told_nothing(answer: Answer, case: Case) -> None:
    assert (answer.codes, answer.data) == (["FORBIDDEN"], {case.field: None})


@pytest.mark.parametrize("case", KEYED, ids=lambda case: case.name)
async def test_whoever_may_not_do_it_is_not_told_that_it_was_done(
    api: Api, tenant: Tenant, asked: tuple[str, dict[str, Any]], case: Case
) -> None:
    query, variables = asked
    async with tenant.nothing_moves():
        for token in TOKENS:
            if not may(case.name, token["role"].value, usable(token["role"], token["scopes"]), reads=False):
                told_nothing(await api(query, variables, **token), case)
        answer = await api(query, variables, role=None)
        assert (answer.codes, answer.data) == (["UNAUTHENTICATED"], {case.field: None})
        # Who may is told: it is the right that makes the difference.
        person = Role.MANAGER if Role.MANAGER in case.allowed else Role.ADMIN
        assert (await api(query, variables, role=person))[case.field] == {"replayed": True, "userErrors": []}


@pytest.mark.parametrize("case", KEYED, ids=lambda case: case.name)
async def test_a_client_whose_scopes_were_cut_is_told_no_more(
    api: Api, tenant: Tenant, partner_tokens: PartnerTokenVerifier, request_of: tuple[str, dict[str, Any]], case: Case
) -> None:
    """A token's scopes never change, so that a client's are cut by giving it another token. What it has asked for itself:
    of other people's keys it is told nothing anyhow."""
    query, variables = request_of
    before = await tenant.partner_token(*case.scopes)
    if Role.PARTNER in case.allowed:
        for asset in (None, "POINTS", "SERVICE_CREDITS"):
            await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", asset))
        for replayed in (False, True):
            answer = await _by(api, before, query, variables)
            assert answer[case.field] == {"replayed": replayed, "userErrors": []}
    else:
        assert (await api(query, variables))[case.field] == {"replayed": False, "userErrors": []}
        told_nothing(await _by(api, before, query, variables), case)
    await revoke_token(tenant.ledger, tenant.id, ADMIN, RevokeToken(before.token_id))
    cut = [await tenant.partner_token(*(EVERYTHING - {scope} - instead(case, scope))) for scope in case.scopes]
    for token in cut:  # of each minute one use is noted: the first one
        assert (await _by(api, token, "{ viewer { subject } }", {})).errors == []
    await partner_tokens.settle()
    async with tenant.nothing_moves():
        for token in cut:
            told_nothing(await _by(api, token, query, variables), case)


async def _by(api: Api, token: PartnerSecret, query: str, variables: dict[str, Any]) -> Answer:
    headers = {"authorization": f"Bearer {token.text}"}
    return Answer(await api.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers))

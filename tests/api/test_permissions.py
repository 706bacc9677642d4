"""Every role on every root field, beside an independent copy of the table "Who may". A denial moves nothing."""

from typing import Any

import pytest
from strawberry.types.base import get_object_definition

from auth.roles import Role, Scope
from schema.root import Mutation, Query
from tests.api.conftest import Answer, Api, bearer, gid
from tests.support.root_cases import CASES
from tests.support.root_fields import ADMIN, PARTNER, TOKENS, Case, Ids, reads, token_of, usable, what_it_names
from tests.support.root_mutations import MUTATIONS
from tests.support.root_queries import QUERIES
from tests.support.tenants import Tenant
from tests.support.who_may import RIGHTS, may, missing


@pytest.fixture
async def ids(tenant: Tenant, request: pytest.FixtureRequest) -> Ids:
    return await what_it_names(tenant, request.node.callspec.params["case"])


def test_every_root_field_has_its_cases() -> None:
    fields = {f.name for root in (Query, Mutation) for f in get_object_definition(root, strict=True).fields}
    graphql_names = {name.split("_")[0] + "".join(map(str.title, name.split("_")[1:])) for name in fields}
    assert {case.field for case in CASES} == graphql_names


async def served(api: Api, ids: Ids, case: Case, role: Role) -> None:
    answer = await api(case.query, case.variables(ids), **token_of(case, role))
    assert answer.errors == [], role
    assert (answer[case.field] or {"userErrors": []}) != {}, role
    if "userErrors" in case.query:
        assert answer[case.field] == {"userErrors": []}, role


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case.name)
async def test_who_may_ask(api: Api, tenant: Tenant, ids: Ids, case: Case) -> None:
    async with tenant.nothing_moves():
        for role in case.allowed:
            await served(api, ids, case, role)


@pytest.mark.parametrize(
    ("case", "role"),
    [pytest.param(case, role, id=f"{case.name}-{role.value}") for case in MUTATIONS for role in case.allowed],
)
async def test_who_may_change(api: Api, ids: Ids, case: Case, role: Role) -> None:
    await served(api, ids, case, role)


def test_every_case_has_its_rows_in_the_table() -> None:
    """A request to a new root field goes into tests/support/who_may.py too."""
    assert {case.name for case in CASES} == set(RIGHTS)
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_the_table_says(case: Case) -> None:
    assert case.allowed == {role for role in Role if may(case.name, role.value, map(str, Scope), reads=reads(case))}
    if PARTNER in case.allowed:
        assert may(case.name, "partner", map(str, case.scopes), reads=reads(case))


def named(answer: Answer) -> tuple[set[str], list[str]]:
    """The rights that the one refusal names, and the roles that have them."""
    (error,) = answer.errors
    missing = error["extensions"]["missing"]
    assert len(set(missing)) == len(missing)
    assert all(scope in error["message"] for scope in missing if "roles" not in error["extensions"])
    return set(missing), error["extensions"].get("roles", [])


def expected(case: Case, token: dict[str, Any]) -> tuple[set[str], list[str]]:
    return missing(case.name, token["role"].value, usable(token["role"], token["scopes"]), reads=reads(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_role_and_every_scope(api: Api, tenant: Tenant, ids: Ids, case: Case) -> None:
    """Each is let in or told FORBIDDEN as the table says, and the denied move nothing. Nobody is UNAUTHENTICATED."""
    good = {
        n
        for n, token in enumerate(TOKENS)
        if may(case.name, token["role"].value, usable(token["role"], token["scopes"]), reads=reads(case))
    }
    async with tenant.nothing_moves():
        for n, token in enumerate(TOKENS):
            if n not in good:
                answer = await api(case.query, case.variables(ids), **token, subject=case.subject)
                assert (answer.codes, answer.data) == (["FORBIDDEN"], {case.field: None}), token
                assert named(answer) == expected(case, token), token
        answer = await api(case.query, case.variables(ids), role=None)
        assert (answer.codes, answer.data) == (["UNAUTHENTICATED"], {case.field: None})
        assert answer.response.status_code == 401
        assert answer.response.headers["www-authenticate"] == 'Bearer realm="scrip"'
    for n in sorted(good):
        answer = await api(case.query, case.variables(ids), **TOKENS[n], subject=case.subject)
        assert answer.codes == [], TOKENS[n]


@pytest.mark.parametrize("claim", ["nobody", "no such tenant", "té", "x" * 255, "0197aaaa-bbbb-7ccc-8ddd-eeeeffff0001"])
async def test_a_tenant_that_is_not_here_is_nobody(api: Api, claim: str) -> None:
    headers = {"authorization": bearer(claim, ADMIN)}
    response = await api.client.post("/graphql", json={"query": "{ viewer { subject } }"}, headers=headers)
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_tenant_may_be_named_by_its_id(api: Api, tenant: Tenant) -> None:
    headers = {"authorization": bearer(str(tenant.id), ADMIN)}
    response = await api.client.post("/graphql", json={"query": "{ viewer { tenant { id } } }"}, headers=headers)
    assert response.json()["data"] == {"viewer": {"tenant": {"id": gid("Tenant", tenant.id)}}}

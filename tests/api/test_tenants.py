"""Two tenants: ids of the other are ids of nothing, even where both have the same, even where a query forgets whose."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from graphql import GraphQLField, GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type, is_non_null_type

from app.postgres.embedded import Urls
from models import tables
from schema.ids import parse_id
from tests.api.conftest import Answer, Api, gid
from tests.support.citus import given_cluster
from tests.support.clock import Clock
from tests.support.root_cases import CASES
from tests.support.root_fields import Case, Ids, what_it_names
from tests.support.schema import SCHEMA
from tests.support.suite_statements import ON_PURPOSE
from tests.support.tampering import past_triggers
from tests.support.tenants import Tenant, make_tenant

MUTATIONS: Final = [case for case in CASES if case.query.startswith("mutation")]
QUERIES: Final = [case for case in CASES if not case.query.startswith("mutation")]


class Noting(dict[str, str]):
    """Ids of anything at all."""

    def __missing__(self, kind: str) -> str:
        self[kind] = kind
        return kind


def kinds(case: Case) -> list[str]:
    """What the case names by its id."""
    noting = Noting()
    case.variables(noting)
    return list(noting)


def swapped(value: Any, old: str, new: str) -> Any:
    """The same JSON with another id in each place of that one."""
    return json.loads(json.dumps(value).replace(f'"{old}"', f'"{new}"'))


def elsewhere(global_id: str) -> str:
    """An id of the same kind that nobody has."""
    kind, row_id = parse_id(global_id)
    return gid(kind, UUID(bytes=row_id.bytes[:8] + bytes(8)))


# Ids of another tenant's


PREVIEWS: Final = frozenset(case.field for case in QUERIES if "preview" in case.field.lower())
"""Queries that tell what a mutation would refuse."""


@pytest.mark.parametrize("case", [case for case in CASES if kinds(case)], ids=lambda case: case.name)
async def test_an_id_of_another_tenant_s_is_an_id_of_nothing(
    api: Api, tenant: Tenant, other_tenant: Tenant, case: Case
) -> None:
    """Each id by itself, the others being one's own; and the answer is the same as for what is not there at all."""
    mine, theirs = await what_it_names(tenant, case), await what_it_names(other_tenant, case)
    good = case.variables(mine)
    for kind in kinds(case):
        async with tenant.nothing_moves(), other_tenant.nothing_moves():
            answer = await api(case.query, swapped(good, mine[kind], theirs[kind]))
            nobody_s = await api(case.query, swapped(good, mine[kind], elsewhere(theirs[kind])))
        assert answer.response.json() == nobody_s.response.json()
        if case in MUTATIONS or case.field in PREVIEWS:
            (error,) = answer[case.field]["userErrors"]
            assert error["code"] == "NOT_FOUND"
        else:
            assert answer[case.field] in (None, [], [None], {"edges": []}), kind


async def test_a_token_of_one_tenant_opens_no_other(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    """Nor does a customer's token whose customer another tenant has."""
    await other_tenant.customer("carol")
    answer = await api("{ viewer { tenant { id } } customers { edges { node { id } } } }")
    assert answer.data == {"viewer": {"tenant": {"id": gid("Tenant", tenant.id)}}, "customers": {"edges": []}}
    answer = await api.as_customer("carol", "{ viewer { customer { id } } invoices { edges { cursor } } }")
    assert answer.data == {"viewer": {"customer": None}, "invoices": None}


# The same ids in both


MARK: Final = "Theirs"
TEXTS: Final = {
    "customers": ("name",),
    "services": ("name",),
    "rewards": ("name",),
    "tiers": ("name",),
    "reasons": ("label",),
    "products": ("name",),
    "invoices": ("number",),
    "invoice_lines": ("description",),
    "actors": ("name",),
    "transaction_texts": ("note",),
}


async def copy_rows(urls: Urls, one: UUID, twin: UUID) -> None:
    """All rows of one tenant, under the same ids, for its twin, with marked texts and seven times the amounts.

    By the superuser, with triggers and foreign keys off: no operation could do it.
    """
    admin = await asyncpg.connect(urls.admin)
    try:
        for table in sorted(
            {getattr(tables, name)._meta.db_table for name in tables.__all__} - {"tenants", "tenant_slugs"}
        ):
            columns = await admin.fetch(
                """SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1
                AND is_generated = 'NEVER' AND is_identity = 'NO' AND column_name <> 'tenant_id'""",
                table,
            )
            names = [row["column_name"] for row in columns]
            changed = {name: f"'{MARK} ' || {name}" for name in TEXTS.get(table, ())}
            amounts = {row["column_name"] for row in columns if row["data_type"] != "ARRAY"}
            changed |= {name: f"{name} * 7" for name in names if name.endswith("_minor") and name in amounts}
            changed |= (
                {"id": "$2"} if table in ("feed_heads", "checkpoint_trees", "totals_latest") else {}
            )  # which is its tenant's
            values = ", ".join(changed.get(name, name) for name in names)
            async with past_triggers(admin):
                await admin.execute(f"DELETE FROM {table} WHERE tenant_id = $1", twin)
                await admin.execute(
                    f"""INSERT INTO {table} (tenant_id, {", ".join(names)})
                    SELECT $2, {values} FROM {table} WHERE tenant_id = $1""",
                    one,
                    twin,
                )
    finally:
        await admin.close()


class Pair:
    """A tenant with some of everything, and the twin that it may get: the same ids and external ids in every table."""

    def __init__(self, api: Api, ids: Ids, urls: Urls) -> None:
        self.api = api
        self.ids = ids
        self._urls = urls

    async def twin(self) -> Tenant:
        one = self.api.tenant
        twin = await make_tenant(one.ledger)
        await copy_rows(self._urls, one.id, twin.id)
        return twin

    async def ask(self, case: Case, query: str, tenant: Tenant | None = None) -> dict[str, Any]:
        """What the one is answered, or the tenant that is given."""
        answer = await self.answer(case, query, tenant)
        assert answer.errors == []
        assert answer.data is not None
        return answer.data

    async def answer(self, case: Case, query: str, tenant: Tenant | None = None) -> Answer:
        """The same, errors and all."""
        api = Api(self.api.client, tenant or self.api.tenant, self.api.clock)
        return await api(query, case.variables(self.ids), subject=case.subject)


@pytest.fixture
async def pair(api: Api, tenant: Tenant, clock: Clock, database_urls: Urls) -> Pair:
    clock.stand_still(clock())
    ids = await what_it_names(tenant, next(case for case in CASES if case.undoes))
    _, customer = parse_id(ids["Customer"])
    await tenant.invoice(customer, "5.00", auto_apply=True)
    await tenant.adjust(customer, "1.00", note="a note")
    return Pair(api, ids, database_urls)


MOST_TOKENS: Final = 2_400
"""Somewhat fewer than a query may have."""


def everything(type_: GraphQLNamedType, depth: int) -> str:
    """A selection of all that can be asked of a type without arguments, so many objects deep."""
    if not isinstance(type_, GraphQLObjectType):
        return "{ __typename }"
    fields = [
        _selected(name, field, depth)
        for name, field in type_.fields.items()
        if name != "nodes" or not type_.name.endswith("Connection")  # the rows of the edges again
    ]
    return "{ __typename " + " ".join(fields) + " }"


def _selected(name: str, field: GraphQLField, depth: int) -> str:
    type_ = get_named_type(field.type)
    if any(is_non_null_type(argument.type) for argument in field.args.values()):
        return ""
    if is_leaf_type(type_):
        return name
    page = "(first: 3)" if "first" in field.args else ""
    return f"{name}{page} {everything(type_, depth - 1)}" if depth else ""


def in_full(case: Case, ids: Ids) -> str:
    """The case's query with all that its field can answer, in place of what it asks for."""
    root = SCHEMA.graphql.query_type
    assert root is not None
    start, call, _ = case.query.partition(re.search(rf"{case.field}(\([^)]*\))?", case.query)[0])  # type: ignore[index]
    if case.field != "node":
        type_ = get_named_type(root.fields[case.field].type)
        whole = (f"{start}{call} {everything(type_, depth)} }}" for depth in (4, 3, 2))
        return next(query for query in whole if len(re.findall(r"\w+|[^\w\s,]", query)) < MOST_TOKENS)
    kind, _ = parse_id(case.variables(ids)["id"])
    return f"{start}{call} {{ ... on {kind} {everything(SCHEMA.graphql.type_map[kind], 3)} }} }}"


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case.name)
async def test_where_both_have_the_same_ids_each_reads_its_own(pair: Pair, case: Case) -> None:
    query = in_full(case, pair.ids)
    alone = await pair.ask(case, query)
    twin = await pair.twin()
    assert await pair.ask(case, query) == alone
    assert MARK not in json.dumps(alone)
    await pair.ask(case, query, twin)


async def test_the_twin_is_not_empty(pair: Pair) -> None:
    """Else the others would prove nothing."""
    twin = await pair.twin()
    seen = {case.field for case in QUERIES if MARK in json.dumps(await pair.ask(case, in_full(case, pair.ids), twin))}
    assert seen >= {"customer", "customers", "node", "invoices", "invoice", "ledger", "services", "rewards", "tiers"}


@pytest.mark.parametrize("case", MUTATIONS, ids=lambda case: case.name)
async def test_where_both_have_the_same_ids_each_moves_its_own(pair: Pair, case: Case) -> None:
    twin = await pair.twin()
    async with twin.nothing_moves():
        assert await pair.ask(case, case.query) == {case.field: {"userErrors": []}}


# Statements that forget whose rows they want


FILTER: Final = re.compile(r'(\w+\.)?"?tenant_id"?\s*=\s*\$1(?!\d)', re.I)


LED_NOWHERE: Final = (asyncpg.FeatureNotSupportedError, asyncpg.InternalServerError)
"""How a cluster refuses a statement that it cannot lead to a node."""


class Forgetful:
    """Takes the tenant out of every condition of every statement that is sent.

    refused: statements that a cluster would not run without a tenant to lead them to a node. One PostgreSQL runs them all.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []
        self.refused: list[str] = []
        for name in ("execute", "fetch", "fetchrow", "fetchval"):
            monkeypatch.setattr(asyncpg.Connection, name, self._forgetting(getattr(asyncpg.Connection, name)))

    def _forgetting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def send(connection: Any, query: str, *arguments: Any, **options: Any) -> Any:
            without, forgotten = FILTER.subn(ON_PURPOSE, query)
            if forgotten:
                self.statements.append((without, arguments))
            try:
                return await original(connection, without, *arguments, **options)
            except LED_NOWHERE:
                self.refused.append(without)
                raise

        return send

    def held(self, answer: Answer, told: dict[str, Any]) -> None:
        """Assert that the answer is what its own tenant is told, or nothing but an error where a cluster refused."""
        if self.refused and given_cluster() is not None:
            assert MARK not in answer.response.text
            assert set(answer.codes) == {"INTERNAL_SERVER_ERROR"}
        else:
            assert (answer.errors, answer.data) == ([], told)


KNOWN_BY_THE_TOKEN: Final = ("viewer", "nodes", "node: tenant")
"""Cases that are answered from the request alone: they read nothing."""


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case.name)
async def test_a_read_that_forgets_its_tenant_is_told_of_no_other(
    pair: Pair, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = in_full(case, pair.ids)
    alone = await pair.ask(case, query)
    await pair.twin()
    with monkeypatch.context() as patch:
        forgetful = Forgetful(patch)
        forgetful.held(await pair.answer(case, query), alone)
    assert forgetful.statements or case.name in KNOWN_BY_THE_TOKEN


@pytest.mark.parametrize("case", MUTATIONS, ids=lambda case: case.name)
async def test_an_operation_that_forgets_its_tenant_moves_no_other(
    pair: Pair, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = await pair.twin()
    async with twin.nothing_moves():
        with monkeypatch.context() as patch:
            forgetful = Forgetful(patch)
            forgetful.held(await pair.answer(case, case.query), {case.field: {"userErrors": []}})
    assert forgetful.statements or not kinds(case)


async def test_without_the_database_s_refusal_it_would_have_leaked(
    pair: Pair, database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statement, sent by one whom no policy binds, finds the rows of both; but a cluster runs it for nobody."""
    await pair.twin()
    with monkeypatch.context() as patch:
        forgetful = Forgetful(patch)
        await pair.api("query($id: ID!) { customer(by: {id: $id}) { id } }", {"id": pair.ids["Customer"]})
    (statement,) = [(sql, given) for sql, given in forgetful.statements if "customers" in sql]
    admin = await asyncpg.connect(database_urls.admin)
    try:
        with pytest.raises(LED_NOWHERE) if given_cluster() is not None else nullcontext():
            rows = await admin.fetch(statement[0], *statement[1])
            assert {row["name"] for row in rows} == {"Carol Customer", f"{MARK} Carol Customer"}
    finally:
        await admin.close()

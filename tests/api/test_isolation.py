"""Two tenants with the same external ids and the same row ids: files, imports, jobs and the shared pool keep apart."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from jobs import bulk, expiry
from schema.ids import parse_id
from tests.api.conftest import Api, bearer, gid
from tests.api.test_tenants import MARK, copy_rows
from tests.support.clock import Clock
from tests.support.root_fields import one_of_each
from tests.support.tenants import Tenant, make_tenant

NAME = "query($id: ID!) { customer(by: {id: $id}) { name balances { asset available } } }"


@pytest.fixture
async def ids(tenant: Tenant, clock: Clock) -> dict[str, str]:
    clock.stand_still(clock())
    found = await one_of_each(tenant)
    await tenant.adjust(parse_id(found["Customer"])[1], "3.00", expires_in_days=1, note="ours")
    return found


@pytest.fixture
async def twin(tenant: Tenant, ids: dict[str, str], database_urls: Urls) -> Tenant:
    """The same rows under the same ids, with other texts and amounts."""
    twin = await make_tenant(tenant.ledger)
    await copy_rows(database_urls, tenant.id, twin.id)
    return twin


async def statement(api: Api, tenant: Tenant, customer_id: str, **token: Any) -> str:
    """The file, or the status of a refusal."""
    headers = {"authorization": bearer(tenant.slug, **token)}
    answer = await api.client.get(f"/statements/{customer_id}.csv", headers=headers)
    return answer.text if answer.status_code == 200 else str(answer.status_code)


async def test_a_statement_s_file_holds_one_tenant_s_entries(
    api: Api, tenant: Tenant, ids: dict[str, str], database_urls: Urls
) -> None:
    before = await statement(api, tenant, ids["Customer"])
    twin = await make_tenant(tenant.ledger)
    await copy_rows(database_urls, tenant.id, twin.id)
    assert await statement(api, tenant, ids["Customer"]) == before
    assert await statement(api, tenant, ids["Customer"], role=Role.CUSTOMER, customer="carol") != "404"
    assert "ours" in before
    assert MARK not in before
    assert MARK in await statement(api, twin, ids["Customer"])


async def test_a_statement_of_another_tenant_s_customer_is_not_there(
    api: Api, tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs = gid("Customer", await other_tenant.customer("carol"))
    await tenant.customer("carol")
    for token in ({"role": Role.ADMIN}, {"role": Role.CUSTOMER, "customer": "carol"}):
        assert await statement(api, tenant, theirs, **token) == "404"


async def test_an_import_finds_its_own_customers_and_moves_no_other(api: Api, tenant: Tenant, twin: Tenant) -> None:
    """The file names customers as both tenants do. What one import did is no operation of the other's."""
    headers = {
        "authorization": bearer(tenant.slug, Role.ADMIN),
        "content-type": "text/csv",
        "idempotency-key": "import",
    }
    path = "/imports/credits?asset=GBP&reason=CORRECTION"
    before = await tenant.fingerprint()
    async with twin.nothing_moves():
        answer = await api.client.post(path, content="customer,amount\ncarol,1.00\n", headers=headers)
        while await bulk.run_once(tenant.ledger, tenant.id):
            pass
    assert answer.status_code == 202
    assert (await tenant.fingerprint())["entries"] != before["entries"]
    asked = Api(api.client, twin, api.clock)
    seen = await asked("query($id: ID!) { bulkOperation(id: $id) { status } }", {"id": answer.json()["operation"]})
    assert seen["bulkOperation"] is None


async def test_a_key_of_one_tenant_is_free_in_another(
    api: Api, tenant: Tenant, twin: Tenant, ids: dict[str, str]
) -> None:
    query = """mutation($input: AdjustCreditInput!) {
      adjustCredit(input: $input) { replayed account { available } userErrors { code } } }"""
    given = {
        "customerId": ids["Customer"],
        "asset": "KWD",
        "amount": "1.000",
        "reason": "CORRECTION",
        "idempotencyKey": "k2",
    }
    mine = (await api(query, {"input": given}))["adjustCredit"]
    async with tenant.nothing_moves():
        theirs = (await Api(api.client, twin, api.clock)(query, {"input": given}))["adjustCredit"]
    assert (mine["replayed"], theirs["replayed"]) == (False, False)


async def test_a_job_for_one_tenant_touches_no_other(tenant: Tenant, twin: Tenant, clock: Clock) -> None:
    """Both have the same credit, expired."""
    clock.stand_still(clock() + timedelta(days=3))
    async with twin.nothing_moves():
        assert await expiry.run_once(tenant.ledger, tenant.id) > 0
        while await bulk.run_once(tenant.ledger, tenant.id):
            pass
    async with tenant.nothing_moves():
        assert await expiry.run_once(twin.ledger, twin.id) > 0


async def test_one_request_with_the_ids_of_two_tenants_is_told_of_one(api: Api, other_tenant: Tenant) -> None:
    """They go through one loader, in one statement."""
    mine = [gid("Customer", await api.tenant.customer(f"c{n}", f"Mine {n}")) for n in range(5)]
    theirs = [gid("Customer", await other_tenant.customer(f"c{n}", f"Theirs {n}")) for n in range(5)]
    fields = [
        f'm{n}: node(id: "{mine[n]}") {{ ... on Customer {{ name }} }}'
        f' t{n}: customer(by: {{id: "{theirs[n]}"}}) {{ name }} e{n}: customer(by: {{externalId: "c{n}"}}) {{ name }}'
        for n in range(5)
    ]
    answer = await api(f"{{ {' '.join(fields)} }}")
    expected = {f"{kind}{n}": {"name": f"Mine {n}"} for n in range(5) for kind in "me"}
    assert answer.errors == []
    assert answer.data == expected | {f"t{n}": None for n in range(5)}


async def test_a_pool_that_two_tenants_share_mixes_nothing_up(
    api: Api, tenant: Tenant, twin: Tenant, ids: dict[str, str]
) -> None:
    """Hundreds of requests by turns over few connections, with errors, refusals and clients that go away among them."""
    other = Api(api.client, twin, api.clock)
    mine, theirs = [(await one(NAME, {"id": ids["Customer"]})).data for one in (api, other)]
    assert mine != theirs
    bad = {"customerId": ids["Customer"], "asset": "GBP", "amount": "-999999.00", "reason": "CORRECTION"}
    refused = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"

    async def read(one: Api, expected: Any) -> None:
        assert (await one(NAME, {"id": ids["Customer"]})).data == expected

    async def go_away(one: Api, after_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(after_s):
                while True:
                    await one(NAME, {"id": ids["Customer"]})

    async def be_refused(one: Api) -> None:
        answer = await one(refused, {"input": {**bad, "idempotencyKey": uuid4().hex}})
        assert answer["adjustCredit"]["userErrors"] == [{"code": "INSUFFICIENT_BALANCE"}]

    async with tenant.nothing_moves(), twin.nothing_moves(), asyncio.TaskGroup() as group:
        for n in range(60):
            group.create_task(read(api, mine))
            group.create_task(read(other, theirs))
            if n % 4 == 0:
                group.create_task(be_refused(api))
                group.create_task(be_refused(other))
                group.create_task(go_away(api, n / 100))
                group.create_task(go_away(other, n / 150))
    await read(api, mine)
    await read(other, theirs)

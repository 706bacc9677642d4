"""A customer's token names the person, whoever has its external id by now."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role
from models.commands import MergeCustomers
from models.customers import UpdateCustomer
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer, update_customer
from models.reads.holders import Holder
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, adjusting, document
from tests.support.tenants import ADMIN, Tenant

OWN = "{ viewer { customer { id externalId } } }"
NOW = datetime(2026, 6, 15, 12, 0, 0, 300_000, UTC)
LEEWAY = timedelta(seconds=30)


async def rename(tenant: Tenant, customer_id: UUID, external_id: str) -> None:
    await update_customer(tenant.ledger, tenant.id, ADMIN, UpdateCustomer(customer_id, external_id=external_id))


async def own(api: Api, external_id: str, issued_at: datetime) -> Any:
    return await api(OWN, role=Role.CUSTOMER, customer=external_id, issued_at=issued_at)


@pytest.fixture
def still(clock: Clock) -> datetime:
    """The clock stands still, in the middle of a second."""
    at = datetime.now(UTC).replace(microsecond=300_000)
    clock.stand_still(at)
    return at


async def test_an_id_that_is_given_to_somebody_else_takes_no_token_along(
    api: Api, tenant: Tenant, clock: Clock, still: datetime
) -> None:
    carol = await tenant.customer("C-1")
    assert (await own(api, "C-1", still))["viewer"]["customer"]["id"] == gid("Customer", carol)
    await rename(tenant, carol, "C-1-old")
    dave = await tenant.customer("C-1")

    for issued_at in (still - timedelta(minutes=50), still, still + timedelta(seconds=0.6)):
        answer = await own(api, "C-1", issued_at)
        assert (answer.codes, answer.data) == (["UNAUTHENTICATED"], {"viewer": None})
    clock.stand_still(still + timedelta(seconds=1))
    assert (await own(api, "C-1", still + timedelta(seconds=1)))["viewer"]["customer"]["id"] == gid("Customer", dave)
    # A's new name is A's alone: a token for it can mean nobody else.
    assert (await own(api, "C-1-old", still))["viewer"]["customer"]["id"] == gid("Customer", carol)


async def test_such_a_token_opens_nothing_at_all(api: Api, tenant: Tenant, still: datetime) -> None:
    await rename(tenant, await tenant.customer("C-1"), "C-1-old")
    dave_id = await tenant.customer("C-1")
    dave = gid("Customer", dave_id)
    token: dict[str, Any] = {"role": Role.CUSTOMER, "customer": "C-1", "issued_at": still}
    reading = await api(f'{{ node(id: "{dave}") {{ id }} customer(by: {{externalId: "C-1"}}) {{ name }} }}', **token)
    assert (sorted(reading.codes), reading.data) == (["UNAUTHENTICATED"] * 2, {"node": None, "customer": None})
    async with tenant.nothing_moves():
        posting = await api(document(ADJUST, "replayed"), {"input": adjusting(dave_id, "5.00")}, **token)
        assert posting.codes == ["UNAUTHENTICATED"]
        headers = {"authorization": api.bearer(**token)}
        download = await api.client.get(f"/statements/{dave}.csv", headers=headers)
        assert (download.status_code, download.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


async def test_who_was_erased_leaves_nothing_to_open(api: Api, tenant: Tenant, clock: Clock, still: datetime) -> None:
    carol = await tenant.customer("C-1")
    await erase_customer(tenant.ledger, tenant.id, ADMIN, carol)
    assert (await own(api, "C-1", still))["viewer"]["customer"] is None
    await tenant.customer("C-1")
    assert (await own(api, "C-1", still)).codes == ["UNAUTHENTICATED"]


async def test_a_merge_brings_the_id_and_its_tokens(api: Api, tenant: Tenant, clock: Clock, still: datetime) -> None:
    carol, caro = await tenant.customer("C-1"), await tenant.customer("C-2")
    clock.stand_still(still + timedelta(days=1))
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(carol, caro), uuid4().hex)
    for external_id in ("C-1", "C-2"):
        assert (await own(api, external_id, still))["viewer"]["customer"]["id"] == gid("Customer", caro)


async def test_a_token_from_long_before_its_customer_is_none_of_theirs(
    api: Api, tenant: Tenant, still: datetime
) -> None:
    carol = gid("Customer", await tenant.customer("C-1"))
    for seconds, good in ((0, True), (29, True), (31, False)):
        answer = await own(api, "C-1", still - timedelta(seconds=seconds))
        assert answer.codes == ([] if good else ["UNAUTHENTICATED"])
        assert not good or answer["viewer"]["customer"]["id"] == carol


async def test_the_claim_is_a_name(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("Zo\u00eb"))
    for claim in ("Zo\u00eb", "Zoe\u0308", " Zo\u00eb\u00a0"):
        assert (await api.as_customer(claim, OWN))["viewer"]["customer"] == {"id": carol, "externalId": "Zo\u00eb"}


@pytest.mark.parametrize(
    ("issued_at", "reused", "named"),
    [
        (None, False, True),
        (None, True, False),
        (NOW, True, False),
        (NOW.replace(microsecond=0), True, False),
        (NOW + timedelta(seconds=1), True, True),
        (NOW - LEEWAY, False, True),
        (NOW - LEEWAY - timedelta(microseconds=1), False, False),
    ],
)
def test_when_a_token_can_mean_the_holder(issued_at: datetime | None, reused: bool, named: bool) -> None:
    assert Holder(uuid4(), NOW, reused).is_named_by(issued_at, LEEWAY) is named


async def test_a_record_of_before_the_upgrade_has_its_id_since_it_was_made(
    api: Api, tenant: Tenant, still: datetime
) -> None:
    await tenant.customer("C-1")
    await tenant.execute("update customers set external_id_since = null where tenant_id = $1")
    assert (await own(api, "C-1", still))["viewer"]["customer"]["id"]
    assert (await own(api, "C-1", still - timedelta(minutes=1))).codes == ["UNAUTHENTICATED"]

"""Burn order within one batch: credits that units of it open, take by name, put back or change are taken in their turn."""

from decimal import Decimal
from uuid import UUID

import pytest

from models.commands import AdjustCredit, MergeCustomers, NewExpiry, ReviveCredit
from models.operations.adjust import adjust_credit
from models.operations.expire import SYSTEM
from models.operations.merge_customers import merge_customers
from models.operations.releasing import release_assignments, update_credit
from models.operations.revive_credit import revive_credit
from models.planning.releasing import ReleaseAssignments, UpdateCredit
from models.planning.using import ExpireCredits, expire_needs
from models.units import Posted
from tests.support.batch import Batch
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, Tenant
from tests.support.units import adjustment, post


async def test_credits_of_the_same_batch_burn_in_order_too(tenant: Tenant, anna: UUID) -> None:
    """Soonest expiry first, then the service-restricted, whichever was opened first."""
    tea, asset = await tenant.service(), "SERVICE_CREDITS"
    general = await adjustment(tenant, anna, 5, asset)
    restricted = await adjustment(tenant, anna, 5, asset, service_ids=(tea,))
    expiring = await adjustment(tenant, anna, 5, asset, expires_in_days=1)
    results = await post(tenant, general, restricted, expiring, await adjustment(tenant, anna, -11, asset))

    opened = [result.outcome.credit_id for result in results if isinstance(result, Posted)][:3]
    assert all(isinstance(result, Posted) for result in results)
    assert await tenant.remainders(*(credit_id for credit_id in opened if credit_id)) == [4, 0, 0]


async def test_a_spend_finds_credits_behind_those_that_a_neighbour_takes_by_name(tenant: Tenant, anna: UUID) -> None:
    """More open credits than are read at first, and the first of them is taken from by name in the same batch."""
    first = await tenant.credit(anna, 100, "POINTS", expires_in_days=1)
    for _ in range(2):
        await tenant.bulk(*[(anna, 1)] * 200, allow_duplicate_customers=True, expires_in_days=2)
    results = await post(
        tenant,
        await adjustment(tenant, anna, -100, credit_id=first),
        await adjustment(tenant, anna, 50),
        await adjustment(tenant, anna, -300),
    )

    assert [type(result) for result in results] == [Posted, Posted, Posted]
    assert await tenant.available(anna, "POINTS") == 150
    left = await tenant.rows(
        "SELECT sum(remaining_minor) FROM credits WHERE tenant_id = $1 AND expires_at IS NOT NULL"
    )  # those that expire went first, though the one that does not was at hand
    assert left == [(100,)]


@pytest.mark.parametrize("was_in_days", [9, None])
async def test_a_credit_from_far_behind_that_a_neighbour_has_expire_sooner_goes_first(
    tenant: Tenant, anna: UUID, was_in_days: int | None
) -> None:
    """More open credits than are read at first; the last of them gets an earlier expiry in the same batch."""
    last = await tenant.credit(anna, 10, "POINTS", expires_in_days=was_in_days)
    await tenant.bulk(*[(anna, 1)] * 40, allow_duplicate_customers=True, expires_in_days=2)
    batch, taken = Batch(tenant.clock), AdjustCredit(anna, "POINTS", Decimal(-7), "POLICY")
    await batch.run(
        tenant.id,
        [
            update_credit(batch.ledger, tenant.id, MANAGER, UpdateCredit(last, expires_in_days=1), "1"),
            adjust_credit(batch.ledger, tenant.id, MANAGER, taken, "2"),
        ],
    )

    left = await tenant.rows("SELECT remaining_minor FROM credits WHERE tenant_id = $1 AND id = $2", last)
    assert left == [(3,)]


async def test_an_expired_credit_that_a_neighbour_makes_good_again_can_be_spent(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    expired = await tenant.credit(anna, 10, "POINTS", expires_in_days=1)
    await tenant.bulk(*[(anna, 1)] * 40, allow_duplicate_customers=True, expires_in_days=9)
    clock.advance(days=2)
    batch, taken = Batch(tenant.clock), AdjustCredit(anna, "POINTS", Decimal(-45), "POLICY")
    await batch.run(
        tenant.id,
        [
            revive_credit(
                batch.ledger, tenant.id, MANAGER, ReviveCredit(expired, "GOODWILL", NewExpiry(in_days=1)), "1"
            ),
            adjust_credit(batch.ledger, tenant.id, MANAGER, taken, "2"),
        ],
    )

    assert await tenant.available(anna, "POINTS") == 5
    left = await tenant.rows("SELECT remaining_minor FROM credits WHERE tenant_id = $1 AND id = $2", expired)
    assert left == [(0,)]


async def test_a_credit_that_a_neighbour_names_by_its_old_id_expires_once(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """After a merge: the sweep has it under both ids then, and the whole batch would be posted one by one."""
    ben = await tenant.customer(name="Ben")
    old, invoice = await tenant.credit(ben, 10, expires_in_days=1), await tenant.invoice(ben, 4)
    (part,) = (await tenant.assign(old, (invoice, 4))).assignment_ids
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, anna), "merge")
    ((new,),) = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1 AND remaining_minor > 0")
    clock.advance(days=2)
    batch, sweep = Batch(tenant.clock), ExpireCredits(anna, "GBP")
    await batch.run(
        tenant.id,
        [
            batch.ledger.submit(tenant.id, SYSTEM, "expireCredits", sweep, expire_needs(sweep, (new,)), None),
            release_assignments(batch.ledger, tenant.id, MANAGER, ReleaseAssignments((part,)), "release"),
        ],
    )

    assert batch.ledger.metrics.one_by_one == 0
    assert await tenant.remainders(new) == [0]

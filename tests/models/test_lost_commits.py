"""A standby has taken over that had not got the last commits: a server that stays up does not go by what it knew of them."""

from dataclasses import replace
from uuid import UUID, uuid4

from models.pool import the_pool
from tests.support.tenants import ADMIN, Tenant


async def test_what_a_primary_has_told_is_asked_anew_once_its_connections_are_lost(tenant: Tenant, anna: UUID) -> None:
    ben, ledger, who = await tenant.customer("ben"), tenant.ledger, replace(ADMIN, subject="new there")
    await tenant.adjust(anna, 5)
    # As if an actor's first request, a change of the reasons and a merge had been among the lost.
    ledger._actor_ids[tenant.id, who] = uuid4()
    known = ledger.configurations._known[tenant.id]
    ledger.configurations._known[tenant.id] = replace(known, version=known.version + 1, reasons={})
    ledger._persons.learn(tenant.id, {anna: ben})
    pool = the_pool()
    raw = await pool.take()
    pool.replace(raw)
    await pool.give_back(raw)
    await tenant.adjust(anna, 7, actor=who)
    sql = "SELECT customer_id, balance_minor FROM accounts WHERE tenant_id = $1"
    assert [tuple(row) for row in await tenant.rows(sql)] == [(anna, 1200)]

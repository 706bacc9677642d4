"""Keys are pruned by age, and the books can tell which of them must be there."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.files.importing.posting import ACTOR as FROM_FILE
from app.postgres.embedded import Urls
from models import idempotency
from models.configuration_commands import SetLimit, UpdateTenant
from models.ledger import Ledger
from models.operations import prune_keys as pruning
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import set_limit
from models.operations.prune_keys import prune_keys
from models.operations.update_tenant import update_tenant
from models.reads.verify import verify
from tests.support import approvals
from tests.support.citus import OF_ONE_PLAN
from tests.support.clock import Clock
from tests.support.holding import begin
from tests.support.tenants import ADMIN, MANAGER, Tenant

OLD = 91


async def keys(tenant: Tenant) -> list[str]:
    return [row[0] for row in await tenant.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY 1")]


async def keep_for(tenant: Tenant, days: int) -> None:
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(key_days=days))


async def prune(tenant: Tenant, ledger: Ledger | None = None) -> int:
    """All there is to prune; how much that was."""
    done = 0
    while pruned := await prune_keys(ledger or tenant.ledger, tenant.id):
        done += pruned
    return done


async def horizon(tenant: Tenant) -> Any:
    return (await tenant.rows("SELECT keys_pruned_at FROM tenants WHERE id = $1"))[0][0]


@pytest.mark.parametrize(
    ("days", "age", "replayed"), [(None, 89, True), (None, OLD, False), (30, 29, True), (30, 31, False)]
)
async def test_what_is_older_than_the_tenant_keeps_it_is_a_new_request(
    tenant: Tenant, clock: Clock, anna: UUID, days: int | None, age: int, replayed: bool
) -> None:
    if days is not None:
        await keep_for(tenant, days)
    first = await tenant.adjust(anna, 5, key="k")
    clock.advance(days=age)
    assert await prune(tenant) == (not replayed)
    again = await tenant.adjust(anna, 5, key="k")

    assert (again.replayed, again.transaction_id == first.transaction_id) == (replayed, replayed)
    assert await tenant.available(anna) == (500 if replayed else 1000)


async def test_to_the_microsecond(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await tenant.adjust(anna, 5, key="k")
    clock.advance(days=90)
    assert await prune(tenant) == 0
    assert await horizon(tenant) is None
    clock.advance(timedelta(microseconds=1))
    assert await prune(tenant) == 1
    assert await horizon(tenant) == clock() - timedelta(days=90)


async def test_keys_of_files_bulks_and_waiting_requests_are_kept(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    command = ImportCredits(digest="d", asset="POINTS", reason="CORRECTION", dry_run=False, error_policy="SKIP_FAILED")
    await import_credits(tenant.ledger, tenant.id, MANAGER, command, [ImportRow(None, None)], "file")
    await tenant.bulk((anna, 5), key="bulk")
    await tenant.adjust(anna, 5, key="online-retail/C1", actor=FROM_FILE)
    await tenant.execute("UPDATE tenants SET approval_hours = 8760, config_version = config_version + 1 WHERE id = $1")
    waiting = await approvals.ask(tenant, anna, key="waits")
    await approvals.approve(tenant, await approvals.ask(tenant, anna, key="approved"), key="approval")
    await approvals.reject(tenant, await approvals.ask(tenant, anna, key="rejected"))
    for key in ("ordinary", "online-retail/ordinary", "demo/ordinary"):
        await tenant.adjust(anna, 5, key=key)
    clock.advance(days=300)
    assert await prune(tenant) == 6
    assert await keys(tenant) == ["bulk", "file", "online-retail/C1", "waits"]
    assert (await verify(tenant.id)).holds
    await approvals.reject(tenant, waiting)
    assert await prune(tenant) == 1
    assert await keys(tenant) == ["bulk", "file", "online-retail/C1"]
    assert (await tenant.bulk((anna, 5), key="bulk")).replayed


async def test_in_steps_and_by_two_at_once(
    tenant: Tenant, clock: Clock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "KEYS_AT_ONCE", 7)
    monkeypatch.setattr(pruning, "MAX_STEPS", 2)
    for _ in range(2):
        await asyncio.gather(*(tenant.adjust(anna, 1) for _ in range(25)))
        clock.advance(hours=1)
    clock.advance(days=90)
    await tenant.adjust(anna, 1, key="young")
    assert await prune_keys(tenant.ledger, tenant.id) == 14
    other = Ledger(clock)
    assert sum(await asyncio.gather(prune(tenant), prune(tenant, other), prune(tenant, other))) == 36
    assert await keys(tenant) == ["young"]
    await other.close()


async def test_a_longer_time_brings_nothing_back_and_a_shorter_one_holds_at_once(
    tenant: Tenant, clock: Clock, anna: UUID
) -> None:
    await tenant.adjust(anna, 1, key="first")
    clock.advance(days=50)
    await tenant.adjust(anna, 1, key="second")
    await keep_for(tenant, 40)
    assert await prune(tenant) == 1
    noted = await horizon(tenant)
    await keep_for(tenant, 365)
    clock.advance(days=60)
    assert await prune(tenant) == 0
    assert await horizon(tenant) == noted
    assert (await tenant.adjust(anna, 1, key="second")).replayed
    assert (await verify(tenant.id)).holds
    await keep_for(tenant, 30)
    assert await prune(tenant) == 1
    assert await horizon(tenant) > noted


async def test_beside_load(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    """Four ask for each key while it is pruned: they are told of what was posted before, or of one more posting."""
    names = [f"k{n}" for n in range(60)]
    await asyncio.gather(*(tenant.adjust(anna, 1, key=name) for name in names))
    clock.advance(days=OLD)
    other = Ledger(clock)
    tenants = [tenant, Tenant(other, clock, tenant.slug, tenant.id)]
    asked = [each.adjust(anna, 1, key=name) for name in names for each in tenants for _ in range(2)]
    pruning_too = asyncio.create_task(prune(tenant))
    done = await asyncio.gather(*asked)
    await pruning_too

    posted = {outcome.transaction_id for outcome in done if not outcome.replayed}
    young = "SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1 AND created_at = $2"
    ((made,),) = await tenant.rows(young, clock())
    assert len(posted) == made
    assert await tenant.available(anna) == 100 * (60 + made)
    await other.close()


async def test_a_claim_waits_for_who_prunes_its_key_and_then_has_it(
    tenant: Tenant, clock: Clock, anna: UUID, database_urls: Urls
) -> None:
    await tenant.adjust(anna, 1, key="k")
    clock.advance(days=OLD)
    pruner = await asyncpg.connect(database_urls.app)
    try:
        await begin(pruner, tenant)
        pruned = "UPDATE tenants SET keys_pruned_at = $2 WHERE id = $1"
        await pruner.execute(pruned, tenant.id, clock() - timedelta(days=90))
        gone = "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = 'k'"
        assert await pruner.execute(gone, tenant.id) == "DELETE 1"
        claiming = asyncio.create_task(tenant.adjust(anna, 1, key="k"))
        await asyncio.sleep(0.05)
        assert not claiming.done()
        await pruner.execute("COMMIT")
        assert not (await claiming).replayed
    finally:
        await pruner.close()


async def test_one_that_others_have_is_left_to_the_next_time(
    tenant: Tenant, clock: Clock, anna: UUID, database_urls: Urls
) -> None:
    for key in ("held", "free"):
        await tenant.adjust(anna, 1, key=key)
    clock.advance(days=OLD)
    other = await asyncpg.connect(database_urls.app)
    try:
        await begin(other, tenant)
        sql = "SELECT FROM idempotency_keys WHERE tenant_id = $1 AND key = 'held' FOR UPDATE"
        await other.fetch(sql, tenant.id)
        assert await prune_keys(tenant.ledger, tenant.id) == 1
        assert await keys(tenant) == ["held"]
    finally:
        await other.close()
    assert await prune(tenant) == 1


@pytest.mark.parametrize("triggers", [True, False])
@pytest.mark.parametrize("kind", ["adjustment", "invoice", "payment", "request", "bulk"])
async def test_a_key_that_somebody_else_took_away_is_named(
    database: Urls, clock: Clock, kind: str, triggers: bool
) -> None:
    """With the triggers on or off, of whatever it was for: none is gone but by pruning."""
    tenant = await Tenant.open(clock)
    anna = await tenant.customer()
    await tenant.adjust(anna, 1, key="pruned")
    clock.advance(days=OLD)
    await _use_key(tenant, anna, kind)
    assert await prune(tenant) == 1
    assert (await verify(tenant.id)).holds
    superuser = await asyncpg.connect(database.admin)
    try:
        async with superuser.transaction():
            await superuser.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
            await superuser.execute(f"SET LOCAL session_replication_role = {'origin' if triggers else 'replica'}")
            gone = "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = 'k'"
            assert await superuser.execute(gone, tenant.id) == "DELETE 1"
    finally:
        await superuser.close()
    proof = await verify(tenant.id)
    assert [d.detail for d in proof.listed if d.check == "row of idempotency_keys" and "(the key 'k')" in d.detail]
    await tenant.ledger.close()


async def _use_key(tenant: Tenant, anna: UUID, kind: str) -> None:
    match kind:
        case "adjustment":
            await tenant.adjust(anna, 1, key="k")
        case "invoice":
            await tenant.invoice(anna, 5, key="k")
        case "payment":
            await tenant.pay(await tenant.invoice(anna, 5, auto_apply=False), 5, key="k")
        case "request":
            await approvals.ask(tenant, anna, key="k")
        case "bulk":
            await tenant.bulk((anna, 5), key="k")


async def test_a_key_s_seal_is_taken_away_with_it(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    seals = "SELECT count(*) FROM seals WHERE tenant_id = $1 AND of_table = 'idempotency_keys'"
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("STAFF", "GBP", None, Decimal(1)))
    await tenant.adjust(anna, 5)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -6)
    await tenant.bulk((anna, 5), dry_run=True)
    assert await tenant.rows(seals) == [(0,)]  # the transaction tells of it
    await tenant.invoice(anna, 5)
    await approvals.reject(tenant, await approvals.ask(tenant, anna))
    assert await tenant.rows(seals) == [(2,)]
    clock.advance(days=OLD)
    await prune(tenant)
    assert await tenant.rows(seals) == [(0,)]


@OF_ONE_PLAN
async def test_what_is_old_is_found_by_its_age(
    tenant: Tenant, clock: Clock, anna: UUID, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    """As the job asks. What is kept for ever is not in the way: it is not in the index."""
    command = ImportCredits(digest="d", asset="POINTS", reason="CORRECTION")
    for _ in range(3):
        await import_credits(tenant.ledger, tenant.id, MANAGER, command, [ImportRow(None, None)], uuid4().hex)
    await tenant.adjust(anna, 1)
    delete = f"""WITH old AS MATERIALIZED ({idempotency._OLD} LIMIT $4 FOR UPDATE OF k SKIP LOCKED)
        DELETE FROM idempotency_keys d USING old WHERE d.tenant_id = $1 AND d.key = old.key AND d.client = old.client"""
    async with owner_connection.transaction():
        await owner_connection.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'; {idempotency.LOOKED_UP}")
        await owner_connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await owner_connection.execute(f"PREPARE prune(uuid, timestamptz, timestamptz, int) AS {delete}")
        plan = await owner_connection.fetch(f"EXPLAIN EXECUTE prune('{tenant.id}', now(), NULL, 250)")
    told = "\n".join(row[0] for row in plan)
    assert "idempotency_keys_pruned" in told
    assert "idempotency_keys_pkey" in told
    assert "Seq Scan" not in told

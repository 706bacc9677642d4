"""Keys by client: a partner's are its own, people share one name space; and those of before answer whom they may."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.files.importing.posting import ACTOR as FROM_FILE
from app.sample.demo import ACTOR as SAMPLE
from models import idempotency
from models.commands import Actor, Outcome
from models.configuration_commands import SetLimit
from models.errors import IdempotencyKeyReused
from models.idempotency import client_of, is_kept
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import set_limit
from models.operations.run_bulks import run_bulk
from models.reads.verify import verify
from models.units import Posted, Refused, Replayed
from tests.support import approvals, holds
from tests.support.batch import Batch
from tests.support.tampering import past_triggers
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant
from tests.support.units import adjustment, post

SHOP, TILL = Actor("web", "PARTNER", client="shop"), Actor("till-1", "PARTNER", client="till")
NAMELESS = Actor("robot", "PARTNER")
SHARED = "UPDATE idempotency_keys SET shared = true WHERE tenant_id = $1 AND key = $2"


@pytest.fixture
async def tenant(tenant: Tenant) -> Tenant:
    """Where partners may add as much as they like."""
    for asset in (None, "POINTS"):
        await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", asset))
    return tenant


async def keys(tenant: Tenant) -> set[tuple[str, str]]:
    rows = await tenant.rows("SELECT key, client FROM idempotency_keys WHERE tenant_id = $1")
    return {(key, client) for key, client in rows}


async def answers_everybody(tenant: Tenant, owner: "asyncpg.Connection[Any]", key: str) -> None:
    """As a key from before there were name spaces, of which nobody can tell whose it is."""
    async with owner.transaction():
        await owner.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        assert await owner.execute(SHARED, tenant.id, key) == "UPDATE 1"


def test_a_partner_s_name_space_is_its_client_s_and_people_s_is_one() -> None:
    assert [client_of(actor) for actor in (SHOP, TILL, NAMELESS)] == ["shop", "till", "robot"]
    through_apps = Actor("sam", "STAFF", client="shop"), Actor("maria", "MANAGER", client="till")
    assert {client_of(actor) for actor in (ADMIN, MANAGER, STAFF, *through_apps)} == {""}


async def test_the_same_key_and_input_of_two_clients_make_two_postings(tenant: Tenant, anna: UUID) -> None:
    made = [await tenant.adjust(anna, 5, key="k", actor=actor) for actor in (SHOP, TILL, NAMELESS, MANAGER)]

    assert [outcome.replayed for outcome in made] == [False] * 4
    assert len({outcome.transaction_id for outcome in made}) == 4
    assert await keys(tenant) == {("k", "shop"), ("k", "till"), ("k", "robot"), ("k", "")}
    again = [await tenant.adjust(anna, 5, key="k", actor=actor) for actor in (SHOP, TILL, NAMELESS, MANAGER)]
    assert [outcome.replayed for outcome in again] == [True] * 4
    assert [outcome.transaction_id for outcome in again] == [outcome.transaction_id for outcome in made]


async def test_another_client_s_key_is_free_for_another_input(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5, key="k", actor=SHOP)
    assert not (await tenant.adjust(anna, 6, key="k", actor=TILL)).replayed
    assert not (await tenant.adjust(anna, 7, key="k", actor=STAFF)).replayed
    for actor in (SHOP, TILL, MANAGER):
        async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
            await tenant.adjust(anna, 8, key="k", actor=actor)


async def test_tokens_of_one_client_share_its_keys_and_people_share_theirs(tenant: Tenant, anna: UUID) -> None:
    first = await tenant.adjust(anna, 5, key="k", actor=SHOP)
    other_token = Actor("shop", "PARTNER", client="shop", name="Till 2")
    assert (await tenant.adjust(anna, 5, key="k", actor=other_token)).transaction_id == first.transaction_id
    persons = await tenant.adjust(anna, 5, key="k", actor=STAFF)
    for actor in (MANAGER, ADMIN, Actor("sam", "STAFF", client="shop")):
        again = await tenant.adjust(anna, 5, key="k", actor=actor)
        assert (again.replayed, again.transaction_id) == (True, persons.transaction_id)


async def test_within_one_batch(tenant: Tenant, anna: UUID) -> None:
    """Of each client the first is posted, and its repetitions are answered with that."""
    actors = (SHOP, TILL, SHOP, MANAGER, TILL, STAFF)
    units = [await adjustment(tenant, anna, 5, key="k", actor=actor) for actor in actors]
    results = await post(tenant, *units)

    assert [type(result) for result in results] == [Posted, Posted, Replayed, Posted, Replayed, Replayed]
    replayed = [result.result_id for result in results if isinstance(result, Replayed)]
    assert replayed == [units[n].result_id for n in (0, 1, 3)]
    assert await tenant.available(anna, "POINTS") == 15


async def test_a_refusal_frees_its_own_client_s_key_alone(tenant: Tenant, anna: UUID) -> None:
    kept = await tenant.adjust(anna, 5, key="k", actor=SHOP)
    units = [await adjustment(tenant, anna, amount, key="k", actor=actor) for amount, actor in ((-9, TILL), (3, STAFF))]
    results = await post(tenant, *units)

    assert [type(result) for result in results] == [Refused, Posted]
    assert await keys(tenant) == {("k", "shop"), ("k", "")}
    assert (await tenant.adjust(anna, 5, key="k", actor=SHOP)).transaction_id == kept.transaction_id


async def test_bulks_and_files(tenant: Tenant, anna: UUID) -> None:
    command = ImportCredits(digest="d", asset="GBP", reason="CORRECTION")
    rows = [ImportRow(None, None)]
    made = [await import_credits(tenant.ledger, tenant.id, a, command, rows, "f") for a in (SHOP, TILL, MANAGER)]
    made += [await tenant.bulk((anna, 5), key="b", actor=actor) for actor in (SHOP, TILL, MANAGER)]

    assert [outcome.replayed for outcome in made] == [False] * 6
    again = [await import_credits(tenant.ledger, tenant.id, a, command, [], "f") for a in (SHOP, TILL, MANAGER)]
    again += [await tenant.bulk((anna, 5), key="b", actor=actor) for actor in (SHOP, TILL, MANAGER)]
    assert [outcome.replayed for outcome in again] == [True] * 6
    assert [outcome.bulk_operation_id for outcome in again] == [outcome.bulk_operation_id for outcome in made]
    with pytest.raises(IdempotencyKeyReused):
        await import_credits(tenant.ledger, tenant.id, TILL, ImportCredits(digest="e", asset="GBP"), rows, "f")


async def test_a_failed_file_frees_its_own_client_s_key_alone(tenant: Tenant) -> None:
    command = ImportCredits(digest="d", asset="GBP", reason="CORRECTION")
    for actor in (SHOP, TILL):
        await import_credits(tenant.ledger, tenant.id, actor, command, [ImportRow(None, None)], "f")
    await run_bulk(tenant.ledger, tenant.id)
    assert len(await keys(tenant)) == 1
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    assert await keys(tenant) == set()


async def test_the_rows_of_a_partner_s_file_are_posted_once(tenant: Tenant, anna: UUID) -> None:
    ((external_id,),) = await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna)
    command = ImportCredits(digest="d", asset="POINTS", reason="CORRECTION", error_policy="SKIP_FAILED")
    row = ImportRow(external_id, Decimal(5))
    await import_credits(tenant.ledger, tenant.id, SHOP, command, [row], "f")
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    assert {client for _, client in await keys(tenant)} == {"shop"}
    assert await tenant.available(anna, "POINTS") == 5


async def test_an_approval_s_key_is_whoever_s_approves(tenant: Tenant, anna: UUID) -> None:
    """The transaction is the requester's, and `verify` looks for its key with the other one."""
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", "GBP", None, Decimal(1)))
    request = await approvals.ask(tenant, anna, 20, actor=SHOP, key="k")
    await approvals.approve(tenant, request, key="k")
    assert await keys(tenant) == {("k", "shop"), ("k", "")}
    assert (await approvals.approve(tenant, request, key="k")).replayed


async def test_a_key_of_before_that_answers_to_everybody(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:  # with a seal
        before.setattr(idempotency, "TRANSACTED_OPERATIONS", frozenset())
        first = await tenant.adjust(anna, 5, key="k")
    await answers_everybody(tenant, owner_connection, "k")
    for actor in (SHOP, TILL, STAFF):
        again = await tenant.adjust(anna, 5, key="k", actor=actor)
        assert (again.replayed, again.transaction_id) == (True, first.transaction_id)
        async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
            await tenant.adjust(anna, 6, key="k", actor=actor)
    assert await keys(tenant) == {("k", "")}
    together = Batch(tenant.clock)
    done: list[Outcome] = await together.run(
        tenant.id,
        [
            _adjust(together, tenant, anna, key, actor)
            for key, actor in (("k", SHOP), ("own", SHOP), ("own", TILL), ("k", STAFF))
        ],
    )
    assert [outcome.replayed for outcome in done] == [True, False, False, True]


def _adjust(batch: Batch, tenant: Tenant, customer: UUID, key: str, actor: Actor) -> Any:
    beside = Tenant(batch.ledger, tenant.clock, tenant.slug, tenant.id)
    return beside.adjust(customer, 5, key=key, actor=actor)


async def test_a_key_in_another_s_name_space_is_found_out(tenant: Tenant, database_urls: Any, anna: UUID) -> None:
    """Whose a key is is under its seal."""
    made = await tenant.adjust(anna, 5, key="k", actor=SHOP)
    superuser = await asyncpg.connect(database_urls.admin)
    try:
        for change, back in (("client = 'till'", "client = 'shop'"), ("kept = true", "kept = false")):
            async with past_triggers(superuser):
                await superuser.execute(f"UPDATE idempotency_keys SET {change} WHERE tenant_id = $1", tenant.id)
            proof = await verify(tenant.id)
            assert str(made.transaction_id) in {str(difference.id) for difference in proof.listed}, change
            async with past_triggers(superuser):
                await superuser.execute(f"UPDATE idempotency_keys SET {back} WHERE tenant_id = $1", tenant.id)
    finally:
        await superuser.close()


async def test_a_key_whose_transaction_tells_of_it_has_no_seal(tenant: Tenant, anna: UUID) -> None:
    """And keeps neither operation nor input: both are found again by the transaction."""
    yoga, reward = await tenant.service(), await tenant.reward(300)
    pounds = (await tenant.adjust(anna, 50, key="adjustCredit")).credit_id
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    await tenant.credit(anna, 1000, "POINTS")
    first, second = [await tenant.invoice(anna, total, auto_apply=False) for total in (20, 30)]
    made = await tenant.assign(pounds, (first, 10), key="assignCredit")
    moved = await tenant.reassign(made.assignment_ids[0], (second, 10), key="reassignCredit")
    await tenant.release(*moved.assignment_ids, key="releaseAssignments")
    await tenant.give(anna, reward, key="giveReward")
    await tenant.use(anna, yoga, 1, key="useCredit")
    await tenant.refund(await tenant.spend(anna, 3, "POINTS", key="spendCredit"), 1, key="refundSpend")
    note = await tenant.note(first, 1, key="createCreditNote")
    await tenant.void_note(note, key="voidCreditNote")
    await tenant.transfer(anna, await tenant.customer(), 1, "POINTS", key="transferCredit")
    held = await holds.hold(tenant, anna, 3, "POINTS", key="holdCredit")
    await holds.extend(tenant, held, 60, key="extendHold")
    await holds.capture(tenant, held, 1, key="captureHold")
    await holds.release(tenant, held, key="releaseHold")
    gone = await tenant.credit(anna, 7, expires_in_days=1)
    tenant.clock.advance(days=3)
    await tenant.revive(gone, key="reviveCredit")
    assert pounds is not None
    await tenant.update_credit(pounds, auto_apply=False, key="updateCredit")
    await tenant.void_credit(pounds, key="voidCredit")
    await approvals.ask(tenant, anna, key="asked")

    rows = await tenant.rows(
        "SELECT key, sealed, operation, length(input_hash) FROM idempotency_keys WHERE tenant_id = $1"
    )
    found = {key: rest for key, *rest in rows}
    told = idempotency.TRANSACTED_OPERATIONS
    assert {key: found[key] for key in told} == {key: [False, "", 0] for key in told}
    assert found["asked"] == [True, "adjustCredit", 32]
    assert (await tenant.adjust(anna, 50, key="adjustCredit")).replayed
    for key in ("assignCredit", "asked"):
        async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
            await tenant.adjust(anna, 50, key=key)


async def test_a_server_of_before_cannot_claim(tenant: Tenant) -> None:
    """It says of no key whose it is, and would post again what a partner has had posted since."""
    claim = """INSERT INTO idempotency_keys (tenant_id, key, operation, input_hash, result_id, created_at)
        VALUES ($1, 'k', 'adjustCredit', sha256('1'), gen_random_uuid(), now()) ON CONFLICT DO NOTHING"""
    with pytest.raises(asyncpg.NotNullViolationError):
        await tenant.execute(claim)


@pytest.mark.parametrize(
    ("key", "operation", "actor", "kept"),
    [
        ("k", "adjustCredit", MANAGER, False),
        ("k", "importCredits", MANAGER, True),
        ("k", "bulkCredit", MANAGER, True),
        ("bulk:0:1+", "postRows", MANAGER, True),
        ("online-retail/C1", "createInvoice", FROM_FILE, True),
        ("demo/coupon", "giveReward", SAMPLE, True),
        ("demo/coupon", "giveReward", STAFF, False),
        ("online-retail/C1", "createInvoice", SHOP, False),
    ],
)
def test_what_came_in_with_a_file_or_a_bulk_is_kept(key: str, operation: str, actor: Actor, kept: bool) -> None:
    assert is_kept(key, operation, actor) is kept

"""An erasure beside whatever writes about the same person at that moment: nothing that says something stays behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from models import patience
from models.commands import MembershipChange, MergeCustomers
from models.errors import Busy, Invalid
from models.operations import people
from models.operations.approvals import reject_request, withdraw_request
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.memberships import start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.releasing import void_invoice
from models.planning.releasing import VoidInvoice
from models.session import tenant_transaction
from models.texts import Texts
from tests.models.test_erasing import SECRET, where
from tests.support.citus import ACTIVITY
from tests.support.pausing import Pause
from tests.support.tenants import MANAGER, STAFF, Tenant

Write = Callable[[], Awaitable[object]]
Prepare = Callable[[Tenant, UUID], Awaitable[Write]]
OWN = Texts(SECRET, ((SECRET, SECRET),))
ENOUGH_S = 30


async def adding(tenant: Tenant, anna: UUID) -> Write:
    return lambda: tenant.adjust(anna, 5, note=SECRET)


async def removing(tenant: Tenant, anna: UUID) -> Write:
    await tenant.adjust(anna, 5)
    return lambda: tenant.adjust(anna, -5, note=SECRET)


async def asking(tenant: Tenant, anna: UUID) -> Write:
    return lambda: tenant.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=SECRET)


async def proposing_a_removal(tenant: Tenant, anna: UUID) -> Write:
    await tenant.adjust(anna, 5)
    return lambda: tenant.adjust(anna, -5, propose_only=True, note=SECRET)


async def rejecting(tenant: Tenant, anna: UUID) -> Write:
    request = await asked(tenant, anna)
    return lambda: reject_request(tenant.ledger, tenant.id, MANAGER, request, SECRET)


async def rejecting_a_transfer_to_them(tenant: Tenant, anna: UUID) -> Write:
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 5)
    request = (await tenant.transfer(ben, anna, 5, actor=STAFF, propose_only=True)).approval_request_id
    assert request is not None
    return lambda: reject_request(tenant.ledger, tenant.id, MANAGER, request, SECRET)


async def withdrawing(tenant: Tenant, anna: UUID) -> Write:
    request = await asked(tenant, anna)
    return lambda: withdraw_request(tenant.ledger, tenant.id, STAFF, request, SECRET)


async def asked(tenant: Tenant, anna: UUID) -> UUID:
    request = (await tenant.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=SECRET)).approval_request_id
    assert request is not None
    return request


async def voiding_an_invoice(tenant: Tenant, anna: UUID) -> Write:
    invoice = await tenant.invoice(anna, 5, auto_apply=False)
    return lambda: tenant.void_invoice(invoice, note=SECRET)


async def adding_with_texts(tenant: Tenant, anna: UUID) -> Write:
    return lambda: tenant.adjust(anna, 5, texts=OWN)


async def asking_with_texts(tenant: Tenant, anna: UUID) -> Write:
    return lambda: tenant.adjust(anna, 5_000, actor=STAFF, request_approval=True, texts=OWN)


async def voiding_an_invoice_with_texts(tenant: Tenant, anna: UUID) -> Write:
    invoice = await tenant.invoice(anna, 5, auto_apply=False)
    return lambda: void_invoice(tenant.ledger, tenant.id, MANAGER, VoidInvoice(invoice, texts=OWN), "k")


async def issuing_an_invoice(tenant: Tenant, anna: UUID) -> Write:
    return lambda: tenant.invoice(anna, 5, invoice_texts=OWN)


async def disabling_a_coupon(tenant: Tenant, anna: UUID) -> Write:
    await tenant.adjust(anna, 10, "POINTS")
    coupon = (await tenant.give(anna, await tenant.reward(10))).coupon_id
    return lambda: tenant.disable(coupon, refund=False, note=SECRET)


async def queueing_a_file(tenant: Tenant, anna: UUID) -> Write:
    external_id = (await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna))[0][0]
    rows, command = [ImportRow(external_id, Decimal(7), note=SECRET)], ImportCredits("", "POINTS", "CORRECTION")
    return lambda: import_credits(tenant.ledger, tenant.id, MANAGER, command, rows, "k")


async def becoming_a_member(tenant: Tenant, anna: UUID) -> Write:
    change = MembershipChange(anna, None, SECRET)
    return lambda: start_membership(tenant.ledger, tenant.id, MANAGER, change)


WRITERS = (
    adding,
    removing,
    asking,
    proposing_a_removal,
    rejecting,
    rejecting_a_transfer_to_them,
    withdrawing,
    voiding_an_invoice,
    adding_with_texts,
    asking_with_texts,
    voiding_an_invoice_with_texts,
    issuing_an_invoice,
    disabling_a_coupon,
    queueing_a_file,
    becoming_a_member,
)
PAUSED_AT: Final[dict[Prepare, str]] = {
    rejecting: "models.operations.approvals.record_event",
    rejecting_a_transfer_to_them: "models.operations.approvals.record_event",
    withdrawing: "models.operations.approvals.record_event",
    queueing_a_file: "models.operations.import_credits.record_event",
    becoming_a_member: "models.operations.memberships.record_event",
}
"""Of those that are not postings, which are held up before they write anything."""


async def until_it_waits(tenant: Tenant, task: "asyncio.Task[Any]") -> None:
    """Until the task is over, or somebody in this worker's database waits for a lock."""
    waits = f"""SELECT true FROM {ACTIVITY}
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL"""
    async with asyncio.timeout(ENOUGH_S):
        while not task.done() and not await tenant.rows(waits):  # noqa: ASYNC110 - it is the database that knows
            await asyncio.sleep(0.005)


async def refused_or_done(write: Write) -> None:
    with suppress(Invalid):
        await write()


@pytest.mark.parametrize("writer", WRITERS)
async def test_what_is_being_written_is_erased_with_the_rest(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch, writer: Prepare
) -> None:
    write = await writer(tenant, anna)
    pause = Pause(monkeypatch, PAUSED_AT.get(writer, "models.posting.write"))
    writing = asyncio.ensure_future(write())
    await pause.reached.wait()
    erasing = asyncio.create_task(erase_customer(tenant.ledger, tenant.id, MANAGER, anna))
    await until_it_waits(tenant, erasing)
    waited = not erasing.done()
    pause.go_on.set()
    await writing
    assert waited
    assert await erasing
    assert await where(tenant, SECRET) == set()


@pytest.mark.parametrize("writer", WRITERS)
async def test_what_waited_for_the_erasure_leaves_nothing_behind(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch, writer: Prepare
) -> None:
    write = await writer(tenant, anna)
    pause = Pause(monkeypatch, "models.operations.people.record_event")
    erasing = asyncio.create_task(erase_customer(tenant.ledger, tenant.id, MANAGER, anna))
    await pause.reached.wait()
    writing = asyncio.create_task(refused_or_done(write))
    await until_it_waits(tenant, writing)
    pause.go_on.set()
    assert await erasing
    await writing
    assert await where(tenant, SECRET) == set()


async def test_a_record_that_is_being_merged_into_theirs_goes_along(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await tenant.customer(name=SECRET)
    await tenant.adjust(other, 5, note=SECRET)
    pause = Pause(monkeypatch, "models.posting.write")
    merge = merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(other, anna, SECRET), "k")
    merging = asyncio.create_task(merge)
    await pause.reached.wait()
    erasing = asyncio.create_task(erase_customer(tenant.ledger, tenant.id, MANAGER, anna))
    await until_it_waits(tenant, erasing)
    pause.go_on.set()
    await merging
    assert await erasing
    assert await where(tenant, SECRET) == set()


async def test_postings_about_the_same_person_do_not_wait_for_each_other(tenant: Tenant, anna: UUID) -> None:
    async with tenant_transaction(tenant.id) as connection:
        sql = "SELECT FROM customers WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE"
        await connection.raw.execute(sql, tenant.id, anna)
        await tenant.adjust(anna, 5)
    assert await tenant.available(anna) == 500


async def test_an_erasure_that_never_gets_its_turn_gives_up(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "GIVING_WAY", "SET LOCAL lock_timeout = '1ms'")
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.1)
    await tenant.adjust(anna, 5, note=SECRET)
    before = await tenant.fingerprint()
    async with tenant_transaction(tenant.id) as connection:
        sql = "SELECT FROM customers WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE"
        await connection.raw.execute(sql, tenant.id, anna)
        with pytest.raises(Busy):
            await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await tenant.fingerprint() == before

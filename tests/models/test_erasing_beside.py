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
from models.operations.import_credits import ImportCredits, ImportRow, import_credits
from models.operations.memberships import start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.session import tenant_transaction
from tests.models.test_erasing import SECRET, where
from tests.support.pausing import Pause
from tests.support.shop import MANAGER, STAFF, Shop

Write = Callable[[], Awaitable[object]]
Prepare = Callable[[Shop, UUID], Awaitable[Write]]
ENOUGH_S = 30


async def adding(shop: Shop, anna: UUID) -> Write:
    return lambda: shop.adjust(anna, 5, note=SECRET)


async def removing(shop: Shop, anna: UUID) -> Write:
    await shop.adjust(anna, 5)
    return lambda: shop.adjust(anna, -5, note=SECRET)


async def asking(shop: Shop, anna: UUID) -> Write:
    return lambda: shop.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=SECRET)


async def rejecting(shop: Shop, anna: UUID) -> Write:
    request = await asked(shop, anna)
    return lambda: reject_request(shop.ledger, shop.tenant_id, MANAGER, request, SECRET)


async def withdrawing(shop: Shop, anna: UUID) -> Write:
    request = await asked(shop, anna)
    return lambda: withdraw_request(shop.ledger, shop.tenant_id, STAFF, request, SECRET)


async def asked(shop: Shop, anna: UUID) -> UUID:
    request = (await shop.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=SECRET)).approval_request_id
    assert request is not None
    return request


async def voiding_an_invoice(shop: Shop, anna: UUID) -> Write:
    invoice = await shop.invoice(anna, 5, auto_apply=False)
    return lambda: shop.void_invoice(invoice, note=SECRET)


async def disabling_a_coupon(shop: Shop, anna: UUID) -> Write:
    await shop.adjust(anna, 10, "POINTS")
    coupon = (await shop.give(anna, await shop.reward(10))).coupon_id
    return lambda: shop.disable(coupon, refund=False, note=SECRET)


async def queueing_a_file(shop: Shop, anna: UUID) -> Write:
    external_id = (await shop.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna))[0][0]
    rows, command = [ImportRow(external_id, Decimal(7), note=SECRET)], ImportCredits("", "POINTS", "CORRECTION")
    return lambda: import_credits(shop.ledger, shop.tenant_id, MANAGER, command, rows, "k")


async def becoming_a_member(shop: Shop, anna: UUID) -> Write:
    change = MembershipChange(anna, None, SECRET)
    return lambda: start_membership(shop.ledger, shop.tenant_id, MANAGER, change)


WRITERS = (
    adding,
    removing,
    asking,
    rejecting,
    withdrawing,
    voiding_an_invoice,
    disabling_a_coupon,
    queueing_a_file,
    becoming_a_member,
)
PAUSED_AT: Final[dict[Prepare, str]] = {
    rejecting: "models.operations.approvals.record_event",
    withdrawing: "models.operations.approvals.record_event",
    queueing_a_file: "models.operations.import_credits.record_event",
    becoming_a_member: "models.operations.memberships.record_event",
}
"""Of those that are not postings, which are held up before they write anything."""


async def until_it_waits(shop: Shop, task: "asyncio.Task[Any]") -> None:
    """Until the task is over, or somebody in this worker's database waits for a lock."""
    waits = """SELECT true FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL"""
    async with asyncio.timeout(ENOUGH_S):
        while not task.done() and not await shop.rows(waits):  # noqa: ASYNC110 - it is the database that knows
            await asyncio.sleep(0.005)


async def refused_or_done(write: Write) -> None:
    with suppress(Invalid):
        await write()


@pytest.mark.parametrize("writer", WRITERS)
async def test_what_is_being_written_is_erased_with_the_rest(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch, writer: Prepare
) -> None:
    write = await writer(shop, anna)
    pause = Pause(monkeypatch, PAUSED_AT.get(writer, "models.posting.write"))
    writing = asyncio.ensure_future(write())
    await pause.reached.wait()
    erasing = asyncio.create_task(erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna))
    await until_it_waits(shop, erasing)
    waited = not erasing.done()
    pause.go_on.set()
    await writing
    assert waited
    assert await erasing
    assert await where(shop, SECRET) == set()


@pytest.mark.parametrize("writer", WRITERS)
async def test_what_waited_for_the_erasure_leaves_nothing_behind(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch, writer: Prepare
) -> None:
    write = await writer(shop, anna)
    pause = Pause(monkeypatch, "models.operations.people.record_event")
    erasing = asyncio.create_task(erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna))
    await pause.reached.wait()
    writing = asyncio.create_task(refused_or_done(write))
    await until_it_waits(shop, writing)
    pause.go_on.set()
    assert await erasing
    await writing
    assert await where(shop, SECRET) == set()


async def test_a_record_that_is_being_merged_into_theirs_goes_along(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await shop.customer(SECRET)
    await shop.adjust(other, 5, note=SECRET)
    pause = Pause(monkeypatch, "models.posting.write")
    merge = merge_customers(shop.ledger, shop.tenant_id, MANAGER, MergeCustomers(other, anna, SECRET), "k")
    merging = asyncio.create_task(merge)
    await pause.reached.wait()
    erasing = asyncio.create_task(erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna))
    await until_it_waits(shop, erasing)
    pause.go_on.set()
    await merging
    assert await erasing
    assert await where(shop, SECRET) == set()


async def test_postings_about_the_same_person_do_not_wait_for_each_other(shop: Shop, anna: UUID) -> None:
    async with tenant_transaction(shop.tenant_id) as connection:
        sql = "SELECT FROM customers WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE"
        await connection.raw.execute(sql, shop.tenant_id, anna)
        await shop.adjust(anna, 5)
    assert await shop.available(anna) == 500


async def test_an_erasure_that_never_gets_its_turn_gives_up(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "GIVING_WAY", "SET LOCAL lock_timeout = '1ms'")
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.1)
    await shop.adjust(anna, 5, note=SECRET)
    before = await shop.fingerprint()
    async with tenant_transaction(shop.tenant_id) as connection:
        sql = "SELECT FROM customers WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE"
        await connection.raw.execute(sql, shop.tenant_id, anna)
        with pytest.raises(Busy):
            await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    assert await shop.fingerprint() == before

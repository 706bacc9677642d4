"""One request that reaches two servers at once, or one server several times: posted once, whatever moves value."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from models.commands import (
    CreateCreditNote,
    MergeCustomers,
    NewExpiry,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.ledger import Ledger
from models.operations.capture_hold import capture_hold
from models.operations.coupons import disable_coupon, reopen_coupon
from models.operations.create_credit_note import create_credit_note, void_credit_note
from models.operations.hold_credit import hold_credit
from models.operations.merge_customers import merge_customers
from models.operations.record_payment import record_payment, void_payment
from models.operations.refund_spend import refund_spend
from models.operations.release_hold import extend_hold, release_hold
from models.operations.reverse_bulk import ReverseBulk, reverse_bulk
from models.operations.revive_credit import revive_credit
from models.operations.spend_credit import spend_credit
from models.operations.transfer_credit import transfer_credit
from models.planning.capturing import CaptureHold
from models.planning.coupons import DisableCoupon, ReopenCoupon
from models.planning.holding import ExtendHold, HoldCredit, ReleaseHold
from models.planning.payments import VoidPayment
from models.planning.spending import SpendCredit
from models.planning.voiding_notes import VoidCreditNote
from models.reads.verify import verify
from models.texts import Texts
from tests.support.clock import Clock
from tests.support.holds import hold
from tests.support.tenants import Tenant, known

Asked = tuple[Any, Any, Any]
"""An operation, what is asked of it, and something else that it is not asked for."""
TEXTS: Final = Texts("PO-7", (("till", "2"),))
OTHER: Final = Texts("PO-8")


async def _holding(tenant: Tenant, anna: UUID) -> Asked:
    command = HoldCredit(anna, "GBP", Decimal(5), texts=TEXTS)
    return hold_credit, command, replace(command, amount=Decimal(6))


async def _capturing(tenant: Tenant, anna: UUID) -> Asked:
    command = CaptureHold(known((await hold(tenant, anna, 9)).hold_id), Decimal(5), texts=TEXTS)
    return capture_hold, command, replace(command, amount=Decimal(4))


async def _capturing_as_a_payment(tenant: Tenant, anna: UUID) -> Asked:
    invoice = await tenant.invoice(anna, 9, auto_apply=False)
    command = CaptureHold(known((await hold(tenant, anna, 9)).hold_id), Decimal(5), invoice)
    return capture_hold, command, replace(command, amount=Decimal(4))


async def _releasing(tenant: Tenant, anna: UUID) -> Asked:
    command = ReleaseHold(known((await hold(tenant, anna, 9)).hold_id))
    return release_hold, command, replace(command, note="Not this")


async def _extending(tenant: Tenant, anna: UUID) -> Asked:
    command = ExtendHold(known((await hold(tenant, anna, 9)).hold_id), 90)
    return extend_hold, command, replace(command, expires_in_minutes=91)


async def _spending(tenant: Tenant, anna: UUID) -> Asked:
    command = SpendCredit(anna, "GBP", Decimal(5), texts=TEXTS)
    return spend_credit, command, replace(command, texts=OTHER)


async def _refunding(tenant: Tenant, anna: UUID) -> Asked:
    command = RefundSpend(known((await tenant.spend(anna, 5)).transaction_id), Decimal(3), texts=TEXTS)
    return refund_spend, command, replace(command, amount=Decimal(2))


async def _refunding_later(tenant: Tenant, anna: UUID) -> Asked:
    command = RefundSpend(known((await tenant.spend(anna, 5)).transaction_id), Decimal(3), propose_only=True)
    return refund_spend, command, replace(command, amount=Decimal(2))


async def _noting(tenant: Tenant, anna: UUID) -> Asked:
    invoice = await tenant.invoice(anna, 9, auto_apply=False)
    await tenant.pay(invoice, 4, "ACCOUNT_CREDIT")
    await tenant.pay(invoice, 5)
    command = CreateCreditNote(invoice, Decimal(8), texts=TEXTS)
    return create_credit_note, command, replace(command, amount=Decimal(7))


async def _voiding_a_note(tenant: Tenant, anna: UUID) -> Asked:
    _, noted, _ = await _noting(tenant, anna)
    note = await create_credit_note(tenant.ledger, tenant.id, tenant.actor, noted, tenant.key())
    command = VoidCreditNote(known(note.credit_note_id))
    return void_credit_note, command, replace(command, note="Not this")


async def _keeping(tenant: Tenant, anna: UUID) -> Asked:
    invoice = await tenant.invoice(anna, 9, auto_apply=False)
    command = RecordPayment(invoice, Decimal(12), "CARD", keep_excess=True, texts=TEXTS)
    return record_payment, command, replace(command, texts=OTHER)


async def _paying_with_credit(tenant: Tenant, anna: UUID) -> Asked:
    invoice = await tenant.invoice(anna, 9, auto_apply=False)
    command = RecordPayment(invoice, Decimal(5), "ACCOUNT_CREDIT", texts=TEXTS)
    return record_payment, command, replace(command, amount=Decimal(4))


async def _voiding_a_payment(tenant: Tenant, anna: UUID) -> Asked:
    _, paying, _ = await _keeping(tenant, anna)
    paid = await record_payment(tenant.ledger, tenant.id, tenant.actor, paying, tenant.key())
    command = VoidPayment(known(paid.payment_id), texts=TEXTS)
    return void_payment, command, replace(command, texts=OTHER)


async def _transferring(tenant: Tenant, anna: UUID) -> Asked:
    command = TransferCredit(anna, await tenant.customer(name="Ben"), "GBP", Decimal(5), texts=TEXTS)
    return transfer_credit, command, replace(command, amount=Decimal(4))


async def _reviving(tenant: Tenant, anna: UUID) -> Asked:
    credit = await tenant.credit(anna, 8, expires_at=tenant.clock() + timedelta(minutes=1))
    tenant.clock.advance(minutes=2)
    command = ReviveCredit(credit, "GOODWILL", NewExpiry(in_days=9), Decimal(5), texts=TEXTS)
    return revive_credit, command, replace(command, amount=Decimal(4))


async def _reversing(tenant: Tenant, anna: UUID) -> Asked:
    command = ReverseBulk(known((await tenant.bulk((anna, 5), asset="GBP")).bulk_operation_id), texts=TEXTS)
    return reverse_bulk, command, replace(command, texts=OTHER)


async def _coupon(tenant: Tenant, anna: UUID) -> UUID:
    await tenant.adjust(anna, 100, "POINTS")
    return known((await tenant.give(anna, await tenant.reward(100, stock=5))).coupon_id)


async def _reopening(tenant: Tenant, anna: UUID) -> Asked:
    coupon = await _coupon(tenant, anna)
    await tenant.use_coupon(coupon)
    command = ReopenCoupon(coupon)
    return reopen_coupon, command, replace(command, note="Not this")


async def _disabling(tenant: Tenant, anna: UUID) -> Asked:
    command = DisableCoupon(await _coupon(tenant, anna), refund_points=True, restock=True, texts=TEXTS)
    return disable_coupon, command, replace(command, texts=OTHER)


async def _merging(tenant: Tenant, anna: UUID) -> Asked:
    command = MergeCustomers(anna, await tenant.customer(name="Ben"), texts=TEXTS)
    return merge_customers, command, replace(command, texts=OTHER)


MOVES: Final[tuple[Callable[[Tenant, UUID], Awaitable[Asked]], ...]] = (
    *(_holding, _capturing, _capturing_as_a_payment, _releasing, _extending, _spending, _refunding, _refunding_later),
    *(_noting, _voiding_a_note, _keeping, _paying_with_credit, _voiding_a_payment, _transferring, _reviving),
    *(_reversing, _reopening, _disabling, _merging),
)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__.lstrip("_"))
async def test_it_is_posted_once_and_answers_the_same(
    tenant: Tenant, anna: UUID, clock: Clock, move: Callable[[Tenant, UUID], Awaitable[Asked]]
) -> None:
    """And afterwards something else under its key is refused, wherever it comes to."""
    await tenant.credit(anna, 10, expires_in_days=5)
    await tenant.credit(anna, 50)
    operation, command, other = await move(tenant, anna)
    second = Ledger(source=tenant.ledger.source, clock=clock)
    try:
        both = (tenant.ledger, second)
        answers = await asyncio.gather(
            *(operation(ledger, tenant.id, tenant.actor, command, "k") for ledger in both for _ in range(3))
        )
        assert sorted(answer.replayed for answer in answers) == [False, *(True,) * 5]
        for name in ("transaction_id", "payment_id", "hold_id", "credit_note_id", "approval_request_id", "coupon_id"):
            assert len({getattr(answer, name) for answer in answers}) == 1, name
        assert len({answer.bulk_operation_id for answer in answers}) == 1
        async with tenant.nothing_moves():
            for ledger in both:
                async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
                    await operation(ledger, tenant.id, tenant.actor, other, "k")
                assert (await operation(ledger, tenant.id, tenant.actor, command, "k")).replayed
    finally:
        await second.close()
    assert (await verify(tenant.id)).holds

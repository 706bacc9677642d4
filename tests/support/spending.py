"""What a test asks for that spends: for a purpose, on rewards, and between customers; and what undoes it."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Actor, GiveReward, NewExpiry, Outcome, RefundSpend, ReviveCredit, TransferCredit
from models.ledger import Ledger
from models.operations.coupons import disable_coupon, reopen_coupon, use_coupon
from models.operations.give_reward import give_reward
from models.operations.refund_spend import refund_spend
from models.operations.revive_credit import revive_credit
from models.operations.spend_credit import spend_credit
from models.operations.transfer_credit import transfer_credit
from models.operations.use_credit import use_credit
from models.planning.coupons import DisableCoupon, ReopenCoupon, UseCoupon
from models.planning.spending import SpendCredit
from models.planning.using import UseCredit
from models.texts import Texts
from tests.support.asking import STAFF, Asking, known

IN_TEN_DAYS: Final = NewExpiry(in_days=10)


class Spending(Asking):
    async def use(
        self,
        customer_id: UUID,
        service_id: UUID,
        amount: str | int | Decimal,
        *,
        key: str | None = None,
        note: str | None = None,
        actor: Actor = STAFF,
    ) -> Outcome:
        command = UseCredit(customer_id, service_id, Decimal(amount), note)
        return await use_credit(self.ledger, self.id, actor, command, key or self.key())

    async def spend(
        self,
        customer_id: UUID,
        amount: str | int | Decimal,
        asset: str = "GBP",
        *,
        note: str | None = "Coffee",
        services: tuple[UUID, ...] = (),
        key: str | None = None,
        actor: Actor = STAFF,
        texts: Texts | None = None,
    ) -> Outcome:
        command = SpendCredit(customer_id, asset, Decimal(amount), note, services, texts)
        return await spend_credit(self.ledger, self.id, actor, command, key or self.key())

    async def refund(
        self,
        spend: Outcome | UUID,
        amount: str | int | Decimal | None = None,
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """Of no amount, all that is left of it."""
        transaction_id = spend if isinstance(spend, UUID) else known(spend.transaction_id)
        command = RefundSpend(transaction_id, None if amount is None else Decimal(amount), **more)
        return await refund_spend(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def transfer(
        self,
        giver: UUID,
        receiver: UUID,
        amount: str | int | Decimal,
        asset: str = "GBP",
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        command = TransferCredit(giver, receiver, asset, Decimal(amount), **more)
        return await transfer_credit(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def revive(
        self,
        credit_id: UUID,
        amount: str | int | Decimal | None = None,
        expiry: NewExpiry = IN_TEN_DAYS,
        *,
        reason: str = "GOODWILL",
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """Of no amount, all that has expired."""
        command = ReviveCredit(credit_id, reason, expiry, None if amount is None else Decimal(amount), **more)
        return await revive_credit(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def give(
        self,
        customer_id: UUID,
        reward_id: UUID,
        *,
        deduct_points: bool = True,
        actor: Actor | None = None,
        key: str | None = None,
        note: str | None = None,
        request_approval: bool = False,
        propose_only: bool = False,
    ) -> Outcome:
        command = GiveReward(customer_id, reward_id, deduct_points, note, request_approval, propose_only)
        return await give_reward(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def use_coupon(
        self, coupon_id: UUID | None, *, invoice: UUID | None = None, key: str | None = None, actor: Actor = STAFF
    ) -> Outcome:
        command = UseCoupon(known(coupon_id), invoice)
        return await use_coupon(self.ledger, self.id, actor, command, key or self.key())

    async def reopen(self, coupon_id: UUID | None, *, note: str | None = None, key: str | None = None) -> Outcome:
        command = ReopenCoupon(known(coupon_id), note)
        return await reopen_coupon(self.ledger, self.id, self.actor, command, key or self.key())

    async def disable(
        self,
        coupon_id: UUID | None,
        *,
        refund: bool,
        restock: bool = False,
        note: str | None = None,
        key: str | None = None,
    ) -> Outcome:
        command = DisableCoupon(known(coupon_id), refund, note, restock)
        return await disable_coupon(self.ledger, self.id, self.actor, command, key or self.key())

"""Coupons used, disabled, and used ones made good again (source 003). Pure.

What a coupon cost is given back once: as the coupon itself, reopened, or as its points, never both. A reopening is noted
on the coupon for that reason.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from models.commands import LATER, Command, Outcome
from models.errors import CouponNotIssued, CustomerMismatch, Invalid, InvoiceNotOpen, NotFound
from models.kinds import Counter, CouponStatus, InvoiceStatus, TransactionKind
from models.money import POINTS
from models.planning import credits, plan_of
from models.planning.auditing import audit
from models.planning.drafts import TransactionDraft
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.reward_rows import CouponState, RewardState
from models.planning.state import Books, InvoiceState, PostingContext
from models.texts import Texts
from models.undoing_errors import CouponNotUsed, CouponReopened
from models.views import CouponView
from turns.steps import Steps

MAX_STOCK: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class UseCoupon(Command):
    """invoice_id: the customer's invoice or order that it is used on, if one is named."""

    coupon_id: UUID
    invoice_id: UUID | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class DisableCoupon(Command):
    """refund_points: also of a used one. restock: put one back into its reward's stock, if that is counted."""

    coupon_id: UUID
    refund_points: bool
    note: str | None = None
    restock: bool = field(default=False, metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ReopenCoupon(Command):
    """Make a used coupon good again, under the expiry that it had."""

    coupon_id: UUID
    note: str | None = None


def use_needs(command: UseCoupon) -> Needs:
    return Needs(coupons=(command.coupon_id,), invoices=() if command.invoice_id is None else (command.invoice_id,))


def reopen_needs(command: ReopenCoupon) -> Needs:
    return Needs(coupons=(command.coupon_id,))


def disable_needs(command: DisableCoupon, customer_id: UUID, transaction_id: UUID, reward_id: UUID) -> Needs:
    """The coupon; to refund it also the points account and its transaction's spends (found by an unlocked read); to
    restock, its reward."""
    rewards = (reward_id,) if command.restock else ()
    if not command.refund_points:
        return Needs(coupons=(command.coupon_id,), rewards=rewards)
    return Needs(
        accounts=((customer_id, POINTS),),
        opens_accounts=True,
        rewards=rewards,
        coupons=(command.coupon_id,),
        reversed_transactions=(transaction_id,),
    )


@plan_of(UseCoupon)
def plan_use(books: Books, context: PostingContext, command: UseCoupon) -> Outcome:
    """Plan the use of an issued coupon. Raises CouponNotIssued for any other; NotFound, CustomerMismatch and
    InvoiceNotOpen for what it is to be used on."""
    coupon = _issued(books, command.coupon_id)
    invoice = _used_on(books, coupon, command)
    # Must succeed from here on.
    _close(books, coupon, CouponStatus.USED, invoice_id=None if invoice is None else invoice.id)
    details = None if invoice is None else {"invoice": invoice.number}
    audit(books, context, "coupon.used", coupon.id, coupon.customer_id, details=details)
    return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))


def _used_on(books: Books, coupon: CouponState, command: UseCoupon) -> InvoiceState | None:
    """The invoice that the command names, which may be paid already: a coupon's benefit may be why."""
    if command.invoice_id is None:
        return None
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.customer_id != coupon.customer_id:
        raise CustomerMismatch("invoice").at("invoiceId")
    if invoice.status == InvoiceStatus.VOID:
        raise InvoiceNotOpen(invoice.status)
    return invoice


@plan_of(ReopenCoupon)
def plan_reopen(books: Books, context: PostingContext, command: ReopenCoupon) -> Outcome:
    """Plan a used coupon's reopening. Raises CouponNotUsed for any other, CouponReopened if it was reopened before."""
    check_note(command.note)
    coupon = _known(books, command.coupon_id)
    if coupon.status != CouponStatus.USED:
        raise CouponNotUsed(coupon_view(coupon).status(books.now))
    if coupon.reopened_at is not None:
        raise CouponReopened
    # Must succeed from here on.
    audit(books, context, "coupon.reopened", coupon.id, coupon.customer_id, command.note)
    books.change(coupon, status=CouponStatus.ISSUED, closed_at=None, invoice_id=None, reopened_at=books.now)
    books.writes.touched_coupons.append(coupon)
    emit(books, "coupon.reopened", coupon.id)
    return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))


@plan_of(DisableCoupon)
def plan_disable(books: Books, context: PostingContext, command: DisableCoupon) -> Steps[Outcome]:
    """Plan a coupon's disabling; its points are refunded only if requested, to their credits, last first. A used one is
    disabled only for that. Raises CouponNotIssued, CouponReopened."""
    check_note(command.note)
    coupon = _to_disable(books, command)
    reward = _to_restock(books, coupon, command)
    # Must succeed from here on.
    audit(books, context, "coupon.disabled", coupon.id, coupon.customer_id, command.note)
    if reward is not None and reward.stock is not None:
        books.change(reward, stock=reward.stock + 1)
        books.writes.touched_rewards.append(reward)
    if not (command.refund_points and coupon.points_spent_minor):
        _close(books, coupon, CouponStatus.DISABLED)
        return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))
    account = books.accounts[coupon.customer_id, POINTS]
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(books, TransactionKind.REVERSAL, coupon.customer_id, context, note=command.note)
    yield from _put_points_back(books, transaction, coupon)
    credits.follow_tier(books, transaction, account, lifetime_before)
    _close(books, coupon, CouponStatus.DISABLED, refund_transaction_id=transaction.id, invoice_id=coupon.invoice_id)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        coupon_id=coupon.id,
        views=(coupon_view(coupon), credits.transaction_view(transaction), credits.account_view(account)),
    )


def _to_disable(books: Books, command: DisableCoupon) -> CouponState:
    """An issued coupon; or a used one, to give its points back."""
    coupon = _known(books, command.coupon_id)
    gives_back = command.refund_points and coupon.points_spent_minor > 0
    if not (coupon.status == CouponStatus.USED and gives_back):
        coupon = _issued(books, command.coupon_id)
    if gives_back and coupon.reopened_at is not None:
        raise CouponReopened
    return coupon


def _to_restock(books: Books, coupon: CouponState, command: DisableCoupon) -> RewardState | None:
    """The coupon's reward, if one is to be put back into its stock. Raises Invalid if there is no room for it."""
    if not command.restock:
        return None
    reward = books.rewards[coupon.reward_id]
    if reward.stock is not None and reward.stock >= MAX_STOCK:
        raise Invalid("The reward's stock is at its maximum.", field=("restock",))
    return reward


def _put_points_back(books: Books, transaction: TransactionDraft, coupon: CouponState) -> Steps[None]:
    """Put the points back on the credits they came from, as stored, last first. Raises AmountOutOfRange for lack of
    room; the posting then rolls back the whole unit."""
    taken = [record for record in books.spend_records if record.transaction_id == coupon.transaction_id]
    for record in sorted(taken, key=lambda record: record.sequence, reverse=True):
        credits.restore(books, transaction, books.credits_by_id[record.credit_id], record.taken_minor, Counter.REDEEMED)
        yield


def _known(books: Books, coupon_id: UUID) -> CouponState:
    coupon = books.coupons.get(coupon_id)
    if coupon is None:
        raise NotFound("There is no such coupon.", field=("couponId",))
    return coupon


def _issued(books: Books, coupon_id: UUID) -> CouponState:
    coupon = _known(books, coupon_id)
    status = coupon_view(coupon).status(books.now)
    if status != CouponStatus.ISSUED:
        raise CouponNotIssued(status)
    return coupon


def _close(
    books: Books,
    coupon: CouponState,
    status: CouponStatus,
    *,
    refund_transaction_id: UUID | None = None,
    invoice_id: UUID | None = None,
) -> None:
    books.change(
        coupon, status=status, closed_at=books.now, refund_transaction_id=refund_transaction_id, invoice_id=invoice_id
    )
    books.writes.touched_coupons.append(coupon)
    emit(books, f"coupon.{status.lower()}", coupon.id)


def coupon_view(coupon: CouponState) -> CouponView:
    return CouponView(
        id=coupon.id,
        code=coupon.code,
        reward_id=coupon.reward_id,
        customer_id=coupon.customer_id,
        points_spent_minor=coupon.points_spent_minor,
        stored_status=coupon.status,
        issued_at=coupon.issued_at,
        expires_at=coupon.expires_at,
        closed_at=coupon.closed_at,
        terms=coupon.terms,
        transaction_id=coupon.transaction_id,
        refund_transaction_id=coupon.refund_transaction_id,
        invoice_id=coupon.invoice_id,
        reopened_at=coupon.reopened_at,
    )

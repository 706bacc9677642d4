"""Coupons used and disabled (source 003). Pure."""

from dataclasses import dataclass
from uuid import UUID

from models.commands import Command, Outcome
from models.errors import CouponNotIssued, NotFound
from models.kinds import Counter, CouponStatus, TransactionKind
from models.money import POINTS
from models.planning import credits, plan_of
from models.planning.auditing import audit
from models.planning.drafts import TransactionDraft
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.state import Books, CouponState, PostingContext
from models.views import CouponView
from turns.steps import Steps


@dataclass(frozen=True, slots=True)
class UseCoupon(Command):
    coupon_id: UUID


@dataclass(frozen=True, slots=True)
class DisableCoupon(Command):
    coupon_id: UUID
    refund_points: bool
    note: str | None = None


def use_needs(command: UseCoupon) -> Needs:
    return Needs(coupons=(command.coupon_id,))


def disable_needs(command: DisableCoupon, customer_id: UUID, transaction_id: UUID) -> Needs:
    """The coupon; to refund it also the points account and its transaction's spends (found by an unlocked read)."""
    if not command.refund_points:
        return Needs(coupons=(command.coupon_id,))
    return Needs(
        accounts=((customer_id, POINTS),),
        opens_accounts=True,
        coupons=(command.coupon_id,),
        reversed_transactions=(transaction_id,),
    )


@plan_of(UseCoupon)
def plan_use(books: Books, context: PostingContext, command: UseCoupon) -> Outcome:
    """Plan the use of an issued coupon. Raises CouponNotIssued for any other."""
    coupon = _issued(books, command.coupon_id)
    # Must succeed from here on.
    _close(books, coupon, CouponStatus.USED)
    audit(books, context, "coupon.used", coupon.id, coupon.customer_id)
    return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))


@plan_of(DisableCoupon)
def plan_disable(books: Books, context: PostingContext, command: DisableCoupon) -> Steps[Outcome]:
    """Plan a coupon's disabling; its points are refunded only if requested, to their credits, last first."""
    check_note(command.note)
    coupon = _issued(books, command.coupon_id)
    # Must succeed from here on.
    audit(books, context, "coupon.disabled", coupon.id, coupon.customer_id, command.note)
    if not (command.refund_points and coupon.points_spent_minor):
        _close(books, coupon, CouponStatus.DISABLED)
        return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))
    account = books.accounts[coupon.customer_id, POINTS]
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(books, TransactionKind.REVERSAL, coupon.customer_id, context, note=command.note)
    yield from _put_points_back(books, transaction, coupon)
    credits.follow_tier(books, transaction, account, lifetime_before)
    _close(books, coupon, CouponStatus.DISABLED, refund_transaction_id=transaction.id)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        coupon_id=coupon.id,
        views=(coupon_view(coupon), credits.transaction_view(transaction), credits.account_view(account)),
    )


def _put_points_back(books: Books, transaction: TransactionDraft, coupon: CouponState) -> Steps[None]:
    """Put the points back on the credits they came from, as stored, last first. Raises AmountOutOfRange for lack of
    room; the posting then rolls back the whole unit."""
    taken = [record for record in books.spend_records if record.transaction_id == coupon.transaction_id]
    for record in sorted(taken, key=lambda record: record.sequence, reverse=True):
        credits.restore(books, transaction, books.credits_by_id[record.credit_id], record.taken_minor, Counter.REDEEMED)
        yield


def _issued(books: Books, coupon_id: UUID) -> CouponState:
    coupon = books.coupons.get(coupon_id)
    if coupon is None:
        raise NotFound("There is no such coupon.", field=("couponId",))
    status = coupon_view(coupon).status(books.now)
    if status != CouponStatus.ISSUED:
        raise CouponNotIssued(status)
    return coupon


def _close(
    books: Books, coupon: CouponState, status: CouponStatus, *, refund_transaction_id: UUID | None = None
) -> None:
    books.change(coupon, status=status, closed_at=books.now, refund_transaction_id=refund_transaction_id)
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
    )

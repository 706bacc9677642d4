"""Coupons used and disabled (source 003). Pure."""

from uuid import UUID

from models.commands import DisableCoupon, Outcome, UseCoupon
from models.errors import CouponNotIssued, NotFound
from models.money import POINTS
from models.planning import credits
from models.planning.auditing import audit
from models.planning.needs import Needs
from models.planning.releasing import check_note
from models.planning.state import Books, CouponState, Origin
from models.views import CouponView


def use_needs(command: UseCoupon) -> Needs:
    return Needs(coupons=(command.coupon_id,))


def disable_needs(command: DisableCoupon, customer_id: UUID, transaction_id: UUID) -> Needs:
    """The coupon; and, to refund it, the points account with what its transaction took (found by an unlocked read)."""
    if not command.refund_points:
        return Needs(coupons=(command.coupon_id,))
    return Needs(accounts=((customer_id, POINTS),), coupons=(command.coupon_id,), undone=(transaction_id,))


def plan_use(books: Books, origin: Origin, command: UseCoupon) -> Outcome:
    """Plan the use of an issued coupon. Raises CouponNotIssued for any other."""
    coupon = _issued(books, command.coupon_id)
    # Must succeed from here on.
    return _finish(books, origin, coupon, "USED", "coupon.used", None)


def plan_disable(books: Books, origin: Origin, command: DisableCoupon) -> Outcome:
    """Plan a coupon's disabling; its points go back only when asked for, to the credits they came from, last first."""
    check_note(command.note)
    coupon = _issued(books, command.coupon_id)
    # Must succeed from here on.
    account = books.accounts.get((coupon.customer_id, POINTS))
    transaction = None
    if command.refund_points and coupon.points_spent_minor and account is not None:
        transaction = credits.begin(books, "REVERSAL", coupon.customer_id, origin, note=command.note)
        for record in sorted(books.spend_records, key=lambda r: r.sequence, reverse=True):
            if record.transaction_id == coupon.transaction_id:
                credit = books.credits_by_id[record.credit_id]
                credits.put_back(books, transaction, account, credit, record.taken_minor, "REDEEMED")
    outcome = _finish(books, origin, coupon, "DISABLED", "coupon.disabled", command.note)
    if transaction is None or account is None:
        return outcome
    return Outcome(
        transaction_id=transaction.id, account_id=account.id, coupon_id=coupon.id,
        views=(*outcome.views, credits.transaction_view(transaction, books.now), credits.account_view(account)),
    )  # fmt: skip


def _issued(books: Books, coupon_id: UUID) -> CouponState:
    coupon = books.coupons.get(coupon_id)
    if coupon is None:
        raise NotFound("There is no such coupon.", field=("couponId",))
    status = coupon_view(coupon).status(books.now)
    if status != "ISSUED":
        raise CouponNotIssued(status)
    return coupon


def _finish(books: Books, origin: Origin, coupon: CouponState, status: str, action: str, note: str | None) -> Outcome:
    books.change(coupon, status=status)
    books.writes.touched_coupons.append(coupon)
    books.writes.events.append((action, coupon.id))
    audit(books, origin, action, coupon.id, coupon.customer_id, note)
    return Outcome(coupon_id=coupon.id, views=(coupon_view(coupon),))


def coupon_view(coupon: CouponState) -> CouponView:
    return CouponView(
        id=coupon.id, code=coupon.code, reward_id=coupon.reward_id, customer_id=coupon.customer_id,
        points_spent_minor=coupon.points_spent_minor, stored_status=coupon.status, issued_at=coupon.issued_at,
        expires_at=coupon.expires_at,
    )  # fmt: skip

"""Rewards given: a coupon, for points or free (source 003). Pure."""

from models.commands import GiveReward, Outcome
from models.errors import Busy, InsufficientBalance, NotFound, RewardInactive
from models.kinds import Counter, CouponStatus, TransactionKind
from models.money import POINTS, to_decimal
from models.planning import answering, calendar, credits, plan_of, requesting
from models.planning.allowances import allowance_of
from models.planning.coupons import coupon_view
from models.planning.events import emit
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.reward_rows import CouponState, RewardState
from models.planning.state import AccountState, Books, PostingContext
from turns.steps import Steps


def needs(command: GiveReward, points_cost_minor: int) -> Needs:
    """The reward (its stock), the points account, and for a free one the giver's counters.

    `points_cost_minor` was found by an unlocked read and is checked again under the lock: it only decides how many
    credits are loaded.
    """
    key = (command.customer_id, POINTS)
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,),
        spends=(Spend(key, points_cost_minor),) if command.deduct_points else (),
        limited=() if command.deduct_points else (key,),
        rewards=(command.reward_id,),
    )


@plan_of(GiveReward)
def plan(books: Books, context: PostingContext, command: GiveReward) -> Steps[Outcome]:
    """Plan one coupon. Raises RewardInactive, InsufficientBalance, LimitExceeded (a free one, at its price in points;
    with `request_approval` it then becomes an approval request, with `propose_only` always)."""
    credits.check_open(books, command.customer_id, "customerId")
    reward = _active_reward(books, command)
    check_note(command.note)
    account = books.accounts.get((command.customer_id, POINTS))
    limited = None
    if command.deduct_points:
        yield from _check_points(books, account, reward)
    if context.approved_by is None:
        free_minor = 0 if command.deduct_points else reward.points_cost_minor
        allowance = allowance_of(books, context.actor, command.customer_id, POINTS) if free_minor else None
        refusal = None if allowance is None else allowance.refusal(free_minor)
        refusal = None if refusal is None else refusal.at("rewardId")
        pending_request = requesting.waits(books, context, "giveReward", command, refusal)
        if pending_request is not None:
            return pending_request
        limited = None if allowance is None else allowance.use(books, free_minor)
    # Must succeed from here on (and using a limit does).
    spent_minor = reward.points_cost_minor if command.deduct_points else 0
    transaction = credits.begin(
        books, TransactionKind.REWARD, command.customer_id, context, note=command.note, limited=limited
    )
    if spent_minor and account is not None:
        yield from credits.spend(books, transaction, account, spent_minor, Counter.REDEEMED)
    if reward.stock is not None:
        books.change(reward, stock=reward.stock - 1)
        books.writes.touched_rewards.append(reward)
    coupon = CouponState(
        id=books.source.new_id(),
        code=books.source.new_coupon_code(),
        reward_id=reward.id,
        customer_id=command.customer_id,
        points_spent_minor=spent_minor,
        status=CouponStatus.ISSUED,
        issued_at=books.now,
        expires_at=calendar.end_of_nth_day(
            reward.validity_days, calendar.local_date(books.now, books.config.zone), books.config.zone, "rewardId"
        ),
        closed_at=None,
        terms=reward.terms,
        transaction_id=transaction.id,
        refund_transaction_id=None,
    )
    view = coupon_view(coupon)
    books.writes.coupons.append(coupon)
    emit(books, "coupon.issued", view.id)
    # An account without an entry was only opened for another unit of the batch: if that is refused, it is deleted again.
    account = account if account is not None and account.sequence else None
    account_views = (answering.account_view(account),) if account else ()
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id if account else None,
        coupon_id=view.id,
        views=(view, answering.transaction_view(transaction), *account_views),
    )


def _active_reward(books: Books, command: GiveReward) -> RewardState:
    reward = books.rewards.get(command.reward_id)
    if reward is None:
        raise NotFound("There is no such reward.", field=("rewardId",))
    if not reward.active:
        raise RewardInactive("retired")
    if reward.stock is not None and reward.stock < 1:
        raise RewardInactive("out of stock")
    return reward


def _check_points(books: Books, account: AccountState | None, reward: RewardState) -> Steps[None]:
    if account is None:
        if reward.points_cost_minor:
            raise InsufficientBalance(to_decimal(0, POINTS), POINTS).at("rewardId")
        return
    try:
        yield from credits.require_spendable(books, account, reward.points_cost_minor, ())
    except InsufficientBalance as error:
        raise error.at("rewardId") from None
    if (yield from credits.found_minor(books, account, reward.points_cost_minor)) < reward.points_cost_minor:
        raise Busy  # the price has risen since it was read, and too few credits were loaded for it

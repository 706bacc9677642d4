"""coupon, coupons, useCoupon, reopenCoupon and disableCoupon."""

import strawberry

from models.errors import LedgerError
from models.operations.coupons import disable_coupon, preview_disable_coupon, reopen_coupon, use_coupon
from models.reads import rewards
from resolvers.previews import effects_of
from schema import texts
from schema.context import Info
from schema.ids import asked_id
from schema.mutations.base import idempotency_key
from schema.mutations.coupons import (
    DisableCouponInput,
    DisableCouponPayload,
    PreviewDisableCouponInput,
    ReopenCouponInput,
    ReopenCouponPayload,
    UseCouponInput,
    UseCouponPayload,
)
from schema.naming import CouponBy
from schema.types.base import Connection
from schema.types.errors import user_errors
from schema.types.filters import CouponFilter
from schema.types.pages import root_page
from schema.types.previews import PostingPreview
from schema.types.reward import Coupon


async def resolve_one(info: Info, by: CouponBy) -> Coupon | None:
    """Return one coupon; null if there is none, or the token may not see it.

    by: Coupon to return.
    """
    context = info.context
    if isinstance(by.id, str):
        coupon_id = asked_id(by.id, "Coupon", "by.id")
        coupon = None if coupon_id is None else await context.loaders.coupons.load(coupon_id)
    else:
        view = await rewards.coupon_by_code(context.reads, texts.looked_up(by.code or "", texts.MAX_CODE, "by.code"))
        coupon = None if view is None else Coupon.of(view, context.loaders)
    # Asked even of none: else the time it takes would tell a customer which codes there are (resolvers/customers.py).
    return coupon if await context.may_see(None if coupon is None else coupon.view.customer_id) else None


async def resolve_all(
    info: Info,
    customer_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    filter: CouponFilter | None = None,  # noqa: A002 - the argument's name in the API
) -> Connection[Coupon] | None:
    """List coupons of all customers or of one, oldest first. Customers see their own.

    customer_id: Customer whose coupons to list. Null: all customers.
    filter: Which of them to list. Null: all.
    """
    context = info.context
    listing, parent = rewards.COUPONS, context.tenant.id
    if customer_id is not None or context.is_customer:
        asked = (
            await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
        )
        person = await context.person(asked)
        if person is None:
            return None
        listing, parent = rewards.CUSTOMER_COUPONS, person
    conditions = () if filter is None else filter.conditions(context, listing)
    return await root_page(info, listing, parent, (first, after, last, before, reverse), *conditions)


async def resolve_use(info: Info, input: UseCouponInput) -> UseCouponPayload:  # noqa: A002 - the argument's name in the API
    """Mark a coupon as used, on an invoice or order if one is named. A coupon can be used once."""
    try:
        outcome = await info.context.post(use_coupon, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return UseCouponPayload(user_errors=user_errors(error))
    return UseCouponPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_reopen(info: Info, input: ReopenCouponInput) -> ReopenCouponPayload:  # noqa: A002 - as above
    """Make a used coupon good again, such as that of a cancelled order. It keeps its expiry. A use is undone once: by this,
    or by disableCoupon with refundPoints."""
    try:
        outcome = await info.context.post(reopen_coupon, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReopenCouponPayload(user_errors=user_errors(error))
    return ReopenCouponPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_disable(info: Info, input: DisableCouponInput) -> DisableCouponPayload:  # noqa: A002 - as above
    """Disable a coupon, optionally refunding its points: also those of a used one, once, and not of one that was
    reopened."""
    try:
        outcome = await info.context.post(disable_coupon, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return DisableCouponPayload(user_errors=user_errors(error))
    return DisableCouponPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_disable_preview(info: Info, input: PreviewDisableCouponInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that disableCoupon would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_disable_coupon)

"""Use a coupon, make a used one good again, or disable one, optionally refunding its points (source 003)."""

from dataclasses import replace
from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.effects import Effects, effects
from models.operations.replays import found_transaction
from models.planning import coupons
from models.planning.coupons import DisableCoupon, ReopenCoupon, UseCoupon
from models.planning.needs import Needs
from models.session import tenant_transaction


async def use_coupon(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UseCoupon, idempotency_key: str
) -> Outcome:
    """Post the use, once for the key. Raises CouponNotIssued, NotFound, CustomerMismatch, InvoiceNotOpen."""
    done = await ledger.submit(tenant_id, actor, "useCoupon", command, coupons.use_needs(command), idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(coupon_id=command.coupon_id, replayed=True)


async def reopen_coupon(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReopenCoupon, idempotency_key: str
) -> Outcome:
    """Post the reopening, once for the key. Raises CouponNotUsed, CouponReopened, NotFound."""
    needs = coupons.reopen_needs(command)
    done = await ledger.submit(tenant_id, actor, "reopenCoupon", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(coupon_id=command.coupon_id, replayed=True)


async def disable_coupon(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: DisableCoupon, idempotency_key: str
) -> Outcome:
    """Post the disabling, once for the key. Raises CouponNotIssued, CouponReopened, NotFound, Invalid."""
    needs = await _to_disable(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "disableCoupon", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    refund = await found_transaction(tenant_id, done)  # a free coupon has none
    return replace(refund or Outcome(replayed=True), coupon_id=command.coupon_id, credit_id=None)


async def preview_disable_coupon(ledger: Ledger, tenant_id: UUID, actor: Actor, command: DisableCoupon) -> Effects:
    """Preview the disabling as if posted now. Raises NotFound."""
    return await effects(ledger, tenant_id, actor, command, await _to_disable(tenant_id, command))


async def _to_disable(tenant_id: UUID, command: DisableCoupon) -> Needs:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(
            """SELECT coalesce(p.merged_into_id, p.id) AS customer_id, x.transaction_id, x.reward_id
            FROM coupons x JOIN customers p ON p.tenant_id = $1 AND p.id = x.customer_id
            WHERE x.tenant_id = $1 AND x.id = $2""",
            tenant_id,
            command.coupon_id,
        )
    if row is None:
        raise NotFound("There is no such coupon.", field=("couponId",))
    return coupons.disable_needs(command, row["customer_id"], row["transaction_id"], row["reward_id"])

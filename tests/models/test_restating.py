"""Books of before the rules of today: what was left on merged records, and lifetime totals, once and visibly."""

from typing import Any
from uuid import UUID

import pytest

from models.operations.restate import restate_those_left
from models.planning import credits
from models.planning.drafts import TransactionDraft
from models.planning.state import Books
from models.reads.verify import verify
from tests.support.tenants import Tenant


async def marked(tenant: Tenant, record: UUID, person: UUID) -> None:
    """As a merge of before left it: with what came back to the record since."""
    sql = "UPDATE customers SET merged_into_id = $3, merged_at = $4 WHERE tenant_id = $1 AND id = $2"
    await tenant.execute(sql, record, person, tenant.clock())
    await tenant.execute("UPDATE tenants SET restated = false WHERE id = $1")


async def test_what_was_left_on_a_merged_record_is_the_persons(tenant: Tenant, anna: UUID) -> None:
    ann, reward = await tenant.customer(name="Ann"), await tenant.reward(100)
    await tenant.tier("Silver", 250)
    credit = await tenant.credit(ann, 250, "POINTS")
    await tenant.credit(ann, 7)
    coupon = (await tenant.give(ann, reward)).coupon_id
    await marked(tenant, ann, anna)

    done = await restate_those_left(tenant.ledger, [tenant.id])

    assert done == {tenant.id: 2}
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor, await tenant.available(anna)) == (150, 250, 700)
    left = "SELECT sum(balance_minor), sum(lifetime_minor) FROM accounts WHERE tenant_id = $1 AND customer_id = $2"
    assert await tenant.rows(left, ann) == [(0, 0)]
    await tenant.disable(coupon, refund=True)
    await tenant.void_credit(credit)
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 0)
    assert await restate_those_left(tenant.ledger, [tenant.id]) == {}


async def test_a_lifetime_total_becomes_what_counts(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points that came back to a voided credit have left the total alone before."""
    await tenant.tier("Silver", 1000)
    reward = await tenant.reward(1500)
    credit = await tenant.credit(anna, 2000, "POINTS")
    coupon = (await tenant.give(anna, reward)).coupon_id
    await tenant.void_credit(credit)
    move = credits.move

    def as_it_was(books: Books, transaction: TransactionDraft, *moved: Any, lifetime: bool = False) -> None:
        move(books, transaction, *moved, lifetime=lifetime and transaction.kind != "REVERSAL")

    with monkeypatch.context() as before:
        before.setattr(credits, "move", as_it_was)
        await tenant.disable(coupon, refund=True)
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 1500)
    await tenant.execute("UPDATE tenants SET restated = false WHERE id = $1")

    assert await restate_those_left(tenant.ledger, [tenant.id]) == {tenant.id: 1}

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 0)
    kinds = await tenant.rows(
        """SELECT t.kind, a.subject, e.counter, e.amount_minor, e.lifetime_minor FROM transactions t
        JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
        JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id WHERE t.tenant_id = $1 ORDER BY t.id DESC LIMIT 1"""
    )
    assert kinds == [("RESTATEMENT", "scrip", "RESTATED", 0, -1500)]
    tiers = await tenant.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id")
    assert tiers == [(None, "Silver"), ("Silver", None)]


async def test_books_that_are_right_stay_as_they_are(tenant: Tenant, anna: UUID) -> None:
    await tenant.reason("REFUND", moves_lifetime=False)
    await tenant.credit(anna, 50, reason="REFUND")
    await tenant.credit(anna, 50)
    await tenant.adjust(anna, -60, reason="CORRECTION")
    await tenant.execute("UPDATE tenants SET restated = false WHERE id = $1")
    before = await tenant.fingerprint()
    assert await restate_those_left(tenant.ledger, [tenant.id]) == {tenant.id: 0}
    assert await tenant.fingerprint() == before
    assert (await verify(tenant.id)).holds

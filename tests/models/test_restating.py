"""Books of before the rules of today: what was left on merged records, and lifetime totals, once and visibly."""

from typing import Any
from uuid import UUID

import pytest

from models.operations.restate import restate_those_left
from models.planning import credits
from models.planning.drafts import TransactionDraft
from models.planning.state import Books
from models.reads.verify import verify
from tests.support.shop import Shop


async def marked(shop: Shop, record: UUID, person: UUID) -> None:
    """As a merge of before left it: with what came back to the record since."""
    sql = "UPDATE customers SET merged_into_id = $3, merged_at = $4 WHERE tenant_id = $1 AND id = $2"
    await shop.run(sql, record, person, shop.clock())
    await shop.run("UPDATE tenants SET restated = false WHERE id = $1")


async def test_what_was_left_on_a_merged_record_is_the_persons(shop: Shop, anna: UUID) -> None:
    ann, reward = await shop.customer("Ann"), await shop.reward(100)
    await shop.tier("Silver", 250)
    credit = await shop.credit(ann, 250, "POINTS")
    await shop.credit(ann, 7)
    coupon = (await shop.give(ann, reward)).coupon_id
    await marked(shop, ann, anna)

    done = await restate_those_left(shop.ledger, [shop.tenant_id])

    assert done == {shop.tenant_id: 2}
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor, await shop.available(anna)) == (150, 250, 700)
    left = "SELECT sum(balance_minor), sum(lifetime_minor) FROM accounts WHERE tenant_id = $1 AND customer_id = $2"
    assert await shop.rows(left, ann) == [(0, 0)]
    await shop.disable(coupon, refund=True)
    await shop.void_credit(credit)
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 0)
    assert await restate_those_left(shop.ledger, [shop.tenant_id]) == {}


async def test_a_lifetime_total_becomes_what_counts(shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that came back to a voided credit have left the total alone before."""
    await shop.tier("Silver", 1000)
    reward = await shop.reward(1500)
    credit = await shop.credit(anna, 2000, "POINTS")
    coupon = (await shop.give(anna, reward)).coupon_id
    await shop.void_credit(credit)
    move = credits.move

    def as_it_was(books: Books, transaction: TransactionDraft, *moved: Any, lifetime: bool = False) -> None:
        move(books, transaction, *moved, lifetime=lifetime and transaction.kind != "REVERSAL")

    with monkeypatch.context() as before:
        before.setattr(credits, "move", as_it_was)
        await shop.disable(coupon, refund=True)
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 1500)
    await shop.run("UPDATE tenants SET restated = false WHERE id = $1")

    assert await restate_those_left(shop.ledger, [shop.tenant_id]) == {shop.tenant_id: 1}

    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 0)
    kinds = await shop.rows(
        """SELECT t.kind, a.subject, e.counter, e.amount_minor, e.lifetime_minor FROM transactions t
        JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
        JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id WHERE t.tenant_id = $1 ORDER BY t.id DESC LIMIT 1"""
    )
    assert kinds == [("RESTATEMENT", "scrip", "RESTATED", 0, -1500)]
    tiers = await shop.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id")
    assert tiers == [(None, "Silver"), ("Silver", None)]


async def test_books_that_are_right_stay_as_they_are(shop: Shop, anna: UUID) -> None:
    await shop.reason("REFUND", moves_lifetime=False)
    await shop.credit(anna, 50, reason="REFUND")
    await shop.credit(anna, 50)
    await shop.adjust(anna, -60, reason="CORRECTION")
    await shop.run("UPDATE tenants SET restated = false WHERE id = $1")
    before = await shop.fingerprint()
    assert await restate_those_left(shop.ledger, [shop.tenant_id]) == {shop.tenant_id: 0}
    assert await shop.fingerprint() == before
    assert (await verify(shop.tenant_id)).holds

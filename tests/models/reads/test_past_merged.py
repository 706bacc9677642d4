"""The past of two records that became one: what each had then, expired and unswept, scheduled and open."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from models.commands import MergeCustomers
from models.operations.expire import expire_credits
from models.operations.merge_customers import merge_customers
from models.reads import accounts
from models.reads.accounts import BalanceView
from models.reads.session import ReadSession
from tests.support.shop import MANAGER, Shop


async def past(shop: Shop, account_id: UUID, *instants: datetime) -> list[BalanceView]:
    session = ReadSession(shop.tenant_id)
    try:
        return await accounts.balances_at(session, [(account_id, at) for at in instants])
    finally:
        await session.release()


async def test_what_had_expired_before_a_merge_is_not_there_to_spend(shop: Shop, anna: UUID) -> None:
    bert = await shop.customer("Bert")
    source = (await shop.adjust(anna, 10, expires_at=shop.clock() + timedelta(hours=1))).account_id
    await shop.adjust(anna, 20, effective_on=shop.today() + timedelta(days=9))
    await shop.adjust(anna, 40)
    target = (await shop.adjust(bert, 80)).account_id
    assert source is not None
    assert target is not None
    fresh = shop.clock()
    expired = shop.clock.advance(hours=2)
    merged = shop.clock.advance(hours=1)
    await merge_customers(shop.ledger, shop.tenant_id, MANAGER, MergeCustomers(anna, bert), uuid4().hex)
    shop.clock.advance(hours=1)
    await expire_credits(shop.ledger, shop.tenant_id)
    swept = shop.clock()
    assert await past(shop, source, fresh, expired, merged, swept) == [
        BalanceView(7000, 2000, 0),
        BalanceView(7000, 2000, 1000),
        BalanceView(0, 0, 0),
        BalanceView(0, 0, 0),
    ]
    assert await past(shop, target, fresh, expired, merged, swept) == [
        BalanceView(8000, 0, 0),
        BalanceView(8000, 0, 0),
        BalanceView(15000, 2000, 1000),
        BalanceView(14000, 2000, 0),
    ]

"""The past of two records that became one: what each had then, expired and unswept, scheduled and open."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from models.commands import MergeCustomers
from models.operations.expire import expire_credits
from models.operations.merge_customers import merge_customers
from models.reads import accounts
from models.reads.accounts import BalanceView
from models.reads.session import ReadSession
from tests.support.tenants import MANAGER, Tenant


async def past(tenant: Tenant, account_id: UUID, *instants: datetime) -> list[BalanceView]:
    session = ReadSession(tenant.id)
    try:
        return await accounts.balances_at(session, [(account_id, at) for at in instants])
    finally:
        await session.release()


async def test_what_had_expired_before_a_merge_is_not_there_to_spend(tenant: Tenant, anna: UUID) -> None:
    bert = await tenant.customer(name="Bert")
    source = (await tenant.adjust(anna, 10, expires_at=tenant.clock() + timedelta(hours=1))).account_id
    await tenant.adjust(anna, 20, effective_on=tenant.today() + timedelta(days=9))
    await tenant.adjust(anna, 40)
    target = (await tenant.adjust(bert, 80)).account_id
    assert source is not None
    assert target is not None
    fresh = tenant.clock()
    expired = tenant.clock.advance(hours=2)
    merged = tenant.clock.advance(hours=1)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(anna, bert), uuid4().hex)
    tenant.clock.advance(hours=1)
    await expire_credits(tenant.ledger, tenant.id)
    swept = tenant.clock()
    assert await past(tenant, source, fresh, expired, merged, swept) == [
        BalanceView(7000, 2000, 0),
        BalanceView(7000, 2000, 1000),
        BalanceView(0, 0, 0),
        BalanceView(0, 0, 0),
    ]
    assert await past(tenant, target, fresh, expired, merged, swept) == [
        BalanceView(8000, 0, 0),
        BalanceView(8000, 0, 0),
        BalanceView(15000, 2000, 1000),
        BalanceView(14000, 2000, 0),
    ]

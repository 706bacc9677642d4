"""What is refused in a message of a subscription stands in the audit while the subscription goes on."""

import asyncio
from typing import Any, Final

import pytest

from models.operations.access_audit import record_denials
from models.reads.live import LiveFeed
from schema import context
from schema.ids import global_id
from tests.app.test_live import Follow, base, follow, joined, ledger, live, relayed, tenant
from tests.support.sockets import PATIENCE_S
from tests.support.tenants import Tenant

__all__ = ["base", "follow", "ledger", "live", "tenant"]

WHOSE: Final = """subscription Whose($customer: ID!) {
  accountUpdated(customerId: $customer) { accounts { asset customer { id } } } }"""
DENIED: Final = """SELECT details->>'operation', details->>'path', details->'missing', details->>'times'
  FROM audit_events WHERE tenant_id = $1 AND action = 'access.denied' ORDER BY created_at"""


async def denied(tenant: Tenant, number: int) -> list[Any]:
    """The audit's rows of it, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await tenant.rows(DENIED)) < number:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
    return list(found)


async def test_each_message_s_denials_are_recorded_once_it_is_told(
    follow: Follow, tenant: Tenant, live: LiveFeed
) -> None:
    carol = await tenant.customer("carol")
    partner = await tenant.partner_token("events:read", "ledger:read")
    await relayed(tenant)
    client = await follow(WHOSE, bearer=f"Bearer {partner.text}", customer=global_id("Customer", carol))
    await joined(live)
    row = ("Whose", "accountUpdated.accounts.customer", '["READ_CUSTOMERS"]', None)
    for number in (1, 2):
        await tenant.adjust(carol, 1)
        await relayed(tenant)
        payload = (await client.receive())["payload"]
        assert payload["data"]["accountUpdated"]["accounts"] == [{"asset": "GBP", "customer": None}]
        assert [error["extensions"]["missing"] for error in payload["errors"]] == [["customers:read"]]
        assert [tuple(each) for each in await denied(tenant, number)] == [row] * number
    await client.connection.close()
    await joined(live, 0)
    assert len(await denied(tenant, 2)) == 2


async def test_who_hangs_up_at_once_is_recorded_all_the_same(
    follow: Follow, tenant: Tenant, live: LiveFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subscription is cancelled while its denial is written."""
    begun, gone_on = asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: Any) -> None:
        begun.set()
        await gone_on.wait()
        await record_denials(*arguments)

    monkeypatch.setattr(context, "record_denials", slowly)
    monkeypatch.setattr(context, "MAX_RECORDING_SECONDS", PATIENCE_S)
    carol = await tenant.customer("carol")
    partner = await tenant.partner_token("events:read", "ledger:read")
    await relayed(tenant)
    client = await follow(WHOSE, bearer=f"Bearer {partner.text}", customer=global_id("Customer", carol))
    await joined(live)
    await tenant.adjust(carol, 1)
    await relayed(tenant)
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
    await client.connection.close()
    left = asyncio.create_task(joined(live, 0))
    await asyncio.wait([left], timeout=0.3)
    gone_on.set()
    await left
    assert len(await denied(tenant, 1)) == 1

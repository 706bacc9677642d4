"""What changes under those who follow: two people become one, one is erased, the books go on from a backup."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.reads.live import LiveFeed
from schema.ids import global_id
from tests.app.test_live import ACCOUNTS, Follow, base, follow, joined, ledger, live, message, relayed, silent, tenant
from tests.support.tenants import ADMIN, Tenant

__all__ = ["base", "follow", "ledger", "live", "tenant"]


async def restore(superuser: "asyncpg.Connection[Any]", tenant: Tenant, *, grown: bool) -> None:
    """The books go on from a backup that has not got the feed's last event. grown: another one has come to its place."""
    last = "(SELECT max(position) FROM feed WHERE tenant_id = $1)"
    if grown:
        await superuser.execute(
            f"""UPDATE feed SET recorded_at = recorded_at + interval '1 microsecond'
            WHERE tenant_id = $1 AND position = {last}""",
            tenant.id,
        )
    else:
        await superuser.execute(f"DELETE FROM feed WHERE tenant_id = $1 AND position = {last}", tenant.id)
        await superuser.execute(f"UPDATE feed_heads SET position = {last} WHERE tenant_id = $1", tenant.id)


@pytest.fixture
async def superuser(database_urls: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_urls.admin)
    yield connection
    await connection.close()


async def test_accounts_of_two_who_become_one(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    """Both go on as one, with the accounts that it has; nothing comes twice, and nothing is missing."""
    carol, caro = await tenant.customer("carol"), await tenant.customer("caro")
    for person in (carol, caro):
        await tenant.adjust(person, 5)
    await relayed(tenant)
    clients = [await follow(ACCOUNTS, customer=global_id("Customer", person)) for person in (carol, caro)]
    await joined(live, 2)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(caro, carol), tenant.key())
    await tenant.adjust(caro, 1)
    await relayed(tenant)
    for client in clients:
        told = [await message(client) for _ in range(2)]
        kinds = [each["event"]["kind"] for each in told]
        while kinds[-1] != "CREDIT_ADJUSTED":
            told.append(await message(client))
            kinds.append(told[-1]["event"]["kind"])
        assert set(kinds[:-1]) == {"CREDIT_MERGED"}
        assert told[-1]["accounts"] == [{"asset": "GBP", "available": "11.00", "held": "0.00"}]
        assert len({each["cursor"] for each in told}) == len(told)
        assert await silent(client)


async def test_whoever_follows_a_person_who_is_erased_is_told_and_told_no_name(
    follow: Follow, tenant: Tenant, live: LiveFeed
) -> None:
    carol, dave = await tenant.customer("carol", "Carol Customer"), await tenant.customer("dave")
    await relayed(tenant)
    of_carol = await follow(customer=global_id("Customer", carol))
    of_all = await follow()
    await joined(live, 2)
    await erase_customer(tenant.ledger, tenant.id, ADMIN, carol)
    await tenant.adjust(dave, 1)
    await relayed(tenant)
    told = await message(of_carol)
    assert (told["node"]["kind"], told["node"]["customerId"]) == ("CUSTOMER_ERASED", global_id("Customer", carol))
    assert "Carol" not in str(told)
    assert await silent(of_carol)
    assert [(await message(of_all))["node"]["kind"] for _ in range(2)] == ["CUSTOMER_ERASED", "CREDIT_ADJUSTED"]


@pytest.mark.parametrize("grown", [False, True])
async def test_a_feed_that_was_restored_ends_those_who_follow(
    follow: Follow, tenant: Tenant, live: LiveFeed, superuser: "asyncpg.Connection[Any]", *, grown: bool
) -> None:
    """A server that stays up while the database goes back to a backup: its followers have seen what has never been."""
    carol = await tenant.customer("carol")
    await relayed(tenant)
    client = await follow()
    await joined(live)
    for _ in range(2):
        await tenant.adjust(carol, 1)
        await relayed(tenant)
    cursor = [(await message(client))["cursor"] for _ in range(2)][-1]
    await restore(superuser, tenant, grown=grown)
    live.look_again()
    ended = await client.receive()
    assert [error["extensions"]["code"] for error in ended["payload"]] == ["BAD_USER_INPUT"]
    assert "restored" in ended["payload"][0]["message"]
    refused = await (await follow(after=cursor)).receive()
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["BAD_USER_INPUT"]
    anew = await follow()
    await joined(live)
    await tenant.adjust(carol, 1)
    await relayed(tenant)
    assert (await message(anew))["node"]["kind"] == "CREDIT_ADJUSTED"

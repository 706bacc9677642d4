"""Whoever follows a list by its cursors sees each row, once, whatever is being posted beside it."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models.configuration_commands import IssueToken
from models.ledger import Ledger
from models.operations.partner_tokens import issue_token
from models.reads import audit, credits, customers, invoices, ledger, partner_tokens, requests, rewards
from models.reads.paging import Listing
from models.session import tenant_transaction
from tests.support.approvals import ask
from tests.support.following import Follower, in_real_time
from tests.support.tenants import ADMIN, Tenant

ROWS: Final = 2_000
SINGLES: Final = 150
EVENTS: Final = 250
AT_ONCE: Final = 8
SEED: Final = 20261128


def each_once(follower: Follower, wanted: set[Any]) -> None:
    """Every row that is wanted was seen, by the last part of its key, and none twice."""
    counted = Counter(follower.seen)
    assert {key[-1] for key in counted} >= wanted, follower.listing.name
    assert {key: times for key, times in counted.items() if times > 1} == {}, follower.listing.name


async def ids(tenant: Tenant, table: str, condition: str = "true") -> set[Any]:
    return {row[0] for row in await tenant.rows(f"SELECT id FROM {table} WHERE tenant_id = $1 AND {condition}")}


async def many(tenant: Tenant, number: int) -> list[UUID]:
    """Customers, all at once."""
    made = [uuid4() for _ in range(number)]
    await tenant.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT t.id, c, c::text, 'C', now(), now() FROM tenants t CROSS JOIN unnest($2::uuid[]) c WHERE t.id = $1""",
        made,
    )
    return made


async def test_the_audit_trail_beside_a_bulk(database: Urls) -> None:
    async with in_real_time() as tenant:
        people, single = await many(tenant, ROWS), await tenant.customer(name="Single")
        everything = Follower(tenant, audit.AUDIT_TRAIL)
        careless = Follower(tenant, audit.AUDIT_TRAIL, settling=False)
        await tenant.adjust(single, "1.00")
        await everything.begin()
        following = asyncio.create_task(everything.follow())
        elsewhere = Tenant(Ledger(), tenant.clock, tenant.slug, tenant.id)
        bulk = asyncio.create_task(elsewhere.bulk(*((one, 1) for one in people)))
        singles = 1
        while not bulk.done():
            await tenant.adjust(single, "1.00")
            await careless.page()  # by turns: it has seen what is newer than the bulk before that is there
            singles += 1
        outcome = await bulk
        everything.finish()
        careless.finish()
        await asyncio.gather(following, careless.follow())
        await elsewhere.ledger.close()
        assert outcome.bulk_operation_id is not None
        posted = await ids(tenant, "transactions")
        assert len(posted) == ROWS + singles
        each_once(everything, posted)
        # The test can fail: without the settled instant a part of the bulk is never seen.
        assert {key[-1] for key in careless.seen} < posted | await ids(tenant, "audit_events")


async def test_a_customer_s_ledger_over_two_assets(database: Urls) -> None:
    async with in_real_time() as tenant:
        anna = await tenant.customer(name="Anna")
        await tenant.adjust(anna, 1, "POINTS")
        everything = Follower(tenant, ledger.CUSTOMER_LEDGER, anna)
        await everything.begin()
        following = asyncio.create_task(everything.follow())
        elsewhere = Tenant(Ledger(), tenant.clock, tenant.slug, tenant.id)

        async def one_by_one() -> None:
            for _ in range(SINGLES):
                await tenant.adjust(anna, "1.00")

        bulks = [elsewhere.bulk(*[(anna, 1)] * 30, allow_duplicate_customers=True) for _ in range(3)]
        await asyncio.gather(one_by_one(), *bulks)
        everything.finish()
        await following
        await elsewhere.ledger.close()
        rows = await tenant.rows("SELECT account_id, sequence FROM entries WHERE tenant_id = $1")
        assert len(rows) == SINGLES + 91
        assert sorted(key[1:] for key in everything.seen) == sorted(rows)


class Events:
    """All sorts of things that happen in a shop, to two customers."""

    def __init__(self, tenants: list[Tenant], people: list[UUID], reward: UUID, random: Random) -> None:
        self._tenants = tenants
        self._people = people
        self._reward = reward
        self._random = random

    async def happen(self) -> None:
        tenant, person = self._random.choice(self._tenants), self._random.choice(self._people)
        match self._random.randrange(7):
            case 0:
                await tenant.adjust(person, 2, self._random.choice(("GBP", "USD")), auto_apply=False)
            case 1:
                await tenant.adjust(person, self._random.choice((300, -1)), "POINTS", "CORRECTION")
            case 2:
                await tenant.pay(await tenant.invoice(person, 5, auto_apply=False), 2)
            case 3:
                await tenant.give(person, self._reward, deduct_points=False)
            case 4:
                await ask(tenant, person)
            case 5:
                await tenant.customer()
            case _:
                token = IssueToken(uuid4(), uuid4().bytes * 2, "shop", uuid4().hex, frozenset({"ledger:read"}))
                await issue_token(tenant.ledger, tenant.id, ADMIN, token)


FOLLOWED: Final[tuple[tuple[Listing[Any], bool, str, str], ...]] = (
    (audit.AUDIT_TRAIL, False, "transactions", "true"),
    (audit.AUDIT_TRAIL, False, "audit_events", "true"),
    (audit.CUSTOMER_TRAIL, True, "transactions", "customer_id = '{}'"),
    (credits.ALL, False, "credits", "true"),
    (credits.CUSTOMER_CREDITS, True, "credits", "account_id IN (SELECT id FROM accounts WHERE customer_id = '{}')"),
    (customers.CUSTOMERS, False, "customers", "true"),
    (invoices.INVOICES, False, "invoices", "true"),
    (invoices.CUSTOMER_INVOICES, True, "invoices", "customer_id = '{}'"),
    (requests.APPROVALS, False, "approval_requests", "true"),
    (requests.CUSTOMER_APPROVALS, True, "approval_requests", "customer_id = '{}'"),
    (rewards.CUSTOMER_COUPONS, True, "coupons", "customer_id = '{}'"),
    (partner_tokens.PARTNER_TOKENS, False, "partner_tokens", "true"),
)
"""A list, whether it is a customer's, and what is to be seen in it."""


async def test_every_list_under_mixed_load(database: Urls) -> None:
    async with in_real_time() as tenant:
        anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
        await tenant.tier("Silver", 1000)
        others = [Tenant(Ledger(), tenant.clock, tenant.slug, tenant.id) for _ in range(2)]
        reward = await tenant.reward(5)
        events = Events([tenant, *others], [anna, ben], reward, Random(SEED))  # noqa: S311 - not a secret
        for person in (anna, ben):
            await tenant.adjust(person, 1000, "POINTS")
            await tenant.invoice(person, 1, auto_apply=False)
            await tenant.give(person, reward, deduct_points=False)
            await ask(tenant, person)
        token = IssueToken(uuid4(), uuid4().bytes * 2, "shop", "First", frozenset({"ledger:read"}))
        await issue_token(tenant.ledger, tenant.id, ADMIN, token)
        followers = [Follower(tenant, listing, anna if of_customer else None) for listing, of_customer, *_ in FOLLOWED]
        for follower in followers:
            await follower.begin()
        following = [asyncio.create_task(follower.follow()) for follower in followers]

        async def work() -> None:
            for _ in range(EVENTS // AT_ONCE):
                await events.happen()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        for follower in followers:
            follower.finish()
        await asyncio.gather(*following)
        for other in others:
            await other.ledger.close()
        for follower, (_, _, table, condition) in zip(followers, FOLLOWED, strict=True):
            each_once(follower, await ids(tenant, table, condition.format(anna)))


@pytest.mark.parametrize("settling", [True, False])
async def test_a_row_that_is_committed_late(database: Urls, settling: bool) -> None:
    """By hand: an older row comes to be seen after a newer one. It is missed by whoever does not mind."""
    async with in_real_time() as tenant:
        await tenant.invoice(await tenant.customer(name="First"), 1)
        follower = Follower(tenant, customers.CUSTOMERS, settling=settling)
        await follower.page()
        late = uuid4()
        async with tenant_transaction(tenant.id) as connection:
            await connection.raw.execute(
                """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
                VALUES ($1, $2, $3, 'Late', clock_timestamp(), clock_timestamp())""",
                tenant.id,
                late,
                late.hex,
            )
            await tenant.customer(name="Early")
            await follower.page()
        await follower.page()
        assert (late in {key[-1] for key in follower.seen}) is settling

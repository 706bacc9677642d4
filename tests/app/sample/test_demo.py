"""The sample that `scrip run` loads: complete, once, over its months, and taken up again after it was stopped."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from app.sample import days, demo
from app.sample.days import DAYS
from app.sample.demo import PEOPLE
from app.sample.people import person
from app.sample.shop import SAM
from app.sample.today import REQUESTS
from jobs.worker import work_once
from models.commands import AdjustCredit
from models.errors import Invalid, MembershipGraceEnded
from models.ledger import Ledger
from models.money import SERVICE_CREDITS
from models.operations.adjust import preview_adjustment
from models.operations.create_tenant import create_tenant
from models.operations.keep_feed import keep_feed
from models.operations.prune_keys import prune_keys
from models.reads.verify import verify
from models.session import tenant_id_of, tenant_transaction
from tests.app.files.test_online_retail import WEEK


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture(autouse=True)
def slug(monkeypatch: pytest.MonkeyPatch) -> str:
    """A tenant of the test's own: what is tried out on the one called `demo` changes it."""
    slug = f"demo-{uuid4().hex}"
    monkeypatch.setattr(demo, "TENANT", slug)
    return slug


@pytest.fixture
async def tenant_id(ledger: Ledger, slug: str) -> UUID:
    """The tenant, with the sample in it."""
    await demo.load_demo(ledger, lambda _: None)
    tenant_id = await tenant_id_of(slug)
    assert tenant_id is not None
    return tenant_id


async def fetch(tenant_id: UUID, sql: str, *arguments: object) -> list[Any]:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows: list[Any] = await connection.raw.fetch(sql, *arguments)
        return rows


async def counts(tenant_id: UUID) -> list[Any]:
    tables = (
        "customers",
        "invoices",
        "entries",
        "credits",
        "coupons",
        "rewards",
        "services",
        "products",
        "tiers",
        "reasons",
        "outbox",
        "approval_requests",
    )
    return [(await fetch(tenant_id, f"SELECT count(*) FROM {table}"))[0][0] for table in tables]


async def test_a_second_load_changes_nothing(ledger: Ledger, tenant_id: UUID, slug: str) -> None:
    before = await counts(tenant_id)
    said: list[str] = []
    assert await demo.load_demo(ledger, said.append) == WEEK
    assert said == [f"The sample is in tenant {slug}"]
    assert await counts(tenant_id) == before


async def test_a_load_that_was_stopped_is_taken_up_again(
    ledger: Ledger, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped just before the end, which the last key marks, and once more."""

    async def stop(*_: Any) -> Any:
        raise RuntimeError("stopped")

    with monkeypatch.context() as stopped:
        stopped.setattr(demo, "give_reward", stop)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="stopped"):
                await demo.load_demo(ledger, lambda _: None)
    assert await demo.load_demo(ledger, lambda _: None) == WEEK
    tenant_id = await tenant_id_of(slug)
    assert tenant_id is not None
    keys = await fetch(tenant_id, "SELECT key FROM idempotency_keys WHERE key LIKE 'demo/%' AND kept")
    assert len(keys) == len(demo.ADJUSTMENTS) + 2  # and the request, and the coupon
    waiting = await fetch(tenant_id, "SELECT 1 FROM approval_requests WHERE status = 'PENDING'")
    assert len(waiting) == 1 + REQUESTS


@pytest.mark.parametrize("day", [0, 97])
async def test_stopped_on_any_day_it_ends_as_if_it_had_not_been(
    ledger: Ledger, slug: str, monkeypatch: pytest.MonkeyPatch, day: int
) -> None:
    """With the same rows at the same instants. Meanwhile the tenant rests: no job takes anything of it."""
    whole = f"demo-{uuid4().hex}"
    with monkeypatch.context() as other:
        other.setattr(demo, "TENANT", whole)
        await demo.load_demo(ledger, lambda _: None)
    woken = days.Days._wake

    def stop(self: days.Days) -> None:
        woken(self)
        if self.clock() > self.begins(day) + timedelta(hours=10):
            raise RuntimeError("stopped")

    with monkeypatch.context() as stopped:
        stopped.setattr(days.Days, "_wake", stop)
        with pytest.raises(RuntimeError, match="stopped"):
            await demo.load_demo(ledger, lambda _: None)
    tenant_id, other_id = await tenant_id_of(slug), await tenant_id_of(whole)
    assert tenant_id is not None
    assert other_id is not None
    assert len(await fetch(tenant_id, "SELECT 1 FROM tenants WHERE suspended_at = created_at")) == 1
    assert set((await work_once(ledger, slug)).values()) == {0}
    await demo.load_demo(ledger, lambda _: None)
    told = """SELECT c.external_id, a.asset, x.kind, e.created_at, sum(e.amount_minor)
        FROM entries e JOIN accounts a ON a.id = e.account_id JOIN customers c ON c.id = a.customer_id
        JOIN transactions x ON x.id = e.transaction_id WHERE e.created_at < $1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    assert await fetch(tenant_id, told, yesterday) == await fetch(other_id, told, yesterday)
    members = """SELECT c.external_id, y.action, y.created_at FROM audit_events y JOIN customers c ON c.id = y.customer_id
        WHERE y.action LIKE 'membership.%' ORDER BY 1, 3, 2"""
    assert await fetch(tenant_id, members) == await fetch(other_id, members)


@pytest.mark.parametrize("suspended", [False, True])
async def test_a_tenant_that_does_not_begin_as_the_sample_does_is_left_alone(
    ledger: Ledger, slug: str, *, suspended: bool
) -> None:
    tenant_id = await create_tenant(ledger, slug, "Somebody's own", "Europe/London", suspended=suspended)
    with pytest.raises(Invalid, match="there already"):
        await demo.load_demo(ledger, lambda _: None)
    assert await counts(tenant_id) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0]


async def test_there_is_something_of_everything(tenant_id: UUID) -> None:
    (regular,) = (await demo.customer_ids(tenant_id, [demo.REGULAR])).values()
    lots = await fetch(
        tenant_id,
        """SELECT a.asset, c.remaining_minor, c.restricted, c.expires_at, c.starts_at FROM credits c
        JOIN accounts a ON a.id = c.account_id WHERE a.customer_id = $1 AND c.remaining_minor > 0""",
        regular,
    )
    now = datetime.now(UTC)
    assert sorted(c["remaining_minor"] for c in lots if c["asset"] == "POINTS") == [100, 450, 700]
    services = [c for c in lots if c["asset"] == SERVICE_CREDITS]
    assert sorted(c["remaining_minor"] for c in services) == [3, 4, 5, 10]
    assert [c["remaining_minor"] for c in services if c["restricted"]] == [5]
    assert [c["remaining_minor"] for c in services if c["expires_at"] is not None] == [3]
    assert [c["remaining_minor"] for c in services if c["starts_at"] > now] == [4]
    assert sum(c["remaining_minor"] for c in lots if c["asset"] == "GBP") == 127_500
    assert len(await fetch(tenant_id, "SELECT 1 FROM invoices WHERE customer_id = $1 AND status = 'OPEN'", regular)) > 0
    (coupon,) = await fetch(
        tenant_id, "SELECT points_spent_minor FROM coupons WHERE customer_id = $1 AND status = 'ISSUED'", regular
    )
    assert coupon["points_spent_minor"] == 500
    tiers = await fetch(tenant_id, "SELECT name FROM tiers ORDER BY threshold_minor")
    assert [tier["name"] for tier in tiers] == ["Bronze", "Silver", "Gold"]


async def test_a_request_of_staff_waits_for_a_manager(tenant_id: UUID) -> None:
    (best,) = (await demo.customer_ids(tenant_id, [demo.BEST])).values()
    requests = await fetch(
        tenant_id, "SELECT customer_id, requested_subject FROM approval_requests WHERE status = 'PENDING'"
    )
    assert len(requests) == 1 + REQUESTS
    assert {each["requested_subject"] for each in requests} == {SAM.subject}
    assert best in {each["customer_id"] for each in requests}
    entries = "SELECT e.amount_minor FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.customer_id = $1"
    moved = [entry["amount_minor"] for entry in await fetch(tenant_id, entries, best)]
    assert moved
    assert int(demo.REQUEST.amount * 100) not in moved


async def test_the_former_member_is_past_the_grace_period(ledger: Ledger, tenant_id: UUID) -> None:
    (former,) = (await demo.customer_ids(tenant_id, [demo.FORMER])).values()
    command = AdjustCredit(former, SERVICE_CREDITS, Decimal(1), "GOODWILL")
    preview = await preview_adjustment(ledger, tenant_id, demo.ACTOR, command)
    assert [type(error) for error in preview.errors] == [MembershipGraceEnded]


async def test_names_are_made_up_and_nobody_has_anothers(tenant_id: UUID) -> None:
    people = await fetch(tenant_id, "SELECT external_id, name, email FROM customers")
    assert len({each["name"] for each in people}) == len(people) > 300
    for each in people:
        assert each["name"] == person(each["external_id"]).name
        assert each["email"].endswith("@example.com")


async def test_some_of_it_is_of_today(tenant_id: UUID) -> None:
    """Members, tiers, what expires within a month, invoices that are due and that are late."""
    (found,) = await fetch(
        tenant_id,
        """SELECT (SELECT count(*) FROM customers WHERE membership_started_at IS NOT NULL) AS members,
        (SELECT count(*) FROM credits WHERE remaining_minor > 0 AND expires_at < now() + interval '30 days') AS soon,
        (SELECT count(*) FROM invoices WHERE number LIKE 'INV-%' AND status = 'OPEN' AND due_on >= current_date) AS due,
        (SELECT count(*) FROM invoices WHERE number LIKE 'INV-%' AND status = 'OPEN' AND due_on < current_date) AS late""",
    )
    assert found["members"] >= PEOPLE // 3
    assert min(found["soon"], found["due"], found["late"]) >= 5


async def test_its_months_are_in_the_books_as_they_went_by(tenant_id: UUID) -> None:
    """Each week something of each kind, and nothing that is still to come; the day before yesterday is as it was then."""
    weeks = await fetch(
        tenant_id,
        """SELECT date_trunc('week', created_at) AS week, array_agg(DISTINCT kind::text) AS kinds, count(*)
        FROM transactions GROUP BY 1 ORDER BY 1""",
    )
    assert len(weeks) >= DAYS // 7
    assert min(week["count"] for week in weeks[1:-1]) >= 15
    kinds = {kind for week in weeks for kind in week["kinds"]}
    assert kinds >= {
        "ADJUSTMENT",
        "ASSIGNMENT",
        "CREDIT_NOTE",
        "EXPIRY",
        "HOLD",
        "ORDER",
        "REWARD",
        "SPEND",
        "TRANSFER",
        "USE",
    }
    (latest,) = await fetch(tenant_id, "SELECT max(created_at) AS at, now() AS now FROM entries")
    assert latest["at"] <= latest["now"]
    statuses = await fetch(tenant_id, "SELECT DISTINCT status FROM approval_requests")
    assert {each["status"] for each in statuses} == {"PENDING", "APPROVED", "REJECTED", "WITHDRAWN", "EXPIRED"}
    (bulks,) = await fetch(
        tenant_id, "SELECT array_agg(failed ORDER BY created_at) AS failed, min(status) AS status FROM bulk_operations"
    )
    assert tuple(bulks) == ([0, 3], "COMPLETED")


async def test_jobs_and_verification_find_it_in_order(ledger: Ledger, tenant_id: UUID, slug: str) -> None:
    """The feed in the order of its instants, from the first day on; keys of all that was posted outlast the pruning."""
    before = await fetch(tenant_id, "SELECT count(*) FROM idempotency_keys")
    await work_once(ledger, slug)
    while await keep_feed(ledger, tenant_id):
        pass
    feed = await fetch(tenant_id, "SELECT recorded_at FROM feed ORDER BY position")
    instants = [each["recorded_at"] for each in feed]
    assert instants == sorted(instants)
    assert instants[-1] - instants[0] > timedelta(days=60)  # what is older may be pruned already
    await prune_keys(ledger, tenant_id)
    assert await fetch(tenant_id, "SELECT count(*) FROM idempotency_keys") == before
    assert (await verify(tenant_id)).listed == []
    assert await demo.load_demo(ledger, lambda _: None) == WEEK

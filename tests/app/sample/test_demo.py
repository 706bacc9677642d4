"""The sample that `scrip run` loads: complete, once, and taken up again after it was stopped."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from app.sample import demo
from app.sample.life import PEOPLE, REQUESTS
from app.sample.people import person
from models.commands import AdjustCredit
from models.errors import MembershipGraceEnded
from models.ledger import Ledger
from models.money import SERVICE_CREDITS
from models.operations.adjust import preview_adjustment
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
    assert len(await fetch(tenant_id, "SELECT 1 FROM coupons")) == 1
    keys = await fetch(tenant_id, "SELECT key FROM idempotency_keys WHERE key LIKE 'demo/%' AND kept")
    assert len(keys) == len(demo.ADJUSTMENTS) + 2  # and the request, and the coupon
    assert len(await fetch(tenant_id, "SELECT 1 FROM approval_requests")) == 1 + REQUESTS


async def test_there_is_something_of_everything(tenant_id: UUID) -> None:
    (regular,) = (await demo.customer_ids(tenant_id, [demo.REGULAR])).values()
    lots = await fetch(
        tenant_id,
        """SELECT a.asset, c.remaining_minor, c.restricted, c.expires_at, c.starts_at FROM credits c
        JOIN accounts a ON a.id = c.account_id WHERE a.customer_id = $1 AND c.remaining_minor > 0""",
        regular,
    )
    now = datetime.now(UTC)
    assert [c["remaining_minor"] for c in lots if c["asset"] == "POINTS"] == [1_250]
    services = [c for c in lots if c["asset"] == SERVICE_CREDITS]
    assert sorted(c["remaining_minor"] for c in services) == [3, 4, 5, 10]
    assert [c["remaining_minor"] for c in services if c["restricted"]] == [5]
    assert [c["remaining_minor"] for c in services if c["expires_at"] is not None] == [3]
    assert [c["remaining_minor"] for c in services if c["starts_at"] > now] == [4]
    assert sum(c["remaining_minor"] for c in lots if c["asset"] == "GBP") == 127_500
    assert len(await fetch(tenant_id, "SELECT 1 FROM invoices WHERE customer_id = $1 AND status = 'OPEN'", regular)) > 0
    (coupon,) = await fetch(tenant_id, "SELECT customer_id, points_spent_minor, expires_at FROM coupons")
    assert (coupon["customer_id"], coupon["points_spent_minor"]) == (regular, 500)
    tiers = await fetch(tenant_id, "SELECT name FROM tiers ORDER BY threshold_minor")
    assert [tier["name"] for tier in tiers] == ["Bronze", "Silver", "Gold"]


async def test_a_request_of_staff_waits_for_a_manager(tenant_id: UUID) -> None:
    (best,) = (await demo.customer_ids(tenant_id, [demo.BEST])).values()
    requests = await fetch(tenant_id, "SELECT customer_id, requested_subject, status FROM approval_requests")
    assert len(requests) == 1 + REQUESTS
    assert {tuple(each)[1:] for each in requests} == {(demo.subject_of("staff"), "PENDING")}
    assert best in {each["customer_id"] for each in requests}
    entries = "SELECT e.amount_minor FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.customer_id = $1"
    moved = [entry["amount_minor"] for entry in await fetch(tenant_id, entries, best)]
    assert moved
    assert demo.REQUEST.amount * 100 not in moved


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
        (SELECT count(*) FROM invoices WHERE number LIKE 'INV-%' AND due_on >= current_date) AS due,
        (SELECT count(*) FROM invoices WHERE number LIKE 'INV-%' AND due_on < current_date) AS late""",
    )
    assert found["members"] >= PEOPLE // 3
    assert min(found["soon"], found["due"], found["late"]) >= 5

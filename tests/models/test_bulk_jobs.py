"""Bulks from a file: taken in, validated as a whole, posted in chunks, cancelled, gone on with by somebody else."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from auth.roles import RULES, Permission
from models.commands import Actor, AdjustCredit, Outcome
from models.configuration_commands import IssueToken, RevokeToken
from models.errors import Invalid
from models.ledger import Ledger
from models.operations import run_bulks
from models.operations.cancel_bulk import cancel_bulk
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.partner_tokens import issue_token, revoke_token
from models.operations.run_bulks import run_bulk
from models.planning.bulk_rows import sender_scopes
from models.sources import system_clock
from tests.support.killed_bulks import claims_run_out, work_until_killed
from tests.support.tenants import ADMIN, MANAGER, PARTNER, Tenant

ROOT = Path(__file__).parents[2]


async def people(tenant: Tenant, count: int) -> list[str]:
    """So many customers, by their external ids."""
    await tenant.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT t.id, u.id, 'c-' || u.n, 'Many', now(), now()
        FROM tenants t CROSS JOIN unnest($2::uuid[]) WITH ORDINALITY AS u(id, n) WHERE t.id = $1""",
        [uuid4() for _ in range(count)],
    )
    return [f"c-{n}" for n in range(1, count + 1)]


def row(customer: str | None, amount: str | int | None, **more: Any) -> ImportRow:
    return ImportRow(customer, None if amount is None else Decimal(amount), **more)


async def queue(
    tenant: Tenant, rows: Sequence[ImportRow], *, key: str | None = None, actor: Actor = MANAGER, **whole: Any
) -> Outcome:
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    command = ImportCredits(digest, **{"asset": "POINTS", "reason": "CORRECTION", **whole})
    return await import_credits(tenant.ledger, tenant.id, actor, command, rows, key or uuid4().hex)


async def work(tenant: Tenant, ledger: Ledger | None = None) -> None:
    while await run_bulk(ledger or tenant.ledger, tenant.id):
        pass


async def state(tenant: Tenant, outcome: Outcome) -> tuple[Any, ...]:
    sql = """SELECT status, total, processed, succeeded, failed FROM bulk_operations WHERE tenant_id = $1 AND id = $2"""
    return (await tenant.rows(sql, outcome.bulk_operation_id))[0]


async def failures(tenant: Tenant, outcome: Outcome) -> list[tuple[int, str]]:
    sql = """SELECT row, error->>'code' FROM bulk_rows
        WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL ORDER BY row"""
    return [(found[0], found[1]) for found in await tenant.rows(sql, outcome.bulk_operation_id)]


async def balances(tenant: Tenant) -> list[tuple[Any, ...]]:
    sql = "SELECT c.external_id, a.asset, a.balance_minor, a.sequence FROM accounts a JOIN customers c ON"
    return await tenant.rows(f"{sql} c.tenant_id = $1 AND c.id = a.customer_id WHERE a.tenant_id = $1 ORDER BY 1, 2")


async def test_rows_say_their_own_asset_expiry_reason_and_note(tenant: Tenant) -> None:
    a, b, c, d = await people(tenant, 4)
    rows = [
        row(a, 5),
        row(b, "7.50", asset="GBP", reason="GOODWILL", note="Sorry", expires_in_days=0),
        row(c, 2, expires_in_days=3),
        row(d, 4, expires_on=date(2026, 7, 1)),
    ]
    outcome = await queue(tenant, rows, note="From the file", expires_in_days=30)
    assert await state(tenant, outcome) == ("QUEUED", 4, 0, 0, 0)
    await work(tenant)

    assert await state(tenant, outcome) == ("COMPLETED", 4, 4, 4, 0)
    found = await tenant.rows(
        """SELECT u.external_id, a.asset, c.amount_minor, t.reason, x.note, c.expires_at FROM credits c
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN customers u ON u.tenant_id = $1 AND u.id = a.customer_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = c.transaction_id
        LEFT JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id WHERE c.tenant_id = $1 ORDER BY 1"""
    )
    assert found == [
        (a, "POINTS", 5, "CORRECTION", "From the file", datetime(2026, 7, 15, 23, tzinfo=UTC)),
        (b, "GBP", 750, "GOODWILL", "Sorry", None),
        (c, "POINTS", 2, "CORRECTION", "From the file", datetime(2026, 6, 18, 23, tzinfo=UTC)),
        (d, "POINTS", 4, "CORRECTION", "From the file", datetime(2026, 7, 1, 23, tzinfo=UTC)),
    ]
    keys = await tenant.rows("SELECT DISTINCT idempotency_key FROM transactions WHERE tenant_id = $1 ORDER BY 1")
    assert keys == [(f"bulk:{outcome.bulk_operation_id}:{n}",) for n in range(4)]


BAD = [
    (2, "NOT_FOUND"),
    (3, "AMOUNT_PRECISION"),
    (4, "INSUFFICIENT_BALANCE"),
    (5, "DUPLICATE"),
    (6, "REASON_UNKNOWN"),
    (7, "INVALID"),
    (8, "NOT_FOUND"),
]


def mixed(known: list[str]) -> list[ImportRow]:
    return [
        row(known[0], 5),
        row(known[1], 6),
        row("nobody", 5),
        row(known[2], "0.5"),
        row(known[3], -4),
        row(known[0], 5),
        row(known[4], 5, reason="NONE"),
        row(known[5], None, errors=(Invalid("No amount", field=("amount",)),)),
        row(None, 5),
    ]


async def test_one_bad_row_posts_nothing_and_every_bad_row_is_reported(tenant: Tenant) -> None:
    known = await people(tenant, 6)
    before = await tenant.fingerprint()
    outcome = await queue(tenant, mixed(known), key="k")
    await work(tenant)

    assert await state(tenant, outcome) == ("FAILED", 9, 9, 0, 7)
    assert await failures(tenant, outcome) == BAD
    after = await tenant.fingerprint()
    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"audit_events", "bulk_operations", "bulk_rows", "outbox"}
    assert await tenant.count("idempotency_keys") == 0  # a rejection frees it


async def test_skip_failed_posts_the_good_rows(tenant: Tenant) -> None:
    known = await people(tenant, 6)
    outcome = await queue(tenant, mixed(known), error_policy="SKIP_FAILED")
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 9, 9, 2, 7)
    assert await failures(tenant, outcome) == BAD
    assert await balances(tenant) == [(known[0], "POINTS", 5, 1), (known[1], "POINTS", 6, 1)]


@pytest.mark.parametrize("policy", ["REJECT_ALL", "SKIP_FAILED"])
async def test_a_dry_run_reports_the_same_and_posts_nothing(tenant: Tenant, policy: str) -> None:
    known = await people(tenant, 6)
    outcome = await queue(tenant, mixed(known), error_policy=policy, dry_run=True)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 9, 9, 2, 7)
    assert await failures(tenant, outcome) == BAD
    assert [await tenant.count(table) for table in ("accounts", "entries", "idempotency_keys")] == [0, 0, 0]


async def test_the_same_customer_twice_in_one_bulk(tenant: Tenant) -> None:
    (anna,) = await people(tenant, 1)
    refused = await queue(tenant, [row(anna, 5), row(anna, 5)])
    await work(tenant)
    assert (await state(tenant, refused))[0] == "FAILED"
    assert await failures(tenant, refused) == [(1, "DUPLICATE")]
    allowed = await queue(tenant, [row(anna, 5), row(anna, -6), row(anna, 5)], allow_duplicate_customers=True)
    await work(tenant)
    assert await failures(tenant, allowed) == [(1, "INSUFFICIENT_BALANCE")]  # its rows see each other
    allowed = await queue(tenant, [row(anna, 5), row(anna, -2), row(anna, 5)], allow_duplicate_customers=True)
    await work(tenant)
    assert await balances(tenant) == [(anna, "POINTS", 8, 3)]


async def test_limits_hold_over_all_rows(tenant: Tenant) -> None:
    known = await people(tenant, 6)
    rows = [row(customer, 1000) for customer in known]
    refused = await queue(tenant, rows, actor=PARTNER)
    await work(tenant)
    assert (await state(tenant, refused)) == ("FAILED", 6, 6, 0, 1)
    skipped = await queue(tenant, rows, actor=PARTNER, error_policy="SKIP_FAILED")
    await work(tenant)
    assert await failures(tenant, skipped) == [(5, "LIMIT_EXCEEDED")]


async def test_the_same_file_again_is_the_same_operation(tenant: Tenant) -> None:
    known = await people(tenant, 3)
    rows = [row(customer, 5) for customer in known]
    first, second = await asyncio.gather(queue(tenant, rows, key="k"), queue(tenant, rows, key="k"))
    assert first.bulk_operation_id == second.bulk_operation_id
    assert {first.replayed, second.replayed} == {True, False}
    await work(tenant)
    before = await tenant.fingerprint()
    assert (await queue(tenant, rows, key="k")).replayed
    await work(tenant)
    assert await tenant.fingerprint() == before
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await queue(tenant, rows[:2], key="k")


async def test_what_no_file_is(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    known = await people(tenant, 3)
    async with tenant.refused("INVALID"):
        await queue(tenant, [])
    async with tenant.refused("INVALID"):
        await queue(tenant, [row(known[0], 1)], asset="XAU")
    monkeypatch.setattr("models.operations.import_rows.MAX_ROWS", 2)
    async with tenant.refused("INVALID"):
        await queue(tenant, [row(customer, 1) for customer in known])


async def test_cancelled_between_two_chunks_what_was_posted_stays(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_bulks, "CHUNKS_PER_RUN", 1)
    known = await people(tenant, 6)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], error_policy="SKIP_FAILED")
    assert outcome.bulk_operation_id is not None
    await run_bulk(tenant.ledger, tenant.id)
    assert await state(tenant, outcome) == ("RUNNING", 6, 2, 2, 0)
    assert await cancel_bulk(tenant.ledger, tenant.id, MANAGER, outcome.bulk_operation_id)
    await work(tenant)
    assert await state(tenant, outcome) == ("CANCELLED", 6, 2, 2, 0)
    assert len(await balances(tenant)) == 2
    assert not await cancel_bulk(tenant.ledger, tenant.id, MANAGER, outcome.bulk_operation_id)


async def test_a_row_that_has_gone_bad_since_is_reported(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the validation and its chunk, somebody else spends what a removal counts on."""
    monkeypatch.setattr(run_bulks, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_bulks, "CHUNKS_PER_RUN", 1)
    known = await people(tenant, 4)
    filled = await queue(tenant, [row(customer, 5) for customer in known], error_policy="SKIP_FAILED")
    await work(tenant)
    assert (await state(tenant, filled))[0] == "COMPLETED"
    removal = await queue(tenant, [row(customer, -5) for customer in known])
    await run_bulk(tenant.ledger, tenant.id)
    customer = (await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1 AND external_id = 'c-4'"))[0][0]
    await tenant.adjust(customer, -1, "POINTS")
    await work(tenant)
    assert await state(tenant, removal) == ("COMPLETED", 4, 4, 3, 1)
    assert await failures(tenant, removal) == [(3, "INSUFFICIENT_BALANCE")]


async def test_small_ones_are_all_or_nothing_to_the_end(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    known = await people(tenant, 3)
    outcome = await queue(tenant, [row(customer, 5) for customer in known])

    async def nothing_wrong(*_: object) -> int:
        await tenant.execute("UPDATE reasons SET active = false WHERE tenant_id = $1 AND code = 'CORRECTION'")
        return 0

    monkeypatch.setattr(run_bulks, "validate", nothing_wrong)
    await work(tenant)
    assert await state(tenant, outcome) == ("FAILED", 3, 3, 0, 3)
    assert await balances(tenant) == []


async def test_two_bulks_over_the_same_customers_at_once(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By two workers, each with a ledger of its own, in opposite orders, and a small one across them."""
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 20)
    known = await people(tenant, 100)
    rows = [row(customer, 5) for customer in known]
    both = [
        await queue(tenant, rows, error_policy="SKIP_FAILED"),
        await queue(tenant, rows[::-1], error_policy="SKIP_FAILED"),
    ]
    ids = [found[0] for found in await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1 ORDER BY id DESC")]
    other = Ledger(tenant.clock)
    try:
        await asyncio.gather(work(tenant), work(tenant, other), tenant.bulk(*((i, 1) for i in ids)))
    finally:
        await other.close()
    await work(tenant)
    assert [await state(tenant, one) for one in both] == [("COMPLETED", 100, 100, 100, 0)] * 2
    assert {found[2:] for found in await balances(tenant)} == {(11, 3)}


async def test_a_run_that_is_killed_half_way_ends_as_if_it_had_not_been(tenant: Tenant, database_urls: Urls) -> None:
    """A worker process is killed between, and within, chunks; another goes on once its claim has run out."""
    tenant.clock.stand_still(system_clock())
    known = await people(tenant, 3_000)
    rows = [row(customer, -1 if n % 7 == 3 else 5) for n, customer in enumerate(known)]
    outcome = await queue(tenant, rows, error_policy="SKIP_FAILED")
    assert isinstance(outcome.bulk_operation_id, UUID)
    await work_until_killed(tenant, database_urls)
    status, _, processed, *_ = await state(tenant, outcome)
    assert status == "RUNNING"
    assert 0 < processed < 3_000
    assert await run_bulk(tenant.ledger, tenant.id) == 0  # the dead one's claim holds
    claims_run_out(tenant)
    await work(tenant)

    bad = [n for n in range(3_000) if n % 7 == 3]
    assert await state(tenant, outcome) == ("COMPLETED", 3_000, 3_000, 3_000 - len(bad), len(bad))
    assert await failures(tenant, outcome) == [(n, "INSUFFICIENT_BALANCE") for n in bad]
    found = await balances(tenant)
    assert len(found) == 3_000 - len(bad)
    assert {line[1:] for line in found} == {("POINTS", 5, 1)}
    keys = await tenant.rows("SELECT count(*), count(DISTINCT idempotency_key) FROM transactions WHERE tenant_id = $1")
    assert keys == [(3_000 - len(bad),) * 2]


# Whoever sent it may have lost the right to since


async def token(
    tenant: Tenant, scopes: str = "credits:bulk credits:remove", *, client: str = "app", **more: Any
) -> UUID:
    token_id = uuid4()
    command = IssueToken(token_id, bytes(32), client, token_id.hex, frozenset(scopes.split()), **more)
    await issue_token(tenant.ledger, tenant.id, ADMIN, command)
    return token_id


async def revoke(tenant: Tenant, token_id: UUID) -> None:
    await revoke_token(tenant.ledger, tenant.id, ADMIN, RevokeToken(token_id))


@pytest.mark.parametrize(
    ("whole", "status"),
    [
        ({"error_policy": "REJECT_ALL"}, "FAILED"),
        ({"error_policy": "SKIP_FAILED"}, "COMPLETED"),
        ({"dry_run": True}, "COMPLETED"),
    ],
    ids=["reject all", "skip failed", "dry run"],
)
async def test_a_bulk_of_a_token_that_was_revoked_meanwhile_posts_nothing(
    tenant: Tenant, whole: dict[str, Any], status: str
) -> None:
    known = await people(tenant, 3)
    sent_with = await token(tenant)
    await token(tenant, client="another")
    outcome = await queue(tenant, [row(customer, 5) for customer in known], actor=PARTNER, **whole)
    await revoke(tenant, sent_with)
    await work(tenant)
    assert await state(tenant, outcome) == (status, 3, 3, 0, 3)
    assert await failures(tenant, outcome) == [(n, "REQUESTER_NOT_ALLOWED") for n in range(3)]
    assert await balances(tenant) == []
    told = await tenant.rows("SELECT DISTINCT error->>'message', error->>'field' FROM bulk_rows WHERE tenant_id = $1")
    assert told == [("The client app may no longer ask for this.", None)]


async def test_one_that_is_revoked_between_two_chunks_posts_no_more(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_bulks, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_bulks, "CHUNKS_PER_RUN", 1)
    known = await people(tenant, 5)
    sent_with = await token(tenant)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], actor=PARTNER)
    await run_bulk(tenant.ledger, tenant.id)
    await revoke(tenant, sent_with)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 5, 5, 2, 3)
    assert await failures(tenant, outcome) == [(n, "REQUESTER_NOT_ALLOWED") for n in (2, 3, 4)]
    assert len(await balances(tenant)) == 2


async def test_one_that_is_revoked_once_it_was_validated_posts_nothing(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await people(tenant, 3)
    sent_with = await token(tenant)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], actor=PARTNER)

    async def nothing_wrong(*_: object) -> int:
        await revoke(tenant, sent_with)
        return 0

    monkeypatch.setattr(run_bulks, "validate", nothing_wrong)
    await work(tenant)
    assert await state(tenant, outcome) == ("FAILED", 3, 3, 0, 3)
    assert await balances(tenant) == []


async def test_each_row_takes_the_right_to_send_it_by_one_token_that_is_good(tenant: Tenant) -> None:
    """What is left of the client's rights decides, whichever token it was sent with; what others have does not count."""
    added, removed, *_ = known = await people(tenant, 4)
    filled = await queue(tenant, [row(customer, 5) for customer in known])
    await work(tenant)
    assert (await state(tenant, filled))[0] == "COMPLETED"

    async def fate() -> list[tuple[int, str]]:
        outcome = await queue(tenant, [row(added, 1), row(removed, -1)], actor=PARTNER, error_policy="SKIP_FAILED")
        await work(tenant)
        return await failures(tenant, outcome)

    assert await fate() == []  # a client that has been given no token here: whoever issues its tokens answers for it
    whole = await token(tenant, expires_at=tenant.clock() + timedelta(hours=1))
    assert await fate() == []
    tenant.clock.advance(hours=1)
    assert await fate() == [(0, "REQUESTER_NOT_ALLOWED"), (1, "REQUESTER_NOT_ALLOWED")]
    await token(tenant, "credits:remove credits:add")
    assert await fate() == [(0, "REQUESTER_NOT_ALLOWED"), (1, "REQUESTER_NOT_ALLOWED")]
    await token(tenant, "ledger:read credits:bulk")
    assert await fate() == [(1, "REQUESTER_NOT_ALLOWED")]
    whole = await token(tenant)
    assert await fate() == []
    await revoke(tenant, whole)
    assert await fate() == [(1, "REQUESTER_NOT_ALLOWED")]


async def test_a_person_of_the_client_s_name_is_no_partner(tenant: Tenant) -> None:
    known = await people(tenant, 1)
    await revoke(tenant, await token(tenant))
    outcome = await queue(tenant, [row(known[0], 5)], actor=Actor("app", "MANAGER", client="app"))
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 1, 1, 1, 0)


def test_the_scopes_that_a_row_takes_are_the_tables() -> None:
    for amount, rights in ((1, {Permission.BULK}), (-1, {Permission.BULK, Permission.REMOVE_CREDIT})):
        scopes = frozenset[str]().union(*(RULES[right].scopes for right in rights))
        assert sender_scopes(AdjustCredit(uuid4(), "GBP", Decimal(amount), "GOODWILL")) == scopes

"""Books of version 0.1.0, with data of every kind (data/README.md), brought up to date.

What people have is what they had, nothing of the past is rewritten, what a later rule sees differently is restated by
entries of its own, and the books prove themselves afterwards.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres import database
from app.postgres.database import LOCATION
from app.postgres.embedded import DATABASE, OWNER, Urls
from tests.migrations import totals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT: Final = Path(__file__).parents[2]
DATA: Final = Path(__file__).parent / "data"
FIGURES: Final[dict[str, Any]] = json.loads((DATA / "v0_1_0.json").read_text())
TENANTS: Final[dict[str, dict[str, Any]]] = FIGURES["tenants"]
STEPS: Final = 3
"""So many steps there were in version 0.1.0."""
LIMIT_S: Final = 120
COPY: Final = re.compile(rb"COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n(.*?)^\\\.\n", re.MULTILINE | re.DOTALL)
PEOPLE: Final = """WITH RECURSIVE person(id, final) AS (
        SELECT id, id FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL
        UNION ALL SELECT c.id, p.final FROM customers c JOIN person p ON c.tenant_id = $1 AND c.merged_into_id = p.id)"""
ACCOUNTS: Final = f"""{PEOPLE}, open AS (
        SELECT p.final, a.asset, c.remaining_minor FROM credits c
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id JOIN person p ON p.id = a.customer_id
        WHERE c.tenant_id = $1 AND c.starts_at <= $2::text::timestamptz
            AND (c.expires_at IS NULL OR c.expires_at > $2::text::timestamptz))
    SELECT p.final || ' ' || a.asset AS whose, sum(a.balance_minor)::bigint AS balance,
        (SELECT coalesce(sum(o.remaining_minor), 0)::bigint FROM open o
            WHERE o.final = p.final AND o.asset = a.asset) AS available,
        sum(a.lifetime_minor)::bigint AS lifetime
    FROM accounts a JOIN person p ON p.id = a.customer_id WHERE a.tenant_id = $1 GROUP BY p.final, a.asset"""
DUE: Final = f"""{PEOPLE}
    SELECT p.final || ' ' || i.currency AS whose, sum(i.total_minor - i.paid_minor - i.credited_minor)::bigint AS due
    FROM invoices i JOIN person p ON p.id = i.customer_id
    WHERE i.tenant_id = $1 AND i.status <> 'VOID' GROUP BY p.final, i.currency"""
ENTRIES: Final = """SELECT e.id, e.account_id, e.sequence, e.transaction_id, e.credit_id, e.counter, e.amount_minor,
        e.lifetime_minor, e.balance_after_minor, e.created_at, e.hash, t.customer_id, t.kind, t.reason, t.actor_id
    FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id WHERE e.tenant_id = $1"""
LEFT_BEHIND: Final = """SELECT c.external_id, a.asset, a.balance_minor, a.lifetime_minor FROM accounts a
    JOIN customers c ON c.tenant_id = $1 AND c.id = a.customer_id
    WHERE a.tenant_id = $1 AND c.merged_into_id IS NOT NULL AND (a.balance_minor <> 0 OR a.lifetime_minor <> 0)
    ORDER BY 1, 2"""
CUSTOMERS_ACTOR: Final = """INSERT INTO actors (id, tenant_id, subject, role, client, name)
    SELECT gen_random_uuid(), id, 'carol', 'CUSTOMER', '', 'Carol' FROM tenants"""
"""In each tenant a customer who was refused something: the dump has none."""
PRUNABLE: Final = """SELECT count(*) FROM idempotency_keys k LEFT JOIN approval_requests r
    ON r.tenant_id = k.tenant_id AND r.id = k.result_id AND r.status = 'PENDING' WHERE NOT k.kept AND r.id IS NULL"""

Entries = dict[UUID, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A database that was migrated, and what was in it before.

    copy, retried: the same again, to go on with.

    before: the entries of each tenant, by id. totals: what the lifetime totals are to be. left_behind: what records that
    were merged had.
    """

    urls: Urls
    copy: Urls
    retried: Urls
    superuser: asyncpg.Connection[Any]
    before: dict[str, Entries]
    totals: dict[str, dict[str, int]]
    left_behind: list[tuple[Any, ...]]
    applied: str

    async def rows(self, sql: str, tenant: str, *arguments: object) -> list[tuple[Any, ...]]:
        found = await self.superuser.fetch(sql, UUID(TENANTS[tenant]["tenant_id"]), *arguments)
        return [tuple(row) for row in found]


@pytest.fixture(scope="module")
async def upgraded(server: Urls) -> AsyncIterator[Upgraded]:
    """Once for all tests of the module; none of them changes what others look at."""
    name = f"upgraded_{uuid4().hex}"
    urls, copy, retried = (_urls(server, f"{name}{more}") for more in ("", "_copy", "_retried"))
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        await _build_as_it_was(urls.owner)
        loaded = await _load(urls.admin)
        status, said = await scrip(urls, "migrate")
        assert status == 0, said
        for each in ("copy", "retried"):
            await admin.execute(f"CREATE DATABASE {name}_{each} TEMPLATE {name} OWNER {OWNER}")
        superuser = await asyncpg.connect(urls.admin)
        try:
            yield Upgraded(urls, copy, retried, superuser, *loaded, said)
        finally:
            await superuser.close()
    finally:
        for each in (name, f"{name}_copy", f"{name}_retried"):
            await admin.execute(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)")
        await admin.close()


def _urls(server: Urls, name: str) -> Urls:
    return Urls(*(url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.app, server.owner, server.admin)))


async def _build_as_it_was(owner_url: str) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "models").mkdir()
        for step in sorted((LOCATION / "models").glob("[0-9]*_*.py"))[:STEPS]:
            shutil.copy(step, Path(folder) / "models")
        patch.setattr(database, "LOCATION", Path(folder))
        assert len(await database._upgrade(owner_url)) == STEPS


async def _load(url: str) -> tuple[dict[str, Entries], dict[str, dict[str, int]], list[tuple[Any, ...]]]:
    """Load the dump, table by table, past triggers and foreign keys: it was all written under them before.

    Answers each tenant's entries, what their totals are to be, and what records that were merged still have.
    """
    dump = lzma.decompress((DATA / "v0_1_0.sql.xz").read_bytes())
    superuser = await asyncpg.connect(url)
    try:
        async with superuser.transaction():
            await superuser.execute("SET LOCAL session_replication_role = replica")
            for table, columns, rows in COPY.findall(dump):
                source, names = BytesIO(rows), columns.decode().replace('"', "").split(", ")
                await superuser.copy_to_table(table.decode(), source=source, columns=names, format="text")
        await superuser.execute("SELECT setval('outbox_position_seq', max(position)) FROM outbox")
        await _check_figures(superuser)
        await superuser.execute(CUSTOMERS_ACTOR)
        before, right = {}, {}
        for tenant, told in TENANTS.items():
            rows = await superuser.fetch(ENTRIES, UUID(told["tenant_id"]))
            before[tenant] = {row["id"]: tuple(row) for row in rows}
            found = await superuser.fetch(totals.SQL, UUID(told["tenant_id"]))
            right[tenant] = totals.totals([totals.Entry(*row) for row in found])
        left = await superuser.fetch(LEFT_BEHIND, UUID(TENANTS["hand"]["tenant_id"]))
        return before, right, [tuple(row) for row in left]
    finally:
        await superuser.close()


async def _check_figures(superuser: asyncpg.Connection[Any]) -> None:
    """What was loaded is what the figures tell of."""
    for table, count in FIGURES["rows"].items():
        if table != "aerich":
            assert await superuser.fetchval(f"SELECT count(*) FROM {table}") == count, table
    for tenant, told in TENANTS.items():
        found = await superuser.fetch(ACCOUNTS, UUID(told["tenant_id"]), told["at"])
        assert {row["whose"]: list(row)[1:] for row in found} == told["accounts"], tenant
        due = await superuser.fetch(DUE, UUID(told["tenant_id"]))
        assert {row["whose"]: row["due"] for row in due} == told["due"], tenant


async def scrip(urls: Urls, *arguments: str) -> tuple[int | None, str]:
    """Exit status and output of a process of its own: a migration may want the models' pool for itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    environment = {**kept, "DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode() + err.decode()


async def test_every_step_is_applied_and_once(upgraded: Upgraded) -> None:
    later = sorted(step.name for step in (LOCATION / "models").glob("[0-9]*_*.py"))[STEPS:]
    assert later
    assert all(step in upgraded.applied for step in later)
    entries = await upgraded.superuser.fetchval("SELECT count(*) FROM entries")
    status, said = await scrip(upgraded.urls, "migrate")
    assert (status, "up to date" in said) == (0, True), said
    assert await upgraded.superuser.fetchval("SELECT count(*) FROM entries") == entries


async def test_the_books_prove_themselves(upgraded: Upgraded) -> None:
    status, said = await scrip(upgraded.urls, "verify")
    assert status == 0, said
    assert said.count("all agree") == len(TENANTS), said


@pytest.mark.parametrize("tenant", TENANTS)
async def test_everybody_has_what_they_had(upgraded: Upgraded, tenant: str) -> None:
    """Balance and what is available, by person and asset; and what they owe."""
    told = TENANTS[tenant]
    found = {row[0]: [*row[1:3]] for row in await upgraded.rows(ACCOUNTS, tenant, told["at"])}
    had = {whose: figures[:2] for whose, figures in told["accounts"].items()}
    # A survivor may have got an account that is empty, or a record have lost one that was.
    assert {w: f for w, f in found.items() if f != [0, 0]} == {w: f for w, f in had.items() if f != [0, 0]}
    assert dict(await upgraded.rows(DUE, tenant)) == told["due"]


@pytest.mark.parametrize("tenant", TENANTS)
async def test_no_entry_of_then_is_another(upgraded: Upgraded, tenant: str) -> None:
    after = {row[0]: row for row in await upgraded.rows(ENTRIES, tenant)}
    before = upgraded.before[tenant]
    assert before
    assert {row_id: after.get(row_id) for row_id in before} == before


@pytest.mark.parametrize("tenant", TENANTS)
async def test_totals_follow_the_rule_of_now(upgraded: Upgraded, tenant: str) -> None:
    """What was added to credits that count, less what was taken back from them."""
    found = {row[0]: row[3] for row in await upgraded.rows(ACCOUNTS, tenant, TENANTS[tenant]["at"])}
    right = upgraded.totals[tenant]
    assert {whose: total for whose, total in found.items() if total} == {w: t for w, t in right.items() if t}


def test_what_totals_are_to_be_is_what_each_story_says(upgraded: Upgraded) -> None:
    rules = FIGURES["lifetimes_by_the_later_rule"].values()
    right = {f"{told['customer_id']} {told['asset']}": told["lifetime_minor"] for told in rules}
    assert {whose: upgraded.totals["hand"].get(whose) for whose in right} == right
    was = {whose: figures[2] for whose, figures in TENANTS["hand"]["accounts"].items()}
    assert {whose for whose, total in right.items() if was[whose] != total}


async def test_nothing_stays_behind_on_a_record_that_was_merged(upgraded: Upgraded) -> None:
    """What came back to it after the merge, or was posted beside it, is the survivor's now."""
    assert len({row[0].rstrip("0123456789-ab") for row in upgraded.left_behind}) > 1  # there was some
    assert await upgraded.rows(LEFT_BEHIND, "hand") == []


async def test_a_record_names_the_person_of_now(upgraded: Upgraded) -> None:
    rows = await upgraded.rows(
        """SELECT c.external_id, s.external_id, s.merged_into_id FROM customers c
        JOIN customers s ON s.tenant_id = $1 AND s.id = c.merged_into_id
        WHERE c.tenant_id = $1 AND c.external_id LIKE 'chain-%' ORDER BY 1""",
        "hand",
    )
    assert rows == [("chain-a", "chain-c", None), ("chain-b", "chain-c", None)]


async def test_no_customer_has_a_name_as_an_actor(upgraded: Upgraded) -> None:
    found = await upgraded.superuser.fetch("SELECT name FROM actors WHERE role = 'CUSTOMER'")
    assert [row["name"] for row in found] == [None] * len(TENANTS)


async def test_work_goes_on(upgraded: Upgraded) -> None:
    """What was queued and half done then is done, what has expired is written off, old keys are gone, and the books prove
    themselves."""
    status, said = await scrip(upgraded.copy, "work", "--once")
    assert status == 0, said
    status, said = await scrip(upgraded.copy, "verify")
    assert status == 0, said
    worked = await asyncpg.connect(upgraded.copy.admin)
    try:
        bulks = "SELECT status, total, processed, succeeded, failed FROM bulk_operations"
        bulks += " WHERE tenant_id = $1 AND total IN (45, 32)"
        done = [tuple(row) for row in await worked.fetch(bulks, UUID(TENANTS["hand"]["tenant_id"]))]
        assert sorted(done) == [("COMPLETED", 32, 32, 30, 2), ("COMPLETED", 45, 45, 45, 0)]
        unswept = "SELECT count(*) FROM credits WHERE remaining_minor > 0 AND expires_at <= now()"
        assert await upgraded.superuser.fetchval(unswept) > 0
        assert await worked.fetchval(unswept) == 0
        # All keys of then are older than any tenant keeps them, but those of files, bulks and requests that wait.
        assert await upgraded.superuser.fetchval(PRUNABLE) > 500
        assert await worked.fetchval(PRUNABLE) == 0
        assert await worked.fetchval("SELECT count(*) FROM idempotency_keys WHERE kept") > 500
        unpruned = await worked.fetchval("SELECT array_agg(slug) FROM tenants WHERE keys_pruned_at IS NULL")
        assert unpruned == ["demo"]  # the sample's keys are all kept
    finally:
        await worked.close()


async def test_keys_are_those_of_the_client_of_what_they_made(upgraded: Upgraded) -> None:
    """Of a coupon's use, and of a merge that found nothing to move, nobody can tell: those answer to everybody."""
    sql = """SELECT client, shared, operation, count(*) FROM idempotency_keys
        WHERE tenant_id = $1 AND (client <> '' OR shared) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    assert await upgraded.rows(sql, "hand") == [
        ("", True, "mergeCustomers", 3),
        ("", True, "useCoupon", 1),
        ("app", False, "adjustCredit", 1),
        ("shop", False, "adjustCredit", 1),
    ]
    kept = "SELECT operation, bool_and(kept) FROM idempotency_keys WHERE tenant_id = $1 AND kept GROUP BY 1 ORDER BY 1"
    assert dict(await upgraded.rows(kept, "hand")).keys() == {"bulkCredit", "importCredits", "postRows"}
    assert {operation for operation, _ in await upgraded.rows(kept, "demo")} >= {"adjustCredit", "createInvoice"}


async def test_a_request_of_then_that_is_sent_again_is_known(upgraded: Upgraded) -> None:
    """By whoever asked for it, and by no other client; and the books prove themselves with both postings."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.again",
        upgraded.retried.app,
        TENANTS["hand"]["tenant_id"],
        cwd=ROOT,
        stdout=PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        answer, _ = await process.communicate()
    told = json.loads(answer)

    known = (
        "a person's",
        "a person's, by another",
        "a partner's",
        "another partner's",
        "an approval",
        "a bulk",
        "a file",
        "nobody knows whose",
        "nobody knows whose, by a partner",
    )
    others = ("a person's, by a partner", "a partner's, by a person", "a partner's, by another partner")
    assert {name: told.pop(name)[0] for name in known} == dict.fromkeys(known, True)
    assert {name: told.pop(name)[0] for name in others} == dict.fromkeys(others, False)
    assert told == {"a person's, with another input": ["IDEMPOTENCY_KEY_REUSED", None]}
    status, said = await scrip(upgraded.retried, "verify")
    assert status == 0, said

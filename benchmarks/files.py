"""A file of 1,000,000 rows, from the request to the last posting, with duplicates refused; the same by bare SQL; and the
file taken back, row by row.

Each customer has one row and no account yet, so that the file opens the accounts too. The bare SQL reads the same file
into a temporary table and writes the same tables, with their constraints, triggers and row security, in one statement
each: nothing is checked, planned or hashed.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import httpx
import psutil  # type: ignore[import-untyped]

from app.cli.token import make_token
from app.files.imports import PATH
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.meter import Cpu, cpu_now, memory_peak_bytes
from benchmarks.report import Figure, print_figures, print_table
from benchmarks.rig import Rig, Server
from models.commands import Actor
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.reads.verify import verify
from schema.ids import global_id

SLUG: Final = "files"
ROWS, QUICK_ROWS = 1_000_000, 100_000
LEAST_ROWS_S: Final = 5_000
MOST_MB: Final = 150
MB: Final = 2**20
LIMIT_S: Final = 900
POLL_S: Final = 0.1
MOST_BACK: Final = 1.5
"""Maximum CPU time of a row that is taken back, of that of a row that is posted."""
_REVERSE: Final = """mutation($input: ReverseBulkOperationInput!) {
  reverseBulkOperation(input: $input) { operation { id } userErrors { code message } } }"""


@dataclass(frozen=True, slots=True)
class Run:
    """seconds: until the response, if there is one, and until it was over."""

    taken_in_s: float
    seconds: float
    cpu: Cpu


def run(rig: Rig) -> None:
    """Measure and print."""
    rows = QUICK_ROWS if rig.quick else ROWS
    file, books, bare = asyncio.run(_prepare(rig, rows))
    with rig.server(SCRIP_RUN_JOBS="true", SCRIP_LOG_LEVEL="error") as server:
        idle = memory_peak_bytes(server.pid)
        posted = _post(rig, server, file, books)
        peak = memory_peak_bytes(server.pid)
        back = _reverse(rig, server, books)
        peak_back = memory_peak_bytes(server.pid)
    sql = asyncio.run(_bare(rig, file, bare))
    _print(rows, posted, back, sql)
    rate, ratio = rows / posted.seconds, sql.seconds / posted.seconds
    print_figures(
        f"a file of {rows:,} rows",
        [
            Figure("posted", [rate], "rows a second", least=LEAST_ROWS_S),
            Figure("of the bare SQL's rate", [ratio]),
            Figure("peak memory of the server", [peak / MB], "MB", most=MOST_MB),
            Figure("of that before the file", [idle / MB], "MB"),
            Figure("peak memory, once it is taken back", [peak_back / MB], "MB", most=MOST_MB),
            Figure("CPU of a row taken back, of one posted", [_each(back) / _each(posted)], most=MOST_BACK),
        ],
    )
    proof = asyncio.run(_prove(rig, books))
    print(f"Books verified: {proof[0]:,} entries, {proof[1]} differences")


def _each(run: Run) -> float:
    """CPU time of server and PostgreSQL."""
    return run.cpu.server + run.cpu.postgres


def _print(rows: int, posted: Run, back: Run, sql: Run) -> None:
    def line(name: str, run: Run) -> list[str]:
        costs = [f"{seconds / rows * 1e6:,.0f}" for seconds in (run.cpu.server, run.cpu.postgres, run.cpu.others)]
        return [name, f"{run.taken_in_s:.1f}", f"{run.seconds:.1f}", f"{rows / run.seconds:,.0f}", *costs]

    print_table(
        ["", "answer s", "done s", "rows/s", "server µs", "PostgreSQL µs", "others µs"],
        [line("POST /imports/credits", posted), line("reverseBulkOperation", back), line("bare set-based SQL", sql)],
    )


async def _prepare(rig: Rig, rows: int) -> tuple[Path, UUID, UUID]:
    """The file, and two tenants of as many customers."""
    file = rig.folder / "credits.csv"
    with file.open("w") as lines:
        lines.write("customer,amount\n")
        lines.writelines(f"customer-{n},5.00\n" for n in range(rows))
    async with open_database(rig.urls.app, pool_min=1, pool_max=4):
        ledger = Ledger()
        tenants = [await create_tenant(ledger, slug, slug, "Europe/London") for slug in (SLUG, "bare")]
        for tenant in tenants:
            await ledger.actor_id(tenant, Actor("manager", "MANAGER"))
        await ledger.close()
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        for tenant in tenants:
            await admin.execute(f"SET scrip.tenant = '{tenant}'")
            await admin.execute(
                """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
                SELECT $1, uuidv7(), 'customer-' || n, 'Customer ' || n, now(), now()
                FROM generate_series(0, $2 - 1) AS n""",
                tenant,
                rows,
            )
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return file, tenants[0], tenants[1]


def _cpu(rig: Rig, server: Server | None) -> Cpu:
    pid = None if server is None else server.pid
    return cpu_now(server=pid, postmaster=rig.postmaster, driver=psutil.Process().pid)


def _post(rig: Rig, server: Server, file: Path, tenant: UUID) -> Run:
    """Send the file to the server, and wait until its worker has posted it."""
    headers = {"content-type": "text/csv", "authorization": _bearer(rig), "idempotency-key": "file"}

    before, began = _cpu(rig, server), time.perf_counter()
    with httpx.Client(timeout=LIMIT_S) as client:
        url = f"http://127.0.0.1:{server.port}{PATH}?asset=GBP&reason=GOODWILL"
        client.post(url, content=file.open("rb"), headers=headers).raise_for_status()
    taken_in_s = time.perf_counter() - began
    asyncio.run(_until_done(rig, tenant))
    return Run(taken_in_s, time.perf_counter() - began, _cpu(rig, server) - before)


def _reverse(rig: Rig, server: Server, tenant: UUID) -> Run:
    """Have the file taken back, and wait until the worker has done it."""
    operation = asyncio.run(_operation(rig, tenant))
    given = {"operationId": str(global_id("BulkOperation", operation)), "idempotencyKey": "back"}
    before, began = _cpu(rig, server), time.perf_counter()
    with httpx.Client(timeout=LIMIT_S) as client:
        answer = client.post(
            f"http://127.0.0.1:{server.port}/graphql",
            json={"query": _REVERSE, "variables": {"input": given}},
            headers={"authorization": _bearer(rig)},
        ).raise_for_status()
    taken_in_s = time.perf_counter() - began
    if '"userErrors":[]' not in answer.text:
        raise RuntimeError(answer.text)
    asyncio.run(_until_done(rig, tenant))
    return Run(taken_in_s, time.perf_counter() - began, _cpu(rig, server) - before)


def _bearer(rig: Rig) -> str:
    issued_at = datetime.now(UTC)
    token = make_token(
        rig.settings, tenant=SLUG, role=Role.MANAGER, subject="manager", issued_at=issued_at, token_id=SLUG, ttl="1d"
    )
    return f"Bearer {token}"


async def _operation(rig: Rig, tenant: UUID) -> UUID:
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        operation: UUID = await admin.fetchval("SELECT id FROM bulk_operations WHERE tenant_id = $1", tenant)
        return operation
    finally:
        await admin.close()


async def _until_done(rig: Rig, tenant: UUID) -> None:
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        for _ in itertools.repeat(None, int(LIMIT_S / POLL_S)):
            newest = "SELECT status FROM bulk_operations WHERE tenant_id = $1 ORDER BY created_at DESC LIMIT 1"
            status = await admin.fetchval(newest, tenant)
            if status not in ("QUEUED", "RUNNING"):
                break
            await asyncio.sleep(POLL_S)
        if status != "COMPLETED":
            raise RuntimeError(f"it ended as {status}")
    finally:
        await admin.close()


async def _prove(rig: Rig, tenant: UUID) -> tuple[int, int]:
    async with open_database(rig.urls.app, pool_min=1, pool_max=2):
        proof = await verify(tenant)
    return proof.entries, sum(proof.found.values())


async def _bare(rig: Rig, file: Path, tenant: UUID) -> Run:
    """As the tables' owner, since the app may make no temporary tables; row security binds the owner too."""
    owner = await asyncpg.connect(rig.urls.owner)
    try:
        before, began = _cpu(rig, None), time.perf_counter()
        async with owner.transaction():
            await owner.execute(f"SET LOCAL scrip.tenant = '{tenant}'")
            await owner.execute("CREATE TEMP TABLE given (customer text, amount numeric)")
            await owner.copy_to_table("given", source=str(file), format="csv", header=True)
            for statement in _BARE:
                await owner.execute(statement, *([tenant] if "$1" in statement else []))
        return Run(0.0, time.perf_counter() - began, _cpu(rig, None) - before)
    finally:  # not before: of a process that has ended the time may not be there yet
        await owner.close()


_BARE: Final = (
    """CREATE TEMP TABLE bare AS
    SELECT c.id AS customer_id, (g.amount * 100)::bigint AS amount_minor, gen_random_uuid() AS account_id,
        gen_random_uuid() AS transaction_id, gen_random_uuid() AS credit_id, row_number() OVER () - 1 AS n, a.id AS actor_id
    FROM given g JOIN customers c ON c.external_id = g.customer CROSS JOIN actors a""",
    """INSERT INTO accounts (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
    SELECT $1, account_id, customer_id, 'GBP', 0, 0, 0, now() FROM bare""",
    """INSERT INTO transactions (tenant_id, id, customer_id, kind, reason, actor_id, created_at)
    SELECT $1, transaction_id, customer_id, 'ADJUSTMENT', 'GOODWILL', actor_id, now() FROM bare""",
    """INSERT INTO credits (tenant_id, id, account_id, transaction_id, amount_minor, remaining_minor, effective_on,
        starts_at, restricted, auto_apply, created_at, counts, gone_minor, opened_sequence)
    SELECT $1, credit_id, account_id, transaction_id, amount_minor, amount_minor, current_date, now(), false, true, now(),
        true, 0, 1
    FROM bare""",
    """INSERT INTO entries (tenant_id, id, account_id, sequence, transaction_id, credit_id, counter, amount_minor,
        lifetime_minor, balance_after_minor, created_at, hash)
    SELECT $1, gen_random_uuid(), account_id, 1, transaction_id, credit_id, 'ISSUED', amount_minor, amount_minor,
        amount_minor, now(), sha256(uuid_send(account_id)) FROM bare""",
    """UPDATE accounts a SET balance_minor = b.amount_minor, lifetime_minor = b.amount_minor, sequence = 1,
        head_hash = sha256(uuid_send(b.account_id)), posted_at = now()
    FROM bare b WHERE a.tenant_id = $1 AND a.id = b.account_id""",
    """WITH made AS (
        INSERT INTO bulk_operations (tenant_id, id, status, asset, error_policy, dry_run, total, processed, succeeded,
            failed, actor_id, cancel_requested, created_at, finished_at)
        SELECT $1, gen_random_uuid(), 'COMPLETED', 'GBP', 'REJECT_ALL', false, count(*), count(*), count(*), 0,
            min(actor_id::text)::uuid, false, now(), now() FROM bare RETURNING id)
    INSERT INTO bulk_rows (tenant_id, id, operation_id, row, customer_id, amount, transaction_id)
    SELECT $1, gen_random_uuid(), made.id, n, customer_id, amount_minor / 100.0, transaction_id FROM bare, made""",
)

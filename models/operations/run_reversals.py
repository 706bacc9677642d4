"""Process a queued reversal of a bulk (models/operations/reverse_bulk.py): its rows in chunks, the last first.

Each chunk is one unit: what is taken back of its rows, their marks, the report on each and the operation's progress are one
transaction. So a run that died is resumed after its last chunk. No row waits in a table meanwhile: which are left is
read from the bulk itself, from where the report ends.

A dry run plans all rows on one snapshot of the books, each person's one after the other, and only reports.
"""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from models.commands import ReverseRows, RowToReverse
from models.kinds import BulkStatus
from models.ledger import Ledger
from models.loading.accounts import load_facts, read_accounts, read_customers
from models.loading.credits import load_credits, load_opened, load_spend_records
from models.loading.named import load_reversed_rows
from models.loading.senders import load_senders
from models.operations.bulk_claims import finish, keep_claim
from models.operations.bulk_row import RunningBulk
from models.planning.bulk_rows import row_key
from models.planning.columns import to_json
from models.planning.drafts import RowReport
from models.planning.reversing import needs, plan
from models.planning.state import AccountState, Books, PostingContext
from models.session import TenantConnection, tenant_transaction
from models.texts import Texts
from turns.slices import each_in_slices, in_slices

CHUNK_ROWS: Final = 500
CHUNKS_PER_RUN: Final = 20
"""Maximum chunks of one reversal before the next tenant's turn."""
ROWS_AT_ONCE: Final = 2_000
"""Rows of a dry run that are planned at a time, and the rest of the last one's person."""
_AFTER_ALL: Final = 2**31 - 1
"""A number after the last row's."""


async def run_reversal(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    """Take back as many rows as are a run's, or report on all. Returns the number of rows settled, at least 1.

    Raises ClaimLost, Busy.
    """
    if bulk.dry_run:
        return await _report(ledger, tenant_id, bulk)
    before, done = await _settled_to(tenant_id, bulk), 0
    for _ in range(CHUNKS_PER_RUN):
        if not await keep_claim(ledger, tenant_id, bulk):
            return done + await finish(ledger, tenant_id, bulk, BulkStatus.CANCELLED)
        rows = await _left(tenant_id, bulk, before)
        if not rows:
            return done + await finish(ledger, tenant_id, bulk, BulkStatus.COMPLETED)
        before = rows[-1].row
        command = _command(bulk, rows)
        key = f"{row_key(bulk.id, rows[0].row)}+"
        await ledger.submit(tenant_id, bulk.actor, "reverseRows", command, needs(rows), key)
        done += len(rows)
    return done


def _command(bulk: RunningBulk, rows: tuple[RowToReverse, ...]) -> ReverseRows:
    texts = bulk.command["texts"]
    return ReverseRows(bulk.id, rows, bulk.command["note"], None if texts is None else Texts.of_json(texts))


async def _settled_to(tenant_id: UUID, bulk: RunningBulk) -> int:
    """The number of the last row that was settled: all that are left come before it."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        found: int | None = await connection.raw.fetchval(
            'SELECT "row" FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY "row" LIMIT 1',
            tenant_id,
            bulk.id,
        )
    return _AFTER_ALL if found is None else found


async def _left(tenant_id: UUID, bulk: RunningBulk, before: int) -> tuple[RowToReverse, ...]:
    """The next posted rows before that one that are not taken back, the last first."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        while True:
            found = await connection.raw.fetch(_NEXT, tenant_id, bulk.reverses_id, before, CHUNK_ROWS)
            rows = [row for row in found if not row["is_back"]]
            if rows or not found:
                return tuple(await each_in_slices(lambda row: _to_reverse(bulk, row), rows))
            before = found[-1]["row"]


_ROWS: Final = """SELECT r.id, r."row", r.transaction_id, coalesce((r.details->>'moved')::numeric, r.amount) AS amount,
    r.details->>'asset' AS asset, coalesce(c.merged_into_id, r.customer_id) AS customer_id, m.id IS NOT NULL AS is_back
    FROM {rows} r
    LEFT JOIN LATERAL (SELECT id FROM reversed_rows WHERE tenant_id = $1 AND id = r.id OFFSET 0) AS m ON true
    LEFT JOIN LATERAL (
        SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND id = r.customer_id OFFSET 0) AS c ON true"""
# Some rows first, and then which of them are back: the planner takes those that are not for few, and would sort all.
_SOME: Final = """(SELECT * FROM bulk_rows
    WHERE tenant_id = $1 AND operation_id = $2 AND "row" < $3 AND transaction_id IS NOT NULL
    ORDER BY "row" DESC LIMIT $4)"""
_NEXT: Final = f"""{_ROWS.format(rows=_SOME)} ORDER BY r."row" DESC"""


def _to_reverse(bulk: RunningBulk, row: Any) -> RowToReverse:
    return RowToReverse(
        row["id"], row["row"], row["transaction_id"], row["customer_id"], row["asset"] or bulk.asset, row["amount"]
    )


async def _report(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    """Report on every row as if it were taken back now."""
    done = 0
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        async for rows in _by_person(connection, bulk):
            books = await _unlocked_books(ledger, connection, bulk, rows)
            await in_slices(plan(books, PostingContext(bulk.actor, None, bulk.id), _command(bulk, rows)))
            goes_on = await keep_claim(ledger, tenant_id, bulk)
            await _keep_reports(tenant_id, bulk, books.writes.row_reports)
            done += len(rows)
            if not goes_on:
                return done + await finish(ledger, tenant_id, bulk, BulkStatus.CANCELLED)
    return done + await finish(ledger, tenant_id, bulk, BulkStatus.COMPLETED)


async def _by_person(connection: TenantConnection, bulk: RunningBulk) -> AsyncIterator[tuple[RowToReverse, ...]]:
    """The rows that are not taken back and not reported on, in batches that never split a person's rows."""
    lot: list[RowToReverse] = []
    cursor = connection.raw.cursor(
        f"""{_ROWS.format(rows="bulk_rows")}
        LEFT JOIN LATERAL (
            SELECT id FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $3 AND "row" = r."row" OFFSET 0
        ) AS told ON true
        WHERE r.tenant_id = $1 AND r.operation_id = $2 AND r.transaction_id IS NOT NULL AND m.id IS NULL AND told.id IS NULL
        ORDER BY customer_id, r."row" DESC""",
        connection.tenant_id,
        bulk.reverses_id,
        bulk.id,
        prefetch=ROWS_AT_ONCE,
    )
    async for row in cursor:
        if len(lot) >= ROWS_AT_ONCE and lot[-1].customer_id != row["customer_id"]:
            yield tuple(lot)
            lot = []
        lot.append(_to_reverse(bulk, row))
    if lot:
        yield tuple(lot)


async def _unlocked_books(
    ledger: Ledger, connection: TenantConnection, bulk: RunningBulk, rows: tuple[RowToReverse, ...]
) -> Books:
    """The books for these rows, unlocked. Accounts that a merge left without any exist in memory only."""
    now, wanted = ledger.clock(), needs(rows)
    accounts = await read_accounts(connection, set(wanted.accounts))
    customers = await read_customers(connection, {row.customer_id for row in rows})
    version, _ = await load_facts(connection, accounts, now)
    for key in set(wanted.accounts) - accounts.keys():
        accounts[key] = AccountState(ledger.source.new_id(), *key, 0, 0, 0, None, None)
    books = Books(
        config=await ledger.configurations.at_version(connection, version),
        now=now,
        source=ledger.source,
        customers=customers,
        accounts=accounts,
        accounts_by_id={a.id: a for a in accounts.values()},
    )
    books.reversed_rows = await load_reversed_rows(connection, set(wanted.bulk_rows))
    books.opened = await load_opened(connection, set(wanted.opened_by))
    books.spend_records = await load_spend_records(connection, set(wanted.reversed_transactions))
    await load_credits(connection, books, [wanted])
    await load_senders(connection, books, [bulk.actor])
    return books


async def _keep_reports(tenant_id: UUID, bulk: RunningBulk, reports: list[RowReport]) -> None:
    """Keep what would become of these rows. Nothing was posted: they have no transaction."""
    said = [(None if report.error is None else to_json(report.error), to_json(report.details)) for report in reports]
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            """INSERT INTO bulk_rows (tenant_id, id, operation_id, "row", customer_id, amount, error, details)
            SELECT t.id, u.id, $2, u."row", u.customer_id, u.amount, u.error::jsonb, u.details::jsonb
            FROM tenants t CROSS JOIN
                unnest($3::uuid[], $4::int[], $5::uuid[], $6::numeric[], $7::text[], $8::text[])
                AS u(id, "row", customer_id, amount, error, details)
            WHERE t.id = $1""",
            tenant_id,
            bulk.id,
            [report.id for report in reports],
            [report.row for report in reports],
            [report.customer_id for report in reports],
            [report.amount for report in reports],
            [error for error, _ in said],
            [details for _, details in said],
        )

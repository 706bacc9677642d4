"""Validate every row of a queued bulk as if posted now, on one snapshot of the books."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Final
from uuid import UUID

from models.commands import RowAdjustment
from models.kinds import CounterScope
from models.ledger import Ledger
from models.loading.accounts import load_facts, read_accounts, read_customers
from models.loading.counters import counters_needed, read_counters
from models.loading.credits import load_credits
from models.loading.senders import load_senders
from models.operations.bulk_row import RunningBulk, adjustment
from models.planning.bulk_rows import RowOutcome, needs, plan_each
from models.planning.state import AccountState, Books, CounterKey, CounterState, PostingContext
from models.session import TenantConnection, tenant_transaction
from turns.slices import each_in_slices, in_slices

ROWS_AT_ONCE: Final = 2_000

MarkErrors = Callable[[Sequence[RowOutcome]], Awaitable[bool]]
"""Records rows' errors, and what they would move, and returns whether to continue."""


async def validate(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk, mark: MarkErrors) -> int | None:
    """Return the number of bad rows, including those known before; None once `mark` says to stop.

    A customer's rows see each other, and all rows count against the actor's day, in the order in which they are posted:
    but where a customer has several rows, those in later batches count with the one in the first.
    """
    carried: dict[CounterKey, CounterState] = {}
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        bad = await connection.raw.fetchval(
            "SELECT count(*) FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL",
            tenant_id,
            bulk.id,
        )
        lots = _by_customer(connection, bulk)
        coming = asyncio.create_task(_next(lots))
        try:
            while rows := await coming:
                books = await _unlocked_books(ledger, connection, bulk, rows, carried)
                coming = asyncio.create_task(_next(lots))  # fetched while these are looked at
                context = PostingContext(bulk.actor, None, bulk.id)
                outcomes = await in_slices(plan_each(books, context, bulk.id, rows, _once(rows)))
                bad += sum(outcome.error is not None for outcome in outcomes)
                if not await mark(outcomes):
                    return None
        finally:  # the transaction must not end before what is done in it
            await asyncio.gather(coming, return_exceptions=True)
    return int(bad)


async def _next(lots: AsyncIterator[tuple[RowAdjustment, ...]]) -> tuple[RowAdjustment, ...]:
    return await anext(lots, None) or ()


async def _by_customer(connection: TenantConnection, bulk: RunningBulk) -> AsyncIterator[tuple[RowAdjustment, ...]]:
    """The rows not known to be bad, in batches that never split a customer's rows: by each customer's first row, and within
    a batch in order."""
    lot: list[RowAdjustment] = []
    cursor = await connection.raw.cursor(
        """SELECT "row", customer_id, amount, details, min("row") OVER (PARTITION BY customer_id) AS first
        FROM (
            SELECT r."row", coalesce(c.merged_into_id, r.customer_id) AS customer_id, r.amount, r.details::text
            FROM bulk_rows r LEFT JOIN LATERAL (
                SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND id = r.customer_id OFFSET 0) AS c ON true
            WHERE r.tenant_id = $1 AND r.operation_id = $2 AND r.transaction_id IS NULL AND r.error IS NULL
        ) AS r
        ORDER BY first, "row" """,
        connection.tenant_id,
        bulk.id,
    )
    while rows := await cursor.fetch(ROWS_AT_ONCE):
        for row in await each_in_slices(partial(adjustment, bulk), rows):
            if len(lot) >= ROWS_AT_ONCE and lot[-1].adjustment.customer_id != row.adjustment.customer_id:
                yield _in_order(lot)
                lot = []
            lot.append(row)
    if lot:
        yield _in_order(lot)


def _once(rows: tuple[RowAdjustment, ...]) -> set[UUID]:
    """The customers with one row: no other one sees what becomes of it."""
    times = Counter([row.adjustment.customer_id for row in rows])
    return {customer_id for customer_id, number in times.items() if number == 1}


def _in_order(rows: list[RowAdjustment]) -> tuple[RowAdjustment, ...]:
    return tuple(sorted(rows, key=attrgetter("row")))


async def _unlocked_books(
    ledger: Ledger,
    connection: TenantConnection,
    bulk: RunningBulk,
    rows: tuple[RowAdjustment, ...],
    carried: dict[CounterKey, CounterState],
) -> Books:
    """The books for these rows, unlocked. Missing accounts exist in memory only, to add to."""
    now, wanted = ledger.clock(), await in_slices(needs(rows))
    customers_wanted = {row.adjustment.customer_id for row in rows}
    accounts = await read_accounts(connection, set(wanted.accounts))
    customers = await read_customers(connection, customers_wanted)
    version, _ = await load_facts(connection, accounts, now)
    for row in rows:
        key = (row.adjustment.customer_id, row.adjustment.asset)
        if row.adjustment.amount > 0 and key not in accounts:
            accounts[key] = AccountState(ledger.source.new_id(), *key, 0, 0, 0, None, None)
    books = Books(
        config=await ledger.configurations.at_version(connection, version),
        now=now,
        source=ledger.source,
        customers=customers,
        accounts=accounts,
        accounts_by_id={a.id: a for a in accounts.values()},
    )
    counters = counters_needed(books.config, now, [(bulk.actor, key) for key in wanted.limited])
    books.counters = await read_counters(connection, counters) | {
        key: counter for key, counter in carried.items() if key in counters
    }
    carried.update((key, counter) for key, counter in books.counters.items() if key[0] == CounterScope.PER_ACTOR_DAY)
    await load_credits(connection, books, [wanted])
    await load_senders(connection, books, [bulk.actor])
    return books

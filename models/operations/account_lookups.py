"""Unlocked look-ups: the accounts of credits, assignments, invoices and transactions, each on its customer's surviving
record. Only a merge changes them, and a posting follows that under its locks (models/persons.py)."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from models.loading.credits import credits_by_id
from models.lookups import each
from models.operations.together import Together
from models.planning.state import AccountKey
from models.session import TenantConnection, tenant_transaction


async def accounts_of_credits(tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, AccountKey]:
    """The account of each credit that exists."""
    return await _ACCOUNTS_OF_CREDITS.ask(tenant_id, *ids)


async def _of_credits(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, AccountKey]:
    rows = await connection.raw.fetch(
        f"""SELECT c.id, coalesce(p.merged_into_id, p.id), a.asset FROM {each("id uuid")} k
        JOIN credits c ON c.tenant_id = $1 AND c.id = k.id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN customers p ON p.tenant_id = $1 AND p.id = a.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


_ACCOUNTS_OF_CREDITS: Final = Together(_of_credits)


async def accounts_of_assignments(tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, AccountKey]:
    """The account that each assignment took from."""
    return await _ACCOUNTS_OF_ASSIGNMENTS.ask(tenant_id, *ids)


async def _of_assignments(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, AccountKey]:
    rows = await connection.raw.fetch(
        f"""SELECT g.id, coalesce(p.merged_into_id, p.id), a.asset FROM {each("id uuid")} k
        JOIN assignments g ON g.tenant_id = $1 AND g.id = k.id
        JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN customers p ON p.tenant_id = $1 AND p.id = a.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


_ACCOUNTS_OF_ASSIGNMENTS: Final = Together(_of_assignments)


async def accounts_of_invoices(tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, AccountKey]:
    """The customer and currency of each invoice: the key of the account that can pay it, which may not exist."""
    return await _ACCOUNTS_OF_INVOICES.ask(tenant_id, *ids)


async def _of_invoices(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, AccountKey]:
    rows = await connection.raw.fetch(
        f"""SELECT i.id, coalesce(p.merged_into_id, p.id), i.currency FROM {each("id uuid")} k
        JOIN invoices i ON i.tenant_id = $1 AND i.id = k.id
        JOIN customers p ON p.tenant_id = $1 AND p.id = i.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


_ACCOUNTS_OF_INVOICES: Final = Together(_of_invoices)


async def accounts_of_transactions(tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, AccountKey]:
    """The customer and asset of each transaction with entries; of any of them, if they are on several accounts."""
    return await _ACCOUNTS_OF_TRANSACTIONS.ask(tenant_id, *ids)


async def _of_transactions(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, AccountKey]:
    rows = await connection.raw.fetch(
        f"""SELECT t.id, coalesce(p.merged_into_id, p.id), a.asset FROM {each("id uuid")} k
        JOIN transactions t ON t.tenant_id = $1 AND t.id = k.id
        JOIN customers p ON p.tenant_id = $1 AND p.id = t.customer_id
        CROSS JOIN LATERAL (
            SELECT m.account_id FROM (
                SELECT account_id FROM entries WHERE tenant_id = $1 AND transaction_id = t.id OFFSET 0
            ) AS m LIMIT 1
        ) AS e
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


_ACCOUNTS_OF_TRANSACTIONS: Final = Together(_of_transactions)


async def accounts_of_holds(tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, tuple[AccountKey, UUID | None]]:
    """The account that each hold is on, and the invoice that it is for."""
    return await _ACCOUNTS_OF_HOLDS.ask(tenant_id, *ids)


async def _of_holds(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, tuple[AccountKey, UUID | None]]:
    rows = await connection.raw.fetch(
        f"""SELECT h.id, coalesce(p.merged_into_id, p.id), a.asset, h.invoice_id FROM {each("id uuid")} k
        JOIN holds h ON h.tenant_id = $1 AND h.id = k.id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = h.home_id
        JOIN customers p ON p.tenant_id = $1 AND p.id = a.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: ((row[1], row[2]), row[3]) for row in rows}


_ACCOUNTS_OF_HOLDS: Final = Together(_of_holds)


async def credit_as_it_is_now(tenant_id: UUID, credit_id: UUID) -> UUID:
    """The id of the credit itself, or of its latest successor after merges."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        found = await credits_by_id(connection, {credit_id})
    return found[credit_id].id

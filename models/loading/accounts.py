"""Accounts and their customers, locked or unlocked; and the parts of balances that cannot be spent."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.loading.holds import load_held
from models.loading.locked_elsewhere import LockedElsewhere
from models.lookups import each
from models.planning.columns import maker, selected
from models.planning.state import AccountKey, AccountState, CustomerState
from models.session import TenantConnection
from turns.slices import each_in_slices, in_slices
from turns.steps import Steps

_CUSTOMER_COLUMNS: Final = selected(CustomerState, erased="erased_at IS NOT NULL")
_ACCOUNT_COLUMNS: Final = selected(AccountState)
_BESIDE_A_CUSTOMER: Final = "account_"
"""Prefix of an account's column names in a row that also has its customer's columns."""
_NO_ASSET: Final = ""
"""Sorts before every asset: for a customer without an account."""


async def lock_accounts(
    connection: TenantConnection, keys: set[AccountKey], customers: set[UUID], *, wait: bool
) -> tuple[dict[AccountKey, AccountState], dict[UUID, CustomerState]]:
    """Lock these customers and the accounts' customers, against erasures and merges; and the existing accounts.

    Without `wait`, only rows that no other transaction has locked. One look-up after another, in the order of the
    keys, each customer before the accounts: a plan made for small tables cannot choose otherwise.
    """
    alone = {(customer, _NO_ASSET) for customer in customers - {customer for customer, _ in keys}}
    ids, assets = _columns(keys | alone)
    skip = "" if wait else "SKIP LOCKED"
    rows = await connection.raw.fetch(
        f"""SELECT c.*, a.* FROM unnest($2::uuid[], $3::text[]) AS k(customer_id, asset)
        CROSS JOIN LATERAL (
            SELECT {_CUSTOMER_COLUMNS} FROM customers WHERE tenant_id = $1 AND id = k.customer_id FOR KEY SHARE {skip}
        ) AS c
        LEFT JOIN LATERAL (
            SELECT {selected(AccountState, prefix=_BESIDE_A_CUSTOMER)} FROM accounts
            WHERE tenant_id = $1 AND customer_id = c.id AND asset = k.asset FOR NO KEY UPDATE {skip}
        ) AS a ON true""",
        connection.tenant_id,
        ids,
        assets,
    )
    return await in_slices(_locked(rows))


def _locked(rows: list[Any]) -> Steps[tuple[dict[AccountKey, AccountState], dict[UUID, CustomerState]]]:
    found: dict[UUID, CustomerState] = {}
    accounts: dict[AccountKey, AccountState] = {}
    customer, account = maker(CustomerState, rows), maker(AccountState, rows, _BESIDE_A_CUSTOMER)
    for row in rows:
        if row["id"] not in found:
            found[row["id"]] = customer(row)
        if row["account_id"] is not None:
            state = account(row)
            accounts[state.customer_id, state.asset] = state
        yield
    return accounts, found


async def lock_to_merge(
    connection: TenantConnection, ids: set[UUID]
) -> tuple[dict[UUID, CustomerState], list[AccountKey]]:
    """Lock the customers exclusively, with their accounts: nothing is posted to them until this transaction ends."""
    rows = await connection.raw.fetch(
        f"""SELECT {_CUSTOMER_COLUMNS} FROM {each("asked uuid")} k
        JOIN customers c ON c.tenant_id = $1 AND c.id = k.asked ORDER BY c.id FOR UPDATE OF c""",
        connection.tenant_id,
        in_order(ids),
    )
    return _customers(rows), await accounts_of(connection, ids)


async def accounts_of(connection: TenantConnection, ids: set[UUID]) -> list[AccountKey]:
    """Return the accounts that these customers' records have."""
    rows = await connection.raw.fetch(
        f"""SELECT a.customer_id, a.asset FROM {each("customer_id uuid")} k
        JOIN accounts a ON a.tenant_id = $1 AND a.customer_id = k.customer_id""",
        connection.tenant_id,
        in_order(ids),
    )
    return [(row["customer_id"], row["asset"]) for row in rows]


def in_order(ids: Iterable[UUID]) -> list[UUID]:
    """Sort by bytes, as PostgreSQL does; in Python that is also eight times as fast."""
    return sorted(ids, key=_bytes)


def _bytes(row_id: UUID) -> bytes:
    return row_id.bytes


async def customers_locked_elsewhere(connection: TenantConnection, customers: set[UUID]) -> set[UUID]:
    """Of these customers, which could not be locked, return those that exist: an erasure or a merge holds them."""
    rows = await connection.raw.fetch(
        f"SELECT c.id FROM {each('id uuid')} k JOIN customers c ON c.tenant_id = $1 AND c.id = k.id",
        connection.tenant_id,
        in_order(customers),
    )
    return {row["id"] for row in rows}


async def read_accounts(connection: TenantConnection, keys: Iterable[AccountKey]) -> dict[AccountKey, AccountState]:
    """Read the accounts that exist, unlocked."""
    customers, assets = _columns(keys)
    rows = await connection.raw.fetch(
        f"""SELECT a.* FROM unnest($2::uuid[], $3::text[]) AS k(customer_id, asset)
        CROSS JOIN LATERAL (
            SELECT {_ACCOUNT_COLUMNS} FROM accounts
            WHERE tenant_id = $1 AND customer_id = k.customer_id AND asset = k.asset OFFSET 0
        ) AS a""",
        connection.tenant_id,
        customers,
        assets,
    )
    return await _accounts(rows)


async def accounts_locked_elsewhere(connection: TenantConnection, missing: Iterable[AccountKey]) -> set[AccountKey]:
    """Return the accounts that exist after all: another transaction holds them, or has just opened them."""
    customers, assets = _columns(missing)
    rows = await connection.raw.fetch(
        """SELECT a.customer_id, a.asset FROM unnest($2::uuid[], $3::text[]) AS k(customer_id, asset)
        CROSS JOIN LATERAL (
            SELECT customer_id, asset FROM accounts
            WHERE tenant_id = $1 AND customer_id = k.customer_id AND asset = k.asset OFFSET 0
        ) AS a""",
        connection.tenant_id,
        customers,
        assets,
    )
    return {(row["customer_id"], row["asset"]) for row in rows}


async def open_accounts(
    connection: TenantConnection, keys: Iterable[AccountKey], ids: list[UUID], now: datetime | None
) -> dict[AccountKey, AccountState]:
    """Open the missing accounts of existing customers, except those that another transaction opens meanwhile.

    now: None for the database's time. Raises LockedElsewhere if another transaction has not finished opening one.
    """
    customers, assets = _columns(keys)
    try:
        rows = await _insert(connection, ids, customers, assets, now)
    except asyncpg.LockNotAvailableError:
        raise LockedElsewhere(("new account", *key) for key in zip(customers, assets, strict=True)) from None
    return await _accounts(rows)


async def _insert(
    connection: TenantConnection, ids: list[UUID], customers: list[UUID], assets: list[str], now: datetime | None
) -> list[Any]:
    rows: list[Any] = await connection.raw.fetch(
        f"""INSERT INTO accounts (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
        SELECT c.tenant_id, k.id, k.customer_id, k.asset, 0, 0, 0, coalesce($5::timestamptz, clock_timestamp())
        FROM {each("id uuid", "customer_id uuid", "asset text")} k
        JOIN customers c ON c.tenant_id = $1 AND c.id = k.customer_id
        ORDER BY k.customer_id, k.asset
        ON CONFLICT (tenant_id, customer_id, asset) DO NOTHING
        RETURNING {_ACCOUNT_COLUMNS}""",
        connection.tenant_id,
        ids,
        customers,
        assets,
        await connection.instant(now),
    )
    return rows


async def close_accounts(connection: TenantConnection, ids: list[UUID]) -> None:
    """Delete accounts that this transaction has opened."""
    await connection.raw.execute(
        f"DELETE FROM accounts a USING {each('id uuid')} k WHERE a.tenant_id = $1 AND a.id = k.id",
        connection.tenant_id,
        ids,
    )


def _columns(keys: Iterable[AccountKey]) -> tuple[list[UUID], list[str]]:
    ordered = sorted(keys, key=_customer_and_asset)
    return [customer for customer, _ in ordered], [asset for _, asset in ordered]


def _customer_and_asset(key: AccountKey) -> tuple[bytes, str]:
    """Customer and asset, as `in_order` takes them."""
    return key[0].bytes, key[1]


async def _accounts(rows: list[Any]) -> dict[AccountKey, AccountState]:
    account = maker(AccountState, rows)
    return dict(await each_in_slices(lambda row: ((row["customer_id"], row["asset"]), account(row)), rows))


def _customers(rows: list[Any]) -> dict[UUID, CustomerState]:
    customer = maker(CustomerState, rows)
    return {row["id"]: customer(row) for row in rows}


async def load_facts(
    connection: TenantConnection, accounts: dict[AccountKey, AccountState], now: datetime | None
) -> tuple[int, datetime]:
    """Return the tenant's configuration version and the time: `now`, or else the database's. Set on each account the
    part of its balance that cannot be spent then.

    The query for that part is ordered like the one index that holds just those rows. What is held is only looked for on
    accounts that say that something may be.
    """
    by_id = {
        account.id: account for account in accounts.values() if account.sequence
    }  # without an entry it has no credit
    rows = await connection.raw.fetch(
        """WITH n AS MATERIALIZED (SELECT coalesce($3::timestamptz, clock_timestamp()) AS now)
        SELECT t.config_version + (SELECT count(*) FROM currencies c WHERE c.tenant_id = $1) AS version, n.now, k.account_id,
            (SELECT coalesce(sum(w.remaining_minor), 0)::bigint FROM (
                SELECT x.remaining_minor FROM credits x WHERE x.tenant_id = $1 AND x.account_id = k.account_id AND x.open
                    AND x.starts_at > n.now AND x.starts_at > x.created_at ORDER BY x.starts_at OFFSET 0
            ) AS w) AS scheduled_minor,
            (SELECT coalesce(sum(w.remaining_minor), 0)::bigint FROM (
                SELECT x.remaining_minor FROM credits x WHERE x.tenant_id = $1 AND x.account_id = k.account_id AND x.open
                    AND x.expires_at <= n.now ORDER BY x.expires_at OFFSET 0
            ) AS w) AS expired_minor
        FROM tenants t CROSS JOIN n LEFT JOIN unnest($2::uuid[]) AS k(account_id) ON true
        WHERE t.id = $1""",
        connection.tenant_id,
        list(by_id),
        await connection.instant(now),
    )

    def note(row: Any) -> None:
        if row["account_id"] is not None:
            account = by_id[row["account_id"]]
            account.scheduled_minor, account.expired_minor = row["scheduled_minor"], row["expired_minor"]

    await each_in_slices(note, rows)
    version, at = rows[0]["version"], rows[0]["now"]
    if holding := [a for a in accounts.values() if a.held_until is not None and a.held_until > at]:
        await load_held(connection, holding, at)
    return version, at


async def read_customers(connection: TenantConnection, ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
    """Read customers, unlocked."""
    rows = await connection.raw.fetch(
        f"SELECT {_CUSTOMER_COLUMNS} FROM {each('asked uuid')} k JOIN customers ON tenant_id = $1 AND id = k.asked",
        connection.tenant_id,
        in_order(ids),
    )
    return _customers(rows)


async def lock_customers(connection: TenantConnection, ids: set[UUID], *, skip: str) -> dict[UUID, CustomerState]:
    """Lock customers, as `lock_accounts` does."""
    rows = await connection.raw.fetch(
        f"""SELECT {_CUSTOMER_COLUMNS} FROM {each("asked uuid")} k
        JOIN customers c ON c.tenant_id = $1 AND c.id = k.asked ORDER BY c.id FOR KEY SHARE OF c {skip}""",
        connection.tenant_id,
        in_order(ids),
    )
    return _customers(rows)


async def homes_of(connection: TenantConnection, accounts: set[UUID]) -> dict[UUID, AccountKey]:
    """The accounts of merged customer records, each with the surviving record's account in the same asset."""
    rows = await connection.raw.fetch(
        f"""SELECT a.id, c.merged_into_id, a.asset FROM {each("id uuid")} k
        JOIN accounts a ON a.tenant_id = $1 AND a.id = k.id
        CROSS JOIN LATERAL (
            SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND id = a.customer_id OFFSET 0
        ) AS c
        WHERE c.merged_into_id IS NOT NULL""",
        connection.tenant_id,
        sorted(accounts),
    )
    return {row["id"]: (row["merged_into_id"], row["asset"]) for row in rows}

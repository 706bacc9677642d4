"""Accounts and whose they are, locked or as they stand; and what of the balances cannot be spent."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.planning.state import AccountKey, AccountState, CustomerState
from models.session import TenantConnection

_CUSTOMER_COLUMNS: Final = "id, membership_cancelled_at, merged_into_id, erased_at IS NOT NULL AS erased"
_KEPT: Final = "FOR KEY SHARE"
_ACCOUNT_COLUMNS: Final = "id, customer_id, asset, balance_minor, lifetime_minor, sequence, head_hash, posted_at"


async def lock_accounts(
    connection: TenantConnection, keys: Iterable[AccountKey], *, wait: bool
) -> dict[AccountKey, AccountState]:
    """Lock those of the accounts that exist; without `wait`, only those that nobody else holds."""
    return await _select_accounts(connection, keys, f"FOR NO KEY UPDATE {'' if wait else 'SKIP LOCKED'}")


async def read_accounts(connection: TenantConnection, keys: Iterable[AccountKey]) -> dict[AccountKey, AccountState]:
    """Those of the accounts that exist, as they stand, unlocked."""
    return await _select_accounts(connection, keys, "")


async def _select_accounts(
    connection: TenantConnection, keys: Iterable[AccountKey], locking: str
) -> dict[AccountKey, AccountState]:
    """One look-up after another, in the order of the keys: no plan made for small tables can do anything else."""
    customers, assets = _columns(keys)
    rows = await connection.raw.fetch(
        f"""SELECT a.* FROM unnest($2::uuid[], $3::text[]) AS k(customer_id, asset)
        CROSS JOIN LATERAL (
            SELECT {_ACCOUNT_COLUMNS} FROM accounts
            WHERE tenant_id = $1 AND customer_id = k.customer_id AND asset = k.asset {locking or "OFFSET 0"}
        ) AS a""",
        connection.tenant_id, customers, assets,
    )  # fmt: skip
    return _accounts(rows)


async def held_elsewhere(connection: TenantConnection, missing: Iterable[AccountKey]) -> set[AccountKey]:
    """Those of the accounts that exist after all: somebody holds them, or has just made them."""
    customers, assets = _columns(missing)
    rows = await connection.raw.fetch(
        """SELECT a.customer_id, a.asset FROM unnest($2::uuid[], $3::text[]) AS k(customer_id, asset)
        JOIN accounts a ON a.tenant_id = $1 AND a.customer_id = k.customer_id AND a.asset = k.asset""",
        connection.tenant_id, customers, assets,
    )  # fmt: skip
    return {(row["customer_id"], row["asset"]) for row in rows}


async def open_accounts(
    connection: TenantConnection, keys: Iterable[AccountKey], ids: list[UUID], now: datetime
) -> dict[AccountKey, AccountState]:
    """Make the accounts that are missing, of customers that exist. One that somebody else makes meanwhile is left out."""
    customers, assets = _columns(keys)
    rows = await connection.raw.fetch(
        f"""INSERT INTO accounts (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
        SELECT $1, k.id, k.customer_id, k.asset, 0, 0, 0, $5
        FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS k(id, customer_id, asset)
        JOIN customers c ON c.tenant_id = $1 AND c.id = k.customer_id
        ORDER BY k.customer_id, k.asset
        ON CONFLICT (tenant_id, customer_id, asset) DO NOTHING
        RETURNING {_ACCOUNT_COLUMNS}""",
        connection.tenant_id, ids, customers, assets, now,
    )  # fmt: skip
    return _accounts(rows)


def _columns(keys: Iterable[AccountKey]) -> tuple[list[UUID], list[str]]:
    ordered = sorted(keys)
    return [customer for customer, _ in ordered], [asset for _, asset in ordered]


def _accounts(rows: list[Any]) -> dict[AccountKey, AccountState]:
    return {(row["customer_id"], row["asset"]): AccountState(*row) for row in rows}


async def load_facts(
    connection: TenantConnection, customers: set[UUID], accounts: dict[AccountKey, AccountState], now: datetime, *,
    lock: bool,
) -> tuple[dict[UUID, CustomerState], int]:  # fmt: skip
    """Customers, the tenant's configuration version, and what of each account's balance cannot be spent at `now`.

    With `lock`, none of the customers is erased before the transaction is over: what it writes about them is there for
    the erasure to find. That waits for an erasure alone, and the foreign keys of what is posted take the same lock.
    """
    by_customer: list[tuple[UUID, UUID | None]] = [(a.customer_id, a.id) for a in accounts.values()]
    by_customer += [(customer, None) for customer in customers - {a.customer_id for a in accounts.values()}]
    rows = await connection.raw.fetch(
        f"""WITH c AS MATERIALIZED (
            SELECT {_CUSTOMER_COLUMNS} FROM customers WHERE tenant_id = $1 AND id = ANY($5)
            ORDER BY id {_KEPT if lock else ""})
        SELECT k.account_id, t.config_version, c.*,
            (SELECT coalesce(sum(x.remaining_minor), 0)::bigint FROM credits x WHERE x.tenant_id = $1
                AND x.account_id = k.account_id AND x.open AND x.starts_at > $4
                AND x.starts_at > x.created_at) AS scheduled_minor,
            (SELECT coalesce(sum(x.remaining_minor), 0)::bigint FROM credits x WHERE x.tenant_id = $1
                AND x.account_id = k.account_id AND x.open AND x.expires_at <= $4) AS expired_minor
        FROM tenants t
        LEFT JOIN unnest($2::uuid[], $3::uuid[]) AS k(customer_id, account_id) ON true
        LEFT JOIN c ON c.id = k.customer_id
        WHERE t.id = $1""",
        connection.tenant_id, [customer for customer, _ in by_customer], [account for _, account in by_customer], now,
        sorted({customer for customer, _ in by_customer}),
    )  # fmt: skip
    by_id = {account.id: account for account in accounts.values()}
    found = {row["id"]: _customer(row) for row in rows if row["id"] is not None}
    for row in rows:
        if row["account_id"] is not None:
            account = by_id[row["account_id"]]
            account.scheduled_minor, account.expired_minor = row["scheduled_minor"], row["expired_minor"]
    return found, rows[0]["config_version"]


async def lock_customers(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, CustomerState]:
    """Customers, locked as by `load_facts`."""
    rows = await connection.raw.fetch(
        f"SELECT {_CUSTOMER_COLUMNS} FROM customers WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id {_KEPT}",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: _customer(row) for row in rows}


def _customer(row: Any) -> CustomerState:
    return CustomerState(row["id"], row["membership_cancelled_at"], row["merged_into_id"], row["erased"])

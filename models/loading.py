"""What a batch needs, locked in the one order and read under the locks, into the books.

The order is always: accounts, limit counters, invoices, rewards, coupons, approval requests; accounts by customer and
asset, counters by their names, the others by id. Accounts that are missing
are made after the others are locked; waiting for somebody else's insert there cannot close a circle, since whoever
inserts waits for nothing but inserts, and all insert in the same order.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from models import limits
from models.commands import Actor
from models.planning import approving, calendar, requesting
from models.planning.credits import is_open, serves
from models.planning.needs import Needs, Spend
from models.planning.state import (
    AccountKey,
    AccountState,
    ApprovalState,
    AssignmentState,
    Books,
    CounterKey,
    CounterState,
    CouponState,
    CreditState,
    CustomerState,
    InvoiceState,
    PaymentState,
    ProductState,
    RewardState,
    SpendRecord,
    TenantConfig,
)
from models.session import TenantConnection

CREDITS_PER_LOAD: Final = (256, 8_192, 262_144, 8_388_608)
"""How many open credits of an account are read at first, and each time that those were not enough."""

_TIERS_LOCK: Final = 7_436_901
"""Any number, as long as nobody else takes it: the class of the advisory locks on tenants' tiers."""
_LIMITS_LOCK: Final = 7_436_902
"""Another one: the class of those on tenants' limits."""
_ACCOUNT_COLUMNS: Final = "id, customer_id, asset, balance_minor, lifetime_minor, sequence, head_hash, posted_at"
_CREDIT_COLUMNS: Final = """
    c.id, c.account_id, c.transaction_id, c.amount_minor, c.remaining_minor, c.effective_on, c.starts_at, c.expires_at,
    CASE WHEN c.restricted THEN ARRAY(SELECT s.service_id FROM credit_services s
                                      WHERE s.tenant_id = c.tenant_id AND s.credit_id = c.id ORDER BY 1)
         ELSE '{}' END AS service_ids,
    c.auto_apply, c.created_at, c.swept_at, c.voided_at"""


def keeping_tiers(tenant_id: UUID) -> str:
    """SQL for a transaction that writes changes of tier by the tiers it reads: until its end they stay as they are.

    Any number of such transactions go on side by side. To be run before the tiers' version is read. Costs no round trip
    where it travels with others, and writes no row.
    """
    return f"SELECT pg_advisory_xact_lock_shared({_TIERS_LOCK}, {_lock_key(tenant_id)})"


async def hold_tiers(connection: TenantConnection) -> None:
    """Wait for every transaction that is `keeping_tiers`, and keep others from beginning until this one ends."""
    key = _lock_key(connection.tenant_id)
    await connection.raw.execute(f"SELECT pg_advisory_xact_lock({_TIERS_LOCK}, {key})")


def keeping_limits(tenant_id: UUID) -> str:
    """As `keeping_tiers`, for a transaction that adds something by the limits it reads."""
    return f"SELECT pg_advisory_xact_lock_shared({_LIMITS_LOCK}, {_lock_key(tenant_id)})"


async def hold_limits(connection: TenantConnection) -> None:
    """As `hold_tiers`: once this transaction is over, nothing is posted by the limits as they were before it."""
    await connection.raw.execute(
        f"SELECT pg_advisory_xact_lock({_LIMITS_LOCK}, {_lock_key(connection.tenant_id)})"
    )


def _lock_key(tenant_id: UUID) -> int:
    """32 bits of the tenant's id. Two tenants that share them wait for each other, no more."""
    return int.from_bytes(UUID(str(tenant_id)).bytes[-4:], signed=True)


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
    connection: TenantConnection, customers: set[UUID], accounts: dict[AccountKey, AccountState], now: datetime
) -> tuple[dict[UUID, CustomerState], int]:
    """Customers, the tenant's configuration version, and what of each account's balance cannot be spent at `now`."""
    by_customer: list[tuple[UUID, UUID | None]] = [(a.customer_id, a.id) for a in accounts.values()]
    by_customer += [(customer, None) for customer in customers - {a.customer_id for a in accounts.values()}]
    rows = await connection.raw.fetch(
        """SELECT k.account_id, t.config_version, c.id, c.membership_cancelled_at, c.merged_into_id,
            c.erased_at IS NOT NULL AS erased,
            (SELECT coalesce(sum(x.remaining_minor), 0)::bigint FROM credits x WHERE x.tenant_id = $1
                AND x.account_id = k.account_id AND x.open AND x.starts_at > $4) AS scheduled_minor,
            (SELECT coalesce(sum(x.remaining_minor), 0)::bigint FROM credits x WHERE x.tenant_id = $1
                AND x.account_id = k.account_id AND x.open AND x.expires_at <= $4) AS expired_minor
        FROM tenants t
        LEFT JOIN unnest($2::uuid[], $3::uuid[]) AS k(customer_id, account_id) ON true
        LEFT JOIN customers c ON c.tenant_id = $1 AND c.id = k.customer_id
        WHERE t.id = $1""",
        connection.tenant_id, [customer for customer, _ in by_customer], [account for _, account in by_customer], now,
    )  # fmt: skip
    by_id = {account.id: account for account in accounts.values()}
    found: dict[UUID, CustomerState] = {}
    for row in rows:
        if row["id"] is not None:
            found[row["id"]] = CustomerState(
                row["id"], row["membership_cancelled_at"], row["merged_into_id"], row["erased"]
            )
        if row["account_id"] is not None:
            account = by_id[row["account_id"]]
            account.scheduled_minor, account.expired_minor = row["scheduled_minor"], row["expired_minor"]
    return found, rows[0]["config_version"]


def counters_needed(
    config: TenantConfig, now: datetime, limited: Iterable[tuple[Actor, AccountKey]]
) -> set[CounterKey]:
    """The day counters that bind these actors on these accounts."""
    day = calendar.local_date(now, config.zone)
    keys: set[CounterKey] = set()
    for actor, (customer_id, asset) in limited:
        if limits.rule_for(config, actor, asset) is not None:
            keys.update(limits.counter_keys(actor, customer_id, asset, day))
    return keys


async def lock_counters(
    connection: TenantConnection, keys: set[CounterKey], new_ids: list[UUID]
) -> dict[CounterKey, CounterState]:
    """Make and lock the counters, in the order of their names, in one statement (an update to itself locks a row)."""
    ordered = sorted(keys)
    scopes, roles, holders, assets, days = zip(*ordered, strict=True)
    rows = await connection.raw.fetch(
        """INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
        SELECT $1, k.id, k.scope, k.role, k.holder, k.asset, k.day, 0
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[])
            WITH ORDINALITY AS k(id, scope, role, holder, asset, day, nth)
        ORDER BY k.nth
        ON CONFLICT (tenant_id, scope, role, holder, asset, day) DO UPDATE SET used_minor = l.used_minor
        RETURNING scope, role, holder, asset, day, id, used_minor""",
        connection.tenant_id, new_ids, scopes, roles, holders, assets, days,
    )  # fmt: skip
    return {tuple(row)[:5]: CounterState(row["id"], row["used_minor"]) for row in rows}


async def read_counters(connection: TenantConnection, keys: set[CounterKey]) -> dict[CounterKey, CounterState]:
    """The counters as they stand, unlocked; one that does not exist yet stands at 0."""
    ordered = sorted(keys)
    if not ordered:
        return {}
    scopes, roles, holders, assets, days = zip(*ordered, strict=True)
    rows = await connection.raw.fetch(
        """SELECT l.scope, l.role, l.holder, l.asset, l.day, l.id, l.used_minor
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[]) AS k(scope, role, holder, asset, day)
        JOIN limit_counters l ON l.tenant_id = $1 AND (l.scope, l.role, l.holder, l.asset, l.day)
            = (k.scope, k.role, k.holder, k.asset, k.day)""",
        connection.tenant_id, scopes, roles, holders, assets, days,
    )  # fmt: skip
    found = {tuple(row)[:5]: CounterState(row["id"], row["used_minor"]) for row in rows}
    return {key: found.get(key, CounterState(UUID(int=0), 0)) for key in ordered}


async def load_invoices(connection: TenantConnection, ids: set[UUID], *, lock: bool) -> dict[UUID, InvoiceState]:
    """The invoices; of orders that sell credit also what each such line grants, and the grants that stand."""
    rows = await connection.raw.fetch(
        f"""SELECT id, number, customer_id, currency, total_minor, creditable_minor, paid_minor, credited_minor, status,
            issued_on, due_on, kind, voided_at
        FROM invoices WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id {"FOR NO KEY UPDATE" if lock else ""}""",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    invoices = {row["id"]: InvoiceState(*row) for row in rows}
    selling = [i.id for i in invoices.values() if i.creditable_minor < i.total_minor]
    if selling:
        await _load_grants(connection, invoices, selling)
    return invoices


async def _load_grants(connection: TenantConnection, invoices: dict[UUID, InvoiceState], selling: list[UUID]) -> None:
    lines = await connection.raw.fetch(
        """SELECT invoice_id, array_agg(quantity * unit_price_minor ORDER BY position) AS amounts FROM invoice_lines
        WHERE tenant_id = $1 AND invoice_id = ANY($2) AND kind = 'CREDIT' AND unit_price_minor > 0
        GROUP BY invoice_id""",
        connection.tenant_id, selling,
    )  # fmt: skip
    for row in lines:
        invoices[row["invoice_id"]].credit_lines = tuple(row["amounts"])
    grants = await connection.raw.fetch(
        """SELECT invoice_id, array_agg(credit_id ORDER BY id) AS credits FROM grants
        WHERE tenant_id = $1 AND invoice_id = ANY($2) AND revoked_transaction_id IS NULL GROUP BY invoice_id""",
        connection.tenant_id, selling,
    )  # fmt: skip
    for row in grants:
        invoices[row["invoice_id"]].grants = tuple(row["credits"])


async def load_assignments(connection: TenantConnection, needs: list[Needs]) -> dict[UUID, AssignmentState]:
    """The assignments that were named, and the live ones of the credits and invoices that were. Their accounts are locked,
    so that no others can come in between."""
    named = [i for n in needs for i in n.assignments]
    of_credits = [i for n in needs for i in n.assigned_credits]
    of_invoices = [i for n in needs for i in n.assigned_invoices]
    if not (named or of_credits or of_invoices):
        return {}
    columns = """a.id, a.credit_id, a.invoice_id, a.transaction_id, a.amount_minor, a.origin, a.assigned_at, a.released_at,
            (SELECT p.id FROM payments p WHERE p.tenant_id = $1 AND p.transaction_id = a.transaction_id) AS payment_id"""
    rows = await connection.raw.fetch(
        f"""SELECT {columns} FROM assignments a WHERE a.tenant_id = $1 AND a.id = ANY($2)
        UNION SELECT {columns} FROM assignments a
            WHERE a.tenant_id = $1 AND a.credit_id = ANY($3) AND a.released_at IS NULL
        UNION SELECT {columns} FROM assignments a
            WHERE a.tenant_id = $1 AND a.invoice_id = ANY($4) AND a.released_at IS NULL""",
        connection.tenant_id, named, of_credits, of_invoices,
    )  # fmt: skip
    return {row["id"]: AssignmentState(*row) for row in rows}


async def load_earned(connection: TenantConnection, ids: set[UUID]) -> set[UUID]:
    """Those of the credits whose opening counted towards the lifetime total. What a merge brought over counts, too: the
    total came with it."""
    rows = await connection.raw.fetch(
        """SELECT c.id FROM credits c
        JOIN transactions t ON t.tenant_id = $1 AND t.id = c.transaction_id
        WHERE c.tenant_id = $1 AND c.id = ANY($2) AND (t.kind = 'MERGE' OR EXISTS (
            SELECT FROM entries e WHERE e.tenant_id = $1 AND e.transaction_id = c.transaction_id AND e.credit_id = c.id
                AND e.lifetime_minor > 0))""",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"] for row in rows}


async def owing(connection: TenantConnection, customers: set[UUID]) -> set[UUID]:
    """Those of the customers with invoices that are open or part paid."""
    rows = await connection.raw.fetch(
        """SELECT DISTINCT customer_id FROM invoices
        WHERE tenant_id = $1 AND customer_id = ANY($2) AND status IN ('OPEN', 'PART_PAID')""",
        connection.tenant_id, sorted(customers),
    )  # fmt: skip
    return {row["customer_id"] for row in rows}


async def load_payments(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, PaymentState]:
    """Payments, under the locks of their invoices."""
    rows = await connection.raw.fetch(
        """SELECT id, invoice_id, amount_minor, method, received_on, voided_at, transaction_id FROM payments
        WHERE tenant_id = $1 AND id = ANY($2)""",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: PaymentState(*row) for row in rows}


async def load_spend_records(connection: TenantConnection, transactions: set[UUID]) -> list[SpendRecord]:
    """What these transactions took, credit by credit, as it was stored."""
    rows = await connection.raw.fetch(
        """SELECT transaction_id, sequence, credit_id, -amount_minor FROM entries
        WHERE tenant_id = $1 AND transaction_id = ANY($2) AND amount_minor < 0 ORDER BY account_id, sequence""",
        connection.tenant_id, sorted(transactions),
    )  # fmt: skip
    return [SpendRecord(*row) for row in rows]


async def load_coupons(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, CouponState]:
    """Coupons, locked."""
    rows = await connection.raw.fetch(
        """SELECT id, code, reward_id, customer_id, points_spent_minor, status, issued_at, expires_at, closed_at, terms,
            transaction_id, refund_transaction_id
        FROM coupons WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE""",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: _coupon(row) for row in rows}


def _coupon(row: Any) -> CouponState:
    coupon = CouponState(*row)
    coupon.terms = orjson.loads(row["terms"])
    return coupon


async def load_approvals(
    connection: TenantConnection, ids: set[UUID], now: datetime
) -> tuple[list[ApprovalState], dict[Actor, UUID]]:
    """Approval requests, locked, and the rows that stand for who asked.

    A partner whose client has been given tokens here needs one that is still good for what was asked for. Of anybody
    else's rights nothing is known here: whoever issues their tokens answers for them.
    """
    rows = await connection.raw.fetch(
        """SELECT r.id, r.operation, r.command, r.customer_id, r.status, r.requested_by_id, r.created_at, r.expires_at,
            r.transaction_id, a.subject, a.role, nullif(a.client, '') AS client, a.name,
            a.role <> 'PARTNER' OR NOT EXISTS (
                SELECT FROM partner_tokens p WHERE p.tenant_id = $1 AND p.client = a.client
            ) OR EXISTS (
                SELECT FROM partner_tokens p WHERE p.tenant_id = $1 AND p.client = a.client AND p.revoked_at IS NULL
                    AND (p.expires_at IS NULL OR p.expires_at > $5)
                    AND ($4::text[])[array_position($3::text[], r.operation::text)] = ANY(string_to_array(p.scope, ' '))
            ) AS allowed
        FROM approval_requests r JOIN actors a ON a.tenant_id = $1 AND a.id = r.requested_by_id
        WHERE r.tenant_id = $1 AND r.id = ANY($2) ORDER BY r.id FOR NO KEY UPDATE OF r""",
        connection.tenant_id, sorted(ids), *zip(*approving.REQUESTER_SCOPES.items(), strict=True), now,
    )  # fmt: skip
    states = [
        ApprovalState(
            id=row["id"], operation=row["operation"],
            command=requesting.restored(row["operation"], orjson.loads(row["command"])), customer_id=row["customer_id"],
            status=row["status"], requested_by=Actor(row["subject"], row["role"], row["client"], row["name"]),
            created_at=row["created_at"], expires_at=row["expires_at"], requester_allowed=row["allowed"],
            transaction_id=row["transaction_id"],
        )
        for row in rows
    ]  # fmt: skip
    return states, {state.requested_by: row["requested_by_id"] for state, row in zip(states, rows, strict=True)}


async def load_products(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, ProductState]:
    rows = await connection.raw.fetch(
        "SELECT id, name, kind, currency, price_minor, active FROM products WHERE tenant_id = $1 AND id = ANY($2)",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: ProductState(*row) for row in rows}


async def taken_numbers(connection: TenantConnection, numbers: set[str]) -> set[str]:
    """Those of the invoice numbers that are in use."""
    rows = await connection.raw.fetch(
        "SELECT number FROM invoices WHERE tenant_id = $1 AND number = ANY($2)", connection.tenant_id, sorted(numbers)
    )
    return {row["number"] for row in rows}


async def load_rewards(connection: TenantConnection, ids: set[UUID], *, lock: bool) -> dict[UUID, RewardState]:
    rows = await connection.raw.fetch(
        f"""SELECT id, name, kind, value, currency, product, points_cost_minor, validity_days, stock, active
        FROM rewards WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id {"FOR NO KEY UPDATE" if lock else ""}""",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: _reward(row) for row in rows}


def _reward(row: Any) -> RewardState:
    terms = {name: row[name] for name in ("name", "kind", "currency", "product")}
    terms["value"] = None if row["value"] is None else format(row["value"], "f")
    return RewardState(row["id"], terms, row["points_cost_minor"], row["validity_days"], row["stock"], row["active"])


async def load_credits(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """The credits that were named, and of each account that is spent from as many open ones as that takes."""
    spends: dict[UUID, list[Spend]] = {}
    for spend in (s for n in needs for s in n.spends):
        account = books.accounts.get(spend.account)
        if account is not None and spend.amount_minor > 0:
            spends.setdefault(account.id, []).append(spend)
    named = {credit_id for n in needs for credit_id in n.credits}
    named.update(assignment.credit_id for assignment in books.assignments.values())
    named.update(credit_id for invoice in books.invoices.values() for credit_id in invoice.grants)
    named.update(record.credit_id for record in books.spend_records)
    wanting = set(spends)
    for most in CREDITS_PER_LOAD:
        if not wanting:
            break
        lots = await _open_credits(connection, wanting, books.now, most)
        books.credits.update(lots)
        # Others in the batch may take from those that are named: a spend cannot count on them.
        counted = {account_id: [lot for lot in found if lot.id not in named] for account_id, found in lots.items()}
        wanting = {a for a in wanting if len(lots.get(a, ())) == most and not _enough(counted[a], spends[a], books.now)}
    for credit in (c for lots in books.credits.values() for c in lots):
        books.credits_by_id[credit.id] = credit
    if missing := named - books.credits_by_id.keys():
        books.credits_by_id.update(await credits_by_id(connection, missing))


def _enough(lots: list[CreditState], spends: list[Spend], now: datetime) -> bool:
    """Whether what was loaded, in burn order, holds all that the account's spends could take one after another."""
    most = sum(spend.amount_minor for spend in spends)
    kinds = {(spend.service_ids, spend.auto_apply) for spend in spends}
    return all(
        sum(
            lot.remaining_minor
            for lot in lots
            if is_open(lot, now)
            and (not service_ids or serves(lot, service_ids))
            and (lot.auto_apply or not auto_apply)
        )
        >= most
        for service_ids, auto_apply in kinds
    )


async def _open_credits(
    connection: TenantConnection, accounts: set[UUID], now: datetime, most: int
) -> dict[UUID, list[CreditState]]:
    """The first `most` open credits of each account, in burn order."""
    rows = await connection.raw.fetch(
        f"""SELECT {_CREDIT_COLUMNS} FROM unnest($2::uuid[]) AS k(account_id)
        CROSS JOIN LATERAL (
            SELECT * FROM credits o WHERE o.tenant_id = $1 AND o.account_id = k.account_id AND o.open
                AND o.starts_at <= $3 AND (o.expires_at IS NULL OR o.expires_at > $3)
            ORDER BY o.expires_at NULLS LAST, o.restricted DESC, o.created_at, o.id LIMIT $4
        ) AS c
        ORDER BY c.account_id, c.expires_at NULLS LAST, c.restricted DESC, c.created_at, c.id""",
        connection.tenant_id, sorted(accounts), now, most,
    )  # fmt: skip
    lots: dict[UUID, list[CreditState]] = {}
    for row in rows:
        lots.setdefault(row["account_id"], []).append(_credit(row))
    return lots


async def credits_by_id(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, CreditState]:
    """Credits whatever their state."""
    rows = await connection.raw.fetch(
        f"SELECT {_CREDIT_COLUMNS} FROM credits c WHERE c.tenant_id = $1 AND c.id = ANY($2)",
        connection.tenant_id, sorted(ids),
    )  # fmt: skip
    return {row["id"]: _credit(row) for row in rows}


def _credit(row: Any) -> CreditState:
    credit = CreditState(*row)
    credit.service_ids = tuple(credit.service_ids)
    return credit

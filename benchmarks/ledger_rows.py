"""Tenants with many entries, made without the ledger: rows as it would have written them, hashes included.

Half of a tenant's entries are on one account; the rest are spread, five on each of the others. Each credit is opened by
one entry and used up by another, which in turn is a removal or an expiry at the end of a day, written off half a minute
late. No two accounts have the same instants. Of the busy account some fifty stay open, however many there are in all: a
third of them start next year, half expire in the year after; of each of the others one. Another account holds open credits
alone, one for every twenty of those entries. And of ten entries one more row is in the audit trail, of an action that was
refused.

Rows lie much as a ledger writes them: what was posted together lies together. Those of the busy account
are by themselves, and those of the holder.

Every other amount is 5.00; the others lie between 1.00 and 9.89, evenly. None lies between 9.90 and 9.99.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.hash_chain import Promise, entry_hash, promises_digest, transaction_digest
from models.reads.verify_seals import SALTED, facts

AMOUNT_MINOR: Final = 500
ASSET: Final = "GBP"
PER_ACCOUNT: Final = 5
OPEN: Final = 50
SPAN: Final = timedelta(days=700)
SWEPT_AFTER: Final = timedelta(seconds=30)
SWEEP: Final = timedelta(minutes=10)
"""How long a sweep takes."""
_DAY: Final = timedelta(days=1)
_GOLDEN: Final = 0.618034
"""Multiples of it are spread evenly, but for the whole part."""
HELD: Final = 20
"""Entries for each credit of the account that holds credits alone."""
REFUSED: Final = 10
"""Entries for each refused action."""
_COLUMNS: Final = {
    "customers": "tenant_id id external_id name created_at updated_at",
    "accounts": "tenant_id id customer_id asset balance_minor lifetime_minor sequence head_hash created_at posted_at",
    "transactions": "tenant_id id customer_id kind reason actor_id created_at digest",
    "credits": "tenant_id id account_id transaction_id amount_minor remaining_minor effective_on starts_at expires_at"
    " restricted auto_apply created_at swept_at counts gone_minor opened_sequence opened_at",
    "entries": "tenant_id id account_id sequence transaction_id credit_id counter amount_minor lifetime_minor"
    " balance_after_minor created_at previous_hash hash",
}
_AT_ONCE: Final = 20_000
_TURN: Final = 100
"""Steps between two turns of the loop, in which rows are sent on."""
_RESEALED: Final = {"customers": "true", "accounts": "true", "credits": "swept_at IS NOT NULL"}
"""Tables, and which of their rows have a seal: credits as they were opened and transactions have digests instead."""


@dataclass(slots=True)
class _Account:
    id: UUID
    customer_id: UUID
    balance: int = 0
    lifetime: int = 0
    sequence: int = 0
    head: bytes | None = None
    posted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Terms:
    amount: int
    starts_at: datetime
    expires_at: datetime | None
    auto_apply: bool


@dataclass(frozen=True, slots=True)
class _Posted:
    """A transaction."""

    id: UUID
    at: datetime
    digest: bytes


def _amount(n: int) -> int:
    return 100 + n // 4 * 7919 % 890


@dataclass(slots=True)
class Maker:
    """Makes one tenant's rows, in the order of time on each account."""

    tenant_id: UUID
    actor_id: UUID
    now: datetime
    ids: Iterator[int]
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {table: [] for table in _COLUMNS})

    def customer(self, n: int) -> UUID:
        customer_id, began = self.id(), self.now - SPAN
        self.rows["customers"].append((self.tenant_id, customer_id, f"c-{n:07}", f"Customer {n:07}", began, began))
        return customer_id

    def account(self, account_id: UUID, customer_id: UUID, entries: int, phase: float = 0) -> Iterator[None]:
        """An account with so many entries. Yields after each two, so that rows can be sent on meanwhile. phase: from 0 to 1,
        the part of the time between two of them that it is later by."""
        account, step = _Account(account_id, customer_id), SPAN / (entries + 1)
        for n in range(0, entries, 2):
            stays = n + 1 == entries or (entries >= 2 * OPEN and n // 2 % (entries // 2 // OPEN) == 0)
            at = self.now - SPAN + (n + phase) * step
            self._credit(account, n // 2, at, step, swept_after=SWEPT_AFTER + phase * SWEEP, stays=stays)
            yield
        self._close(account)

    def lots(
        self, account_id: UUID, customer_id: UUID, number: int, expires_at: datetime | None = None
    ) -> Iterator[None]:
        """An account with so many credits, all of them open and applied to invoices by themselves. Yields after each."""
        account, step = _Account(account_id, customer_id), SPAN / (number + 1)
        for n in range(number):
            at = self.now - SPAN + n * step
            self._open(account, _Terms(AMOUNT_MINOR, at, expires_at, auto_apply=True), at, AMOUNT_MINOR, None)
            yield
        self._close(account)

    def _close(self, account: _Account) -> None:
        self.rows["accounts"].append(
            (
                self.tenant_id,
                account.id,
                account.customer_id,
                ASSET,
                account.balance,
                account.lifetime,
                account.sequence,
                account.head,
                self.now - SPAN,
                account.posted_at,
            )
        )

    def _credit(
        self, account: _Account, n: int, at: datetime, step: timedelta, *, swept_after: timedelta, stays: bool
    ) -> None:
        closed_at, amount = at + step, AMOUNT_MINOR if n % 4 < 2 else _amount(n)
        expires = n % 2 == 1
        starts_at = self.now + timedelta(days=365) if stays and n % 3 == 0 else at
        expires_at, swept_at = None, None
        if expires and stays:
            expires_at = self.now + timedelta(days=500)
        elif expires and step < 3 * _DAY:  # far from a day's end, with one credit at a time
            expires_at, swept_at = max(closed_at - SWEPT_AFTER, closed_at - step / 2), closed_at
        elif expires:
            expires_at = (at + step / 2).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
            closed_at = swept_at = expires_at + swept_after
        terms = _Terms(amount, starts_at, expires_at, auto_apply=False)
        credit_id = self._open(account, terms, at, amount if stays else 0, swept_at)
        if stays:
            return
        transaction = self._transaction(
            account, closed_at, *(("EXPIRY", None) if expires else ("ADJUSTMENT", "POLICY"))
        )
        self._entry(account, transaction, credit_id, -amount, "EXPIRED" if expires else "REMOVED")

    def _open(
        self, account: _Account, terms: "_Terms", at: datetime, remaining: int, swept_at: datetime | None
    ) -> UUID:
        """A credit of today, whatever is left of it. Returns its id."""
        credit_id = self.id()
        promise = Promise(
            id=credit_id,
            account_id=account.id,
            origin_id=None,
            amount_minor=terms.amount,
            opened_sequence=account.sequence + 1,
            effective_on=at.date(),
            starts_at=terms.starts_at,
            expires_at=terms.expires_at,
            created_at=at,
            auto_apply=terms.auto_apply,
            counts=True,
            service_ids=(),
        )
        opened = self._transaction(account, at, "ADJUSTMENT", "GOODWILL", promise)
        self._entry(account, opened, credit_id, terms.amount, "ISSUED")
        self.rows["credits"].append(
            (
                self.tenant_id,
                credit_id,
                account.id,
                opened.id,
                terms.amount,
                remaining,
                at.date(),
                terms.starts_at,
                terms.expires_at,
                False,
                terms.auto_apply,
                at,
                swept_at,
                True,
                terms.amount - remaining,
                account.sequence,
                at,
            )
        )
        return credit_id

    def _transaction(
        self, account: _Account, at: datetime, kind: str, reason: str | None, promise: Promise | None = None
    ) -> "_Posted":
        transaction_id = self.id()
        digest = transaction_digest(
            tenant_id=self.tenant_id,
            transaction_id=transaction_id,
            customer_id=account.customer_id,
            kind=kind,
            reason=reason,
            note_digest=None,
            actor_id=self.actor_id,
            approved_by_id=None,
            idempotency_key=None,
            key_use=None,
            key_at=None,
            promised=None if promise is None else promises_digest(self.tenant_id, transaction_id, (promise,)),
            created_at=at,
            limited_asset=None,
            limited_minor=None,
            limited_on=None,
        )
        self.rows["transactions"].append(
            (self.tenant_id, transaction_id, account.customer_id, kind, reason, self.actor_id, at, digest)
        )
        return _Posted(transaction_id, at, digest)

    def _entry(self, account: _Account, of: "_Posted", credit_id: UUID, amount: int, counter: str) -> None:
        entry_id, lifetime, previous = self.id(), amount if counter == "ISSUED" else 0, account.head
        account.sequence += 1
        account.posted_at = of.at
        account.balance += amount
        account.lifetime += lifetime
        account.head = entry_hash(
            previous,
            tenant_id=self.tenant_id,
            entry_id=entry_id,
            account_id=account.id,
            sequence=account.sequence,
            transaction_id=of.id,
            credit_id=credit_id,
            counter=counter,
            amount_minor=amount,
            lifetime_minor=lifetime,
            balance_after_minor=account.balance,
            created_at=of.at,
            transaction_digest=of.digest,
        )
        self.rows["entries"].append(
            (
                self.tenant_id,
                entry_id,
                account.id,
                account.sequence,
                of.id,
                credit_id,
                counter,
                amount,
                lifetime,
                account.balance,
                of.at,
                previous,
                account.head,
            )
        )

    def taken(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows made since the last time."""
        rows, self.rows = self.rows, {table: [] for table in _COLUMNS}
        return rows

    def id(self) -> UUID:
        return UUID(int=(0x0190 << 112) | (7 << 76) | (1 << 63) | next(self.ids))


@dataclass(frozen=True, slots=True)
class Filled:
    """customers: how many. customer_id, account_id: of the account that has half of all entries, in the span that ends
    with `until`. holder_id: the customer who has open credits alone."""

    customers: int
    customer_id: UUID
    account_id: UUID
    holder_id: UUID
    until: datetime


async def fill(
    admin: "asyncpg.Connection[Any]", tenant_id: UUID, actor_id: UUID, entries: int, first_id: int
) -> Filled:
    """Give the tenant so many entries, and the holder's. `admin`: a superuser's connection; no other writes there
    meanwhile."""
    now = datetime.now(UTC).replace(microsecond=0)
    maker, numbers = Maker(tenant_id, actor_id, now, count(first_id)), count()
    first = maker.id()
    await admin.execute("SET session_replication_role = replica")  # the foreign keys hold: it is we who made the rows
    customer_id, account_id, holder_id = maker.customer(next(numbers)), maker.id(), maker.customer(next(numbers))

    def others() -> Iterator[None]:
        phases = [n * _GOLDEN % 1 for n in range(entries // 2 // PER_ACCOUNT)]
        accounts = []
        for phase in phases:
            accounts.append(maker.account(maker.id(), maker.customer(next(numbers)), PER_ACCOUNT, phase))
            yield
        in_time = sorted(range(len(phases)), key=phases.__getitem__)
        for _ in range(0, PER_ACCOUNT, 2):
            for n in in_time:
                yield next(accounts[n])
        for account in accounts:
            yield from account

    await _pour(admin, maker, maker.account(account_id, customer_id, entries // 2))
    await _pour(admin, maker, maker.lots(maker.id(), holder_id, entries // HELD))
    await _pour(admin, maker, others())
    await admin.execute(_ACTIONS, tenant_id, actor_id, first_id, entries // REFUSED, now, SPAN)
    await admin.execute("SET session_replication_role = origin")
    await _seal(admin, f"tenant_id = '{tenant_id}' AND id BETWEEN '{first}' AND '{maker.id()}'")
    await admin.execute(_sealing("audit_events", f"tenant_id = '{tenant_id}'"))  # as their triggers would have done it
    return Filled(next(numbers), customer_id, account_id, holder_id, now)


async def _pour(admin: "asyncpg.Connection[Any]", maker: Maker, steps: Iterator[None]) -> None:
    """Take all steps, and send the rows on meanwhile."""
    sending = None
    for n, _ in enumerate(steps):
        if n % _TURN == 0:
            await asyncio.sleep(0)
        if len(maker.rows["entries"]) + len(maker.rows["customers"]) >= _AT_ONCE:
            if sending is not None:
                await sending
            sending = asyncio.create_task(_send(admin, maker.taken()))
    if sending is not None:
        await sending
    await _send(admin, maker.taken())


async def fill_many(admin: "asyncpg.Connection[Any]", number: int, first_id: int) -> None:
    """Other tenants, so many of them, with a few entries each: rows that nobody asks for, but that statistics count."""
    now, ids = datetime.now(UTC).replace(microsecond=0), count(first_id)
    await admin.execute("SET session_replication_role = replica")
    names, actors = [], []
    makers: list[Maker] = []
    for n in range(number):
        maker = Maker(UUID(int=(0x0190 << 112) | (7 << 76) | (1 << 63) | next(ids)), UUID(int=0), now, ids)
        maker.actor_id = maker.id()
        names.append((maker.tenant_id, f"one-of-many-{n}", "One of many", "Europe/London", 60, 1, now, 168))
        actors.append((maker.tenant_id, maker.actor_id, "filler", "ADMIN", ""))
        makers.append(maker)
    tenants = "id slug name time_zone grace_days config_version created_at approval_hours"
    await admin.copy_records_to_table("tenants", records=names, columns=tenants.split())
    await admin.copy_records_to_table(
        "actors", records=actors, columns=["tenant_id", "id", "subject", "role", "client"]
    )
    together: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}
    for maker in makers:
        for _ in maker.account(maker.id(), maker.customer(0), 4 * PER_ACCOUNT, len(together["accounts"]) * _GOLDEN % 1):
            pass
        for table, rows in maker.rows.items():
            together[table] += rows
    for table, rows in together.items():
        await admin.copy_records_to_table(table, records=rows, columns=_COLUMNS[table].split())
    await admin.execute("SET session_replication_role = origin")


async def fill_lots(
    admin: "asyncpg.Connection[Any]",
    tenant_id: UUID,
    actor_id: UUID,
    sizes: Sequence[int],
    history: int,
    *,
    first_id: int = 1,
    expired: bool = False,
) -> list[UUID]:
    """Give a tenant that has other rows too a customer for each of `sizes`, with so many open credits, and one with so
    many entries, nearly all of credits that are used up. expired: the open credits have expired, and were not swept.
    Returns the customers' ids, in that order.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    maker, expires_at = Maker(tenant_id, actor_id, now, count(first_id)), now if expired else None
    first = maker.id()
    await admin.execute("SET session_replication_role = replica")
    made = []
    for n, size in enumerate((*sizes, history)):
        made.append(maker.customer(first_id + n))
        account_id = maker.id()
        if n < len(sizes):
            rows = maker.lots(account_id, made[-1], size, expires_at)
        else:
            rows = maker.account(account_id, made[-1], size)
        await _pour(admin, maker, rows)
    await admin.execute("SET session_replication_role = origin")
    await _seal(admin, f"tenant_id = '{tenant_id}' AND id BETWEEN '{first}' AND '{maker.id()}'")
    return made


async def _seal(admin: "asyncpg.Connection[Any]", which: str) -> None:
    for table, sealed in _RESEALED.items():
        await admin.execute(_sealing(table, f"{which} AND {sealed}"))


def _sealing(table: str, which: str) -> str:
    """SQL that seals the table's rows for which the condition `which` holds."""
    salt = "uuid_send(gen_random_uuid())" if table in SALTED else "NULL::bytea"
    return f"""INSERT INTO seals (tenant_id, of_table, id, version, digest, salt, sealed_at)
        SELECT t.tenant_id, '{table}', t.id, 1, sha256(coalesce(t.salt, '') || {facts(table)}), t.salt, now()
        FROM (SELECT {salt} AS salt, r.* FROM {table} r WHERE {which}) t ON CONFLICT DO NOTHING"""


async def _send(admin: "asyncpg.Connection[Any]", rows: dict[str, list[tuple[Any, ...]]]) -> None:
    for table, records in rows.items():
        await admin.copy_records_to_table(table, records=records, columns=_COLUMNS[table].split())


_ACTIONS: Final = """
    INSERT INTO audit_events (tenant_id, id, action, subject_id, actor_id, created_at, request_id, address)
    SELECT $1, (lpad(to_hex($3 + n), 8, '0') || '-0000-7000-9000-000000000000')::uuid, 'access.denied', $2, $2,
        $5::timestamptz - $6::interval * (1 - n::float8 / $4), 'request-' || n, '198.51.100.' || n % 10
    FROM generate_series(1, $4::int) n"""
"""Refused actions, each of a request of its own, from ten addresses."""

"""Tenants with many entries, made by SQL: rows as the ledger would have written them, hashes included.

Half of a tenant's entries are on one account; the rest are spread, five on each of the others. Each credit is opened by
one entry and used up by another, which in turn is a removal or an expiry, written off half a minute late. Of the busy
account some fifty stay open, however many there are in all: a third of them start next year, half expire in the year
after; of each of the others one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.hash_chain import entry_hash_1
from models.reads.verify_seals import SALTED, SEALED, facts

AMOUNT_MINOR: Final = 500
ASSET: Final = "GBP"
PER_ACCOUNT: Final = 5
OPEN: Final = 50
SPAN: Final = timedelta(days=700)
SWEPT_AFTER: Final = timedelta(seconds=30)
_COLUMNS: Final = {
    "customers": "tenant_id id external_id name created_at updated_at",
    "accounts": "tenant_id id customer_id asset balance_minor lifetime_minor sequence head_hash created_at posted_at",
    "transactions": "tenant_id id customer_id kind reason actor_id created_at",
    "credits": "tenant_id id account_id transaction_id amount_minor remaining_minor effective_on starts_at expires_at"
    " restricted auto_apply created_at swept_at counts gone_minor opened_sequence",
    "entries": "tenant_id id account_id sequence transaction_id credit_id counter amount_minor lifetime_minor"
    " balance_after_minor created_at previous_hash hash",
}
_AT_ONCE: Final = 20_000


@dataclass(slots=True)
class _Account:
    id: UUID
    customer_id: UUID
    balance: int = 0
    lifetime: int = 0
    sequence: int = 0
    head: bytes | None = None
    posted_at: datetime | None = None


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

    def account(self, account_id: UUID, customer_id: UUID, entries: int) -> Iterator[None]:
        """An account with so many entries. Yields after each two, so that rows can be sent on meanwhile."""
        account, step = _Account(account_id, customer_id), SPAN / (entries + 1)
        for n in range(0, entries, 2):
            stays = n + 1 == entries or (entries > PER_ACCOUNT and n // 2 % (entries // 2 // OPEN) == 0)
            self._credit(account, n // 2, self.now - SPAN + n * step, step, stays=stays)
            yield
        self._close(account)

    def lots(
        self, account_id: UUID, customer_id: UUID, number: int, expires_at: datetime | None = None
    ) -> Iterator[None]:
        """An account with so many credits, all of them open and applied to invoices by themselves. Yields after each."""
        account, step = _Account(account_id, customer_id), SPAN / (number + 1)
        for n in range(number):
            at, credit_id = self.now - SPAN + n * step, self.id()
            opened = self._entry(account, credit_id, at, AMOUNT_MINOR, "ISSUED", "ADJUSTMENT", "GOODWILL")
            self.rows["credits"].append(
                (
                    self.tenant_id,
                    credit_id,
                    account.id,
                    opened,
                    AMOUNT_MINOR,
                    AMOUNT_MINOR,
                    at.date(),
                    at,
                    expires_at,
                    False,
                    True,
                    at,
                    None,
                    True,
                    0,
                    account.sequence,
                )
            )
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

    def _credit(self, account: _Account, n: int, at: datetime, step: timedelta, *, stays: bool) -> None:
        credit_id, closed_at = self.id(), at + step
        expires = n % 2 == 1
        starts_at = self.now + timedelta(days=365) if stays and n % 3 == 0 else at
        expires_at, swept_at = None, None
        if expires:
            expires_at = self.now + timedelta(days=500) if stays else max(closed_at - SWEPT_AFTER, closed_at - step / 2)
            swept_at = None if stays else closed_at
        opened = self._entry(account, credit_id, at, AMOUNT_MINOR, "ISSUED", "ADJUSTMENT", "GOODWILL")
        self.rows["credits"].append(
            (
                self.tenant_id,
                credit_id,
                account.id,
                opened,
                AMOUNT_MINOR,
                AMOUNT_MINOR if stays else 0,
                at.date(),
                starts_at,
                expires_at,
                False,
                False,
                at,
                swept_at,
                True,
                0 if stays else AMOUNT_MINOR,
                account.sequence,
            )
        )
        if stays:
            return
        counter, kind, reason = ("EXPIRED", "EXPIRY", None) if expires else ("REMOVED", "ADJUSTMENT", "POLICY")
        self._entry(account, credit_id, closed_at, -AMOUNT_MINOR, counter, kind, reason)

    def _entry(
        self, account: _Account, credit_id: UUID, at: datetime, amount: int, counter: str, kind: str, reason: str | None
    ) -> UUID:
        transaction_id, lifetime = self.id(), amount if counter == "ISSUED" else 0
        previous = account.head
        account.sequence += 1
        account.posted_at = at
        account.balance += amount
        account.lifetime += lifetime
        account.head = entry_hash_1(
            previous,
            tenant_id=self.tenant_id,
            account_id=account.id,
            sequence=account.sequence,
            transaction_id=transaction_id,
            credit_id=credit_id,
            counter=counter,
            amount_minor=amount,
            lifetime_minor=lifetime,
            balance_after_minor=account.balance,
            created_at=at,
            kind=kind,
            reason=reason,
            actor_id=self.actor_id,
            approved_by_id=None,
            customer_id=account.customer_id,
            note_digest=None,
        )
        self.rows["transactions"].append(
            (self.tenant_id, transaction_id, account.customer_id, kind, reason, self.actor_id, at)
        )
        self.rows["entries"].append(
            (
                self.tenant_id,
                self.id(),
                account.id,
                account.sequence,
                transaction_id,
                credit_id,
                counter,
                amount,
                lifetime,
                account.balance,
                at,
                previous,
                account.head,
            )
        )
        return transaction_id

    def id(self) -> UUID:
        return UUID(int=(0x0190 << 112) | (7 << 76) | (1 << 63) | next(self.ids))


@dataclass(frozen=True, slots=True)
class Filled:
    """customers: how many. customer_id, account_id: of the account that has half of all entries, in the span that ends
    with `until`."""

    customers: int
    customer_id: UUID
    account_id: UUID
    until: datetime


async def fill(
    admin: "asyncpg.Connection[Any]", tenant_id: UUID, actor_id: UUID, entries: int, first_id: int
) -> Filled:
    """Give the tenant so many entries. `admin`: a superuser's connection; no other writes there meanwhile."""
    now = datetime.now(UTC).replace(microsecond=0)
    maker, numbers = Maker(tenant_id, actor_id, now, count(first_id)), count()
    await admin.execute("SET session_replication_role = replica")  # the foreign keys hold: it is we who made the rows
    customer_id, account_id = maker.customer(next(numbers)), maker.id()
    for _ in maker.account(account_id, customer_id, entries // 2):
        if len(maker.rows["entries"]) >= _AT_ONCE:
            await _send(admin, maker)
    for _ in range(entries // 2 // PER_ACCOUNT):
        for _ in maker.account(maker.id(), maker.customer(next(numbers)), PER_ACCOUNT):
            pass
        if len(maker.rows["entries"]) >= _AT_ONCE:
            await _send(admin, maker)
    await _send(admin, maker)
    await admin.execute("SET session_replication_role = origin")
    for table in maker.rows.keys() & SEALED.keys():  # as their triggers would have done it
        await admin.execute(_sealing(table, f"tenant_id = '{tenant_id}'"))
    return Filled(next(numbers), customer_id, account_id, now)


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
        for _ in maker.account(maker.id(), maker.customer(0), 4 * PER_ACCOUNT):
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
        for _ in rows:
            if len(maker.rows["entries"]) >= _AT_ONCE:
                await _send(admin, maker)
    await _send(admin, maker)
    await admin.execute("SET session_replication_role = origin")
    for table in maker.rows.keys() & SEALED.keys():
        ours = f"tenant_id = '{tenant_id}' AND id BETWEEN '{first}' AND '{maker.id()}'"
        await admin.execute(_sealing(table, ours))
    return made


def _sealing(table: str, which: str) -> str:
    """SQL that seals the table's rows for which the condition `which` holds."""
    salt = "uuid_send(gen_random_uuid())" if table in SALTED else "NULL::bytea"
    return f"""INSERT INTO seals (tenant_id, of_table, id, version, digest, salt, sealed_at)
        SELECT t.tenant_id, '{table}', t.id, 1, sha256(coalesce(t.salt, '') || {facts(table)}), t.salt, now()
        FROM (SELECT {salt} AS salt, r.* FROM {table} r WHERE {which}) t ON CONFLICT DO NOTHING"""


async def _send(admin: "asyncpg.Connection[Any]", maker: Maker) -> None:
    for table, rows in maker.rows.items():
        await admin.copy_records_to_table(table, records=rows, columns=_COLUMNS[table].split())
        rows.clear()

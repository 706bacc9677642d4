"""What a batch has planned, written: one set-based statement for each table that has rows.

Every statement names the tenant; `unnest` turns the columns' arrays into rows. The order is that of the foreign keys.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from models.commands import Actor
from models.errors import InvariantViolated
from models.hash_chain import entry_hash, note_digest
from models.planning.state import Books, TransactionDraft
from models.session import TenantConnection

ActorIds = dict[Actor, UUID]


async def write(connection: TenantConnection, books: Books, actors: ActorIds, ids: "Sequence[UUID]") -> None:
    """Write everything. `ids`: fresh ones for the outbox, as many as there are events."""
    writer = _Writer(connection, books, actors)
    await writer.ledger()
    if books.writes.invoices or books.writes.touched_invoices:
        await writer.billing()
    if books.writes.amended_credits:
        await writer.amendments()
    await writer.requests()
    await writer.outbox(ids)


class _Writer:
    """The statements of one batch."""

    def __init__(self, connection: TenantConnection, books: Books, actors: ActorIds) -> None:
        self.tenant_id = connection.tenant_id
        self.raw = connection.raw
        self.books = books
        self.now = books.now
        self.writes = books.writes
        self.actors = actors

    async def insert(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """INSERT rows; `columns` is "name type, name type, …" without the tenant."""
        if not rows:
            return
        pairs = [column.strip().split(" ") for column in columns.split(",")]
        names = ", ".join(name for name, _ in pairs)
        arrays = ", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(pairs, start=2))
        await self.raw.execute(
            f"INSERT INTO {table} (tenant_id, {names}) SELECT $1, * FROM unnest({arrays})", self.tenant_id, *zip(*rows, strict=True)
        )

    async def update(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """UPDATE rows by id; the first column of each row is the id."""
        if not rows:
            return
        pairs = [column.strip().split(" ") for column in columns.split(",")]
        names = ", ".join(name for name, _ in pairs)
        assignments = ", ".join(f"{name} = u.{name}" for name, _ in pairs)
        arrays = ", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(pairs, start=3))
        status = await self.raw.execute(
            f"""UPDATE {table} t SET {assignments} FROM unnest($2::uuid[], {arrays}) AS u(id, {names})
            WHERE t.tenant_id = $1 AND t.id = u.id""",
            self.tenant_id, *zip(*rows, strict=True),
        )  # fmt: skip
        if status != f"UPDATE {len(rows)}":
            raise InvariantViolated(f"{table}: {status} of {len(rows)} locked rows")

    async def ledger(self) -> None:
        w, now = self.writes, self.now
        digests = {t.id: note_digest(t.salt, t.note) for t in w.transactions if t.note is not None and t.salt is not None}
        await self.insert(
            "transactions",
            "id uuid, customer_id uuid, kind text, reason text, note_digest bytea, actor_id uuid, approved_by_id uuid,"
            " idempotency_key text, created_at timestamptz",
            [
                (t.id, t.customer_id, t.kind, t.reason, digests.get(t.id), self.actors[t.actor],
                 self.actors[t.approved_by] if t.approved_by else None, t.idempotency_key, now)
                for t in w.transactions
            ],
        )  # fmt: skip
        texts = [(t.id, t.note, t.salt) for t in w.transactions if t.note is not None]
        await self.insert("transaction_texts", "id uuid, note text, salt bytea", texts)
        await self._credits()
        await self._entries(digests)
        columns = "id uuid, account_id uuid, transaction_id uuid, old_tier text, new_tier text, created_at timestamptz"
        await self.insert("tier_changes", columns, [(*row, now) for row in w.tier_changes])
        counters = {c.id: (c.id, c.used_minor) for c in w.touched_counters}
        await self.update("limit_counters", "used_minor bigint", sorted(counters.values()))
        rewards = {r.id: (r.id, r.stock) for r in w.touched_rewards}
        await self.update("rewards", "stock bigint", list(rewards.values()))

    async def _credits(self) -> None:
        new = {credit.id for credit in self.writes.credits}
        await self.insert(
            "credits",
            "id uuid, account_id uuid, transaction_id uuid, amount_minor bigint, remaining_minor bigint, effective_on date,"
            " starts_at timestamptz, expires_at timestamptz, restricted bool, auto_apply bool, created_at timestamptz",
            [
                (c.id, c.account_id, c.transaction_id, c.amount_minor, c.remaining_minor, c.effective_on, c.starts_at,
                 c.expires_at, bool(c.service_ids), c.auto_apply, c.created_at)
                for c in self.writes.credits
            ],
        )  # fmt: skip
        services = [(self.books.source.new_id(), c.id, s) for c in self.writes.credits for s in c.service_ids]
        await self.insert("credit_services", "id uuid, credit_id uuid, service_id uuid", services)
        touched = {c.id: (c.id, c.remaining_minor) for c in self.writes.touched_credits if c.id not in new}
        await self.update("credits", "remaining_minor bigint", list(touched.values()))

    async def _entries(self, digests: dict[UUID, bytes]) -> None:
        heads = {account.id: account.head_hash for account in self.writes.touched_accounts}
        rows = []
        for e in self.writes.entries:
            previous = heads[e.account_id]
            heads[e.account_id] = self._hash(e.transaction, e, previous, digests)
            rows.append(
                (e.id, e.account_id, e.sequence, e.transaction.id, e.credit_id, e.counter, e.amount_minor, e.lifetime_minor,
                 e.balance_after_minor, self.now, previous, heads[e.account_id])
            )  # fmt: skip
        await self.insert(
            "entries",
            "id uuid, account_id uuid, sequence bigint, transaction_id uuid, credit_id uuid, counter text,"
            " amount_minor bigint, lifetime_minor bigint, balance_after_minor bigint, created_at timestamptz,"
            " previous_hash bytea, hash bytea",
            rows,
        )
        touched = {
            a.id: (a.id, a.balance_minor, a.lifetime_minor, a.sequence, heads[a.id], self.now)
            for a in self.writes.touched_accounts
        }
        columns = "balance_minor bigint, lifetime_minor bigint, sequence bigint, head_hash bytea, posted_at timestamptz"
        await self.update("accounts", columns, list(touched.values()))

    def _hash(self, t: TransactionDraft, e: Any, previous: bytes | None, digests: dict[UUID, bytes]) -> bytes:
        return entry_hash(
            previous, tenant_id=self.tenant_id, account_id=e.account_id, sequence=e.sequence, transaction_id=t.id,
            credit_id=e.credit_id, counter=e.counter, amount_minor=e.amount_minor, lifetime_minor=e.lifetime_minor,
            balance_after_minor=e.balance_after_minor, created_at=self.now, kind=t.kind, reason=t.reason,
            actor_id=self.actors[t.actor], approved_by_id=self.actors[t.approved_by] if t.approved_by else None,
            customer_id=t.customer_id, note_digest=digests.get(t.id),
        )  # fmt: skip

    async def billing(self) -> None:
        w, now = self.writes, self.now
        new = {invoice.id for invoice, _, _ in w.invoices}
        await self.insert(
            "invoices",
            "id uuid, customer_id uuid, number text, currency text, total_minor bigint, paid_minor bigint,"
            " credited_minor bigint, creditable_minor bigint, status text, kind text, auto_apply bool, issued_on date,"
            " due_on date, actor_id uuid, created_at timestamptz",
            [
                (i.id, i.customer_id, i.number, i.currency, i.total_minor, i.paid_minor, i.credited_minor,
                 i.creditable_minor, i.status, i.kind, auto, i.issued_on, i.due_on, self.actors[actor], now)
                for i, actor, auto in w.invoices
            ],
        )  # fmt: skip
        columns = (
            "id uuid, invoice_id uuid, position int, description text, quantity int, unit_price_minor bigint, kind text,"
            " product_id uuid"
        )
        await self.insert("invoice_lines", columns, w.invoice_lines)
        touched = {
            i.id: (i.id, i.paid_minor, i.credited_minor, i.status, i.voided_at)
            for i in w.touched_invoices
            if i.id not in new
        }
        columns = "paid_minor bigint, credited_minor bigint, status text, voided_at timestamptz"
        await self.update("invoices", columns, list(touched.values()))
        await self.insert(
            "assignments",
            "id uuid, credit_id uuid, invoice_id uuid, transaction_id uuid, amount_minor bigint, origin text,"
            " assigned_at timestamptz",
            [(*row, now) for row in w.assignments],
        )
        await self.insert(
            "payments",
            "id uuid, invoice_id uuid, amount_minor bigint, method text, received_on date, transaction_id uuid,"
            " actor_id uuid, created_at timestamptz",
            [
                (p.id, p.invoice_id, p.amount_minor, p.method, p.received_on, p.transaction_id, self.actors[actor], now)
                for p, actor in w.payments
            ],
        )
        await self.insert(
            "grants", "id uuid, invoice_id uuid, credit_id uuid, transaction_id uuid", w.grants
        )
        await self._undone()

    async def _undone(self) -> None:
        """Releases, voidings, and grants taken back."""
        w = self.writes
        released = {part.id: (part.id, part.released_at, transaction_id) for part, transaction_id in w.released}
        columns = "released_at timestamptz, release_transaction_id uuid"
        await self.update("assignments", columns, list(released.values()))
        voided = {p.id: (p.id, p.voided_at) for p in w.touched_payments}
        await self.update("payments", "voided_at timestamptz", list(voided.values()))
        if w.revoked_grants:
            credits, transactions = zip(*w.revoked_grants, strict=True)
            await self.raw.execute(
                """UPDATE grants g SET revoked_transaction_id = u.transaction_id
                FROM unnest($2::uuid[], $3::uuid[]) AS u(credit_id, transaction_id)
                WHERE g.tenant_id = $1 AND g.credit_id = u.credit_id""",
                self.tenant_id, credits, transactions,
            )  # fmt: skip

    async def amendments(self) -> None:
        """What credits say of themselves, and what it was before."""
        amended = {
            c.id: (c.id, c.expires_at, bool(c.service_ids), c.auto_apply, c.swept_at, c.voided_at)
            for c in self.writes.amended_credits
        }
        columns = (
            "expires_at timestamptz, restricted bool, auto_apply bool, swept_at timestamptz, voided_at timestamptz"
        )
        await self.update("credits", columns, list(amended.values()))
        changes = [(*row[:7], to_json(row[7]), to_json(row[8]), self.now) for row in self.writes.credit_changes]
        await self.insert(
            "credit_changes",
            "id uuid, credit_id uuid, transaction_id uuid, old_expires_at timestamptz, new_expires_at timestamptz,"
            " old_auto_apply bool, new_auto_apply bool, old_services jsonb, new_services jsonb, created_at timestamptz",
            changes,
        )
        restricted = {row[1]: row[8] for row in self.writes.credit_changes if row[7] != row[8]}
        if restricted:
            await self.raw.execute(
                "DELETE FROM credit_services WHERE tenant_id = $1 AND credit_id = ANY($2)",
                self.tenant_id, list(restricted),
            )  # fmt: skip
            services = [
                (self.books.source.new_id(), credit, service)
                for credit, services in restricted.items()
                for service in services
            ]
            await self.insert("credit_services", "id uuid, credit_id uuid, service_id uuid", services)

    async def requests(self) -> None:
        w, now = self.writes, self.now
        await self.insert(
            "coupons",
            "id uuid, code text, reward_id uuid, customer_id uuid, transaction_id uuid, points_spent_minor bigint,"
            " status text, terms jsonb, issued_at timestamptz, expires_at timestamptz",
            [
                (c.id, c.code, c.reward_id, c.customer_id, c.transaction_id, c.points_spent_minor, c.stored_status,
                 to_json(c.terms), c.issued_at, c.expires_at)
                for c in w.coupons
            ],
        )  # fmt: skip
        closed = {c.id: (c.id, c.status, c.closed_at, c.refund_transaction_id) for c in w.touched_coupons}
        columns = "status text, closed_at timestamptz, refund_transaction_id uuid"
        await self.update("coupons", columns, list(closed.values()))
        await self.insert(
            "audit_events",
            "id uuid, action text, subject_id uuid, customer_id uuid, actor_id uuid, note text, created_at timestamptz",
            [(*row[:4], self.actors[row[4]], row[5], now) for row in w.audits],
        )
        await self.insert(
            "approval_requests",
            "id uuid, operation text, command jsonb, customer_id uuid, status text, requested_by_id uuid,"
            " created_at timestamptz, expires_at timestamptz",
            [
                (i, operation, to_json(asdict(command)), customer_id, "PENDING", self.actors[actor], now, expires_at)
                for i, operation, command, customer_id, actor, expires_at in w.approvals
            ],
        )
        await self.insert(
            "bulk_operations",
            "id uuid, status text, asset text, error_policy text, dry_run bool, total int, processed int, succeeded int,"
            " failed int, actor_id uuid, cancel_requested bool, created_at timestamptz, finished_at timestamptz",
            [
                (o.id, o.status, o.asset, policy, dry_run, o.total, o.processed, o.succeeded, o.failed,
                 self.actors[actor], False, now, now)
                for o, policy, dry_run, actor in w.bulk_operations
            ],
        )  # fmt: skip
        await self.insert(
            "bulk_rows",
            "id uuid, operation_id uuid, row int, customer_id uuid, amount numeric, transaction_id uuid, error jsonb",
            [(*row[:6], to_json(row[6]) if row[6] else None) for row in w.bulk_rows],
        )
        if w.bulk_fates:
            await self._bulk_fates()

    async def _bulk_fates(self) -> None:
        """What became of rows that had none yet, and how far their bulk is with them."""
        fates = [(*fate[:3], to_json(fate[3]) if fate[3] else None) for fate in self.writes.bulk_fates]
        status = await self.raw.execute(
            """UPDATE bulk_rows r SET transaction_id = u.transaction_id, error = u.error
            FROM unnest($2::uuid[], $3::int[], $4::uuid[], $5::jsonb[]) AS u(operation_id, "row", transaction_id, error)
            WHERE r.tenant_id = $1 AND r.operation_id = u.operation_id AND r."row" = u."row"
                AND r.transaction_id IS NULL AND r.error IS NULL""",
            self.tenant_id, *zip(*fates, strict=True),
        )  # fmt: skip
        if status != f"UPDATE {len(fates)}":
            raise InvariantViolated(f"bulk_rows: {status} of {len(fates)} that were pending")
        for operation_id in {fate[0] for fate in fates}:
            own = [fate for fate in fates if fate[0] == operation_id]
            failed = sum(fate[2] is None for fate in own)
            await self.raw.execute(
                """UPDATE bulk_operations SET processed = processed + $3, succeeded = succeeded + $3 - $4,
                    failed = failed + $4 WHERE tenant_id = $1 AND id = $2""",
                self.tenant_id, operation_id, len(own), failed,
            )  # fmt: skip

    async def outbox(self, ids: "Sequence[UUID]") -> None:
        rows = [(i, topic, subject, self.now) for i, (topic, subject) in zip(ids, self.writes.events, strict=True)]
        await self.insert("outbox", "id uuid, topic text, subject_id uuid, created_at timestamptz", rows)


def to_json(value: Any) -> str:
    """JSON with decimals as strings, dates and ids as text."""
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID | date | datetime):
        return str(value)
    raise TypeError(f"cannot be kept as JSON: {type(value).__name__}")

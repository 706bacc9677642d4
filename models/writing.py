"""What a batch has planned, written set-based: a part for each table that has rows, all parts of a stage in one statement.

Every part names the tenant; `unnest` turns the columns' arrays into rows. The parts of a statement see the same
snapshot and none of the others' rows, so that no row may be written by two of them: what is inserted in one stage is
updated in the next. Foreign keys and triggers are checked when a statement ends, with everything in place. Many rows
are sent part by part, and no more than ROWS_AT_ONCE of them at a time: their round trips are nothing, each statement is
planned for tables as full as they are, and what is made for it (rows, hashes, arrays) never holds the event loop for long.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from models import lookups
from models.commands import Actor, AdjustCredit, CreateOrder
from models.currencies import hold_currencies
from models.errors import InvariantViolated
from models.hash_chain import Promise, digesting_promises, entry_hash, note_digest, transaction_digest
from models.money import is_money
from models.planning.requesting import kept
from models.planning.state import Books, EntryDraft, TransactionDraft
from models.planning.steps import Steps, each
from models.session import TenantConnection
from models.slices import each_in_slices, in_slices
from models.statements import Part, insert, statement, update

ActorIds = dict[Actor, UUID]
FEW: Final = 4_096
"""Up to as many rows are written in one statement: more than a batch of single requests ever has."""
ROWS_AT_ONCE: Final = 1_000
"""Of more than that, as many. The driver makes a statement's arguments in one go, in about 10 ms for so many entries."""

T = TypeVar("T")


async def write(connection: TenantConnection, books: Books, actors: ActorIds) -> None:
    """Write everything."""
    if new := _new_currencies(books):
        await hold_currencies(connection, books.source, books.now, new)
    writer = _Writer(connection, books, actors)
    await in_slices(writer.first_stage())
    await writer.send()
    await writer.forget_services()
    await in_slices(writer.second_stage())
    await writer.send()
    if books.writes.row_results:
        await writer.row_results()
    if books.writes.moved_credits:
        writer.update("credits", "successor_id uuid", books.writes.moved_credits)
        await writer.send()
    if books.writes.merged_customers:
        await writer.merges()


def _new_currencies(books: Books) -> set[str]:
    """What has amounts in it from now on, and is not among the currencies that the books hold."""
    w = books.writes
    assets = {account.asset for account in w.touched_accounts}
    assets.update(invoice.currency for invoice, _, _ in w.invoices)
    assets.update(request.command.asset for request in w.approvals if isinstance(request.command, AdjustCredit))
    assets.update(request.command.currency for request in w.approvals if isinstance(request.command, CreateOrder))
    assets.update(operation.asset for operation, _, _, _ in w.bulk_operations)
    return {asset for asset in assets if is_money(asset)} - books.config.currencies.keys()


class _Writer:
    """The statements of one batch: its parts are put together, and sent by the stage."""

    def __init__(self, connection: TenantConnection, books: Books, actors: ActorIds) -> None:
        self.tenant_id = connection.tenant_id
        self.raw = connection.raw
        self.books = books
        self.now = books.now
        self.writes = books.writes
        self.actors = actors
        self._parts: list[tuple[Part, Sequence[Sequence[Any]]]] = []

    def insert(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._parts.append((insert(table, columns), rows))

    def update(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """The first column of each row is the id; `columns` are the others."""
        if rows:
            self._parts.append((update(table, columns), rows))

    async def send(self) -> None:
        """Send what has been put together. Raises InvariantViolated where an update did not find its locked rows."""
        parts, self._parts = self._parts, []
        if sum(len(rows) for _, rows in parts) <= FEW:
            await self._send(parts)
            return
        while parts:
            part, rows = parts.pop(0)
            left = list(rows)
            del rows
            while left:  # and what was sent is freed at once, and not with all the rest
                await self._send([(part, left[:ROWS_AT_ONCE])])
                del left[:ROWS_AT_ONCE]

    async def _send(self, parts: list[tuple[Part, Sequence[Sequence[Any]]]]) -> None:
        if not parts:
            return
        arguments = [column for _, rows in parts for column in zip(*rows, strict=True)]
        counts = await self.raw.fetchrow(statement(tuple(part for part, _ in parts)), self.tenant_id, *arguments)
        updates = [(part.locked, len(rows)) for part, rows in parts if part.locked]
        for (table, wanted), found in zip(updates, counts or (), strict=False):
            if found != wanted:
                raise InvariantViolated(f"{table}: {found} of {wanted} locked rows")

    def first_stage(self) -> Steps[None]:
        """All that is new, and what was locked and has moved."""
        yield from self._ledger()
        yield from self._billing()
        yield from self._requests()
        rows = yield from each(lambda event: (self.books.source.new_id(), *event, self.now), self.writes.events)
        self.insert("outbox", "id uuid, topic text, subject_id uuid, created_at timestamptz", rows)

    def second_stage(self) -> Steps[None]:
        """What happened to rows of which some are new."""
        yield from self._undone()
        yield from self._amendments()

    def _ledger(self) -> Steps[None]:
        """Transactions, credits, entries and balances; tiers, counters and stock."""
        w = self.writes
        digests = yield from self._transactions()
        texts = [(t.id, t.note, t.salt) for t in w.transactions if t.note is not None]
        self.insert("transaction_texts", "id uuid, note text, salt bytea", texts)
        yield from self._credits()
        yield from self._entries(digests)
        columns = "id uuid, account_id uuid, transaction_id uuid, old_tier text, new_tier text, created_at timestamptz"
        self.insert("tier_changes", columns, [(*row, self._stamp(row[1])) for row in w.tier_changes])
        locked = (c for c in w.touched_counters if c.read_minor is None)  # the others are raised last of all
        counters = yield from _last(lambda c: (c.id, c.used_minor), locked)
        self.update("limit_counters", "used_minor bigint", sorted(counters, key=_by_id))
        rewards = {r.id: (r.id, r.stock) for r in w.touched_rewards}
        self.update("rewards", "stock bigint", list(rewards.values()))

    def _transactions(self) -> Steps[dict[UUID, bytes]]:
        """Answers their digests."""
        digests, rows = {}, []
        opened = yield from self._promises()
        for t in self.writes.transactions:
            note = None if t.note is None or t.salt is None else note_digest(t.salt, t.note)
            actor_id = self.actors[t.actor]
            approved_by_id = self.actors[t.approved_by] if t.approved_by else None
            limited = (
                (None, None, None) if t.limited is None else (t.limited.asset, t.limited.amount_minor, t.limited.day)
            )
            digest = transaction_digest(
                tenant_id=self.tenant_id, transaction_id=t.id, customer_id=t.customer_id, kind=t.kind, reason=t.reason,
                note_digest=note, actor_id=actor_id, approved_by_id=approved_by_id, idempotency_key=t.idempotency_key,
                created_at=t.created_at, limited_asset=limited[0], limited_minor=limited[1], limited_on=limited[2],
            )  # fmt: skip
            if t.id in opened:
                digest += yield from digesting_promises(self.tenant_id, t.id, opened[t.id])
            digests[t.id] = digest
            rows.append((t.id, t.customer_id, t.kind, t.reason, note, actor_id, approved_by_id, t.idempotency_key,
                         t.created_at, digest, *limited))  # fmt: skip
            yield
        self.insert(
            "transactions",
            "id uuid, customer_id uuid, kind text, reason text, note_digest bytea, actor_id uuid, approved_by_id uuid,"
            " idempotency_key text, created_at timestamptz, digest bytea, limited_asset text, limited_minor bigint,"
            " limited_on date",
            rows,
        )
        return digests

    def _promises(self) -> Steps[dict[UUID, list[Promise]]]:
        """By transaction, what the credits that it opened promised: before any change that the same batch made of them."""
        first = {row[1]: row for row in reversed(self.writes.credit_changes)}
        found: dict[UUID, list[Promise]] = {}
        for c in self.writes.credits:
            expires_at, auto_apply, service_ids = c.expires_at, c.auto_apply, c.service_ids
            if c.id in first:
                _, _, _, expires_at, _, auto_apply, _, service_ids, _ = first[c.id]
            promise = Promise(
                c.id, c.account_id, c.origin_id, c.amount_minor, c.opened_sequence, c.effective_on, c.starts_at,
                expires_at, c.created_at, auto_apply, c.counts, service_ids,
            )  # fmt: skip
            found.setdefault(c.transaction_id, []).append(promise)
            yield
        return found

    def _credits(self) -> Steps[None]:
        rows = yield from each(
            lambda c: (
                c.id, c.account_id, c.transaction_id, c.amount_minor, c.remaining_minor, c.effective_on, c.starts_at,
                c.expires_at, bool(c.service_ids), c.auto_apply, c.created_at, c.counts, c.gone_minor,
                c.opened_sequence, c.origin_id,
            ),
            self.writes.credits,
        )  # fmt: skip
        self.insert(
            "credits",
            "id uuid, account_id uuid, transaction_id uuid, amount_minor bigint, remaining_minor bigint, effective_on date,"
            " starts_at timestamptz, expires_at timestamptz, restricted bool, auto_apply bool, created_at timestamptz,"
            " counts bool, gone_minor bigint, opened_sequence bigint, origin_id uuid",
            rows,
        )
        services = [(self.books.source.new_id(), c.id, s) for c in self.writes.credits for s in c.service_ids]
        self.insert("credit_services", "id uuid, credit_id uuid, service_id uuid", services)
        new = {row[0] for row in rows}
        touched = yield from _last(lambda c: (c.id, c.remaining_minor, c.gone_minor), self.writes.touched_credits, new)
        self.update("credits", "remaining_minor bigint, gone_minor bigint", touched)

    def _entries(self, digests: dict[UUID, bytes]) -> Steps[None]:
        heads = {account.id: account.head_hash for account in self.writes.touched_accounts}
        rows = []
        for e in self.writes.entries:
            previous = heads[e.account_id]
            heads[e.account_id] = self._hash(e.transaction, e, previous, digests)
            rows.append(
                (e.id, e.account_id, e.sequence, e.transaction.id, e.credit_id, e.counter, e.amount_minor, e.lifetime_minor,
                 e.balance_after_minor, self._stamp(e.account_id), previous, heads[e.account_id])
            )  # fmt: skip
            yield
        self.insert(
            "entries",
            "id uuid, account_id uuid, sequence bigint, transaction_id uuid, credit_id uuid, counter text,"
            " amount_minor bigint, lifetime_minor bigint, balance_after_minor bigint, created_at timestamptz,"
            " previous_hash bytea, hash bytea",
            rows,
        )
        touched = yield from _last(
            lambda a: (a.id, a.balance_minor, a.lifetime_minor, a.sequence, heads[a.id], a.stamp(self.now)),
            self.writes.touched_accounts,
        )
        columns = "balance_minor bigint, lifetime_minor bigint, sequence bigint, head_hash bytea, posted_at timestamptz"
        self.update("accounts", columns, touched)

    def _stamp(self, account_id: UUID) -> datetime:
        """When what is written of the account happened: now, and never before its newest entry."""
        return self.books.accounts_by_id[account_id].stamp(self.now)

    def _hash(self, t: TransactionDraft, e: EntryDraft, previous: bytes | None, digests: dict[UUID, bytes]) -> bytes:
        return entry_hash(
            previous, tenant_id=self.tenant_id, entry_id=e.id, account_id=e.account_id, sequence=e.sequence,
            transaction_id=t.id, credit_id=e.credit_id, counter=e.counter, amount_minor=e.amount_minor,
            lifetime_minor=e.lifetime_minor, balance_after_minor=e.balance_after_minor,
            created_at=self._stamp(e.account_id), transaction_digest=digests[t.id],
        )  # fmt: skip

    def _billing(self) -> Steps[None]:
        """Invoices and what is on them."""
        w, now = self.writes, self.now
        new = {invoice.id for invoice, _, _ in w.invoices}
        self.insert(
            "invoices",
            "id uuid, customer_id uuid, number text, currency text, total_minor bigint, paid_minor bigint,"
            " credited_minor bigint, creditable_minor bigint, status text, kind text, auto_apply bool, issued_on date,"
            " due_on date, actor_id uuid, created_at timestamptz, limited_on date",
            [
                (i.id, i.customer_id, i.number, i.currency, i.total_minor, i.paid_minor, i.credited_minor,
                 i.creditable_minor, i.status, i.kind, auto, i.issued_on, i.due_on, self.actors[actor], now,
                 i.limited_on)
                for i, actor, auto in w.invoices
            ],
        )  # fmt: skip
        columns = (
            "id uuid, invoice_id uuid, position int, description text, quantity int, unit_price_minor bigint, kind text,"
            " product_id uuid"
        )
        self.insert("invoice_lines", columns, w.invoice_lines)
        touched = yield from _last(
            lambda i: (i.id, i.paid_minor, i.credited_minor, i.status, i.voided_at), w.touched_invoices, new
        )
        columns = "paid_minor bigint, credited_minor bigint, status text, voided_at timestamptz"
        self.update("invoices", columns, touched)
        assigned = yield from each(lambda row: (*row, now), w.assignments)
        self.insert(
            "assignments",
            "id uuid, credit_id uuid, invoice_id uuid, transaction_id uuid, amount_minor bigint, origin text,"
            " assigned_at timestamptz",
            assigned,
        )
        self.insert(
            "payments",
            "id uuid, invoice_id uuid, amount_minor bigint, method text, received_on date, transaction_id uuid,"
            " actor_id uuid, created_at timestamptz",
            [
                (p.id, p.invoice_id, p.amount_minor, p.method, p.received_on, p.transaction_id, self.actors[actor], now)
                for p, actor in w.payments
            ],
        )
        self.insert("grants", "id uuid, invoice_id uuid, credit_id uuid, transaction_id uuid", w.grants)

    def _undone(self) -> Steps[None]:
        """Releases, voidings, and grants taken back; requests approved."""
        w = self.writes
        approved = {
            r.id: (r.id, r.status, self.actors[r.decided_by], r.decided_by.subject, r.decided_at, r.decision_note,
                   r.transaction_id, r.invoice_id)
            for r in w.touched_approvals if r.decided_by is not None
        }  # fmt: skip
        columns = (
            "status text, decided_by_id uuid, decided_subject text, decided_at timestamptz, decision_note text,"
            " transaction_id uuid, invoice_id uuid"
        )
        self.update("approval_requests", columns, list(approved.values()))
        released = yield from _last(lambda pair: (pair[0].id, pair[0].released_at, pair[1]), w.released)
        self.update("assignments", "released_at timestamptz, release_transaction_id uuid", released)
        voided = {p.id: (p.id, p.voided_at) for p in w.touched_payments}
        self.update("payments", "voided_at timestamptz", list(voided.values()))
        self.update("grants", "revoked_transaction_id uuid, revoked_minor bigint", w.revoked_grants)

    def _amendments(self) -> Steps[None]:
        """What credits say of themselves, and what it was before."""
        amended = yield from _last(
            lambda c: (c.id, c.expires_at, bool(c.service_ids), c.auto_apply, c.swept_at, c.voided_at),
            self.writes.amended_credits,
        )
        columns = (
            "expires_at timestamptz, restricted bool, auto_apply bool, swept_at timestamptz, voided_at timestamptz"
        )
        self.update("credits", columns, amended)
        changes = [(*row[:7], to_json(row[7]), to_json(row[8]), self.now) for row in self.writes.credit_changes]
        self.insert(
            "credit_changes",
            "id uuid, credit_id uuid, transaction_id uuid, old_expires_at timestamptz, new_expires_at timestamptz,"
            " old_auto_apply bool, new_auto_apply bool, old_services jsonb, new_services jsonb, created_at timestamptz",
            changes,
        )
        services = [
            (self.books.source.new_id(), credit_id, service_id)
            for credit_id, service_ids in self._restricted_anew().items()
            for service_id in service_ids
        ]
        self.insert("credit_services", "id uuid, credit_id uuid, service_id uuid", services)

    def _restricted_anew(self) -> dict[UUID, list[UUID]]:
        """The services of each credit whose restriction has changed, as they are in the end."""
        return {row[1]: row[8] for row in self.writes.credit_changes if row[7] != row[8]}

    async def forget_services(self) -> None:
        """Take off what changed credits were restricted to before."""
        restricted = list(self._restricted_anew())
        if restricted:
            await self.raw.execute(
                f"""DELETE FROM credit_services s USING {lookups.each("id uuid")} k
                WHERE s.tenant_id = $1 AND s.credit_id = k.id""",
                self.tenant_id, restricted,
            )  # fmt: skip

    def _requests(self) -> Steps[None]:
        """Coupons, events without value, and what was asked for."""
        w, now = self.writes, self.now
        self.insert(
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
        self.update("coupons", columns, list(closed.values()))
        self.insert(
            "audit_events",
            "id uuid, action text, subject_id uuid, customer_id uuid, actor_id uuid, note text, details jsonb,"
            " request_id text, address text, created_at timestamptz",
            [
                (event, action, subject, customer, self.actors[actor], note, None if details is None else to_json(details),
                 actor.request_id, actor.address, now)
                for event, action, subject, customer, actor, note, details in w.audits
            ],
        )  # fmt: skip
        self.insert(
            "approval_requests",
            "id uuid, operation text, command jsonb, customer_id uuid, status text, requested_by_id uuid,"
            " requested_subject text, created_at timestamptz, expires_at timestamptz, terms jsonb",
            [
                (r.id, r.operation, to_json(kept(r.command)), r.customer_id, r.status, self.actors[r.requested_by],
                 r.requested_by.subject, r.created_at, r.expires_at, to_json(r.terms))
                for r in w.approvals
            ],
        )  # fmt: skip
        self.insert(
            "bulk_operations",
            "id uuid, status text, asset text, error_policy text, dry_run bool, total int, processed int, succeeded int,"
            " failed int, actor_id uuid, cancel_requested bool, created_at timestamptz, finished_at timestamptz",
            [
                (o.id, o.status, o.asset, policy, dry_run, o.total, o.processed, o.succeeded, o.failed,
                 self.actors[actor], False, now, now)
                for o, policy, dry_run, actor in w.bulk_operations
            ],
        )  # fmt: skip
        columns = (
            "id uuid, operation_id uuid, row int, customer_id uuid, amount numeric, transaction_id uuid, error jsonb"
        )
        rows = yield from each(lambda row: (*row[:6], to_json(row[6]) if row[6] else None), w.bulk_rows)
        self.insert("bulk_rows", columns, rows)

    async def merges(self) -> None:
        """Lots that went on as others; records that are another's from now on, those merged into them before as well; and
        the membership that is kept."""
        w, now = self.writes, self.now
        members = [(c.id, c.membership_started_at, c.membership_cancelled_at, now) for c in w.memberships]
        columns = "membership_started_at timestamptz, membership_cancelled_at timestamptz, updated_at timestamptz"
        self.update("customers", columns, members)
        await self.send()
        for from_id, into_id in w.merged_customers:
            await self.raw.execute(
                """UPDATE customers SET merged_into_id = $3, merged_at = $4, updated_at = $4
                WHERE tenant_id = $1 AND (id = $2 OR merged_into_id = $2)""",
                self.tenant_id, from_id, into_id, now,
            )  # fmt: skip

    async def row_results(self) -> None:
        """What became of rows that had none yet, and how far their bulk is with them."""
        row_results = await each_in_slices(
            lambda row_result: (*row_result[:3], to_json(row_result[3]) if row_result[3] else None),
            self.writes.row_results,
        )
        for start in range(0, len(row_results), ROWS_AT_ONCE):
            await self._settle_rows(row_results[start : start + ROWS_AT_ONCE])
        for operation_id in {row_result[0] for row_result in row_results}:
            own = [row_result for row_result in row_results if row_result[0] == operation_id]
            failed = sum(row_result[2] is None for row_result in own)
            await self.raw.execute(
                """UPDATE bulk_operations SET processed = processed + $3, succeeded = succeeded + $3 - $4,
                    failed = failed + $4 WHERE tenant_id = $1 AND id = $2""",
                self.tenant_id, operation_id, len(own), failed,
            )  # fmt: skip

    async def _settle_rows(self, row_results: list[tuple[Any, ...]]) -> None:
        """That they had none is said so that the index on such rows, which may be all of the bulk's, is not led to."""
        row_result = lookups.each("operation_id uuid", '"row" int', "transaction_id uuid", "error jsonb")
        status = await self.raw.execute(
            f"""UPDATE bulk_rows r SET transaction_id = u.transaction_id, error = u.error FROM {row_result} u
            WHERE r.tenant_id = $1 AND r.operation_id = u.operation_id AND r."row" = u."row"
                AND num_nonnulls(r.transaction_id, r.error) = 0""",
            self.tenant_id, *zip(*row_results, strict=True),
        )  # fmt: skip
        if status != f"UPDATE {len(row_results)}":
            raise InvariantViolated(f"bulk_rows: {status} of {len(row_results)} that were pending")


def _last(
    made: Callable[[T], tuple[Any, ...]], changed: Iterable[T], new: AbstractSet[UUID] = frozenset()
) -> Steps[list[tuple[Any, ...]]]:
    """A row for each of those that changed, once, as it is in the end; of those that are `new` there is one already.

    A row begins with its id.
    """
    rows: dict[UUID, tuple[Any, ...]] = {}
    for each_one in changed:
        row = made(each_one)
        if row[0] not in new:
            rows[row[0]] = row
        yield
    return list(rows.values())


def _by_id(row: Sequence[Any]) -> bytes:
    found: bytes = row[0].bytes
    return found


def to_json(value: Any) -> str:
    """JSON with decimals as strings, dates and ids as text."""
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID | date | datetime):
        return str(value)
    raise TypeError(f"cannot be kept as JSON: {type(value).__name__}")

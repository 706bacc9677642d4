"""The proof of the books: every figure that can be recomputed is, and everything else is compared with its hash.

In one snapshot, so that it can run beside the service:

- figures, from the entries, lines, payments and assignments that they sum up (verify_checks.py);
- transactions' facts and credits' terms, with the digests under the entries' hashes, and these with the chains;
- every other row, with its seal (verify_seals.py), and every row that another one names, with whether it exists.

One row cannot prove that nobody wrote all of it anew, with every digest: that takes something kept elsewhere.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from models.hash_chain import Promise, entry_hash, entry_hash_1, note_digest, promises_digest, transaction_digest
from models.pool import Raw
from models.reads.verify_checks import COUNTS, ENTRIES, LEDGER_CHECKS, NOTES, TRANSACTIONS
from models.reads.verify_links import LINK_CHECKS
from models.reads.verify_people import OTHER_CHECKS
from models.reads.verify_seals import SEAL_CHECKS
from models.session import TenantConnection, ask, tenant_transaction

MAX_LISTED: Final = 20
"""Maximum differences of each kind that a proof lists; the rest it only counts."""
_PREFETCH: Final = 2000
_WHOLE_TENANT: Final = "SET LOCAL enable_nestloop = off; SET LOCAL cursor_tuple_fraction = 1"
"""These statements read all of a tenant's rows to the end. A planner that knows nothing of the tenant yet takes every table
for one row, and would loop over them all, one within another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs from the entries. check: the name of the comparison; id: the row's; detail: both figures."""

    check: str
    id: UUID
    detail: str


@dataclass(slots=True)
class Proof:
    """The rows read, and the differences: none if the books are right.

    found: number of differences by check. listed: the first MAX_LISTED of each.
    """

    entries: int = 0
    notes: int = 0
    accounts: int = 0
    credits: int = 0
    invoices: int = 0
    coupons: int = 0
    found: Counter[str] = field(default_factory=Counter)
    listed: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.found

    def differs(self, check: str, row_id: UUID, detail: str) -> None:
        self.found[check] += 1
        if self.found[check] <= MAX_LISTED:
            self.listed.append(Difference(check, row_id, detail))


@dataclass(frozen=True, slots=True)
class TenantName:
    """suspended: whether its requests are refused, and its jobs rest."""

    id: UUID
    slug: str
    suspended: bool


async def every_tenant() -> list[TenantName]:
    """All tenants by slug: for operators of the service, never for a request."""

    async def question(raw: Raw) -> list[TenantName]:
        async with raw.transaction(readonly=True):
            await raw.execute("SET LOCAL scrip.directory = 'on'")
            rows = await raw.fetch("SELECT id, slug, suspended_at IS NOT NULL FROM tenants ORDER BY slug")
            return [TenantName(*row) for row in rows]

    return await ask(question)


_STATEMENTS: Final = (
    *((check.name, check.sql) for check in (*LEDGER_CHECKS, *OTHER_CHECKS)),
    *((f"row of {check.table}", check.sql) for check in SEAL_CHECKS),
    *((f"row of {check.target}", check.sql) for check in LINK_CHECKS),
)
"""The comparisons made in SQL: by name, statements that return (id, detail) of each difference."""


async def verify(tenant_id: UUID) -> Proof:
    """Recompute the tenant's books. Streams its reads, and writes nothing."""
    proof = Proof()
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True, settings=_WHOLE_TENANT) as connection:
        for name, sql in _STATEMENTS:
            async for row in _stream(connection, sql):
                proof.differs(name, row["id"], row["detail"])
        await _verify_transactions(connection, proof)
        await _verify_chains(connection, proof)
        await _verify_notes(connection, proof)
        counts = await connection.raw.fetchrow(COUNTS, tenant_id)
        proof.accounts, proof.credits, proof.invoices, proof.coupons = counts
    return proof


async def _verify_transactions(connection: TenantConnection, proof: Proof) -> None:
    rows: list[Any] = []
    async for row in _stream(connection, TRANSACTIONS):
        if rows and rows[0]["id"] != row["id"]:
            _verify_transaction(connection.tenant_id, rows, proof)
            rows = []
        rows.append(row)
    if rows:
        _verify_transaction(connection.tenant_id, rows, proof)


def _verify_transaction(tenant_id: UUID, rows: Sequence[Any], proof: Proof) -> None:
    """`rows`: the transaction's, one for each credit that it opened, or one without a credit."""
    row = rows[0]
    says = transaction_digest(
        tenant_id=tenant_id,
        transaction_id=row["id"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        reason=row["reason"],
        note_digest=row["note_digest"],
        actor_id=row["actor_id"],
        approved_by_id=row["approved_by_id"],
        idempotency_key=row["idempotency_key"],
        created_at=row["created_at"],
        limited_asset=row["limited_asset"],
        limited_minor=row["limited_minor"],
        limited_on=row["limited_on"],
    )
    if row["digest"][:32] != says:
        proof.differs("row of transactions", row["id"], "does not say what it said when it was written")
    opened = [_promise(each) for each in rows if each["credit_id"] is not None]
    promised = promises_digest(tenant_id, row["id"], opened) if opened else b""
    if row["digest"][32:] != promised:
        detail = f"transaction {row['id']}: what it promised is not what was hashed, or another one's of {len(opened)}"
        for promise in opened:
            proof.differs("credit promise", promise.id, detail)
        if not opened:
            proof.differs("credit promise", row["id"], "the credits that it opened are gone")


def _promise(row: Any) -> Promise:
    return Promise(
        row["credit_id"],
        row["account_id"],
        row["origin_id"],
        row["amount_minor"],
        row["opened_sequence"],
        row["effective_on"],
        row["starts_at"],
        row["expires_at"],
        row["opened_at"],
        row["auto_apply"],
        row["counts"],
        row["services"],
    )


async def _verify_chains(connection: TenantConnection, proof: Proof) -> None:
    before: Any = None
    async for row in _stream(connection, ENTRIES):
        proof.entries += 1
        if before is not None and before["account_id"] != row["account_id"]:
            before = None
        for check, detail in _entry_differences(connection.tenant_id, before, row):
            proof.differs(check, row["id"], f"account {row['account_id']}, entry {row['sequence']}: {detail}")
        before = row


def _entry_differences(tenant_id: UUID, before: Any, row: Any) -> Iterator[tuple[str, str]]:
    """The ways in which an entry fails to continue the one before it (None: it is the account's first), or to bear its
    own hash."""
    sequence = balance = 0
    previous: bytes | None = None
    if before is not None:
        sequence, balance, previous = before["sequence"], before["balance_after_minor"], before["hash"]
        if row["created_at"] < before["created_at"]:
            yield "entry time", f"of {row['created_at']}, before its predecessor's {before['created_at']}"
    if row["sequence"] != sequence + 1:
        yield "entry sequence", f"follows {sequence}"
    if row["balance_after_minor"] != balance + row["amount_minor"]:
        yield "entry balance", f"{row['balance_after_minor']} after {balance} and {row['amount_minor']}"
    if row["previous_hash"] != previous:
        yield "entry link", "does not name its predecessor's hash"
    if row["explained"] and row["hash"] != _hash_of(tenant_id, row):
        yield "entry hash", "its facts have another hash than it bears"


def _hash_of(tenant_id: UUID, row: Any) -> bytes:
    if row["digest"] is not None:
        return entry_hash(
            row["previous_hash"],
            tenant_id=tenant_id,
            entry_id=row["id"],
            account_id=row["account_id"],
            sequence=row["sequence"],
            transaction_id=row["transaction_id"],
            credit_id=row["credit_id"],
            counter=row["counter"],
            amount_minor=row["amount_minor"],
            lifetime_minor=row["lifetime_minor"],
            balance_after_minor=row["balance_after_minor"],
            created_at=row["created_at"],
            transaction_digest=row["digest"],
        )
    return entry_hash_1(
        row["previous_hash"],
        tenant_id=tenant_id,
        account_id=row["account_id"],
        sequence=row["sequence"],
        transaction_id=row["transaction_id"],
        credit_id=row["credit_id"],
        counter=row["counter"],
        amount_minor=row["amount_minor"],
        lifetime_minor=row["lifetime_minor"],
        balance_after_minor=row["balance_after_minor"],
        created_at=row["created_at"],
        kind=row["kind"],
        reason=row["reason"],
        actor_id=row["actor_id"],
        approved_by_id=row["approved_by_id"],
        customer_id=row["customer_id"],
        note_digest=row["note_digest"],
    )


async def _verify_notes(connection: TenantConnection, proof: Proof) -> None:
    """A note has the digest that its transaction bears. One that is blank proves nothing, and only erasing leaves it so."""
    async for row in _stream(connection, NOTES):
        proof.notes += 1
        if not row["kept"]:
            proof.differs("note", row["id"], "the note is gone")
        elif row["salt"]:
            if row["note_digest"] != note_digest(row["salt"], row["note"]):
                proof.differs("note", row["id"], "the note is not the one that was written")
        elif row["erased_at"] is None or row["note"] or row["note_digest"] is None:
            proof.differs("note", row["id"], "the note is blank, and its customer was not erased")


async def _stream(connection: TenantConnection, sql: str) -> AsyncIterator[Any]:
    # No LIMIT in these statements: the planner would count on finding so many differences soon, and loop.
    async for row in connection.raw.cursor(sql, connection.tenant_id, prefetch=_PREFETCH):
        yield row

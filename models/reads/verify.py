"""The proof of the books: everything that sums entries up, worked out again from the entries.

Balances, lifetime totals, sequences, remainders, invoices, assignments, coupons' points, hashes and notes' digests are
compared in one snapshot, so that it can run beside the service; so are approved requests with their transactions, which
two different people have to stand on. Not compared: what no entry tells, which is what has been used of daily limits,
bulk reports, and tiers (their thresholds may have changed since).
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tortoise import connections

from models.hash_chain import entry_hash, note_digest
from models.reads.verify_checks import CHECKS, COUNTS, ENTRIES, NOTES
from models.reads.verify_seals import SEAL_CHECKS
from models.session import CONNECTION_NAME, TenantConnection, tenant_transaction

MAX_LISTED: Final = 20
"""How many differences of each kind a proof lists; the rest it only counts."""
_PREFETCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the entries say. check: what was compared; id: the row's; detail: both figures."""

    check: str
    id: UUID
    detail: str


@dataclass(slots=True)
class Proof:
    """What was read, and what differed: nothing, where the books are right.

    found: how many differences by check. listed: the first MAX_LISTED of each.
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
    id: UUID
    slug: str


async def every_tenant() -> list[TenantName]:
    """All tenants by slug: for those who run the service, never for a request."""
    client: Any = connections.get(CONNECTION_NAME)
    async with client.acquire_connection() as raw, raw.transaction(readonly=True):
        await raw.execute("SET LOCAL scrip.directory = 'on'")
        return [
            TenantName(row["id"], row["slug"]) for row in await raw.fetch("SELECT id, slug FROM tenants ORDER BY slug")
        ]


async def verify(tenant_id: UUID) -> Proof:
    """Work the tenant's books out again. Streams what it reads, and writes nothing."""
    proof = Proof()
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        # All statements have to see the same moment. Nothing has been read yet, so the level can still be set.
        await connection.raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for check in CHECKS:
            async for row in _stream(connection, check.sql):
                proof.differs(check.name, row["id"], row["detail"])
        for seal in SEAL_CHECKS:
            async for row in _stream(connection, seal.sql):
                proof.differs(f"{seal.table} row", row["id"], row["detail"])
        await _verify_chains(connection, proof)
        await _verify_notes(connection, proof)
        counts = await connection.raw.fetchrow(COUNTS, tenant_id)
        proof.accounts, proof.credits, proof.invoices, proof.coupons = counts
    return proof


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
    """How an entry fails to continue the one before it (None: it is the account's first), or to bear its own hash."""
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
    if row["hash"] != _hash_of(tenant_id, row):
        yield "entry hash", "its facts have another hash than it bears"


def _hash_of(tenant_id: UUID, row: Any) -> bytes:
    return entry_hash(
        row["previous_hash"], tenant_id=tenant_id, account_id=row["account_id"], sequence=row["sequence"],
        transaction_id=row["transaction_id"], credit_id=row["credit_id"], counter=row["counter"],
        amount_minor=row["amount_minor"], lifetime_minor=row["lifetime_minor"],
        balance_after_minor=row["balance_after_minor"], created_at=row["created_at"], kind=row["kind"],
        reason=row["reason"], actor_id=row["actor_id"], approved_by_id=row["approved_by_id"],
        customer_id=row["customer_id"], note_digest=row["note_digest"],
    )  # fmt: skip


async def _verify_notes(connection: TenantConnection, proof: Proof) -> None:
    """A note that is there has the digest that its transaction bears; one that has been erased proves nothing."""
    async for row in _stream(connection, NOTES):
        proof.notes += 1
        if row["salt"] is not None and row["note_digest"] != note_digest(row["salt"], row["note"]):
            proof.differs("note", row["id"], "the note is not the one that was written")


async def _stream(connection: TenantConnection, sql: str) -> AsyncIterator[Any]:
    # No LIMIT in these statements: the planner would count on finding so many differences soon, and loop.
    async for row in connection.raw.cursor(sql, connection.tenant_id, prefetch=_PREFETCH):
        yield row

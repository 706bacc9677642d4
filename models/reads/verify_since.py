"""Checkpoints of books that were proved, to be kept elsewhere, and the proof of what came since one.

A checkpoint is an instant, and a digest over the newest entry before it of every account. Entries are chained, so nobody can
cut off, rewrite or take away an entry before that instant together with the hashes after it without the digest changing.

`verify_since` proves that, and of what came since: that entries continue their chains and bear their hashes, that
transactions and the credits they opened are as they were hashed, and that accounts name their newest entry and its balance.
Nothing else is compared: what was rewritten under hashes that were left, other figures, and seals, take a whole `verify`.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from models.errors import InvariantViolated
from models.pool import Raw
from models.reads.proof import Proof
from models.reads.verify_hashes import HEADS_AT, SINCE, SINCE_STATEMENTS
from models.session import tenant_transaction

_BY_KEY: Final = "SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '16MB'"
_PREFETCH: Final = 2000
MAX_FILE_CHARACTERS: Final = 4_096
"""Of a checkpoint's text."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """until: the instant before which all was proved. accounts, entries: how many had been posted to, and were posted.
    heads: the digest."""

    tenant_id: UUID
    until: datetime
    accounts: int
    entries: int
    heads: bytes

    def written(self) -> str:
        """As JSON."""
        said = {
            "tenant": str(self.tenant_id),
            "until": self.until.isoformat(),
            "accounts": self.accounts,
            "entries": self.entries,
            "heads": self.heads.hex(),
        }
        return json.dumps(said, indent=2) + "\n"


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in the text that `written` wrote. Raises ValueError for any other text."""
    try:
        said: dict[str, Any] = json.loads(text)
        until = datetime.fromisoformat(said["until"])
        heads = bytes.fromhex(said["heads"])
        found = Checkpoint(UUID(said["tenant"]), until, int(said["accounts"]), int(said["entries"]), heads)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a checkpoint has tenant, until, accounts, entries and heads") from error
    if until.tzinfo is None or len(heads) != 32:
        raise ValueError("a checkpoint's instant has an offset, and its digest 32 bytes")
    return found


async def checkpoint_at(raw: Raw, tenant_id: UUID, until: datetime) -> Checkpoint:
    """Of the books as the transaction sees them. until: a settled instant."""
    digest, accounts, entries = sha256(b"scrip-heads-1\0" + tenant_id.bytes), 0, 0
    for row in await raw.fetch(HEADS_AT, tenant_id, until):
        digest.update(bytes([row["bucket"]]) + row["digest"])
        accounts += row["accounts"]
        entries += row["entries"]
    return Checkpoint(tenant_id, until, accounts, entries, digest.digest())


async def checkpoint(tenant_id: UUID) -> Checkpoint:
    """One of the books as they are: take it before a `verify`, and keep it if that finds no difference."""
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True, settling=True) as connection:
        if connection.settled is None:
            raise InvariantViolated("a transaction that was to be settled has no instant")
        return await checkpoint_at(connection.raw, tenant_id, connection.settled)


async def verify_since(kept: Checkpoint) -> Proof:
    """Compare the books with the checkpoint, and prove what came since."""
    proof = Proof()
    async with tenant_transaction(kept.tenant_id, read_only=True, one_moment=True, settings=_BY_KEY) as connection:
        now = await checkpoint_at(connection.raw, kept.tenant_id, kept.until)
        if now != kept:
            detail = (
                f"before {kept.until}: {now.entries} entries on {now.accounts} accounts, heads {now.heads.hex()};"
                f" the checkpoint has {kept.entries} on {kept.accounts}, {kept.heads.hex()}"
            )
            proof.differs("checkpoint", kept.tenant_id, detail)
        for sql in SINCE_STATEMENTS:
            async for row in connection.raw.cursor(sql, kept.tenant_id, kept.until, prefetch=_PREFETCH):
                proof.differs(row["compared"], row["id"], row["detail"])
        proof.entries = await connection.raw.fetchval(_ENTRIES_SINCE, kept.tenant_id, kept.until)
    return proof


_ENTRIES_SINCE: Final = f"SELECT count(*) FROM {SINCE}"

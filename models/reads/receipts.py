"""Receipts: an entry, the entries that chain it to its account's head in the last checkpoint, and the head's way up to the
checkpoint's root (docs/adr/0064)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from models.checkpoints import MAX_LEVELS, WIDTH, head_leaf
from models.errors import InvariantViolated
from models.kinds import ReceiptState
from models.merkle import path, root_by_path
from models.reads.checkpoints import CHECKPOINT, CheckpointView, checkpoint
from models.reads.session import ReadSession
from models.reads.verify_hashes import ENTRY_BYTES

MAX_LINKS: Final = 1_000
"""Maximum entries between an entry and the head in a receipt: about 300 kB."""

_LAST: Final = f"select {CHECKPOINT} from checkpoints t where t.tenant_id = $1 order by t.number desc limit 1"
_CHAIN: Final = f"""
    select e.id, e.sequence, e.hash, {ENTRY_BYTES} as bytes
      from (select * from entries where tenant_id = $1 and account_id = $2 and sequence >= $3 order by sequence limit $5) e
      cross join lateral (select digest from transactions where tenant_id = $1 and id = e.transaction_id offset 0) t
     where e.created_at < $4 order by e.sequence"""
_TILE: Final = """
    select n, keys, hashes from checkpoint_tiles where tenant_id = $1 and level = 0 and id <= $2 order by id desc limit 1"""
_ABOVE: Final = """
    select level, hashes from checkpoint_tiles
     where tenant_id = $1 and level > 0 and (level, n) in (select * from unnest($2::smallint[], $3::bigint[]))
     order by level"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """entry, links: bytes of the entry, and of those that follow it up to the head, in their order. index: of the
    account's leaf. path: the hashes beside it, from the leaf up. All of them only of a receipt that is ready."""

    state: ReceiptState
    entry: bytes | None = None
    links: Sequence[bytes] = ()
    index: int | None = None
    path: Sequence[bytes] = ()
    checkpoint: CheckpointView | None = None


async def receipt(session: ReadSession, account_id: UUID, sequence: int) -> Receipt:
    """Of the account's entry with this sequence, by the last checkpoint.

    It is worked out as its reader will check it: what does not prove the entry is no receipt. Raises
    InvariantViolated if the books are not what their hashes say.
    """
    found = await session.fetch(_LAST)
    if not found:
        return Receipt(ReceiptState.PENDING)
    last = checkpoint(found[0])
    chain = await session.fetch(_CHAIN, account_id, sequence, last.until, MAX_LINKS + 2)
    if not chain:
        return Receipt(ReceiptState.PENDING)
    if chain[0]["bytes"] is None:
        return Receipt(ReceiptState.TOO_OLD)
    if len(chain) > MAX_LINKS + 1:
        return Receipt(ReceiptState.TOO_FAR)
    if any(sha256(row["bytes"]).digest() != row["hash"] for row in chain):
        raise InvariantViolated(f"account {account_id} has an entry with another hash than its own")
    head = head_leaf(session.tenant_id, account_id, chain[-1]["sequence"], chain[-1]["hash"])
    way = await _way(session, account_id, head)
    if way is None or root_by_path(head, way[0], last.size, way[1]) != last.root:
        return Receipt(ReceiptState.PENDING)  # the tree is on its way to the next checkpoint
    links = [row["bytes"] for row in chain[1:]]
    return Receipt(ReceiptState.READY, chain[0]["bytes"], links, *way, last)


async def _way(session: ReadSession, account_id: UUID, head: bytes) -> tuple[int, list[bytes]] | None:
    """The leaf's index, and its path; None if it is not in the tree."""
    tiles = await session.fetch(_TILE, account_id)
    if not tiles:
        return None
    keys, hashes = tiles[0]["keys"], _hashes(tiles[0])
    places = [n for n, hashed in enumerate(hashes) if hashed == head and keys[16 * n : 16 * n + 16] == account_id.bytes]
    if not places:
        return None
    tile, place = tiles[0]["n"], places[0]
    shown = path(hashes, place)
    levels = range(1, MAX_LEVELS + 1)
    numbers = [tile // WIDTH**level for level in levels]
    for row in await session.fetch(_ABOVE, list(levels), numbers):
        shown += path(_hashes(row), tile // WIDTH ** (row["level"] - 1) % WIDTH)
    return tile * WIDTH + place, shown


def _hashes(row: Any) -> list[bytes]:
    joined = row["hashes"]
    return [joined[n : n + 32] for n in range(0, len(joined), 32)]

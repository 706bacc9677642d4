"""Checkpoints, compared with the books: what was at an account's head then has to be in its chain now.

Of those that are kept in the database each must continue the one before, and the last one's root must be that of the
tree over all heads at its instant, worked out from the entries. What is kept elsewhere, nobody can have rewritten
together with the books: each of its checkpoints must be here as it is there.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from models.checkpoints import EVENTS, HEADS, HEADS_OF, WIDTH, Checkpoint, head_leaf, of_note, read_text
from models.merkle import EMPTY, root
from models.pool import Raw
from models.reads.proof import MAX_LISTED, Proof
from models.session import tenant_transaction
from models.signed_notes import PublicKey, signed_text

MAX_KEPT: Final = 100_000
"""Maximum checkpoints of one tenant that are compared at once."""
_PREFETCH: Final = 2_000
_NOTES: Final = """
    SELECT id, number, until, size, root, position, note FROM checkpoints WHERE tenant_id = $1 ORDER BY number"""
_TILES: Final = "SELECT keys, hashes FROM checkpoint_tiles WHERE tenant_id = $1 AND level = 0 ORDER BY n"
_PRUNED: Final = "SELECT pruned FROM feed_heads WHERE tenant_id = $1 AND id = $1"


async def compare_checkpoints(
    raw: Raw, tenant_id: UUID, proof: Proof, kept: Sequence[Checkpoint] = (), trusted: Sequence[PublicKey] = ()
) -> None:
    """Compare them, in a transaction of one moment.

    kept: those that were kept elsewhere, in their order; their signatures have been checked. trusted: public keys one of
    which must have signed each that is here; none for any.
    """
    for before, one in pairwise(kept):
        if one.number == before.number + 1 and one.previous != before.digest:
            proof.differs("checkpoint kept elsewhere", tenant_id, f"{one.number} does not name {before.number}")
    last = await _compare_rows(raw, tenant_id, proof, kept, trusted)
    await _compare_events(raw, tenant_id, proof, kept or ([] if last is None else [last]))
    newest = {one.number: one for one in (*kept[-1:], *([] if last is None else [last]))}
    for one in newest.values():
        await _compare_heads(raw, tenant_id, proof, one)


async def verify_kept(tenant_id: UUID, kept: Sequence[Checkpoint], trusted: Sequence[PublicKey]) -> Proof:
    """The same alone, without the rest of the proof."""
    proof = Proof()
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        await compare_checkpoints(connection.raw, tenant_id, proof, kept, trusted)
    return proof


async def _compare_rows(
    raw: Raw, tenant_id: UUID, proof: Proof, kept: Sequence[Checkpoint], trusted: Sequence[PublicKey]
) -> Checkpoint | None:
    elsewhere = {one.number: one for one in kept}
    before: Checkpoint | None = None
    async for row in raw.cursor(_NOTES, tenant_id, prefetch=_PREFETCH):
        try:
            read = read_text(signed_text(row["note"], trusted)) if trusted else of_note(row["note"])
        except ValueError as error:
            proof.differs("checkpoint", row["id"], f"{row['number']}: {error}")
            continue
        columns = tuple(row[name] for name in ("number", "until", "size", "root", "position"))
        if columns != (read.number, read.until, read.size, read.root, read.last) or read.tenant_id != tenant_id:
            proof.differs("checkpoint", row["id"], f"{row['number']}: its columns are not those of its note")
        if read.number != 1 + (0 if before is None else before.number):
            proof.differs("checkpoint", row["id"], f"{read.number}: the one before it is missing")
        elif read.previous != (None if before is None else before.digest):
            proof.differs("checkpoint", row["id"], f"{read.number}: does not name the one before it")
        there = elsewhere.pop(read.number, read)
        if there != read:
            proof.differs("checkpoint kept elsewhere", row["id"], f"{read.number}: another text is kept there")
        before = read
    for number in sorted(elsewhere):
        proof.differs("checkpoint kept elsewhere", tenant_id, f"{number} is not in the database")
    return before


async def _compare_events(raw: Raw, tenant_id: UUID, proof: Proof, kept: Sequence[Checkpoint]) -> None:
    pruned = await raw.fetchval(_PRUNED, tenant_id) or 0
    for one in kept:
        if one.first > pruned and await raw.fetchval(EVENTS, tenant_id, one.first, one.last) != one.events:
            detail = f"{one.number}: events {one.first} to {one.last} are not what they were"
            proof.differs("checkpoint's events", tenant_id, detail)


async def _compare_heads(raw: Raw, tenant_id: UUID, proof: Proof, one: Checkpoint) -> None:
    size, tiles, under_way = 0, list[bytes](), list[bytes]()
    async for row in raw.cursor(HEADS, tenant_id, one.until, prefetch=_PREFETCH):
        under_way.append(head_leaf(tenant_id, row["id"], row["sequence"], row["hash"]))
        size += 1
        if len(under_way) == WIDTH:
            tiles.append(root(under_way))
            under_way = []
    found = root([*tiles, root(under_way)] if under_way else tiles)
    if (size, found) == (one.size, one.root):
        return
    detail = (
        f"{one.number}: at {one.until.isoformat()} {size} accounts, heads {found.hex()}; "
        f"the checkpoint has {one.size}, {one.root.hex()}"
    )
    proof.differs("checkpoint's heads", tenant_id, detail)
    await _name(raw, tenant_id, proof, one)


async def _name(raw: Raw, tenant_id: UUID, proof: Proof, one: Checkpoint) -> None:
    """Name the accounts whose heads differ, if the tree that is kept here is the checkpoint's own."""
    roots = list[bytes]()
    async for row in raw.cursor(_TILES, tenant_id, prefetch=_PREFETCH):
        roots.append(root(_hashes(row["hashes"])))
    if (root(roots) if roots else EMPTY) != one.root:
        return
    named = 0
    async for row in raw.cursor(_TILES, tenant_id, prefetch=_PREFETCH):
        accounts = [UUID(bytes=row["keys"][n : n + 16]) for n in range(0, len(row["keys"]), 16)]
        heads = await _heads(raw, tenant_id, one.until, accounts)
        for account, hashed in zip(accounts, _hashes(row["hashes"]), strict=True):
            if heads.get(account) != hashed:
                told = "no entry" if account not in heads else "another entry"
                proof.differs("checkpoint's head", account, f"{one.number}: has {told} at {one.until.isoformat()}")
                named += 1
        if named > MAX_LISTED:
            return


async def _heads(raw: Raw, tenant_id: UUID, until: datetime, accounts: Sequence[UUID]) -> dict[UUID, bytes]:
    rows = await raw.fetch(HEADS_OF, tenant_id, until, accounts)
    return {UUID(str(row["id"])): head_leaf(tenant_id, row["id"], row["sequence"], row["hash"]) for row in rows}


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[n : n + 32] for n in range(0, len(joined), 32)]

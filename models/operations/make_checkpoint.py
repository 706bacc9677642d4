"""Make a checkpoint of the tenant's books (docs/adr/0064).

A checkpoint is made only if it continues the last one: what was the head of an account then is still in its chain now. So
a comparison of the books with the last one is one with all.

The tree is kept in tiles, so that only accounts with new entries change it. Before it is signed, all of it is compared with
the books, a slice at a time: an account that nobody posted to has to be what it was. All steps of a checkpoint go by one
instant, which is settled: what they read of the books is the same whenever they read it, so each is a transaction of its
own, and what died is gone on with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.checkpoints import (
    ADD,
    ALL,
    ARRIVE,
    BEGIN,
    CHANGED,
    CUT,
    EVENTS,
    EVERYBODY,
    FEED,
    GO_ON,
    LAST,
    LEAVES,
    LOCK,
    MANY,
    MAX_LEVELS,
    NEXT,
    NOBODY,
    PUT,
    ROOTS,
    STAGED,
    SWAP,
    TAIL,
    TELL,
    TILES,
    WIDTH,
    BooksDiffer,
    Checkpoint,
    Notary,
    head_leaf,
    read_text,
)
from models.errors import InvariantViolated
from models.ledger import Ledger
from models.merkle import EMPTY, root
from models.session import GENERIC_PLANS, TenantConnection, settled_instant, tenant_transaction
from models.signed_notes import signed_text

ACCOUNTS_AT_ONCE: Final = 4_096
"""Maximum accounts whose heads are put into the tree in one transaction."""
MANY_TRANSACTIONS: Final = 50_000
"""If more have been posted since the last checkpoint, each account is read once instead of each entry."""
LONG_TAIL: Final = 512
"""Tiles after an account that comes between others: if there are more, the tree is made anew."""
ROOTS_AT_ONCE: Final = 32_768
MAX_STEPS: Final = 100
ADDED: Final = "INSERT 0 1"


async def make_checkpoint(
    ledger: Ledger, tenant_id: UUID, notary: Notary, *, now: bool = False, at_once: int = ACCOUNTS_AT_ONCE
) -> int:
    """Make a checkpoint if one is due: something happened that is in none, and the last one was made long enough ago, or
    `now` is asked for. At most a hundred steps, so call again until it returns 0. Returns the number of steps.

    Where the feed has come to is where a checkpoint is. One process at a time works on a tenant's; others leave it alone.
    Raises BooksDiffer if the books do not continue the last one.
    """
    for made in range(MAX_STEPS):
        at = None if now else ledger.clock.given or await settled_instant(tenant_id)
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
            if not await _step(connection, ledger, notary, at, at_once):
                return made
    return MAX_STEPS


@dataclass(slots=True)
class _Tree:
    """The tree on its way to the next checkpoint, at `until`; the last one was at `since`. As in the table."""

    size: int
    since: datetime
    until: datetime
    position: int
    anew: bool
    reached: UUID
    staged: int
    matched: int
    heads_in: bool


async def _step(
    connection: TenantConnection, ledger: Ledger, notary: Notary, now: datetime | None, at_once: int
) -> bool:
    """Whether there was anything to do."""
    raw, tenant_id = connection.raw, connection.tenant_id
    row = await raw.fetchrow(LOCK, tenant_id)
    if row is None:  # somebody else is at it, or nobody has ever been
        return bool(await raw.execute(BEGIN, tenant_id) == ADDED)
    last = await raw.fetchrow(LAST, tenant_id)
    if row["next_until"] is None and not (last is None or now is None or last["created_at"] <= now - notary.every):
        return False
    known = None if last is None else _known(last["note"], notary)
    if row["next_until"] is None:
        number = 0 if last is None else last["number"]
        tree = await _set_out(connection, row, known, lost=row["number"] != number)
        if tree is None:
            return False
    else:
        names = ("size", "until", "next_until", "position", "anew", "reached", "staged", "matched", "heads_in")
        tree = _Tree(*(row[name] for name in names))
    if await _go_on(connection, tree, at_once):
        told = (tree.size, tree.until, tree.position, tree.anew, tree.reached, tree.staged, tree.matched, tree.heads_in)
        await raw.execute(GO_ON, tenant_id, *told)
    else:
        await _arrive(connection, ledger, notary, tree, known)
    return True


def _known(note: str, notary: Notary) -> Checkpoint:
    try:
        return read_text(signed_text(note, notary.keys.trusted))
    except ValueError as error:
        raise BooksDiffer(f"the last checkpoint cannot be continued: {error}") from error


async def _set_out(connection: TenantConnection, row: Any, known: Checkpoint | None, *, lost: bool) -> _Tree | None:
    """The tree that sets out for a checkpoint, if anything has happened. lost: whether the tiles are of another one than the
    last."""
    raw, tenant_id = connection.raw, connection.tenant_id
    feed = await raw.fetchrow(FEED, tenant_id)
    if feed is None:
        return None
    if known is not None and (feed["position"] - known.last <= 1 or feed["at"] <= known.until):
        return None  # one event tells of the last checkpoint itself
    tree = _Tree(
        row["size"], row["until"], feed["at"], feed["position"], row["anew"] or lost, NOBODY, 0, 0, heads_in=False
    )
    if lost:  # first the tiles of the last one, which its root proves
        await raw.execute(CUT, tenant_id, 0, 0)
        tree.size = 0
        if known is not None:
            tree.until = known.until
    elif known is not None and (kept := root((await _roots(connection, 0))[0])) != known.root:
        raise BooksDiffer(
            f"the tree that is kept has the root {kept.hex()}, checkpoint {known.number} {known.root.hex()}"
        )
    if not tree.anew:
        tree.anew = await raw.fetchval(MANY, tenant_id, tree.since, MANY_TRANSACTIONS) == MANY_TRANSACTIONS
    await raw.execute(CUT, tenant_id, STAGED, 0)
    return tree


async def _go_on(connection: TenantConnection, tree: _Tree, at_once: int) -> bool:
    """Put heads in, then compare. Returns whether more may follow."""
    if not tree.heads_in:
        if await _add_heads(connection, tree, at_once):
            return True
        tree.heads_in, tree.reached = True, NOBODY
    # One that is made anew has just been read from the books, whole.
    return not tree.anew and await _compare(connection, tree, at_once)


async def _add_heads(connection: TenantConnection, tree: _Tree, at_once: int) -> bool:
    """Put the next accounts' heads into tiles. Returns whether more may follow."""
    sql = ALL if tree.anew else CHANGED
    rows = await connection.raw.fetch(sql, connection.tenant_id, tree.until, tree.since, tree.reached, at_once)
    if not rows:
        return False
    tiles = await _tiles(connection, 0, {row["tile"] for row in rows if row["tile"] is not None})
    heads = _checked(connection.tenant_id, tree, rows, tiles)
    if tree.anew:
        await _stage(connection, tree, heads)
    elif not await _change(connection, tree, rows, heads, tiles):
        tree.anew, tree.reached, tree.matched = True, NOBODY, 0
        return True
    tree.reached = rows[-1]["id"]
    return len(rows) == at_once


Tile = dict[UUID, bytes]
"""The hashes of its leaves, by account, in their order."""


def _checked(tenant_id: UUID, tree: _Tree, rows: Iterable[Any], tiles: dict[int, Tile]) -> Tile:
    """The hashes of the accounts' leaves. Raises BooksDiffer if a head of before is not the tile's."""
    heads: Tile = {}
    for row in rows:
        kept = tiles.get(row["tile"], {}).get(row["id"]) if tree.size else None
        before, now = row["hash_before"], row["hash"]
        head = None if now is None else head_leaf(tenant_id, row["id"], row["sequence"], now)
        if kept is None and before is not None and tree.size:
            raise BooksDiffer(f"account {row['id']} has entries of before the last checkpoint, and is not in it")
        if kept is not None:
            was = None if before is None else head_leaf(tenant_id, row["id"], row["sequence_before"], before)
            if kept not in (was, head):
                raise BooksDiffer(f"account {row['id']} has another entry than the last checkpoint has at {tree.since}")
            tree.matched += 1
        if head is not None:
            heads[row["id"]] = head
    return heads


async def _compare(connection: TenantConnection, tree: _Tree, at_once: int) -> bool:
    """Compare the next accounts' heads with the tree's leaves. Returns whether more may follow. Raises BooksDiffer."""
    tenant_id = connection.tenant_id
    rows = await connection.raw.fetch(NEXT, tenant_id, tree.until, tree.reached, at_once)
    through = rows[-1]["id"] if len(rows) == at_once else EVERYBODY
    there = {
        row["id"]: head_leaf(tenant_id, row["id"], row["sequence"], row["hash"])
        for row in rows
        if row["hash"] is not None
    }
    leaves: Tile = {}
    for tile in await connection.raw.fetch(LEAVES, tenant_id, tree.reached, through, at_once + 1):
        leaves |= _tile(tile)
    kept = {account: leaf for account, leaf in leaves.items() if tree.reached < account <= through}
    for account in kept.keys() | there.keys():
        if kept.get(account) != there.get(account):
            told = "no entry any more" if account not in there else "another newest entry"
            raise BooksDiffer(f"account {account} has {told}, and nobody has posted to it since the last checkpoint")
    tree.reached = through
    return len(rows) == at_once


async def _change(
    connection: TenantConnection, tree: _Tree, rows: Sequence[Any], heads: Tile, tiles: dict[int, Tile]
) -> bool:
    """Change the tiles that the accounts are in, and move the accounts after new ones. Returns False if that are too
    many."""
    new = [row for row in rows if row["id"] in heads and row["id"] not in tiles.get(row["tile"], {})]
    moved = min((row["tile"] or 0 for row in new), default=None)
    tail: Tile = {}
    if moved is not None:
        after = await connection.raw.fetch(TAIL, connection.tenant_id, moved, LONG_TAIL + 1)
        if len(after) > LONG_TAIL:
            return False
        for row in after:
            tail |= _tile(row)
        tree.size += len(new)
    changed: dict[int, Tile] = {}
    for row in rows:
        if (head := heads.get(row["id"])) is None:
            continue
        if moved is not None and (row["tile"] is None or row["tile"] >= moved):
            tail[row["id"]] = head
        else:
            tiles[row["tile"]][row["id"]] = head
            changed[row["tile"]] = tiles[row["tile"]]
    if moved is not None:
        changed |= _in_tiles(tail, moved)
    await _put(connection, 0, changed)
    return True


async def _stage(connection: TenantConnection, tree: _Tree, heads: Tile) -> None:
    last = tree.staged // WIDTH
    begun = (await _tiles(connection, STAGED, {last})).get(last, {})
    await _put(connection, STAGED, _in_tiles(begun | heads, last))
    tree.staged += len(heads)


def _in_tiles(hashes: Tile, first: int) -> dict[int, Tile]:
    """In tiles from number `first` on."""
    ordered = sorted(hashes.items())
    return {first + n // WIDTH: dict(ordered[n : n + WIDTH]) for n in range(0, len(ordered), WIDTH)}


def _tile(row: Any) -> Tile:
    """Raises BooksDiffer if its root is not of its hashes."""
    keys, hashes = row["keys"], row["hashes"]
    tile = {UUID(bytes=keys[16 * n : 16 * n + 16]): hashes[32 * n : 32 * n + 32] for n in range(len(keys) // 16)}
    if root(list(tile.values())) != row["root"]:
        raise BooksDiffer(f"tile {row['n']} of the tree that is kept has another root than its own")
    return tile


async def _tiles(connection: TenantConnection, level: int, numbers: Iterable[int]) -> dict[int, Tile]:
    rows = await connection.raw.fetch(TILES, connection.tenant_id, level, list(numbers))
    return {row["n"]: _tile(row) for row in rows}


async def _put(connection: TenantConnection, level: int, tiles: dict[int, Tile]) -> None:
    if tiles:
        await connection.raw.execute(
            PUT,
            connection.tenant_id,
            level,
            list(tiles),
            [next(iter(tile)) for tile in tiles.values()],
            [b"".join(key.bytes for key in tile) for tile in tiles.values()],
            [b"".join(tile.values()) for tile in tiles.values()],
            [root(list(tile.values())) for tile in tiles.values()],
        )


async def _arrive(
    connection: TenantConnection, ledger: Ledger, notary: Notary, tree: _Tree, known: Checkpoint | None
) -> None:
    """All heads are in: write the tiles above them, and the checkpoint."""
    raw, tenant_id = connection.raw, connection.tenant_id
    if tree.anew:
        if tree.matched != tree.size:
            raise BooksDiffer(f"{tree.size - tree.matched} accounts of the last checkpoint are gone")
        await raw.execute(CUT, tenant_id, 0, 0)
        await raw.execute(SWAP, tenant_id)
        tree.size = tree.staged
    top = await _top(connection)
    if known is not None and known.until == tree.until:
        if known.root != top:
            raise BooksDiffer(
                f"the books' heads have the root {top.hex()}, checkpoint {known.number} {known.root.hex()}"
            )
        await raw.execute(ARRIVE, tenant_id, known.number, tree.size, tree.until)
        return
    feed = await raw.fetchrow(FEED, tenant_id)
    first = max(1 if known is None else known.last + 1, feed["pruned"] + 1)
    made = Checkpoint(
        tenant_id,
        1 if known is None else known.number + 1,
        tree.until,
        tree.size,
        top,
        first,
        tree.position,
        await raw.fetchval(EVENTS, tenant_id, first, tree.position),
        None if known is None else known.digest,
    )
    stamp, new_id = await ledger.stamp(connection), ledger.source.new_id()
    keys = "\n".join(key.public.written() for key in notary.keys.signing)
    row = (made.number, made.until, made.size, made.root, made.last, notary.keys.sign(made.text), keys, stamp)
    await raw.execute(ADD, tenant_id, new_id, *row)
    await raw.execute(TELL, tenant_id, ledger.source.new_id(), new_id, stamp)
    await raw.execute(ARRIVE, tenant_id, made.number, tree.size, tree.until)


async def _roots(connection: TenantConnection, level: int) -> tuple[list[bytes], list[UUID]]:
    """Of the tiles of a level, their roots and the first accounts in them or below."""
    roots, firsts = list[bytes](), list[UUID]()
    while len(roots) % ROOTS_AT_ONCE == 0:
        rows = await connection.raw.fetch(ROOTS, connection.tenant_id, level, len(roots), ROOTS_AT_ONCE)
        if [row["n"] for row in rows] != list(range(len(roots), len(roots) + len(rows))):
            raise BooksDiffer("a tile of the tree that is kept is missing")
        roots += [row["root"] for row in rows]
        firsts += [row["id"] for row in rows]
        if not rows:
            break
    return roots, firsts


async def _top(connection: TenantConnection) -> bytes:
    """Write the tiles above those of accounts, as far as they change. Returns the root of the tree."""
    raw, tenant_id = connection.raw, connection.tenant_id
    for level in range(MAX_LEVELS):
        roots, firsts = await _roots(connection, level)
        tiles = [roots[n : n + WIDTH] for n in range(0, len(roots), WIDTH)] if len(roots) > 1 else []
        await raw.execute(CUT, tenant_id, level + 1, len(tiles))
        if not tiles:
            return roots[0] if roots else EMPTY
        numbers, nothing = list(range(len(tiles))), [b""] * len(tiles)
        joined, tops = [b"".join(tile) for tile in tiles], [root(tile) for tile in tiles]
        await raw.execute(PUT, tenant_id, level + 1, numbers, firsts[::WIDTH], nothing, joined, tops)
    raise InvariantViolated(f"the tree of heads has more than {MAX_LEVELS} levels of tiles")

"""Checkpoints: what was on every account at an instant, and what had happened until then, in a signed text of a few lines
(docs/adr/0064).

The text of a checkpoint, each line with a line feed at its end, as C2SP tlog-checkpoint has it:

    scrip-checkpoint-1/<tenant's id>
    <number of accounts that had been posted to>
    <root of the tree over their heads, in base64>
    number <its number among the tenant's, from 1>
    until <instant, in UTC with microseconds: what was stamped before it is in it>
    events <first> <last> <digest over the feed's events at these positions, in base64>
    previous <SHA-256 of the text of the one before it, in base64; of the first: none>

The tree is RFC 9162's, with a leaf for each account, in the order of their ids:

    13      the ASCII text `scrip-head-1` and a zero byte
    2 of 16 tenant, account
    8       sequence of the account's newest entry before the instant
    32      that entry's hash

The digest over events is SHA-256 over `scrip-events-1`, a zero byte, the tenant's id, and for each thousand of positions
(1 to 1000, 1001 to 2000 and so on) the SHA-256 over those of its events, one after the other:

    1       flags: 1 has a subject, 2 a customer, 4 an instant of its own, 8 an amount
    3 of 16 event, subject, customer
    4 of 8  position, since when it is true, when it was recorded, amount
    text    kind

Integers, instants and texts are as in models/hash_chain.py, and so is what is missing. SQL here has $1 the tenant.
"""

import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from models.merkle import leaf_hash
from models.milestones import last_entry
from models.signed_notes import Keys

WIDTH: Final = 32
"""Hashes in a tile of the tree: a tile is a whole subtree of five levels, or the last one of its level."""
MAX_LEVELS: Final = 8
"""Levels of tiles: a tree of a million million accounts."""
MAX_NOTE: Final = 10_000
"""Characters of a note."""
NOBODY: Final = UUID(int=0)
"""Before all accounts."""
EVERYBODY: Final = UUID(int=2**128 - 1)
"""Behind all accounts."""
ORIGIN: Final = "scrip-checkpoint-1/"
_HEAD_TAG: Final = b"scrip-head-1\0"
_HASH: Final = r"[A-Za-z0-9+/]{43}="
_TEXT: Final = re.compile(
    rf"{ORIGIN}([0-9a-f-]{{36}})\n(0|[1-9]\d{{0,17}})\n({_HASH})\nnumber ([1-9]\d{{0,17}})\n"
    rf"until (\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z)\nevents (\d{{1,18}}) (\d{{1,18}}) ({_HASH})\n"
    rf"previous (none|{_HASH})\n",
    re.ASCII,
)


class BooksDiffer(Exception):
    """The books are not what a checkpoint says: no other is made on top of it (docs/runbooks/books-differ.md)."""


@dataclass(frozen=True, slots=True)
class Notary:
    """Makes checkpoints: signs, how often, and where they go. keep: puts a note where the owner of the database cannot
    reach it, under a name of its own; None if there is no such place."""

    keys: Keys
    every: timedelta
    keep: Callable[[str, str], Awaitable[None]] | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """size: number of accounts. root: of their heads. first, last: positions of the events that `events` is the digest of:
    none if last is before first. previous: SHA-256 of the text before; None of the first."""

    tenant_id: UUID
    number: int
    until: datetime
    size: int
    root: bytes
    first: int
    last: int
    events: bytes
    previous: bytes | None

    @property
    def text(self) -> str:
        """The text that is signed."""
        until = self.until.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        previous = "none" if self.previous is None else _told(self.previous)
        return (
            f"{ORIGIN}{self.tenant_id}\n{self.size}\n{_told(self.root)}\nnumber {self.number}\nuntil {until}Z\n"
            f"events {self.first} {self.last} {_told(self.events)}\nprevious {previous}\n"
        )

    @property
    def digest(self) -> bytes:
        """By which the next one names it."""
        return sha256(self.text.encode()).digest()

    @property
    def name(self) -> str:
        """Under which its note is kept elsewhere."""
        return f"{self.tenant_id}/{self.number:010d}"


def read_text(text: str) -> Checkpoint:
    """The checkpoint of the signed text. Raises ValueError for any other text."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError("it is no checkpoint of Scrip's")
    tenant, size, root, number, until, first, last, events, previous = found.groups()
    read = Checkpoint(
        UUID(tenant),
        int(number),
        datetime.fromisoformat(until),
        int(size),
        base64.b64decode(root),
        int(first),
        int(last),
        base64.b64decode(events),
        None if previous == "none" else base64.b64decode(previous),
    )
    if read.text != text:
        raise ValueError("it is not written as Scrip writes it")
    return read


def of_note(note: str) -> Checkpoint:
    """The checkpoint of a note, by any signer. Raises ValueError for any other text."""
    return read_text(note.partition("\n\n")[0] + "\n")


def _told(value: bytes) -> str:
    return base64.b64encode(value).decode()


def head_leaf(tenant_id: UUID, account_id: UUID, sequence: int, digest: bytes) -> bytes:
    """The hash of an account's leaf. digest: of its newest entry."""
    return leaf_hash(_HEAD_TAG + tenant_id.bytes + account_id.bytes + sequence.to_bytes(8) + digest)


def _head(of: str, until: str, name: str) -> str:
    return f"left join lateral ({last_entry('e.sequence, e.hash', of, f'< {until}')}) {name} on true"


FEED: Final = "select position, at, pruned from feed_heads where tenant_id = $1 and id = $1"
"""How far the feed has come: all that was stamped before `at` has a position."""
BEGIN: Final = f"""
    insert into checkpoint_trees (tenant_id, id, number, size, until, anew, reached, staged, matched, heads_in)
    select n.id, n.id, 0, 0, n.created_at, true, '{NOBODY}', 0, 0, false from tenants n where n.id = $1
    on conflict (tenant_id, id) do nothing"""
LOCK: Final = """
    select number, size, until, next_until, position, anew, reached, staged, matched, heads_in from checkpoint_trees
     where tenant_id = $1 and id = $1 for update skip locked"""
GO_ON: Final = """
    update checkpoint_trees
       set size = $2, next_until = $3, position = $4, anew = $5, reached = $6, staged = $7, matched = $8, heads_in = $9
     where tenant_id = $1 and id = $1"""
"""Set out for the checkpoint at $3 and the position $4, or say how far it has come."""
ARRIVE: Final = f"""
    update checkpoint_trees
       set number = $2, size = $3, until = $4, next_until = null, position = null, anew = false, reached = '{NOBODY}',
           staged = 0, matched = 0, heads_in = false
     where tenant_id = $1 and id = $1"""
LAST: Final = """
    select id, number, created_at, note from checkpoints where tenant_id = $1 order by number desc limit 1"""
MANY: Final = """
    select count(*) from (
           select id from transactions where tenant_id = $1 and created_at >= $2 order by created_at, id limit $3) x"""

_HEADS: Final = f"""
    select a.id, e.sequence, e.hash, b.sequence as sequence_before, b.hash as hash_before, t.n as tile
      from {{0}} a
      {_head("a.id", "$2", "e")}
      {_head("a.id", "$3", "b")}
      left join lateral (
           select n from checkpoint_tiles where tenant_id = $1 and level = 0 and id <= a.id
            order by id desc limit 1) t on true
     order by a.id"""
# A transaction is stamped with the latest of its entries, so with no instant before theirs. The end that none is behind has
# PostgreSQL 15 see a short range, and go by the index on time.
CHANGED: Final = _HEADS.format("""
           (select m.account_id as id
              from (select id from transactions where tenant_id = $1 and created_at >= $3
                       and created_at <= greatest($2::timestamptz, 'infinity') order by created_at, id offset 0) x
              cross join lateral (
                   select account_id from entries where tenant_id = $1 and transaction_id = x.id offset 0) m
             where m.account_id > $4 group by m.account_id order by m.account_id limit $5)""")
"""Accounts after $4 that may have been posted to since $3, with their heads at $2 and at $3, and the tiles that they are
in, or would be."""
ALL: Final = _HEADS.format("(select id from accounts where tenant_id = $1 and id > $4 order by id limit $5)")
"""The same of all accounts."""
NEXT: Final = f"""
    select a.id, e.sequence, e.hash
      from (select id from accounts where tenant_id = $1 and id > $3 order by id limit $4) a {_head("a.id", "$2", "e")}
     order by a.id"""
"""Accounts after $3, with their heads at $2."""
HEADS: Final = f"""
    select a.id, e.sequence, e.hash from accounts a {_head("a.id", "$2", "e")}
     where a.tenant_id = $1 and e.hash is not null order by a.id"""
"""All accounts that had been posted to before $2, with their heads."""
HEADS_OF: Final = f"""
    select a.id, e.sequence, e.hash from unnest($3::uuid[]) a(id) {_head("a.id", "$2", "e")} where e.hash is not null"""

STAGED: Final = 64
"""Level of tiles that take the place of level 0 when all are there."""
TILES: Final = """
    select n, keys, hashes, root from checkpoint_tiles where tenant_id = $1 and level = $2 and n = any($3) order by n"""
TAIL: Final = """
    select n, keys, hashes, root from checkpoint_tiles where tenant_id = $1 and level = 0 and n >= $2 order by n limit $3"""
LEAVES: Final = """
    (select n, keys, hashes, root from checkpoint_tiles
      where tenant_id = $1 and level = 0 and id <= $2 order by id desc limit 1)
    union all
    (select n, keys, hashes, root from checkpoint_tiles
      where tenant_id = $1 and level = 0 and id > $2 and id <= $3 order by id limit $4)"""
"""The tiles that accounts after $2, up to $3, are in."""
ROOTS: Final = """
    select n, id, root from checkpoint_tiles where tenant_id = $1 and level = $2 and n >= $3 order by n limit $4"""
CUT: Final = "delete from checkpoint_tiles where tenant_id = $1 and level = $2 and n >= $3"
SWAP: Final = f"update checkpoint_tiles set level = 0 where tenant_id = $1 and level = {STAGED}"
PUT: Final = """
    insert into checkpoint_tiles as o (tenant_id, id, level, n, keys, hashes, root)
    select n.id, d.id, $2, d.n, d.keys, d.hashes, d.root
      from tenants n cross join unnest($3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[], $7::bytea[])
           d(n, id, keys, hashes, root)
     where n.id = $1
    on conflict (tenant_id, level, n) do update
       set id = excluded.id, keys = excluded.keys, hashes = excluded.hashes, root = excluded.root
     where o.root <> excluded.root or o.keys <> excluded.keys"""


def _instant(value: str) -> str:
    return f"int8send(coalesce((extract(epoch from {value}) * 1000000)::bigint, 0))"


def _id(value: str) -> str:
    return f"coalesce(uuid_send({value}), '\\x{bytes(16).hex()}'::bytea)"


_FLAGS: Final = (
    r"set_byte('\x00'::bytea, 0, (subject_id is not null)::int + (customer_id is not null)::int * 2"
    " + (occurred_at is not null)::int * 4 + (amount_minor is not null)::int * 8)"
)
_EVENT: Final = " || ".join(
    (
        _FLAGS,
        "uuid_send(id)",
        _id("subject_id"),
        _id("customer_id"),
        "int8send(position)",
        _instant("occurred_at"),
        _instant("recorded_at"),
        "int8send(coalesce(amount_minor, 0))",
        "int2send(octet_length(textsend(kind))::int2) || textsend(kind)",
    )
)
_EVENTS_TAG: Final = b"scrip-events-1\0".hex()
EVENTS: Final = f"""
    select sha256('\\x{_EVENTS_TAG}'::bytea || uuid_send($1)
                  || coalesce(string_agg(b.digest, ''::bytea order by b.block), ''::bytea)) as digest
      from (select (position - 1) / 1000 as block, sha256(string_agg({_EVENT}, ''::bytea order by position)) as digest
              from feed where tenant_id = $1 and position >= $2 and position <= $3 group by 1) b"""
"""The digest over the events from $2 up to $3."""

ADD: Final = """
    insert into checkpoints (tenant_id, id, number, until, size, root, position, note, keys, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
TELL: Final = (
    "insert into outbox (tenant_id, id, topic, subject_id, created_at) values ($1, $2, 'checkpoint.made', $3, $4)"
)
UNKEPT: Final = """
    select id, number, note from checkpoints where tenant_id = $1 and kept_at is null order by number limit $2"""
KEPT: Final = "update checkpoints set kept_at = $3 where tenant_id = $1 and id = $2"

WAITING: Final = """
    select recorded_at from feed
     where tenant_id = $1 and kind <> 'CHECKPOINT_MADE' and position > greatest((
           select position from checkpoints where tenant_id = $1 and (kept_at is not null or $2)
            order by number desc limit 1), 0)
     order by position limit 1"""
"""When the first event was recorded that is in no checkpoint which is kept; $2: whether none ever is."""

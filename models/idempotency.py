"""Idempotency keys: check, hash, claim, answer, free, prune (domain: idempotency).

A key belongs to a client: partners' clients have a name space each, people share one. A key from before name spaces
existed, whose owner is unknown, is stored with people's and matches every client (`shared`).

A key is proved by the transaction that it made, which says how it was used, under its digest; one that made none, or is
kept for ever, by a seal (docs/adr/0047).
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from models.commands import Actor, later
from models.errors import IdempotencyKeyReused, Invalid, InvariantViolated
from models.frozen import frozen
from models.hash_chain import key_use
from models.kinds import Role
from models.lookups import each
from models.named_ids import NamedId
from models.planning.bulk_rows import KEYS
from models.session import TenantConnection

_PARTNER: Final = Role.PARTNER
PEOPLE: Final = ""
"""The name space that all people share. No client has this name."""
KEPT_OPERATIONS: Final = frozenset({"bulkCredit", "importCredits", "retryBulkOperation", "reverseBulkOperation"})
TRANSACTED_OPERATIONS: Final = frozenset(
    {
        "adjustCredit",
        "assignCredit",
        "createCreditNote",
        "captureHold",
        "extendHold",
        "giveReward",
        "holdCredit",
        "reassignCredit",
        "refundSpend",
        "releaseAssignments",
        "releaseHold",
        "reviveCredit",
        "spendCredit",
        "transferCredit",
        "updateCredit",
        "useCredit",
        "voidCredit",
        "voidCreditNote",
    }
)
"""Operations that make a transaction, unless they ask for an approval: their keys are claimed without a seal."""
MAX_KEY_CHARACTERS: Final = 255
LOOKED_UP: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""Old keys are found by the index on age and deleted by primary key, regardless of the table's statistics."""
_OLD: Final = """SELECT k.key, k.client, k.created_at FROM idempotency_keys k
    LEFT JOIN LATERAL (
        SELECT r.id FROM approval_requests r
        WHERE r.tenant_id = $1 AND r.id = k.result_id AND r.status = 'PENDING' LIMIT 1
    ) AS waiting ON true
    WHERE k.tenant_id = $1 AND NOT k.kept AND k.created_at >= coalesce($3::timestamptz, '-infinity')
        AND k.created_at < $2 AND waiting.id IS NULL
    ORDER BY k.created_at"""

Place = tuple[str, str]
"""A key and the client that owns it."""
_CLAIM: Final = """INSERT INTO idempotency_keys
        (tenant_id, key, client, shared, kept, sealed, operation, input_hash, result_id, created_at)
    SELECT t.id, k.key, k.client, false, k.kept, k.sealed, k.operation, k.input_hash, k.result_id,
        coalesce($9::timestamptz, statement_timestamp())
    FROM tenants t CROSS JOIN
        unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::text[], $7::bytea[], $8::uuid[])
        WITH ORDINALITY AS k(key, client, kept, sealed, operation, input_hash, result_id, nth)
    WHERE t.id = $1
    ORDER BY k.nth ON CONFLICT DO NOTHING RETURNING key, client, created_at"""
# By the primary key, regardless of statistics: a look-up with a limit allows no other join.
_CLAIM_UNSHARED: Final = _CLAIM.replace(
    "    WHERE t.id = $1",
    """    LEFT JOIN LATERAL (
        SELECT o.shared FROM idempotency_keys o
        WHERE o.tenant_id = $1 AND o.key = k.key AND o.client = '' AND o.shared LIMIT 1
    ) AS o ON true
    WHERE t.id = $1 AND o.shared IS NULL""",
)
"""For partners: a shared key, stored with people's, cannot be claimed."""
_PLACES: Final = f"{each('key text', 'client text')} AS p"
"""Keys with their clients."""


@frozen
class Use:
    """The use of a key: the id is that of its result. kept: whether to exempt it from pruning. sealed: whether it has a
    seal; else the transaction that it made tells of it. claimed_at: None before it is claimed. told: what that
    transaction tells, in place of operation and input_hash."""

    operation: str
    input_hash: bytes
    result_id: UUID
    kept: bool = False
    sealed: bool = True
    claimed_at: datetime | None = None
    told: "Told | None" = None

    def is_of(self, operation: str, hashes: Collection[bytes | None]) -> bool:
        """Whether it was this operation with this input, by any of its hashes."""
        if (told := self.told) is None:
            return self.operation == operation and self.input_hash in hashes
        asked = (replace(self, operation=operation, input_hash=each) for each in hashes if each is not None)
        return any(hashed_use(told.tenant_id, told.place, use) == told.key_use for use in asked)


@dataclass(frozen=True, slots=True)
class Told:
    """A transaction's digest of how its key was used."""

    tenant_id: UUID
    place: Place
    key_use: bytes


Uses = Mapping[Place, Use]


def client_of(actor: Actor) -> str:
    """The client that owns an actor's keys: a partner's client (or its subject, if it names none)."""
    return actor.holder if actor.role == _PARTNER else PEOPLE


def is_kept(key: str, operation: str, actor: Actor) -> bool:
    """Whether it is never pruned, so that the rows of a bulk or a file are never posted twice.

    Clients cannot influence it: the prefix of bulks' own keys is refused in requests.
    """
    return operation in KEPT_OPERATIONS or key.startswith(KEYS) or actor.keeps_keys


def check_key(idempotency_key: str) -> None:
    """Raises Invalid for a key that is blank or longer than 255 characters."""
    if not idempotency_key.strip() or len(idempotency_key) > MAX_KEY_CHARACTERS:
        raise Invalid(
            f"An idempotency key must have between 1 and {MAX_KEY_CHARACTERS} characters.", field=("idempotencyKey",)
        )


def input_hash(command: Any) -> bytes:
    """SHA-256 of everything in the command: distinguishes a retry from another request under the same key.

    Names as they were sent, so that hashes from before names were cleaned still match. A blank optional text counts as
    missing.
    """
    return _hash(command, dict.fromkeys(_blank(command)))


def input_hashes(command: Any) -> tuple[bytes, bytes | None]:
    """The same, and the one that was computed while blank texts counted as present: None if the command has none."""
    blank = _blank(command)
    return _hash(command, dict.fromkeys(blank)), _hash(command, {}) if blank else None


def _hash(command: Any, instead: dict[str, None]) -> bytes:
    said = _said(command)
    for name in _lists(command.__class__):
        said[name] = [_said(item) for item in getattr(command, name)]
    if instead:
        said |= instead
    return hashlib.sha256(orjson.dumps(said, default=_plain)).digest()


def _said(command: Any) -> dict[str, Any]:
    """The fields of the command, or of an item of its list, but for those that were added later and are at their
    defaults."""
    kind = command.__class__
    said = dict(zip(_names(kind), _values(kind)(command), strict=True))
    for name, default in later(kind):
        if said[name] == default:
            del said[name]
    return said


def _blank(command: Any) -> list[str]:
    """Optional texts that are present and blank."""
    return [
        name
        for name in _optional(command.__class__)
        if isinstance(value := getattr(command, name), str) and not value.strip()
    ]


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@lru_cache
def _values(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Gets them all of a command in one go."""
    names = _names(kind)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda command: tuple(getattr(command, name) for name in names)


@lru_cache
def _optional(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.default is None)


@lru_cache
def _lists(kind: Any) -> tuple[str, ...]:
    """The fields that are lists of items to which fields were added later."""
    if not any("tuple" in str(f.type) for f in fields(kind)):
        return ()
    items = {name: get_args(hint)[0] for name, hint in get_type_hints(kind).items() if get_origin(hint) is tuple}
    return tuple(name for name, item in items.items() if isinstance(item, type) and is_dataclass(item) and later(item))


def _plain(value: object) -> str:
    """Values that orjson cannot write: decimals, 25 and 25.00 being the same; ids as the database driver makes them; and
    the names of things that were named."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, NamedId):
        return value.said
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"cannot be hashed: {type(value).__name__}")


async def claim(connection: TenantConnection, wanted: Uses, at: datetime | None) -> tuple[dict[Place, Use], Uses]:
    """Claim keys, in the fixed order. Returns those claimed now, and those used before with their use.

    A key may be in neither: its holder has just freed it, and it must be claimed again. at: the instant, or None for
    the database's. Waits for others that are claiming, freeing or pruning one of these keys.
    """
    places = sorted(wanted)
    uses = [wanted[place] for place in places]
    clients = [client for _, client in places]
    rows = await connection.raw.fetch(
        _CLAIM if all(client == PEOPLE for client in clients) else _CLAIM_UNSHARED,
        connection.tenant_id,
        [key for key, _ in places],
        clients,
        [use.kept for use in uses],
        [use.sealed for use in uses],
        [use.operation if use.sealed else "" for use in uses],
        [use.input_hash if use.sealed else b"" for use in uses],
        [use.result_id for use in uses],
        await connection.instant(at),
    )
    claimed = {}
    for key, client, claimed_at in rows:
        use = wanted[key, client]
        claimed[key, client] = Use(
            use.operation, use.input_hash, use.result_id, use.kept, use.sealed, claimed_at=claimed_at
        )
    if len(claimed) == len(wanted):
        return claimed, {}
    return claimed, await _used(connection, [place for place in places if place not in claimed])


async def _used(connection: TenantConnection, places: Collection[Place]) -> Uses:
    rows = await connection.raw.fetch(
        f"""SELECT k.key, k.client, k.shared, k.operation, k.input_hash, k.result_id, k.created_at, t.key_use
        FROM {_PLACES} CROSS JOIN LATERAL (
            SELECT * FROM idempotency_keys WHERE tenant_id = $1 AND key = p.key ORDER BY key, client OFFSET 0
        ) AS k LEFT JOIN LATERAL (
            SELECT key_use FROM transactions WHERE tenant_id = $1 AND id = k.result_id AND NOT k.sealed OFFSET 0
        ) AS t ON true
        WHERE k.client = p.client OR k.shared""",
        connection.tenant_id,
        [key for key, _ in places],
        [client for _, client in places],
    )
    found = {(row["key"], row["client"]): row for row in rows}
    everybody = {row["key"]: row for row in rows if row["shared"]}
    used = {place: found.get(place) or everybody.get(place[0]) for place in places}
    return {place: _use(connection.tenant_id, row) for place, row in used.items() if row is not None}


def _use(tenant_id: UUID, row: Any) -> Use:
    told = None if row["key_use"] is None else Told(tenant_id, (row["key"], row["client"]), row["key_use"])
    return Use(row["operation"], row["input_hash"], row["result_id"], claimed_at=row["created_at"], told=told)


def hashed_use(tenant_id: UUID, place: Place, use: Use) -> bytes:
    """How a key was used, for the transaction that it made. Raises InvariantViolated before it is claimed."""
    if use.claimed_at is None:
        raise InvariantViolated(f"the key {place} was not claimed")
    key, client = place
    return key_use(
        tenant_id=tenant_id,
        key=key,
        client=client,
        operation=use.operation,
        input_hash=use.input_hash,
        result_id=use.result_id,
        claimed_at=use.claimed_at,
    )


async def seal(connection: TenantConnection, claimed: Uses) -> None:
    """Have keys sealed that this transaction has claimed without a seal."""
    if claimed:
        await connection.raw.execute(
            f"""UPDATE idempotency_keys k SET sealed = true, operation = p.operation, input_hash = p.input_hash
            FROM {each("key text", "client text", "operation text", "input_hash bytea")} AS p
            WHERE k.tenant_id = $1 AND k.key = p.key AND k.client = p.client""",
            connection.tenant_id,
            [key for key, _ in claimed],
            [client for _, client in claimed],
            [use.operation for use in claimed.values()],
            [use.input_hash for use in claimed.values()],
        )


async def free(connection: TenantConnection, claimed: Collection[Place]) -> None:
    """Free keys that this transaction has claimed."""
    if claimed:
        await connection.raw.execute(
            f"""DELETE FROM idempotency_keys k USING {_PLACES}
            WHERE k.tenant_id = $1 AND k.key = p.key AND k.client = p.client""",
            connection.tenant_id,
            [key for key, _ in claimed],
            [client for _, client in claimed],
        )


def answer(used: Use, operation: str, hashes: Collection[bytes | None]) -> UUID:
    """The id of the key's result. Raises IdempotencyKeyReused if it was used for something else."""
    if not used.is_of(operation, hashes):
        raise IdempotencyKeyReused
    return used.result_id


async def note_pruning(connection: TenantConnection, now: datetime) -> datetime | None:
    """The instant since which keys must still exist, by the tenant's retention. Recorded on the tenant's row before any
    is deleted, for `verify`. None if no older keys are to be pruned: then nothing is recorded.
    """
    days = await connection.raw.fetchval("SELECT key_days FROM tenants WHERE id = $1", connection.tenant_id)
    before = now - timedelta(days=days)
    if await connection.raw.fetchrow(f"{_OLD} LIMIT 1", connection.tenant_id, before, None) is None:
        return None
    await connection.raw.execute(
        """UPDATE tenants SET keys_pruned_at = $2
        WHERE id = $1 AND (keys_pruned_at IS NULL OR keys_pruned_at < $2)""",
        connection.tenant_id,
        before,
    )
    return before


async def prune(connection: TenantConnection, before: datetime, since: datetime | None, most: int) -> list[datetime]:
    """Delete up to `most` keys used before then, and not before `since`. Returns the deleted keys' times of use. Keys
    locked by others are left to the next time."""
    rows = await connection.raw.fetch(
        f"""WITH old AS MATERIALIZED ({_OLD} LIMIT $4 FOR UPDATE OF k SKIP LOCKED)
        DELETE FROM idempotency_keys d USING old WHERE d.tenant_id = $1 AND d.key = old.key AND d.client = old.client
        RETURNING d.created_at""",
        connection.tenant_id,
        before,
        since,
        most,
    )
    return [row["created_at"] for row in rows]

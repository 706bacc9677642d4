"""Hashes that make the ledger tamper-evident: each entry's covers its facts, its transaction's facts and promises, and
the hash of the entry before it.

Every hash is SHA-256 over these bytes, one after the other, so that anyone can compute it again in any language.
Integers are big-endian and signed unless said otherwise; a UUID is its 16 bytes; a time is microseconds since
1970-01-01T00:00:00Z in 8 bytes; a text is its length in bytes (2, unsigned) and its UTF-8; what is missing is zeros, and
its flag is not set.

An entry's hash:

    14      the ASCII text `scrip-entry-2` and a zero byte
    1       flags: 1 has a previous entry, 2 has a credit
    32      hash of the account's previous entry
    5 of 16 tenant, entry, account, transaction, credit
    4 of 8  sequence, amount, lifetime, balance after: in minor units
    8       time
    32      the transaction's digest
    text    counter

A transaction's digest:

    20      `scrip-transaction-1` and a zero byte
    1       flags: 1 approved by somebody, 2 has texts, 4 has a reason, 8 has an idempotency key, 16 used up limits by day,
            32 says how its key was used, 64 has opened credits
    5 of 16 tenant, transaction, customer, actor, approved by
    8       time
    32      digest of its texts
    16      how its key was used
    8       time when its key was claimed
    32      what it promised
    8       how much of the limits it used up: in minor units
    4       of which day: days since 1970-01-01
    4 texts kind, reason, idempotency key, asset of the limits

What a transaction promised that has opened credits, when it opened them:

    16      `scrip-credits-1` and a zero byte
    2 of 16 tenant, transaction
    then of each credit, in the order of their ids:
    1       flags: 1 expires, 2 applies itself, 4 counts towards the lifetime total, 8 goes on for an earlier lot
    3 of 16 credit, account, the first of the earlier lots
    2 of 8  amount, sequence of the entry that opened it
    4       effective on: days since 1970-01-01
    3 of 8  times: starts, expires, created
    2       number of services that it is restricted to (unsigned)
    n of 16 those services, in the order of their ids

How a key was used: the first half of the hash of

    12      `scrip-key-1` and a zero byte
    2 of 16 tenant, result
    8       time when it was claimed
    32      input hash
    3 texts operation, key, client

The digest of a note alone: `scrip-note-1` and a zero byte, the length of the salt (2, unsigned), the salt, and the note's
UTF-8. Of a transaction that has a reference or metadata:

    14      `scrip-texts-1` and a zero byte
    text    the salt, as it is
    then of the note, the reference and the metadata, the JSON of which is as it is kept:
    4       length (unsigned)
    n       UTF-8

With the salt gone nobody can guess a text from the digest, and the chain still holds.

A transaction of before the third migration has no digest, and its entries have hashes of the first kind:

    14      `scrip-entry-1` and a zero byte
    1       flags: 1 has a previous entry, 2 approved by somebody, 4 has a note, 8 has a reason, 16 has no credit
    32      hash of the account's previous entry
    5 of 16 tenant, account, transaction, credit, customer
    2 of 16 actor, approved by
    4 of 8  sequence, amount, lifetime, balance after
    8       time
    32      note digest
    3 texts counter, kind, reason
"""

from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

from models.texts import Texts

_ENTRY: Final = Struct(">14sB32s16s16s16s16s16sqqqqq32s")
_ENTRY_TAG: Final = b"scrip-entry-2\0"
_ENTRY_1: Final = Struct(">14sB32s16s16s16s16s16s16s16sqqqqq32s")
_ENTRY_1_TAG: Final = b"scrip-entry-1\0"
_TRANSACTION: Final = Struct(">20sB16s16s16s16s16sq32s16sq32sqi")
_TRANSACTION_TAG: Final = b"scrip-transaction-1\0"
_CREDIT: Final = Struct(">B16s16s16sqqiqqqH")
_CREDITS_TAG: Final = b"scrip-credits-1\0"
_KEY: Final = Struct(">12s16s16sq32s")
_KEY_TAG: Final = b"scrip-key-1\0"
_NOTE_TAG: Final = b"scrip-note-1\0"
_TEXTS_TAG: Final = b"scrip-texts-1\0"
_LENGTH: Final = Struct(">H")
_LONG: Final = Struct(">I")
_HAS_PREVIOUS, _HAS_CREDIT = 1, 2
_HAS_APPROVER, _HAS_NOTE, _HAS_REASON, _HAS_KEY, _HAS_LIMITED = 1, 2, 4, 8, 16
_HAS_KEY_USE, _HAS_OPENED = 32, 64
_EXPIRES, _APPLIES_ITSELF, _COUNTS, _HAS_ORIGIN = 1, 2, 4, 8
_HAS_APPROVER_1, _HAS_NOTE_1, _HAS_REASON_1, _HAS_NO_CREDIT_1 = 2, 4, 8, 16
_NO_UUID: Final = bytes(16)
_NO_HASH: Final = bytes(32)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class Promise(NamedTuple):
    """A credit's terms when it was opened."""

    id: UUID
    account_id: UUID
    origin_id: UUID | None
    amount_minor: int
    opened_sequence: int
    effective_on: date
    starts_at: datetime
    expires_at: datetime | None
    created_at: datetime
    auto_apply: bool
    counts: bool
    service_ids: Sequence[UUID]


def entry_hash(
    previous: bytes | None,
    *,
    tenant_id: UUID,
    entry_id: UUID,
    account_id: UUID,
    sequence: int,
    transaction_id: UUID,
    credit_id: UUID | None,
    counter: str,
    amount_minor: int,
    lifetime_minor: int,
    balance_after_minor: int,
    created_at: datetime,
    transaction_digest: bytes,
) -> bytes:
    """32 bytes over the entry's facts, its transaction's digest and `previous`, the hash of the account's entry before (None
    for the first).

    Raises TypeError for an instant without an offset, struct.error for a number past 64 bits. The hashes have 32 bytes.
    """
    flags = 0
    if previous is not None:
        flags |= _HAS_PREVIOUS
    if credit_id is not None:
        flags |= _HAS_CREDIT
    facts = _ENTRY.pack(
        _ENTRY_TAG,
        flags,
        previous or _NO_HASH,
        tenant_id.bytes,
        entry_id.bytes,
        account_id.bytes,
        transaction_id.bytes,
        _NO_UUID if credit_id is None else credit_id.bytes,
        sequence,
        amount_minor,
        lifetime_minor,
        balance_after_minor,
        _microseconds(created_at),
        transaction_digest,
    )
    return sha256(facts + _text(counter)).digest()


def transaction_digest(
    *,
    tenant_id: UUID,
    transaction_id: UUID,
    customer_id: UUID,
    kind: str,
    reason: str | None,
    note_digest: bytes | None,
    actor_id: UUID,
    approved_by_id: UUID | None,
    idempotency_key: str | None,
    key_use: bytes | None,
    key_at: datetime | None,
    promised: bytes | None,
    created_at: datetime,
    limited_asset: str | None,
    limited_minor: int | None,
    limited_on: date | None,
) -> bytes:
    """32 bytes over a transaction's facts. promised: the digest over the terms of the credits that it opened, if any. Raises
    as `entry_hash` does."""
    flags = 0
    if approved_by_id is not None:
        flags |= _HAS_APPROVER
    if note_digest is not None:
        flags |= _HAS_NOTE
    if reason is not None:
        flags |= _HAS_REASON
    if idempotency_key is not None:
        flags |= _HAS_KEY
    if limited_on is not None:
        flags |= _HAS_LIMITED
    if key_use is not None:
        flags |= _HAS_KEY_USE
    if promised is not None:
        flags |= _HAS_OPENED
    facts = _TRANSACTION.pack(
        _TRANSACTION_TAG,
        flags,
        tenant_id.bytes,
        transaction_id.bytes,
        customer_id.bytes,
        actor_id.bytes,
        _NO_UUID if approved_by_id is None else approved_by_id.bytes,
        _microseconds(created_at),
        note_digest or _NO_HASH,
        key_use or _NO_UUID,
        0 if key_at is None else _microseconds(key_at),
        promised or _NO_HASH,
        limited_minor or 0,
        0 if limited_on is None else limited_on.toordinal() - _EPOCH_DAY,
    )
    texts = _text(kind) + _text(reason or "") + _new_text(idempotency_key or "") + _text(limited_asset or "")
    return sha256(facts + texts).digest()


def key_use(
    *, tenant_id: UUID, key: str, client: str, operation: str, input_hash: bytes, result_id: UUID, claimed_at: datetime
) -> bytes:
    """16 bytes over how an idempotency key was used. Raises as `entry_hash` does."""
    facts = _KEY.pack(_KEY_TAG, tenant_id.bytes, result_id.bytes, _microseconds(claimed_at), input_hash)
    return sha256(facts + _text(operation) + _new_text(key) + _text(client)).digest()[:16]


def promises_digest(tenant_id: UUID, transaction_id: UUID, promises: Iterable[Promise]) -> bytes:
    """32 bytes over the terms of the credits that a transaction opened, as of then. Raises as `entry_hash` does."""
    steps = digesting_promises(tenant_id, transaction_id, promises)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            digest: bytes = done.value
            return digest


def digesting_promises(
    tenant_id: UUID, transaction_id: UUID, promises: Iterable[Promise]
) -> Generator[None, None, bytes]:
    """The same in steps, one for each credit: a merge may open a hundred thousand."""
    digest = sha256(_CREDITS_TAG + tenant_id.bytes + transaction_id.bytes)
    for promise in sorted(promises, key=_id_of):
        yield
        flags = 0
        if promise.expires_at is not None:
            flags |= _EXPIRES
        if promise.auto_apply:
            flags |= _APPLIES_ITSELF
        if promise.counts:
            flags |= _COUNTS
        if promise.origin_id is not None:
            flags |= _HAS_ORIGIN
        digest.update(
            _CREDIT.pack(
                flags,
                promise.id.bytes,
                promise.account_id.bytes,
                _NO_UUID if promise.origin_id is None else promise.origin_id.bytes,
                promise.amount_minor,
                promise.opened_sequence,
                promise.effective_on.toordinal() - _EPOCH_DAY,
                _microseconds(promise.starts_at),
                0 if promise.expires_at is None else _microseconds(promise.expires_at),
                _microseconds(promise.created_at),
                len(promise.service_ids),
            )
        )
        digest.update(b"".join(sorted(service.bytes for service in promise.service_ids)))
    return digest.digest()


def _id_of(promise: Promise) -> bytes:
    return promise.id.bytes


def entry_hash_1(
    previous: bytes | None,
    *,
    tenant_id: UUID,
    account_id: UUID,
    sequence: int,
    transaction_id: UUID,
    credit_id: UUID | None,
    counter: str,
    amount_minor: int,
    lifetime_minor: int,
    balance_after_minor: int,
    created_at: datetime,
    kind: str,
    reason: str | None,
    actor_id: UUID,
    approved_by_id: UUID | None,
    customer_id: UUID,
    note_digest: bytes | None,
) -> bytes:
    """The hash of an entry whose transaction has no digest. Raises as `entry_hash` does.

    kind, reason, actor, approver, customer and note digest are those of the entry's transaction.
    """
    flags = 0
    if previous is not None:
        flags |= _HAS_PREVIOUS
    if approved_by_id is not None:
        flags |= _HAS_APPROVER_1
    if note_digest is not None:
        flags |= _HAS_NOTE_1
    if reason is not None:
        flags |= _HAS_REASON_1
    if credit_id is None:
        flags |= _HAS_NO_CREDIT_1
    facts = _ENTRY_1.pack(
        _ENTRY_1_TAG,
        flags,
        previous or _NO_HASH,
        tenant_id.bytes,
        account_id.bytes,
        transaction_id.bytes,
        _NO_UUID if credit_id is None else credit_id.bytes,
        customer_id.bytes,
        actor_id.bytes,
        _NO_UUID if approved_by_id is None else approved_by_id.bytes,
        sequence,
        amount_minor,
        lifetime_minor,
        balance_after_minor,
        _microseconds(created_at),
        note_digest or _NO_HASH,
    )
    return sha256(facts + _text(counter) + _text(kind) + _text(reason or "")).digest()


def note_digest(salt: bytes, note: str | None, texts: Texts | None = None) -> bytes:
    """32 bytes that stand for a transaction's texts in the chain, and tell nothing of them without the (random) salt."""
    salted = _LENGTH.pack(len(salt)) + salt
    if texts is None:
        return sha256(_NOTE_TAG + salted + (note or "").encode()).digest()
    said = [(text or "").encode() for text in (note, texts.reference, texts.stored_metadata)]
    return sha256(_TEXTS_TAG + salted + b"".join([_LONG.pack(len(text)) + text for text in said])).digest()


@lru_cache(maxsize=256)
def _microseconds(instant: datetime) -> int:
    """Since 1970: of a batch's instant, again and again."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=4096)
def _text(value: str) -> bytes:
    return _new_text(value)


def _new_text(value: str) -> bytes:
    """The same of a text that hardly ever comes again."""
    encoded = value.encode()
    return _LENGTH.pack(len(encoded)) + encoded

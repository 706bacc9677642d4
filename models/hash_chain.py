"""What makes the ledger tamper-evident: each entry's hash covers its facts and the hash of the entry before it.

An entry's hash is SHA-256 over these bytes, one after the other, so that anyone can compute it again in any language.
Integers are big-endian and signed unless said otherwise; a UUID is its 16 bytes; what is missing is zeros, and its flag
is not set (that of a missing credit is set: only what moves a lifetime total alone has none).

    bytes   what
    14      the ASCII text `scrip-entry-1` and a zero byte
    1       flags: 1 has a previous entry, 2 approved by somebody, 4 has a note, 8 has a reason, 16 has no credit
    32      hash of the account's previous entry
    5 of 16 tenant, account, transaction, credit, customer
    2 of 16 actor, approved by
    4 of 8  sequence, amount, lifetime, balance after: in minor units
    8       time: microseconds since 1970-01-01T00:00:00Z
    32      note digest
    3 texts counter, kind, reason: each as its length in bytes (2, unsigned) and its UTF-8

A note's digest is SHA-256 over the ASCII text `scrip-note-1` and a zero byte, the length of the salt (2, unsigned), the
salt, and the note's UTF-8. With the salt gone nobody can guess the note from the digest, and the chain still holds.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final
from uuid import UUID

_ENTRY: Final = Struct(">14sB32s16s16s16s16s16s16s16sqqqqq32s")
_ENTRY_TAG: Final = b"scrip-entry-1\0"
_NOTE_TAG: Final = b"scrip-note-1\0"
_LENGTH: Final = Struct(">H")
_HAS_PREVIOUS, _HAS_APPROVER, _HAS_NOTE, _HAS_REASON, _HAS_NO_CREDIT = 1, 2, 4, 8, 16
_NO_UUID: Final = bytes(16)
_NO_HASH: Final = bytes(32)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def entry_hash(
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
    """32 bytes over the entry's facts and `previous`, the hash of the account's entry before (None for the first).

    kind, reason, actor, approver, customer and note digest are those of the entry's transaction. Raises TypeError
    for an instant without an offset, struct.error for a number past 64 bits. The hashes have 32 bytes.
    """
    flags = 0
    if previous is not None:
        flags |= _HAS_PREVIOUS
    if approved_by_id is not None:
        flags |= _HAS_APPROVER
    if note_digest is not None:
        flags |= _HAS_NOTE
    if reason is not None:
        flags |= _HAS_REASON
    if credit_id is None:
        flags |= _HAS_NO_CREDIT
    since = created_at - _EPOCH
    facts = _ENTRY.pack(
        _ENTRY_TAG,
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
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,
        note_digest or _NO_HASH,
    )
    return sha256(facts + _text(counter) + _text(kind) + _text(reason or "")).digest()


def note_digest(salt: bytes, note: str) -> bytes:
    """32 bytes that stand for a note in the chain, and tell nothing of it to whoever lacks the (random) salt."""
    return sha256(_NOTE_TAG + _LENGTH.pack(len(salt)) + salt + note.encode()).digest()


@lru_cache(maxsize=4096)
def _text(value: str) -> bytes:
    encoded = value.encode()
    return _LENGTH.pack(len(encoded)) + encoded

"""The hashes of entries from before transactions had digests are those that the documentation promises."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hash_chain import entry_hash_1 as entry_hash
from models.hash_chain import note_digest

FACTS: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "account_id": UUID(int=2),
    "sequence": 7,
    "transaction_id": UUID(int=3),
    "credit_id": UUID(int=4),
    "counter": "ISSUED",
    "amount_minor": 2500,
    "lifetime_minor": 2500,
    "balance_after_minor": 4000,
    "created_at": datetime(2026, 3, 1, 12, 30, 15, 123456, UTC),
    "kind": "ADJUSTMENT",
    "reason": "GOODWILL",
    "actor_id": UUID(int=5),
    "approved_by_id": UUID(int=6),
    "customer_id": UUID(int=8),
    "note_digest": bytes(range(32)),
}
PREVIOUS = bytes(range(32, 64))
CHANGED: dict[str, Any] = {
    "tenant_id": UUID(int=11),
    "account_id": UUID(int=12),
    "sequence": 8,
    "transaction_id": UUID(int=13),
    "credit_id": UUID(int=14),
    "counter": "ORDERS",
    "amount_minor": -2500,
    "lifetime_minor": 0,
    "balance_after_minor": 4001,
    "created_at": FACTS["created_at"] + timedelta(microseconds=1),
    "kind": "ADJUSTMENTG",
    "reason": None,
    "actor_id": UUID(int=15),
    "approved_by_id": None,
    "customer_id": UUID(int=18),
    "note_digest": None,
}


def as_documented(previous: bytes | None, facts: dict[str, Any]) -> bytes:
    """The documented bytes, one after the other, with nothing of the implementation's."""

    def number(value: int) -> bytes:
        return value.to_bytes(8, "big", signed=True)

    def text(value: str) -> bytes:
        return len(value.encode()).to_bytes(2, "big") + value.encode()

    present = [previous, facts["approved_by_id"], facts["note_digest"], facts["reason"]]
    flags = sum(2**bit for bit, value in enumerate(present) if value is not None)
    out = b"scrip-entry-1\0" + bytes([flags]) + (previous or bytes(32))
    for name in ("tenant_id", "account_id", "transaction_id", "credit_id", "customer_id", "actor_id"):
        out += facts[name].bytes
    out += facts["approved_by_id"].bytes if facts["approved_by_id"] else bytes(16)
    for name in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor"):
        out += number(facts[name])
    out += number((facts["created_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    out += facts["note_digest"] or bytes(32)
    return hashlib.sha256(out + text(facts["counter"]) + text(facts["kind"]) + text(facts["reason"] or "")).digest()


amounts = st.integers(-(10**15), 10**15)
facts = st.fixed_dictionaries(
    {
        **{name: st.uuids() for name in FACTS if name.endswith("_id")},
        "approved_by_id": st.none() | st.uuids(),
        "sequence": st.integers(1, 2**62),
        **{name: amounts for name in FACTS if name.endswith("_minor")},
        "counter": st.text(max_size=16),
        "kind": st.text(max_size=16),
        "reason": st.none() | st.text(max_size=64),
        "created_at": st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        "note_digest": st.none() | st.binary(min_size=32, max_size=32),
    }
)


@given(previous=st.none() | st.binary(min_size=32, max_size=32), facts=facts)
def test_it_is_what_is_documented(previous: bytes | None, facts: dict[str, Any]) -> None:
    assert entry_hash(previous, **facts) == as_documented(previous, facts)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_counts(name: str) -> None:
    assert entry_hash(PREVIOUS, **{**FACTS, name: CHANGED[name]}) != entry_hash(PREVIOUS, **FACTS)


def test_the_entry_before_counts() -> None:
    hashes = {entry_hash(previous, **FACTS) for previous in (None, bytes(32), PREVIOUS)}

    assert len(hashes) == 3


@pytest.mark.parametrize("name", ["approved_by_id", "note_digest", "reason"])
def test_what_is_missing_is_not_what_is_empty(name: str) -> None:
    empty: Any = {"approved_by_id": UUID(int=0), "note_digest": bytes(32), "reason": ""}[name]

    assert entry_hash(PREVIOUS, **{**FACTS, name: None}) != entry_hash(PREVIOUS, **{**FACTS, name: empty})


def test_texts_do_not_run_into_each_other() -> None:
    one = entry_hash(PREVIOUS, **{**FACTS, "kind": "AB", "reason": "C"})
    other = entry_hash(PREVIOUS, **{**FACTS, "kind": "A", "reason": "BC"})

    assert one != other


def test_an_instant_is_the_same_in_every_zone() -> None:
    elsewhere = FACTS["created_at"].astimezone(timezone(timedelta(hours=-7)))

    assert entry_hash(PREVIOUS, **{**FACTS, "created_at": elsewhere}) == entry_hash(PREVIOUS, **FACTS)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(TypeError):
        entry_hash(PREVIOUS, **{**FACTS, "created_at": FACTS["created_at"].replace(tzinfo=None)})


@given(salt=st.binary(max_size=64), note=st.text())
def test_a_note_s_digest_is_what_is_documented(salt: bytes, note: str) -> None:
    expected = hashlib.sha256(b"scrip-note-1\0" + len(salt).to_bytes(2, "big") + salt + note.encode()).digest()

    assert note_digest(salt, note) == expected

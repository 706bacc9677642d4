"""The chain's bytes are those that the documentation promises, put together here in another way."""

import hashlib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hash_chain import Promise, entry_hash, key_use, note_digest, promises_digest, transaction_digest
from models.texts import Texts

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, UTC)
ENTRY: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "entry_id": UUID(int=2),
    "account_id": UUID(int=3),
    "sequence": 7,
    "transaction_id": UUID(int=4),
    "credit_id": UUID(int=5),
    "counter": "ISSUED",
    "amount_minor": 2500,
    "lifetime_minor": 2500,
    "balance_after_minor": 4000,
    "created_at": AT,
    "transaction_digest": bytes(range(32)),
}
TRANSACTION: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "transaction_id": UUID(int=4),
    "customer_id": UUID(int=6),
    "kind": "ADJUSTMENT",
    "reason": "GOODWILL",
    "note_digest": bytes(range(32)),
    "actor_id": UUID(int=7),
    "approved_by_id": UUID(int=8),
    "idempotency_key": "key",
    "key_use": bytes(range(16)),
    "key_at": AT - timedelta(seconds=1),
    "promised": bytes(range(32, 64)),
    "created_at": AT,
    "limited_asset": "GBP",
    "limited_minor": 2500,
    "limited_on": date(2026, 3, 1),
}
KEY: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "key": "key",
    "client": "shop",
    "operation": "adjustCredit",
    "input_hash": bytes(range(32)),
    "result_id": UUID(int=4),
    "claimed_at": AT,
}
PROMISE = Promise(
    UUID(int=5),
    UUID(int=3),
    UUID(int=9),
    2500,
    7,
    date(2026, 3, 1),
    AT,
    AT + timedelta(days=1),
    AT,
    True,
    True,
    (UUID(int=11), UUID(int=10)),
)
PREVIOUS = bytes(range(32, 64))
OTHER: dict[str, Any] = {
    "sequence": 8,
    "counter": "ORDERS",
    "amount_minor": -2500,
    "lifetime_minor": 0,
    "balance_after_minor": 4001,
    "created_at": AT + timedelta(microseconds=1),
    "transaction_digest": bytes(32),
    "kind": "ADJUSTMENTG",
    "reason": None,
    "note_digest": None,
    "idempotency_key": "Key",
    "key_use": None,
    "key_at": AT,
    "promised": None,
    "opened_sequence": 8,
    "effective_on": date(2026, 3, 2),
    "starts_at": AT + timedelta(microseconds=1),
    "expires_at": None,
    "auto_apply": False,
    "counts": False,
    "service_ids": (UUID(int=10),),
    "limited_asset": "EUR",
    "limited_minor": 2501,
    "limited_on": date(2026, 3, 2),
}


def other(name: str) -> Any:
    return OTHER.get(name, UUID(int=99))


def number(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "big", signed=True)


def instant(value: datetime | None) -> bytes:
    return number(0 if value is None else (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def text(value: str | None) -> bytes:
    encoded = (value or "").encode()
    return len(encoded).to_bytes(2, "big") + encoded


def uuid(value: UUID | None) -> bytes:
    return bytes(16) if value is None else value.bytes


def flags(*values: object) -> bytes:
    return bytes([sum(2**bit for bit, value in enumerate(values) if value is not None and value is not False)])


def entry_as_documented(previous: bytes | None, e: dict[str, Any]) -> bytes:
    out = b"scrip-entry-2\0" + flags(previous, e["credit_id"]) + (previous or bytes(32))
    for name in ("tenant_id", "entry_id", "account_id", "transaction_id", "credit_id"):
        out += uuid(e[name])
    for name in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor"):
        out += number(e[name])
    return hashlib.sha256(out + instant(e["created_at"]) + e["transaction_digest"] + text(e["counter"])).digest()


def transaction_as_documented(t: dict[str, Any]) -> bytes:
    names = ("approved_by_id", "note_digest", "reason", "idempotency_key", "limited_on", "key_use", "promised")
    present = flags(*(t[name] for name in names))
    out = b"scrip-transaction-1\0" + present
    for name in ("tenant_id", "transaction_id", "customer_id", "actor_id", "approved_by_id"):
        out += uuid(t[name])
    out += instant(t["created_at"]) + (t["note_digest"] or bytes(32)) + (t["key_use"] or bytes(16))
    out += instant(t["key_at"]) + (t["promised"] or bytes(32)) + number(t["limited_minor"] or 0)
    out += number((t["limited_on"] - date(1970, 1, 1)).days if t["limited_on"] else 0, 4)
    texts = text(t["kind"]) + text(t["reason"]) + text(t["idempotency_key"]) + text(t["limited_asset"])
    return hashlib.sha256(out + texts).digest()


def key_as_documented(k: dict[str, Any]) -> bytes:
    out = b"scrip-key-1\0" + uuid(k["tenant_id"]) + uuid(k["result_id"]) + instant(k["claimed_at"])
    out += k["input_hash"] + text(k["operation"]) + text(k["key"]) + text(k["client"])
    return hashlib.sha256(out).digest()[:16]


def promises_as_documented(tenant_id: UUID, transaction_id: UUID, promises: list[Promise]) -> bytes:
    out = b"scrip-credits-1\0" + tenant_id.bytes + transaction_id.bytes
    for p in sorted(promises, key=lambda each: each.id.bytes):
        out += flags(p.expires_at, p.auto_apply, p.counts, p.origin_id)
        out += p.id.bytes + p.account_id.bytes + uuid(p.origin_id)
        out += number(p.amount_minor) + number(p.opened_sequence)
        out += number((p.effective_on - date(1970, 1, 1)).days, 4)
        out += instant(p.starts_at) + instant(p.expires_at) + instant(p.created_at)
        out += len(p.service_ids).to_bytes(2, "big") + b"".join(sorted(s.bytes for s in p.service_ids))
    return hashlib.sha256(out).digest()


amounts = st.integers(-(10**15), 10**15)
instants = st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
hashes = st.binary(min_size=32, max_size=32)
entries = st.fixed_dictionaries(
    {
        **{name: st.uuids() for name in ENTRY if name.endswith("_id")},
        "credit_id": st.none() | st.uuids(),
        "sequence": st.integers(1, 2**62),
        **{name: amounts for name in ENTRY if name.endswith("_minor")},
        "counter": st.text(max_size=16),
        "created_at": instants,
        "transaction_digest": hashes,
    }
)
transactions = st.fixed_dictionaries(
    {
        **{name: st.uuids() for name in TRANSACTION if name.endswith("_id")},
        "approved_by_id": st.none() | st.uuids(),
        "kind": st.text(max_size=16),
        "reason": st.none() | st.text(max_size=64),
        "idempotency_key": st.none() | st.text(max_size=255),
        "key_use": st.none() | st.binary(min_size=16, max_size=16),
        "key_at": st.none() | instants,
        "promised": st.none() | hashes,
        "note_digest": st.none() | hashes,
        "created_at": instants,
        "limited_asset": st.none() | st.text(max_size=16),
        "limited_minor": st.none() | amounts,
        "limited_on": st.none() | st.dates(),
    }
)
own_texts = st.none() | st.builds(
    Texts,
    st.none() | st.text(max_size=255),
    st.dictionaries(st.text(max_size=40), st.text(max_size=500), max_size=3).map(lambda pairs: tuple(pairs.items())),
)
keys = st.fixed_dictionaries(
    {
        "tenant_id": st.uuids(),
        "key": st.text(min_size=1, max_size=255),
        "client": st.text(max_size=255),
        "operation": st.text(max_size=32),
        "input_hash": hashes,
        "result_id": st.uuids(),
        "claimed_at": instants,
    }
)
promises = st.builds(
    Promise,
    st.uuids(),
    st.uuids(),
    st.none() | st.uuids(),
    amounts,
    st.integers(1, 2**62),
    st.dates(),
    instants,
    st.none() | instants,
    instants,
    st.booleans(),
    st.booleans(),
    st.lists(st.uuids(), max_size=3),
)


@given(previous=st.none() | hashes, facts=entries)
def test_an_entry_s_hash_is_what_is_documented(previous: bytes | None, facts: dict[str, Any]) -> None:
    assert entry_hash(previous, **facts) == entry_as_documented(previous, facts)


@given(facts=transactions)
def test_a_transaction_s_digest_is_what_is_documented(facts: dict[str, Any]) -> None:
    assert transaction_digest(**facts) == transaction_as_documented(facts)


@given(opened=st.lists(promises, max_size=3, unique_by=lambda each: each.id))
def test_the_digest_of_promises_is_what_is_documented(opened: list[Promise]) -> None:
    ids = UUID(int=1), UUID(int=2)

    assert promises_digest(*ids, opened) == promises_as_documented(*ids, opened)
    assert promises_digest(*ids, reversed(opened)) == promises_as_documented(*ids, opened)


@pytest.mark.parametrize("name", ENTRY)
def test_every_fact_of_an_entry_counts(name: str) -> None:
    assert entry_hash(PREVIOUS, **{**ENTRY, name: other(name)}) != entry_hash(PREVIOUS, **ENTRY)


@pytest.mark.parametrize("name", TRANSACTION)
def test_every_fact_of_a_transaction_counts(name: str) -> None:
    assert transaction_digest(**{**TRANSACTION, name: other(name)}) != transaction_digest(**TRANSACTION)


@pytest.mark.parametrize("name", Promise._fields)
def test_every_promise_counts(name: str) -> None:
    ids = UUID(int=1), UUID(int=2)
    changed = PROMISE._replace(**{name: other(name)})

    assert promises_digest(*ids, [changed]) != promises_digest(*ids, [PROMISE])


def test_the_entry_before_counts() -> None:
    assert len({entry_hash(previous, **ENTRY) for previous in (None, bytes(32), PREVIOUS)}) == 3


@pytest.mark.parametrize("name", ["approved_by_id", "note_digest", "reason", "idempotency_key", "key_use", "promised"])
def test_what_is_missing_is_not_what_is_empty(name: str) -> None:
    zeros: dict[str, Any] = {"approved_by_id": UUID(int=0), "note_digest": bytes(32), "key_use": bytes(16)}
    empty = {**zeros, "promised": bytes(32)}.get(name, "")

    assert transaction_digest(**{**TRANSACTION, name: None}) != transaction_digest(**{**TRANSACTION, name: empty})


@given(facts=keys)
def test_how_a_key_was_used_is_what_is_documented(facts: dict[str, Any]) -> None:
    assert key_use(**facts) == key_as_documented(facts)


@pytest.mark.parametrize("name", KEY)
def test_everything_about_a_key_counts(name: str) -> None:
    changed: dict[str, Any] = {"operation": "useCredit", "key": "Key", "client": "till", "input_hash": bytes(32)}
    changed["claimed_at"] = AT + timedelta(microseconds=1)

    assert key_use(**{**KEY, name: changed.get(name, UUID(int=99))}) != key_use(**KEY)


@given(salt=st.binary(min_size=16, max_size=64), note=st.none() | st.text(), texts=own_texts)
def test_the_digest_of_texts_is_what_is_documented(salt: bytes, note: str | None, texts: Texts | None) -> None:
    length = len(salt).to_bytes(2, "big")
    if texts is None:
        documented = b"scrip-note-1\0" + length + salt + (note or "").encode()
    else:
        documented = b"scrip-texts-1\0" + length + salt
        for text in (note, texts.reference, texts.stored_metadata):
            said = (text or "").encode()
            documented += len(said).to_bytes(4, "big") + said

    assert note_digest(salt, note, texts) == hashlib.sha256(documented).digest()


def test_a_note_and_a_reference_do_not_run_into_each_other() -> None:
    salt = bytes(16)
    assert note_digest(salt, "AB", Texts("C")) != note_digest(salt, "A", Texts("BC"))
    assert note_digest(salt, "A", Texts("B")) != note_digest(salt, "A")


def test_texts_do_not_run_into_each_other() -> None:
    one = transaction_digest(**{**TRANSACTION, "kind": "AB", "reason": "C"})

    assert one != transaction_digest(**{**TRANSACTION, "kind": "A", "reason": "BC"})


def test_an_instant_is_the_same_in_every_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-7)))

    assert entry_hash(PREVIOUS, **{**ENTRY, "created_at": elsewhere}) == entry_hash(PREVIOUS, **ENTRY)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(TypeError):
        entry_hash(PREVIOUS, **{**ENTRY, "created_at": AT.replace(tzinfo=None)})

"""What checkpoints take for granted of cryptography: Ed25519 is RFC 8032's, and nothing else passes for a signature."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED: Final = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC: Final = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
TEXT: Final = bytes.fromhex("af82")
SIGNED: Final = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
"""Test 3 of RFC 8032, section 7.1."""
ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def test_ed25519() -> None:
    """A seed of 32 bytes always signs a text alike, and its public key has 32 bytes as well."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert key.public_key().public_bytes_raw() == PUBLIC
    assert key.sign(TEXT) == key.sign(TEXT) == SIGNED
    assert Ed25519PublicKey.from_public_bytes(PUBLIC).verify(SIGNED, TEXT) is None


def test_what_is_no_signature() -> None:
    """Each is InvalidSignature, and nothing else that would go unnoticed or be another error."""
    key = Ed25519PublicKey.from_public_bytes(PUBLIC)
    other = (int.from_bytes(SIGNED[32:], "little") + ORDER).to_bytes(32, "little")  # the same, written otherwise
    for signature in (SIGNED[:-1], SIGNED + b"\0", b"", bytes(64), SIGNED[:32] + other, SIGNED[32:] + SIGNED[:32]):
        with pytest.raises(InvalidSignature):
            key.verify(signature, TEXT)
    with pytest.raises(InvalidSignature):
        key.verify(SIGNED, TEXT + b"\n")


def test_what_is_no_key() -> None:
    """Another length is a ValueError: what reads key files answers that."""
    for raw in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="32"):
            Ed25519PublicKey.from_public_bytes(raw)
        with pytest.raises(ValueError, match="32"):
            Ed25519PrivateKey.from_private_bytes(raw)

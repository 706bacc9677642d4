"""Signed notes: short texts with signatures beneath, as Go's checksum database and transparency logs have them (C2SP
signed-note), by Ed25519.

A private key is `PRIVATE+KEY+<name>+<id>+<base64>`, a public one `<name>+<id>+<base64>`, in which the id is eight
hexadecimal digits over name and public key.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_KEYS: Final = 16
MAX_NAME: Final = 100
_PRIVATE: Final = "PRIVATE+KEY+"
_ED25519: Final = b"\1"
_NAME: Final = re.compile(r"[!-*,-~]+", re.ASCII)
_SIGNATURE: Final = re.compile(r"— ([^ +]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class PublicKey:
    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """4 bytes by which signatures name it."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def written(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def written(self) -> str:
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{base64.b64encode(_ED25519 + self.seed).decode()}"

    def signature(self, text: str) -> str:
        """The line with which it signs the text."""
        signed = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"— {self.name} {base64.b64encode(self.public.id + signed).decode()}\n"


@dataclass(frozen=True, slots=True)
class Keys:
    """signing: those that sign, all of them. trusted: the public keys of these, and older ones."""

    signing: tuple[PrivateKey, ...]
    trusted: tuple[PublicKey, ...]

    def sign(self, text: str) -> str:
        """The note of the text, which ends with a line feed."""
        return f"{text}\n{''.join(key.signature(text) for key in self.signing)}"


def new_key(name: str, seed: bytes) -> PrivateKey:
    """Raises ValueError if the name is none: up to 100 ASCII characters without spaces and `+`, such as a host's name."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name) or name == "PRIVATE":
        raise ValueError("a key's name has up to 100 ASCII characters, no spaces and no +")
    return PrivateKey(name, seed)


def read_key(line: str) -> PrivateKey | PublicKey:
    """Raises ValueError for anything else than a key. The line is not repeated: it may be a secret."""
    parts = line.removeprefix(_PRIVATE).split("+", 2)
    try:
        raw = base64.b64decode(parts[2], validate=True)
        if len(raw) != 33 or raw[:1] != _ED25519:
            raise ValueError("is of no kind that is known")
        private = new_key(parts[0], raw[1:])
    except (IndexError, binascii.Error, ValueError) as error:
        raise ValueError("is no key of a signed note for Ed25519") from error
    found = private if line.startswith(_PRIVATE) else PublicKey(parts[0], raw[1:])
    named = found.public if isinstance(found, PrivateKey) else found
    if named.id.hex() != parts[1]:
        raise ValueError("is no key as it was made: its id is of another")
    return found


def read_keys(text: str) -> Keys:
    """A key in each line; empty ones and those that begin with # say nothing. Raises ValueError, with the line's number."""
    signing, trusted = list[PrivateKey](), list[PublicKey]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = read_key(line.strip())
        except ValueError as error:
            raise ValueError(f"line {number} {error}") from error
        if isinstance(key, PrivateKey):
            signing.append(key)
        trusted.append(key.public if isinstance(key, PrivateKey) else key)
    if len(trusted) > MAX_KEYS:
        raise ValueError(f"has more than {MAX_KEYS} keys")
    return Keys(tuple(signing), tuple(trusted))


def signed_text(note: str, keys: Sequence[PublicKey]) -> str:
    """The text of the note. Raises ValueError if none of the keys has signed it, or a signature of theirs is wrong."""
    text, parted, signatures = note.rpartition("\n\n")
    text += "\n"
    if not parted:
        raise ValueError("it is no signed note")
    good = 0
    for line in signatures.splitlines():
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise ValueError("a line beneath the text is no signature")
        try:
            signed = base64.b64decode(found[2], validate=True)
        except binascii.Error as error:
            raise ValueError("a line beneath the text is no signature") from error
        for key in keys:
            if key.name == found[1] and key.id == signed[:4]:
                if not key.verifies(text, signed[4:]):
                    raise ValueError(f"the signature of {key.name} is not of this text")
                good += 1
    if not good:
        raise ValueError("none of the keys has signed it")
    return text

"""Keys that tokens are checked with: a shared secret, or a set of public keys. Each is pinned to one algorithm."""

import base64
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth.errors import KeyConfigurationError, KeySetError

MIN_SECRET_BYTES = 32
"""A secret for HS256 is no shorter than its digest (RFC 7518, 3.2)."""
MIN_RSA_BITS = 2048
MAX_KEYS = 100

SHARED_SECRET_ALGORITHMS = frozenset({"HS256"})
PUBLIC_KEY_ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})

# Only public keys: a symmetric key in a key set would let every reader of the set sign tokens.
_ALGORITHM_OF = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}

KeyTable = Mapping[tuple[str | None, str], jwt.PyJWK]
"""Keys by `kid` and algorithm. Under None stands the key of an algorithm that has no other."""


class KeySource(Protocol):
    """The verifier's source of keys. `start` and `stop` belong to the application's lifespan."""

    @property
    def algorithms(self) -> frozenset[str]:
        """Return the algorithms of its keys. Tokens with any other are rejected unseen."""

    @property
    def ready(self) -> bool:
        """Return whether there are keys to check tokens with now."""

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key for exactly this algorithm, or None. Never waits. Returns the same object for as long as the
        key is good."""

    async def refresh_for_unknown_key(self) -> bool:
        """Look for new keys, unless that was done recently. Returns True if it is worth calling `find` again."""

    async def start(self) -> None:
        """Make keys available. Raises KeyConfigurationError if there can be none as configured."""

    async def stop(self) -> None:
        """Release all that `start` took."""


class SharedSecret:
    """One secret for HS256, shared with the issuer. It has no `kid`; one in the token is ignored."""

    def __init__(self, secret: str) -> None:
        """Raises KeyConfigurationError for a secret that is too short, or is a public key by mistake."""
        material = secret.encode()
        if len(material) < MIN_SECRET_BYTES:
            raise KeyConfigurationError(
                f"the token secret has {len(material)} bytes, and needs at least {MIN_SECRET_BYTES}"
            )
        if not secret.strip():
            raise KeyConfigurationError("the token secret is blank")
        encoded = base64.urlsafe_b64encode(material).decode().rstrip("=")
        self._key = jwt.PyJWK({"kty": "oct", "k": encoded}, "HS256")
        try:
            # PyJWT refuses PEM, SSH and JWK material as a secret: a public key is known to everyone.
            self._key.Algorithm.prepare_key(material)
        except jwt.InvalidKeyError as error:
            raise KeyConfigurationError("the token secret is a key for another algorithm, not a secret") from error

    @property
    def algorithms(self) -> frozenset[str]:
        """HS256 alone."""
        return SHARED_SECRET_ALGORITHMS

    @property
    def ready(self) -> bool:
        """Always."""
        return True

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The secret, for HS256."""
        return self._key if algorithm == self._key.algorithm_name else None

    async def refresh_for_unknown_key(self) -> bool:
        """A secret does not change while the server runs."""
        return False

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""


def parse_key_set(document: bytes) -> KeyTable:
    """Return the usable signature keys in a JWK Set (RFC 7517, 5). Keys of other kinds are skipped, as specified there.

    Raises KeySetError if it is not a key set, is too large, or holds no usable key.
    """
    try:
        data = json.loads(document.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise KeySetError("the key set is not JSON") from error
    members = data.get("keys") if isinstance(data, dict) else None
    if not isinstance(members, list):
        raise KeySetError('the key set has no list "keys"')
    if len(members) > MAX_KEYS:
        raise KeySetError(f"the key set has more than {MAX_KEYS} keys")
    table: dict[tuple[str | None, str], jwt.PyJWK] = {}
    by_algorithm: dict[str, list[jwt.PyJWK]] = {}
    for member in members:
        key = _public_key(member)
        if key is None:
            continue
        by_algorithm.setdefault(key.algorithm_name, []).append(key)
        if key.key_id is not None:
            table.setdefault((key.key_id, key.algorithm_name), key)
    if not by_algorithm:
        raise KeySetError("the key set holds no public key for RS256, ES256 or EdDSA")
    for algorithm, keys in by_algorithm.items():
        if len(keys) == 1:
            table[None, algorithm] = keys[0]
    return table


def _public_key(member: object) -> jwt.PyJWK | None:
    """A key for checking signatures, pinned to its algorithm, or None for anything else."""
    if not isinstance(member, dict) or "d" in member:
        # A private key has no business in a key set, and whoever published it has to replace it.
        return None
    algorithm = _algorithm(member)
    if algorithm is None or not isinstance(member.get("kid", ""), str):
        return None
    try:
        key = jwt.PyJWK(member, algorithm)
    except jwt.PyJWTError:
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        return None
    return key


def _algorithm(member: dict[str, object]) -> str | None:
    """The one algorithm that the key may be used with, from its type. What it says itself can only rule it out."""
    kind, curve = member.get("kty"), member.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return None
    algorithm = _ALGORITHM_OF.get((kind, curve))
    operations = member.get("key_ops", ["verify"])
    if member.get("alg", algorithm) != algorithm or member.get("use", "sig") != "sig":
        return None
    return algorithm if isinstance(operations, list) and "verify" in operations else None


def load_or_create_secret(path: Path, generate: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """Return the secret in the file, which is created at the first call, readable by its owner only (0600).

    Safe if several processes call it at once: all get the same secret. Raises KeyConfigurationError if the file cannot
    be read or created, or holds too little.
    """
    try:
        if not path.exists():
            _create_secret(path, generate(48))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyConfigurationError(f"the token secret in {path} cannot be read or made: {error}") from error
    if len(secret) < MIN_SECRET_BYTES:
        raise KeyConfigurationError(f"{path} holds no proper secret; remove it, and a new one is made")
    return secret


def _create_secret(path: Path, secret: str) -> None:
    """Write it in full under another name first: a link appears at once, or not if another process was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()

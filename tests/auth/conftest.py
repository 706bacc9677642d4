"""An issuer of tokens, good and bad, that shares no code with what is tested beyond PyJWT's key types."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from auth.keys import KeySource, SharedSecret
from auth.tokens import TokenVerifier

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Clock:
    """A clock that stands still until it is told otherwise; it also answers as a monotonic one."""

    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(int(time.time()), UTC))

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Mint:
    """Makes tokens for one issuer and audience at one instant."""

    clock: Clock = field(default_factory=Clock)
    secret: str = "correct-horse-battery-staple-and-a-few-more"
    issuer: str = "https://issuer.test"
    audience: str = "scrip-test"

    @property
    def now(self) -> int:
        return int(self.clock.now.timestamp())

    def claims(self, without: str = "", /, **changes: object) -> dict[str, object]:
        good: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "sam",
            "tenant": "demo",
            "role": "staff",
            "exp": self.now + 600,
            "iat": self.now,
            "nbf": self.now,
            "jti": "token-1",
        }
        return {name: value for name, value in (good | changes).items() if name != without}

    def signed(self, header: bytes, payload: bytes, secret: str | bytes | None = None) -> str:
        """Any bytes at all, with a proper HS256 signature over them."""
        key = self.secret if secret is None else secret
        material = key.encode() if isinstance(key, str) else key
        signing_input = f"{b64(header)}.{b64(payload)}"
        return f"{signing_input}.{b64(hmac.new(material, signing_input.encode(), hashlib.sha256).digest())}"

    def payload(self, **changes: object) -> bytes:
        return json.dumps(self.claims(**changes)).encode()

    def header(self, **changes: object) -> bytes:
        return json.dumps({"alg": "HS256", "typ": "at+jwt"} | changes).encode()

    def token(self, without: str = "", /, **changes: object) -> str:
        """A good token, but for these claims."""
        return self.signed(self.header(), json.dumps(self.claims(without, **changes)).encode())

    def token_with_header(self, **changes: object) -> str:
        """A good token, but for these members of its header."""
        return self.signed(self.header(**changes), self.payload())

    def by_key(self, key: PrivateKey, algorithm: str, key_id: str | None = None, **headers: object) -> str:
        """A good token with a public key algorithm."""
        header: dict[str, object] = {"typ": "at+jwt"} | ({} if key_id is None else {"kid": key_id}) | headers
        return jwt.encode(self.claims(), key, algorithm=algorithm, headers=header)

    def verifier(self, keys: KeySource | None = None) -> TokenVerifier:
        return TokenVerifier(keys or SharedSecret(self.secret), self.issuer, self.audience, self.clock)


@dataclass(frozen=True)
class KeyPairs:
    """One private key for each algorithm, and what its owner would publish."""

    private: Mapping[str, PrivateKey]

    @classmethod
    def fresh(cls) -> KeyPairs:
        """One for each algorithm that is taken."""
        return cls(
            {
                "RS256": generate_rsa_key(65537, 2048),
                "ES256": generate_private_key(SECP256R1()),
                "EdDSA": Ed25519PrivateKey.generate(),
            }
        )

    def jwk(self, algorithm: str, key_id: str | None, **members: object) -> dict[str, object]:
        key = self.private[algorithm]
        if isinstance(key, RSAPrivateKey):
            public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        elif isinstance(key, Ed25519PrivateKey):
            public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        else:
            public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return public | ({} if key_id is None else {"kid": key_id}) | members


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mint(clock: Clock) -> Mint:
    return Mint(clock)


@pytest.fixture(scope="session")
def still_mint() -> Mint:
    """For property tests, which call their body many times: nobody moves its clock."""
    return Mint()


@pytest.fixture(scope="session")
def pairs() -> KeyPairs:
    return KeyPairs.fresh()

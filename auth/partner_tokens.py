"""Opaque tokens that an admin gives to a partner's client: how they are written, read and compared. Pure.

    scrip_ + base64url(tenant id, 16 bytes | token id, 16 | secret, 32 | CRC-32 of these, 4), without padding

The prefix is for scanners that look for leaked secrets: `scrip_[A-Za-z0-9_-]{91}`. The checksum lets them, and us, tell
a token from what only looks like one without asking anybody. The tenant's id lets the row be looked up under that
tenant's row-level security, so that no lookup across tenants exists; with another tenant's id nothing is found.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID
from zlib import crc32

from auth.errors import TokenError
from auth.principal import Principal

PREFIX: Final = "scrip_"
_ID_BYTES: Final = 16
_CHECK_BYTES: Final = 4
_SHAPE: Final = re.compile(r"scrip_[A-Za-z0-9_-]{91}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartnerSecret:
    """A token in the clear, on its way to or from its holder. Neither its repr nor its digest reveals it."""

    tenant_id: UUID
    token_id: UUID
    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the token as its holder keeps it."""
        data = self.tenant_id.bytes + self.token_id.bytes + self.secret
        return PREFIX + urlsafe_b64encode(data + _checksum(data)).rstrip(b"=").decode()

    @property
    def digest(self) -> bytes:
        """Return what is stored of the secret. 256 random bits need no slow hash: there is no list of them to try."""
        return hashlib.sha256(self.secret).digest()

    def fits(self, digest: bytes) -> bool:
        """Return whether `digest` was made from the secret, in constant time."""
        return hmac.compare_digest(self.digest, digest)


class PartnerTokens(Protocol):
    """A store of issued tokens."""

    async def principal(self, token: str, *, address: str | None, request_id: str | None) -> Principal:
        """Return the principal that the token speaks for now.

        address, request_id: of its use. Raises TokenError, or TokensUnavailable if it cannot be checked.
        """


def is_partner_token(text: str) -> bool:
    """Return whether the text has the prefix of a partner token. A signed token never has: it begins with the base64url of
    a brace."""
    return text.startswith(PREFIX)


def parse(text: str) -> PartnerSecret:
    """Return the token's parts. There is exactly one text for each token. Raises TokenError for anything else."""
    if not _SHAPE.fullmatch(text):
        raise TokenError("this is not a partner token as they are issued here")
    data = urlsafe_b64decode(f"{text[len(PREFIX) :]}=")
    parts, checksum = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    token = PartnerSecret(
        tenant_id=UUID(bytes=parts[:_ID_BYTES]),
        token_id=UUID(bytes=parts[_ID_BYTES : 2 * _ID_BYTES]),
        secret=parts[2 * _ID_BYTES :],
    )
    # Of the last character two bits carry nothing: set, they would make a second text for the same token.
    if checksum != _checksum(parts) or token.text != text:
        raise TokenError("this is not a partner token as they are issued here")
    return token


def _checksum(data: bytes) -> bytes:
    return crc32(data).to_bytes(_CHECK_BYTES, "big")

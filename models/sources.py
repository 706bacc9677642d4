"""Time, ids and randomness as the running service has them. Tests pass their own."""

import secrets
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

_CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else
_CODE_CHARACTERS: Final = 12
_SALT_BYTES: Final = 16
_SECRET_BYTES: Final = 32


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class RandomSource:
    """UUIDv7 ids, salts for note digests, coupon codes that cannot be guessed (59 bits), secrets (256)."""

    def new_id(self) -> UUID:
        return uuid7()

    def new_salt(self) -> bytes:
        return secrets.token_bytes(_SALT_BYTES)

    def new_coupon_code(self) -> str:
        return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_CHARACTERS))

    def new_secret(self) -> bytes:
        return secrets.token_bytes(_SECRET_BYTES)

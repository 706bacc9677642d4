"""Errors of tokens and keys. No message ever quotes a token, a claim's value or a key."""


class TokenError(Exception):
    """The token is rejected. The message says why, and may be shown to the sender."""


class UnknownKeyError(TokenError):
    """No known key could have signed the token; it may be newer than the keys held."""


class KeySetError(Exception):
    """A key set could not be read, or holds no usable key. The previous one stays in use for a limited time."""


class KeyConfigurationError(Exception):
    """The keys as configured cannot be used, so the server must not start."""


class TokensUnavailable(Exception):
    """The token cannot be checked now. The client should keep it and try again."""

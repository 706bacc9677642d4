"""What can go wrong with tokens and keys. No message ever quotes a token, a claim's value or a key."""


class TokenError(Exception):
    """The token is refused. The message says why, in words that may be shown to whoever sent it."""


class UnknownKeyError(TokenError):
    """No key is known that could have signed the token: it may be newer than the keys we hold."""


class KeySetError(Exception):
    """A key set could not be read or holds nothing usable. What was known before stays in use for a while."""


class KeyConfigurationError(Exception):
    """The keys as configured cannot be used, so the server must not start."""


class TokensUnavailable(Exception):
    """Whether the token is good cannot be told now. It is refused for the moment, and is not to be thrown away."""

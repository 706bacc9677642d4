"""The keys that the settings name: to check tokens with, and to issue them with."""

import time

from app.problems import SetupProblem
from app.settings import Settings
from auth.errors import KeyConfigurationError
from auth.jwks import key_source
from auth.keys import KeySource, load_or_create_secret

KEPT_IN = "jwt-secret"


def token_keys(settings: Settings) -> KeySource:
    """The keys to check tokens with. Raises SetupProblem if the settings name none, several, or unusable ones."""
    secret = None if settings.jwt_secret is None else settings.jwt_secret.get_secret_value()
    if secret is None and settings.jwks_file is None and settings.jwks_url is None:
        secret = token_secret(settings)
    try:
        return key_source(
            secret=secret, jwks_file=settings.jwks_file, jwks_url=settings.jwks_url, monotonic=time.monotonic
        )
    except KeyConfigurationError as error:
        raise SetupProblem(_sentence(error)) from error


def token_secret(settings: Settings) -> str:
    """The secret to issue tokens with: as set, or one that is made at the first call and kept in the data folder.

    Raises SetupProblem if somebody else issues the tokens, or if the secret cannot be kept.
    """
    if settings.jwks_file is not None or settings.jwks_url is not None:
        raise SetupProblem("Tokens are issued by the owner of the key set (SCRIP_JWKS_FILE, SCRIP_JWKS_URL), not here.")
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    try:
        # Servers that do not share the folder then refuse each other's tokens, which is the safe way to be wrong.
        return load_or_create_secret(settings.data_dir / KEPT_IN)
    except KeyConfigurationError as error:
        raise SetupProblem(_sentence(error)) from error


def _sentence(error: KeyConfigurationError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."

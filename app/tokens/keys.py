"""The keys that the settings name: to check tokens with, and to issue them with."""

import time

from app.problems import SetupProblem
from app.settings import Settings
from app.tokens.claims import claim_map
from auth.errors import KeyConfigurationError
from auth.jwks import key_source
from auth.keys import MIN_SECRET_BYTES, KeySource, load_or_create_secret

KEPT_IN = "jwt-secret"
WEBHOOK_KEY_KEPT_IN = "webhook-key"


def token_keys(settings: Settings) -> KeySource:
    """The keys to check tokens with. Raises SetupProblem if the settings name none, several, or unusable ones."""
    secret = None if settings.jwt_secret is None else settings.jwt_secret.get_secret_value()
    if secret is None and not _has_key_set(settings):
        raise SetupProblem(
            "There are no keys to check tokens with. Set SCRIP_JWKS_URL or SCRIP_JWKS_FILE to those of your identity "
            f"provider, or SCRIP_JWT_SECRET to a secret of at least {MIN_SECRET_BYTES} bytes that all servers share. "
            "(Only `scrip run` makes up a secret of its own.)"
        )
    try:
        return key_source(
            secret=secret, jwks_file=settings.jwks_file, jwks_url=settings.jwks_url, monotonic=time.monotonic
        )
    except KeyConfigurationError as error:
        raise SetupProblem(_sentence(error)) from error


def others_issue(settings: Settings) -> bool:
    """Whether tokens are issued by somebody else, whose public keys or claims the settings name."""
    return _has_key_set(settings) or not claim_map(settings).is_plain


def _has_key_set(settings: Settings) -> bool:
    return settings.jwks_file is not None or settings.jwks_url is not None


def token_secret(settings: Settings) -> str:
    """The secret to issue tokens with: as set, or the one that `scrip run` keeps in the data folder.

    Raises SetupProblem if somebody else issues the tokens, or if there is none.
    """
    if settings.jwt_secret is None and not others_issue(settings) and not (settings.data_dir / KEPT_IN).exists():
        raise SetupProblem(
            "There is no secret to sign tokens with: set SCRIP_JWT_SECRET to the server's. (`scrip run` makes up one "
            f"and keeps it in {settings.data_dir / KEPT_IN}.)"
        )
    return made_secret(settings)


def made_secret(settings: Settings) -> str:
    """The secret to issue tokens with; if there is none, it is made and kept in the data folder. For `scrip run` alone:
    servers that each make one would refuse each other's tokens.

    Raises SetupProblem if somebody else issues the tokens, or if the secret cannot be kept.
    """
    if _has_key_set(settings):
        raise SetupProblem("Tokens are issued by the owner of the key set (SCRIP_JWKS_FILE, SCRIP_JWKS_URL), not here.")
    if others_issue(settings):
        raise SetupProblem("Tokens are issued by the identity provider whose claims SCRIP_CLAIM_… name, not here.")
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    try:
        return load_or_create_secret(settings.data_dir / KEPT_IN)
    except KeyConfigurationError as error:
        raise SetupProblem(_sentence(error)) from error


def made_webhook_key(settings: Settings) -> str:
    """The key that secrets of webhooks are derived from, made and kept in the data folder. For `scrip run` alone.

    Raises SetupProblem if it cannot be kept.
    """
    try:
        return load_or_create_secret(settings.data_dir / WEBHOOK_KEY_KEPT_IN)
    except KeyConfigurationError as error:
        raise SetupProblem(_sentence(error)) from error


def _sentence(error: KeyConfigurationError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."

"""Tokens of the issuer that the settings name: where they have what, and the one who checks them."""

from app.settings import Settings
from auth.claim_map import ClaimMap
from auth.keys import KeySource
from auth.tokens import TokenVerifier
from models.sources import system_clock


def claim_map(settings: Settings) -> ClaimMap:
    """The map of their claims, as set."""
    return ClaimMap(
        tenant=settings.claim_tenant,
        role=settings.claim_role,
        subject=settings.claim_subject,
        name=settings.claim_name,
        client_id=settings.claim_client_id,
        customer=settings.claim_customer,
        scope=settings.claim_scope,
        tenants=settings.tenant_values,
        roles=settings.role_values,
        scopes=settings.scope_values,
    )


def token_verifier(settings: Settings, keys: KeySource) -> TokenVerifier:
    """Checks the tokens of that issuer with these keys."""
    return TokenVerifier(
        keys,
        settings.jwt_issuer,
        settings.jwt_audience,
        system_clock,
        claims=claim_map(settings),
        types=settings.token_types,
    )

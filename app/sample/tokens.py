"""A token per role for the sample's tenant: given away on the front page and by `scrip run`, and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.sample.demo import REGULAR, TENANT
from app.sample.shop import MARIA, SAM, subject_of
from app.settings import Settings
from app.tokens.keys import others_issue, token_secret
from auth.roles import Role, Scope
from auth.tokens import issue

LIFETIME: Final = timedelta(hours=12)
PARTNER_SCOPES: Final = (
    Scope.CUSTOMERS_READ,
    Scope.LEDGER_READ,
    Scope.CREDITS_ADD,
    Scope.INVOICES_READ,
    Scope.REWARDS_READ,
    Scope.EVENTS_READ,
)
_NAMES: Final = {
    Role.STAFF: SAM.name,
    Role.MANAGER: MARIA.name,
    Role.ADMIN: "Ada, admin",
    Role.PARTNER: "A partner's program",
    Role.CUSTOMER: f"Customer {REGULAR}",
}


@dataclass(frozen=True, slots=True)
class DemoToken:
    """may: the bearer's rights, in a few words."""

    role: Role
    text: str
    may: str


_MAY: Final = {
    Role.STAFF: "Reads everything; adds credit and points within limits: £100 at once, £200 per customer and day.",
    Role.MANAGER: "Adds without limits, removes, adjusts in bulk; decides what staff ask for; reads limits and the audit.",
    Role.ADMIN: "All that a manager may, and the configuration: limits, partners' tokens, webhooks.",
    Role.PARTNER: f"Nothing but its scopes: {' '.join(scope.value for scope in PARTNER_SCOPES)}.",
    Role.CUSTOMER: f"Reads what belongs to customer {REGULAR}, without internal notes, and changes nothing.",
}


def demo_tokens(settings: Settings, now: datetime, new_id: Callable[[], object]) -> list[DemoToken]:
    """One for each role, good for LIFETIME from `now`. Empty if somebody else issues the tokens, or the server can be
    reached from other machines: an admin's token is among them."""
    if others_issue(settings) or not settings.on_loopback:
        return []
    secret = token_secret(settings)
    return [DemoToken(role, _token(settings, secret, role, now, str(new_id())), _MAY[role]) for role in Role]


def _token(settings: Settings, secret: str, role: Role, now: datetime, token_id: str) -> str:
    subject = REGULAR if role is Role.CUSTOMER else subject_of(role.value)
    return issue(
        secret,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        tenant=TENANT,
        subject=subject,
        role=role,
        issued_at=now,
        lifetime=LIFETIME,
        token_id=token_id,
        name=_NAMES[role],
        scopes=PARTNER_SCOPES if role is Role.PARTNER else None,
        client_id=subject if role is Role.PARTNER else None,
        customer=REGULAR if role is Role.CUSTOMER else None,
    )

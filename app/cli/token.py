"""`scrip token`: a token on the standard output and nothing else there, so that a shell can catch it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
import uuid_utils

from app.cli.database import app_database
from app.cli.tenants import tenant_at_work
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from app.tokens.keys import token_secret
from auth.errors import KeyConfigurationError, TokenError
from auth.keys import SharedSecret
from auth.roles import Role, Scope
from auth.tokens import issue
from models.names import clean_name

_LIFETIME = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def token_command(
    tenant: Annotated[str, typer.Option(help="Short name or id of the tenant.")],
    role: Annotated[Role, typer.Option(help="Role of the bearer.")],
    subject: Annotated[str | None, typer.Option(help="Subject. Default: named after the role.")] = None,
    scope: Annotated[str | None, typer.Option(help='Scopes separated by spaces: "ledger:read credits:add".')] = None,
    customer: Annotated[str | None, typer.Option(help="External id of the customer, for a customer's token.")] = None,
    ttl: Annotated[str, typer.Option(help="Lifetime, such as 30s, 15m, 1h, 7d.")] = "1h",
) -> None:
    """Print an access token of a tenant that is there, signed with the server's own secret."""
    settings = load_settings()
    token_secret(settings)  # before a database is asked, or started
    check_tenant(settings, tenant)
    if role is Role.PARTNER and scope is None:
        typer.echo("A partner has nothing but its scopes: this token can do nothing without --scope.", err=True)
    token = make_token(
        settings,
        tenant=tenant,
        role=role,
        subject=subject,
        scope=scope,
        customer=customer,
        ttl=ttl,
        issued_at=datetime.now(UTC),
        token_id=str(uuid_utils.uuid7()),
    )
    typer.echo(token)


def check_tenant(settings: Settings, tenant: str) -> None:
    """Raises SetupProblem if there is no such tenant, or it is suspended."""

    async def check(url: str) -> None:
        async with open_database(url, pool_min=1, pool_max=1, statement_cache=settings.database_statement_cache):
            await tenant_at_work(tenant)

    with app_database(settings) as url:
        asyncio.run(check(url))


def make_token(
    settings: Settings,
    *,
    tenant: str,
    role: Role,
    subject: str | None = None,
    scope: str | None = None,
    customer: str | None = None,
    ttl: str = "1h",
    issued_at: datetime,
    token_id: str,
) -> str:
    """Issue a token that a server with these settings accepts. Raises SetupProblem for one that it would not, and if
    there is no secret to sign it with."""
    customer = None if customer is None else clean_name(customer)
    who = subject or customer or f"{role.value}@{tenant}"
    secret = token_secret(settings)
    try:
        SharedSecret(secret)
        return issue(
            secret,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            tenant=tenant,
            subject=who,
            role=role,
            issued_at=issued_at,
            lifetime=_lifetime(ttl),
            token_id=token_id,
            scopes=None if scope is None else _scopes(scope),
            client_id=who if role is Role.PARTNER else None,
            customer=customer,
        )
    except (TokenError, KeyConfigurationError) as error:
        raise SetupProblem(f"No such token can be issued: {error}.") from error


def _lifetime(text: str) -> timedelta:
    match = _LIFETIME.fullmatch(text)
    if match is None:
        raise SetupProblem(f"--ttl must be a number and a unit, as in 30s, 15m, 1h or 7d, and not {text!r}.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _scopes(text: str) -> list[Scope]:
    known = {scope.value: scope for scope in Scope}
    unknown = [word for word in text.split() if word not in known]
    if unknown:
        raise SetupProblem(f"No such scope: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[word] for word in text.split()]

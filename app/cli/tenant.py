"""`scrip tenant`: make tenants, look at them, suspend them; the rest is in tenant_moves.py.

Results go to standard output: of `create`, the token alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import typer
import uuid_utils

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenant_moves import delete_command, export_command, import_command
from app.cli.tenants import check_slug, check_time_zone, tenant_named
from app.cli.token import make_token
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from app.tokens.keys import others_issue
from auth.roles import Role
from models.commands import Actor
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.operations.suspend_tenant import resume_tenant, suspend_tenant
from models.reads.tenants import TenantFacts, facts_of
from models.reads.verify import every_tenant

OPERATOR: Final = Actor("scrip", "SYSTEM", client="operator", name="Operator")
"""The one who suspends and resumes, in the tenant's own trail."""

T = TypeVar("T")

tenant_commands = typer.Typer(
    help="Make tenants, look at them, suspend them, move them elsewhere, delete them.", no_args_is_help=True
)
tenant_commands.command("export")(export_command)
tenant_commands.command("import")(import_command)
tenant_commands.command("delete")(delete_command)
_Named = Annotated[str, typer.Argument(help="Short name or id of the tenant.", metavar="TENANT")]


@tenant_commands.command("create")
def create_command(
    slug: Annotated[
        str, typer.Argument(help="Short name: small letters, digits, hyphens. It never changes.", metavar="TENANT")
    ],
    time_zone: Annotated[str, typer.Option(help="IANA time zone in which its days begin and end: Europe/London.")],
    name: Annotated[str | None, typer.Option(help="Name of the business. Default: the short name.")] = None,
    limited_currencies: Annotated[
        str | None, typer.Option(help='Currencies that staff and partners may use: "GBP EUR". Default: all.')
    ] = None,
    admin: Annotated[
        str | None, typer.Option(help="Subject of the first admin's token. Default: admin@TENANT.")
    ] = None,
    ttl: Annotated[str, typer.Option(help="Lifetime of that token, such as 30s, 15m, 1h, 7d.")] = "1h",
) -> None:
    """Make a tenant, with the reasons and limits of a new one, and print a token for its first admin."""
    check_slug(slug)
    check_time_zone(time_zone)
    settings = load_settings()
    currencies = tuple((limited_currencies or "").replace(",", " ").split())

    async def make(ledger: Ledger) -> UUID:
        return await create_tenant(ledger, slug, name or slug, time_zone, currencies)

    tenant_id = _with_ledger(settings, make)
    say(f"Made the tenant {slug} ({time_zone}), id {tenant_id}")
    _print_token(settings, slug, admin, ttl)


@tenant_commands.command("list")
def list_command() -> None:
    """List the tenants: short name, id, and whether it is suspended."""
    tenants = _with_ledger(load_settings(), lambda _: every_tenant())
    if not tenants:
        say("There is no tenant yet: make one with scrip tenant create.")
        return
    width = max(len(tenant.slug) for tenant in tenants)
    for tenant in tenants:
        state = "being deleted" if tenant.deleting else "suspended" if tenant.suspended else "active"
        print(f"{tenant.slug:<{width}}  {tenant.id}  {state}")


@tenant_commands.command("show")
def show_command(tenant: _Named) -> None:
    """Show a tenant's settings, and how much there is of it."""

    async def look(_: Ledger) -> TenantFacts:
        return await facts_of((await tenant_named(tenant)).id)

    facts = _with_ledger(load_settings(), look)
    state = "active" if facts.suspended_at is None else f"suspended since {facts.suspended_at.isoformat()}"
    rows = {
        "short name": facts.slug,
        "id": facts.id,
        "name": facts.name,
        "time zone": facts.time_zone,
        "currencies of limited roles": facts.limited_currencies or "all",
        "made": facts.created_at.isoformat(),
        "state": state,
        "customers": f"{facts.customers:,}",
        "entries": f"{facts.entries:,}",
    }
    for label, value in rows.items():
        print(f"{label:<28} {value}")


@tenant_commands.command("suspend")
def suspend_command(tenant: _Named) -> None:
    """Refuse a tenant's requests and let its jobs rest, in all servers within seconds. Its books stay as they are."""
    slug, changed = _switch(tenant, suspend_tenant)
    say(f"{slug} is suspended" if changed else f"{slug} was suspended already")


@tenant_commands.command("resume")
def resume_command(tenant: _Named) -> None:
    """Let a suspended tenant in again."""
    slug, changed = _switch(tenant, resume_tenant)
    say(f"{slug} is active again" if changed else f"{slug} was not suspended")


def _switch(name: str, operation: Callable[[Ledger, UUID, Actor], Awaitable[bool]]) -> tuple[str, bool]:
    async def switch(ledger: Ledger) -> tuple[str, bool]:
        tenant = await tenant_named(name)
        return tenant.slug, await operation(ledger, tenant.id, OPERATOR)

    return _with_ledger(load_settings(), switch)


def _with_ledger(settings: Settings, act: Callable[[Ledger], Awaitable[T]]) -> T:
    """The result of `act`, on the database that is set. A refusal of the ledger's is a SetupProblem."""

    async def run(url: str) -> T:
        async with open_database(url, pool_min=1, pool_max=2, statement_cache=settings.database_statement_cache):
            ledger = new_ledger(settings)
            try:
                await ledger.sync_clock()
                return await act(ledger)
            except LedgerError as error:
                raise SetupProblem(error.message) from error
            finally:
                await ledger.close()

    with app_database(settings) as url:
        return asyncio.run(run(url))


def _print_token(settings: Settings, slug: str, subject: str | None, ttl: str) -> None:
    """The first admin's token; where none can be made here, how to come by one. The tenant is there in any case."""
    if others_issue(settings):
        say(
            f"Your identity provider issues the tokens: the first admin's must name tenant {slug} and role admin. "
            "Which claims these are read from, docs/identity-providers.md says."
        )
        return
    try:
        token = make_token(
            settings,
            tenant=slug,
            role=Role.ADMIN,
            subject=subject,
            ttl=ttl,
            issued_at=datetime.now(UTC),
            token_id=str(uuid_utils.uuid7()),
        )
    except SetupProblem as problem:
        say(f"No token was made: {problem} Then: scrip token --tenant {slug} --role admin")
        return
    say(f"A token for its first admin, for {ttl}:")
    print(token)

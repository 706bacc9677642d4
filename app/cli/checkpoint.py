"""`scrip checkpoint`: make checkpoints now, make a key for them, show the public ones."""

import asyncio
import secrets
from typing import Annotated, Final
from uuid import UUID

import typer

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenants import tenant_at_work
from app.notary import NotKept, notary, notary_keys
from app.postgres.clock import clock_kept, new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from models.checkpoints import BooksDiffer, Notary, of_note
from models.errors import Unavailable
from models.ledger import Ledger
from models.operations.keep_checkpoints import keep_checkpoints
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.reads.checkpoints import last_note
from models.reads.verify import every_tenant
from models.signed_notes import new_key

MAX_ROUNDS: Final = 100_000
NO_KEYS: Final = (
    "SCRIP_CHECKPOINT_KEYS is not set. Make a key with scrip checkpoint new-key NAME > FILE, and keep it off the database's "
    "machine."
)

checkpoint_commands = typer.Typer(
    help="Signed checkpoints of the books: make one now, make a key, show the public ones.", no_args_is_help=True
)


@checkpoint_commands.command("make")
def make_command(
    tenant: Annotated[str | None, typer.Option(help="Short name of the tenant. Default: all tenants.")] = None,
) -> None:
    """Make checkpoints of all that has happened, and bring them where they are kept. Exit status 1 if one cannot be made."""
    settings = load_settings()
    signs = notary(settings)
    if signs is None:
        raise SetupProblem(NO_KEYS if settings.checkpoint_keys is None else "There is no private key to sign with.")
    with app_database(settings) as url:
        well = asyncio.run(_make_all(settings, url, tenant, signs))
    if not well:
        raise typer.Exit(1)


@checkpoint_commands.command("new-key")
def new_key_command(
    name: Annotated[str, typer.Argument(help="Name of the signer, such as the host name of the service.")],
) -> None:
    """Print a new private key, for the file of SCRIP_CHECKPOINT_KEYS; to standard error, the public one."""
    try:
        key = new_key(name, secrets.token_bytes(32))
    except ValueError as error:
        raise SetupProblem(f"{name[:80]!r}: {error}.") from error
    print(key.written())
    say(f"The public key, for those who check: {key.public.written()}")


@checkpoint_commands.command("keys")
def keys_command() -> None:
    """Print the public keys of SCRIP_CHECKPOINT_KEYS, those that sign first."""
    keys = notary_keys(load_settings())
    if keys is None:
        raise SetupProblem(NO_KEYS)
    signing = [key.public for key in keys.signing]
    for key in dict.fromkeys((*signing, *keys.trusted)):
        print(key.written())


async def _make_all(settings: Settings, url: str, slug: str | None, signs: Notary) -> bool:
    well = True
    async with open_database(url, pool_min=1, pool_max=2, statement_cache=settings.database_statement_cache):
        ledger = new_ledger(settings)
        try:
            async with clock_kept(ledger):
                await ledger.check_clock()
                tenants = await every_tenant() if slug is None else [await tenant_at_work(slug)]
                for each in tenants:
                    if each.suspended or each.deleting:
                        continue
                    try:
                        print(f"{each.slug}: {await _make(ledger, each.id, signs)}", flush=True)
                    except (BooksDiffer, NotKept) as error:
                        well = False
                        say(f"{each.slug}: {error}")
        except Unavailable as error:
            raise SetupProblem(error.message) from error
        finally:
            await ledger.close()
    return well


async def _make(ledger: Ledger, tenant: UUID, signs: Notary) -> str:
    """Return the line about the tenant."""
    for _ in range(MAX_ROUNDS):
        if not await keep_feed(ledger, tenant):
            break
    made = 0
    for _ in range(MAX_ROUNDS):
        steps = await make_checkpoint(ledger, tenant, signs, now=True)
        made += steps
        if not steps:
            break
    kept = await keep_checkpoints(ledger, tenant, signs)
    note = await last_note(tenant)
    if note is None:
        return "no checkpoint yet"
    last = of_note(note)
    news = "made" if made else "nothing new since"
    there = (
        f"{kept} brought where they are kept" if signs.keep else "kept nowhere else: SCRIP_CHECKPOINTS_TO is not set"
    )
    return f"{news} checkpoint {last.number} of {last.size:,} accounts at {last.until.isoformat()}; {there}"

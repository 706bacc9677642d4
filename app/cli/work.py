"""`scrip work`: the jobs, in a process of their own. `scrip run` runs them in the server's process."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from logging.config import dictConfig
from typing import Annotated

import typer

from app.cli.beside import shown_beside
from app.cli.database import app_database
from app.cli.output import say
from app.cli.stopping import stop_is_success
from app.cli.tenants import tenant_at_work
from app.http.logs import log_config
from app.notary import notary
from app.postgres.clock import clock_kept, new_ledger
from app.postgres.database import check_role, open_database
from app.postgres.waiting import opened_once_there, until_there
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from jobs.signals import signalled
from jobs.worker import JOBS, work_once, working
from models.errors import Unavailable
from models.ledger import Ledger
from models.signals import Hints


def work_command(
    once: Annotated[bool, typer.Option("--once", help="Do the work there is now, then exit.")] = False,
    tenant: Annotated[str | None, typer.Option(help="With --once: only for this tenant, by its short name.")] = None,
) -> None:
    """Run the jobs, such as writing off expired credit and posting queued imports, until told to stop."""
    if tenant is not None and not once:
        raise SetupProblem("--tenant goes with --once.")
    if not once:
        stop_is_success()
    settings = load_settings()
    dictConfig(log_config(settings.log_level, settings.log_format))
    with app_database(settings) as url:
        asyncio.run(_work(settings, url, once, tenant))


async def _work(settings: Settings, url: str, once: bool, tenant: str | None) -> None:
    ledger = new_ledger(settings)
    ledger.notary = notary(settings)
    async with _database(settings, url, ledger, waits=not once):
        try:
            async with clock_kept(ledger):
                if once:
                    await _once(ledger, tenant)
                else:
                    delivered = ledger.metrics.webhooks.active
                    async with shown_beside(settings, ledger), signalled(relays=True, delivered=delivered) as hints:
                        await _until_told(ledger, hints)
        finally:
            await ledger.close()


@asynccontextmanager
async def _database(settings: Settings, url: str, ledger: Ledger, *, waits: bool) -> AsyncIterator[None]:
    """The pool, until the block ends. waits: until the database is there, if it is away."""
    check = partial(check_role, url, say)
    opened = partial(opened_once_there, ledger=ledger, say=say) if waits else open_database
    await (until_there(check, say) if waits else check())
    async with opened(
        url, pool_min=1, pool_max=settings.database_pool_max, statement_cache=settings.database_statement_cache
    ):
        yield


async def _once(ledger: Ledger, tenant: str | None) -> None:
    if tenant is not None:
        tenant = (await tenant_at_work(tenant)).slug
    try:
        await ledger.check_clock()
        done = await work_once(ledger, tenant)
    except Unavailable as error:
        raise SetupProblem(error.message) from error
    except ExceptionGroup as group:
        raise SetupProblem(f"{len(group.exceptions)} steps failed; the rest is done next time.") from group
    for name, count in done.items():
        print(f"{name}: {count:,} done")


async def _until_told(ledger: Ledger, hints: Hints | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    say("Working: " + ", ".join(f"{job.name} every {job.interval_s:g} s" for job in JOBS) + "   (Ctrl-C stops it)")
    async with working(ledger, hints=hints):
        await stop.wait()
    say("Stopped")

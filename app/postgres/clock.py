"""The clock of a process of ours: the database's, compared with its own."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from app.settings import Settings
from models.errors import DatabaseAway
from models.ledger import Ledger
from models.sources import DatabaseClock
from models.webhooks import WebhookKey, WebhookSetup

log = logging.getLogger(__name__)

SYNC_INTERVAL_S: Final = 10.0
SYNC_TIMEOUT_S: Final = 5.0


def new_ledger(settings: Settings) -> Ledger:
    """A ledger by the database's clock, which writes nothing while this machine's differs more than the settings allow."""
    clock = DatabaseClock(max_skew=timedelta(seconds=settings.max_clock_skew))
    return Ledger(clock, webhooks=webhook_setup(settings))


def webhook_setup(settings: Settings) -> WebhookSetup:
    """Settings of webhooks, as the ledger has them."""
    keys = "" if settings.webhook_key is None else settings.webhook_key.get_secret_value()
    return WebhookSetup(
        keys=tuple(WebhookKey(key.strip().encode()) for key in keys.split(",") if key.strip()),
        networks=settings.webhook_networks,
        plain_http=settings.webhook_http,
    )


@asynccontextmanager
async def clock_kept(ledger: Ledger, interval_s: float = SYNC_INTERVAL_S) -> AsyncIterator[None]:
    """Ask the database for its time, now and every so many seconds until the block ends; postings learn it as well."""
    await ledger.sync_clock()
    task = asyncio.create_task(_keep(ledger, interval_s), name="clock")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep(ledger: Ledger, interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        try:
            async with asyncio.timeout(SYNC_TIMEOUT_S):
                await ledger.sync_clock()
        except (DatabaseAway, OSError):
            log.debug("the database was not asked for its time", exc_info=True)  # that it is away, the log says already
        except Exception:  # as a statement that somebody has cancelled
            log.exception("the database was not asked for its time; it is asked again")

"""The feed: positions for what happened, soon after; and pruning by age (docs/adr/0061, 0062)."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Final
from uuid import UUID

from models.errors import DatabaseAway, Unavailable
from models.ledger import Ledger
from models.operations.keep_feed import JOB, keep_feed
from models.operations.prune_feed import prune_feed
from models.signals import Hints

log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0
"""An event is in the feed after this long, as soon as nothing from before it is still being written."""
PATIENCE_S: Final = 10.0
"""A tenant in which nothing happens is looked at this seldom."""
PRUNING_INTERVAL_S: Final = 3600.0


async def relay(ledger: Ledger, tenant_id: UUID) -> int:
    """Give positions to what is settled. Returns the number of events, 0 if none is left."""
    return await keep_feed(ledger, tenant_id)


async def relay_hinted(ledger: Ledger, hints: Hints, stirred: Callable[[UUID], None]) -> None:
    """The same at once wherever something was written, for as long as this task lasts. stirred: told of each such tenant:
    what was not settled yet is found by the next round."""
    metrics = ledger.metrics.job(JOB)
    while True:
        for tenant_id in await hints.take():
            stirred(tenant_id)
            began = perf_counter()
            try:
                await ledger.check_clock()
                given = await keep_feed(ledger, tenant_id)
                metrics.done += given
                if given:
                    hints.grown(tenant_id)
            except (Unavailable, DatabaseAway) as error:  # the log says so already
                log.debug("the feed: not now: %s", error)
            except Exception:  # one tenant's trouble is not the others'
                metrics.failures += 1
                log.exception("the feed of tenant %s was not kept; it is tried again", tenant_id)
            hints.rest(tenant_id, perf_counter() - began)


async def prune(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete some outdated events. Returns their number, 0 if none is left."""
    return await prune_feed(ledger, tenant_id)

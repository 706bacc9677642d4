"""A client that follows a list by its cursors, and a tenant that lives in real time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID, uuid4

from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.reads.paging import MAX_PAGE, Listing, load_pages, page_request
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.sources import system_clock
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAUSE_S: Final = 0.002
MAX_PAGES: Final = 100_000


@asynccontextmanager
async def in_real_time(*, proved: bool = True) -> AsyncIterator[Tenant]:
    """A tenant whose rows carry the database's time. proved: whether its books have to be right at the end."""
    ledger, slug = Ledger(), f"t-{uuid4().hex}"
    tenant_id = await create_tenant(ledger, slug, "Tea shop", "Europe/London")
    yield Tenant(ledger, Clock(system_clock()), slug, tenant_id)
    await ledger.close()
    proof = await verify(tenant_id)
    assert proof.holds or not proved, proof.listed


class Follower:
    """Reads a parent's list from the first row on, page after page. seen: the key of every row, in the order in which
    they came. settling: as a server does it; False is what a careless one would do."""

    def __init__(
        self, tenant: Tenant, listing: Listing[Any], parent: UUID | None = None, *, settling: bool | None = None
    ) -> None:
        self.listing = listing
        self.seen: list[tuple[object, ...]] = []
        self._tenant = tenant
        self._parent = parent or tenant.id
        self._settling = tenant.ledger.database_time if settling is None else settling
        self._after: str | None = None
        self._over = False

    async def begin(self) -> None:
        """Before anybody posts: a first page also shows what has not settled, and the next one would show it again."""
        await self.page()

    async def page(self) -> bool:
        """Read one more page. Whether the list goes on behind it."""
        session = ReadSession(self._tenant.id, settling=self._settling)
        try:
            request = page_request(self.listing, MAX_PAGE, self._after, None, None)
            page = (await load_pages(session, self.listing, [self._parent], request))[self._parent]
        finally:
            await session.close()
        self.seen += [page.key(index).values for index in range(len(page.rows))]
        if page.rows:
            self._after = self.listing.cursor(page.key(-1), page.settled)
        return page.has_next

    async def follow(self) -> None:
        """Until it is told that this was all, and then to the end."""
        for _ in range(MAX_PAGES):
            over = self._over
            if not await self.page():
                if over:
                    return
                await asyncio.sleep(PAUSE_S)

    def finish(self) -> None:
        self._over = True

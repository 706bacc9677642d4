"""checkpoints and receipt: what can be checked without Scrip."""

from typing import Any

import strawberry

from models.reads import checkpoints, receipts
from schema.context import Info
from schema.ids import asked_id
from schema.types.base import Connection
from schema.types.checkpoint import Checkpoint, Receipt
from schema.types.pages import root_page


async def resolve(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[Checkpoint] | None:
    """List the signed checkpoints of the books, oldest first; pass `last` for the newest."""
    return await root_page(info, checkpoints.CHECKPOINTS, info.context.tenant.id, (first, after, last, before, reverse))


async def resolve_receipt(info: Info, entry_id: strawberry.ID) -> Receipt | None:
    """Return the receipt of an entry, which can be checked without Scrip; null if there is no such entry. Customers get
    those of their own.

    entry_id: Entry in question.
    """
    context = info.context
    asked = asked_id(entry_id, "LedgerEntry", "entryId")
    entry: Any = None if asked is None else await context.loaders.nodes("LedgerEntry").load(asked)
    if entry is None:
        return None
    account = await context.loaders.accounts.load(entry.view.account_id)
    if account is None or not await context.may_see(account.view.customer_id):
        return None
    return Receipt.made(await receipts.receipt(context.reads, entry.view.account_id, entry.view.sequence))

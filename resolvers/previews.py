"""The part that previews have in common."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import UUID

from models.commands import Actor
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.effects import Effects, refused
from schema.context import Info
from schema.types.previews import PostingPreview

C_co = TypeVar("C_co", covariant=True)
C = TypeVar("C")


class Asked(Protocol[C_co]):
    """An input of a preview."""

    def command(self) -> C_co:
        """Raises LedgerError."""


async def effects_of(
    info: Info, asked: Asked[C], preview: Callable[[Ledger, UUID, Actor, C], Awaitable[Effects]]
) -> PostingPreview:
    """Return the effects that the command would have, refusals included. Writes nothing."""
    context = info.context
    try:
        command = asked.command()
        await context.reads.release()
        found = await preview(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        found = refused(error)
    return PostingPreview.of(found)

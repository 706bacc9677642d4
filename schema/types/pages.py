"""Lists by pages: a field asks for one, and it is read together with those of its neighbours."""

from typing import Any, Final, TypeAlias
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from gateway.reading import Loader, Pending
from models.reads.keys import BadPage
from models.reads.paging import Condition, Listing, Looked, PageRequest, page_request
from schema.context import Info
from schema.types.base import Connection, PageKey
from schema.written import permitted_writer

USE_FILTER_TEXT: Final = "Use filter, which can say the same."
USE_FILTER: Final = strawberry.argument(deprecation_reason=USE_FILTER_TEXT)
"""Of arguments that a filter replaces."""

PageArguments: TypeAlias = tuple[int | None, str | None, int | None, str | None, bool | None]
"""Relay's first, after, last and before, and whether the list is reversed."""


def paged(info: Info, listing: Listing[Any], parent: UUID, page: PageArguments, *conditions: Condition) -> Pending[Any]:
    """Return a page of the parent's list, read together with the same page of every other parent in this request.

    Raises BadUserInput if the arguments name no page.
    """
    loader, key = _asked(info, (listing, parent, asked_page(listing, page), conditions))
    return loader.get(key)


async def root_page(
    info: Info, listing: Listing[Any], parent: UUID, page: PageArguments, *conditions: Condition
) -> Connection[Any] | None:
    """Return the same for a root field, which has to wait."""
    loader, key = _asked(info, (listing, parent, asked_page(listing, page), conditions))
    return await loader.load(key)


async def looked_into(
    info: Info, listing: Listing[Any], parent: UUID, page: PageArguments, *conditions: Condition
) -> Connection[Any] | None:
    """Return the same as objects in any case, for a resolver that looks at its rows."""
    return await info.context.loaders.pages.load((listing, parent, asked_page(listing, page), conditions))


def _asked(info: Info, key: PageKey) -> tuple[Loader[Any, Any], Any]:
    """The loader to ask for a page, and what to ask it for. It is written as JSON if it can be, and is not one that may be
    refused as it is read."""
    loaders, conditions = info.context.loaders, key[-1]
    writer = permitted_writer(info)
    if writer is None or any(each.until is not None or isinstance(each, Looked) for each in conditions):
        return loaders.pages, key
    return loaders.written_pages, (key, writer)


def asked_page(listing: Listing[Any], page: PageArguments) -> PageRequest:
    """Return the page that Relay's arguments ask for. Raises BadUserInput if they name none."""
    try:
        return page_request(listing, *page)
    except BadPage as error:
        raise bad_page(error) from None


def bad_page(error: BadPage) -> BadUserInput:
    """Return the error for clients, with the argument that it is about."""
    return BadUserInput(str(error), *(() if error.field is None else (error.field,)))

"""account, credit and transaction: one thing by its id."""

from typing import TypeVar

import strawberry

from resolvers.node import seen
from schema.context import Info
from schema.ids import asked_id
from schema.types.account import Account, Credit
from schema.types.ledger import Transaction

T = TypeVar("T")


async def resolve_account(info: Info, id: strawberry.ID) -> Account | None:  # noqa: A002 - the argument's name in the API
    """Return one account; null if there is none, or the token may not see it.

    id: Account to return.
    """
    return await _one(info, Account, id)


async def resolve_credit(info: Info, id: strawberry.ID) -> Credit | None:  # noqa: A002 - as above
    """Return one credit; null if there is none, or the token may not see it.

    id: Credit to return.
    """
    return await _one(info, Credit, id)


async def resolve_transaction(info: Info, id: strawberry.ID) -> Transaction | None:  # noqa: A002 - as above
    """Return one transaction; null if there is none, or the token may not see it.

    id: Transaction to return.
    """
    return await _one(info, Transaction, id)


async def _one(info: Info, kind: type[T], text: str) -> T | None:
    row_id = asked_id(text, kind.__name__, "id")
    found: T | None = None if row_id is None else await seen(info.context, kind.__name__, row_id)
    return found

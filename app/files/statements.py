"""`GET /statements/{customer id}.csv?asset=…&from=…&to=…`: a customer's statement to download, of any length.

The token and the rights are the same as for the query `statement`. Without `asset`, all accounts, one after the other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from app.files.requests import HEADERS, away, charged, parameters_of, parsed, refusal
from auth.roles import Permission
from gateway.errors import CodedError
from models.errors import DatabaseAway
from models.reads import statements
from models.reads.statements import StatementView
from schema.context import Context
from schema.ids import asked_id
from schema.scalars import parse_asset, parse_instant
from schema.statement_csv import StatementCsv

PATH: Final = "/statements/{customer}.csv"
PARAMETERS: Final = frozenset({"asset", "from", "to"})
COST: Final = 1_000
"""Cost against the rate limit: that of the query `statement` with all its pages for a long one."""
LINES_IN_A_TURN: Final = 200
"""Lines written before others have their turn: some five milliseconds."""


def statement_route(make_context: Callable[[Request], Awaitable[Context]]) -> Route:
    """The route. It needs the pool, and authentication in front of it."""

    async def answer(context: Context, request: Request) -> Response:
        async with AsyncExitStack() as held:
            held.push_async_callback(context.close)
            try:
                views = await _views(context, request)
            except CodedError as error:
                return refusal(request, error)
            except DatabaseAway as error:
                return await away(request, error)
            if views is None:
                return JSONResponse({"errors": [{"message": "There is no such customer."}]}, 404, HEADERS)
            await context.reads.release()  # no connection is held while a client takes its time
            held.pop_all()  # by now it is the file's to close
        headers = {**HEADERS, "content-disposition": 'attachment; filename="statement.csv"'}
        return _CutOff(_pieces(context, views), headers=headers, media_type="text/csv; charset=utf-8")

    return Route(PATH, charged(make_context, answer), methods=["GET"])


class _CutOff(StreamingResponse):
    """A file that ends in the middle if the database goes away under it. The connection is closed then, so that its
    client can tell."""

    async def stream_response(self, send: Send) -> None:
        """Send it piece by piece."""
        with suppress(DatabaseAway):
            await super().stream_response(send)


async def _views(context: Context, request: Request) -> list[StatementView] | None:
    """The requested statements; None if the customer does not exist, or is not for this token to see."""
    await context.charge(COST)
    await context.admit((Permission.READ_LEDGER,), own=True, place=PATH)
    asked = parameters_of(request, PARAMETERS)
    asset = parsed(asked, "asset", parse_asset)
    from_, to = (parsed(asked, name, parse_instant) for name in ("from", "to"))
    person = await context.person(asked_id(request.path_params["customer"], "Customer", "customer"))
    if person is None:
        return None
    await context.settle(from_, to)
    return [
        await statements.statement(context.reads, account_id, of, from_, to)
        for account_id, of in await statements.accounts_of(context.reads, person, asset, to)
    ]


async def _pieces(context: Context, views: list[StatementView]) -> AsyncIterator[str]:
    """The file, piece by piece."""
    csv = StatementCsv(notes=not context.is_customer)
    try:
        yield csv.header()
        for view in views:
            yield csv.opening(view)
            async for lines in statements.lines(context.reads, view):
                await context.reads.release()
                for first in range(0, len(lines), LINES_IN_A_TURN):
                    yield csv.lines(view, lines[first : first + LINES_IN_A_TURN])
                    await asyncio.sleep(0)  # a client that reads fast would keep the loop from all others
            yield csv.closing(view)
    finally:
        await context.close()

"""`GET /statements/{customer id}.csv?asset=…&from=…&to=…`: a customer's statement to download, of any length.

The token and the rights are the same as for the query `statement`. Without `asset`, all accounts, one after the other.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from auth.backend import unauthenticated_response
from auth.roles import Permission
from models.reads import accounts, statements
from models.reads.statements import StatementView
from schema.context import Context
from schema.error_codes import BadUserInput, ErrorCode, Unauthenticated, error_entry, retry_after
from schema.ids import asked_id
from schema.scalars import parse_asset, parse_instant
from schema.statement_csv import StatementCsv

PATH: Final = "/statements/{customer}.csv"
PARAMETERS: Final = frozenset({"asset", "from", "to"})
COST: Final = 1_000
"""Against the rate limit: as the query `statement` with all its pages would for a long one."""
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_STATUSES: Final = {
    ErrorCode.BAD_USER_INPUT: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
}


def statement_route(make_context: Callable[[Request], Awaitable[Context]]) -> Route:
    """The route. It needs the pool, and authentication in front of it."""

    async def answer(request: Request) -> Response:
        context = await make_context(request)
        try:
            views = await _views(context, request)
        except Unauthenticated as error:
            await context.close()
            return unauthenticated_response(request, error)
        except GraphQLError as error:
            await context.close()
            code = ErrorCode((error.extensions or {})["code"])
            return JSONResponse(
                {"errors": [error_entry(error.message, code)]}, _STATUSES[code], {**_HEADERS, **retry_after(error)}
            )
        except BaseException:
            await context.close()
            raise
        if views is None:
            await context.close()
            return JSONResponse({"errors": [{"message": "There is no such customer."}]}, 404, _HEADERS)
        await context.reads.release()  # no connection is held while a client takes its time
        headers = {**_HEADERS, "content-disposition": 'attachment; filename="statement.csv"'}
        return StreamingResponse(_pieces(context, views), headers=headers, media_type="text/csv; charset=utf-8")

    return Route(PATH, answer, methods=["GET"])


async def _views(context: Context, request: Request) -> list[StatementView] | None:
    """The statements asked for; None where the customer is not there, or not for this token to see."""
    await context.charge(COST)
    await context.admit((Permission.READ_LEDGER,), own=True, place=PATH)
    query = request.query_params
    asked = dict(query.multi_items())
    if not asked.keys() <= PARAMETERS or len(asked) < len(query.multi_items()):
        raise BadUserInput(f"Each of {', '.join(sorted(PARAMETERS))} can be given once, and nothing else.")
    try:
        asset = parse_asset(asked["asset"]) if "asset" in asked else None
        from_, to = (parse_instant(asked[name]) if name in asked else None for name in ("from", "to"))
    except ValueError as error:
        raise BadUserInput(str(error)) from None
    customer = asked_id(request.path_params["customer"], "Customer", "The path")
    if (
        customer is None
        or not await context.may_see(customer)
        or await context.loaders.customers.load(customer) is None
    ):
        return None
    found = await accounts.of_customers(context.reads, [customer], context.now)
    return [
        await statements.statement(context.reads, account.id, account.asset, from_, to)
        for account in found
        if asset in (None, account.asset)
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
                yield csv.lines(view, lines)
            yield csv.closing(view)
    finally:
        await context.close()

"""An empty mutation by stock Strawberry: adjustCredit's document and shape, and nothing behind it.

Strawberry's own ASGI app with its caches of parsed and validated documents, on the same uvicorn with the same loop and
parser: no token, no limits, no database. python -m benchmarks.stock_strawberry, with the port in SCRIP_PORT.
"""

import os
import signal
from typing import TYPE_CHECKING, Any

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from app.postgres.launch import stop_with_parent
from app.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


@strawberry.input
class AdjustCreditInput:
    customer_id: strawberry.ID
    asset: str
    amount: str
    reason: str
    idempotency_key: str


@strawberry.type
class Transaction:
    id: strawberry.ID


@strawberry.type
class Account:
    available: str


@strawberry.type
class Credit:
    id: strawberry.ID


@strawberry.type
class UserError:
    code: str
    message: str


@strawberry.type
class AdjustCreditPayload:
    transaction: Transaction | None
    account: Account | None
    credit: Credit | None
    user_errors: list[UserError]


@strawberry.type
class Query:
    ready: bool = True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def adjust_credit(self, input: AdjustCreditInput) -> AdjustCreditPayload:  # noqa: A002 - the argument's name
        return AdjustCreditPayload(
            transaction=Transaction(id=strawberry.ID("VHJhbnNhY3Rpb246MDE5MDAwMDAtMDAwMC03MDAw")),
            account=Account(available=input.amount),
            credit=Credit(id=strawberry.ID("Q3JlZGl0OjAxOTAwMDAwLTAwMDAtNzAwMC04MDAw")),
            user_errors=[],
        )


_graphql: GraphQL[Any, Any] = GraphQL(
    strawberry.Schema(Query, Mutation, extensions=[ParserCache, ValidationCache]), graphql_ide=None
)


async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Strawberry's app, but for what tells that it is ready."""
    if scope["type"] == "http" and scope["path"] == "/health/ready":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
    elif scope["type"] != "lifespan":
        await _graphql(scope, receive, send)


if __name__ == "__main__":
    stop_with_parent(os.getppid(), signal.SIGTERM)
    uvicorn.run(
        app,
        port=Settings().port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
    )

"""A server of stock Strawberry with an empty mutation in the shape of adjustCredit: python -m benchmarks.stock

Its own ASGI app, with its parser's and its validation's caches on, by uvicorn as it comes: no token, no permission, no
limit, no ledger. What it costs is what GraphQL costs in this field's usual Python stack before anything is done.
"""

import os
import signal
from typing import Any

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from app.postgres.launch import stop_with_parent
from app.settings import load_settings


@strawberry.type
class UserError:
    code: str
    message: str


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
class AdjustCreditPayload:
    transaction: Transaction | None
    account: Account | None
    credit: Credit | None
    user_errors: list[UserError]


@strawberry.input
class AdjustCreditInput:
    customer_id: strawberry.ID
    asset: str
    amount: str
    reason: str
    idempotency_key: str


@strawberry.type
class Query:
    nothing: int = 0


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def adjust_credit(self, input: AdjustCreditInput) -> AdjustCreditPayload:  # noqa: A002 - the argument's name
        """Do nothing."""
        return AdjustCreditPayload(
            transaction=Transaction(id=input.customer_id),
            account=Account(available=input.amount),
            credit=Credit(id=input.customer_id),
            user_errors=[],
        )


def app() -> Any:
    """The ASGI app, which says that it is ready where the rig asks for it."""
    schema = strawberry.Schema(Query, Mutation, extensions=[ParserCache, ValidationCache])
    graphql: Any = GraphQL(schema)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/health/ready":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await graphql(scope, receive, send)

    return serve


if __name__ == "__main__":
    stop_with_parent(os.getppid(), signal.SIGTERM)
    uvicorn.run(app(), host="127.0.0.1", port=load_settings().port, access_log=False, log_level="warning")

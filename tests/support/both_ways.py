"""Executes each query both ways, compiled and by graphql-core, and compares the answers.

The compiled one writes parts as JSON, as for a request over HTTP.
"""

from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any, Final

import orjson
from graphql import OperationType, get_operation_ast, parse
from graphql.error import GraphQLSyntaxError

from gateway.errors import RateLimited
from gateway.reading import Lists
from gateway.schema import GatewaySchema, for_free
from schema.denials import Denials
from tests.support.answers import differences

Execute = Callable[..., Awaitable[Any]]
MAX_SHOWN: Final = 4_000


def both_ways(compiled: GatewaySchema, plain: GatewaySchema) -> Execute:
    """Return what takes the place of the compiled schema's `execute`. plain: the same schema, where nothing is compiled.

    What graphql-core does is done for a request of its own, which pays for nothing, and of whose denials nobody hears.
    """
    execute = compiled.execute

    async def executed(query: str | None, *arguments: Any, **options: Any) -> Any:
        context = options.get("context_value")
        if not is_query(query, options.get("operation_name")) or context is None:
            return await execute(query, *arguments, **options)
        twin = copy(context)
        twin.denials, twin.lists, twin.charge = Denials(), Lists(), for_free
        if hasattr(context, "writes"):
            context.writes = True
        result = await execute(query, *arguments, **options)
        result.data = orjson.loads(orjson.dumps(result.data))
        if any(isinstance(error, RateLimited) for error in result.errors or ()):
            return result
        try:
            expected = await plain.execute(query, *arguments, **options | {"context_value": twin})
        finally:
            if hasattr(twin, "reads"):
                await twin.reads.close()
        found = differences(expected.data, expected.errors, result.data, result.errors)
        assert not found, "\n".join([str(query), str(options.get("variable_values")), *found])[:MAX_SHOWN]
        return result

    return executed


def is_query(text: str | None, name: str | None) -> bool:
    """Return whether the operation only reads, so that it can be executed twice."""
    try:
        operation = get_operation_ast(parse(text or ""), name)
    except GraphQLSyntaxError:
        return False
    return operation is not None and operation.operation is OperationType.QUERY

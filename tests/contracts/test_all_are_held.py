"""Each override of a library's class, and each look into what a library keeps to itself, has its contract here."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.contracts import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
CONTRACTS: Final = Path(__file__).parent
CODE: Final = ("app", "auth", "gateway", "jobs", "migrations", "models", "resolvers", "schema", "turns")
LIBRARIES: Final = frozenset(
    {
        "aerich",
        "asyncpg",
        "graphql",
        "httpcore",
        "httptools",
        "openpyxl",
        "pydantic_settings",
        "prometheus_client",
        "starlette",
        "strawberry",
        "tortoise",
        "uvicorn",
        "websockets",
    }
)

_TRANSPORT_WS: Final = "strawberry.subscriptions.protocols.graphql_transport_ws.handlers"
_SANS_IO: Final = "uvicorn.protocols.websockets.websockets_sansio_impl"

OVERRIDDEN: Final = {
    "aerich.Command": "test_database::test_command",
    "asyncpg.Connection": "test_database::test_pool",
    "graphql.ValidationContext": "test_strawberry::test_validation",
    "httpcore.AsyncNetworkBackend": "test_httpcore::test_network_backend",
    "starlette.applications.Starlette": "test_starlette::test_middleware_stack",
    "starlette.middleware.authentication.AuthenticationMiddleware": "test_starlette::test_authentication_middleware",
    "starlette.responses.StreamingResponse": "test_starlette::test_streaming_response",
    "strawberry.Schema": "test_strawberry::test_schema",
    "strawberry.asgi.GraphQL": "test_strawberry::test_graphql_view",
    "strawberry.http.async_base_view.AsyncWebSocketAdapter": "test_strawberry::test_websocket_adapter",
    "strawberry.schema.schema.StrawberryGraphQLCoreExecutionContext": "test_strawberry::test_executor_build",
    "strawberry.types.info.Info": "test_compiled::test_info",
    "strawberry.schema.validation_rules.one_of.OneOfInputValidationRule": "test_strawberry::test_one_of_rule",
    f"{_TRANSPORT_WS}.BaseGraphQLTransportWSHandler": "test_strawberry::test_transport_ws_handler",
    "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol": "test_uvicorn::test_http_tools_protocol",
    "uvicorn.protocols.http.httptools_impl.RequestResponseCycle": "test_uvicorn::test_a_request_left_without_an_answer",
    f"{_SANS_IO}.WebSocketsSansIOProtocol": "test_uvicorn::test_web_sockets_sans_io_protocol",
    "uvicorn.logging.AccessFormatter": "test_uvicorn::test_formatters",
    "uvicorn.Server": "test_uvicorn::test_a_server_leaves_signals_alone",
    "uvicorn.logging.DefaultFormatter": "test_uvicorn::test_formatters",
    "uvicorn.supervisors.Multiprocess": "test_uvicorn::test_several_processes_end_if_one_cannot_start",
    "websockets.server.ServerProtocol": "test_uvicorn::test_server_protocol",
}
"""Which contract holds each class of a library that Scrip's code has a subclass of."""

MADE_FOR_IT: Final = frozenset(
    {
        "graphql.GraphQLError",
        "graphql.Visitor",
        "prometheus_client.registry.Collector",
        "pydantic_settings.BaseSettings",
        "starlette.authentication.AuthenticationBackend",
        "starlette.authentication.AuthenticationError",
        "starlette.authentication.BaseUser",
        "strawberry.extensions.SchemaExtension",
        "tortoise.models.Model",
    }
)
"""Classes whose documentation says: make a subclass."""

PRIVATE: Final = {
    "_cell_styles": "test_openpyxl::test_formats",
    "_con": "test_database::test_pool",
    "_connection": "test_database::test_transaction_wrapper",
    "_get_field_exception_handlers": "test_compiled::test_plain_fields",
    "_date_formats": "test_openpyxl::test_formats",
    "_generation": "test_database::test_pool",
    "_get_new_connection": "test_database::test_pool",
    "_number_formats": "test_openpyxl::test_formats",
    "_pool": "test_database::test_client",
    "_provided_operation_name": "test_strawberry::test_a_document_that_is_prepared_is_neither_parsed_nor_validated",
    "_schema": "test_strawberry::test_schema",
    "_timedelta_formats": "test_openpyxl::test_formats",
    "_transport": "test_database::test_connection",
    "uvicorn._types": "test_uvicorn::test_private_types",
}
"""Which contract holds each attribute or module with an underscore that Scrip's code takes from a library."""

ELSE: Final = (
    "test_compiled::test_a_result_that_is_there_is_taken",
    "test_graphiql::test_files",
    "test_compiled::test_arguments",
    "test_compiled::test_collect_fields",
    "test_compiled::test_ensure_valid_runtime_type",
    "test_compiled::test_is_awaitable",
    "test_compiled::test_resolve_info",
    "test_strawberry::test_definition_backref",
    "test_strawberry::test_from_input",
    "test_strawberry::test_get_variable_values",
    "test_strawberry::test_process_errors",
    "test_strawberry::test_stream",
    "test_cryptography::test_ed25519",
    "test_cryptography::test_what_is_no_key",
    "test_cryptography::test_what_is_no_signature",
    "test_database::test_a_step_needs_no_state_of_the_models",
    "test_database::test_context",
    "test_prometheus::test_a_place_instead_of_a_process",
    "test_uvicorn::test_a_protocol_is_told_to_stop",
    "test_uvicorn::test_logging_config",
    "test_uvicorn::test_config_takes_a_protocol_that_is_partly_made",
)
"""Contracts on what is public, and of a shape that Scrip relies on."""

BOUNDED: Final = frozenset(
    {
        "aerich",
        "asyncpg",
        "cryptography",
        "graphql-core",
        "starlette",
        "strawberry-graphql",
        "tortoise-orm",
        "uvicorn",
        "websockets",
    }
)


def subclassed(tree: ast.Module) -> Iterator[str]:
    """The libraries' classes that are bases of this module's, by the names that they were imported by."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            plain = base.value if isinstance(base, ast.Subscript) else base
            first, _, rest = ast.unparse(plain).partition(".")
            called = ".".join(filter(None, (names.get(first, first), rest)))
            if called.partition(".")[0] in LIBRARIES:
                yield called


def private(text: str) -> Iterator[str]:
    """Attributes that the linter was told to let pass, or that are asked for by name; and modules with an underscore."""
    for line in text.splitlines():
        if "SLF001" in line:
            yield from re.findall(r"\.(_[a-z]\w*)", line.partition("#")[0])
        yield from re.findall(r"getattr\(\w+, \"(_[a-z]\w*)\"", line)
        yield from re.findall(r"^(?:from|import) ((?:\w+\.)+_\w+)", line)


def sources() -> list[str]:
    found = [path.read_text() for package in CODE for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(found) > 300
    return found


def test_what_is_overridden_has_its_contract() -> None:
    found = {name for text in sources() for name in subclassed(ast.parse(text))}
    assert found - MADE_FOR_IT == OVERRIDDEN.keys(), "write a contract for it, or take out the one that is left"


def test_what_is_private_has_its_contract() -> None:
    found = {name for text in sources() for name in private(text)}
    assert found - {"_meta"} == PRIVATE.keys(), "write a contract for it, or take out the one that is left"


def test_it_would_be_noticed() -> None:
    planted = ast.parse(
        "import asyncpg\nfrom strawberry.asgi import GraphQL as G\nclass A(asyncpg.pool.Pool): ...\nclass B(G[int]): ..."
    )
    assert list(subclassed(planted)) == ["asyncpg.pool.Pool", "strawberry.asgi.GraphQL"]
    text = 'x = pool._queue  # noqa: SLF001\nfrom uvicorn._impl import x\nown = getattr(a, "_of", a)'
    assert list(private(text)) == ["_queue", "uvicorn._impl", "_of"]


@pytest.mark.parametrize("contract", sorted({*OVERRIDDEN.values(), *PRIVATE.values(), *ELSE}))
def test_a_contract_is_there(contract: str) -> None:
    file, _, name = contract.partition("::")
    tree = ast.parse((CONTRACTS / f"{file}.py").read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_what_contracts_hold_has_an_upper_bound() -> None:
    """So that a version with another shape comes with somebody who looks at it."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounded = {re.split(r"[\[<>=]", each)[0] for each in wanted if "<" in each}
    assert bounded >= BOUNDED


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (lambda: shape.takes(len, "things"), "len takes ['obj']"),
        (lambda: shape.accepts(len, "things"), "len no longer has ['things']"),
        (lambda: shape.has(1, "colour"), "int no longer has ['colour']"),
        (lambda: shape.parents_have(int, "paint"), "int no longer has the methods ['paint']"),
    ],
)
def test_a_contract_that_is_broken_says_so(look: object, sentence: str) -> None:
    assert callable(look)
    with pytest.raises(AssertionError) as told:
        look()
    assert sentence in str(told.value)

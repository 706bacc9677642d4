"""A plugin of pytest's for graphql-core's own tests: what they execute is compiled (gateway/compiled), and run.

`execute` and `execute_sync` are replaced before the tests import them. Operations, or options, that are not for compiled
execution go to graphql-core's own; each is counted with the reason, and as many as FEWEST have to be compiled. Tests of
what compiled execution does differently are left out by name (`differences.py`); each of them has to be there.
"""

import sys
from collections import Counter
from collections.abc import Generator, Mapping
from types import SimpleNamespace
from typing import Any, Final

import differences  # type: ignore[import-not-found]
import graphql
import graphql.execution
import pytest
from graphql import ExecutionResult, assert_valid_schema, validate

import gateway.compiled.operation as operations
from gateway.compiled.running import finish

FEWEST: Final = 260
"""Executions by the compiled functions; there are 274."""
CORE: Final = {False: graphql.execution.execute, True: graphql.execution.execute_sync}
_NAMES: Final = ("schema", "document", "root_value", "context_value", "variable_values", "operation_name")
_MAX_ERRORS: Final = 50


class NotCompiled(Exception):
    """It is graphql-core's to execute."""


class Count:
    """What has been executed how. waits: whether the execution under way has waited for anything."""

    compiled = 0
    core: Final[Counter[str]] = Counter()
    waits = False


class Ready:
    """An operation with its variables. errors: in these."""

    def __init__(self, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        """Raises NotCompiled, NotTaken, and whatever is wrong with the schema."""
        given = {**dict(zip(_NAMES, arguments, strict=False)), **options}
        if len(arguments) > len(_NAMES):
            raise NotCompiled("an option")
        if given.pop("max_coercion_errors", _MAX_ERRORS) != _MAX_ERRORS:
            raise NotCompiled("another maximum of errors")
        if other := sorted(name for name in given if name not in _NAMES and given[name] is not None):
            raise NotCompiled(f"the option {other[0]}")
        schema, document = given["schema"], given["document"]
        assert_valid_schema(schema)
        if any(map(schema.get_directive, ("defer", "stream"))):
            raise NotCompiled("@defer or @stream in the schema")
        if validate(schema, document):
            raise NotCompiled("an invalid document")
        asked = operations.operation_of(document, given.get("operation_name"))
        self._operation = operations.Operation(SimpleNamespace(_schema=schema), document, asked)  # type: ignore[arg-type]
        self._variables = given.get("variable_values") or {}
        read = self._operation.coerce(self._variables)
        self.errors = read if isinstance(read, list) else None
        self._read = {} if isinstance(read, list) else read
        if self.errors is None and not self._operation.takes(self._variables):
            raise NotCompiled("@skip or @include without a value, or introspection")
        self._context, self._root = given.get("context_value"), given.get("root_value")

    async def run(self) -> ExecutionResult:
        return await self._operation.execute(self._read, self._variables, context=self._context, root=self._root)


class Rest:
    """The rest of a coroutine that has waited for something once."""

    def __init__(self, coroutine: Any, waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's
                go_on, given = self._coroutine.throw, error
            else:
                go_on, given = self._coroutine.send, sent
            try:
                waits_for = go_on(given)
            except StopIteration as done:
                return done.value


async def _finish(run: Any) -> None:
    Count.waits = True
    await finish(run)


def _executed(arguments: tuple[Any, ...], options: Mapping[str, Any], *, sync: bool) -> Any:
    """As graphql-core: a result, or an awaitable of one if anything had to be awaited."""
    result, why = _compiled(arguments, options, sync=sync)
    if why:  # not within a handler: what graphql-core raises would have its error as context
        Count.core[why] += 1
        return CORE[sync](*arguments, **options)
    Count.compiled += 1
    return result


def _compiled(arguments: tuple[Any, ...], options: Mapping[str, Any], *, sync: bool) -> tuple[Any, str]:
    """The result, or an awaitable of it, or why it is left to graphql-core."""
    try:
        ready = Ready(arguments, options)
        if ready.errors is not None:
            return ExecutionResult(None, ready.errors), ""
        Count.waits = False
        running = ready.run()
        try:
            waits_for = running.send(None)
        except StopIteration as done:
            if not Count.waits:
                return done.value, ""
            result: Any = done.value
        else:
            result = Rest(running, waits_for)
        if sync:
            running.close()
            raise NotCompiled("has to wait, and may not")
    except (NotCompiled, operations.NotTaken) as why:
        return None, str(why)
    except (TypeError, RuntimeError, KeyError) as error:  # a bad schema; or no loop to wait in
        return None, type(error).__name__
    return _later(result), ""


async def _later(result: Any) -> Any:
    return await result if isinstance(result, Rest) else result


def execute(*arguments: Any, **options: Any) -> Any:
    return _executed(arguments, options, sync=False)


def execute_sync(*arguments: Any, **options: Any) -> Any:
    return _executed(arguments, options, sync=True)


for module in (graphql, graphql.execution, sys.modules["graphql.graphql"]):
    for function in (execute, execute_sync):
        if hasattr(module, function.__name__):
            setattr(module, function.__name__, function)
operations.finish = _finish


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is done differently. A name that no test has any more is an error."""
    found = {item: [name for name in differences.NAMES if _name(item).endswith(f"::{name}")] for item in items}
    if unknown := differences.NAMES.difference(*found.values()):
        raise pytest.UsageError(f"graphql-core has no such tests any more: {', '.join(sorted(unknown))}")
    config.hook.pytest_deselected(items=[item for item in items if found[item]])
    items[:] = [item for item in items if not found[item]]


def _name(item: pytest.Item) -> str:
    """Without the parameters."""
    return item.nodeid.partition("[")[0]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if Count.compiled < FEWEST:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"{Count.compiled} executions were compiled; at least {FEWEST} have to be.")
    for why, number in Count.core.most_common():
        terminalreporter.write_line(f"{number} were graphql-core's: {why}")

"""What a test that ran out of time was waiting for: a plugin of pytest, beside pytest-timeout, which knows threads alone.

A coroutine that waits is on no stack, so the report of such a test tells where each task of its loop stands.
"""

import asyncio
from collections.abc import Generator, Iterator
from typing import Any

import pytest

SECTION = "where each task stands"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add it to the report."""
    report = yield
    if report.failed and "Timeout (>" in report.longreprtext:
        report.sections.append((SECTION, "\n\n".join(_stands(item))))
    return report


def _stands(item: pytest.Item) -> Iterator[str]:
    for runner in getattr(item, "funcargs", {}).values():
        if isinstance(runner, asyncio.Runner):
            for task in asyncio.all_tasks(runner.get_loop()):
                yield "\n".join([task.get_name(), *(f"    {line}" for line in _frames(task.get_coro()))])


def _frames(waiting: Any) -> Iterator[str]:
    """Of a coroutine, and of each that it waits for in turn."""
    while waiting is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(waiting, f"{kind}_frame")), None)
        if kind is None:
            yield repr(waiting)
            return
        frame = getattr(waiting, f"{kind}_frame")
        if frame is not None:
            yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")

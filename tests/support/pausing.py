"""A function that is held up in the middle of an operation, so that others can come meanwhile."""

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, Literal

import pytest

LONGEST_S: Final = 60
"""Then it goes on all the same, so that a test that has failed meanwhile can end."""


class Reached(asyncio.Event):
    """Waited for no longer than that either: what was to be held up may have ended, or taken another way."""

    async def wait(self) -> Literal[True]:
        async with asyncio.timeout(LONGEST_S):
            return await super().wait()


class Pause:
    """Holds up the first call of a function until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
        self.reached, self.go_on = Reached(), asyncio.Event()
        module, _, name = target.rpartition(".")
        function: Any = getattr(import_module(module), name)

        async def paused(*arguments: Any, **more: Any) -> Any:
            if not self.reached.is_set():
                self.reached.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.go_on.wait(), LONGEST_S)
            return await function(*arguments, **more)

        monkeypatch.setattr(target, paused)

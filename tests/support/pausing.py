"""A function that is held up in the middle of an operation, so that others can come meanwhile."""

import asyncio
from importlib import import_module
from typing import Any

import pytest


class Pause:
    """Holds up the first call of a function until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        module, _, name = target.rpartition(".")
        function: Any = getattr(import_module(module), name)

        async def paused(*arguments: Any, **more: Any) -> Any:
            if not self.reached.is_set():
                self.reached.set()
                await self.go_on.wait()
            return await function(*arguments, **more)

        monkeypatch.setattr(target, paused)

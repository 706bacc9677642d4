"""Looks at a library's own code, and says in a sentence what is no longer as Scrip takes it to be."""

import inspect
from collections.abc import Callable
from typing import Any


def takes(function: Callable[..., Any], *names: str) -> None:
    """Fail unless the function's parameters begin with these, in this order. `self` and `cls` do not count."""
    found = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    called = getattr(function, "__qualname__", repr(function))
    assert found[: len(names)] == list(names), (
        f"{called} takes {found}, and Scrip calls it or overrides it with {names}"
    )


def accepts(function: Callable[..., Any], *names: str) -> None:
    """Fail unless the function has a parameter of each of these names."""
    found = inspect.signature(function).parameters
    missing = [name for name in names if name not in found]
    called = getattr(function, "__qualname__", repr(function))
    assert not missing, f"{called} no longer has {missing}, which Scrip names when it calls it"


def has(instance: object, *names: str) -> None:
    """Fail unless the object has each of these attributes."""
    missing = [name for name in names if not hasattr(instance, name)]
    assert not missing, f"{type(instance).__qualname__} no longer has {missing}, which Scrip reads or sets"


def parents_have(class_: type, *names: str) -> None:
    """Fail unless the class has each of these methods to override."""
    missing = [name for name in names if not callable(getattr(class_, name, None))]
    assert not missing, f"{class_.__qualname__} no longer has the methods {missing}, which Scrip overrides or calls"

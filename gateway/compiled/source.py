"""Text of the functions that a plan consists of, and how it becomes functions.

Text, and not closures over closures: a field that is an attribute and a plain value is then three lines of bytecode, and
no call. The text consists of what stands in this package and of GraphQL names, which are letters, digits and
underscores; all values, a client's among them, come in by name.
"""

from collections.abc import Iterable
from typing import Any, Protocol


class Linked(Protocol):
    """Something that needs functions which are still being written."""

    def link(self, functions: dict[str, Any]) -> None:
        """Take them by their names, now that they are there."""


class Source:
    """Functions being written."""

    def __init__(self, names: dict[str, Any]) -> None:
        """names: what the functions use."""
        self._names = dict(names)
        self._lines: list[str] = []
        self._linked: list[Linked] = []
        self._count = 0

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        self._count += 1
        return f"{prefix}{self._count}"

    def name(self, prefix: str, value: Any) -> str:
        """Return a name by which the functions can use the value."""
        name = self.fresh(prefix)
        self._names[name] = value
        return name

    def define(self, prefix: str, parameters: str, body: Iterable[str]) -> str:
        """Write a function, and return its name."""
        name = self.fresh(prefix)
        self._lines.append(f"def {name}({parameters}):")
        self._lines += [f"    {line}" for line in body]
        return name

    def link(self, linked: Linked) -> None:
        """Tell it the functions once they are there."""
        self._linked.append(linked)

    def build(self, label: str) -> dict[str, Any]:
        """Return everything by name. label: for tracebacks."""
        code = compile("\n".join(self._lines), f"<compiled {label}>", "exec")
        exec(code, self._names)  # noqa: S102 - see above
        for linked in self._linked:
            linked.link(self._names)
        return self._names


def indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]

"""Results of subscriptions that are the same for all who asked alike: executed for the first, and shown to the others.

A source that yields the same object to several subscribers may put a `Shared` on it, under the name SHARED. It must be so
that nothing below the object depends on who asks.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import FragmentSpreadNode, Node, OperationDefinitionNode, VariableNode, Visitor, visit

SHARED: Final = "_shared_results"
MAX_OPERATIONS: Final = 1_000
"""Operations whose variables are remembered."""


class Shared:
    """The results of one object, by the operation and the variables that it uses below its root fields."""

    __slots__ = ("_results",)

    def __init__(self) -> None:
        self._results: dict[tuple[int, str], tuple[OperationDefinitionNode, Any]] = {}

    def get(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Any:
        """The data, or None if it is not known."""
        found = self._results.get((id(operation), _values(operation, variables)))
        return found[1] if found is not None and found[0] is operation else None

    def keep(self, operation: OperationDefinitionNode, variables: Mapping[str, Any], data: Any) -> None:
        """Keep data, which nobody changes from here on."""
        self._results[id(operation), _values(operation, variables)] = operation, data


_used: Final[dict[int, tuple[OperationDefinitionNode, frozenset[str] | None]]] = {}


def _values(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> str:
    if not variables:
        return ""
    known = _used.get(id(operation))
    if known is None or known[0] is not operation:
        if len(_used) >= MAX_OPERATIONS:
            _used.clear()
        known = _used[id(operation)] = operation, _below(operation)
    names = known[1]
    return repr(sorted((name, value) for name, value in variables.items() if names is None or name in names))


def _below(operation: OperationDefinitionNode) -> frozenset[str] | None:
    """The variables used below the root fields; None if a fragment may use any."""
    found = _Variables()
    for root in operation.selection_set.selections:
        below: Node | None = getattr(root, "selection_set", None)
        if below is None or not hasattr(root, "arguments"):
            return None
        visit(below, found)
    return None if found.spreads else frozenset(found.names)


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.spreads = False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)

    def enter_fragment_spread(self, _node: FragmentSpreadNode, *_: Any) -> None:
        self.spreads = True

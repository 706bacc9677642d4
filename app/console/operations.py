"""The console's operations: documents in console/operations, each given to the browser with the fragments that it uses."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, Visitor, parse, print_ast, visit
from graphql.language import DefinitionNode, FragmentSpreadNode, Node


def read_operations(folder: Path) -> dict[str, str]:
    """The documents by the name of their operation, of all files in the folder. Raises ValueError for an operation
    without a name, and for two of one name."""
    definitions = [
        definition
        for path in sorted(folder.glob("*.graphql"))
        for definition in parse(path.read_text(encoding="utf-8"), no_location=True).definitions
    ]
    fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
    documents: dict[str, str] = {}
    for each in definitions:
        if not isinstance(each, OperationDefinitionNode):
            continue
        if each.name is None or each.name.value in documents:
            raise ValueError(
                f"The console's operation {each.name and each.name.value!r} is there twice, or has no name."
            )
        documents[each.name.value] = print_ast(DocumentNode(definitions=tuple(_with_fragments(each, fragments))))
    return documents


def _with_fragments(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[DefinitionNode]:
    """The operation, and each fragment that it spreads, or that one of these does, once."""
    yield operation
    seen: set[str] = set()
    waiting = list(_spread(operation))
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen.add(name)
            yield fragments[name]
            waiting += _spread(fragments[name])


def _spread(node: Node) -> Iterable[str]:
    names: list[str] = []

    class Spreads(Visitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: object) -> None:
            names.append(spread.name.value)

    visit(node, Spreads())
    return names

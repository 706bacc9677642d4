"""Operations with their variables, as the functions of the generated module make them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Generic, Self, TypeVar

Data = TypeVar("Data")
Row = TypeVar("Row")
Payload = TypeVar("Payload")
Message = TypeVar("Message")


@dataclass(frozen=True)
class Operation:
    """One operation, with the fragments that it uses. name: its own, as `operationName`."""

    name: str
    text: str
    variables: Mapping[str, Any]

    @property
    def document_id(self) -> str:
        """SHA-256 of the text: the document's id where only trusted documents run."""
        return sha256(self.text.encode()).hexdigest()

    def having(self, **variables: Any) -> Self:
        """The same with these variables in place of its own."""
        return replace(self, variables={**self.variables, **variables})


@dataclass(frozen=True)
class Query(Operation, Generic[Data]):
    """A query that answers Data."""


@dataclass(frozen=True)
class Listing(Query[Data], Generic[Data, Row]):
    """A query with a list of Row that takes `$after`. path: leads to the list in the data."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Preview(Operation, Generic[Payload]):
    """A query for what a mutation would do, which answers Payload."""

    field: str


@dataclass(frozen=True)
class Mutation(Operation, Generic[Payload]):
    """A mutation of one field, which answers Payload."""

    field: str


@dataclass(frozen=True)
class Subscription(Operation, Generic[Message]):
    """A subscription to one field, each of whose messages is Message."""

    field: str


def given(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables that are not None: the others have the document's defaults, or none."""
    return {name: value for name, value in variables.items() if value is not None}

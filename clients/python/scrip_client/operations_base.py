"""Operations as the generated module has them: a document, and the types of what it takes and answers."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

Data = TypeVar("Data")
Variables = TypeVar("Variables")
Row = TypeVar("Row")
Payload = TypeVar("Payload")
Message = TypeVar("Message")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Variables]):
    """One operation, with the fragments that it uses. name: its own, as `operationName`."""

    name: str
    text: str

    @property
    def document_id(self) -> str:
        """SHA-256 of the text: the document's id where only trusted documents run."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Query(Operation[Variables], Generic[Data, Variables]):
    """A query that answers Data."""


@dataclass(frozen=True, slots=True)
class Listing(Query[Data, Variables], Generic[Data, Variables, Row]):
    """A query with a list of Row that takes `$after`. path: leads to the list in the data."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mutation(Operation[Variables], Generic[Payload, Variables]):
    """A mutation of one field, which answers Payload."""

    field: str


@dataclass(frozen=True, slots=True)
class Subscription(Operation[Variables], Generic[Message, Variables]):
    """A subscription to one field, each of whose messages is Message."""

    field: str

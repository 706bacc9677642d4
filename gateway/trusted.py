"""Trusted documents: operations registered beforehand, which requests name by an id instead of sending the text."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import BadUserInput, DocumentNotTrusted, PersistedQueryNotFound, PersistedQueryNotSupported

DOCUMENT_ID: Final = "documentId"
RELAY_IDS: Final = ("id", "doc_id")
"""How Relay's clients name it, by the name in its guide and by the one that its network layers have used since."""
CLIENT_HEADERS: Final = (
    b"graphql-client-name",
    b"apollographql-client-name",
    b"x-graphql-client-name",
    b"x-client-name",
)
"""Headers by which client libraries say whose they are; the first that is there counts."""
_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def sha256_of(text: str) -> str:
    """Return the id that every document has, besides any other."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_id(document_id: str) -> str:
    """Return an id in the form used for look-ups: "sha256:<hex>" is the same as the hex digits alone."""
    found = _SHA256.fullmatch(document_id)
    return found[1] if found else document_id


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """Registered texts by their ids: those of the manifest, and each text's SHA-256. only: whether no others run.

    clients: the documents of each client that has a manifest of its own. `by_id` are then those of all, without ids that
    mean one text here and another there.
    """

    by_id: Mapping[str, str]
    only: bool
    clients: Mapping[str, "TrustedDocuments"] = field(default_factory=dict)
    texts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", frozenset(self.by_id.values()))

    def of(self, names: Iterable[str | None]) -> "TrustedDocuments":
        """Return the documents of the first of these clients with a manifest of its own; without one, those of all."""
        return next((self.clients[name] for name in names if name is not None and name in self.clients), self)


def client_named(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the name that a request's client gives itself, if it does."""
    given = {name: value for name, value in reversed(headers) if name in CLIENT_HEADERS}
    return next((given[name].decode("latin-1") for name in CLIENT_HEADERS if name in given), None)


def named_document(extensions: Mapping[str, Any] | None) -> str | None:
    """Return the id of the document named by a request, by Apollo's convention or GraphQL over HTTP's, or None.

    extensions: the request's, with its `documentId`, if it has one, put in. Raises BadUserInput.
    """
    if not extensions:
        return None
    document_id = extensions.get(DOCUMENT_ID)
    if document_id is None and (persisted := extensions.get("persistedQuery")) is not None:
        document_id = persisted.get("sha256Hash") if isinstance(persisted, dict) else persisted
    if document_id is not None and not isinstance(document_id, str):
        raise BadUserInput("A document's id must be a string.")
    return document_id


def names_document(extensions: Mapping[str, Any] | None) -> bool:
    """Return whether a request names a document instead of sending it, correctly or not."""
    return extensions is not None and ("persistedQuery" in extensions or DOCUMENT_ID in extensions)


def document_text(trusted: TrustedDocuments | None, text: str | None, extensions: Mapping[str, Any] | None) -> str:
    """Return the text to run: the one sent, or else the one named.

    Raises PersistedQueryNotSupported, PersistedQueryNotFound, DocumentNotTrusted, BadUserInput.
    """
    document_id = named_document(extensions)
    if text:
        if extensions and extensions.get(DOCUMENT_ID) is not None:
            raise BadUserInput("Give either the query or a documentId.")
        if trusted is not None and trusted.only and text not in trusted.texts:
            raise DocumentNotTrusted
        return text
    if document_id is None:
        raise BadUserInput("There is neither a query nor a documentId.")
    if trusted is None:
        raise PersistedQueryNotSupported
    if (found := trusted.by_id.get(canonical_id(document_id))) is None:
        raise PersistedQueryNotFound
    return found

"""Reads the manifests of trusted documents, and rejects those that could not run.

Two forms are known: `{"<id>": "<document>"}`, as Relay and GraphQL Code Generator write it, and Apollo's
`{"format": "apollo-persisted-query-manifest", "operations": [{"id": …, "body": …}]}`.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import GraphQLError

from gateway.documents import DocumentCache
from gateway.query_limits import QueryTooCostly
from gateway.trusted import TrustedDocuments, canonical_id, sha256_of

APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"
MAX_MANIFEST_BYTES: Final = 32 * 1024 * 1024
MAX_DOCUMENTS: Final = 10_000
MAX_MANIFESTS: Final = 100
_HEX: Final = re.compile(r"[0-9a-f]+")
_DIGESTS: Final = {32: "md5", 40: "sha1", 64: "sha256"}
"""The digest by an id's number of hex digits: Relay's default, Code Generator's, Apollo's."""


class BadManifest(Exception):
    """The manifest, or one of its documents, is invalid. The message says how, for the operator."""


@dataclass(frozen=True, slots=True)
class OwnClient:
    """A client that comes with the server, such as its own pages. texts: its documents. name: that of its tokens'
    client, if it has one."""

    texts: Collection[str]
    name: str | None


def load_trusted_documents(
    path: Path, documents: DocumentCache, *, only: bool, own: OwnClient | None = None
) -> TrustedDocuments:
    """Return the documents of a manifest, or of a folder with one for each client, `CLIENT.json`. Each is checked against
    the schema and its limits.

    documents: with the schema and limits of requests. only: whether other documents are rejected. own: whose documents
    are trusted besides: with those of all, and with those of a manifest of its name. Raises BadManifest, naming the
    document, for one that does not match its hash, or that would be rejected.
    """
    own_by_id = {} if own is None else _own_documents(own, documents)
    if not path.is_dir():
        return TrustedDocuments(_documents(path, documents) | own_by_id, only)
    files = sorted(path.glob("*.json"))
    if not 0 < len(files) <= MAX_MANIFESTS:
        raise BadManifest(
            f"{path} is a folder with {len(files)} manifests (CLIENT.json); it may have 1 to {MAX_MANIFESTS}"
        )
    clients: dict[str, TrustedDocuments] = {}
    for file in files:
        try:
            found = _documents(file, documents)
        except BadManifest as error:
            raise BadManifest(f"{file.name}: {error}") from None
        if own is not None and file.stem == own.name:
            found |= own_by_id
        clients[file.stem] = TrustedDocuments(found, only)
    return TrustedDocuments(_of_all(clients.values()) | own_by_id, only, clients)


def _own_documents(own: OwnClient, documents: DocumentCache) -> dict[str, str]:
    by_id = {sha256_of(text): text for text in own.texts}
    for document_id, text in by_id.items():
        _check_document(documents, text, f"the server's own document {document_id}")
    return by_id


def _of_all(clients: Iterable[TrustedDocuments]) -> dict[str, str]:
    """The documents of all, but for ids that mean different texts to different clients."""
    by_id: dict[str, str] = {}
    ambiguous: set[str] = set()
    for one in clients:
        ambiguous |= {name for name, text in one.by_id.items() if by_id.setdefault(name, text) != text}
    return {name: text for name, text in by_id.items() if name not in ambiguous}


def _documents(path: Path, documents: DocumentCache) -> dict[str, str]:
    """The texts of one manifest by their ids. Raises BadManifest."""
    by_id: dict[str, str] = {}
    for given_id, text in _entries(_read(path)):
        where = f"document {given_id[:80]!r}"
        document_id = canonical_id(given_id)
        _check_digest(document_id, text, where)
        _check_document(documents, text, where)
        for name in (document_id, sha256_of(text)):
            if by_id.setdefault(name, text) != text:
                raise BadManifest(f"{where} is there twice, with different texts")
    if not by_id:
        raise BadManifest("the file names no documents")
    return by_id


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:  # a device or a pipe has no size of its own
            data = file.read(MAX_MANIFEST_BYTES + 1)
        if len(data) > MAX_MANIFEST_BYTES:
            raise BadManifest(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes")
        manifest = orjson.loads(data)
    except OSError as error:
        raise BadManifest(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise BadManifest(f"{path} is not JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise BadManifest(f"{path} must hold an object")
    return manifest


def _entries(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    entries: list[tuple[Any, Any]] = list(manifest.items())
    if "format" in manifest:
        operations = manifest.get("operations")
        if manifest["format"] != APOLLO_FORMAT or not isinstance(operations, list):
            raise BadManifest(f"the format is neither {APOLLO_FORMAT} nor an object of texts")
        entries = [
            (entry.get("id"), entry.get("body")) if isinstance(entry, dict) else (None, None) for entry in operations
        ]
    if len(entries) > MAX_DOCUMENTS:
        raise BadManifest(f"{len(entries)} documents are more than the {MAX_DOCUMENTS} allowed")
    for number, (document_id, text) in enumerate(entries, 1):
        if not isinstance(document_id, str) or not isinstance(text, str) or not document_id or not text:
            raise BadManifest(f"entry {number} has no id or no text")
        yield document_id, text


def _check_digest(document_id: str, text: str, where: str) -> None:
    algorithm = _DIGESTS.get(len(document_id)) if _HEX.fullmatch(document_id) else None
    # The manifest decides which text an id means; the hash only shows that the file is intact.
    if algorithm and hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest() != document_id:
        raise BadManifest(f"{where}: the text's {algorithm} is another")


def _check_document(documents: DocumentCache, text: str, where: str) -> None:
    try:
        checked = documents.get(text)
        errors = checked.errors
        for operation in checked.operations.values():
            (cost, _), maximum = documents.cost(checked, operation, {}), documents.limits.max_cost
            if cost > maximum:
                raise QueryTooCostly("cost", maximum, cost)
    except GraphQLError as error:
        errors = [error]
    if errors:
        raise BadManifest(f"{where}: {errors[0].message}")
    if not checked.operations:
        raise BadManifest(f"{where} has no operation")

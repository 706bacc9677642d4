"""The requests that both clients send, and how the answers to files are read."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypedDict

import httpx

from scrip_client.errors import faults_of
from scrip_client.operations_base import Listing, Operation
from scrip_client.results import Progress, Refused, Sent, user_errors
from scrip_client.retrying import Answered, failure

GRAPHQL: Final = "/graphql"
IMPORTS: Final = "/imports/credits"
IDLE_S: Final = 30.0
"""A stream that says nothing for so long is broken: while nothing happens, a comment comes every 12 seconds."""
ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
POLL_S: Final = 1.0
MAX_POLLS: Final = 24 * 60 * 60
"""A file is waited for a day at most."""
MAX_PAGES: Final = 1_000_000
PIECE_BYTES: Final = 64 * 1024
_MEDIA_TYPES: Final = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class FileParameters(TypedDict):
    """What the rows of a file take that do not say otherwise, and how it is read: docs/bulk.md describes each."""

    asset: NotRequired[str]
    reason: NotRequired[str]
    note: NotRequired[str]
    reference: NotRequired[str]
    services: NotRequired[str]
    expiresInDays: NotRequired[int]
    expiresAt: NotRequired[str]
    effectiveOn: NotRequired[str]
    mode: NotRequired[Literal["ADJUST", "SET"]]
    errorPolicy: NotRequired[Literal["REJECT_ALL", "SKIP_FAILED"]]
    dryRun: NotRequired[bool]
    allowDuplicateCustomers: NotRequired[bool]
    fileName: NotRequired[str]
    encoding: NotRequired[str]
    delimiter: NotRequired[Literal["comma", "semicolon", "tab", "pipe"]]
    decimalMark: NotRequired[Literal["point", "comma"]]
    thousandsMark: NotRequired[Literal["none", "comma", "point", "space", "apostrophe"]]
    sheet: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be sent, under its key. told: called with the bytes sent and their number in all."""

    path: Path
    parameters: FileParameters
    key: str
    told: Callable[[int, int], None] | None

    @property
    def query(self) -> dict[str, str]:
        """Parameters as JSON writes them, but for texts."""
        named: Mapping[str, Any] = {"fileName": self.path.name, **self.parameters}
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in named.items()}

    @property
    def headers(self) -> dict[str, str]:
        """Raises ValueError if the name's ending is that of no file of adjustments."""
        media_type = _MEDIA_TYPES.get(self.path.suffix.lower())
        if media_type is None:
            raise ValueError(f"{self.path.name} is neither .csv nor .xlsx.")
        size = str(self.path.stat().st_size)
        return {"content-type": media_type, "content-length": size, "idempotency-key": self.key}

    def pieces(self) -> Iterator[bytes]:
        """The file from its beginning."""
        size, sent = self.path.stat().st_size, 0
        with self.path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
                sent += len(piece)
                if self.told is not None:
                    self.told(sent, size)


def body_of(operation: Operation, *, trusted: bool) -> dict[str, Any]:
    """The body of a request. trusted: whether the document is named instead of sent."""
    document = {"documentId": operation.document_id} if trusted else {"query": operation.text}
    return {**document, "operationName": operation.name, "variables": operation.variables}


def page_of(listing: Listing[Any, Any], data: Any) -> tuple[list[Any], str | None]:
    """The rows of a page, and the cursor that the next one comes after; None if there is none."""
    for name in listing.path:
        data = data and data[name]
    if data is None:
        return [], None
    rows = data["nodes"] if "nodes" in data else [edge["node"] for edge in data["edges"]]
    return rows, data["pageInfo"]["endCursor"] if data["pageInfo"]["hasNextPage"] else None


def sent_of(answered: Answered) -> Sent | Refused:
    """What became of a file. Raises ScripError if it was not even looked at."""
    if answered.response.status_code == 202:
        sent: Sent = answered.body
        return sent
    told = answered.body.get("userErrors") if isinstance(answered.body, dict) else None
    if told:
        return Refused(user_errors(told))
    raise failure(answered, faults_of(answered.body))


def progress_of(answered: Answered) -> Progress:
    """How far a file is. Raises ScripError."""
    if answered.response.status_code != 200:
        raise failure(answered, faults_of(answered.body))
    progress: Progress = answered.body
    return progress


def is_stream(response: httpx.Response) -> bool:
    """Whether it is a stream of events."""
    return bool(response.headers.get("content-type", "").startswith("text/event-stream"))

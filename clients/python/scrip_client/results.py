"""What came of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypedDict, TypeVar

from scrip_client.errors import Fault, faults_of
from scrip_client.operations_base import Mutation, Preview
from scrip_client.retrying import Answered, failure

Data = TypeVar("Data")
Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class UserError:
    """A reason for which nothing was changed, for a person to put right.

    code: to branch on; new ones can be added. field: path in the input, empty if it is about the whole. told: all of
    it, with the figures that its code brings.
    """

    code: str
    message: str
    field: tuple[str, ...]
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Answer(Generic[Data]):
    """What a query answered. faults: of fields below the roots that could not be read, such as for want of a right."""

    data: Data
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Done(Generic[Payload]):
    """It was done, or asked for approval if the payload has an `approvalRequest`; of a preview, it would be. faults: as in
    Answer."""

    payload: Payload
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed, or would be, because of these."""

    errors: tuple[UserError, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of all errors, in their order."""
        return tuple(error.code for error in self.errors)


class Sent(TypedDict):
    """A file that was taken in. report: path of each row's result."""

    operation: str
    replayed: bool
    file: dict[str, Any]
    report: str


class Progress(TypedDict):
    """How far a file is."""

    operation: str
    status: Literal["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    dryRun: bool
    total: int
    processed: int
    succeeded: int
    failed: int
    report: str


def answer_of(answered: Answered) -> Answer[Any]:
    """The data, and the faults of fields in it. Raises ScripError if a root field failed, or the whole request."""
    body, faults = answered.body, faults_of(answered.body)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise failure(answered, faults)
    at_root = tuple(fault for fault in faults if len(fault.path) < 2)
    if at_root:
        raise failure(answered, at_root)
    return Answer(data, faults)


def outcome_of(asked: Mutation[Payload] | Preview[Payload], answered: Answered) -> Done[Payload] | Refused:
    """What became of a mutation, or would. Raises ScripError as answer_of does."""
    answer = answer_of(answered)
    payload = answer.data[asked.field]
    refused = user_errors(payload.get("userErrors") or ())
    return Refused(refused) if refused else Done(payload, answer.faults)


def user_errors(told: Sequence[Mapping[str, Any]]) -> tuple[UserError, ...]:
    """The userErrors of a payload, as far as they were asked for."""
    return tuple(
        UserError(error.get("code", ""), error.get("message", ""), tuple(error.get("field") or ()), error)
        for error in told
    )

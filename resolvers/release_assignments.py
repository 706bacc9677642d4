"""releaseAssignments: return assigned amounts to their credits."""

from models.errors import LedgerError
from models.operations.releasing import release_assignments
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.release_assignments import ReleaseAssignmentsInput, ReleaseAssignmentsPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: ReleaseAssignmentsInput) -> ReleaseAssignmentsPayload:  # noqa: A002 - the argument's name in the API
    """Return assigned amounts to the credits that they came from, last first. All or nothing."""
    try:
        outcome = await info.context.post(release_assignments, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReleaseAssignmentsPayload(user_errors=user_errors(error))
    return ReleaseAssignmentsPayload(outcome=outcome, replayed=outcome.replayed)

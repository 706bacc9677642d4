"""releaseAssignments: return assigned amounts to their credits; and previewRelease with the same input but its key."""

from models.errors import LedgerError
from models.operations.releasing import preview_release, release_assignments
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.release_assignments import PreviewReleaseInput, ReleaseAssignmentsInput, ReleaseAssignmentsPayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: ReleaseAssignmentsInput) -> ReleaseAssignmentsPayload:  # noqa: A002 - the argument's name in the API
    """Return assigned amounts to the credits that they came from, last first. All or nothing."""
    try:
        outcome = await info.context.post(release_assignments, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReleaseAssignmentsPayload(user_errors=user_errors(error))
    return ReleaseAssignmentsPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewReleaseInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that releaseAssignments would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_release)

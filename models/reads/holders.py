"""The person that a customer's own token names (domain: who may)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from models.reads.session import ReadSession

_HOLDER: Final = """
    select coalesce(c.merged_into_id, c.id) as customer_id, coalesce(c.external_id_since, c.created_at) as since,
        c.external_id_reused as reused
    from customers c where c.tenant_id = $1 and c.external_id = $2"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The record that an external id names: the person as they are now.

    since: when the id came to the record that has it, which a merge leaves as it is. reused: another record had it before.
    """

    customer_id: UUID
    since: datetime
    reused: bool

    def is_named_by(self, issued_at: datetime | None, leeway: timedelta) -> bool:
        """Whether a token that was issued then (in whole seconds; None: it does not say) can mean this person.

        If another record had the id, only a token that is younger beyond doubt: one of the same second is not. If none
        had, it can mean nobody else, and its issuer's clock may be behind ours by the leeway.
        """
        if self.reused:
            return issued_at is not None and issued_at > self.since
        return issued_at is None or issued_at >= self.since - leeway


async def holder_of(session: ReadSession, external_id: str) -> Holder | None:
    """The current holder of this external id; None if nobody has it."""
    rows = await session.fetch(_HOLDER, external_id)
    return Holder(**rows[0]) if rows else None

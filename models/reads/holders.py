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
    """The surviving record of the person that an external id names.

    since: when its record got the id, which a merge does not change. reused: another record had it before.
    """

    customer_id: UUID
    since: datetime
    reused: bool

    def is_named_by(self, issued_at: datetime | None, leeway: timedelta) -> bool:
        """Whether a token issued then (in whole seconds; None: unknown) can mean this person.

        If another record had the id, the token must be certainly younger: one of the same second is not. Otherwise it
        can mean no other person, and its issuer's clock may be behind ours by the leeway.
        """
        if self.reused:
            return issued_at is not None and issued_at > self.since
        return issued_at is None or issued_at >= self.since - leeway


async def holder_of(session: ReadSession, external_id: str) -> Holder | None:
    """The current holder of this external id, if any."""
    rows = await session.fetch(_HOLDER, external_id)
    return Holder(**rows[0]) if rows else None

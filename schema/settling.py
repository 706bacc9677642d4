"""Past instants, which answer the same whenever they are asked about (docs/adr/0019)."""

from collections.abc import Iterable
from datetime import datetime

from models.reads.session import ReadSession, Unsettled
from schema.errors import StillPosting


async def settle(reads: ReadSession, now: datetime, instants: Iterable[datetime | None]) -> None:
    """Wait until past instants cannot change any more, before something is read as of them.

    A future instant, or None, is read as it is now. Raises StillPosting.
    """
    passed = [at for at in instants if at is not None and at < now]
    if passed:
        try:
            await reads.settle(max(passed))
        except Unsettled:
            raise StillPosting(
                "A posting that began before that instant is still under way. Send the same request again."
            ) from None

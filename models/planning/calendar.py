"""Days in the tenant's time zone. Pure: the instant `now` is always passed in.

Clock changes follow the zone: a day that begins with a gap begins at the instant after the gap.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from models.errors import ExpiryConflict, ExpiryInPast, Invalid

FIRST_DATE: Final = date(1900, 1, 1)
LAST_DATE: Final = date(2200, 12, 31)
MAX_EXPIRY_DAYS: Final = 36_500


@lru_cache(maxsize=1_024)
def local_date(now: datetime, zone: ZoneInfo) -> date:
    """The current day in `zone`. All plans of a batch use the same instant."""
    return now.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def checked_date(day: date, field: str) -> date:
    """Return `day` if it is plausible in account books. Raises Invalid."""
    if not FIRST_DATE <= day <= LAST_DATE:
        raise Invalid(f"The date must lie between {FIRST_DATE} and {LAST_DATE}.", field=(field,))
    return day


def start_of_credit(effective_on: date | None, now: datetime, zone: ZoneInfo) -> tuple[date, datetime]:
    """The day that a credit is effective on and the instant from which it can be spent. Unless given: today, now."""
    if effective_on is None:
        return local_date(now, zone), now
    return effective_on, start_of_day(checked_date(effective_on, "effectiveOn"), zone)


def expiry_of_credit(
    in_days: int | None, at: datetime | None, *, effective_on: date, starts_at: datetime, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """The instant from which a credit is expired, or None for never.

    `in_days` N is the end of the Nth day after today, or after the day it starts if that is later; blank or 0 is never
    (source 000). Raises ExpiryConflict if both ways are used, ExpiryInPast, Invalid.
    """
    if in_days is not None and in_days != 0 and at is not None:
        raise ExpiryConflict("Give either expiresInDays or expiresAt, not both.", field=("expiresAt",))
    if at is not None:
        checked_date(at.astimezone(UTC).date(), "expiresAt")
        if at <= max(now, starts_at):
            raise ExpiryInPast
        return at.astimezone(UTC)
    return end_of_nth_day(in_days, max(effective_on, local_date(now, zone)), zone, "expiresInDays")


def end_of_nth_day(days: int | None, first: date, zone: ZoneInfo, field: str) -> datetime | None:
    """The end of the Nth day after `first`; None if `days` is blank or 0. Raises Invalid."""
    if days is None or days == 0:
        return None
    if not 0 < days <= MAX_EXPIRY_DAYS:
        raise Invalid(f"Days must lie between 0 and {MAX_EXPIRY_DAYS}.", field=(field,))
    return start_of_day(first + timedelta(days=days + 1), zone)


def end_of_grace(cancelled_at: datetime, grace_days: int, zone: ZoneInfo) -> datetime:
    """The end of the last day of grace of a membership cancelled at that instant: the Nth day after, in `zone`."""
    return start_of_day(local_date(cancelled_at, zone) + timedelta(days=grace_days + 1), zone)

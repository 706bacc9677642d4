"""The tenant's own settings: name, time zone of its days, grace days of a cancelled membership, hours that an approval
request waits, days that an idempotency key and an event are kept, notice of expiries, currencies that limited roles may use.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import available_timezones

from models.commands import Actor
from models.configuration_commands import UpdateTenant
from models.errors import Invalid, NotFound
from models.feed import SET_BACK
from models.ledger import Ledger
from models.money import exponent, is_money
from models.names import checked_if_given
from models.operations.configuring import configuring
from models.operations.limits import in_force
from models.patience import patiently

MAX_NAME_CHARACTERS: Final = 200
MAX_GRACE_DAYS: Final = 36_500
MAX_APPROVAL_HOURS: Final = 8_760
MIN_KEY_DAYS: Final = 30
MAX_KEY_DAYS: Final = 36_500
MIN_EVENT_DAYS: Final = 7
MAX_EVENT_DAYS: Final = 36_500
MAX_NOTICE_DAYS: Final = 365
NO_ZONES: Final = frozenset({"localtime", "Factory"})
"""Names of time zone files beside IANA's zones: the machine's own setting, and "not set yet"."""


async def update_tenant(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateTenant) -> bool:
    """Change the tenant, from the next request on; False if nothing differs. Raises Invalid, Busy.

    Another zone affects only later days. Past postings keep their instants: a credit's expiry does not move along.
    """
    name = checked_if_given(command.name, MAX_NAME_CHARACTERS, "name")
    if command.time_zone is not None and command.time_zone not in available_timezones() - NO_ZONES:
        raise Invalid("There is no such time zone. Use an IANA name such as Europe/London.", field=("timeZone",))
    if command.grace_days is not None and not 0 <= command.grace_days <= MAX_GRACE_DAYS:
        raise Invalid(f"Days of grace must lie between 0 and {MAX_GRACE_DAYS}.", field=("graceDays",))
    if command.approval_hours is not None and not 1 <= command.approval_hours <= MAX_APPROVAL_HOURS:
        raise Invalid(
            f"Approval requests must wait between 1 and {MAX_APPROVAL_HOURS:,} hours.", field=("approvalHours",)
        )
    if command.key_days is not None and not MIN_KEY_DAYS <= command.key_days <= MAX_KEY_DAYS:
        raise Invalid(
            f"Idempotency keys must be kept between {MIN_KEY_DAYS} and {MAX_KEY_DAYS:,} days.",
            field=("idempotencyKeyDays",),
        )
    if command.event_days is not None and not MIN_EVENT_DAYS <= command.event_days <= MAX_EVENT_DAYS:
        raise Invalid(
            f"Events must be kept between {MIN_EVENT_DAYS} and {MAX_EVENT_DAYS:,} days.", field=("eventDays",)
        )
    if command.expiry_notice_days is not None and not 0 <= command.expiry_notice_days <= MAX_NOTICE_DAYS:
        raise Invalid(
            f"Credit can be announced between 0 and {MAX_NOTICE_DAYS} days before it expires.",
            field=("expiryNoticeDays",),
        )
    currencies = checked_currencies(command.limited_currencies)
    wanted = {
        "name": name,
        "time_zone": command.time_zone,
        "grace_days": command.grace_days,
        "approval_hours": command.approval_hours,
        "limited_currencies": currencies or None,
        "key_days": command.key_days,
        "event_days": command.event_days,
        "expiry_notice_days": command.expiry_notice_days,
    }
    cleared = ("limited_currencies",) if currencies == "" else ()
    changed = await _update(ledger, tenant_id, actor, wanted, cleared)
    if currencies is not None:
        await in_force(tenant_id)
    return changed


@patiently
async def _update(
    ledger: Ledger, tenant_id: UUID, actor: Actor, wanted: Mapping[str, object], cleared: tuple[str, ...]
) -> bool:
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT * FROM tenants WHERE id = $1")
        if row is None:
            raise NotFound("There is no such tenant.")
        changed = await change.update("tenants", "tenant.updated", row, wanted, cleared=cleared)
        days = wanted["expiry_notice_days"]
        if isinstance(days, int) and days < row["expiry_notice_days"]:
            now = await ledger.stamp(change.connection)
            await change.connection.raw.execute(SET_BACK, tenant_id, now, now + timedelta(days=days))
        return changed


def checked_currencies(codes: tuple[str, ...] | None) -> str | None:
    """The currencies as stored, each once; '' for all. Raises AssetUnknown, Invalid."""
    if codes is None:
        return None
    for code in codes:
        exponent(code)
        if not is_money(code):
            raise Invalid(f"{code} is not a currency. List currencies only.", field=("limitedCurrencies",))
    return " ".join(sorted(set(codes)))

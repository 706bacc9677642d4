"""Memberships (source 001): started, cancelled, reinstated. They move no value; the planner has the membership gate.

A repeated request changes nothing: in particular, cancelling again does not restart the grace period.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from models.commands import Actor, MembershipChange
from models.errors import Invalid, NoMembership
from models.ledger import Ledger
from models.loading.people import locked_person
from models.operations.auditing import Doer, changes, doer_of, record_event
from models.patience import patiently
from models.session import TenantConnection, tenant_transaction

Dates = tuple[datetime | None, datetime | None]
"""The instants when a membership was started and cancelled."""


@patiently
async def start_membership(ledger: Ledger, tenant_id: UUID, actor: Actor, command: MembershipChange) -> bool:
    """Make the customer a member; after a cancellation, with a new start. True if they were not one before.

    Raises NotFound, Invalid.
    """
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        command, started_at, cancelled_at = await _locked(connection, command)
        if started_at is not None and cancelled_at is None:
            return False
        at = _instant(await ledger.stamp(connection), command, not_before=cancelled_at)
        old = (started_at, cancelled_at)
        await _change(connection, ledger, doer, command, "membership.started", old, (at, None))
    return True


@patiently
async def cancel_membership(ledger: Ledger, tenant_id: UUID, actor: Actor, command: MembershipChange) -> bool:
    """End the customer's membership: its grace period begins. False if it had been cancelled before.

    Raises NotFound, NoMembership, Invalid.
    """
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        command, started_at, cancelled_at = await _locked(connection, command)
        if cancelled_at is not None:
            return False
        if started_at is None:
            raise NoMembership
        at = _instant(await ledger.stamp(connection), command, not_before=started_at)
        old = (started_at, cancelled_at)
        await _change(connection, ledger, doer, command, "membership.cancelled", old, (started_at, at))
    return True


@patiently
async def reinstate_membership(ledger: Ledger, tenant_id: UUID, actor: Actor, command: MembershipChange) -> bool:
    """Undo a cancellation, in the grace period or after it: the membership continues from its old start.

    False if it is running. Raises NotFound, NoMembership.
    """
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        command, started_at, cancelled_at = await _locked(connection, command)
        if cancelled_at is None:
            if started_at is None:
                raise NoMembership
            return False
        # Of a cancellation imported without a start, its own instant is the earliest known.
        new = (started_at or cancelled_at, None)
        old = (started_at, cancelled_at)
        await _change(connection, ledger, doer, command, "membership.reinstated", old, new)
    return True


async def _locked(
    connection: TenantConnection, command: MembershipChange
) -> tuple[MembershipChange, datetime | None, datetime | None]:
    """The command for the customer's surviving record, which is locked; and its membership's start and end.

    Raises NotFound, Busy, and Invalid for an erased one.
    """
    columns = "membership_started_at, membership_cancelled_at, erased_at"
    row = await locked_person(connection, command.customer_id, columns)
    if row["erased_at"] is not None:
        raise Invalid("The customer was erased.", field=("customerId",))
    return replace(command, customer_id=row["id"]), row["membership_started_at"], row["membership_cancelled_at"]


def _instant(now: datetime, command: MembershipChange, *, not_before: datetime | None) -> datetime:
    """The instant it takes effect: now, or the past instant that the command names, not before earlier events."""
    if command.at is None:
        return max(now, not_before or now)
    if command.at > now:
        raise Invalid("The date and time lie in the future. Give a past one, or none for now.", field=("at",))
    if not_before is not None and command.at < not_before:
        raise Invalid("The date and time lie before the membership's last change. Give a later one.", field=("at",))
    return command.at


async def _change(
    connection: TenantConnection,
    ledger: Ledger,
    doer: Doer,
    command: MembershipChange,
    action: str,
    old: Dates,
    new: Dates,
) -> None:
    await connection.raw.execute(
        """UPDATE customers SET membership_started_at = $3, membership_cancelled_at = $4, updated_at = $5
        WHERE tenant_id = $1 AND id = $2""",
        connection.tenant_id,
        command.customer_id,
        *new,
        await ledger.stamp(connection),
    )
    names = ("startedAt", "cancelledAt")
    await record_event(
        connection,
        ledger,
        doer,
        action,
        command.customer_id,
        customer_id=command.customer_id,
        note=command.note,
        details=changes(dict(zip(names, old, strict=True)), dict(zip(names, new, strict=True))),
    )

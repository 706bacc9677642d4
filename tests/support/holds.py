"""Holds placed, captured, released and extended through the operations, with the usual facts filled in."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from models.commands import Actor, Outcome
from models.ledger import Ledger
from models.operations.capture_hold import capture_hold
from models.operations.hold_credit import hold_credit
from models.operations.release_hold import extend_hold, release_hold
from models.planning.capturing import CaptureHold
from models.planning.holding import ExtendHold, HoldCredit, ReleaseHold
from models.reads import holds
from models.reads.session import ReadSession
from models.texts import Texts
from models.views import HoldView
from tests.support.tenants import STAFF, Tenant, known

Named = Outcome | UUID
"""A hold, or the outcome that placed it."""


def id_of(hold: Named) -> UUID:
    return hold if isinstance(hold, UUID) else known(hold.hold_id)


async def hold(
    tenant: Tenant,
    customer_id: UUID,
    amount: str | int | Decimal,
    asset: str = "GBP",
    *,
    note: str | None = "Table 7",
    invoice: UUID | None = None,
    services: tuple[UUID, ...] = (),
    minutes: int | None = None,
    until: Any = None,
    key: str | None = None,
    actor: Actor = STAFF,
    ledger: Ledger | None = None,
    texts: Texts | None = None,
) -> Outcome:
    command = HoldCredit(customer_id, asset, Decimal(amount), note, invoice, services, minutes, until, texts)
    return await hold_credit(ledger or tenant.ledger, tenant.id, actor, command, key or tenant.key())


async def capture(
    tenant: Tenant,
    held: Named,
    amount: str | int | Decimal | None = None,
    *,
    invoice: UUID | None = None,
    note: str | None = None,
    key: str | None = None,
    actor: Actor = STAFF,
    ledger: Ledger | None = None,
) -> Outcome:
    """Of no amount, all that is left of it."""
    command = CaptureHold(id_of(held), None if amount is None else Decimal(amount), invoice, note)
    return await capture_hold(ledger or tenant.ledger, tenant.id, actor, command, key or tenant.key())


async def release(
    tenant: Tenant, held: Named, *, key: str | None = None, actor: Actor = STAFF, ledger: Ledger | None = None
) -> Outcome:
    return await release_hold(ledger or tenant.ledger, tenant.id, actor, ReleaseHold(id_of(held)), key or tenant.key())


async def extend(
    tenant: Tenant,
    held: Named,
    minutes: int | None = None,
    *,
    until: Any = None,
    key: str | None = None,
    actor: Actor = STAFF,
) -> Outcome:
    command = ExtendHold(id_of(held), minutes, until)
    return await extend_hold(tenant.ledger, tenant.id, actor, command, key or tenant.key())


async def as_it_is(tenant: Tenant, held: Named) -> HoldView:
    session = ReadSession(tenant.id)
    try:
        (found,) = await holds.by_ids(session, [id_of(held)])
        return found
    finally:
        await session.release()


async def held_now(tenant: Tenant, customer_id: UUID, asset: str = "GBP") -> tuple[int, int]:
    """Available and held, in minor units."""
    account = await tenant.account(customer_id, asset)
    assert account is not None
    return account.available_minor, account.held_minor

"""Units for a posting, made by hand: what arrives together is then up to the test."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from models.commands import Actor, AdjustCredit, Command, GiveReward
from models.idempotency import input_hash
from models.money import to_minor
from models.planning import adjust, invoices, rewards
from models.planning.invoices import CreateInvoice
from models.planning.needs import Needs
from models.units import Result, Unit
from tests.support.tenants import MANAGER, Tenant


async def unit(
    tenant: Tenant, command: Command, *, needs: Needs | None = None, key: str | None = None, actor: Actor = MANAGER
) -> Unit:
    return Unit(
        command=command,
        actor=actor,
        actor_id=await tenant.ledger.actor_id(tenant.id, actor),
        needs=_needs(command) if needs is None else needs,
        operation=type(command).__name__,
        input_hash=input_hash(command),
        result_id=tenant.ledger.source.new_id(),
        idempotency_key=key or uuid4().hex,
    )


def _needs(command: Command) -> Needs:
    """Of those that need no look at the books first."""
    match command:
        case AdjustCredit():
            return adjust.needs(command, to_minor(command.amount, command.asset))
        case CreateInvoice():
            return invoices.create_needs(command)
        case GiveReward():
            return rewards.needs(command, 0)
        case _:
            raise NotImplementedError(type(command).__name__)


async def post(tenant: Tenant, *units: Unit, wait: bool = True) -> list[Result]:
    """One batch of them."""
    return await tenant.ledger._poster.post(tenant.id, units, wait=wait)


async def adjustment(tenant: Tenant, customer_id: UUID, amount: int, asset: str = "POINTS", **more: Any) -> Unit:
    facts = {name: more.pop(name) for name in ("key", "actor") if name in more}
    reason = more.pop("reason", "GOODWILL" if amount > 0 else "POLICY")
    return await unit(tenant, AdjustCredit(customer_id, asset, Decimal(amount), reason, **more), **facts)

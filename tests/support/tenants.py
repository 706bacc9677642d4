"""A tenant of a test's own, and everything that can be done with it, in few words.

It is made through the ledger's own operations, or by SQL as the app's role where there is none.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from models.commands import Actor, AdjustCredit, BulkCredit, BulkItem, MembershipChange, Outcome
from models.customers import UpsertCustomer
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_tenant import create_tenant
from models.operations.expire import expire_credits
from models.operations.memberships import start_membership
from models.operations.releasing import update_credit, void_credit
from models.operations.reverse_bulk import ReverseBulk, reverse_bulk
from models.operations.upsert_customer import upsert_customer
from models.planning.releasing import UpdateCredit, VoidCredit
from models.planning.state import Source
from tests.support.asking import ADMIN, MANAGER, PARTNER, STAFF, known
from tests.support.billing import Billing
from tests.support.clock import Clock
from tests.support.configuring import Configuring
from tests.support.spending import Spending

__all__ = ["ADMIN", "MANAGER", "PARTNER", "STAFF", "Tenant", "known", "make_tenant"]


class Tenant(Billing, Spending, Configuring):
    """One tenant of one test. Amounts are decimals as text or whole numbers; keys are fresh unless given."""

    @classmethod
    async def open(cls, clock: Clock, *, time_zone: str = "Europe/London", source: Source | None = None) -> "Tenant":
        """On a ledger of its own; a manager asks."""
        return await make_tenant(Ledger(clock, source), clock, time_zone=time_zone, actor=MANAGER)

    async def customer(
        self, external_id: str | None = None, name: str = "Carol Customer", email: str | None = None
    ) -> UUID:
        command = UpsertCustomer(external_id or f"{name}-{uuid4().hex}", name, email)
        return (await upsert_customer(self.ledger, self.id, self.actor, command))[0].id

    async def member(self) -> UUID:
        """A customer whose membership runs."""
        customer_id = await self.customer()
        await start_membership(self.ledger, self.id, self.actor, MembershipChange(customer_id))
        return customer_id

    async def adjust(
        self,
        customer_id: UUID,
        amount: str | int,
        asset: str = "GBP",
        reason: str | None = None,
        *,
        actor: Actor | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        """reason: GOODWILL for what is added, POLICY for what is removed, unless given."""
        signed = Decimal(amount)
        reason = reason or ("GOODWILL" if signed > 0 else "POLICY")
        command = AdjustCredit(customer_id, asset, signed, reason, **more)
        return await adjust_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def credit(self, customer_id: UUID, amount: str | int, asset: str = "GBP", **more: Any) -> UUID:
        """The id of a new credit, which does not apply itself to invoices unless told."""
        outcome = await self.adjust(customer_id, amount, asset, **{"auto_apply": False, **more})
        return known(outcome.credit_id)

    async def void_credit(
        self, credit_id: UUID, *, key: str | None = None, actor: Actor | None = None, **more: Any
    ) -> Outcome:
        command = VoidCredit(credit_id, **more)
        return await void_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def update_credit(
        self, credit_id: UUID, *, key: str | None = None, actor: Actor | None = None, **more: Any
    ) -> Outcome:
        command = UpdateCredit(credit_id, **more)
        return await update_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def expire(self) -> int:
        """Write off what has expired; how many transactions that took."""
        return await expire_credits(self.ledger, self.id)

    async def bulk(
        self,
        *items: tuple[UUID | None, str | int],
        asset: str = "POINTS",
        reason: str = "CORRECTION",
        actor: Actor | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        command = BulkCredit(tuple(BulkItem(c, Decimal(amount)) for c, amount in items), asset, reason, **more)
        return await bulk_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def reverse(
        self,
        bulk: Outcome | UUID,
        *,
        dry_run: bool = False,
        note: str | None = None,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
    ) -> Outcome:
        operation_id = bulk if isinstance(bulk, UUID) else known(bulk.bulk_operation_id)
        command = ReverseBulk(operation_id, dry_run, note)
        return await reverse_bulk(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def cancel_membership(self, customer_id: UUID, at: datetime) -> None:
        await self.execute(
            "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2", customer_id, at
        )


async def make_tenant(
    ledger: Ledger, clock: Clock | None = None, *, time_zone: str = "Europe/London", actor: Actor = ADMIN
) -> Tenant:
    """A tenant as a new one is: the first reasons and limits, and nothing else. Unless said otherwise, an admin asks."""
    slug = f"t-{uuid4().hex}"
    tenant_id = await create_tenant(ledger, slug, "Test & Co", time_zone)
    return Tenant(ledger, clock or Clock(), slug, tenant_id, actor=actor)

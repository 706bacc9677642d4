"""The caller, and the tenant."""

import hashlib
import json
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.commands import Actor
from models.kinds import Role
from models.planning.calendar import local_date
from models.reads import limits, requests
from models.reads.tenants import TenantView
from schema.context import Context, Info
from schema.ids import global_id
from schema.nodes import node_of_request
from schema.rights_to import OF_REQUESTS, rights_to
from schema.scalars import AssetCode
from schema.types.base import Node, resolved
from schema.types.customer import Customer
from schema.types.limits import LimitRemaining

_ID_BYTES: Final = 16
COUNT_WEIGHT: Final = 10
"""Of a count of what waits, which ends at 1,000 rows."""


def _id_of(tenant_id: UUID, who: Actor) -> UUID:
    """The same for the same subject, role and client. No row has it: a token may be good before anything was done."""
    said = json.dumps([str(tenant_id), who.subject, who.role, who.client])
    return UUID(bytes=hashlib.sha256(said.encode()).digest()[:_ID_BYTES])


def _own_tenant(context: Context) -> "Tenant":
    return Tenant.of(context.tenant)


def _own_viewer(context: Context) -> "Viewer":
    return Viewer.of(context)


@node_of_request(_own_tenant)
@strawberry.type
class Tenant(Node):
    """The business whose books these are."""

    name: str
    """Display name."""
    time_zone: str
    """Time zone in which its days begin and end, an IANA name such as Europe/London."""
    grace_days: int
    """Days after a membership is cancelled in which service credits can still be added."""
    approval_hours: int
    """Hours for which an approval request waits before it expires."""
    idempotency_key_days: int
    """Days for which idempotency keys are kept, 90 unless set; a request sent again within them is recognised."""
    event_days: int
    """Days for which events are kept in the feed."""
    expiry_notice_days: int
    """Days before its expiry at which the feed announces that a credit expires; 0 if it does not."""
    limited_currencies: list[AssetCode]
    """Currencies in which staff and partners may add value and sell credit; empty for all."""

    @classmethod
    def of(cls, view: TenantView) -> "Tenant":
        return cls(
            id=global_id("Tenant", view.id),
            name=view.name,
            time_zone=view.time_zone,
            grace_days=view.grace_days,
            approval_hours=view.approval_hours,
            idempotency_key_days=view.key_days,
            event_days=view.event_days,
            expiry_notice_days=view.expiry_notice_days,
            limited_currencies=[AssetCode(code) for code in (view.limited_currencies or "").split()],
        )


@node_of_request(_own_viewer)
@strawberry.type
class Viewer(Node):
    """The user or program that the request's token identifies. Its id is that of its subject, role and client."""

    subject: str
    """Subject (`sub`) of the token."""
    name: str | None
    """Name to show, by the token's claim `name`; null if the token has none."""
    role: Role
    """Role that the token gives."""
    scopes: list[str]
    """Scopes that the token opens, such as ledger:read."""
    tenant: Tenant
    """Tenant that the token belongs to."""
    actor: strawberry.Private[Actor]

    @classmethod
    def of(cls, context: Context) -> "Viewer":
        who, actor = context.principal, context.actor
        return cls(
            id=global_id("Viewer", _id_of(context.tenant.id, actor)),
            subject=who.subject,
            name=who.name,
            role=Role(who.role.name),
            scopes=sorted(who.scopes),
            tenant=Tenant.of(context.tenant),
            actor=actor,
        )

    @resolved(Customer | None)
    async def customer(self, info: Info) -> Pending[Any]:
        """Customer that the token belongs to; null unless it is a customer's token."""
        own = await info.context.own_customer_id()
        if own is not None:
            info.context.require(Permission.READ_CUSTOMERS)
        return None if own is None else await info.context.loaders.customers.load(own)

    @resolved(list[LimitRemaining])
    async def limits(self, info: Info) -> list[LimitRemaining]:
        """Amounts left today by asset, per adjustment and per day. adjustmentPreview shows the limits per customer. A
        currency that the tenant's limitedCurrencies leave out has none for adding and selling."""
        context = info.context
        if context.is_customer:
            return []
        currencies = (context.tenant.limited_currencies or "").split()
        left = await limits.left_today(context.reads, self.actor, local_date(context.now, context.zone), currencies)
        return [LimitRemaining.of(each) for each in left]

    @resolved(int, weight=COUNT_WEIGHT)
    async def approvals_to_decide(self, info: Info) -> int:
        """Number of approval requests that wait and that this token may approve or reject: none of its own. 1000: that
        many or more."""
        context = info.context
        if not context.may(Permission.APPROVE):
            return 0
        held = frozenset(filter(context.may, OF_REQUESTS))
        if held == OF_REQUESTS:
            return await requests.others_waiting(context.reads, self.actor.subject, context.now)
        asked = await requests.waiting_of_others(context.reads, self.actor.subject, context.now)
        return sum(held.issuperset(rights_to(command, terms)) for command, terms in asked)

    @resolved(int, weight=COUNT_WEIGHT)
    async def approvals_asked(self, info: Info) -> int:
        """Number of the token's own approval requests that still wait for somebody else. 1000: that many or more."""
        context = info.context
        if context.is_customer:
            return 0
        program = self.actor.role == Role.PARTNER
        client = (self.actor.client or "") if program else None
        return await requests.own_waiting(context.reads, self.actor.subject, client, context.now)

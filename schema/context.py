"""State of one request: its principal, its tenant, its reads, and its access to the ledger."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry
from graphql import GraphQLError

from auth.principal import Principal
from auth.roles import Permission, Role, has, may, nearest, scopes_of
from auth.tokens import DEFAULT_LEEWAY
from gateway.reading import Lists
from gateway.schema import Charge, for_free
from gateway.trusted import client_named
from models.commands import Actor, Outcome
from models.errors import DatabaseAway, LedgerError
from models.ledger import Ledger
from models.money import enter_books
from models.named_ids import told_by_name
from models.names import clean_name
from models.operations.access_audit import Denial, record_denials
from models.reads.holders import Holder, holder_of
from models.reads.live import LiveFeed
from models.reads.session import ReadSession
from models.reads.tenants import TenantDirectory, TenantView
from schema import denials
from schema.denials import Denials
from schema.errors import Suspended, Unauthenticated
from schema.loaders import Loaders
from schema.settling import settle
from turns.slices import in_slices
from turns.steps import finish

logger = logging.getLogger(__name__)

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")
MAX_RECORDING_SECONDS: Final = 2.0
"""How long an answer waits until it is written down what it refuses."""
CHARGED_AT_ONCE: Final = 20
"""Messages of a subscription that are charged together."""
MOST_SHARED_COST: Final = 1_000
"""The cost of an operation whose statements are short enough for others to wait for."""

Operation = Callable[[Ledger, UUID, Actor, C, str], Awaitable[Outcome]]
"""A ledger operation that moves value: ledger, tenant, actor, command, idempotency key."""
RefusedToken = Callable[[str, str | None, str | None], None]
"""Takes note of a token that was refused: why, the request's id, its address."""


class Context:
    """One request's. `admit` comes first; parts that need a tenant are there only after it."""

    __slots__ = (
        "_headers",
        "_holder",
        "_load",
        "_paid",
        "_recording",
        "_refused",
        "_tenants",
        "address",
        "asked",
        "charge",
        "cost",
        "denials",
        "follows",
        "ledger",
        "lists",
        "live",
        "loaders",
        "now",
        "principal",
        "reads",
        "request_id",
        "searches",
        "tenant",
        "writes",
    )

    principal: Principal
    tenant: TenantView
    reads: ReadSession
    loaders: Loaders
    now: datetime

    def __init__(
        self,
        *,
        principal: Principal | None,
        ledger: Ledger,
        tenants: TenantDirectory,
        loaders: Callable[[ReadSession, datetime, bool], Loaders],
        request_id: str | None = None,
        address: str | None = None,
        charge: Charge = for_free,
        refused: RefusedToken | None = None,
        live: LiveFeed | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """headers: of the request, as ASGI has them."""
        if principal is not None:
            self.principal = principal
        self.ledger = ledger
        self.request_id = request_id
        self.address = address
        self.charge = charge
        self._tenants = tenants
        self._load = loaders
        self._holder: Holder | None = None
        self._refused = refused
        self.live = live or LiveFeed()
        self._headers = headers
        self.cost: int | None = None
        """The operation's, as its document says; None of what is no operation, such as a file."""
        self._paid = 0
        self.denials = Denials()
        self._recording: asyncio.Task[None] | None = None
        """The writing of denials, which goes on though its request is cancelled."""
        self.asked: list[str] = []
        """Root fields that were asked for so far, or the endpoint: for the log."""
        self.follows = True
        """Whether the request may want cursors or past instants. A document that has neither says so."""
        self.lists = Lists()
        self.writes = False
        """Whether the answer may have parts that are JSON already."""
        self.searches = False
        """Whether it adds up or searches much: its document says so."""

    async def admit(
        self,
        anyone_with: tuple[Permission, ...],
        *,
        own: bool,
        place: "strawberry.Info[Any, None] | str",
        exactly: "Callable[[Context], Sequence[Permission]] | None" = None,
    ) -> None:
        """Let the request into a root field: with one of these permissions or, if none is named, with any token.

        own: whether a right to one's own rows is enough. place: the field, or the path of another endpoint, for the
        audit. exactly: the rights that this very request takes, all together, if that is known before anything is read.
        Raises Unauthenticated, Suspended, Forbidden.
        """
        denials.enter(place)
        self.asked.append(place if isinstance(place, str) else place.field_name)
        if not hasattr(self, "tenant"):
            await self._enter()
        enter_books(self.tenant.currencies)  # in every field: each runs in a context of its own
        await self.own_customer_id()  # a token that names somebody else by now is good for nothing
        if exactly is not None:
            self.require(*exactly(self), own=own)
        elif anyone_with:
            self.require_one(anyone_with, own=own)

    async def _enter(self) -> None:
        if not hasattr(self, "principal"):
            raise Unauthenticated("This needs a token: send it as 'Authorization: Bearer …'.")
        tenant = await self._its_tenant()
        if hasattr(self, "tenant"):  # root fields of a query run side by side, and another was quicker
            return
        self.reads = ReadSession(
            tenant.id,
            settling=self.ledger.database_time,
            follows=self.follows,
            searches=self.searches,
            shares=self.cost is not None and self.cost <= MOST_SHARED_COST,
        )
        self._begin_reading()
        self.tenant = tenant

    async def _its_tenant(self) -> TenantView:
        claim = self.principal.tenant
        tenant = self._tenants.remembered(claim) or await self._tenants.find(claim)
        if tenant is None:
            self._note_refused("the token's tenant is not known")
            raise Unauthenticated("The token's tenant is not known here.")
        if tenant.suspended_at is not None:
            raise Suspended("This tenant is suspended. Nothing was done; ask whoever operates this service.")
        return tenant

    async def again(self) -> None:
        """Before each message of a subscription: find out whether the token's tenant and customer still are what they
        were, and let reads see the present. Raises Unauthenticated, Suspended."""
        await self.reads.release()
        self.tenant = await self._its_tenant()
        self._holder = None
        self._begin_reading()
        enter_books(self.tenant.currencies)
        await self.own_customer_id()

    async def rest(self) -> None:
        """Hold no connection: a subscription waits, or its client reads. Record what its last message was denied."""
        if hasattr(self, "reads"):
            await self.reads.release()
            await self._record_denials()

    async def charge_message(self) -> None:
        """Charge a message of a subscription what its document costs: some together, before the first. Raises
        RateLimited."""
        if not self._paid:
            await self.charge(CHARGED_AT_ONCE * (self.cost or 1))
            self._paid = CHARGED_AT_ONCE
        self._paid -= 1

    def _note_refused(self, why: str) -> None:
        if self._refused is not None:
            self._refused(why, self.request_id, self.address)

    def _begin_reading(self) -> None:
        self.now = self.ledger.clock()
        self.loaders = self._load(self.reads, self.now, self.is_customer)
        self.loaders.lists = self.lists

    def require(self, *permissions: Permission, own: bool = True) -> None:
        """Raise Forbidden, naming each missing right, unless the principal has all of these.

        own: whether a right to their own is enough.
        """
        principal = self.principal
        for permission in permissions:  # asked for each row of a list: no list of its own where nothing is missing
            if not has(principal, permission, own=own):
                missing = [each for each in permissions if not has(principal, each, own=own)]
                raise self.denials.forbidden(principal, missing, own=own)

    def require_one(self, permissions: Sequence[Permission], *, own: bool = True) -> None:
        """Raise Forbidden, naming the nearest right, if the principal has none of these."""
        if not any(has(self.principal, permission, own=own) for permission in permissions):
            raise self.denials.forbidden(self.principal, (nearest(self.principal, permissions),), own=own)

    def may(self, permission: Permission) -> bool:
        """Return whether the principal has the right, to all rows or to their own only."""
        return may(self.principal, permission)

    @property
    def clients(self) -> tuple[str | None, str | None]:
        """Return the names of the client that asks: its token's, which nobody else can have, and the one it gives itself."""
        token = self.principal.client_id if hasattr(self, "principal") else None
        return token, client_named(self._headers)

    @property
    def is_customer(self) -> bool:
        """Return whether a customer asks: they see their own rows only, without notes and without names of staff."""
        return self.principal.role is Role.CUSTOMER

    @property
    def actor(self) -> Actor:
        who = self.principal
        return Actor(
            subject=who.subject,
            role=who.role.name,
            client=who.client_id,
            name=None if who.role is Role.CUSTOMER else who.name,  # it would outlive the customer's erasure
            request_id=self.request_id,
            address=self.address,
        )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tenant.time_zone)

    async def settle(self, *instants: datetime | None) -> None:
        """Wait until past instants cannot change any more, before something is read as of them.

        A future instant, or None, is read as it is now. Raises StillPosting.
        """
        await settle(self.reads, self.now, instants)

    async def person(self, customer_id: UUID | None) -> UUID | None:
        """Return the person that an id names, by any of their records; None if there is none, or the caller may not see
        them."""
        if customer_id is None or not await self.may_see(customer_id):
            return None
        found = await self.loaders.customers.load(customer_id)
        return None if found is None else found.view.id

    async def own_customer_id(self) -> UUID | None:
        """Return the customer whose own token this is, as the surviving record; None if the token names no existing
        customer, or is not a customer's.

        Raises Unauthenticated if its external id was given to another customer after it was issued.
        """
        if self._holder is None and self.is_customer and self.principal.customer:
            holder = await holder_of(self.reads, clean_name(self.principal.customer))
            if holder is not None and not holder.is_named_by(self.principal.issued_at, DEFAULT_LEEWAY):
                self._note_refused("the token is older than its customer's external id")
                raise Unauthenticated("The token was issued before its customer had this external id. Get a new one.")
            self._holder = holder
        return None if self._holder is None else self._holder.customer_id

    async def may_see(self, customer_id: UUID | None) -> bool:
        """Return whether the rows of this record may be shown: to customers, only those of the person that they are.

        If not, the attempt is recorded; the caller sees the same answer as for a row that does not exist.
        """
        if not self.is_customer:
            return True
        own = await self.own_customer_id()
        asked = None if customer_id is None or own is None else await self.loaders.customers.load(customer_id)
        if asked is not None and asked.view.id == own:
            return True
        self.denials.concealed(customer_id)
        return False

    async def post(self, operation: Operation[C], command: C, idempotency_key: str) -> Outcome:
        """Run an operation, then let reads see its effects. Holds no connection meanwhile. Raises LedgerError."""
        await self.reads.release()
        try:
            outcome = await operation(self.ledger, self.tenant.id, self.actor, command, idempotency_key)
        except LedgerError as error:
            told_by_name(error, command)
            raise
        self.refresh()
        await in_slices(self.loaders.prime(outcome.views))
        return outcome

    async def change(
        self, operation: Callable[Concatenate[Ledger, UUID, Actor, P], Awaitable[R]], *asked: P.args, **more: P.kwargs
    ) -> R:
        """Run an operation that moves no value, like `post`. Raises LedgerError."""
        await self.reads.release()
        try:
            done = await operation(self.ledger, self.tenant.id, self.actor, *asked, **more)
        except LedgerError as error:
            told_by_name(error, asked)
            raise
        self.refresh()
        return done

    def refresh(self, views: tuple[Any, ...] = ()) -> None:
        """Forget rows read before a posting; `views`, a few, are known without reading."""
        self._begin_reading()
        finish(self.loaders.prime(views))

    async def renew_tenant(self) -> None:
        """Read the tenant again after a change."""
        self._tenants.forget(self.tenant)
        self.tenant = await self._tenants.find(str(self.tenant.id)) or self.tenant

    def locate(self, error: GraphQLError, operation: str | None) -> None:
        """Learn from an error of the result at which field something was refused."""
        self.denials.locate(error, operation)

    async def close(self) -> None:
        """Release all that the request holds, and record its denials. Called before the response is sent."""
        if not hasattr(self, "reads"):
            return
        await self.reads.close()
        await self._record_denials()

    async def _record_denials(self) -> None:
        """Never raises but when cancelled: the response is the same, whether or not this succeeds."""
        if self._recording is not None:
            await asyncio.shield(self._recording)
        if denied := self.denials.take():
            self._recording = asyncio.create_task(self._record(denied))
            await asyncio.shield(self._recording)
        self._recording = None

    async def _record(self, denied: Sequence[Denial]) -> None:
        who = self.principal
        narrowed = who.role is Role.PARTNER or who.scopes != scopes_of(who.role)
        holder = {"role": who.role.name} | ({"scopes": sorted(who.scopes)} if narrowed else {})
        try:
            async with asyncio.timeout(MAX_RECORDING_SECONDS):
                await record_denials(self.ledger, self.tenant.id, self.actor, denied, holder)
        except DatabaseAway:
            return  # the log says so already; the next row tells that these were left out
        except Exception:
            logger.exception(
                "%d denials of access could not be recorded", len(denied), extra={"request_id": self.request_id}
            )


Info = strawberry.Info[Context, None]

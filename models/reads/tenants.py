"""Tenants named by tokens. Cached for a few seconds, by each process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from models.currencies import held_currencies
from models.reads.session import ReadSession
from models.session import tenant_id_of, tenant_transaction, written_id

REMEMBERED_SECONDS: Final = 5.0
LOOKS_AGAIN: Final = 0.8
"""After this share of it one request looks a tenant up again, while the others go by what is remembered: else all that are
under way would, every few seconds."""
MAX_REMEMBERED: Final = 4096
MAX_SLUG: Final = 63
_COLUMNS: Final = (
    "id, slug, name, time_zone, grace_days, approval_hours, key_days, event_days, expiry_notice_days, limited_currencies, "
    "suspended_at"
)


@dataclass(frozen=True, slots=True)
class TenantView:
    """time_zone: an IANA name. grace_days: how long after a cancelled membership service credits can still be added.

    approval_hours: how long an approval request waits for a decision. key_days: how long an idempotency key is kept.
    event_days: how long an event is. expiry_notice_days: how long before its expiry a credit is announced.
    currencies: those that the books hold, with their exponents. limited_currencies: those that limited roles may use,
    separated by spaces; None for all. suspended_at: since when its requests are refused, or None.
    """

    id: UUID
    slug: str
    name: str
    time_zone: str
    grace_days: int
    approval_hours: int
    key_days: int
    event_days: int
    expiry_notice_days: int
    limited_currencies: str | None
    suspended_at: datetime | None
    currencies: Mapping[str, int]


@dataclass(slots=True, eq=False)
class _Known:
    """tenant: None if there is none. again, ends: until when nobody has to look it up again, and everybody does."""

    tenant: TenantView | None
    again: float
    ends: float
    is_sought: bool = False


class TenantDirectory:
    """Tenants by slug or by id. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._forgotten = 0
        """How often one was forgotten: what was being looked up by then may be as it was before."""

    def remembered(self, claim: str) -> TenantView | None:
        """The cached tenant that `claim` names; None if it must be looked up."""
        known = self._known.get(claim)
        return known.tenant if known is not None and self._will_do(known) else None

    def _will_do(self, known: _Known) -> bool:
        now = self._clock()
        return now < known.again or (known.is_sought and now < known.ends)

    async def find(self, claim: str) -> TenantView | None:
        """The tenant that `claim` names, by slug or id, or None. Absence is cached as well."""
        known = self._known.get(claim)
        if known is not None and self._will_do(known):
            return known.tenant
        if known is not None:
            known.is_sought = True
        forgotten = self._forgotten
        try:
            tenant = await _look_up(claim)
        finally:
            if known is not None:
                known.is_sought = False
        if forgotten != self._forgotten:
            return tenant
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        now = self._clock()
        self._known[claim] = _Known(tenant, now + LOOKS_AGAIN * REMEMBERED_SECONDS, now + REMEMBERED_SECONDS)
        return tenant

    def forget(self, tenant: TenantView) -> None:
        """Forget a changed tenant: the next request looks it up again (in another process, within the seconds
        remembered)."""
        self._forgotten += 1
        for claim in (tenant.slug, str(tenant.id)):
            self._known.pop(claim, None)


async def _look_up(claim: str) -> TenantView | None:
    if len(claim) <= MAX_SLUG and claim.isascii() and claim.replace("-", "").isalnum():
        # Text in an id's form is an id: otherwise a tenant with such a slug would match another's partner tokens.
        tenant_id = written_id(claim) or await tenant_id_of(claim)
        if tenant_id is not None:
            return await _by_id(tenant_id)
    return None


async def _by_id(tenant_id: UUID) -> TenantView | None:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(f"select {_COLUMNS} from tenants where id = $1", tenant_id)
        return None if row is None else TenantView(**row, currencies=await held_currencies(connection))


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """A tenant as an operator sees it. limited_currencies: as in TenantView. customers, entries: how many."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    limited_currencies: str | None
    created_at: datetime
    suspended_at: datetime | None
    customers: int
    entries: int


async def facts_of(tenant_id: UUID) -> TenantFacts:
    """The facts of a tenant that is there. Counts its rows: for operators, not for a request."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(_FACTS, tenant_id)
        return TenantFacts(**row)


_FACTS: Final = """SELECT t.id, t.slug, t.name, t.time_zone, t.limited_currencies, t.created_at, t.suspended_at,
        (SELECT count(*) FROM customers c WHERE c.tenant_id = $1) AS customers,
        (SELECT count(*) FROM entries e WHERE e.tenant_id = $1) AS entries
    FROM tenants t WHERE t.id = $1"""


async def began_at(session: ReadSession) -> datetime:
    """The time the tenant was created."""
    (row,) = await session.fetch("select created_at from tenants where id = $1")
    began: datetime = row["created_at"]
    return began

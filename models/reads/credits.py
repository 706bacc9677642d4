"""Credits: the parts of balances."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.kinds import CreditStatus
from models.reads.branches import ACCOUNTS, LOTS, OWN_ACCOUNTS
from models.reads.columns import columns, parsed, rows
from models.reads.keys import id_key, instant_key, integer_key, time_key
from models.reads.names import Named, by_id_or_name
from models.reads.paging import Condition, Listing, Looked, Older, Unserved
from models.reads.session import ReadSession
from models.views import CreditView


@dataclass(frozen=True, slots=True)
class CreditChangeView:
    """A credit's terms before and after an update."""

    id: UUID
    credit_id: UUID
    transaction_id: UUID
    old_expires_at: datetime | None
    new_expires_at: datetime | None
    old_auto_apply: bool
    new_auto_apply: bool
    old_service_ids: tuple[UUID, ...]
    new_service_ids: tuple[UUID, ...]
    changed_at: datetime


_COLUMNS: Final = columns(
    CreditView,
    asset="(select o.asset from accounts o where o.tenant_id = $1 and o.id = t.account_id)",
    service_ids="""case when t.restricted then array(select s.service_id from credit_services s
                                       where s.tenant_id = $1 and s.credit_id = t.id order by s.service_id)
         else '{}' end""",
)
_view: Final = rows(CreditView, service_ids=tuple)

# The same order of cases as CreditView.status.
_STATUS: Final = """
    case when t.voided_at is not null then 'VOIDED'
         when t.remaining_minor = 0 and t.swept_at is null then 'EXHAUSTED'
         when t.remaining_minor = 0 or t.expires_at <= {0} then 'EXPIRED'
         when t.starts_at > {0} then 'SCHEDULED'
         else 'OPEN' end = any({1}::text[])"""


_BY_OPENING: Final = (time_key("t.opened_at"), id_key("t.id"))
# Phrased so that the planner expects it of nearly all rows: without statistics it expects `is null` of one in two
# hundred, and would sort the whole list.
_NOT_MOVED: Final = "num_nonnulls(t.successor_id) <> 1"
_STORED: Final = "select c.{} from credits c where c.tenant_id = $1 and c.id = {{0}}"

CREDITS: Final = Listing(
    name="credits",
    columns=_COLUMNS,
    table="credits t",
    parent="t.account_id",
    keys=(integer_key("t.opened_sequence"),),
    view=_view,
    older=Older((instant_key(""), id_key("")), (_STORED.format("opened_sequence"),)),
)
"""An account's credits, by the time they were added to it: a credit brought by a merge is older than that."""

ALL: Final = Listing(
    name="all-credits",
    columns=_COLUMNS,
    table="credits t",
    parent="t.tenant_id",
    keys=_BY_OPENING,
    view=_view,
    alone=_NOT_MOVED,
    older=Older((id_key(""),), (_STORED.format("opened_at"), "{0}::uuid")),
)
"""All of a tenant's: the parent is the tenant. A credit moved by a merge is listed once, on its present account."""

CUSTOMER_CREDITS: Final = Listing(
    name="customer-credits",
    columns=_COLUMNS,
    table="credits t",
    parent="t.account_id",
    keys=_BY_OPENING,
    view=_view,
    through=ACCOUNTS,
    alone=_NOT_MOVED,
)
"""Credits on all of a customer's accounts, and those that their merged records had used up before."""

GRANTED: Final = Listing(
    name="granted",
    columns=_COLUMNS,
    table="""(select * from grants where tenant_id = $1) g
    cross join lateral (select * from credits where tenant_id = $1 and id = g.credit_id offset 0) o
    cross join lateral (select * from credits where tenant_id = $1 and id = case
        when o.successor_id is null then o.id else (select n.id from credits n where n.tenant_id = $1
            and n.origin_id = case when o.origin_id is null then o.id else o.origin_id end
            and n.successor_id is null) end offset 0) t""",
    parent="g.invoice_id",
    keys=(time_key("o.created_at"), id_key("o.id")),
    view=_view,
)
"""Credits that an order added to the account, also those taken back; a moved one on its present account."""


def _ids(value: Any) -> tuple[UUID, ...]:
    """Ids of a JSON list, which the driver may or may not have parsed."""
    return tuple(map(UUID, parsed(value)))


_CHANGE: Final = columns(
    CreditChangeView, old_service_ids="t.old_services", new_service_ids="t.new_services", changed_at="t.created_at"
)
_change: Final = rows(CreditChangeView, old_service_ids=_ids, new_service_ids=_ids)
CHANGES: Final = Listing(
    name="credit-changes",
    columns=_CHANGE,
    table="credit_changes t",
    parent="t.credit_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_change,
    through=LOTS,
)
"""Changes of a credit and of those that preceded it before merges."""

UPCOMING: Final = Listing(
    name="upcoming",
    columns=_COLUMNS,
    table="credits t",
    parent="t.tenant_id",
    keys=(instant_key("t.expires_at"), id_key("t.id")),
    view=_view,
)
"""All of a tenant's credits by expiry: the parent is the tenant. For use with `expiring`."""

CUSTOMER_UPCOMING: Final = Listing(
    name="customer-upcoming",
    columns=_COLUMNS,
    table="credits t",
    parent="t.account_id",
    keys=(instant_key("t.expires_at"), id_key("t.id")),
    view=_view,
    through=OWN_ACCOUNTS,
)
"""The same of one customer."""


# Every expiry lies between: said for the planner, which then enters the index by the expiry.
_EXPIRING: Final = "t.open and t.expires_at is not null and t.expires_at > '-infinity' and t.expires_at < 'infinity'"

BY_EXPIRY: Final = replace(UPCOMING, name="all-credits|EXPIRES_AT", alone="t.open and t.expires_at is not null")
"""All of a tenant's credits that have something left and expire, by expiry, also those that have expired since."""
CUSTOMER_BY_EXPIRY: Final = replace(
    CUSTOMER_UPCOMING, name="customer-credits|EXPIRES_AT", through=replace(ACCOUNTS, joined=None), alone=_EXPIRING
)
ACCOUNT_BY_EXPIRY: Final = replace(CUSTOMER_BY_EXPIRY, name="credits|EXPIRES_AT", through=None)


def expiring(now: datetime, until: datetime | None, asset: str | None) -> tuple[Condition, ...]:
    """Credits with a remainder that expire after `now`, and not after `until`."""
    conditions = [Condition("t.open and t.expires_at is not null and t.expires_at > {0}", (now,))]
    if until is not None:
        conditions.append(Condition("t.expires_at <= {0}", (until,)))
    if asset is not None:
        conditions.append(of_asset(asset))
    return tuple(conditions)


def of_asset(asset: str) -> Condition:
    account = "accounts o where o.tenant_id = $1 and o.id = t.account_id"
    return Unserved(f"(select o.asset from {account}) = {{0}}", (asset,))


def with_status(statuses: Collection[str], now: datetime) -> Condition:
    """Credits that have one of these statuses of the API at `now`."""
    # An account may have a million used-up credits beside a few open ones: let the partial index find those.
    remaining = "t.open and " if set(statuses) <= {CreditStatus.OPEN, CreditStatus.SCHEDULED} else ""
    return Unserved(remaining + _STATUS, (now, tuple(sorted(set(statuses)))))


def restricted_to(service: UUID | Named) -> Condition:
    """service: by its id or name."""
    service_id, value = by_id_or_name(service)
    sql = f"""exists (select 1 from credit_services s
                       where s.tenant_id = $1 and s.credit_id = t.id and s.service_id = {service_id})"""
    return Looked(sql, (value,), "serviceId")


async def changes_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CreditChangeView]:
    return [_change(row) for row in await session.fetch_by_ids("credit_changes", _CHANGE, ids)]


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CreditView]:
    return [_view(row) for row in await session.fetch_by_ids("credits", _COLUMNS, ids)]

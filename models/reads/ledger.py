"""Entries, and the transactions that they belong to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.lookups import each
from models.milestones import begins_after, ends_before
from models.reads.branches import ACCOUNTS
from models.reads.columns import columns, rows
from models.reads.keys import id_key, instant_key, integer_key, time_key
from models.reads.paging import Condition, Listing
from models.reads.session import ReadSession
from models.views import ActorView, EntryView, TransactionView

_ASSET: Final = "(select o.asset from accounts o where o.tenant_id = $1 and o.id = t.account_id)"
_ENTRY: Final = columns(EntryView, asset=_ASSET)
_entry: Final = rows(EntryView)
_OF_TRANSACTION: Final = (
    "(select x.{0} from transactions x where x.tenant_id = $1 and x.id = t.transaction_id) as of_{0}"
)
_BESIDE: Final = ", ".join(map(_OF_TRANSACTION.format, ("kind", "reason")))

_TRANSACTIONS: Final = f"""
    select t.id, t.customer_id, t.kind, t.reason, nullif(x.note, '') as note, x.reference, x.metadata,
           t.created_at,
           a.subject, a.name, a.role, nullif(a.client, '') as client,
           b.id as approver, b.subject as by_subject, b.name as by_name, b.role as by_role,
           nullif(b.client, '') as by_client
      from {each("id uuid")} k join transactions t on t.tenant_id = $1 and t.id = k.id
      cross join lateral (select * from actors where tenant_id = $1 and id = t.actor_id offset 0) a
      left join lateral (select * from actors where tenant_id = $1 and id = t.approved_by_id offset 0) b on true
      left join lateral (select note, reference, metadata from transaction_texts
                          where tenant_id = $1 and id = t.id offset 0) x on true"""


ACCOUNT_LEDGER: Final = Listing(
    name="ledger",
    columns=_ENTRY,
    table="entries t",
    parent="t.account_id",
    keys=(integer_key("t.sequence"),),
    view=_entry,
    beside=_BESIDE,
)
"""An account's entries by sequence."""

CUSTOMER_LEDGER: Final = Listing(
    name="customer-ledger",
    columns=_ENTRY,
    table="entries t",
    parent="t.account_id",
    keys=(time_key("t.created_at"), id_key("t.account_id"), integer_key("t.sequence")),
    view=_entry,
    beside=_BESIDE,
    through=ACCOUNTS,
    milestones=True,
)
"""The entries of all of a customer's accounts by time, then account and sequence. Those brought by a merge are placed
at the time of the merge."""

CREDIT_LEDGER: Final = Listing(
    name="credit-ledger",
    columns=_ENTRY,
    table="entries t",
    parent="t.credit_id",
    keys=(instant_key("t.created_at"), integer_key("t.sequence")),
    view=_entry,
    beside=_BESIDE,
)
"""The entries of one credit by sequence."""

TRANSACTION_ENTRIES: Final = Listing(
    name="entries",
    columns=_ENTRY,
    table="entries t",
    parent="t.transaction_id",
    keys=(id_key("t.account_id"), integer_key("t.sequence")),
    view=_entry,
    beside=_BESIDE,
)
"""A transaction's entries."""


def of_asset(asset: str) -> Condition:
    """Only on the customer's account in this asset."""
    return Condition("a.asset = {0}", (asset,))


def of_transactions(ids: tuple[UUID, ...]) -> Condition:
    """Only of these transactions."""
    return Condition("t.transaction_id = any({0}::uuid[])", (ids,))


def posted(listing: Listing[Any], from_: datetime | None, to: datetime | None) -> tuple[Condition, ...]:
    """Posted from `from_` on, and before `to`: of the list of an account or of a customer."""
    first, last = begins_after(listing.branch, "{0}"), ends_before(listing.branch, "{0}", included=False)
    start = () if from_ is None else (Condition(f"t.created_at >= {{0}} and t.sequence >= {first}", (from_,)),)
    end = Condition(f"t.created_at < {{0}} and t.sequence <= {last}", (to,), until=to)
    return start if to is None else (*start, end)


def up_to(at: datetime) -> Condition:
    """An account's entries posted up to and at `at`."""
    last = ends_before("p.id", "{0}", included=True)
    return Condition(f"t.created_at <= {{0}} and t.sequence <= {last}", (at,))


async def entries_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[EntryView]:
    return [_entry(row) for row in await session.fetch_by_ids("entries", _ENTRY, ids)]


def _transaction(row: Any) -> TransactionView:
    approver = None
    if row["approver"] is not None:
        approver = ActorView(row["by_subject"], row["by_name"], row["by_role"], row["by_client"])
    return TransactionView(
        id=row["id"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        reason=row["reason"],
        note=row["note"],
        reference=row["reference"],
        metadata=row["metadata"],
        actor=ActorView(row["subject"], row["name"], row["role"], row["client"]),
        approved_by=approver,
        created_at=row["created_at"],
    )


async def transactions_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[TransactionView]:
    return [_transaction(row) for row in await session.look_up(_TRANSACTIONS, ids)]

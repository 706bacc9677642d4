"""One account between two instants: opening balance, entries with the balance after each, closing balance."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from models.milestones import last_entry
from models.reads.branches import RECORDS
from models.reads.paging import Condition
from models.reads.session import ReadSession

LINES_AT_ONCE: Final = 1_000
END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)

_LAST_BEFORE: Final = last_entry("e.sequence, e.balance_after_minor", "$2", "< $3")

# A merged record's accounts count from the merge on: the past before it does not change.
_ACCOUNTS: Final = f"""
    select a.id, a.asset
      from (select $2::uuid as id) p cross join lateral (select * from {RECORDS.branches}) c
      cross join lateral (select * from accounts where tenant_id = $1 and customer_id = c.id offset 0) a
     where ($3::text is null or a.asset = $3) and (c.merged_at is null or $4::timestamptz is null or c.merged_at < $4)
     order by a.asset, c.merged_at nulls first, a.id"""

_LINES: Final = """
    select e.sequence, e.created_at, t.kind, t.reason, nullif(x.note, '') as note, x.reference, e.amount_minor,
           e.balance_after_minor, e.transaction_id, e.credit_id
      from entries e
      cross join lateral (select * from transactions where tenant_id = $1 and id = e.transaction_id offset 0) t
      left join lateral (select note, reference from transaction_texts where tenant_id = $1 and id = t.id offset 0) x on true
     where e.tenant_id = $1 and e.account_id = $2 and e.sequence > $3 and e.sequence <= $4
     order by e.sequence limit $5"""


@dataclass(frozen=True, slots=True)
class StatementView:
    """opening, closing: the account's ledger balance before the first and after the last entry between the instants.
    after, last: those entries' sequences are greater than the one, up to the other. account_id: None without an
    account."""

    account_id: UUID | None
    asset: str
    from_: datetime | None
    to: datetime | None
    opening_minor: int = 0
    closing_minor: int = 0
    after: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class StatementLine:
    sequence: int
    created_at: datetime
    kind: str
    reason: str | None
    note: str | None
    reference: str | None
    amount_minor: int
    balance_minor: int
    transaction_id: UUID
    credit_id: UUID | None


async def accounts_of(
    session: ReadSession, person_id: UUID, asset: str | None, to: datetime | None
) -> list[tuple[UUID, str]]:
    """The accounts, with their assets, that a person's statement up to `to` covers: the survivor's first, then those of
    the records merged by then."""
    return [(row["id"], row["asset"]) for row in await session.fetch(_ACCOUNTS, person_id, asset, to)]


async def statement(
    session: ReadSession, account_id: UUID | None, asset: str, from_: datetime | None, to: datetime | None
) -> StatementView:
    """The statement of entries posted from `from_` on (None: from the beginning) and before `to` (None: up to now)."""
    if account_id is None:
        return StatementView(None, asset, from_, to)
    before = await session.fetch(_LAST_BEFORE, account_id, from_) if from_ is not None else []
    end = await session.fetch(_LAST_BEFORE, account_id, END_OF_TIME if to is None else to)
    after, opening = before[0] if before else (0, 0)
    last, closing = end[0] if end else (0, 0)
    if last < after:  # `to` lies before `from_`: nothing was posted in between
        last, closing = after, opening
    return StatementView(account_id, asset, from_, to, opening, closing, after, last)


def entries_of(view: StatementView) -> Condition:
    """The statement's entries, among the account's."""
    return Condition("t.sequence > {0} and t.sequence <= {1}", (view.after, view.last))


def entries_of_all(views: Sequence[StatementView]) -> Condition:
    """The entries of these statements, among those of all of a person's accounts."""
    return Condition(
        """exists (select 1 from unnest({0}::uuid[], {1}::bigint[], {2}::bigint[]) s(account_id, after, last)
                    where s.account_id = t.account_id and t.sequence > s.after and t.sequence <= s.last)""",
        (tuple(v.account_id for v in views), tuple(v.after for v in views), tuple(v.last for v in views)),
    )


async def lines(session: ReadSession, view: StatementView) -> AsyncIterator[list[StatementLine]]:
    """The statement's lines, up to a thousand at once. Entries never change, so several snapshots may be used: a caller
    that sends them slowly releases the session in between."""
    after = view.after
    while view.account_id is not None and after < view.last:
        rows = await session.fetch(_LINES, view.account_id, after, view.last, LINES_AT_ONCE)
        if not rows:
            return
        after = rows[-1]["sequence"]
        yield [StatementLine(*row) for row in rows]

"""Customers."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from models.customers import READ, CustomerView
from models.lookups import each
from models.reads.keys import id_key, instant_key, integer_key, text_key, time_key
from models.reads.paging import Condition, Listing, Looked, Through
from models.reads.references import Reference
from models.reads.session import ReadSession

_COLUMNS: Final = ", ".join(f"t.{name}" for name in READ)

# For a merged record, its survivor. Under row-level security no index serves a COALESCE, which is not leakproof; a CASE
# is.
_PERSON: Final = """cross join lateral (
    select * from customers c
     where c.tenant_id = $1 and c.id = case when o.merged_into_id is null then o.id else o.merged_into_id end offset 0) t"""
_BY_EXTERNAL_ID: Final = f"select {_COLUMNS} from customers o {_PERSON} where o.tenant_id = $1 and o.external_id = $2"
_BY_IDS: Final = f"""
    select k.id as asked, {_COLUMNS}
      from {each("id uuid")} k join customers o on o.tenant_id = $1 and o.id = k.id {_PERSON}"""


CUSTOMERS: Final = Listing(
    name="customers",
    columns=_COLUMNS,
    table="customers t",
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=CustomerView.of,
    alone="num_nonnulls(t.merged_into_id) <> 1",
)
"""All of a tenant's customers, each person once: the parent is the tenant. `alone` counts as true of nearly all."""


BY_NAME: Final = replace(CUSTOMERS, name="customers|NAME", keys=(text_key("t.search_name"), id_key("t.id")))
"""The same by name in small letters, character by character."""

_STANDING: Final = """(
    select s.tenant_id as standing_tenant, s.customer_id as standing_id, s.asset as standing_asset,
           s.balance_minor as standing_minor, s.active_at as standing_at, s.id as standing_row, c.*
      from standings s
     cross join lateral (select * from customers where tenant_id = $1 and id = s.customer_id offset 0) c
     where s.tenant_id = $1) t"""
# Of a few, the accounts themselves: by customer they have an index.
_ACCOUNTS: Final = _STANDING.replace("standings s", "accounts s").replace("s.active_at", "s.posted_at")
BY_BALANCE: Final = replace(
    CUSTOMERS,
    name="customers|BALANCE",
    table=_STANDING,
    parent="t.standing_tenant",
    keys=(integer_key("t.standing_minor"), id_key("t.standing_id")),
    alone=f"t.standing_asset <> '' and {CUSTOMERS.alone}",
)
"""Customers who have an account in an asset, by its balance as a job has last noted it. For use with `in_asset`."""
BY_ACTIVITY: Final = replace(
    BY_BALANCE,
    name="customers|LAST_ACTIVITY",
    keys=(instant_key("t.standing_at"), id_key("t.standing_id")),
    alone=f"t.standing_asset = '' and {CUSTOMERS.alone}",
)
"""Customers for whom something was ever posted, by when it last was, as a job has noted it."""

BY_REFERENCE: Final = Listing(
    name="customers-by-reference",
    columns=_COLUMNS,
    table="customers t",
    parent="t.tenant_id",
    keys=(text_key("t.reference"), instant_key("t.created_at"), id_key("t.id")),
    view=CustomerView.of,
    alone="num_nonnulls(t.merged_into_id) <> 1",
)
"""All of a tenant's customers that have references, by these."""

BY_THEMSELVES: Final = (CUSTOMERS, BY_NAME, BY_REFERENCE)
"""The lists of which each row is a customer."""


def matching(text: str) -> Condition:
    """Customers whose external id, name, last name or e-mail begins with `text`, in any case; or those of a record
    merged into them.

    A range and not LIKE: only leakproof operators may use an index under row-level security.
    """
    merged = "select m.merged_into_id from customers m where m.tenant_id = $1 and m.merged_into_id is not null"
    return Condition(f"{_begins('t')} or t.id = any(array({merged} and ({_begins('m')})))", (text,))


SEARCHED: Final = ("search_external_id", "search_name", "search_last_name", "search_email")
WORDS: Final = tuple(f"search_word_{place}" for place in range(2, 6))
"""Names from their second, third, fourth and fifth word on."""
PARTS: Final = ("search_email_2", "search_email_3")
"""E-mail addresses from the second and third part of what is before the @."""
DOMAIN: Final = "search_domain"
TAILS: Final = tuple(f"search_tail_{length}" for length in range(3, 9))
"""The last characters of external ids that are longer: what stands in one of these stands within the id."""
LEAST_WITHIN: Final = 3
"""Characters that are also looked for within external ids."""
FEW_FOUND: Final = 1_000
"""Customers that a search takes by their ids, in any order of the list."""
MOST_READ: Final = 4 * (FEW_FOUND + 1)
"""Rows that a search reads, in which a customer stands once for each way in which they are found."""


async def found_by_beginning(session: ReadSession, text: str) -> tuple[UUID, ...] | None:
    """The ids of those that are `matching`; None if they are more than FEW_FOUND."""
    return await _few(session, text, SEARCHED)


async def found(session: ReadSession, text: str) -> tuple[UUID, ...] | None:
    """The ids of the people whose external id, a word of whose name, or a part of whose e-mail address begins with the text,
    in any case, or whose external id has it among its last eight characters; also by a record merged into theirs. None if
    they are more than FEW_FOUND: then `contains` says it of rows that are looked at.

    Each way is a range of its own index, and no more of all of them is read than that takes.
    """
    return await _few(session, text, _searched(text))


async def _few(session: ReadSession, text: str, columns: Iterable[str]) -> tuple[UUID, ...] | None:
    rows = await session.fetch(_ids(columns, "$2", "$3"), text, FEW_FOUND + 1)
    if len(rows) > FEW_FOUND or (rows and rows[0]["read"] == MOST_READ):
        return None
    return tuple(row["id"] for row in rows)


def found_within(text: str) -> Condition:
    """Of the lists BY_THEMSELVES: what `found` finds, looked up by the list's own statement. Nobody, where that finds none
    or too many: an empty page does not say which."""
    few = f"count(*) <= {FEW_FOUND} and max(f.read) < {MOST_READ}"
    ids = f"select case when {few} then array_agg(f.id) end from ({_ids(_searched(text), '{0}', '{1}')}) f"
    return Condition(f"t.id = any(({ids})::uuid[])", (text, FEW_FOUND + 1))


def _ids(columns: Iterable[str], given: str, most: str) -> str:
    """The statement: each id once, and how many rows it read for all of them."""
    ways = " union all ".join(
        _FOUND.format(column=column, range=_RANGE.format(column=column, text=given), most=most) for column in columns
    )
    read = f"select id, count(*) over () as read from (select id from ({ways}) w limit {MOST_READ}) f"
    return f"select distinct id, read from ({read}) g"


def among(listing: Listing[CustomerView], ids: tuple[UUID, ...]) -> tuple[Listing[CustomerView], tuple[Condition, ...]]:
    """The list of these alone, in its order, and the condition for it: by their ids, however many others there are."""
    if listing not in (BY_BALANCE, BY_ACTIVITY):
        return listing, (Condition("t.id = any({0}::uuid[])", (ids,)),)
    each_of = Through("(select u.id from unnest({0}::uuid[]) u(id)) b", "b.id", values=(ids,))
    if listing is BY_ACTIVITY:
        return replace(listing, through=each_of, parent="t.standing_row"), ()
    return replace(listing, through=each_of, parent="t.standing_id", table=_ACCOUNTS), ()


def contains(text: str) -> Condition:
    """The same as of `found`, of each row by itself."""
    merged = "select m.merged_into_id from customers m where m.tenant_id = $1 and m.merged_into_id = t.id"
    own, theirs = (
        " or ".join(_RANGE.format(column=f"{of}.{name}", text="{0}") for name in _searched(text)) for of in "tm"
    )
    return Looked(f"({own}) or exists ({merged} and ({theirs}))", (text,), "search")


def _searched(text: str) -> tuple[str, ...]:
    """The columns one of which begins with it: not those that cannot."""
    tails = tuple(tail for tail in TAILS if LEAST_WITHIN <= len(text) <= int(tail.rpartition("_")[2]))
    parts = () if " " in text else PARTS if "@" in text else (*PARTS, DOMAIN)
    return (*SEARCHED, *WORDS, *parts, *tails)


_RANGE: Final = "({column} >= lower({text}) and {column} < lower({text}) || U&'\\+10FFFF')"
_FOUND: Final = """(
    select case when merged_into_id is null then id else merged_into_id end as id from customers
     where tenant_id = $1 and {range} order by {column} limit {most})"""


def referenced(reference: Reference) -> Condition:
    """Customers that have the reference; or, of a whole one, those of a record merged into them."""
    has = reference.of("t.reference")
    if reference.begins:
        return has
    merged = f"""select m.merged_into_id from customers m where m.tenant_id = $1 and m.merged_into_id is not null
        and {reference.of("m.reference").sql}"""
    return Condition(f"({has.sql} or t.id = any(array({merged})))", has.values)


def with_membership(statuses: Collection[str], grace_began: datetime) -> Condition:
    """Customers whose membership is in one of these states. grace_began: what was cancelled before this instant has
    ended."""
    sql = """case when t.membership_cancelled_at is null then
                       case when t.membership_started_at is not null then 'ACTIVE' end
                  when t.membership_cancelled_at >= {0} then 'CANCELLED' else 'ENDED' end = any({1}::text[])"""
    return Looked(sql, (grace_began, tuple(sorted(set(statuses)))), "membership")


def in_asset(asset: str) -> Condition:
    """Of the list by balance: in this asset."""
    return Condition("t.standing_asset = {0}", (asset,))


def standing(low: int, high: int) -> Condition:
    """Of the list by balance: at least and at most so much."""
    return Condition("t.standing_minor >= {0} and t.standing_minor <= {1}", (low, high))


def inactive_since(instant: datetime) -> Condition:
    """Customers on whose accounts something was posted before the instant, and nothing since."""
    posted = (
        "exists (select 1 from accounts o where o.tenant_id = $1 and o.customer_id = t.id and o.posted_at {} {{0}})"
    )
    sql = f"{posted.format('<')} and not {posted.format('>=')}"
    return Looked(sql, (instant,), "lastActivityAt", until=instant)


def expiring(now: datetime, until: datetime) -> Condition:
    """Customers with something left, of any asset, that expires after `now` and not after `until`."""
    sql = """exists (select 1 from accounts o where o.tenant_id = $1 and o.customer_id = t.id and exists (
        select 1 from credits c where c.tenant_id = $1 and c.account_id = o.id and c.open
           and c.expires_at > {0} and c.expires_at <= {1}))"""
    return Looked(sql, (now, until), "expiringBefore")


def _begins(table: str) -> str:
    columns = [f"{table}.search_{name}" for name in ("external_id", "name", "last_name", "email")]
    return " or ".join(f"({name} >= lower({{0}}) and {name} < lower({{0}}) || U&'\\+10FFFF')" for name in columns)


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, CustomerView]:
    """The person that each id names: for a merged record, its survivor."""
    return {row["asked"]: CustomerView.of(row) for row in await session.look_up(_BY_IDS, ids, by=("asked",))}


async def by_external_id(session: ReadSession, external_id: str) -> CustomerView | None:
    """The person with this external id: for a merged record, its survivor."""
    rows = await session.fetch(_BY_EXTERNAL_ID, external_id)
    return CustomerView.of(rows[0]) if rows else None


async def ids_of(session: ReadSession, external_ids: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing records among these, by external id."""
    sql = "select external_id, id from customers where tenant_id = $1 and external_id = any($2::text[])"
    return {row["external_id"]: row["id"] for row in await session.fetch(sql, list(external_ids))}

"""Credits: those named, and as many open ones of an account as its spends need. Read under the accounts' locks."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from models.commands import Actor
from models.loading.accounts import homes_of, in_order
from models.lookups import each
from models.money import MAX_AMOUNT_MINOR
from models.planning.applying import applying_on
from models.planning.burn_order import in_burn_order
from models.planning.calendar import local_date, start_of_day
from models.planning.columns import maker, selected
from models.planning.credits import is_open, serves
from models.planning.lots import Lots
from models.planning.needs import Needs, Spend
from models.planning.spend_rows import SpendRecord, SpendState
from models.planning.state import Books, CreditState
from models.session import TenantConnection
from turns.slices import each_in_slices, in_slices
from turns.steps import Steps

CREDITS_PER_LOAD: Final = (16, 256, 8_192, 262_144, 8_388_608)
"""Number of an account's open credits to look at first, and each time that those were too few."""

_SERVICES: Final = """CASE WHEN c.restricted THEN ARRAY(SELECT s.service_id FROM credit_services s
        WHERE s.tenant_id = $1 AND s.credit_id = c.id ORDER BY 1) ELSE '{}' END"""
_CREDIT_COLUMNS: Final = selected(CreditState, "c", service_ids=_SERVICES)
# No coalesce in a look-up: it might leak, so that row security would not let it near the index.
_WITH_SOURCE: Final = f"""{_CREDIT_COLUMNS}, coalesce(
        (SELECT s.source_id FROM transferred_credits s
            WHERE s.tenant_id = $1 AND s.id = CASE WHEN c.origin_id IS NULL THEN c.id ELSE c.origin_id END),
        (SELECT o.transaction_id FROM credits o WHERE o.tenant_id = $1 AND o.id = c.origin_id),
        c.transaction_id) AS source_id"""
_NONE: Final[Mapping[UUID, CreditState]] = {}
BESIDE: Final = "lot_"
"""Prefix of a credit's column names in a row of something else."""
BESIDE_COLUMNS: Final = selected(CreditState, "c", prefix=BESIDE, service_ids=_SERVICES)
"""Of the credit `c`."""


def credit_of(asked: str) -> str:
    """A FROM item: the credit `c` of this id in SQL, in any state; for one moved by merges, its latest successor."""
    return f"""CROSS JOIN LATERAL (
            SELECT id, origin_id, successor_id FROM credits WHERE tenant_id = $1 AND id = {asked} OFFSET 0
        ) AS f
        CROSS JOIN LATERAL (
            SELECT * FROM credits WHERE tenant_id = $1 AND id = CASE WHEN f.successor_id IS NULL THEN f.id ELSE (
                SELECT n.id FROM credits n WHERE n.tenant_id = $1
                    AND n.origin_id = CASE WHEN f.origin_id IS NULL THEN f.id ELSE f.origin_id END
                    AND n.successor_id IS NULL) END OFFSET 0
        ) AS c"""


async def lots_of_same(connection: TenantConnection, ids: set[UUID]) -> list[UUID]:
    """The credits, with all that preceded or succeeded them in merges."""
    if not ids:
        return []
    rows = await connection.raw.fetch(
        f"""WITH roots AS MATERIALIZED (
            SELECT DISTINCT coalesce(c.origin_id, c.id) AS id FROM {each("id uuid")} k
            JOIN credits c ON c.tenant_id = $1 AND c.id = k.id)
        SELECT id FROM roots UNION SELECT c.id FROM roots r CROSS JOIN LATERAL (
            SELECT id FROM credits WHERE tenant_id = $1 AND origin_id = r.id OFFSET 0) AS c""",
        connection.tenant_id,
        in_order(ids),
    )
    return [row["id"] for row in rows]


async def load_spend_records(connection: TenantConnection, transactions: set[UUID]) -> list[SpendRecord]:
    """Read the stored amounts that these transactions took from each credit."""
    rows = await connection.raw.fetch(
        f"""SELECT e.transaction_id, e.sequence, e.credit_id, -e.amount_minor AS taken_minor, e.lifetime_minor
        FROM {each("id uuid")} k JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = k.id
        WHERE e.amount_minor < 0 ORDER BY e.account_id, e.sequence""",
        connection.tenant_id,
        sorted(transactions),
    )
    return await each_in_slices(maker(SpendRecord, rows), rows)


async def load_opened(connection: TenantConnection, transactions: set[UUID]) -> dict[UUID, UUID]:
    """The credit that each of these adjustments has opened, by the id that it was opened with."""
    rows = await connection.raw.fetch(
        f"""SELECT e.transaction_id, e.credit_id FROM {each("id uuid")} k CROSS JOIN LATERAL (
            SELECT transaction_id, credit_id, counter FROM entries WHERE tenant_id = $1 AND transaction_id = k.id OFFSET 0
        ) AS e WHERE e.counter = 'ISSUED'""",
        connection.tenant_id,
        in_order(transactions),
    )
    return {row["transaction_id"]: row["credit_id"] for row in rows}


async def load_spends(connection: TenantConnection, transactions: set[UUID]) -> dict[UUID, SpendState]:
    """Read these transactions with their actors, those of the holds that they captured, and how much of each has been given
    back."""
    rows = await connection.raw.fetch(
        f"""SELECT t.id, t.kind, a.subject, a.role, nullif(a.client, '') AS client,
            coalesce(r.given_minor, 0) AS given_minor,
            h.subject AS held_subject, h.role AS held_role, nullif(h.client, '') AS held_client
        FROM {each("id uuid")} k JOIN transactions t ON t.tenant_id = $1 AND t.id = k.id
        CROSS JOIN LATERAL (
            SELECT subject, role, client FROM actors WHERE tenant_id = $1 AND id = t.actor_id OFFSET 0
        ) AS a
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor)::bigint AS given_minor FROM refunds WHERE tenant_id = $1 AND spend_id = k.id OFFSET 0
        ) AS r ON true
        LEFT JOIN LATERAL (
            SELECT a.subject, a.role, a.client FROM (
                SELECT hold_id FROM hold_lots WHERE tenant_id = $1 AND transaction_id = k.id OFFSET 0
            ) AS l
            CROSS JOIN LATERAL (SELECT actor_id FROM transactions WHERE tenant_id = $1 AND id = l.hold_id OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT subject, role, client FROM actors WHERE tenant_id = $1 AND id = p.actor_id OFFSET 0
            ) AS a LIMIT 1
        ) AS h ON true""",
        connection.tenant_id,
        sorted(transactions),
    )
    return {
        row["id"]: SpendState(
            row["id"],
            row["kind"],
            Actor(row["subject"], row["role"], row["client"]),
            row["given_minor"],
            Actor(row["held_subject"], row["held_role"], row["held_client"]) if row["held_subject"] else None,
        )
        for row in rows
    }


async def load_credits(
    connection: TenantConnection, books: Books, needs: list[Needs], known: Mapping[UUID, CreditState] = _NONE
) -> None:
    """Read the named credits, and as many open ones of each account as its spends need. known: by id, named ones that were
    read with something else."""
    spends: dict[UUID, list[Spend]] = {}
    for spend in (s for n in needs for s in n.spends):
        account = books.accounts.get(spend.account)
        if account is not None and spend.amount_minor > 0:
            spends.setdefault(account.id, []).append(spend)
    named = {credit_id for n in needs for credit_id in n.credits}
    named.update(assignment.credit_id for assignment in books.assignments.values())
    named.update(credit_id for invoice in books.invoices.values() for credit_id in invoice.grants)
    named.update(record.credit_id for record in books.spend_records)
    named.update(books.opened.values())
    named.update(part.credit_id for note in books.credit_notes.values() for part in note.parts)
    named.update(part.credit_id for hold in books.holds.values() for part in hold.parts)
    columns = _WITH_SOURCE if any(n.transfers for n in needs) else _CREDIT_COLUMNS
    wanting = set(spends)
    for most in CREDITS_PER_LOAD:
        if not wanting:
            break
        searches = {a: _search(books, a, spends[a], named) for a in sorted(wanting)}
        lots = await _open_credits(connection, books, columns, searches, most)
        books.credits.update((account_id, Lots(found)) for account_id, found in lots.items())
        full = {a: lots[a] for a in wanting if len(lots.get(a, ())) == most}
        wanting = await in_slices(_still_wanting(books, full, spends, named))
    await in_slices(_note_ids(books))
    missing = named - books.credits_by_id.keys()
    found = {asked: known[asked] for asked in missing if asked in known}
    if others := missing - known.keys():
        found |= await credits_by_id(connection, others, columns)
    _note_named(books, found)
    if elsewhere := {credit.account_id for credit in found.values()} - books.accounts_by_id.keys():
        books.homes.update(await homes_of(connection, elsewhere))


def _still_wanting(
    books: Books, full: dict[UUID, list[CreditState]], spends: dict[UUID, list[Spend]], named: set[UUID]
) -> Steps[set[UUID]]:
    """The accounts whose spends need more credits than were loaded."""
    wanting = set()
    for account_id, found in full.items():
        # Other units of the batch may take from named credits: a spend cannot count on them.
        counted = [lot for lot in found if lot.id not in named] if named else found
        if not (yield from _enough(books, counted, spends[account_id])):
            wanting.add(account_id)
    return wanting


def _note_ids(books: Books) -> Steps[None]:
    for lots in books.credits.values():
        for credit in lots.credits:
            books.credits_by_id[credit.id] = credit
            yield


def _note_named(books: Books, named: Mapping[UUID, CreditState]) -> None:
    """Credits by the id that was asked for; one moved by a merge is found under either id."""
    for asked, credit in named.items():
        _note_held(books, credit)
        lot = books.credits_by_id.setdefault(credit.id, credit)
        books.credits_by_id[asked] = lot
        if asked != lot.id:
            books.other_ids[lot.id] = (*books.other_ids.get(lot.id, ()), asked)


async def load_all_open(connection: TenantConnection, books: Books, accounts: set[UUID]) -> None:
    """Read every credit of these accounts with a remainder, started or not, expired or not."""
    rows = await connection.raw.fetch(
        f"""SELECT {_CREDIT_COLUMNS} FROM {each("account_id uuid")} k CROSS JOIN LATERAL (
            SELECT * FROM credits WHERE tenant_id = $1 AND account_id = k.account_id AND open ORDER BY expires_at OFFSET 0
        ) AS c
        ORDER BY c.account_id, {in_burn_order("c")}""",
        connection.tenant_id,
        sorted(accounts),
    )
    for account_id, found in (await in_slices(_by_account(books, rows))).items():
        books.credits[account_id] = Lots(found)
    await in_slices(_note_ids(books))


def _enough(books: Books, lots: list[CreditState], spends: list[Spend]) -> Steps[bool]:
    """Whether the loaded credits, in burn order, cover all of the account's spends one after another."""
    most = sum(spend.amount_minor for spend in spends)
    kinds = {(spend.service_ids, spend.auto_apply, spend.issued_on) for spend in spends}
    for kind in kinds:
        counts, found = _counts(books, *kind), 0
        for lot in lots:
            found += lot.free_minor if counts(lot) else 0
            if found >= most:
                break
            yield
        if found < most:
            return False
    return True


def _counts(
    books: Books, service_ids: tuple[UUID, ...], auto_apply: bool, issued_on: date | None
) -> Callable[[CreditState], bool]:
    """A test whether a spend of this kind can take from a credit."""
    if auto_apply:
        applies = applying_on(_day(books, issued_on), books.config.zone)
        return lambda lot: is_open(lot, books.now) and applies(lot)
    return lambda lot: is_open(lot, books.now) and (not service_ids or serves(lot, service_ids))


def _day(books: Books, issued_on: date | None) -> date:
    return issued_on or local_date(books.now, books.config.zone)


class _Search(NamedTuple):
    """Which open credits of an account to read. latest, began: the latest of the invoices' days, and the start of the
    earliest, if only credits that apply themselves then are wanted. enough_minor: no more once they come to that."""

    latest: date | None = None
    began: datetime | None = None
    enough_minor: int | None = None


def _search(books: Books, account_id: UUID, spends: list[Spend], named: Collection[UUID]) -> _Search:
    """The search for what the account's spends need.

    If all take only auto-applying credit, credits that do not apply then are not read: an old invoice does not load all
    later credit. And where each credit that is read counts with all that is left of it, only as many are as are needed.
    Both only if no credit is named, because other units of the batch may take from a named one, or change whether it
    applies.
    """
    if named:
        return _Search()
    latest, began = None, None
    if all(spend.auto_apply for spend in spends):
        days = [_day(books, spend.issued_on) for spend in spends]
        latest, began = max(days), start_of_day(min(days), books.config.zone)
    alike = len({(spend.service_ids, spend.auto_apply, spend.issued_on) for spend in spends}) == 1
    if not alike or spends[0].service_ids or books.accounts_by_id[account_id].held is not None:
        return _Search(latest, began)
    # No account has more than the maximum, and many rows of a bulk may be more than fits.
    return _Search(latest, began, min(sum([spend.amount_minor for spend in spends]), MAX_AMOUNT_MINOR))


async def _open_credits(
    connection: TenantConnection, books: Books, columns: str, searches: dict[UUID, _Search], most: int
) -> dict[UUID, list[CreditState]]:
    """Of the first `most` open credits of each account, in burn order, those that are searched."""
    rows = await connection.raw.fetch(
        f"""SELECT {columns}
        FROM unnest($2::uuid[], $5::date[], $6::timestamptz[], $7::bigint[]) AS k(account_id, latest, began, enough)
        CROSS JOIN LATERAL (
            SELECT f.*, sum(f.remaining_minor) OVER (ORDER BY {in_burn_order("f")} ROWS UNBOUNDED PRECEDING) AS so_far
            FROM (
                SELECT * FROM credits o WHERE o.tenant_id = $1 AND o.account_id = k.account_id AND o.open
                    AND o.starts_at <= greatest($3, o.created_at) AND (o.expires_at IS NULL OR o.expires_at > $3)
                    AND (k.latest IS NULL OR o.auto_apply AND o.effective_on <= k.latest
                        AND (o.expires_at IS NULL OR o.expires_at > k.began))
                ORDER BY {in_burn_order("o")} LIMIT $4
            ) AS f
        ) AS c
        WHERE k.enough IS NULL OR c.so_far - c.remaining_minor < k.enough
        ORDER BY c.account_id, {in_burn_order("c")}""",
        connection.tenant_id,
        list(searches),
        books.now,
        most,
        *zip(*searches.values(), strict=True),
    )
    return await in_slices(_by_account(books, rows))


def _by_account(books: Books, rows: list[Any]) -> Steps[dict[UUID, list[CreditState]]]:
    lots: dict[UUID, list[CreditState]] = {}
    make = maker(CreditState, rows)
    for row in rows:
        credit = make(row)
        _note_held(books, credit)
        lots.setdefault(credit.account_id, []).append(credit)
        yield
    return lots


def _note_held(books: Books, credit: CreditState) -> None:
    """Set on the credit what is held of it."""
    account = books.accounts_by_id.get(credit.account_id)
    if account is not None and account.held is not None:
        credit.held_minor = account.held.of_credits.get(credit.id, 0)


async def credits_by_id(
    connection: TenantConnection, ids: set[UUID], columns: str = _CREDIT_COLUMNS
) -> dict[UUID, CreditState]:
    """Read credits in any state, by the requested id; for one moved by merges, its latest successor."""
    rows = await connection.raw.fetch(
        f"SELECT k.id AS asked, {columns} FROM {each('id uuid')} k {credit_of('k.id')}",
        connection.tenant_id,
        in_order(ids),
    )
    credit = maker(CreditState, rows)
    return dict(await each_in_slices(lambda row: (row["asked"], credit(row)), rows))

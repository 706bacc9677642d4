"""The rows that a unit needs locked and loaded before it can be planned. Plain values, merged over a batch."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from models.frozen import frozen
from models.planning.state import AccountKey


@frozen
class Spend:
    """Enough open credits of this account, in burn order, to take `amount_minor` for one of `service_ids` (empty: any).

    auto_apply: count only credits that apply themselves to an invoice of `issued_on`, or of today if that is None.
    """

    account: AccountKey
    amount_minor: int
    service_ids: tuple[UUID, ...] = ()
    auto_apply: bool = False
    issued_on: date | None = None


@frozen
class Needs:
    """customers: locked against an erasure and a merge, like the customers of all accounts. accounts: locked.
    opens_accounts: opened if missing. limited: (customer, asset) whose day counters apply. spending: those whose day
    counters of what is spent apply. sells: currencies in which credit may be sold, if day counters of sales apply.

    credits: loaded in any state. assignments: by id; assigned_credits, assigned_invoices: all live assignments from
    these credits, or on these invoices. reversed_transactions: those whose spends are to be undone. given_back: those of
    which a part may have been given back before, and more is to be. holds: by id, live or not; all_holds: those too that
    are live on the accounts, holds_for: those of them that are for these invoices. revives: what has expired of the
    credits may be put back. transfers: the credits may be moved to another customer. merges: customers to be merged,
    locked exclusively; with all accounts of the first and their remainders, and today's counters of both.
    as_records: the customers are meant as records, merged or not. invoice_numbers: looked up, so that a duplicate can
    be refused. paid_invoices: whose payments in money are loaded, too. lines: of invoices. credit_notes: to be voided.
    approvals: requests to be approved; locked last. bulk_rows: rows of bulks to be taken back, unless they were; opened_by:
    the transactions whose credit is.
    """

    customers: tuple[UUID, ...] = ()
    accounts: tuple[AccountKey, ...] = ()
    opens_accounts: bool = False
    spends: tuple[Spend, ...] = ()
    credits: tuple[UUID, ...] = ()
    limited: tuple[AccountKey, ...] = ()
    invoices: tuple[UUID, ...] = ()
    invoice_numbers: tuple[str, ...] = ()
    rewards: tuple[UUID, ...] = ()
    assignments: tuple[UUID, ...] = ()
    assigned_credits: tuple[UUID, ...] = ()
    assigned_invoices: tuple[UUID, ...] = ()
    payments: tuple[UUID, ...] = ()
    reversed_transactions: tuple[UUID, ...] = ()
    given_back: tuple[UUID, ...] = ()
    paid_invoices: tuple[UUID, ...] = ()
    lines: tuple[UUID, ...] = ()
    credit_notes: tuple[UUID, ...] = ()
    holds: tuple[UUID, ...] = ()
    all_holds: bool = False
    holds_for: tuple[UUID, ...] = ()
    coupons: tuple[UUID, ...] = ()
    products: tuple[UUID, ...] = ()
    merges: tuple[UUID, ...] = ()
    as_records: bool = False
    approvals: tuple[UUID, ...] = ()
    sells: tuple[str, ...] = ()
    spending: tuple[AccountKey, ...] = ()
    bulk_rows: tuple[UUID, ...] = ()
    opened_by: tuple[UUID, ...] = ()
    revives: bool = False
    transfers: bool = False


def merge(needs: Iterable[Needs]) -> Needs:
    """Merge the needs of many into one: a bulk's rows together."""
    everything = tuple(needs)
    return Needs(
        customers=tuple(c for n in everything for c in n.customers),
        accounts=tuple(a for n in everything for a in n.accounts),
        opens_accounts=any(n.opens_accounts for n in everything),
        spends=tuple(s for n in everything for s in n.spends),
        credits=tuple(c for n in everything for c in n.credits),
        limited=tuple(a for n in everything for a in n.limited),
    )

"""Books that nobody has to load: what a planner is given, drawn by Hypothesis, and looked at from outside."""

import copy
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from models.commands import Actor, AdjustCredit, BulkCredit, BulkItem, Command, GiveReward, RecordPayment
from models.money import POINTS, SERVICE_CREDITS, to_decimal
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.burn_order import burn_key
from models.planning.calendar import local_date
from models.planning.config import LimitRuleValues, ReasonRule, TenantConfig, TierRule
from models.planning.credits import is_open
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.limits import MONEY
from models.planning.lots import Lots
from models.planning.reward_rows import RewardState
from models.planning.state import AccountState, Books, CounterState, CreditState, CustomerState, InvoiceState

NOW: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)
LONDON: Final = ZoneInfo("Europe/London")
ASSETS: Final = ("GBP", "JPY", POINTS, SERVICE_CREDITS)
ANNA, BEN, NOBODY = UUID(int=1), UUID(int=2), UUID(int=3)
TEA, CAKE = UUID(int=11), UUID(int=12)
MANAGER, STAFF = Actor("maria", "MANAGER"), Actor("sam", "STAFF")
REASONS: Final = {
    r.code: r
    for r in (
        ReasonRule("GOODWILL", True, False, True, False, True),
        ReasonRule("POLICY", False, True, True, False, True),
        ReasonRule("CORRECTION", True, True, True, False, True),
        ReasonRule("REFUND", True, True, False, False, True),
        ReasonRule("OTHER", True, True, True, True, True),
    )
}
CONFIG: Final = TenantConfig(
    tenant_id=UUID(int=99),
    version=1,
    zone=LONDON,
    grace_days=60,
    approval_lifetime=timedelta(days=7),
    reasons=REASONS,
    services={TEA: True, CAKE: True},
    tiers=(TierRule("Silver", 100), TierRule("Gold", 1000)),
    limits={
        ("STAFF", asset, ""): LimitRuleValues("STAFF", asset, "", Decimal(100), Decimal(500), Decimal(200))
        for asset in (MONEY, POINTS, SERVICE_CREDITS)
    },
)


class Numbers:
    """Ids, salts and codes in turn."""

    def __init__(self) -> None:
        self.last = 10**6

    def new_id(self) -> UUID:
        self.last += 1
        return UUID(int=self.last)

    def new_salt(self) -> bytes:
        return bytes(16)

    def new_coupon_code(self) -> str:
        return f"C{self.new_id().int}"

    def new_secret(self) -> bytes:
        return bytes(32)


@st.composite
def credit_states(draw: st.DrawFn, number: int, account_id: UUID, asset: str) -> CreditState:
    """One credit, perhaps used up, scheduled, expired or restricted."""
    amount = draw(st.integers(1, 500))
    created = NOW - timedelta(days=draw(st.integers(1, 30)))
    starts = created if draw(st.booleans()) else NOW + timedelta(days=draw(st.integers(-40, 9)), seconds=1)
    expires = draw(st.none() | st.integers(-5, 9).map(lambda days: NOW + timedelta(days=days)))
    if expires is not None and expires <= starts:
        expires = starts + timedelta(days=1)
    services = draw(st.sets(st.sampled_from((TEA, CAKE)))) if asset == SERVICE_CREDITS else set[UUID]()
    return CreditState(
        id=UUID(int=1000 + number),
        account_id=account_id,
        transaction_id=UUID(int=7),
        amount_minor=amount,
        remaining_minor=draw(st.integers(0, amount)),
        effective_on=local_date(starts, LONDON),
        starts_at=starts,
        expires_at=expires,
        service_ids=tuple(sorted(services)),
        auto_apply=draw(st.booleans()),
        created_at=created,
    )


@st.composite
def all_books(draw: st.DrawFn) -> Books:
    """Two customers with accounts in every asset, invoices, and a reward; right to the penny."""
    books = Books(config=CONFIG, now=NOW, source=Numbers())
    for n, customer in enumerate((ANNA, BEN)):
        books.customers[customer] = CustomerState(customer, None)
        for m, asset in enumerate(ASSETS):
            _add_account(draw, books, customer, asset, UUID(int=100 + 10 * n + m))
        _add_invoice(draw, books, customer, UUID(int=200 + n))
    stock = draw(st.none() | st.integers(0, 3))
    books.rewards[UUID(int=300)] = RewardState(UUID(int=300), {}, draw(st.integers(0, 400)), None, stock, True)
    return books


def _add_account(draw: st.DrawFn, books: Books, customer: UUID, asset: str, account_id: UUID) -> None:
    number = draw(st.integers(0, 4))
    lots = [draw(credit_states(account_id.int * 10 + k, account_id, asset)) for k in range(number)]
    account = AccountState(
        account_id,
        customer,
        asset,
        balance_minor=sum(lot.remaining_minor for lot in lots),
        lifetime_minor=draw(st.integers(0, 1200)),
        sequence=number,
        head_hash=None,
        posted_at=None,
        scheduled_minor=scheduled(lots),
        expired_minor=expired(lots),
    )
    books.accounts[customer, asset] = books.accounts_by_id[account_id] = account
    books.credits[account_id] = Lots(sorted((lot for lot in lots if lot.remaining_minor), key=burn_key))
    books.credits_by_id.update({lot.id: lot for lot in lots})
    day = local_date(NOW, LONDON)
    for scope, holder in (("PER_ACTOR_DAY", STAFF.subject), ("PER_CUSTOMER_DAY", str(customer))):
        key = (scope, "STAFF", holder, asset, day)
        if key not in books.counters:
            books.counters[key] = CounterState(UUID(int=400 + len(books.counters)), draw(st.integers(0, 600)))


def _add_invoice(draw: st.DrawFn, books: Books, customer: UUID, invoice_id: UUID) -> None:
    total = draw(st.integers(1, 600))
    paid = draw(st.integers(0, total))
    status = "PAID" if paid == total else "PART_PAID" if paid else "OPEN"
    known: dict[str, Any] = {
        "id": invoice_id,
        "number": str(invoice_id.int),
        "customer_id": customer,
        "currency": "GBP",
        "total_minor": total,
        "creditable_minor": total,
        "paid_minor": paid,
        "credited_minor": 0,
        "status": status,
        "issued_on": local_date(NOW, LONDON),
        "due_on": None,
        "kind": "INVOICE",
    }
    books.invoices[invoice_id] = InvoiceState(**known)


def scheduled(lots: list[CreditState]) -> int:
    return sum(lot.remaining_minor for lot in lots if lot.starts_at > NOW)


def expired(lots: list[CreditState]) -> int:
    return sum(lot.remaining_minor for lot in lots if lot.expires_at is not None and lot.expires_at <= NOW)


def lots_of(books: Books, account: AccountState) -> list[CreditState]:
    """Every credit of the account that the books know of."""
    return [lot for lot in books.credits_by_id.values() if lot.account_id == account.id]


def open_lots(books: Books, account: AccountState) -> list[CreditState]:
    """What can be spent of it, in burn order."""
    return sorted((lot for lot in lots_of(books, account) if is_open(lot, NOW)), key=burn_key)


def snapshot(books: Books) -> dict[str, Any]:
    """Everything in the books, down to the last list, but for the way back."""
    return copy.deepcopy(
        {
            item.name: getattr(books, item.name)
            for item in fields(books)
            if item.name not in ("source", "config", "_rollback")
        }
    )


# Commands

_minor = st.integers(1, 700)
_customers = st.sampled_from((ANNA, ANNA, BEN, BEN, NOBODY))


@st.composite
def adjustments(draw: st.DrawFn, *, sign: Callable[[st.DrawFn], int] | None = None) -> AdjustCredit:
    asset = draw(st.sampled_from(ASSETS))
    signed = sign(draw) if sign else draw(st.sampled_from((1, -1)))
    amount = to_decimal(draw(_minor) * signed, asset)
    more: dict[str, Any] = {}
    if asset == SERVICE_CREDITS:
        more["service_ids"] = tuple(draw(st.sets(st.sampled_from((TEA, CAKE)))))
    if signed > 0 and draw(st.booleans()):
        more["expires_in_days"] = draw(st.integers(0, 400))
    if signed > 0 and draw(st.booleans()):
        more["effective_on"] = local_date(NOW, LONDON) + timedelta(days=draw(st.integers(-9, 9)))
    if signed < 0 and draw(st.booleans()):
        more["credit_id"] = UUID(int=draw(st.integers(2000, 2200)))
    reason = draw(st.sampled_from(tuple(REASONS)))
    note = draw(st.sampled_from((None, "x")))
    return AdjustCredit(draw(_customers), asset, amount, reason, note, request_approval=draw(st.booleans()), **more)


@st.composite
def other_commands(draw: st.DrawFn) -> Command:
    customer = draw(_customers)
    pounds = to_decimal(draw(_minor), "GBP")
    invoice = UUID(int=draw(st.sampled_from((200, 201, 999))))
    match draw(st.sampled_from(("bulk", "assign", "reward", "invoice", "payment"))):
        case "bulk":
            amounts_of_rows = draw(st.lists(st.integers(-300, 300), max_size=4))
            return BulkCredit(
                tuple(BulkItem(draw(_customers), Decimal(amount)) for amount in amounts_of_rows),
                draw(st.sampled_from(ASSETS)),
                "CORRECTION",
                dry_run=draw(st.booleans()),
                error_policy=draw(st.sampled_from(("REJECT_ALL", "SKIP_FAILED"))),
            )
        case "assign":
            credit = UUID(int=draw(st.integers(2000, 2200)))
            amounts = st.none() | _minor.map(lambda minor: to_decimal(minor, "GBP"))
            return AssignCredit(credit, (InvoiceAmount(invoice, draw(amounts)),) * draw(st.sampled_from((1, 1, 2))))
        case "reward":
            return GiveReward(customer, UUID(int=draw(st.sampled_from((300, 301)))), draw(st.booleans()))
        case "invoice":
            number = draw(st.sampled_from(("A1", "A2", "")))
            lines = (InvoiceLineItem("Tea", draw(st.integers(0, 3)), pounds),)
            return CreateInvoice(customer, number, "GBP", lines, auto_apply=draw(st.booleans()))
        case _:
            return RecordPayment(invoice, pounds, draw(st.sampled_from(("CASH", "BARTER"))))

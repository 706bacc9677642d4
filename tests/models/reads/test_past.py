"""The past as it was: at random instants of a random story, each figure is worked out again, credit by credit.

What was answered while the story went on is compared too: a balance in the past is what it was then.
"""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.commands import Outcome
from models.errors import LedgerError
from models.operations.expire import expire_credits
from models.operations.releasing import release_assignments, update_credit, void_credit, void_invoice
from models.planning.releasing import ReleaseAssignments, UpdateCredit, VoidCredit, VoidInvoice
from models.reads import accounts, liability
from models.reads.accounts import BalanceView
from models.reads.session import ReadSession
from tests.support.tenants import MANAGER, Tenant

STEPS = 120
INSTANTS = 60
ASSETS = ("GBP", "POINTS")
EVENTS = ("add", "add", "later", "spend", "spend", "invoice", "release", "void", "change", "change", "sweep")


@dataclass
class Lot:
    """A credit as the rows tell of it. expiries: until when it said so, and what; the last for ever."""

    id: UUID
    account_id: UUID
    starts_at: datetime
    expiries: list[tuple[datetime | None, datetime | None]]
    moves: list[tuple[datetime, int]]

    def left(self, at: datetime) -> int:
        return sum(amount for when, amount in self.moves if when <= at)

    def expiry(self, at: datetime) -> datetime | None:
        return next(expiry for until, expiry in self.expiries if until is None or at < until)

    def expired(self, at: datetime) -> bool:
        expiry = self.expiry(at)
        return expiry is not None and expiry <= at


class Story:
    """Random events of a few customers, and what was answered on the way."""

    def __init__(self, tenant: Tenant, seed: int) -> None:
        self.tenant = tenant
        self.dice = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.customers: list[UUID] = []
        self.said: list[tuple[UUID, datetime, int, int]] = []

    async def tell(self) -> None:
        self.customers = [await self.tenant.customer(name=f"C{n}") for n in range(2)]
        for _ in range(STEPS):
            self.tenant.clock.advance(seconds=self.dice.choice((0.5, 7, 3600, 40_000, 300_000)))
            with suppress(LedgerError):  # then nothing has moved
                await self._event()
            for customer in self.customers:
                for asset in ASSETS:
                    if view := await self.tenant.account(customer, asset):
                        self.said.append((view.id, self.tenant.clock(), view.available_minor, view.scheduled_minor))

    async def _event(self) -> Outcome | UUID | int:
        tenant, dice = self.tenant, self.dice
        customer, asset = dice.choice(self.customers), dice.choice(ASSETS)
        do = (tenant.ledger, tenant.id, MANAGER)
        match dice.choice(EVENTS):
            case "add":
                hours = dice.choice((None, 1, 30, 200))
                expires_at = tenant.clock() + timedelta(hours=hours) if hours else None
                return await tenant.adjust(customer, dice.randint(5, 50), asset, expires_at=expires_at)
            case "later":
                start = tenant.today() + timedelta(days=dice.randint(1, 9))
                days = dice.choice((None, 1, 5))
                return await tenant.adjust(
                    customer, dice.randint(5, 50), asset, effective_on=start, expires_in_days=days
                )
            case "spend":
                return await tenant.adjust(customer, -dice.randint(1, 30), asset)
            case "invoice":
                return await tenant.invoice(customer, dice.randint(1, 60))
            case "release":
                live = await tenant.rows("SELECT id FROM assignments WHERE tenant_id = $1 AND released_at IS NULL")
                chosen = (dice.choice(sorted(live))[0],) if live else ()
                return await release_assignments(*do, ReleaseAssignments(chosen), uuid4().hex)
            case "void":
                table = dice.choice(("credits", "invoices"))
                ids = sorted(await tenant.rows(f"SELECT id FROM {table} WHERE tenant_id = $1"))
                chosen_id = dice.choice(ids)[0] if ids else uuid4()
                if table == "credits":
                    return await void_credit(*do, VoidCredit(chosen_id), uuid4().hex)
                return await void_invoice(*do, VoidInvoice(chosen_id), uuid4().hex)
            case "change":
                ids = sorted(await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1 AND open"))
                hours = dice.choice((2, 50, 500))
                change = UpdateCredit(
                    dice.choice(ids)[0] if ids else uuid4(),
                    never_expires=hours == 2,
                    expires_at=None if hours == 2 else tenant.clock() + timedelta(hours=hours),
                )
                return await update_credit(*do, change, uuid4().hex)
        return await expire_credits(tenant.ledger, tenant.id)


async def lots_of(tenant: Tenant) -> list[Lot]:
    lots = {
        row[0]: Lot(row[0], row[1], row[2], [(None, row[3])], [])
        for row in await tenant.rows("SELECT id, account_id, starts_at, expires_at FROM credits WHERE tenant_id = $1")
    }
    for credit_id, when, old in await tenant.rows(
        """SELECT credit_id, created_at, old_expires_at FROM credit_changes WHERE tenant_id = $1
        ORDER BY created_at DESC, id DESC"""
    ):
        lots[credit_id].expiries.insert(0, (when, old))
    for credit_id, when, amount in await tenant.rows(
        "SELECT credit_id, created_at, amount_minor FROM entries WHERE tenant_id = $1 AND credit_id IS NOT NULL"
    ):
        lots[credit_id].moves.append((when, amount))
    return list(lots.values())


def balance(lots: list[Lot], account_id: UUID, at: datetime) -> BalanceView:
    own = [lot for lot in lots if lot.account_id == account_id]
    return BalanceView(
        ledger_minor=sum(lot.left(at) for lot in own),
        scheduled_minor=sum(lot.left(at) for lot in own if lot.starts_at > at and not lot.expired(at)),
        expired_minor=sum(lot.left(at) for lot in own if lot.expired(at)),
    )


@pytest.mark.parametrize("seed", range(2))
async def test_the_past_is_what_it_was(tenant: Tenant, seed: int) -> None:
    story = Story(tenant, seed)
    began = tenant.clock()
    await story.tell()
    lots, ended = await lots_of(tenant), tenant.clock()
    session = ReadSession(tenant.id)
    try:
        said = await accounts.balances_at(session, [(account, at) for account, at, *_ in story.said])
        for view, (account, at, available, scheduled) in zip(said, story.said, strict=True):
            assert (view.available_minor, view.scheduled_minor) == (available, scheduled), (account, at)

        span = (ended - began).total_seconds() * 1.2
        instants = [began + timedelta(seconds=story.dice.uniform(-10, span)) for _ in range(INSTANTS)]
        # And the very instants at which something happens.
        turns = [lot.expiry(ended) or ended for lot in lots] + [lot.starts_at for lot in lots]
        instants += story.dice.sample(turns, 20)
        asked = [(account, at) for account in {lot.account_id for lot in lots} for at in instants]
        for view, (account, at) in zip(await accounts.balances_at(session, asked), asked, strict=True):
            assert view == balance(lots, account, at), (account, at)
        for at in instants[-30:]:
            await _check_reports(session, lots, at, ended)
    finally:
        await session.release()


async def _check_reports(session: ReadSession, lots: list[Lot], at: datetime, now: datetime) -> None:
    """Liability, its parts and the trial balance, against the lots and against each other."""
    asset_of = dict(await session.fetch("SELECT id, asset FROM accounts WHERE tenant_id = $1"))
    owed: Counter[tuple[str, str]] = Counter()
    for lot in lots:
        kind = "expired" if lot.expired(at) else "outstanding"
        owed[asset_of[lot.account_id], kind] += lot.left(at)
    books = {view.asset: view for view in await liability.trial_balance(session, at)}
    parts: Counter[Any] = Counter()
    for part in await liability.parts(session, at, now, "Europe/London"):
        parts[part.asset] += part.outstanding_minor
    for view in await liability.by_asset(session, at, now):
        assert view.outstanding_minor == owed[view.asset, "outstanding"] == parts.pop(view.asset, 0), at
        assert view.expired_minor == owed[view.asset, "expired"], at
        book = books.pop(view.asset)
        assert view.outstanding_minor + view.expired_minor == book.balance_minor, at
        assert sum(amount for _, amount in book.counters) == book.balance_minor
    assert not parts
    for book in books.values():  # nothing is left in these
        assert book.balance_minor == sum(amount for _, amount in book.counters) == 0

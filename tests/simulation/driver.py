"""Plays the ledger on a real database against the reference, step by step, from a seed that can be replayed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from models.commands import Outcome
from models.errors import LedgerError
from models.group_commit import GroupCommit
from models.posting import Result, Unit
from models.reads.verify import verify
from models.sources import RandomSource
from models.views import AccountView
from tests.simulation.asking import SETTINGS, Names, ask
from tests.simulation.compare import differences
from tests.simulation.reference import Reference
from tests.simulation.things import REASONS, TIERS, Membership, Prize, Product, Refusal, Wish
from tests.simulation.wishes import Wishes
from tests.support.batch import Batch
from tests.support.shop import Clock, Shop

CUSTOMERS: Final = 3
STARTS: Final = (  # in each, clocks change soon
    ("Europe/London", datetime(2026, 3, 26, 22, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 1, 12, tzinfo=UTC)),  # midnight of the 4th does not exist
    ("Pacific/Auckland", datetime(2026, 9, 24, 3, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 10, 29, 3, tzinfo=UTC)),  # midnight of 1 November comes twice
    ("Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC)),
)
PRIZES: Final = (
    Prize(100, None, True, days=3), Prize(700, 3, True), Prize(0, None, True), Prize(50, None, False),
)  # fmt: skip
PRODUCTS: Final = (
    Product("GOODS", "GBP", Decimal("7.50")), Product("SERVICE", "GBP", Decimal("0.99")),
    Product("CREDIT", "GBP", Decimal(10)), Product("CREDIT", "GBP", Decimal(1)), Product("GOODS", "JPY", Decimal(30)),
    Product("CREDIT", "JPY", Decimal(12)), Product("CREDIT", "KWD", Decimal("1.125")),
)  # fmt: skip
REPLAYED: Final = (
    "payment_id", "coupon_id", "approval_request_id", "bulk_operation_id", "invoice_id", "assignment_ids",
)  # fmt: skip
WITHOUT_ACCOUNT: Final = ("invoice", "order", "pay", "void_payment", "bulk", "update_credit", "give", "approve")
"""What answers no account, or (a reward for nothing) one that there may not have been then."""
UNBATCHED: Final = frozenset({"sweep", *SETTINGS})
SHOWN_EVERY: Final = 3
EVERY: Final = 10
"""After so many steps all is compared. What the dice say does not depend on it."""
CHAPTER: Final = 500
"""So many steps are played with one tenant: what is compared grows with them."""


class Disagreement(AssertionError):
    """The ledger and the reference differ. Says after which step, and in what."""


class Counting(RandomSource):
    """Ids that rise by one, so that the rows' order is the order in which they were planned."""

    def __init__(self) -> None:
        self._next = uuid4().int & ~(2**48 - 1)

    def new_id(self) -> UUID:
        self._next += 1
        return UUID(int=self._next)


@dataclass
class Simulation:
    shop: Shop
    dice: random.Random
    reference: Reference
    wishes: Wishes
    names: Names
    batch: Batch
    done: list[tuple[Wish, str, Outcome]] = field(default_factory=list)
    every: int = EVERY
    steps: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, seed: str, every: int) -> "Simulation":
        dice = random.Random(seed)  # noqa: S311 - a seed that can be replayed is the point
        zone, start = dice.choice(STARTS)
        clock, source = Clock(start), Counting()
        shop = await Shop.open(clock, zone=zone, source=source)
        names = await _furnish(shop)
        members = [Membership() for _ in range(CUSTOMERS)]
        members[2].cancelled = start
        reference = Reference(ZoneInfo(zone), [True, True, False], list(PRIZES), list(PRODUCTS), members).trial()
        return cls(shop, dice, reference, Wishes(dice, reference), names, Batch(clock, source), every=every)

    async def close(self) -> None:
        await self.shop.ledger.close()

    async def step(self) -> None:
        """Some time passes; then one wish, some as one batch or at once, or one again. Raises Disagreement."""
        self.steps += 1
        by = self.dice.choice((1e-6, 1.0, 60.0, 1800.0, 20_000.0, 86_400.0 * self.dice.choice((0.5, 1, 1, 2, 7))))
        self.shop.clock.advance(seconds=by)
        await self.names.refresh(self.shop)
        what = self.dice.randrange(100)
        if what < 6 and self.done:
            await self._again()
        elif what < 22:
            await self._at_once([self.wishes.next(self.shop.clock()) for _ in range(self.dice.randint(2, 12))])
        elif what < 55:
            await self._together([self.wishes.next(self.shop.clock()) for _ in range(self.dice.randint(2, 12))])
        else:
            draw = self.wishes.setting if what < 62 else self.wishes.next
            await self._alone(draw(self.shop.clock()))
        if self.steps % self.every == 0:
            await self.compare()

    async def compare(self) -> None:
        """Raises Disagreement where the database says anything else than the reference."""
        await self.names.refresh(self.shop)
        found = await differences(self.shop, self.names, self.reference)
        if found:
            raise Disagreement(f"step {self.steps}, {self.shop.clock()}: {found}")

    async def _alone(self, wish: Wish) -> None:
        key = uuid4().hex
        answer = await settle(ask(self.shop.ledger, self.shop.tenant_id, self.names, wish, key))
        await self._judge(wish, key, answer)
        if self.steps % SHOWN_EVERY == 0:
            await self._check_views(wish, answer)

    async def finish(self) -> None:
        """Raises Disagreement where the books do not prove."""
        await self.compare()
        proof = await verify(self.shop.tenant_id)
        if not proof.holds:
            raise Disagreement(f"after {self.steps} steps: {proof.listed}")

    async def _judge(self, wish: Wish, key: str, answer: Outcome | LedgerError) -> None:
        """Hold the ledger's answer against the reference's."""
        try:
            expected = self.reference.do(wish, self.shop.clock())
        except Refusal as refusal:
            if not isinstance(answer, LedgerError) or answer.code not in refusal.codes:
                raise Disagreement(f"step {self.steps}: {wish} was to be refused {refusal}: {answer!r}") from None
            self._count(answer.code)
            return
        if isinstance(answer, LedgerError):
            raise Disagreement(f"step {self.steps}: {wish} was to be {expected}: {answer.code} {answer!r}")
        asked_for = expected in ("requested", "approved", "approved before")
        again = expected == "approved before"
        if asked_for != (answer.approval_request_id is not None) or answer.replayed != again:
            raise Disagreement(f"step {self.steps}: {wish} was to be {expected}: {answer}")
        self._count(f"{wish.name} {expected}")
        if wish.name not in UNBATCHED and not wish.facts.get("dry_run"):
            self.done.append((wish, key, answer))

    def _count(self, what: str) -> None:
        self.answers[what] = self.answers.get(what, 0) + 1

    async def _check_views(self, wish: Wish, answer: Outcome | LedgerError) -> None:
        """What a posting shows of accounts is what a read finds right after it."""
        views = [view for view in getattr(answer, "views", ()) if isinstance(view, AccountView)]
        for view in views[-1:]:
            found = await self.shop.account(view.customer_id, view.asset)
            if found != view:
                raise Disagreement(f"step {self.steps}: {wish} shows {view}, and there is {found}")

    async def _again(self) -> None:
        """What was done before is asked for again, under its key."""
        wish, key, first = self.dice.choice(self.done)
        answer = await settle(ask(self.shop.ledger, self.shop.tenant_id, self.names, wish, key))
        self._judge_replay(wish, first, answer)

    def _judge_replay(self, wish: Wish, first: Outcome, answer: Outcome | LedgerError) -> None:
        same = isinstance(answer, Outcome) and answer.replayed and all(
            getattr(answer, name) == getattr(first, name)
            for name in (*REPLAYED, *(() if wish.name in WITHOUT_ACCOUNT else ("transaction_id", "account_id")))
        )  # fmt: skip
        if not same:
            raise Disagreement(f"step {self.steps}: {wish} again: {first} and then {answer!r}")
        self._count("replayed")

    async def _at_once(self, wishes: Sequence[Wish]) -> None:
        """All of them under way at the same time, in postings as the group commit makes them."""
        asked = {uuid4().hex: wish for wish in wishes if wish.name not in UNBATCHED and wish.name != "bulk"}
        ledger = self.shop.ledger
        noting = Noting(ledger._group)
        ledger._group = noting  # type: ignore[assignment]
        try:
            answers = await asyncio.gather(
                *(settle(ask(ledger, self.shop.tenant_id, self.names, wish, key)) for key, wish in asked.items())
            )
        finally:
            ledger._group = noting._group
        by_key = dict(zip(asked, answers, strict=True))
        posted = [key for key in noting.keys if key is not None]
        for key in (*posted, *(key for key in asked if key not in posted)):
            await self._judge(asked[key], key, by_key[key])

    async def _together(self, wishes: Sequence[Wish]) -> None:
        """One batch of them, in this order."""
        wishes = [wish for wish in wishes if wish.name not in UNBATCHED]
        keys = [uuid4().hex for _ in wishes]
        for again in range(len(wishes)):
            if self.dice.randrange(100) < 5 and wishes[again].name != "bulk":  # they never share a posting
                wishes.append(wishes[again])
                keys.append(keys[again])
        asked = [
            settle(ask(self.batch.ledger, self.shop.tenant_id, self.names, wish, key))
            for wish, key in zip(wishes, keys, strict=True)
        ]
        first: dict[str, Outcome | LedgerError] = {}
        for wish, key, answer in zip(wishes, keys, await self.batch.run(self.shop.tenant_id, asked), strict=True):
            before = first.get(key)
            if before is None:
                first[key] = answer
                await self._judge(wish, key, answer)
            elif isinstance(before, Outcome):
                self._judge_replay(wish, before, answer)
            elif not isinstance(answer, LedgerError) or answer.code not in (before.code, "BUSY"):  # put back, that is
                raise Disagreement(f"step {self.steps}: {wish} twice: {before!r} and {answer!r}")


class Noting:
    """In front of a group commit: notes in which order units come to it, which is the order that they are posted in."""

    def __init__(self, group: GroupCommit) -> None:
        self.keys: list[str | None] = []
        self._group = group

    async def submit(self, tenant_id: UUID, unit: Unit) -> Result:
        self.keys.append(unit.idempotency_key)
        return await self._group.submit(tenant_id, unit)

    async def close(self) -> None:
        await self._group.close()


async def settle(asked: Awaitable[Outcome]) -> Outcome | LedgerError:
    """The outcome, or the refusal as a value."""
    try:
        outcome: Outcome = await asked
    except LedgerError as error:
        return error
    return outcome


async def _furnish(shop: Shop) -> Names:
    """Customers, services, rewards, products, tiers and a reason, as the reference has them."""
    names = Names([await shop.customer(f"C{n}") for n in range(CUSTOMERS)])
    names.services = [await shop.service(active=active) for active in (True, True, False)]
    names.prizes = [
        await shop.reward(prize.price, stock=prize.stock, validity_days=prize.days, active=prize.active)
        for prize in PRIZES
    ]  # fmt: skip
    names.products = [await shop.product(str(product.price), product.kind, product.currency) for product in PRODUCTS]
    for name, threshold in TIERS:
        await shop.tier(name, threshold)
    names.tiers = [
        row[0] for row in await shop.rows("SELECT id FROM tiers WHERE tenant_id = $1 ORDER BY threshold_minor")
    ]
    adds, removes, moves, _ = REASONS["REFUND"]
    await shop.reason("REFUND", adds=adds, removes=removes, moves_lifetime=moves)
    cancelled = "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2"
    await shop.run(cancelled, names.customers[2], shop.clock())
    return names


async def simulate(seed: int, steps: int, *, every: int = EVERY, first: int = 0) -> dict[str, int]:
    """Play from `seed`, and prove the books. Answers how often each thing happened. Raises Disagreement.

    Every CHAPTER steps are played with a tenant of their own, from `first` on.
    """
    answers = Counter[str]()
    for chapter in range(first, -(-steps // CHAPTER)):
        simulation = await Simulation.open(f"{seed}.{chapter}", every)
        try:
            for _ in range(min(CHAPTER, steps - chapter * CHAPTER)):
                await simulation.step()
            await simulation.finish()
        except Exception as error:
            error.add_note(f"seed {seed}, chapter {chapter}, step {simulation.steps}")
            raise
        finally:
            await simulation.close()
        answers.update(simulation.answers)
    return dict(sorted(answers.items()))

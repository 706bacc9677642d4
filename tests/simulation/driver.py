"""Plays the ledger on a real database against the reference, step by step, from a seed that can be replayed."""

import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from models.commands import Outcome
from models.errors import LedgerError
from models.reads.verify import verify
from models.sources import RandomSource
from models.views import AccountView
from tests.simulation.asking import Names, ask
from tests.simulation.compare import differences
from tests.simulation.reference import REASONS, TIERS, Prize, Reference, Refusal, Wish
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
    steps: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, seed: int) -> "Simulation":
        dice = random.Random(seed)  # noqa: S311 - a seed that can be replayed is the point
        zone, start = dice.choice(STARTS)
        clock, source = Clock(start), Counting()
        shop = await Shop.open(clock, zone=zone, source=source)
        names = await _furnish(shop, dice)
        reference = Reference(
            ZoneInfo(zone), CUSTOMERS, services=[True, True, False],
            prizes=[Prize(100, None, True), Prize(700, 3, True), Prize(0, None, True), Prize(50, None, False)],
            cancelled={2: start},
        )  # fmt: skip
        return cls(shop, dice, reference, Wishes(dice, reference), names, Batch(clock, source))

    async def close(self) -> None:
        await self.shop.ledger.close()

    async def step(self) -> None:
        """Some time passes; then one wish, some as one batch, or one again. Raises Disagreement."""
        self.steps += 1
        by = self.dice.choice((1e-6, 1.0, 60.0, 1800.0, 20_000.0, 86_400.0 * self.dice.choice((0.5, 1, 1, 2, 7))))
        self.shop.clock.advance(seconds=by)
        await self.names.refresh(self.shop)
        what = self.dice.randrange(100)
        if what < 6 and self.done:
            await self._again()
        elif what < 35:
            await self._together([self.wishes.next(self.shop.clock()) for _ in range(self.dice.randint(2, 6))])
        else:
            wish = self.wishes.next(self.shop.clock())
            key = uuid4().hex
            answer = await settle(ask(self.shop.ledger, self.shop.tenant_id, self.names, wish, key))
            await self._judge(wish, key, answer)
            await self._check_views(wish, answer)
        found = await differences(self.shop, self.reference)
        if found:
            raise Disagreement(f"step {self.steps}, {self.shop.clock()}: {found}")

    async def finish(self) -> None:
        """Raises Disagreement where the books do not prove."""
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
        if (expected == "requested") != (answer.approval_request_id is not None) or answer.replayed:
            raise Disagreement(f"step {self.steps}: {wish} was to be {expected}: {answer}")
        self._count(f"{wish.name} {expected}")
        if wish.name != "sweep" and not wish.facts.get("dry_run"):
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
        same = isinstance(answer, Outcome) and answer.replayed and all(
            getattr(answer, name) == getattr(first, name)
            for name in ("payment_id", "coupon_id", "approval_request_id", "bulk_operation_id")
        )  # fmt: skip
        if not same:
            raise Disagreement(f"step {self.steps}: {wish} again: {first} and then {answer!r}")
        self._count("replayed")

    async def _together(self, wishes: Sequence[Wish]) -> None:
        """One batch of them, in this order."""
        wishes = [wish for wish in wishes if wish.name != "sweep"]
        keys = [uuid4().hex for _ in wishes]
        asked = [
            settle(ask(self.batch.ledger, self.shop.tenant_id, self.names, wish, key))
            for wish, key in zip(wishes, keys, strict=True)
        ]
        for wish, key, answer in zip(wishes, keys, await self.batch.run(self.shop.tenant_id, asked), strict=True):
            await self._judge(wish, key, answer)


async def settle(asked: Awaitable[Outcome]) -> Outcome | LedgerError:
    """The outcome, or the refusal as a value."""
    try:
        outcome: Outcome = await asked
    except LedgerError as error:
        return error
    return outcome


async def _furnish(shop: Shop, dice: random.Random) -> Names:
    """Customers, services, rewards, tiers and a reason, as the reference has them."""
    names = Names([await shop.customer(f"C{n}") for n in range(CUSTOMERS)])
    names.services = [await shop.service(active=active) for active in (True, True, False)]
    names.prizes = [
        await shop.reward(100), await shop.reward(700, stock=3), await shop.reward(0),
        await shop.reward(50, active=False),
    ]  # fmt: skip
    for name, threshold in TIERS:
        await shop.tier(name, threshold)
    adds, removes, moves, _ = REASONS["REFUND"]
    await shop.reason("REFUND", adds=adds, removes=removes, moves_lifetime=moves)
    cancelled = "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2"
    await shop.run(cancelled, names.customers[2], shop.clock())
    return names


async def simulate(seed: int, steps: int) -> dict[str, int]:
    """Play from `seed`, and prove the books. Answers how often each thing happened. Raises Disagreement."""
    simulation = await Simulation.open(seed)
    try:
        for _ in range(steps):
            await simulation.step()
        await simulation.finish()
    finally:
        await simulation.close()
    return dict(sorted(simulation.answers.items()))

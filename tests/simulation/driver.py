"""Plays the ledger on a real database against the reference, step by step, from a seed that can be replayed."""

import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from models.commands import Outcome
from models.customers import UpsertCustomer
from models.errors import CreditSpent, InsufficientBalance, LedgerError
from models.operations.keep_totals import keep_totals
from models.operations.upsert_customer import upsert_customer
from models.reads.ledger import CUSTOMER_LEDGER
from models.sources import RandomSource
from models.views import AccountView, CreditView
from tests.simulation.commands import Commands
from tests.simulation.compare import Balances, changed, differences
from tests.simulation.executor import ALONE, Asked, ask
from tests.simulation.feeding import Feed
from tests.simulation.names import Names
from tests.simulation.order import at_once, in_order, noted
from tests.simulation.records import REASONS, SPENDING_LIMITS, TIERS, Command, Customer, Prize, Product, Refusal
from tests.simulation.reference import Reference
from tests.simulation.telling_more import Telling
from tests.support.batch import Batch
from tests.support.citus import proof_of
from tests.support.clock import Clock
from tests.support.following import Follower
from tests.support.tenants import ADMIN, Tenant

CUSTOMERS: Final = 4
STARTS: Final = (  # in each, clocks change soon
    ("Europe/London", datetime(2026, 3, 26, 22, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 1, 12, tzinfo=UTC)),  # midnight of the 4th does not exist
    ("Pacific/Auckland", datetime(2026, 9, 24, 3, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 10, 29, 3, tzinfo=UTC)),  # midnight of 1 November comes twice
    ("Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC)),
)
PRIZES: Final = (Prize(100, None, True, days=3), Prize(700, 3, True), Prize(0, None, True), Prize(50, None, False))
PRODUCTS: Final = (
    Product("GOODS", "GBP", Decimal("7.50")),
    Product("SERVICE", "GBP", Decimal("0.99")),
    Product("CREDIT", "GBP", Decimal(10)),
    Product("CREDIT", "GBP", Decimal(1)),
    Product("GOODS", "JPY", Decimal(30)),
    Product("CREDIT", "JPY", Decimal(12)),
    Product("CREDIT", "KWD", Decimal("1.125")),
)
REPLAYED: Final = (
    "payment_id",
    "coupon_id",
    "approval_request_id",
    "bulk_operation_id",
    "invoice_id",
    "assignment_ids",
    "hold_id",
)
WITHOUT_ACCOUNT: Final = (
    "invoice",
    "order",
    "pay",
    "void_payment",
    "bulk",
    "update_credit",
    "give",
    "approve",
    "merge",
)
"""What answers no account, or (a reward for nothing) one that there may not have been then."""
NEVER_TOGETHER: Final = frozenset({*ALONE, "merge"})
"""What is never a part of a batch."""
NEVER_AT_ONCE: Final = frozenset({*ALONE, "bulk"})
"""A bulk has a lane of its own: beside it, an account that was not there yet may be seen or not, and both is right."""
_CREDITS: Final = """
    SELECT id, account_id, amount_minor, remaining_minor, starts_at, expires_at, auto_apply, swept_at, voided_at
    FROM credits WHERE tenant_id = $1 AND id = ANY($2)"""
_ENTRIES: Final = """
    SELECT a.customer_id, e.account_id, e.sequence FROM entries e
    JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id WHERE e.tenant_id = $1"""
FOLLOWED_EVERY: Final = 25
EVERY: Final = 10
"""After so many steps all is compared. What the dice say does not depend on it."""
TOTALS_EVERY: Final = 7
"""Transactions, from one row of totals to the next."""
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


@dataclass(frozen=True)
class Play:
    """How it is played. every: after so many steps all is compared. without: commands that nobody asks for.
    most: so many units at once or in a batch. told: print each command as it is put."""

    every: int = EVERY
    without: frozenset[str] = frozenset()
    most: int = 12
    told: bool = False


@dataclass
class Simulation:
    tenant: Tenant
    dice: random.Random
    reference: Telling
    commands: Commands
    names: Names
    batch: Batch
    play: Play
    feed: Feed
    done: list[tuple[Command, Asked, Outcome]] = field(default_factory=list)
    past: dict[tuple[UUID, datetime], Balances] = field(default_factory=dict)
    followers: dict[int, Follower] = field(default_factory=dict)  # by whose ledger it is
    steps: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, seed: str, play: Play) -> "Simulation":
        dice = random.Random(seed)  # noqa: S311 - a seed that can be replayed is the point
        zone, start = dice.choice(STARTS)
        clock, source = Clock(start), Counting()
        tenant = await Tenant.open(clock, time_zone=zone, source=source)
        people = [Customer(f"person-{n}", "Anna") for n in range(CUSTOMERS)]
        people[2].cancelled = start
        reference = Telling(ZoneInfo(zone), people, [True, True, False], list(PRIZES), list(PRODUCTS)).trial()
        names = Names(random.Random(f"{seed} ids"))  # noqa: S311
        await _furnish(tenant, names, reference)
        commands = Commands(dice, reference, play.without)
        feed = Feed(tenant, names, random.Random(f"{seed} feed"))  # noqa: S311
        await feed.begin()
        return cls(tenant, dice, reference, commands, names, Batch(clock, source), play, feed)

    async def close(self) -> None:
        await self.tenant.ledger.close()

    async def step(self) -> None:
        """Some time passes; then one command, some as one batch or at once, or one again. Raises Disagreement."""
        self.steps += 1
        self.feed.instant_ends(self.tenant.clock())
        by = self.dice.choice((1e-6, 1.0, 60.0, 1800.0, 20_000.0, 86_400.0 * self.dice.choice((0.5, 1, 1, 2, 7))))
        self.tenant.clock.advance(seconds=by)
        await self.names.refresh(self.tenant)
        await self.feed.run(self.reference)
        what = self.dice.randrange(100)
        if what < 6 and self.done:
            await self._again()
        elif what < 22:
            await self._at_once([self.commands.next(self.tenant.clock()) for _ in range(self._some())])
        elif what < 55:
            await self._together([self.commands.next(self.tenant.clock()) for _ in range(self._some())])
        else:
            draw = self.commands.setting if what < 62 else self.commands.by_itself if what < 74 else self.commands.next
            await self._alone(draw(self.tenant.clock()))
        if self.steps % self.play.every == 0:
            await self.compare()
        if self.steps % FOLLOWED_EVERY == 0:
            await self.follow()

    def _some(self) -> int:
        return self.dice.randint(min(2, self.play.most), self.play.most)

    async def compare(self) -> None:
        """Raises Disagreement where the database says anything else than the reference."""
        await self.names.refresh(self.tenant)
        await keep_totals(self.tenant.ledger, self.tenant.id, TOTALS_EVERY)
        found = await differences(self.tenant, self.names, self.reference, self.past)
        if found:
            raise Disagreement(f"step {self.steps}, {self.tenant.clock()}: {found}")

    async def follow(self) -> None:
        """Read on in each person's ledger, from where it was left. A merge brings more into the survivor's."""
        await self.names.refresh(self.tenant)
        for person in self.reference.people():
            follower = self.followers.setdefault(person, Follower(self.tenant, CUSTOMER_LEDGER, self._id_of(person)))
            while await follower.page():
                pass

    def _id_of(self, customer: int) -> UUID:
        return self.names.customers[customer]

    async def _check_followed(self) -> None:
        """Whoever has followed a person's ledger has seen all entries of all their records, once."""
        await self.follow()
        whose = {self._id_of(n): self.reference.person(n) for n in range(len(self.reference.customers))}
        entries = Counter[tuple[object, ...]](
            (whose[customer], account, place) for customer, account, place in await self.tenant.rows(_ENTRIES)
        )
        seen = Counter[tuple[object, ...]](
            (person, *key[1:]) for person in self.reference.people() for key in self.followers[person].seen
        )
        if seen != entries:
            raise Disagreement(
                f"after {self.steps} steps: followers miss {entries - seen}, and repeat {seen - entries}"
            )

    async def finish(self) -> None:
        """Raises Disagreement where the books do not prove, say of the past what they did not say then, or have shown
        a follower less."""
        await self.compare()
        await self._check_followed()
        if found := await self.feed.finish(self.reference):
            raise Disagreement(f"after {self.steps} steps: {found}")
        if found := await changed(self.tenant, self.past):
            raise Disagreement(f"after {self.steps} steps: {found}")
        proof = await proof_of(self.tenant.id)
        if not proof.holds:
            raise Disagreement(f"after {self.steps} steps: {proof.listed}")

    # What is asked

    def _ask(self, command: Command, key: str) -> Asked:
        asked = ask(self.tenant.id, self.names, command, key)
        if self.play.told:
            print(f"{self.steps} {self.tenant.clock()} {key[:6]} {command}")  # noqa: T201
        return asked

    async def _alone(self, command: Command) -> None:
        asked = self._ask(command, uuid4().hex)
        answer = await settle(asked(self.tenant.ledger))
        await self._judge(command, asked, answer)
        await self._check_views(command, answer)

    async def _again(self) -> None:
        """What was done before is asked for again, under its key."""
        command, asked, first = self.dice.choice(self.done)
        self._judge_replay(command, first, await settle(asked(self.tenant.ledger)))

    async def _at_once(self, commands: Sequence[Command]) -> None:
        """All of them under way at the same time, in postings as the group commit makes them."""
        named = {uuid4().hex: command for command in commands if command.name not in NEVER_AT_ONCE}
        asked = {key: self._ask(command, key) for key, command in named.items()}
        with noted() as planned:
            answers = await at_once(
                self.tenant.ledger, {key: settle(each(self.tenant.ledger)) for key, each in asked.items()}
            )
        by_key = dict(zip(asked, answers, strict=True))
        for key in in_order(list(asked), planned):
            await self._judge(named[key], asked[key], by_key[key])

    async def _together(self, commands: Sequence[Command]) -> None:
        """One batch of them, in this order."""
        commands = [command for command in commands if command.name not in NEVER_TOGETHER]
        asked = [self._ask(command, uuid4().hex) for command in commands]
        for again in range(len(commands)):
            if self.dice.randrange(100) < 5 and commands[again].name != "bulk":  # they never share a posting
                commands.append(commands[again])
                asked.append(asked[again])
        answers = await self.batch.run(self.tenant.id, [settle(each(self.batch.ledger)) for each in asked])
        first: dict[int, Outcome | LedgerError] = {}
        for command, each, answer in zip(commands, asked, answers, strict=True):
            before = first.get(id(each))
            if before is None:
                first[id(each)] = answer
                await self._judge(command, each, answer)
            elif isinstance(before, Outcome):
                self._judge_replay(command, before, answer)
            elif not isinstance(answer, LedgerError) or answer.code not in (before.code, "BUSY"):  # put back, that is
                raise Disagreement(f"step {self.steps}: {command} twice: {before!r} and {answer!r}")

    # What is answered

    async def _judge(self, command: Command, asked: Asked, answer: Outcome | LedgerError) -> None:
        """Hold the ledger's answer against the reference's."""
        code = answer.code if isinstance(answer, LedgerError) else None
        try:
            expected = self.reference.do(command, self.tenant.clock(), code)
        except Refusal as refusal:
            figures = self.reference.figures.get(code or "")
            if code not in refusal.codes or (figures and _figure(answer) not in figures):
                said = f"{refusal} with {figures}: {answer!r}"
                raise Disagreement(f"step {self.steps}: {command} was to be refused {said}") from None
            self._count(code)
            return
        if isinstance(answer, LedgerError):
            raise Disagreement(f"step {self.steps}: {command} was to be {expected}: {answer.code} {answer!r}")
        asked_for = expected in ("requested", "approved", "approved before")
        again = expected == "approved before"
        if asked_for != (answer.approval_request_id is not None) or answer.replayed != again:
            raise Disagreement(f"step {self.steps}: {command} was to be {expected}: {answer}")
        self._count(f"{command.name} {expected}")
        self.feed.tell(self.reference.told)
        self.names.learn(command, expected, answer)
        if command.name == "pay" and answer.payment_id is not None:
            self.reference.payments[-1].place = answer.payment_id.int
        if command.name not in ALONE and not command.facts.get("dry_run"):
            self.done.append((command, asked, answer))

    def _judge_replay(self, command: Command, first: Outcome, answer: Outcome | LedgerError) -> None:
        same = (
            isinstance(answer, Outcome)
            and answer.replayed
            and all(
                getattr(answer, name) == getattr(first, name)
                for name in (*REPLAYED, *(() if command.name in WITHOUT_ACCOUNT else ("transaction_id", "account_id")))
            )
        )
        if not same:
            raise Disagreement(f"step {self.steps}: {command} again: {first} and then {answer!r}")
        self._count("replayed")

    async def _check_views(self, command: Command, answer: Outcome | LedgerError) -> None:
        """What a posting shows of accounts and credits is what a read finds right after it."""
        shown = getattr(answer, "views", ())
        for view in [view for view in shown if isinstance(view, AccountView)][-1:]:
            found = await self.tenant.account(view.customer_id, view.asset)
            if found != view:
                raise Disagreement(f"step {self.steps}: {command} shows {view}, and there is {found}")
        credits = {view.id: view for view in shown if isinstance(view, CreditView)}
        rows = {row[0]: row for row in await self.tenant.rows(_CREDITS, list(credits))} if credits else {}
        for c in credits.values():
            row = (
                c.id,
                c.account_id,
                c.amount_minor,
                c.remaining_minor,
                c.starts_at,
                c.expires_at,
                c.auto_apply,
                c.swept_at,
                c.voided_at,
            )
            if rows.get(c.id) != row:
                raise Disagreement(f"step {self.steps}: {command} shows {row}, and there is {rows.get(c.id)}")

    def _count(self, what: str) -> None:
        self.answers[what] = self.answers.get(what, 0) + 1


def _figure(answer: Outcome | LedgerError) -> Decimal | None:
    """Of a refusal for want of value: how much there is, or how much was used."""
    match answer:
        case InsufficientBalance(available=figure) | CreditSpent(used=figure):
            return figure
    return None


async def settle(asked: Coroutine[Any, Any, Outcome]) -> Outcome | LedgerError:
    """The outcome, or the refusal as a value."""
    try:
        outcome: Outcome = await asked
    except LedgerError as error:
        return error
    return outcome


async def _furnish(tenant: Tenant, names: Names, reference: Reference) -> None:
    """Customers, services, rewards, products, tiers and a reason, as the reference has them."""
    for customer in reference.customers:
        await upsert_customer(tenant.ledger, tenant.id, ADMIN, UpsertCustomer(customer.external, customer.name))
    await names.refresh(tenant)
    names.services = [await tenant.service(active=active) for active in reference.services]
    names.prizes = [
        await tenant.reward(prize.price, stock=prize.stock, validity_days=prize.days, active=prize.active)
        for prize in PRIZES
    ]
    names.products = [await tenant.product(str(product.price), product.kind, product.currency) for product in PRODUCTS]
    for name, threshold in TIERS:
        await tenant.tier(name, threshold)
    names.tiers = [
        row[0] for row in await tenant.rows("SELECT id FROM tiers WHERE tenant_id = $1 ORDER BY threshold_minor")
    ]
    adds, removes, moves, _ = REASONS["REFUND"]
    await tenant.reason("REFUND", adds=adds, removes=removes, moves_lifetime=moves)
    for asset, (adjustment, actor_day, customer_day) in SPENDING_LIMITS.items():
        await tenant.limit(
            "STAFF", asset, kind="SPENDING", adjustment=adjustment, actor_day=actor_day, customer_day=customer_day
        )
    cancelled = "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2"
    await tenant.execute(cancelled, names.customers[2], tenant.clock())


async def simulate(seed: int, steps: int, play: Play | None = None, *, first: int = 0) -> dict[str, int]:
    """Play from `seed`, and prove the books. Answers how often each thing happened. Raises Disagreement.

    Every CHAPTER steps are played with a tenant of their own, from `first` on.
    """
    answers = Counter[str]()
    for chapter in range(first, -(-steps // CHAPTER)):
        simulation = await Simulation.open(f"{seed}.{chapter}", play or Play())
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

"""Chains put to the real ledger, which has to answer and to end as the reference did, with books that prove."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

from models.commands import Actor, Outcome
from models.errors import LedgerError
from models.operations.expire import SYSTEM
from models.reads.verify import verify
from tests.chains.books import LIMITED, OTHER
from tests.chains.savepoints import never_committed, taken_back
from tests.chains.search import Edge, Search, beginning, tell
from tests.chains.world import FOUNDED, FOUNDING, PRIZES, PRODUCTS, ZONE, Moment, empty, take
from tests.simulation import executor
from tests.simulation.compare import differences
from tests.simulation.driver import REPLAYED, WITHOUT_ACCOUNT, Counting, settle
from tests.simulation.executor import Asked, ask
from tests.simulation.names import Names
from tests.simulation.records import SPENDING_LIMITS, TIERS, Command, Refusal, minor
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PARTNER: Final = Actor("bot", "PARTNER", client="staff")
_ACTORS: Final = executor.ACTORS | {OTHER: Actor("olga", "MANAGER")}
ACTORS: Final = {
    "STAFF": _ACTORS,
    "MANAGER": _ACTORS,
    "ADMIN": _ACTORS | {"MANAGER": Actor("ada", "ADMIN")},
    "PARTNER": _ACTORS | {LIMITED: PARTNER},
}
"""Who the reference's roles are, by the role that plays: the books are the same."""
WITHOUT_KEY: Final = ("sweep", "erase")
OTHERWISE: Final = {"spend": {"reference": "R-2"}}
"""What is another input, if nothing else is: so its key has been used."""
_FIGURES: Final = """
    WITH moved AS MATERIALIZED (
        SELECT a.asset, e.account_id, e.credit_id, coalesce(c.origin_id, c.id) AS lot, e.counter, e.amount_minor,
            e.lifetime_minor
        FROM entries e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = e.credit_id WHERE e.tenant_id = $1)
    SELECT 'account ' || a.id || ' is not what its entries come to', a.asset, a.balance_minor FROM accounts a
    WHERE a.tenant_id = $1 AND (a.balance_minor, a.lifetime_minor) <> (
        SELECT coalesce(sum(m.amount_minor), 0), coalesce(sum(m.lifetime_minor), 0) FROM moved m WHERE m.account_id = a.id)
    UNION ALL
    SELECT 'credit ' || c.id || ' is not what its entries come to', NULL, c.remaining_minor FROM credits c
    WHERE c.tenant_id = $1 AND c.remaining_minor <> (
        SELECT coalesce(sum(m.amount_minor), 0) FROM moved m WHERE m.credit_id = c.id)
    UNION ALL
    SELECT 'more came back to ' || lot || ' than went to ' || counter, asset, sum(amount_minor) FROM moved
    WHERE counter IN ('REMOVED', 'EXPIRED', 'INVOICES', 'REDEEMED', 'SPENT') GROUP BY lot, counter, asset
    HAVING sum(amount_minor) > 0
    UNION ALL
    SELECT counter || ' does not sum to zero', asset, sum(amount_minor) FROM moved
    WHERE counter IN ('MERGED', 'TRANSFERRED') GROUP BY counter, asset HAVING sum(amount_minor) <> 0
    UNION ALL
    SELECT 'held', asset, balance_minor FROM accounts WHERE tenant_id = $1
    UNION ALL
    SELECT 'gone', a.asset, c.gone_minor FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
    WHERE c.tenant_id = $1 AND c.successor_id IS NULL
    UNION ALL
    SELECT 'had', asset, -amount_minor FROM moved WHERE counter IN ('INVOICES', 'REDEEMED', 'SPENT')"""
"""What is wrong by entries and rows alone; and what customers hold, have lost and have had for it, in minor units."""


class Unlike(AssertionError):
    """The ledger and the reference differ after a chain, or its books do not prove."""


@dataclass
class Walk:
    """replayed: how many steps were put to the ledger. done: how many of them it did. again: how many were asked for once
    more later, under their keys. compared: after how many of those done everything was compared, which is after each
    `every`. keys: what was done on the way to where it is."""

    search: Search
    tenant: Tenant
    names: Names
    raw: Any
    every: int
    replayed: int = 0
    done: int = 0
    again: int = 0
    compared: int = 0
    keys: list[tuple[Command, str, Asked, Outcome]] = field(default_factory=list)

    async def through(self, edges: Iterable[Edge]) -> None:
        """All of these, each chain gone on from where it parts from another. Raises Unlike."""
        wanted, below = defaultdict[int, list[Command]](list), defaultdict[int, set[int]](set)
        for edge in edges:
            wanted[edge.node].append(edge.command)
            node = edge.node
            while node:
                below[self.search.parents[node]].add(node)
                node = self.search.parents[node]
        await self._from(0, beginning(self.search.role), [], wanted, below)

    async def _from(
        self,
        node: int,
        moment: Moment,
        chain: list[Command],
        wanted: dict[int, list[Command]],
        below: dict[int, set[int]],
    ) -> None:
        there = sorted(below.get(node, ()))
        steps: list[tuple[Command, int | None]] = [(_some(self.search.commands[each]), each) for each in there]
        known = [command for command, _ in steps]
        steps += [(command, None) for command in wanted.get(node, ()) if command not in known]
        for command, on in steps:
            after, names, keys = Moment(moment.books.trial(), moment.at), _twin(self.names), [*self.keys]
            async with taken_back(self.raw, self.tenant, f"step_{len(chain)}"):
                if await self._step(after, [*chain, command]) and on is not None:
                    await self._from(on, after, [*chain, command], wanted, below)
            self.names, self.keys = names, keys

    async def _step(self, moment: Moment, chain: list[Command]) -> bool:
        """The last of the chain; whether it was done."""
        command = chain[-1]
        self.tenant.clock.stand_still(moment.now)
        if command.name == "wait":
            take(moment, command)
            self.tenant.clock.stand_still(moment.now)
            return True
        self.replayed += 1
        key = uuid4().hex
        asked = ask(self.tenant.id, self.names, command, key)
        answer = await self._answer(asked, chain)
        code = answer.code if isinstance(answer, LedgerError) else None
        try:
            became = moment.books.do(command, moment.now, code)
        except Refusal as refusal:
            if code not in refusal.codes:
                raise Unlike(self._told(chain, f"was to be refused {refusal}: {answer!r}")) from None
            return False
        if isinstance(answer, LedgerError):
            raise Unlike(self._told(chain, f"was to be {became}: {answer!r}"))
        self.names.learn(command, became, answer)
        await self.names.refresh(self.tenant)
        if command.name not in WITHOUT_KEY:
            self.keys.append((command, key, asked, answer))
        await self._ask_again(chain)
        await self._check(moment, chain)
        return True

    async def _answer(self, asked: Asked, chain: list[Command]) -> Outcome | LedgerError:
        try:
            return await settle(asked(self.tenant.ledger))
        except Exception as error:
            raise Unlike(self._told(chain, f"failed: {error!r}")) from error

    async def _ask_again(self, chain: list[Command]) -> None:
        """Something from the way here, under its key: it is answered as then, whatever was done since. Raises Unlike. That
        nothing moves, the checks that follow see."""
        if not self.keys:
            return
        command, key, asked, first = self.keys[self.done % len(self.keys)]
        self.again += 1
        answer = await self._answer(asked, chain)
        told = f"{tell([command])} again, in the end"
        if not isinstance(answer, Outcome) or not answer.replayed or _made(command, answer) != _made(command, first):
            raise Unlike(self._told(chain, f"{told}: {_made(command, first)}, then {_told(command, answer)}"))
        if command.name in OTHERWISE:
            other = replace(command, facts=command.facts | OTHERWISE[command.name])
            answer = await self._answer(ask(self.tenant.id, self.names, other, key), chain)
            if not isinstance(answer, LedgerError) or answer.code != "IDEMPOTENCY_KEY_REUSED":
                raise Unlike(self._told(chain, f"{told}, with {OTHERWISE[command.name]}: {_told(other, answer)}"))

    async def _check(self, moment: Moment, chain: list[Command]) -> None:
        """Entries and rows alone; of some steps everything that is compared, and proved."""
        wrong, there = list[str](), Counter[str]()
        for what, asset, amount in await self.tenant.rows(_FIGURES):
            if what in ("held", "gone", "had"):
                there[asset] += int(amount)
            else:
                wrong.append(f"{what}: {amount} {asset or ''}")
        for asset, given in moment.books.given.items():
            if there[asset] != minor(given, asset):
                wrong.append(f"{there[asset]} {asset} held, gone and had, of {minor(given, asset)} given")
        self.done += 1
        if self.done % self.every == 0:
            self.compared += 1
            found = await differences(self.tenant, self.names, moment.books, {})
            wrong += [each for each in found if self.search.role != "PARTNER" or not each.startswith("limit: ")]
            proof = await verify(self.tenant.id)
            wrong += [] if proof.holds else [str(proof.listed)]
        if wrong:
            raise Unlike(self._told(chain, str(wrong)))

    def _told(self, chain: list[Command], what: str) -> str:
        return f"{self.search.role}: {tell(chain)}: {what}"


@asynccontextmanager
async def walking(search: Search, *, every: int) -> AsyncIterator[Walk]:
    """A tenant that each chain begins with. every: after so many steps everything is compared and proved."""
    async with never_committed() as raw:
        with patch.object(executor, "ACTORS", ACTORS[search.role]):
            clock = Clock(FOUNDED)
            tenant = await Tenant.open(clock, time_zone=ZONE, source=Counting())
            # Two who name it at once would do so on the one connection.
            await tenant.ledger.actor_id(tenant.id, SYSTEM)
            try:
                yield Walk(search, tenant, await _found(tenant), raw, every)
            finally:
                await tenant.ledger.close()


async def _found(tenant: Tenant) -> Names:
    """The founding, in the ledger. Raises Unlike."""
    names, books = Names(Random(1)), empty()  # noqa: S311 - the same ids each time
    for customer in books.customers:
        await tenant.customer(customer.external, customer.name)
    names.services = [await tenant.service()]
    names.prizes = [await tenant.reward(prize.price, stock=prize.stock, active=prize.active) for prize in PRIZES]
    names.products = [await tenant.product(str(product.price), product.kind, product.currency) for product in PRODUCTS]
    for name, threshold in TIERS:
        await tenant.tier(name, threshold)
    await tenant.reason("REFUND", moves_lifetime=False)
    for asset, (adjustment, actor_day, customer_day) in SPENDING_LIMITS.items():
        for role in ("STAFF", "PARTNER"):
            await tenant.limit(
                role, asset, kind="SPENDING", adjustment=adjustment, actor_day=actor_day, customer_day=customer_day
            )
    await names.refresh(tenant)
    for command in FOUNDING:
        answer = await settle(ask(tenant.id, names, command, uuid4().hex)(tenant.ledger))
        if not isinstance(answer, Outcome):
            raise Unlike(f"the founding: {command}: {answer!r}")
        became = books.do(command, FOUNDED)
        names.learn(command, became, answer)
        await names.refresh(tenant)
    for actor in executor.ACTORS.values():
        await tenant.ledger.actor_id(tenant.id, actor)
    return names


def _made(command: Command, outcome: Outcome) -> tuple[Any, ...]:
    names = (*REPLAYED, *(() if command.name in WITHOUT_ACCOUNT else ("transaction_id",)))
    return tuple(getattr(outcome, name) for name in names)


def _told(command: Command, answer: Outcome | LedgerError) -> str:
    return repr(answer) if isinstance(answer, LedgerError) else f"{answer.replayed} {_made(command, answer)}"


def _twin(names: Names) -> Names:
    twin = copy(names)
    for name, value in vars(names).items():
        if isinstance(value, list):
            setattr(twin, name, [*value])
        elif isinstance(value, dict):
            inner = {key: [*each] for key, each in value.items()}
            setattr(twin, name, defaultdict(list, inner) if isinstance(value, defaultdict) else inner)
    return twin


def _some(command: Command | None) -> Command:
    if command is None:
        raise ValueError("the beginning was asked for by nobody")
    return command

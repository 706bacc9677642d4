"""All chains of a story, by a role, up to so many steps: each state of the books is gone on from once.

What a state was reached by is its shortest chain. Two states are one if nothing that the reference knows tells them apart,
whatever has led there.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from random import Random
from typing import Any, Final

from tests.chains.books import ChainBooks, sums
from tests.chains.laws import broken
from tests.chains.steps import menu
from tests.chains.world import Moment, founded, take
from tests.simulation.records import Command, Lot, Refusal

_NEVER_CHANGED: Final = frozenset({"zone", "effect", "services", "products", "tiers", "grace_days", "places", "files"})
_OF_THE_LAST_STEP: Final = frozenset({"figures", "answered", "is_full", "has_vast", "passed"})
_LEFT_OUT: Final = _NEVER_CHANGED | _OF_THE_LAST_STEP
UNDOING: Final = frozenset(
    {"refund", "void_payment", "release", "void_credit", "void_invoice", "disable_coupon", "void_note", "reverse"}
)
"""What may be done in any order, and ends the same."""


class Broken(AssertionError):
    """A law does not hold after a chain."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What is asked for after a chain. node: where that chain ends; its steps are worked out from there."""

    node: int
    command: Command


@dataclass
class Search:
    """story, role: as in tests/chains/steps.py. parents, commands: of each state its shortest chain's last step. asked:
    how many steps were tried. kinds: the first of each kind of step from each kind of state."""

    story: str
    role: str
    parents: list[int] = field(default_factory=lambda: [-1])
    commands: list[Command | None] = field(default_factory=lambda: [None])
    depths: list[int] = field(default_factory=lambda: [0])
    asked: int = 0
    kinds: dict[tuple[Any, ...], Edge] = field(default_factory=dict)
    undone: dict[int, dict[tuple[Any, ...], int]] = field(default_factory=dict)

    def chain(self, node: int) -> list[Command]:
        """The steps to a state."""
        steps = []
        while (command := self.commands[node]) is not None:
            steps.append(command)
            node = self.parents[node]
        return steps[::-1]

    def moment(self, node: int) -> Moment:
        """That state, made again from the beginning: so none has to be kept."""
        moment = beginning(self.role)
        for command in self.chain(node):
            take(moment, command)
        return moment


def beginning(role: str) -> Moment:
    moment = founded()
    moment.books.partner = role == "PARTNER"
    return moment


def search(story: str, role: str, depth: int, most: int = 10**9) -> Search:
    """Every chain of up to `depth` steps, or until there are `most` states. Raises Broken, with the shortest chain."""
    found = Search(story, role)
    seen, ends = {digest(beginning(role)): 0}, dict[int, tuple[Any, ...]]()
    node = 0
    while node < len(found.parents) and found.depths[node] < depth and len(found.parents) < most:
        moment = found.moment(node)
        before = kind(moment)
        for command in menu(moment, story, role):
            found.asked += 1
            after = Moment(moment.books.trial(), moment.at)
            try:
                take(after, command)
            except Refusal as refusal:
                found.kinds.setdefault((before, shape(command), tuple(sorted(refusal.codes))), Edge(node, command))
                continue
            if wrong := broken(after):
                raise Broken(f"{role}: {tell([*found.chain(node), command])}: {wrong}")
            found.kinds.setdefault((before, shape(command), ()), Edge(node, command))
            name = digest(after)
            if name not in seen:
                seen[name] = len(found.parents)
                found.parents.append(node)
                found.commands.append(command)
                found.depths.append(found.depths[node] + 1)
            if command.name in UNDOING and "never" not in command.facts:  # a new expiry is no mere undoing
                found.undone.setdefault(node, {})[_named(command)] = seen[name]
                ends[seen[name]] = totals(after)
        node += 1
    _check_orders(found, ends)
    return found


def _check_orders(found: Search, ends: dict[int, tuple[Any, ...]]) -> None:
    """Of two things that are undone, either may be the first. Raises Broken."""
    for node, first in found.undone.items():
        for one, after_one in first.items():
            for other, after_other in first.items():
                there = found.undone.get(after_one, {}).get(other)
                back = found.undone.get(after_other, {}).get(one)
                if there is not None and back is not None and ends[there] != ends[back]:
                    chain = tell(found.chain(node))
                    raise Broken(f"{found.role}: {chain}; {one} and {other}: {ends[there]}, or {ends[back]}")


def totals(moment: Moment) -> tuple[Any, ...]:
    """What each person has in the end: of each asset what is left, and for life."""
    books = moment.books
    accounts = sorted({(books.person(lot.customer), lot.asset) for lot in books.lots})
    return tuple((*account, books.balance(*account), books.lifetime(*account)) for account in accounts)


def tell(chain: list[Command]) -> str:
    """In few words."""
    return ", ".join(
        f"{each.role.lower()} {each.name}({', '.join(f'{k}={v}' for k, v in each.facts.items())})" for each in chain
    )


def _named(command: Command) -> tuple[Any, ...]:
    return (command.name, *command.facts.values())


def shape(command: Command) -> tuple[Any, ...]:
    """What it asks for, but of which row."""
    return (command.role, command.name, *(value for value in command.facts.values() if not _is_number(value)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# States


def digest(moment: Moment) -> bytes:
    """The same for the same books."""
    books = moment.books
    rows = [_rows(getattr(books, name)) for name in _names()]
    return blake2b(repr((moment.at, rows)).encode(), digest_size=16).digest()


@cache
def _names() -> tuple[str, ...]:
    return tuple(f.name for f in fields(ChainBooks) if f.name not in _LEFT_OUT)


def _rows(value: Any) -> Any:
    if isinstance(value, list):
        return [_row(each) for each in value]  # in their order: steps name them by their numbers
    if isinstance(value, dict):
        return sorted((repr(key), amount) for key, amount in value.items() if amount)
    return sorted(value, key=repr) if isinstance(value, set) else value


def _row(row: Any) -> Any:
    if not is_dataclass(row):
        return row
    values = dict(vars(row))
    if isinstance(row, Lot):
        moved = sums()
        for movement, amount in values.pop("movements"):
            moved[movement] += amount
        values["moved"] = sorted(moved.items())
    return list(values.values())


def kind(moment: Moment) -> tuple[Any, ...]:
    """What is so in this state, without how often and how much: states of one kind are alike to the ledger's code."""
    books, now = moment.books, moment.now
    found = list[Any]([moment.at])
    for name in _names():
        value = getattr(books, name)
        if isinstance(value, list):
            found.append(frozenset(_abstract(row, now) for row in value))
    return (*found, _used_up(books))


def _used_up(books: ChainBooks) -> frozenset[Any]:
    return frozenset((*day[:3], used) for day, used in books.used.items() if used)


def _abstract(row: Any, now: datetime) -> Any:
    if not is_dataclass(row):
        return _sign(row, now)
    values = {
        name: _sign(value, now) for name, value in vars(row).items() if name not in ("movements", "created", "at")
    }
    if isinstance(row, Lot):
        values["moved"] = frozenset(movement for movement, _ in row.movements)
        values["left"] = row.left > 0
        values["used"] = row.used > 0
    return frozenset((name, value) for name, value in values.items())


def _sign(value: Any, now: datetime) -> Any:
    match value:
        case bool() | str() | None:
            return value
        case Decimal():
            return (value > 0) - (value < 0)
        case datetime():
            return (value > now) - (value < now)
        case tuple() | frozenset():
            return len(value) > 1, frozenset(_sign(each, now) for each in value)
        case dict():
            return frozenset((name, _sign(each, now)) for name, each in value.items())
        case int():
            return 0
    return str(value)


def chosen(found: Search, number: int, seed: int) -> list[Edge]:
    """Of each kind of step from each kind of state the first; of more than so many, some by the seed."""
    first = list(found.kinds.values())
    return first if len(first) <= number else Random(seed).sample(first, number)  # noqa: S311 - to be chosen again

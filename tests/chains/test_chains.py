"""Short chains of each story by each role, and some of each kind put to the real ledger; longer ones: `make chains`."""

from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models.commands import Outcome
from models.ledger import Ledger
from models.planning import spending
from tests.chains import replay
from tests.chains.books import ChainBooks
from tests.chains.replay import Unlike, walking
from tests.chains.search import Broken, chosen, search
from tests.chains.steps import STORIES
from tests.simulation.executor import Asked, ask
from tests.simulation.names import Names
from tests.simulation.records import Command

DEPTH: Final = 3
STATES: Final = 400
REPLAYED: Final = 20
EVERY: Final = 10
CASES: Final = [
    *((story, role) for story in STORIES for role in ("STAFF", "MANAGER", "PARTNER")),
    ("all", "ADMIN"),  # who may what a manager may
]


@pytest.mark.parametrize(("story", "role"), CASES)
async def test_no_chain_breaks_a_law(database: Urls, story: str, role: str) -> None:
    found = search(story, role, DEPTH, STATES)

    async with walking(found, every=EVERY) as walk:
        await walk.through(chosen(found, REPLAYED, 1))

    assert walk.compared
    assert len(found.parents) > 2 * DEPTH  # it has not only said no


def test_states_are_gone_on_from_once() -> None:
    found = search("value", "MANAGER", DEPTH)

    names = {repr(found.chain(node)) for node in range(len(found.parents))}
    assert len(names) == len(found.parents)
    assert found.asked > 1.2 * len(found.parents)


REFUND, GIVE_BACK, USE_LIMIT = ChainBooks._refund, ChainBooks._give_back, ChainBooks._use_limit
OWN_SPEND = spending._own_spend


def refund_anew(books: Any, *, spend: int, **facts: Any) -> str:
    """What was given back before is forgotten."""
    books.spends[spend].returned *= 0
    return REFUND(books, spend=spend, **facts)


def give_back_for_good(books: Any, lot: Any, *rest: Any) -> None:
    """Also what has been voided since."""
    voided, lot.voided = lot.voided, False
    GIVE_BACK(books, lot, *rest)
    lot.voided = voided


def use_no_limit(*_: Any) -> None:
    """Nothing is put down."""


@pytest.mark.parametrize(
    ("name", "fault", "story", "role", "told"),
    [
        ("_refund", refund_anew, "value", "STAFF", "refund.*refund.*given"),
        ("_give_back", give_back_for_good, "points", "MANAGER", "or "),
        ("_use_limit", use_no_limit, "limits", "STAFF", "adding 300 GBP of at most 200"),
    ],
)
def test_a_fault_of_the_rules_is_found(name: str, fault: Callable[..., Any], story: str, role: str, told: str) -> None:
    with patch.object(ChainBooks, name, fault), pytest.raises(Broken, match=told):
        search(story, role, DEPTH)


def spent_anew(*rest: Any) -> Any:
    spend = OWN_SPEND(*rest)
    spend.given_minor = 0
    return spend


async def test_a_refund_that_forgets_what_was_given_back_is_found(database: Urls) -> None:
    found = search("value", "MANAGER", DEPTH)

    with patch.object(spending, "_own_spend", spent_anew), pytest.raises(Unlike, match=r"refund.*refund"):
        async with walking(found, every=EVERY) as walk:
            await walk.through(found.kinds.values())


def forgetful(tenant_id: UUID, names: Names, command: Command, key: str) -> Asked:
    """As if no key had been used before."""

    async def anew(ledger: Ledger) -> Outcome:
        return await ask(tenant_id, names, command, uuid4().hex)(ledger)

    return anew


async def test_a_key_that_is_forgotten_is_found(database: Urls) -> None:
    found = search("value", "MANAGER", 2)

    with patch.object(replay, "ask", forgetful), pytest.raises(Unlike, match="again, in the end"):
        async with walking(found, every=EVERY) as walk:
            await walk.through(found.kinds.values())

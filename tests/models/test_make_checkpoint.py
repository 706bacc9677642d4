"""Checkpoints: their trees are those over all accounts' heads, however they came about, and each continues the last."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.checkpoints import BooksDiffer, Checkpoint, Notary, head_leaf, of_note, read_text
from models.merkle import root
from models.operations import make_checkpoint as making
from models.operations.keep_checkpoints import keep_checkpoints
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.signed_notes import Keys, new_key, signed_text
from tests.support.following import in_real_time
from tests.support.tenants import Tenant

KEY: Final = new_key("books.example", bytes(range(32)))
KEYS: Final = Keys((KEY,), (KEY.public,))


class Elsewhere:
    """Where notes are kept, by their names."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.full = False

    async def keep(self, name: str, note: str) -> None:
        if self.full:
            raise OSError("no space left")
        self.notes[name] = note

    @property
    def notary(self) -> Notary:
        return Notary(KEYS, timedelta(hours=1), self.keep)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


async def made(tenant: Tenant, elsewhere: Elsewhere, at_once: int = 4_096) -> Checkpoint:
    """The next checkpoint of all that there is."""
    await keep_feed(tenant.ledger, tenant.id)
    assert await make_checkpoint(tenant.ledger, tenant.id, elsewhere.notary, now=True, at_once=at_once) > 0
    return await last(tenant)


async def last(tenant: Tenant) -> Checkpoint:
    ((note,),) = await tenant.rows("SELECT note FROM checkpoints WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1")
    return read_text(signed_text(note, KEYS.trusted))


async def root_of_all(tenant: Tenant, at: Checkpoint) -> tuple[int, bytes]:
    """Size and root of the tree, from all entries."""
    heads: dict[UUID, tuple[int, bytes]] = {}
    for account, sequence, digest, created_at in await tenant.rows(
        "SELECT account_id, sequence, hash, created_at FROM entries WHERE tenant_id = $1 ORDER BY account_id, sequence"
    ):
        if created_at < at.until:
            heads[account] = (sequence, digest)
    leaves = [head_leaf(tenant.id, UUID(str(account)), *heads[account]) for account in sorted(heads)]
    return len(leaves), root(leaves)


async def test_it_names_all_heads_and_events_and_the_one_before(live: Tenant, elsewhere: Elsewhere) -> None:
    anna, ben = await live.customer("anna"), await live.customer("ben")
    await live.adjust(anna, 50)
    first = await made(live, elsewhere)
    assert (first.number, first.size, first.previous, first.first) == (1, 1, None, 1)
    assert (first.size, first.root) == await root_of_all(live, first)
    await live.adjust(ben, 5)
    await live.adjust(anna, -1)
    second = await made(live, elsewhere)
    assert (second.number, second.size, second.previous) == (2, 2, first.digest)
    assert (second.size, second.root) == await root_of_all(live, second)
    assert second.first == first.last + 1
    assert await live.rows(
        "SELECT kind FROM feed WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT 1", second.first - 1
    ) == [("CHECKPOINT_MADE",)]


async def test_none_is_made_before_its_time_or_of_nothing_new(live: Tenant, elsewhere: Elsewhere) -> None:
    anna = await live.customer("anna")
    await live.adjust(anna, 50)
    await made(live, elsewhere)
    for _ in range(2):  # the second time, with the event that tells of the first
        await keep_feed(live.ledger, live.id)
        assert await make_checkpoint(live.ledger, live.id, elsewhere.notary, now=True) == 0
    await live.adjust(anna, 50)
    await keep_feed(live.ledger, live.id)
    assert await make_checkpoint(live.ledger, live.id, elsewhere.notary) == 0
    assert await make_checkpoint(live.ledger, live.id, Notary(KEYS, timedelta(0), None)) == 1


@pytest.mark.parametrize("at_once", [1, 3, 7, 4_096])
async def test_the_tree_is_the_same_by_steps_and_by_changes(
    live: Tenant, elsewhere: Elsewhere, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await live.customer(f"c{n}") for n in range(40)]
    for person in people[::2]:
        await live.adjust(person, 10)
    checkpoint = await made(live, elsewhere, at_once)
    assert (checkpoint.size, checkpoint.root) == await root_of_all(live, checkpoint)
    for person in (people[4], people[1], people[30], people[39]):
        await live.adjust(person, 10)
    checkpoint = await made(live, elsewhere, at_once)
    assert (checkpoint.size, checkpoint.root) == await root_of_all(live, checkpoint)
    for person in people:
        await live.adjust(person, 1)
    monkeypatch.setattr(making, "MANY_TRANSACTIONS", 10)
    checkpoint = await made(live, elsewhere, at_once)
    assert checkpoint.size == 40
    assert (checkpoint.size, checkpoint.root) == await root_of_all(live, checkpoint)


async def test_accounts_that_come_between_others_take_their_place(
    live: Tenant, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process whose ids are of an hour ago: they come before those that there are."""
    new_id = live.ledger.source.new_id
    for tail in (512, 0):
        monkeypatch.setattr(making, "LONG_TAIL", tail)
        for person in [await live.customer(f"{tail}-{n}") for n in range(40)]:
            await live.adjust(person, 10)
        await made(live, elsewhere)
        monkeypatch.setattr(live.ledger.source, "new_id", lambda: UUID(int=new_id().int - (3_600_000 << 80)))
        for n in range(3):
            await live.adjust(await live.customer(f"early-{tail}-{n}"), 10)
        monkeypatch.setattr(live.ledger.source, "new_id", new_id)
        await live.adjust(await live.customer(f"late-{tail}"), 10)
        checkpoint = await made(live, elsewhere, 3)
        assert (checkpoint.size, checkpoint.root) == await root_of_all(live, checkpoint)


async def test_it_is_brought_where_it_is_kept_and_again_if_that_failed(live: Tenant, elsewhere: Elsewhere) -> None:
    await live.adjust(await live.customer("anna"), 50)
    checkpoint = await made(live, elsewhere)
    elsewhere.full = True
    with pytest.raises(OSError, match="space"):
        await keep_checkpoints(live.ledger, live.id, elsewhere.notary)
    elsewhere.full = False
    assert await keep_checkpoints(live.ledger, live.id, elsewhere.notary) == 1
    assert of_note(elsewhere.notes[checkpoint.name]) == checkpoint
    assert await keep_checkpoints(live.ledger, live.id, elsewhere.notary) == 0
    assert await keep_checkpoints(live.ledger, live.id, Notary(KEYS, timedelta(0), None)) == 0


async def test_what_is_lost_of_the_tree_is_made_again(
    live: Tenant, elsewhere: Elsewhere, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    anna = await live.customer("anna")
    await live.adjust(anna, 50)
    first = await made(live, elsewhere)
    for table in ("checkpoint_tiles", "checkpoint_trees"):
        await owner_connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        await owner_connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", live.id)
        await owner_connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    await live.adjust(anna, 50)
    second = await made(live, elsewhere)
    assert (second.number, second.previous) == (2, first.digest)
    assert (second.size, second.root) == await root_of_all(live, second)


async def test_two_processes_make_each_once(live: Tenant, elsewhere: Elsewhere) -> None:
    people = [await live.customer(f"c{n}") for n in range(10)]
    for _ in range(5):
        for person in people:
            await live.adjust(person, 1)
        await keep_feed(live.ledger, live.id)
        notary = elsewhere.notary
        steps = await asyncio.gather(
            *(make_checkpoint(live.ledger, live.id, notary, now=True, at_once=2) for _ in range(3))
        )
        assert sum(steps) > 0
        while await make_checkpoint(live.ledger, live.id, notary, now=True):
            pass
        checkpoint = await last(live)
        assert (checkpoint.size, checkpoint.root) == await root_of_all(live, checkpoint)
    assert checkpoint.number == 5


async def test_another_key_goes_on_only_if_the_old_one_is_trusted(live: Tenant, elsewhere: Elsewhere) -> None:
    anna = await live.customer("anna")
    await live.adjust(anna, 50)
    await made(live, elsewhere)
    new = new_key("books.example", bytes(32))
    await live.adjust(anna, 50)
    await keep_feed(live.ledger, live.id)
    stranger = Notary(Keys((new,), (new.public,)), timedelta(0), None)
    with pytest.raises(BooksDiffer, match="none of the keys"):
        await make_checkpoint(live.ledger, live.id, stranger)
    heir = Notary(Keys((new,), (new.public, KEY.public)), timedelta(0), None)
    assert await make_checkpoint(live.ledger, live.id, heir) == 1
    assert await live.rows("SELECT keys FROM checkpoints WHERE tenant_id = $1 ORDER BY number") == [
        (KEY.public.written(),),
        (new.public.written(),),
    ]

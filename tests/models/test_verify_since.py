"""Checkpoints: what came since one is proved, and what was cut off or written anew before it is found."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import Actor, AdjustCredit
from models.customers import UpsertCustomer
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_tenant import create_tenant
from models.operations.upsert_customer import upsert_customer
from models.reads.verify import verify
from models.reads.verify_since import Checkpoint, checkpoint, read_checkpoint, verify_since
from tests.support.tampering import Tampering, planted

MANAGER = Actor("maria", "MANAGER", name="Maria")


class Books:
    """One customer's pounds: three postings before the checkpoint, and two since."""

    def __init__(self, ledger: Ledger, tenant_id: UUID, customer_id: UUID) -> None:
        self.ledger = ledger
        self.tenant_id = tenant_id
        self.customer_id = customer_id

    async def post(self, *amounts: int) -> None:
        for amount in amounts:
            reason = "GOODWILL" if amount > 0 else "POLICY"
            command = AdjustCredit(self.customer_id, "GBP", Decimal(amount), reason)
            await adjust_credit(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)


@pytest.fixture
async def books(database: Urls) -> AsyncIterator[Books]:
    ledger = Ledger()
    tenant_id = await create_tenant(ledger, f"t-{uuid4().hex}", "Tea shop", "Europe/London")
    anna = (await upsert_customer(ledger, tenant_id, MANAGER, UpsertCustomer("Anna", "Anna")))[0].id
    made = Books(ledger, tenant_id, anna)
    await made.post(100, 50, -30)
    yield made
    await ledger.close()


@pytest.fixture
async def kept(books: Books) -> Checkpoint:
    found = await checkpoint(books.tenant_id)
    await books.post(20, -10)
    return found


@pytest.fixture
def tamper(books: Books, owner_connection: "asyncpg.Connection[Any]") -> Tampering:
    return Tampering(owner_connection, books.tenant_id)


async def test_what_came_since_is_proved(books: Books, kept: Checkpoint) -> None:
    proof = await verify_since(kept)

    assert proof.holds, proof.listed
    assert (kept.accounts, kept.entries, proof.entries) == (1, 3, 2)


FOURTH, FIFTH = "sequence = 4", "sequence = 5"
SINCE = {
    "a balance after": planted(
        "entries", "balance_after_minor = balance_after_minor + 1", FOURTH, "entry hash", "entry balance"
    ),
    "a hash": planted("entries", "hash = sha256('forged')", FOURTH, "entry hash", "entry link"),
    "an entry gone": planted("entries", None, FOURTH, "entry sequence", "entry balance", "entry link"),
    "the newest gone": planted("entries", None, FIFTH, "account head"),
    "a balance": planted("accounts", "balance_minor = balance_minor + 1", "asset = 'GBP'", "account head"),
    "a credit": planted("credits", "auto_apply = false", "opened_sequence = 4", "credit promise"),
    "a reason": planted(
        "transactions",
        "reason = 'PROMOTION'",
        f"id = (SELECT transaction_id FROM entries WHERE {FOURTH})",
        "row of transactions",
    ),
}


@pytest.mark.parametrize("what", SINCE)
async def test_tampering_since_is_found(kept: Checkpoint, tamper: Tampering, what: str) -> None:
    await tamper(SINCE[what].table, SINCE[what].statement)

    assert SINCE[what].found <= (await verify_since(kept)).found.keys()


async def test_entries_since_are_proved_whatever_the_newest_says_of_its_time(books: Books, tamper: Tampering) -> None:
    """Of nine the eighth is in the index by time, and the newest is put to before the checkpoint."""
    await books.post(1, 2, 3, 4)
    kept = await checkpoint(books.tenant_id)
    await books.post(5, 6)
    assert (await verify_since(kept)).holds
    before = f"'{kept.until}'::timestamptz - interval '1 us'"
    await tamper("entries", f"UPDATE entries SET created_at = {before}, hash = sha256('') WHERE sequence = 9")
    await tamper("accounts", f"UPDATE accounts SET posted_at = {before}, head_hash = sha256('')")

    assert {"entry hash", "entry time"} <= (await verify_since(kept)).found.keys()


async def test_a_chain_rewritten_with_its_hashes_is_found(books: Books, kept: Checkpoint, tamper: Tampering) -> None:
    """Whatever is done before, a head is another one."""
    await tamper("entries", "UPDATE entries SET hash = sha256('forged') WHERE sequence = 3")

    assert "checkpoint" in (await verify_since(kept)).found


async def test_an_account_taken_away_whole_is_found(books: Books, owner_connection: "asyncpg.Connection[Any]") -> None:
    kept = await checkpoint(books.tenant_id)
    async with owner_connection.transaction():
        await owner_connection.execute(f"SET LOCAL scrip.tenant = '{books.tenant_id}'")
        for table in ("credits", "entries", "accounts"):
            await owner_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in ("entries", "credits", "accounts"):
            await owner_connection.execute(f"DELETE FROM {table}")
        for table in ("credits", "entries", "accounts"):
            await owner_connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    assert (await verify_since(kept)).found == {"checkpoint": 1}


async def test_what_was_there_before_takes_a_whole_run(books: Books, kept: Checkpoint, tamper: Tampering) -> None:
    await tamper("credits", "UPDATE credits SET auto_apply = false WHERE opened_sequence = 1")

    assert (await verify_since(kept)).holds
    assert "credit promise" in (await verify(books.tenant_id)).found


async def test_two_lanes_find_what_one_does(books: Books, tamper: Tampering) -> None:
    assert (await verify(books.tenant_id, lanes=2)).holds
    await tamper("entries", "UPDATE entries SET balance_after_minor = balance_after_minor + 1 WHERE sequence = 2")

    one, two = await verify(books.tenant_id), await verify(books.tenant_id, lanes=2)

    assert (one.found, one.listed) == (two.found, two.listed)


async def test_a_checkpoint_is_read_as_it_was_written(kept: Checkpoint) -> None:
    assert read_checkpoint(kept.written()) == kept


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tenant": 1}', "null"])
def test_anything_else_is_no_checkpoint(text: str) -> None:
    with pytest.raises(ValueError, match=r"checkpoint|Expecting value"):
        read_checkpoint(text)

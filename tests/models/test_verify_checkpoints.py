"""Books that are rewritten whole, with every hash, are found by a checkpoint that is kept elsewhere, and by nothing else."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.checkpoints import BooksDiffer, Checkpoint, of_note
from models.hash_chain import Promise, entry_hash, promises_digest, transaction_digest
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.reads.proof import Proof
from models.reads.verify import verify
from models.reads.verify_checkpoints import verify_kept
from tests.models.test_make_checkpoint import KEYS, Elsewhere, made
from tests.support.following import in_real_time
from tests.support.tampering import past_triggers
from tests.support.tenants import Tenant

HUNDRED: Final = 100_00
AN_HOUR_BEFORE: Final = "(created_at AT TIME ZONE 'UTC' - interval '1 hour') AT TIME ZONE 'UTC'"
"""What no setting changes: of several nodes, nothing else may be worked out in an UPDATE."""
TRACES: Final = (
    "DELETE FROM checkpoints WHERE tenant_id = $1",
    "DELETE FROM seals WHERE tenant_id = $1 AND of_table = 'checkpoints'",
    "DELETE FROM checkpoint_tiles WHERE tenant_id = $1",
    "DELETE FROM checkpoint_trees WHERE tenant_id = $1",
    "DELETE FROM feed WHERE tenant_id = $1 AND kind = 'CHECKPOINT_MADE'",
    """UPDATE feed_heads SET position = (SELECT max(position) FROM feed f WHERE f.tenant_id = $1) WHERE tenant_id = $1""",
    "DELETE FROM outbox WHERE tenant_id = $1 AND topic = 'checkpoint.made'",
)


class Forger:
    """A superuser, whom no trigger sees, and who knows how the hashes are made."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant: Tenant) -> None:
        self.connection = connection
        self.tenant = tenant

    async def do(self, *statements: str) -> None:
        async with past_triggers(self.connection):
            for sql in statements:
                await self._execute(sql)

    async def hide(self) -> None:
        """Leave nothing of checkpoints."""
        await self.do(*TRACES)

    async def add_to_first(self, customer: UUID, minor: int) -> None:
        """The first entry of the account, which opened a credit, is of so much more, and the chain is recomputed from
        there."""
        async with past_triggers(self.connection):
            account = await self._account(customer)
            await self._execute(
                """UPDATE entries SET balance_after_minor = balance_after_minor + $3,
                    amount_minor = amount_minor + CASE WHEN sequence = 1 THEN $3 ELSE 0 END,
                    lifetime_minor = lifetime_minor + CASE WHEN sequence = 1 THEN $3 ELSE 0 END
                WHERE tenant_id = $1 AND account_id = $2""",
                account,
                minor,
            )
            await self._execute(
                """UPDATE credits SET amount_minor = amount_minor + $3, remaining_minor = remaining_minor + $3
                WHERE tenant_id = $1 AND account_id = $2 AND opened_sequence = 1""",
                account,
                minor,
            )
            await self._digest_anew(account)
            await self._rehash(account)

    async def _digest_anew(self, account: UUID) -> None:
        """The transaction that opened the account's first credit promises what the credit is now."""
        sql = "SELECT * FROM credits WHERE tenant_id = $1 AND account_id = $2 AND opened_sequence = 1"
        (credit,) = await self._fetch(sql, account)
        names = ("id", "account_id", "origin_id", "amount_minor", "opened_sequence", "effective_on", "starts_at")
        more = ("expires_at", "created_at", "auto_apply", "counts")
        promise = Promise(**{name: credit[name] for name in (*names, *more)}, service_ids=())
        sql = "SELECT * FROM transactions WHERE tenant_id = $1 AND id = $2"
        (row,) = await self._fetch(sql, credit["transaction_id"])
        facts = {name: value for name, value in row.items() if name not in ("id", "digest")}
        promised = promises_digest(self.tenant.id, row["id"], [promise])
        digest = transaction_digest(transaction_id=row["id"], promised=promised, **facts)
        await self._execute("UPDATE transactions SET digest = $3 WHERE tenant_id = $1 AND id = $2", row["id"], digest)

    async def _rehash(self, account: UUID) -> None:
        entries = await self._fetch(
            """SELECT e.*, t.digest FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
            WHERE e.tenant_id = $1 AND e.account_id = $2 ORDER BY e.sequence""",
            account,
        )
        previous = None
        for entry in entries:
            facts = {
                name: value for name, value in entry.items() if name not in ("id", "digest", "hash", "previous_hash")
            }
            hashed = entry_hash(previous, entry_id=entry["id"], transaction_digest=entry["digest"], **facts)
            sql = "UPDATE entries SET previous_hash = $3, hash = $4 WHERE tenant_id = $1 AND id = $2"
            await self._execute(sql, entry["id"], previous, hashed)
            previous = hashed
        if not entries:
            return
        last = entries[-1]
        await self._execute(
            """UPDATE accounts SET balance_minor = $3, head_hash = $4, sequence = $5, posted_at = $6, lifetime_minor = $7
            WHERE tenant_id = $1 AND id = $2""",
            account,
            last["balance_after_minor"],
            previous,
            last["sequence"],
            last["created_at"],
            sum(entry["lifetime_minor"] for entry in entries),
        )

    async def cut_tail(self, customer: UUID) -> None:
        """The newest entry of the account, with its transaction and credit, has never been."""
        async with past_triggers(self.connection):
            account = await self._account(customer)
            sql = "SELECT * FROM entries WHERE tenant_id = $1 AND account_id = $2 ORDER BY sequence DESC LIMIT 1"
            (gone,) = await self._fetch(sql, account)
            # Positions are another matter.
            await self._execute("DELETE FROM feed WHERE tenant_id = $1 AND kind LIKE 'CREDIT_%'")
            for table, column in (("entries", "id"), ("credits", "transaction_id"), ("transactions", "id")):
                named = gone["id"] if table == "entries" else gone["transaction_id"]
                await self._execute(f"DELETE FROM {table} WHERE tenant_id = $1 AND {column} = $2", named)
            await self._rehash(account)

    async def date_back(self, customer: UUID) -> None:
        """All of the account is of an hour ago, and told in no feed."""
        async with past_triggers(self.connection):
            account = await self._account(customer)
            for table, column, named in (("entries", "account_id", account), ("transactions", "customer_id", customer)):
                sql = f"UPDATE {table} SET created_at = {AN_HOUR_BEFORE} WHERE tenant_id = $1 AND {column} = $2"
                await self._execute(sql, named)
            await self._rehash(account)

    async def take_away(self, customer: UUID) -> None:
        """The account has never been."""
        async with past_triggers(self.connection):
            account = await self._account(customer)
            for table in ("entries", "credits"):
                await self._execute(f"DELETE FROM {table} WHERE tenant_id = $1 AND account_id = $2", account)
            for table in ("transactions", "accounts"):
                await self._execute(f"DELETE FROM {table} WHERE tenant_id = $1 AND customer_id = $2", customer)

    async def _account(self, customer: UUID) -> UUID:
        ((found,),) = await self._fetch("SELECT id FROM accounts WHERE tenant_id = $1 AND customer_id = $2", customer)
        return UUID(str(found))

    async def _execute(self, sql: str, *arguments: object) -> None:
        await self.connection.execute(sql, self.tenant.id, *arguments)

    async def _fetch(self, sql: str, *arguments: object) -> list[Any]:
        rows: list[Any] = await self.connection.fetch(sql, self.tenant.id, *arguments)
        return rows


@pytest.fixture
async def books(database: Urls) -> AsyncIterator[Tenant]:
    """They are wrong at the end."""
    async with in_real_time(proved=False) as tenant:
        yield tenant


@pytest.fixture
async def anna(books: Tenant) -> UUID:
    anna = await books.customer("anna")
    await books.credit(anna, 50)
    await books.adjust(anna, -20)
    await books.credit(anna, 7)
    await books.credit(await books.customer("ben"), 5)
    return anna


@pytest.fixture
async def elsewhere(anna: UUID, books: Tenant) -> Elsewhere:
    elsewhere = Elsewhere()
    await made(books, elsewhere)
    return elsewhere


@pytest.fixture
async def kept(elsewhere: Elsewhere, books: Tenant) -> Checkpoint:
    ((note,),) = await books.rows("SELECT note FROM checkpoints WHERE tenant_id = $1")
    await keep_feed(books.ledger, books.id)
    return of_note(note)


@pytest.fixture
async def forger(books: Tenant, database_urls: Urls) -> AsyncIterator[Forger]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_urls.admin)
    yield Forger(connection, books)
    await connection.close()


async def proof(books: Tenant, *kept: Checkpoint) -> Proof:
    return await verify(books.id, kept=kept, trusted=KEYS.trusted)


async def test_books_that_went_on_hold(books: Tenant, kept: Checkpoint, anna: UUID, elsewhere: Elsewhere) -> None:
    assert (await proof(books, kept)).holds
    await books.adjust(anna, 10)
    assert (await proof(books, kept)).holds
    second = await made(books, elsewhere)
    found = await proof(books, kept, second)
    assert found.holds, found.listed


async def test_a_rewritten_history_is_found_by_a_checkpoint_alone(
    books: Tenant, kept: Checkpoint, anna: UUID, forger: Forger
) -> None:
    await forger.add_to_first(anna, HUNDRED)
    found = await proof(books)
    assert found.found.keys() == {"checkpoint's heads", "checkpoint's head"}
    account = (await books.rows("SELECT id FROM accounts WHERE tenant_id = $1 AND customer_id = $2", anna))[0][0]
    assert [one.id for one in found.listed if one.check == "checkpoint's head"] == [account]
    await forger.hide()
    unseen = await proof(books)
    assert unseen.holds, unseen.listed  # whatever stands in this database, agrees
    found = await proof(books, kept)
    assert found.found.keys() == {"checkpoint kept elsewhere", "checkpoint's heads"}


async def test_a_tail_cut_off_is_found(books: Tenant, kept: Checkpoint, anna: UUID, forger: Forger) -> None:
    await forger.cut_tail(anna)
    await forger.hide()
    found = await verify_kept(books.id, [kept], KEYS.trusted)
    assert {"checkpoint's heads", "checkpoint's events"} <= found.found.keys()


async def test_an_account_taken_away_is_found(books: Tenant, kept: Checkpoint, anna: UUID, forger: Forger) -> None:
    await forger.take_away(anna)
    found = await verify_kept(books.id, [kept], KEYS.trusted)
    assert {"checkpoint's heads", "checkpoint's head"} <= found.found.keys()


async def test_what_is_told_otherwise_is_found(books: Tenant, kept: Checkpoint, forger: Forger) -> None:
    await forger.do("UPDATE feed SET occurred_at = now() WHERE tenant_id = $1 AND position = 1")
    assert (await verify_kept(books.id, [kept], KEYS.trusted)).found.keys() == {"checkpoint's events"}


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE checkpoints SET size = size + 1 WHERE tenant_id = $1", "checkpoint"),
        ("UPDATE checkpoints SET note = replace(note, 'number 1', 'number 2') WHERE tenant_id = $1", "checkpoint"),
        ("UPDATE checkpoints SET number = 2 WHERE tenant_id = $1", "checkpoint"),
        ("DELETE FROM checkpoints WHERE tenant_id = $1", "checkpoint kept elsewhere"),
    ],
)
async def test_a_checkpoints_row_is_compared(
    books: Tenant, kept: Checkpoint, forger: Forger, statement: str, check: str
) -> None:
    await forger.do(statement)
    assert check in (await verify_kept(books.id, [kept], KEYS.trusted)).found


async def test_nobody_signs_what_does_not_continue_the_last_one(
    books: Tenant, kept: Checkpoint, anna: UUID, forger: Forger, elsewhere: Elsewhere
) -> None:
    """Otherwise the next checkpoint would be of the rewritten books, and nobody would compare with the last any more."""
    await forger.add_to_first(anna, HUNDRED)
    await books.adjust(anna, 1)
    await keep_feed(books.ledger, books.id)
    with pytest.raises(BooksDiffer, match="another entry"):
        await make_checkpoint(books.ledger, books.id, elsewhere.notary, now=True)
    await forger.do(
        "DELETE FROM checkpoint_trees WHERE tenant_id = $1", "DELETE FROM checkpoint_tiles WHERE tenant_id = $1"
    )
    with pytest.raises(
        BooksDiffer, match="heads have the root"
    ):  # the tree begins again, and comes to the last checkpoint
        await make_checkpoint(books.ledger, books.id, elsewhere.notary, now=True)
    assert await books.count("checkpoints") == 1


@pytest.mark.parametrize("at_once", [1, 4_096])
@pytest.mark.parametrize("how", ["rewritten", "cut off", "taken away", "added"])
async def test_nobody_signs_while_an_account_is_not_what_it_was(
    books: Tenant, kept: Checkpoint, forger: Forger, elsewhere: Elsewhere, how: str, at_once: int
) -> None:
    """Also one that nobody has posted to since: no entry leads there, so all are compared."""
    (ben,) = (await books.rows("SELECT id FROM customers WHERE tenant_id = $1 AND external_id = 'ben'"))[0]
    if how == "rewritten":
        await forger.add_to_first(ben, HUNDRED)
    elif how == "cut off":
        await forger.cut_tail(ben)
    elif how == "taken away":
        await forger.take_away(ben)
    else:  # an account that has been there all the time
        carl = await books.customer("carl")
        await books.adjust(carl, 5)
        await forger.date_back(carl)
    await books.adjust(await books.customer("dora"), 1)
    await keep_feed(books.ledger, books.id)
    with pytest.raises(BooksDiffer, match=r"account .* has (another newest entry|no entry any more)"):
        await make_checkpoint(books.ledger, books.id, elsewhere.notary, now=True, at_once=at_once)
    assert await books.count("checkpoints") == 1


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE checkpoint_tiles SET hashes = set_byte(hashes, 3, 255 - get_byte(hashes, 3)) WHERE tenant_id = $1",
            "root",
        ),
        ("UPDATE checkpoint_tiles SET root = sha256(root) WHERE tenant_id = $1", "root"),
        ("UPDATE checkpoints SET note = replace(note, 'events 1 ', 'events 2 ') WHERE tenant_id = $1", "signature"),
    ],
)
async def test_a_tree_of_somebody_elses_is_not_continued(
    books: Tenant, kept: Checkpoint, anna: UUID, forger: Forger, elsewhere: Elsewhere, statement: str, told: str
) -> None:
    await forger.do(statement)
    await books.adjust(anna, 1)
    await keep_feed(books.ledger, books.id)
    with pytest.raises(BooksDiffer, match=told):
        await make_checkpoint(books.ledger, books.id, elsewhere.notary, now=True)


async def test_kept_checkpoints_name_each_other(
    books: Tenant, kept: Checkpoint, anna: UUID, elsewhere: Elsewhere
) -> None:
    await books.adjust(anna, 1)
    second = await made(books, elsewhere)
    forged = Checkpoint(second.tenant_id, 1, kept.until, kept.size, kept.root, 1, kept.last, bytes(32), None)
    found = await verify_kept(books.id, [forged, second], KEYS.trusted)
    assert found.found["checkpoint kept elsewhere"] == 2

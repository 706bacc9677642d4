"""Two server processes that are asked for the same at the same moment, on few accounts and crosswise."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from pathlib import Path
from uuid import UUID

from app.postgres.embedded import Urls
from models.commands import ApproveRequest
from models.sources import system_clock
from tests.support.approvals import ask
from tests.support.shop import Shop
from tests.support.storm import APPROVING, EVERYTHING, STAFF, UNDOING, requests

ROOT = Path(__file__).parents[2]
NUMBER = 500
"""Requests. Each comes from both processes, so a thousand are sent."""
UNDOINGS = 200
APPROVALS = 200
SEED = 20261122
ANSWER_BYTES = 1_000_000
STOCK = 12


async def process(orders: dict[str, object]) -> Process:
    """One of the two, connected and waiting for the start."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.storm", stdin=PIPE, stdout=PIPE, cwd=ROOT, limit=ANSWER_BYTES
    )
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(json.dumps(orders).encode() + b"\n")
    assert await started.stdout.readline() == b"ready\n"
    return started


async def storm(
    shop: Shop, urls: Urls, there: dict[str, list[UUID]], kinds: dict[str, int], number: int
) -> list[dict[str, tuple[str, str]]]:
    """What each of the two was answered, by key."""
    orders = {
        "url": urls.app,
        "tenant": str(shop.tenant_id),
        "seed": SEED,
        "number": number,
        "kinds": kinds,
        "there": {kind: [str(i) for i in ids] for kind, ids in there.items()},
    }
    both = await asyncio.gather(*(process({**orders, "order": order}) for order in (1, 2)))
    answers = await asyncio.gather(*(one.communicate(b"go\n") for one in both))
    assert [one.returncode for one in both] == [0, 0]
    return [{key: tuple(result) for key, result in json.loads(answer).items()} for answer, _ in answers]


async def test_a_thousand_clashing_requests(shop: Shop, database_urls: Urls) -> None:
    shop.clock.now = system_clock()  # the two go by the real time
    customers = [await shop.customer(f"C{n}") for n in range(4)]
    given = [await shop.credit(c, amount, auto_apply=True) for c in customers for amount in (60, 90, 120)]
    there = {
        "customers": customers,
        "credits": given,
        "rewards": [await shop.reward(150, stock=STOCK)],
        "invoices": [await shop.invoice(c, 40, auto_apply=False) for c in customers for _ in range(5)],
    }
    first, second = await storm(shop, database_urls, there, EVERYTHING, NUMBER)
    shop.clock.now = system_clock()

    _check_answers(first, second, "LIMIT_EXCEEDED", "DUPLICATE")
    await _check_keys(shop, first, second)
    await _check_limits(shop, there["rewards"][0])
    await _check_sums(shop)


async def test_credits_and_invoices_undone_in_every_order_do_not_deadlock(shop: Shop, database_urls: Urls) -> None:
    """One process comes to an invoice by way of its credit, the other to the credit by way of its invoice."""
    shop.clock.now = system_clock()
    anna, ben = await shop.customer("Anna"), await shop.customer("Ben")
    given: list[UUID] = []
    invoices: list[UUID] = []
    parts: list[UUID] = []
    for customer in (anna, ben) * 8:
        credit = await shop.credit(customer, 40, auto_apply=True)
        invoice = await shop.invoice(customer, 60, auto_apply=False)
        parts += (await shop.assign(credit, (invoice, 10), *((i, 1) for i in invoices[-2:-1]))).assignment_ids
        given.append(credit)
        invoices.append(invoice)
    there = {"customers": [anna, ben], "credits": given, "invoices": invoices, "assignments": parts}
    before = await _deadlocks(shop)
    first, second = await storm(shop, database_urls, there, UNDOING, UNDOINGS)
    shop.clock.now = system_clock()

    _check_answers(first, second, "ALREADY_RELEASED", "INVOICE_NOT_OPEN", "CREDIT_NOT_OPEN")
    await _check_keys(shop, first, second)
    assert await _deadlocks(shop) == before
    await _check_sums(shop)


async def test_each_approval_is_posted_once_whoever_clicks(shop: Shop, database_urls: Urls) -> None:
    shop.clock.now = system_clock()
    customers = [await shop.customer(f"C{n}") for n in range(4)]
    waiting = [await ask(shop, customer, 101 + n) for n, customer in enumerate(customers * 5)]
    there = {
        "customers": customers,
        "credits": [await shop.credit(customers[0], 1)],
        "invoices": [await shop.invoice(customers[0], 1, auto_apply=False)],
        "requests": waiting,
    }
    before = await _deadlocks(shop)
    answers = await storm(shop, database_urls, there, APPROVING, APPROVALS)
    shop.clock.now = system_clock()

    asked = requests(SEED, APPROVALS, {kind: list(map(str, ids)) for kind, ids in there.items()}, APPROVING)
    made: defaultdict[UUID, set[str]] = defaultdict(set)
    posted: Counter[UUID] = Counter()
    for key, (_, _, command) in asked.items():
        if isinstance(command, ApproveRequest):
            for result, transaction in (answer[key] for answer in answers):
                assert result in ("posted", "replayed")
                made[command.request_id].add(transaction)
                posted[command.request_id] += result == "posted"
    assert set(made) == set(waiting)
    assert {len(transactions) for transactions in made.values()} == set(posted.values()) == {1}
    sql = "SELECT count(*) FROM transactions WHERE tenant_id = $1 AND approved_by_id IS NOT NULL"
    assert await shop.rows(sql) == [(len(waiting),)]
    assert await _deadlocks(shop) == before
    await _check_sums(shop)


async def _deadlocks(shop: Shop) -> int:
    """So many has this worker's database seen."""
    sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND $1::uuid IS NOT NULL"
    found: int = (await shop.rows(sql))[0][0]
    return found


def _check_answers(first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]], *refusals: str) -> None:
    """No request is posted twice, the repetition names what the first made, and nothing but a refusal is raised.

    refusals: those that have to be among the answers, so that there was something to clash over.
    """
    codes = Counter(answer for answers in (first, second) for answer, _ in answers.values())
    assert all(code.replace("_", "").isalpha() for code in codes), codes
    assert codes["BUSY"] == 0, codes
    assert min(codes[code] for code in ("posted", "replayed", *refusals)) > 0, codes
    for key, (answer, made) in first.items():
        again, made_again = second[key]
        assert (answer, again) != ("posted", "posted")
        if {answer, again} == {"posted", "replayed"}:
            assert made == made_again
        assert answer != "replayed" or again == "posted"
        assert again != "replayed" or answer == "posted"


async def _check_keys(shop: Shop, first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]]) -> None:
    posted = {key for answers in (first, second) for key, (answer, _) in answers.items() if answer == "posted"}
    kept = {row[0] for row in await shop.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1")}
    assert {key for key in kept if key.startswith(f"{SEED}-")} == posted


async def _check_limits(shop: Shop, reward: UUID) -> None:
    used = await shop.rows(
        """SELECT a.customer_id, sum(e.amount_minor) FROM entries e
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        JOIN actors x ON x.tenant_id = $1 AND x.id = t.actor_id
        WHERE e.tenant_id = $1 AND x.role = $2 AND e.counter = 'ISSUED' GROUP BY 1""",
        STAFF.role,
    )
    assert all(amount <= 2000 for _, amount in used)  # per customer and day
    total = sum(amount for _, amount in used)
    assert 4000 < total <= 5000  # per actor and day: contested, and nearly used up
    counted = await shop.rows(
        "SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND scope = 'PER_ACTOR_DAY' AND role = 'STAFF'"
    )
    assert counted == [(total,)]
    stock = await shop.rows("SELECT stock FROM rewards WHERE tenant_id = $1 AND id = $2", reward)
    assert stock == [(STOCK - await shop.count("coupons"),)]


async def _check_sums(shop: Shop) -> None:
    """Sums of entries are the balances, sequences have no gap. (And the fixture proves the books as a whole.)"""
    wrong = await shop.rows(
        """SELECT a.id FROM accounts a LEFT JOIN entries e ON e.tenant_id = $1 AND e.account_id = a.id
        WHERE a.tenant_id = $1 GROUP BY a.id, a.balance_minor, a.sequence
        HAVING coalesce(sum(e.amount_minor), 0) <> a.balance_minor OR count(e.id) <> a.sequence
            OR min(e.sequence) <> 1 OR max(e.sequence) <> a.sequence"""
    )
    assert wrong == []


def test_both_make_the_same_requests() -> None:
    there = {kind: [str(UUID(int=n)) for n in range(4)] for kind in ("customers", "credits", "rewards", "invoices")}
    assert requests(1, 50, there) == requests(1, 50, there)
    assert requests(1, 50, there) != requests(2, 50, there)

"""Two server processes that are asked for the same at the same moment, on few accounts and crosswise."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from pathlib import Path
from uuid import UUID

from app.postgres.embedded import Urls
from models.planning.approving import ApproveRequest
from models.sources import system_clock
from tests.support.approvals import ask
from tests.support.storm import APPROVING, EVERYTHING, MOVING, STAFF, UNDOING, requests
from tests.support.tenants import Tenant

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
    tenant: Tenant, urls: Urls, there: dict[str, list[UUID]], kinds: dict[str, int], number: int
) -> list[dict[str, tuple[str, str]]]:
    """What each of the two was answered, by key."""
    orders = {
        "url": urls.app,
        "tenant": str(tenant.id),
        "seed": SEED,
        "number": number,
        "kinds": kinds,
        "there": {kind: [str(i) for i in ids] for kind, ids in there.items()},
    }
    both = await asyncio.gather(*(process({**orders, "order": order}) for order in (1, 2)))
    answers = await asyncio.gather(*(one.communicate(b"go\n") for one in both))
    assert [one.returncode for one in both] == [0, 0]
    return [{key: tuple(result) for key, result in json.loads(answer).items()} for answer, _ in answers]


async def test_a_thousand_clashing_requests(tenant: Tenant, database_urls: Urls) -> None:
    tenant.clock.stand_still(system_clock())  # the two go by the real time
    customers = [await tenant.customer(name=f"C{n}") for n in range(4)]
    given = [await tenant.credit(c, amount, auto_apply=True) for c in customers for amount in (60, 90, 120)]
    there = {
        "customers": customers,
        "credits": given,
        "rewards": [await tenant.reward(150, stock=STOCK)],
        "invoices": [await tenant.invoice(c, 40, auto_apply=False) for c in customers for _ in range(5)],
    }
    first, second = await storm(tenant, database_urls, there, EVERYTHING, NUMBER)
    tenant.clock.stand_still(system_clock())

    _check_answers(first, second, "LIMIT_EXCEEDED", "DUPLICATE")
    await _check_keys(tenant, first, second)
    await _check_limits(tenant, there["rewards"][0])
    await _check_sums(tenant)


async def test_credits_and_invoices_undone_in_every_order_do_not_deadlock(tenant: Tenant, database_urls: Urls) -> None:
    """One process comes to an invoice by way of its credit, the other to the credit by way of its invoice."""
    tenant.clock.stand_still(system_clock())
    anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
    given: list[UUID] = []
    invoices: list[UUID] = []
    parts: list[UUID] = []
    for customer in (anna, ben) * 8:
        credit = await tenant.credit(customer, 40, auto_apply=True)
        invoice = await tenant.invoice(customer, 60, auto_apply=False)
        parts += (await tenant.assign(credit, (invoice, 10), *((i, 1) for i in invoices[-2:-1]))).assignment_ids
        given.append(credit)
        invoices.append(invoice)
    there = {"customers": [anna, ben], "credits": given, "invoices": invoices, "assignments": parts}
    before = await _deadlocks(tenant)
    first, second = await storm(tenant, database_urls, there, UNDOING, UNDOINGS)
    tenant.clock.stand_still(system_clock())

    _check_answers(first, second, "ALREADY_RELEASED", "INVOICE_NOT_OPEN", "CREDIT_NOT_OPEN")
    await _check_keys(tenant, first, second)
    assert await _deadlocks(tenant) == before
    await _check_sums(tenant)


async def test_a_thousand_transfers_crosswise_do_not_deadlock(tenant: Tenant, database_urls: Urls) -> None:
    """From A to B and from B to A, among three people; what there is in all is what was added and taken away."""
    tenant.clock.stand_still(system_clock())
    customers = [await tenant.customer(name=f"C{n}") for n in range(3)]
    given = [await tenant.credit(customer, 40) for customer in customers for _ in range(2)]
    invoices = [await tenant.invoice(customers[0], 1, auto_apply=False)]
    there = {"customers": customers, "credits": given, "invoices": invoices}
    before = await _deadlocks(tenant)
    first, second = await storm(tenant, database_urls, there, MOVING, NUMBER)
    tenant.clock.stand_still(system_clock())

    _check_answers(first, second, "INSUFFICIENT_BALANCE")
    await _check_keys(tenant, first, second)
    assert await _deadlocks(tenant) == before
    await _check_sums(tenant)
    moved = "SELECT sum(amount_minor), count(*) > $2 FROM entries WHERE tenant_id = $1 AND counter = 'TRANSFERRED'"
    assert await tenant.rows(moved, NUMBER // 4) == [(0, True)]


async def test_each_approval_is_posted_once_whoever_clicks(tenant: Tenant, database_urls: Urls) -> None:
    tenant.clock.stand_still(system_clock())
    customers = [await tenant.customer(name=f"C{n}") for n in range(4)]
    waiting = [await ask(tenant, customer, 101 + n) for n, customer in enumerate(customers * 5)]
    there = {
        "customers": customers,
        "credits": [await tenant.credit(customers[0], 1)],
        "invoices": [await tenant.invoice(customers[0], 1, auto_apply=False)],
        "requests": waiting,
    }
    before = await _deadlocks(tenant)
    answers = await storm(tenant, database_urls, there, APPROVING, APPROVALS)
    tenant.clock.stand_still(system_clock())

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
    assert await tenant.rows(sql) == [(len(waiting),)]
    assert await _deadlocks(tenant) == before
    await _check_sums(tenant)


async def _deadlocks(tenant: Tenant) -> int:
    """So many has this worker's database seen."""
    sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND $1::uuid IS NOT NULL"
    found: int = (await tenant.rows(sql))[0][0]
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


async def _check_keys(tenant: Tenant, first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]]) -> None:
    posted = {key for answers in (first, second) for key, (answer, _) in answers.items() if answer == "posted"}
    kept = {row[0] for row in await tenant.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1")}
    assert {key for key in kept if key.startswith(f"{SEED}-")} == posted


async def _check_limits(tenant: Tenant, reward: UUID) -> None:
    used = await tenant.rows(
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
    counted = await tenant.rows(
        "SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND scope = 'PER_ACTOR_DAY' AND role = 'STAFF'"
    )
    assert counted == [(total,)]
    stock = await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1 AND id = $2", reward)
    assert stock == [(STOCK - await tenant.count("coupons"),)]


async def _check_sums(tenant: Tenant) -> None:
    """Sums of entries are the balances, sequences have no gap. (And the fixture proves the books as a whole.)"""
    wrong = await tenant.rows(
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

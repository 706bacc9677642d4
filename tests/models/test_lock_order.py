"""Every posting locks rows in the one order (models/loading): two of them never wait for each other in a circle."""

import builtins
import importlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.operations.approvals import approve_request
from models.operations.merge_customers import merge_customers
from models.planning.approving import ApproveRequest
from models.units import Posted, Unit
from models.ways import LOCK_WAIT
from tests.support.approvals import SECOND, ask
from tests.support.clock import Clock
from tests.support.locks import PATIENCE_S, TABLES, Locks, Row, UnitRecorder
from tests.support.mutating import other_sql, statements_sent
from tests.support.tenants import PARTNER, STAFF, Tenant

LATER: Final = ("limit_counters", "invoices", "rewards", "coupons", "approval_requests")
"""In this order, after the customers and accounts."""
MAX_ROWS: Final = 3


class Furnished:
    """A tenant with some of everything that postings lock."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.people: list[UUID] = []
        self.invoices: list[UUID] = []
        self.requests: list[UUID] = []
        self.coupons: list[UUID] = []

    async def fill(self) -> None:
        tenant = self.tenant
        self.people = [await tenant.customer(name=name) for name in ("Anna", "Ben", "Cleo")]
        self.service = await tenant.service()
        self.rewards = [await tenant.reward(5, stock=99) for _ in range(MAX_ROWS)]
        await tenant.credit(self.people[0], 3, expires_in_days=1)
        tenant.clock.advance(days=3)
        for customer in self.people:
            for asset in ("GBP", "POINTS", "SERVICE_CREDITS"):
                await tenant.adjust(customer, 9, asset, actor=STAFF, auto_apply=False)
        anna = self.people[0]
        self.lot = await tenant.credit(anna, 500)
        self.invoices = [await tenant.invoice(anna, 10) for _ in range(MAX_ROWS)]
        self.assigned = list((await tenant.assign(self.lot, *((i, 1) for i in self.invoices))).assignment_ids)
        self.order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 5), (await tenant.product(3), 1))
        self.payment = (await tenant.pay(self.order, 8)).payment_id
        await tenant.credit(anna, 50, "POINTS")
        for reward in self.rewards:
            outcome = await tenant.give(anna, reward)
            assert outcome.coupon_id is not None
            self.coupons.append(outcome.coupon_id)
        self.spend = await tenant.spend(anna, 2)
        self.note = await tenant.note(self.invoices[1], 1)
        self.requests = [await ask(tenant, customer, 101, "GBP") for customer in self.people]


@pytest.fixture
async def furnished(database: Urls, clock: Clock) -> AsyncIterator[Furnished]:
    tenant = await Tenant.open(clock, source=None)
    made = Furnished(tenant)
    await made.fill()
    yield made
    await tenant.ledger.close()


@pytest.fixture
async def locks(furnished: Furnished, database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Locks]:
    """A posting that is looked at waits as long as that takes, on a busy machine too."""
    monkeypatch.setitem(LOCK_WAIT, True, f"SET LOCAL lock_timeout = '{2 * PATIENCE_S}s'; ")
    looking, holding = [await asyncpg.connect(database_urls.admin) for _ in range(2)]
    yield Locks(furnished.tenant, looking, holding)
    await looking.close()
    await holding.close()


async def batches(made: Furnished) -> dict[str, list[Unit]]:
    """What each operation posts, by itself; and a batch with several of every kind of row, in the wrong order."""
    recorder, (anna, ben, cleo) = UnitRecorder(made.tenant), made.people
    tenant, tenant_id = recorder.tenant, made.tenant.id

    def approval(request: UUID) -> Any:
        return approve_request(tenant.ledger, tenant_id, SECOND, ApproveRequest(request), uuid4().hex)

    backwards = list(reversed(made.people))
    one = {
        "add": tenant.adjust(anna, 5, "POINTS", actor=STAFF),
        "remove": tenant.adjust(anna, -5),
        "bulk": tenant.bulk(*((customer, 1) for customer in backwards), actor=STAFF),
        "assign": tenant.assign(made.lot, *((invoice, 1) for invoice in reversed(made.invoices))),
        "release": tenant.release(*reversed(made.assigned)),
        "reassign": tenant.reassign(made.assigned[0], (made.invoices[2], 1)),
        "invoice": tenant.invoice(anna, 4),
        "order": tenant.order(anna, (await made.tenant.product(2), 1), auto_apply=True),
        "pay": tenant.pay(made.invoices[0], 1),
        "pay with credit": tenant.pay(made.invoices[1], 1, "ACCOUNT_CREDIT"),
        "void payment": tenant.void_payment(made.payment),
        "void credit": tenant.void_credit(made.lot, release_assignments=True),
        "void invoice": tenant.void_invoice(made.invoices[2]),
        "update credit": tenant.update_credit(made.lot, auto_apply=True),
        "use": tenant.use(ben, made.service, 2),
        "spend": tenant.spend(ben, 2, actor=PARTNER),
        "refund": tenant.refund(made.spend, actor=STAFF),
        "credit note": tenant.note(made.invoices[0], 1, actor=STAFF),
        "void credit note": tenant.void_note(made.note),
        "transfer": tenant.transfer(cleo, anna, 2, actor=STAFF),
        "give": tenant.give(anna, made.rewards[0]),
        "use coupon": tenant.use_coupon(made.coupons[0]),
        "use coupon on an invoice": tenant.use_coupon(made.coupons[0], invoice=made.invoices[0]),
        "reopen coupon": tenant.reopen(made.coupons[0]),
        "disable": tenant.disable(made.coupons[1], refund=True, restock=True),
        "approve": approval(made.requests[1]),
        "merge": merge_customers(tenant.ledger, tenant_id, SECOND, MergeCustomers(cleo, ben), uuid4().hex),
    }
    found = {name: await recorder(operation) for name, operation in one.items()}
    found["all"] = await recorder(
        *(tenant.adjust(c, 1, asset, actor=STAFF) for asset in ("POINTS", "GBP", "SERVICE_CREDITS") for c in backwards),
        *(tenant.pay(invoice, 1) for invoice in reversed(made.invoices)),
        *(tenant.give(anna, reward) for reward in reversed(made.rewards)),
        *(tenant.disable(coupon, refund=True, restock=True) for coupon in reversed(made.coupons)),
        *(approval(request) for request in reversed(made.requests)),
    )
    found["expire"] = await recorder(tenant.expire())
    return found


def circles(befores: dict[str, dict[Row, set[Row]]]) -> list[Row]:
    """Rows that the operations, taken together, lock in a circle; none where there is one order that all keep to."""
    graph: dict[Row, set[Row]] = {}
    for rows in befores.values():
        for row, before in rows.items():
            graph.setdefault(row, set()).update(before)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        rows_of_circle: list[Row] = error.args[1]
        return rows_of_circle
    return []


def disorder(befores: dict[Row, set[Row]]) -> list[str]:
    """What one posting locks in another order than the one."""
    wrong = []
    for row, before in befores.items():
        for first in before:
            if first.table == row.table and first.key > row.key:
                wrong.append(f"{first} before {row}")
            if first.table in LATER and (row.table not in LATER or LATER.index(first.table) > LATER.index(row.table)):
                wrong.append(f"{first} before {row}")
    return wrong


async def test_each_operation_locks_in_the_one_order(furnished: Furnished, locks: Locks) -> None:
    units = await batches(furnished)
    befores = {name: await locks.befores(*posted) for name, posted in units.items()}

    assert {name: wrong for name, rows in befores.items() if (wrong := disorder(rows))} == {}
    # A merge is left out: it has both customers for itself, and nobody has an account of theirs without them.
    assert circles({name: rows for name, rows in befores.items() if name != "merge"}) == []
    customers = {row for row in befores["merge"] if row.table == "customers"}
    assert len(customers) == 2
    assert all(customers <= before for row, before in befores["merge"].items() if row not in customers)
    # What was to be seen was: several of each kind, and nothing posted.
    seen = {table: sum(row.table == table for row in befores["all"]) for table in (*LATER, "customers", "accounts")}
    assert all(count >= MAX_ROWS for count in seen.values()), seen
    assert all(befores.values()), [name for name, rows in befores.items() if not rows]
    # One after the other: every two rows of a posting have an order.
    for rows in befores.values():
        assert sorted(map(len, rows.values())) == list(range(len(rows)))


async def test_customers_come_before_their_accounts_and_those_that_are_opened(
    furnished: Furnished, locks: Locks
) -> None:
    """So that a merge, which takes customers for itself, leaves nobody behind who is about to open one."""
    recorder, (anna, *_) = UnitRecorder(furnished.tenant), furnished.people
    await furnished.tenant.credit(anna, 1, "EUR")
    backwards = furnished.people[::-1]
    opening = await recorder(recorder.tenant.bulk(*((customer, 1) for customer in backwards), asset="EUR"))
    for units in (opening, (await batches(furnished))["all"]):
        befores = await locks.befores(*units)
        assert disorder(befores) == []
        customers = {row.id: row for row in befores if row.table == "customers"}
        assert len(customers) == len(furnished.people)
        for row, before in befores.items():
            if row.table == "accounts":
                assert customers[row.key[0]] in before


ORDERED: Final = re.compile(r"ORDER BY [\w.]+(, [\w.]+)* FOR [A-Z ]+")
ONE_AT_A_TIME: Final = "WHERE tenant_id = $1 AND id = k.customer_id FOR KEY SHARE"
LOCKING: Final = re.compile(r" FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)")


def unordered(sent: list[tuple[str, tuple[Any, ...]]]) -> list[str]:
    """The statements that lock rows without saying in which order, or that are given what to lock in another one.

    The database has its own order for rows that it finds by a list of ids, which is the right one by luck.
    """
    found = []
    for sql, arguments in sent:
        text = re.sub(r" LIMIT cardinality\(\$\d+\)", "", " ".join(sql.split()))  # of all
        if LOCKING.search(text) and "LIMIT" not in text:
            keys = _keys(text, arguments)
            if not (ORDERED.search(text) or ONE_AT_A_TIME in text) or keys != sorted(keys):
                found.append(text)
    return found


def _keys(text: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a statement is to lock: by id, or else by what it unnests."""
    by_id = re.search(r"id = ANY\(\$(\d+)\)", text)
    unnested = re.search(r"unnest\((.*?)\)", text)
    places = [by_id[1]] if by_id else re.findall(r"\$(\d+)::\w+\[\]", unnested[1] if unnested else "")
    return list(zip(*(arguments[int(place) - 1] for place in places), strict=True))


async def test_every_statement_that_locks_says_in_which_order(furnished: Furnished, locks: Locks) -> None:
    with statements_sent() as sent:
        for units in (await batches(furnished)).values():
            await locks.befores(*units)
    locked = {" ".join(sql.split()) for sql, _ in sent if LOCKING.search(sql) and "SKIP LOCKED" not in sql}
    assert {
        table for table in TABLES if any(f"FROM {table}" in sql or f"JOIN {table}" in sql for sql in locked)
    } == set(TABLES)
    assert unordered(_ours(sent)) == []


def _ours(sent: list[tuple[str, tuple[Any, ...]]]) -> list[tuple[str, tuple[Any, ...]]]:
    """Without what the test itself locks: single rows, or those that nobody else has."""
    return [
        (sql, arguments) for sql, arguments in sent if "SKIP LOCKED" not in sql and not sql.startswith("SELECT FROM")
    ]


BACKWARDS: Final = {
    "to merge": ("merge", "ORDER BY c.id", "FOR UPDATE"),
    "counters": ("all", "ORDER BY k.nth", "FOR NO KEY UPDATE"),
    "invoices": ("all", "ORDER BY i.id", "FOR NO KEY UPDATE"),
    "rewards": ("all", "ORDER BY id", "FOR NO KEY UPDATE"),
    "coupons": ("all", "ORDER BY x.id", "FOR NO KEY UPDATE"),
    "approvals": ("all", "ORDER BY r.id", "FOR NO KEY UPDATE"),
}


@pytest.mark.parametrize("kind", BACKWARDS)
async def test_these_tests_notice_another_order_in_sql(furnished: Furnished, locks: Locks, kind: str) -> None:
    batch, order, lock = BACKWARDS[kind]
    units = (await batches(furnished))[batch]
    with other_sql(f"{order} {lock}", f"{order} DESC {lock}"):
        assert disorder(await locks.befores(*units))
    with statements_sent() as sent, other_sql(f"{order} {lock}", lock):
        await locks.befores(*units)
    assert unordered(_ours(sent))


@pytest.mark.parametrize("module", ["accounts", "counters"])
async def test_these_tests_notice_rows_locked_in_another_order(furnished: Furnished, locks: Locks, module: str) -> None:
    units = (await batches(furnished))["all"]
    with backwards(module):
        assert disorder(await locks.befores(*units))


@pytest.mark.parametrize("module", ["accounts", "counters", "billing", "rewards", "approvals"])
async def test_these_tests_notice_what_is_asked_for_in_another_order(
    furnished: Furnished, locks: Locks, module: str
) -> None:
    units = (await batches(furnished))["all"]
    with statements_sent() as sent, backwards(module):
        await locks.befores(*units)
    assert unordered(_ours(sent))


@contextmanager
def backwards(module: str) -> Iterator[None]:
    """In one module of the loading, what is sorted comes out the other way round."""

    def reverse(rows: Any, **more: Any) -> list[Any]:
        return builtins.sorted(rows, **more)[::-1]

    changed = importlib.import_module(f"models.loading.{module}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changed, "sorted", reverse, raising=False)
        if hasattr(changed, "in_order"):
            patch.setattr(changed, "in_order", reverse)
        yield


BROKEN: Final[dict[str, Callable[[], AbstractContextManager[None]]]] = {
    "accounts": lambda: backwards("accounts"),
    "invoices": lambda: other_sql("ORDER BY i.id FOR NO KEY UPDATE", "ORDER BY i.id DESC FOR NO KEY UPDATE"),
}


async def two_at_once(made: Furnished, locks: Locks, table: str, second: AbstractContextManager[None]) -> int:
    """How often one of two postings had to begin again that want the same rows.

    Somebody else has the middle one of three rows while both begin: if each came from another end, each now has one that
    the other one wants, and they would wait for ever.
    """
    recorder = UnitRecorder(made.tenant)
    units = []
    for people, invoices in ((made.people, made.invoices), (made.people[::-1], made.invoices[::-1])):
        if table == "accounts":
            units.append(await recorder(*(recorder.tenant.adjust(customer, 1, "POINTS") for customer in people)))
        else:
            units.append(await recorder(*(recorder.tenant.pay(invoice, 1) for invoice in invoices)))
    rows = [row for row in await locks.rows(table) if "POINTS" in row.key or row.id in made.invoices]
    assert len(rows) == MAX_ROWS
    before = made.tenant.ledger.metrics.retries
    async with locks.held(rows[1]):
        first = locks.posting(*units[0])
        await locks.until_waiting(first)
        with second:
            other = locks.posting(*units[1])
            await locks.until_waiting(other, waiters=2)
    for result in [*await first, *await other]:
        assert isinstance(result, Posted), result
    return made.tenant.ledger.metrics.retries - before


@pytest.mark.parametrize("table", BROKEN)
async def test_two_that_want_the_same_rows_wait_for_each_other_and_never_in_a_circle(
    furnished: Furnished, locks: Locks, table: str
) -> None:
    assert await two_at_once(furnished, locks, table, nullcontext()) == 0


@pytest.mark.parametrize("table", BROKEN)
async def test_this_notices_two_that_come_from_either_end(furnished: Furnished, locks: Locks, table: str) -> None:
    assert await two_at_once(furnished, locks, table, BROKEN[table]()) > 0

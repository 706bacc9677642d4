"""A field that fails costs its neighbours nothing, and what was posted is answered."""

import asyncio
import gc
import random
import weakref
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from gateway.reading import MAX_BATCH, Loader, Rows
from models.errors import DatabaseAway
from schema.loaders import Loaders
from tests.api.conftest import Api, gid
from tests.support.logged import logged
from tests.support.tenants import Tenant

ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  transaction { id entries(first: 1) { edges { node { amount } } } }
  account { available
    customer { name balances { credits(first: 5, after: "junk") { edges { node { id } } } } }
    ledger(last: 2) { edges { node { id } } } }
  credit { id account { ledger(last: 2) { edges { node { id } } } customer { name } } }
  replayed userErrors { code } } }"""
GOOD: Final = (
    "transaction { id }",
    "t: transaction { entries(first: 2) { edges { node { amount account { available } } } } }",
    "account { available ledger(last: 2) { edges { node { id transaction { id } } } } }",
    "credit { id account { customer { name balances { available } } } }",
    "b: account { customer { ledger(first: 2) { edges { node { id } } } invoices(first: 1) { edges { node { id } } } } }",
    "c: account { credits(first: 3) { edges { node { id status } } } }",
)
BAD: Final = (
    'credits(first: 5, after: "junk") { edges { node { id } } }',
    "credits(first: -1) { edges { node { id } } }",
    "credits(first: 1, last: 1) { edges { node { id } } }",
    'ledger(last: 2, before: "") { edges { node { id } } }',
    "ledger(last: -2) { edges { node { id } } }",
    'ledger(first: 2, after: "\\u0000") { edges { node { id } } }',
    'ledger(after: "bm9uZQ==") { edges { node { id } } }',
    'balanceAt(at: "2999-01-01T00:00:00Z")',
)
PLACES: Final = (
    "account { %s }",
    "account { available ledger(last: 1) { edges { node { id } } } customer { balances { %s } } }",
    "credit { account { %s available } }",
    "transaction { entries(first: 3) { edges { node { account { %s } } } } }",
    "account { customer { id name balances { asset %s } } }",
)


async def adjustment(tenant: Tenant, customer: UUID, amount: str = "5.00") -> dict[str, Any]:
    return {
        "input": {
            "customerId": gid("Customer", customer),
            "asset": "GBP",
            "amount": amount,
            "reason": "CORRECTION",
            "idempotencyKey": tenant.key(),
        }
    }


async def test_a_bad_cursor_in_the_payload_of_a_posting(api: Api, tenant: Tenant) -> None:
    customer = await tenant.customer()
    for _ in range(6):
        answer = await api(ADJUST, await adjustment(tenant, customer))
        assert answer.response.status_code == 200
        assert answer.codes == ["BAD_USER_INPUT"]
        assert answer.errors[0]["path"][:4] == ["adjustCredit", "account", "customer", "balances"]
        assert answer.data is not None
        payload = answer.data["adjustCredit"]
        assert payload["transaction"]["entries"]["edges"][0]["node"]["amount"] == "5.00"
        assert len(payload["credit"]["account"]["ledger"]["edges"]) >= 1
        assert payload["credit"]["account"]["customer"] == {"name": "Carol Customer"}
        assert payload["userErrors"] == []


async def test_whatever_is_bad_beside_a_posting_the_rest_is_answered(api: Api, tenant: Tenant) -> None:
    """Random payloads, each with one or more fields that fail: never a 500, and what asks for no bad field is there."""
    customer = await tenant.customer()
    await tenant.adjust(customer, "50.00")
    seed = random.randrange(2**32)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    for number in range(60):
        good = chance.sample(GOOD, chance.randrange(1, len(GOOD)))
        bad = [
            f"x{n}: {place % chance.choice(BAD)}"
            for n, place in enumerate(chance.choices(PLACES, k=chance.randrange(1, 4)))
        ]
        fields = [*good, *bad, "userErrors { code }"]
        chance.shuffle(fields)
        query = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { " + " ".join(fields) + " } }"
        answer = await api(query, await adjustment(tenant, customer))
        told = f"seed {seed}, number {number}: {query}\n{answer.errors}"
        assert answer.response.status_code == 200, told
        assert "INTERNAL_SERVER_ERROR" not in answer.codes, told
        assert answer.data is not None, told
        payload = answer.data["adjustCredit"]
        assert payload is not None, told
        assert payload["userErrors"] == [], told
        for field in good:
            name = field.partition(" ")[0].rstrip(":")
            assert payload[name] is not None, f"{name}; {told}"


@pytest.mark.parametrize(
    "query",
    [
        "{ customer(by: {id: $x}) { id } }",
        "query($y: ID!) { customer(by: {id: $x}) { id } }",
        "fragment F on Query { customer(by: {id: $x}) { id } } query { ...F }",
    ],
)
async def test_a_variable_that_nobody_declared(api: Api, query: str) -> None:
    answer = await api(query)
    assert answer.response.status_code == 200
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}


async def test_a_variable_in_a_fragment_before_its_operation(api: Api, tenant: Tenant) -> None:
    customer = await tenant.customer()
    query = "fragment F on Query { customer(by: {id: $x}) { name } } query($x: ID!) { ...F }"
    answer = await api(query, {"x": gid("Customer", customer)})
    assert answer["customer"] == {"name": "Carol Customer"}


async def test_a_stray_cancellation_is_an_answer_with_the_requests_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def cancelled(*_: object, **__: object) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    monkeypatch.setattr("schema.context.Context.admit", cancelled)
    answer = await api("{ viewer { subject } }")
    assert answer.response.status_code == 500
    assert answer.codes == ["INTERNAL_SERVER_ERROR"]
    assert answer.errors[0]["extensions"]["requestId"] == answer.response.headers["x-request-id"]
    assert len([record for record in logged(caplog) if record.exc_info]) == 1
    caplog.clear()


async def test_what_a_request_holds_breaks_as_it_is_given_back(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("it cannot be closed")

    customer = await tenant.customer()
    monkeypatch.setattr("models.reads.session.ReadSession.close", broken)
    query = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { account { available } } }"
    assert (await api(query, await adjustment(tenant, customer)))["adjustCredit"] == {"account": {"available": "5.00"}}
    assert "it cannot be closed" in caplog.text
    caplog.clear()


async def test_what_is_missing_of_a_posting_for_want_of_the_database_is_told_at_its_path(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseAway

    customer = await tenant.customer()
    monkeypatch.setattr("schema.loaders.load_pages", away)
    query = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
      transaction { id } account { available ledger(first: 1) { edges { node { id } } } } } }"""
    answer = await api(query, await adjustment(tenant, customer))
    assert answer.response.status_code == 200
    assert answer.codes == ["UNAVAILABLE"]
    assert answer.errors[0]["path"] == ["adjustCredit", "account", "ledger"]
    assert answer.data is not None
    assert answer.data["adjustCredit"]["transaction"]["id"]

    asked = await api("""{ viewer { subject } customers(first: 1) { edges { node { id } } } }""")
    assert asked.response.status_code == 503
    assert asked.response.headers["retry-after"] == "1"
    assert asked.codes == ["UNAVAILABLE"]
    assert asked.errors[0]["extensions"]["requestId"] == asked.response.headers["x-request-id"]


# The loader


class Shelf:
    """Reads what it has, and remembers how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.rows: Rows[int, str] = Rows()

    @property
    def loader(self) -> Loader[int, str]:
        return Loader(self.rows, Shelf.read, self)

    async def read(self, keys: list[int]) -> dict[int, str]:
        self.asked.append(keys)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return {key: str(key) for key in keys if key >= 0}


async def test_whoever_asks_at_once_is_read_for_together_and_once() -> None:
    shelf = Shelf()
    found = await asyncio.gather(*(shelf.loader.load(key) for key in (1, 2, 1, -1)))
    assert found == ["1", "2", "1", None]
    assert shelf.asked == [[1, 2, -1]]
    assert [shelf.loader.get(key) for key in (1, -1)] == ["1", None]
    assert await shelf.loader.load_all([1, 3, -1, 3]) == ["1", "3", "3"]
    assert shelf.asked == [[1, 2, -1], [3]]


async def test_one_that_is_cancelled_takes_nothing_from_the_others() -> None:
    shelf = Shelf()
    shelf.gate.clear()
    first, second = (asyncio.create_task(shelf.loader.load(1)) for _ in range(2))
    await asyncio.sleep(0.01)
    late = asyncio.create_task(shelf.loader.load(1))  # it is being read by now
    await asyncio.sleep(0)
    first.cancel()
    shelf.gate.set()
    assert [await second, await late] == ["1", "1"]
    assert first.cancelled()
    assert shelf.asked == [[1]]


async def test_a_fault_is_told_to_each_who_waits_and_to_nobody_after() -> None:
    shelf = Shelf()
    shelf.fault = RuntimeError("no")
    answers = await asyncio.gather(*(shelf.loader.load(key) for key in (1, 1, 2)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["no"] * 3
    shelf.fault = None
    assert await shelf.loader.load(1) == "1"


async def test_what_nobody_waits_for_any_more_is_not_read() -> None:
    shelf = Shelf()
    task = asyncio.create_task(shelf.loader.load(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    assert shelf.asked == []


async def test_a_batch_is_bounded() -> None:
    shelf = Shelf()
    await shelf.loader.load_all(range(2 * MAX_BATCH + 1))
    assert [len(keys) for keys in shelf.asked] == [MAX_BATCH, MAX_BATCH, 1]


async def test_loaders_are_gone_with_the_request() -> None:
    """No cycle keeps what was read until the collector comes."""

    class Reads:
        async def fetch_by_ids(self, *_: object) -> list[object]:
            return []

    gc.collect()
    gc.disable()
    try:
        loaders: Any = Loaders(Reads(), None, False, {})  # type: ignore[arg-type]
        assert await loaders.nodes("Payment").load(uuid4()) is None
        await asyncio.sleep(0.01)
        gone = weakref.ref(loaders)
        del loaders
        assert gone() is None
    finally:
        gc.enable()

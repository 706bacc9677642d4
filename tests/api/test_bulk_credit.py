"""bulkCredit: many customers at once, as a client meets it."""

import asyncio
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from models.configuration_commands import UpdateTenant
from models.operations.update_tenant import update_tenant
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, BULK, denied, document, done, refusal, refused, replayed
from tests.support.tenants import ADMIN, Tenant

ROWS: Final = """query($id: ID!, $failed: Boolean, $first: Int) { bulkOperation(id: $id) {
  rows(onlyFailed: $failed, first: $first) { edges { node { row amount customer { externalId }
    transaction { id kind reason note entries { edges { node { amount credit { expiresAt } } } } }
    error { code field available remaining { scope remaining } row } } } } } }"""
MANY: Final = 10_000
MANY_MAX_SECONDS: Final = 10
"""Of this process, which is the server; the time on the wall depends on who else is at work."""


@pytest.fixture
async def three(tenant: Tenant) -> list[UUID]:
    return [await tenant.customer(f"c{n}") for n in range(3)]


def bulk(*rows: tuple[UUID, str], asset: str = "GBP", **more: Any) -> dict[str, Any]:
    """The input, with a key of its own."""
    return {
        "items": [{"customerId": gid("Customer", customer), "amount": amount} for customer, amount in rows],
        "asset": asset,
        "reason": "CORRECTION",
        "idempotencyKey": uuid4().hex,
        **more,
    }


async def rows(api: Api, payload: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = await api(ROWS, {"id": payload["operation"]["id"], **more})
    return [edge["node"] for edge in answer["bulkOperation"]["rows"]["edges"]]


async def balances(tenant: Tenant) -> list[tuple[str, int]]:
    found = await tenant.fetch(
        """select c.external_id, a.balance_minor from accounts a
        join customers c on c.tenant_id = $1 and c.id = a.customer_id where a.tenant_id = $1 order by 1"""
    )
    return [tuple(row) for row in found]


async def test_every_row_is_a_transaction_of_its_own(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    await tenant.adjust(three[2], "9.00")
    given = bulk(
        (three[0], "5.00"), (three[1], "7.25"), (three[2], "-4.00"), note="for June", expiresAt="2150-01-01T00:00:00Z"
    )
    payload = await done(api, BULK, given)
    assert payload == {
        "replayed": False,
        "operation": {
            "id": payload["operation"]["id"],
            "status": "COMPLETED",
            "total": 3,
            "processed": 3,
            "succeeded": 3,
            "failed": 0,
        },
    }
    report = await rows(api, payload)
    assert [(r["row"], r["amount"], r["customer"]["externalId"], r["error"]) for r in report] == [
        (0, "5.00", "c0", None),
        (1, "7.25", "c1", None),
        (2, "-4.00", "c2", None),
    ]
    transactions = [r["transaction"] for r in report]
    assert len({t["id"] for t in transactions}) == 3
    assert {(t["kind"], t["reason"], t["note"]) for t in transactions} == {("ADJUSTMENT", "CORRECTION", "for June")}
    entries = [edge["node"] for t in transactions for edge in t["entries"]["edges"]]
    until = {"expiresAt": "2150-01-01T00:00:00Z"}
    assert entries == [
        {"amount": "5.00", "credit": until},
        {"amount": "7.25", "credit": until},
        {"amount": "-4.00", "credit": {"expiresAt": None}},
    ]
    assert await balances(tenant) == [("c0", 500), ("c1", 725), ("c2", 500)]
    await replayed(api, tenant, BULK, given, payload)


def some_bad(three: list[UUID]) -> tuple[tuple[UUID, str], ...]:
    return (
        (three[0], "5.00"),
        (three[1], "-1.00"),
        (uuid4(), "1.00"),
        (three[2], "1.005"),
        (three[0], "1.00"),
        (three[2], "0"),
    )


BAD: Final = [
    ("INSUFFICIENT_BALANCE", ["items", "1", "amount"], "0.00", 1),
    ("NOT_FOUND", ["items", "2", "customerId"], None, 2),
    ("AMOUNT_PRECISION", ["items", "3", "amount"], None, 3),
    ("DUPLICATE", ["items", "4", "customerId"], None, 4),
]


async def test_reject_all_names_every_bad_row_and_posts_none(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    given = bulk(*some_bad(three)[:5])
    for policy in ({}, {"errorPolicy": None}, {"errorPolicy": "REJECT_ALL"}):
        errors = await refused(api, tenant, BULK, {**given, **policy})
        assert [(e["code"], e["field"], e["available"], e["row"]) for e in errors] == BAD


async def test_skip_failed_posts_the_others_and_reports(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    given = bulk(*some_bad(three), errorPolicy="SKIP_FAILED", allowDuplicateCustomers=False)
    payload = await done(api, BULK, given)
    operation = payload["operation"]
    assert (operation["total"], operation["processed"], operation["succeeded"], operation["failed"]) == (6, 6, 1, 5)
    failed = await rows(api, payload, failed=True)
    assert [(r["error"]["code"], r["error"]["field"], r["error"]["available"], r["row"]) for r in failed[:4]] == BAD
    assert failed[4]["error"]["code"] == "DUPLICATE"  # c2 had its row already, bad as it was
    assert all(r["transaction"] is None for r in failed)
    assert await balances(tenant) == [("c0", 500)]
    await replayed(api, tenant, BULK, given, payload)


@pytest.mark.parametrize("policy", ["REJECT_ALL", "SKIP_FAILED"])
async def test_a_dry_run_reports_the_same_and_posts_nothing(
    api: Api, tenant: Tenant, three: list[UUID], policy: str
) -> None:
    given = bulk(*some_bad(three)[:5], errorPolicy=policy, dryRun=True)
    before = await tenant.fingerprint()
    payload = await done(api, BULK, given)
    after = await tenant.fingerprint()
    moved = {table for table in before if before[table] != after[table]}
    assert moved <= {"bulk_operations", "bulk_rows", "currencies", "outbox"}  # its report has amounts in the currency
    operation = payload["operation"]
    assert (operation["total"], operation["succeeded"], operation["failed"]) == (5, 1, 4)
    report = await rows(api, payload)
    assert [(r["error"] and r["error"]["code"], r["transaction"]) for r in report] == [
        (None, None),
        *((code, None) for code, *_ in BAD),
    ]
    # Its key is still free: for the run itself.
    assert (await done(api, BULK, {**given, "dryRun": False, "errorPolicy": "SKIP_FAILED"}))["replayed"] is False
    assert await balances(tenant) == [("c0", 500)]


async def test_a_customer_comes_twice_where_that_is_allowed(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    given = bulk((three[0], "5.00"), (three[1], "1.00"), (three[0], "-3.00"), (three[0], "-2.01"))
    errors = await refused(api, tenant, BULK, given)
    assert [(e["code"], e["row"]) for e in errors] == [("DUPLICATE", 2), ("DUPLICATE", 3)]
    (error,) = await refused(api, tenant, BULK, {**given, "allowDuplicateCustomers": True})
    # Each row sees what those before it left.
    assert (error["code"], error["row"], error["available"]) == ("INSUFFICIENT_BALANCE", 3, "2.00")
    given["items"].pop()
    await done(api, BULK, {**given, "allowDuplicateCustomers": True})
    assert await balances(tenant) == [("c0", 200), ("c1", 100)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": []}, ["INVALID", "items"]),
        ({"asset": "XAU"}, ["INVALID", "asset"]),
        ({"reason": "NOPE"}, ["REASON_UNKNOWN", "reason"]),
        ({"reason": "POLICY"}, ["REASON_DIRECTION", "reason"]),
        ({"reason": "OTHER"}, ["NOTE_REQUIRED", "note"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["EXPIRY_IN_PAST", "expiresAt"]),
        ({"expiresAt": "2150-01-01T00:00:00Z", "expiresInDays": 5}, ["EXPIRY_CONFLICT", "expiresAt"]),
    ],
    ids=str,
)
async def test_what_is_wrong_with_the_whole_is_said_of_it(
    api: Api, tenant: Tenant, three: list[UUID], change: dict[str, Any], expected: list[str]
) -> None:
    assert await refusal(api, tenant, BULK, {**bulk((three[0], "1.00")), **change}) == expected


async def test_the_limits_of_a_partner_hold_for_the_sum_of_the_rows(api: Api, tenant: Tenant) -> None:
    customers = [await tenant.customer() for _ in range(7)]
    partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CREDITS_BULK], "client_id": "shop"}
    small = document(BULK, "userErrors { code row remaining { scope remaining } } operation { succeeded failed }")

    async def send(amount: str, **more: Any) -> Any:
        return (await api(small, {"input": bulk(*((c, amount) for c in customers), **more)}, **partner))[BULK]

    async with tenant.nothing_moves():
        over = await send("100.01")
        assert [e["row"] for e in over["userErrors"]] == list(range(7))
        errors = (await send("80.00"))["userErrors"]
    assert [(e["code"], e["row"]) for e in errors] == [("LIMIT_EXCEEDED", 6)]
    assert {"scope": "PER_ACTOR_DAY", "remaining": "20.00"} in errors[0]["remaining"]
    payload = await send("80.00", errorPolicy="SKIP_FAILED")
    assert payload == {"userErrors": [], "operation": {"succeeded": 6, "failed": 1}}
    assert [minor for _, minor in await balances(tenant)] == [8000] * 6


async def test_a_row_in_a_currency_of_others_names_those_that_may_be_used(api: Api, tenant: Tenant) -> None:
    """A single addition does so; the report on a bulk says no less."""
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(limited_currencies=("GBP", "EUR")))
    partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CREDITS_BULK], "client_id": "shop"}
    errors = "rows { edges { node { error { code currencies remaining { kind scope remaining } } } } }"
    skipping = document(BULK, f"userErrors {{ code }} operation {{ {errors} }}")

    async def told(asset: str, amount: str) -> Any:
        given = bulk((await tenant.customer(), amount), asset=asset, errorPolicy="SKIP_FAILED")
        (edge,) = (await api(skipping, {"input": given}, **partner))[BULK]["operation"]["rows"]["edges"]
        return edge["node"]["error"]

    assert await told("JPY", "5") == {"code": "CURRENCY_NOT_ALLOWED", "currencies": ["EUR", "GBP"], "remaining": None}
    over = await told("GBP", "500")
    assert (over["code"], over["currencies"]) == ("LIMIT_EXCEEDED", None)
    assert {left["kind"] for left in over["remaining"]} == {"ADDING"}


async def test_who_may(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    given = bulk((three[0], "1.00"))
    for token in (
        {"role": Role.STAFF},
        {"role": Role.CUSTOMER, "customer": "c0"},
        {"role": Role.PARTNER, "scopes": set(Scope) - {Scope.CREDITS_BULK}},
        {"role": Role.MANAGER, "scopes": [Scope.CREDITS_ADD, Scope.CREDITS_REMOVE]},
    ):
        await denied(api, tenant, BULK, given, **token)
        await denied(api, tenant, BULK, {**given, "dryRun": True}, **token)
    await done(api, BULK, given, role=Role.MANAGER)
    await denied(api, tenant, BULK, given, role=Role.STAFF)  # a replay, too


async def test_the_same_key_for_anything_else_is_refused(api: Api, tenant: Tenant, three: list[UUID]) -> None:
    given = bulk((three[0], "1.00"), (three[1], "1.00"))
    await done(api, BULK, given)
    for change in (
        {"items": given["items"][::-1]},
        {"items": given["items"][:1]},
        {"errorPolicy": "SKIP_FAILED"},
        {"asset": "EUR"},
        {"note": "x"},
    ):
        again = {**given, **change}
        assert await refusal(api, tenant, BULK, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_beside_single_adjustments_of_the_same_accounts_nothing_is_lost(
    api: Api, tenant: Tenant, three: list[UUID]
) -> None:
    async def single(n: int) -> None:
        given = {"customerId": gid("Customer", three[n % 3]), "asset": "GBP", "amount": "1.00", "reason": "GOODWILL"}
        await done(api, ADJUST, {**given, "idempotencyKey": uuid4().hex})

    forth, back = [(c, "10.00") for c in three], [(c, "10.00") for c in reversed(three)]
    async with asyncio.TaskGroup() as group:
        for n in range(30):
            group.create_task(single(n))
        for n in range(6):
            group.create_task(done(api, BULK, bulk(*(forth if n % 2 else back))))
    assert await balances(tenant) == [("c0", 7000), ("c1", 7000), ("c2", 7000)]


async def test_what_has_expired_is_not_there_to_be_removed(
    api: Api, tenant: Tenant, three: list[UUID], clock: Clock
) -> None:
    await done(api, BULK, bulk(*((c, "5.00") for c in three), expiresInDays=1))
    await tenant.adjust(three[1], "5.00")
    clock.advance(timedelta(days=3))
    given = bulk(*((c, "-5.00") for c in three), expiresInDays=1, errorPolicy="SKIP_FAILED")
    report = await rows(api, await done(api, BULK, given))
    assert [r["error"] and (r["error"]["code"], r["error"]["available"]) for r in report] == [
        ("INSUFFICIENT_BALANCE", "0.00"),
        None,
        ("INSUFFICIENT_BALANCE", "0.00"),
    ]


async def many(tenant: Tenant, number: int) -> list[UUID]:
    ids = [tenant.ledger.source.new_id() for _ in range(number)]
    await tenant.execute(
        """insert into customers (tenant_id, id, external_id, name, created_at, updated_at)
        select t.id, m.id, 'm-' || m.nth, 'Many', now(), now()
        from tenants t cross join unnest($2::uuid[]) with ordinality as m(id, nth) where t.id = $1""",
        ids,
    )
    return ids


async def test_ten_thousand_rows_in_one_request(api: Api, tenant: Tenant) -> None:
    customers = await many(tenant, MANY + 1)
    given = bulk(*((c, "1.00") for c in customers))
    assert await refusal(api, tenant, BULK, given) == ["INVALID", "items"]
    given["items"].pop()

    spoilt = {**given, "items": [*given["items"][:-1], {"customerId": gid("Customer", uuid4()), "amount": "1.00"}]}
    async with tenant.nothing_moves():
        answer = await api(document(BULK, "userErrors { code row }"), {"input": spoilt})
    assert answer[BULK] == {"userErrors": [{"code": "NOT_FOUND", "row": MANY - 1}]}

    started = time.process_time()
    payload = await done(api, BULK, given)
    assert time.process_time() - started < MANY_MAX_SECONDS
    assert (payload["operation"]["succeeded"], payload["operation"]["failed"]) == (MANY, 0)
    assert (await done(api, BULK, given))["replayed"] is True
    sums = await tenant.fetch(
        """select (select sum(balance_minor) from accounts where tenant_id = $1), count(*), sum(amount_minor),
            count(distinct transaction_id) from entries where tenant_id = $1"""
    )
    assert [tuple(row) for row in sums] == [(MANY * 100, MANY, MANY * 100, MANY)]

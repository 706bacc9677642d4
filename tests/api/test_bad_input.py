"""The attack on bad input: a clear error with a code, nothing given away, nothing changed, and the server goes on."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from models.errors import InvariantViolated
from tests.api.conftest import Api, gid
from tests.support.attack import Attack
from tests.support.headline import ADJUST, SELECTIONS, adjusting, document
from tests.support.root_cases import CASES
from tests.support.root_fields import Case, one_of_each, what_it_names
from tests.support.tenants import Tenant


@pytest.fixture
async def attack(api: Api, tenant: Tenant) -> AsyncIterator[Attack]:
    """After it, nothing has moved, and a good request is served as if nothing had happened."""
    carol = await tenant.customer()
    async with tenant.nothing_moves():
        yield Attack(api, carol)
    answer = await api(document(ADJUST, "account { available }"), {"input": adjusting(carol, "1.00")})
    assert answer[ADJUST] == {"account": {"available": "1.00"}}


def code(answer: dict[str, Any]) -> str:
    """The one error's, of an answer that ran nothing."""
    assert answer.get("data") is None, answer
    (error,) = answer["errors"]
    found: str = error["extensions"]["code"]
    return found


# Values of no use, one at a time, in every place of every root field's variables


NASTY: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1.0,
    10**30,
    "",
    " ",
    "x",
    "\x00",
    "a\x00b",
    "\u202e",
    "'; drop table entries; --",
    "%s%n",
    "NaN",
    "9" * 17,
    "-1",
    "2026-02-30",
    "2026-01-01T00:00:00",
    "x" * 100_000,
    [],
    {},
    [[[[]]]],
    {"a": {"b": []}},
    ["x"],
    [None],
    {"__proto__": 1},
    gid("Customer", UUID(int=1)),
    gid("Account", UUID(int=1)),
)
OPTIONAL: Final[dict[str, dict[str, Any]]] = {
    "adjustCredit": {
        "note": "x",
        "expiresInDays": 1,
        "expiresAt": "2150-01-01T00:00:00Z",
        "effectiveOn": "2026-01-01",
        "serviceIds": ["x"],
        "creditId": "x",
        "requestApproval": False,
    },
    "bulkCredit": {
        "note": "x",
        "expiresInDays": 1,
        "expiresAt": "2150-01-01T00:00:00Z",
        "errorPolicy": "REJECT_ALL",
        "dryRun": False,
    },
    "assignCredit": {},
    "giveReward": {"note": "x"},
    "upsertCustomer": {"email": "a@b"},
    "createInvoice": {"issuedOn": "2026-01-01", "dueOn": "2026-01-01", "autoApplyCredit": True},
    "recordPayment": {"receivedOn": "2026-01-01"},
}
"""What the inputs of the headline mutations may have beside what they must."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a JSON value, itself excepted."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def spoilt(value: Any, path: tuple[Any, ...], nasty: Any) -> Any:
    """A copy with another value at that place."""
    copy = deepcopy(value)
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = nasty
    return copy


ONE_EACH: Final = list({case.field: case for case in CASES if "$" in case.query}.values())


@pytest.mark.parametrize("case", ONE_EACH, ids=lambda case: case.field)
async def test_no_value_in_any_place_of_the_variables_does_harm(api: Api, tenant: Tenant, case: Case) -> None:
    good = case.variables(await what_it_names(tenant, case))
    for name, value in OPTIONAL.get(case.field, {}).items():
        good["input"].setdefault(name, value)
    attack = Attack(api)

    before = await tenant.fingerprint()
    for path in places(good):
        for nasty in NASTY:
            answer = await attack.run(case.query, spoilt(good, path, nasty))
            if "data" not in answer:
                continue  # nothing was run
            payload = (answer["data"] or {}).get(case.field) or {}
            good_after_all = "mutation" in case.query and payload.get("userErrors") == []
            after = await tenant.fingerprint()
            assert after == before or good_after_all, (path, nasty)
            before = after


# Decimals and dates, as variables and as literals


NO_DECIMALS: Final = (
    '"1_000"',
    '"NaN"',
    '"1e400"',
    '"1e2"',
    '"Infinity"',
    '"-Infinity"',
    '"\u0663"',
    '"\uff11"',
    '" 1"',
    '"1 "',
    '"+1"',
    '"1."',
    '".5"',
    '"-"',
    '""',
    '"1,50"',
    '"1.00000"',
    '"12345678901234567"',
    '"0x1F"',
    '"\u22121"',
    "1",
    "1.0",
    "-1",
    "true",
    '["1.00"]',
)
NO_INSTANTS: Final = (
    '"2150-01-01T00:00:00"',
    '"2150-01-01"',
    '"2150-13-01T00:00:00Z"',
    '"2150-01-01T25:00:00Z"',
    '"tomorrow"',
    '""',
    '"2150-01-01T00:00:00+25:00"',
    '"2150-W01-1T00:00:00Z"',
    '"0000-01-01T00:00:00Z"',
    '"99999-01-01T00:00:00Z"',
    "4102444800",
    '"2150-01-01 00:00:00Z"',
    '"2150-01-01T00:00:00.0000001Z"',
)
NO_DATES: Final = (
    '"2026-02-30"',
    '"2026-1-1"',
    '"20260101"',
    '"2026-01-01T00:00:00Z"',
    '"26-01-01"',
    '"\u0662026-01-01"',
    "20260101",
    '"0000-00-00"',
    '""',
    '"today"',
)


@pytest.mark.parametrize(
    ("name", "literals"), [("amount", NO_DECIMALS), ("expiresAt", NO_INSTANTS), ("effectiveOn", NO_DATES)]
)
async def test_what_is_written_wrongly_is_refused_in_variables_and_in_the_document(
    attack: Attack, name: str, literals: tuple[str, ...]
) -> None:
    given = adjusting(attack.customer, "1.00")
    query = document(ADJUST, "userErrors { code }")
    for literal in literals:
        answer = await attack.run(query, {"input": {**given, name: json.loads(literal)}})
        assert code(answer) == "BAD_USER_INPUT", literal
        assert [error["extensions"]["field"] for error in answer["errors"]] == [[name]]
        others = " ".join(f"{key}: {json.dumps(value)}" for key, value in given.items() if key != name)
        inline = f"mutation {{ adjustCredit(input: {{ {others} {name}: {literal} }}) {{ replayed }} }}"
        answer = await attack.run(inline)
        assert code(answer) == "GRAPHQL_VALIDATION_FAILED", literal
        assert [error["extensions"]["field"] for error in answer["errors"]] == [[name]]


# Texts


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a\x00b", "\x00"], ids=["a million", "NUL", "only NUL"])
async def test_a_text_that_no_table_could_hold(attack: Attack, text: str) -> None:
    given = adjusting(attack.customer, "1.00")
    query = document(ADJUST, "userErrors { code field }")
    for name in ("note", "reason", "idempotencyKey"):
        answer = await attack.run(query, {"input": {**given, name: text}})
        (error,) = answer["data"][ADJUST]["userErrors"]
        assert error == {"code": "INVALID", "field": [name]}


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\ud83d", r"a\udfff\ud800b"])
async def test_half_a_character_is_refused_wherever_it_comes(attack: Attack, escape: str) -> None:
    given = {**adjusting(attack.customer, "1.00"), "note": "HERE"}
    query = document(ADJUST, "replayed")
    good = json.dumps({"query": query, "variables": {"input": given}, "operationName": None})
    in_variables = good.replace("HERE", escape)
    in_name = good.replace('"operationName": null', f'"operationName": "{escape}"')
    for body in (in_variables, in_name):
        assert code(await attack(body.encode())) == "BAD_USER_INPUT"
    literal = json.dumps({"query": f'{{ customers(search: "{escape}") {{ edges {{ cursor }} }} }}'})
    assert code(await attack(literal.encode())) == "GRAPHQL_PARSE_FAILED"


# Documents


def nested(depth: int) -> str:
    """A query as deep as that."""
    return "{ customers { edges { node { " + "balances { customer { " * depth + "id" + " } }" * depth + " } } } }"


WIDE: Final = """{ customers(first: 100) { edges { node { balances { credits(first: 100) { edges { node {
  assignments(first: 100) { edges { node { id } } } } } } } } } } }"""
HUGE: Final[dict[str, tuple[str, str]]] = {
    "deep": (nested(15), "QUERY_TOO_COSTLY"),
    "too deep to parse": (nested(1_000), "GRAPHQL_PARSE_FAILED"),
    "nothing but braces": ("{" * 40_000, "GRAPHQL_PARSE_FAILED"),
    "deep list literal": (f"{{ customer(by: {'[' * 2_000}{']' * 2_000}) {{ id }} }}", "GRAPHQL_PARSE_FAILED"),
    "many aliases": ("{" + " ".join(f"a{n}: viewer {{ role }}" for n in range(500)) + "}", "QUERY_TOO_COSTLY"),
    "many tokens": ("{ viewer { role " + "role " * 20_000 + "} }", "QUERY_TOO_COSTLY"),
    "many characters": ("{ viewer { role } } #" + "x" * 2_000_000, "QUERY_TOO_COSTLY"),
    "many directives": ("{ viewer { role " + "@skip(if: false) " * 300 + "} }", "GRAPHQL_VALIDATION_FAILED"),
    "wide and costly": (WIDE, "QUERY_TOO_COSTLY"),
    "a fragment that spreads itself": ("{ ...a } fragment a on Query { ...a }", "GRAPHQL_VALIDATION_FAILED"),
    "fragments that spread each other": (
        "{ ...f0 } "
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(25))
        + " fragment f25 on Query { viewer { role } }",
        "QUERY_TOO_COSTLY",
    ),
    "many root fields": (
        "mutation {"
        + " ".join(f'm{n}: upsertCustomer(input: {{externalId: "x{n}", name: "x"}}) {{ created }}' for n in range(40))
        + "}",
        "QUERY_TOO_COSTLY",
    ),
    "nothing": (" ", "GRAPHQL_PARSE_FAILED"),
    "no closing brace": ("{ viewer { role }", "GRAPHQL_PARSE_FAILED"),
    "a field that is not there": ("{ passwords { id } }", "GRAPHQL_VALIDATION_FAILED"),
    "no selection": ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
    "an argument that is not there": ("{ customers(where: 1) { edges { cursor } } }", "GRAPHQL_VALIDATION_FAILED"),
    "a variable that is not there": ("{ customers(first: $n) { edges { cursor } } }", "GRAPHQL_VALIDATION_FAILED"),
    "types alone": ("type Query { a: Int }", "OPERATION_RESOLUTION_FAILURE"),
    "a fragment alone": ("fragment a on Query { viewer { role } }", "OPERATION_RESOLUTION_FAILURE"),
    "a subscription": ("subscription { nothing }", "BAD_USER_INPUT"),
    "binary": ("\x01\x02\x03", "GRAPHQL_PARSE_FAILED"),
}


@pytest.mark.parametrize("name", HUGE)
async def test_a_document_that_is_none_or_too_much(attack: Attack, name: str) -> None:
    query, expected = HUGE[name]
    answer = await attack.run(query)
    assert answer.get("data") is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {expected}


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"a":' * 100_000, "[" * 5_000_000], ids=["lists", "objects", "large"])
async def test_a_body_nested_without_end(attack: Attack, bomb: str) -> None:
    answer = await attack(f'{{"query": "{{ viewer {{ role }} }}", "variables": {bomb}'.encode())
    assert code(answer) in ("BAD_USER_INPUT", "PAYLOAD_TOO_LARGE")


ENDLESS: Final = "9" * 5_000
"""More digits than Python makes a number of (4,300)."""


@pytest.mark.parametrize(
    "query",
    [
        "{ customers(first: #) { edges { cursor } } }",
        "query($n: Int = #) { customers(first: $n) { edges { cursor } } }",
        "{ customers(first: 1, search: #) { edges { cursor } } }",
        'mutation { createTier(input: {name: "x", threshold: #}) { userErrors { code } } }',
    ],
)
async def test_an_integer_too_long_to_be_read_stands_in_the_document(attack: Attack, query: str) -> None:
    for sign in ("", "-"):
        assert code(await attack.run(query.replace("#", sign + ENDLESS))) == "GRAPHQL_VALIDATION_FAILED"


async def test_an_integer_too_long_to_be_read_stands_in_the_variables(attack: Attack) -> None:
    query = json.dumps("query($n: Int) { customers(first: $n) { edges { cursor } } }")
    for number in (ENDLESS, f"-{ENDLESS}", f"[{ENDLESS}]"):
        answer = await attack(f'{{"query": {query}, "variables": {{"n": {number}}}}}'.encode())
        assert code(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"{}",
        b'{"query": null}',
        b'{"query": {}}',
        b"\xff\xfe{",
        b'[{"query": "{ viewer { role } }"}]',
        b'{"query": "{ viewer { role } }", "variables": []}',
        b'{"query": "{ viewer { role } }", "variables": "x"}',
        b'{"query": "{ viewer { role } }", "operationName": 1}',
        b'{"query": "{ viewer { role } }", "extensions": 1}',
        b'{"query": "{ viewer { role } }", "variables": {"a": NaN}}',
        b'{"query": "{ viewer { role } }", "variables": {"a": 1e999}}',
        "{}".encode("utf-16"),
    ],
    ids=str,
)
async def test_a_body_that_is_no_request(attack: Attack, body: bytes) -> None:
    assert code(await attack(body)) == "BAD_USER_INPUT"


async def test_an_operation_that_is_not_named_or_not_there(attack: Attack) -> None:
    customer = gid("Customer", attack.customer)
    adjust = (
        f'adjustCredit(input: {{customerId: "{customer}", asset: "GBP", amount: "1.00", reason: "GOODWILL",'
        ' idempotencyKey: "k"}) { replayed }'
    )
    two = f"mutation A {{ {adjust} }} query B {{ viewer {{ role }} }}"
    for name in (None, "C", "a", "", "x" * 100_000, "__proto__"):
        answer = await attack(json.dumps({"query": two, "operationName": name}).encode())
        assert code(answer) == "OPERATION_RESOLUTION_FAILURE", name
    answer = await attack(json.dumps({"query": f"mutation A {{ {adjust} }}", "operationName": "B"}).encode())
    assert code(answer) == "OPERATION_RESOLUTION_FAILURE"
    answer = await attack(json.dumps({"query": two, "operationName": "B"}).encode())
    assert answer["data"] == {"viewer": {"role": "ADMIN"}}


@pytest.mark.parametrize("field", ["customers", "invoices", "rewards"])
async def test_a_page_that_is_none(attack: Attack, field: str) -> None:
    query = f"""query($first: Int, $after: String, $last: Int, $before: String) {{
      {field}(first: $first, after: $after, last: $last, before: $before) {{ edges {{ cursor }} }} }}"""
    cursors: tuple[Any, ...] = ("", "x", "\x00", "W10", "eyJhIjoxfQ", "x" * 10_000, gid("Customer", uuid4()), "٣")
    for page in (
        {"first": -1},
        {"first": 10**6},
        {"last": -1},
        {"first": 1, "last": 1},
        {"first": 2**31},
        {"first": "1"},
        {"first": 1.5},
        *({"first": 1, "after": cursor} for cursor in cursors),
        *({"last": 1, "before": cursor} for cursor in cursors),
    ):
        answer = await attack.run(query, page)
        (error,) = answer["errors"]
        assert error["extensions"].get("field", [None])[0] in (None, "first", "after", "last", "before")
        assert error["extensions"]["code"] in ("BAD_USER_INPUT", "QUERY_TOO_COSTLY"), page


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("{ rewards(first: 1, after: CURSOR) { edges { cursor } } }", ("rewards", "\ud800")),
        ("{ products(last: 1, before: CURSOR) { edges { cursor } } }", ("products", "a\udfff")),
        ("{ invoices { edges { node { lines(after: CURSOR) { edges { cursor } } } } } }", ("invoice-lines", 2**31)),
        ("{ bulkOperation(id: BULK) { rows(after: CURSOR) { edges { cursor } } } }", ("bulk-rows", -(2**31) - 1)),
        ("{ balances(customerId: CAROL) { ledger(after: CURSOR) { edges { cursor } } } }", ("ledger", 2**63)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_a_cursor_of_the_right_list_with_a_key_that_no_row_could_have(
    api: Api, tenant: Tenant, query: str, parts: tuple[Any, ...]
) -> None:
    there = await one_of_each(tenant)
    cursor = urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()
    for name, value in (("CURSOR", cursor), ("BULK", there["BulkOperation"]), ("CAROL", there["Customer"])):
        query = query.replace(name, json.dumps(value))
    answer = await Attack(api).run(query)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("asset", ["KWD", "CLF"])
async def test_an_amount_to_look_for_that_no_account_could_hold(api: Api, tenant: Tenant, asset: str) -> None:
    await tenant.adjust(await tenant.customer(), "1", asset)
    attack, found = Attack(api), []
    for name, sign in (("minAmount", ""), ("minAmount", "-"), ("maxAmount", ""), ("maxAmount", "-")):
        query = f'{{ auditTrail({name}: "{sign}9999999999999999", asset: "{asset}") {{ edges {{ cursor }} }} }}'
        found.append(len((await attack.run(query))["data"]["auditTrail"]["edges"]))
    assert found == [0, 1, 1, 0]


# Several mutations in one request


async def test_one_that_fails_never_hides_what_another_posted(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused, bad in its id, denied deeper down, and broken by a bug of ours: those beside it say what they did."""
    carol = await tenant.customer("carol")
    reward = await tenant.reward(1, name="Mug")

    async def broken(*_: Any) -> None:
        raise InvariantViolated("the secret of this ledger")

    monkeypatch.setattr("resolvers.give_reward.give_reward", broken)
    query = f"""mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!, $c: AdjustCreditInput!, $d: GiveRewardInput!,
        $e: UpsertCustomerInput!, $f: AdjustCreditInput!) {{
      a: adjustCredit(input: $a) {{ {SELECTIONS[ADJUST]} }}
      b: adjustCredit(input: $b) {{ userErrors {{ code available }} transaction {{ id }} }}
      c: adjustCredit(input: $c) {{ userErrors {{ code }} transaction {{ id }} }}
      d: giveReward(input: $d) {{ userErrors {{ code }} }}
      e: upsertCustomer(input: $e) {{ created customer {{ name }} }}
      f: adjustCredit(input: $f) {{ account {{ available }} }} }}"""
    variables = {
        "a": adjusting(carol, "10.00"),
        "b": adjusting(carol, "-10.01"),
        "c": adjusting(uuid4(), "1.00"),
        "d": {
            "customerId": gid("Customer", carol),
            "rewardId": gid("Reward", reward),
            "deductPoints": False,
            "idempotencyKey": "d",
        },
        "e": {"externalId": "dave", "name": "Dave"},
        "f": adjusting(carol, "-4.00"),
    }
    answer = await api(query, variables)

    assert answer.data is not None
    assert answer.data["a"]["account"]["available"] == "10.00"
    assert answer.data["b"] == {
        "userErrors": [{"code": "INSUFFICIENT_BALANCE", "available": "10.00"}],
        "transaction": None,
    }
    assert answer.data["c"] == {"userErrors": [{"code": "NOT_FOUND"}], "transaction": None}
    assert answer.data["d"] is None
    assert answer.data["e"] == {"created": True, "customer": {"name": "Dave"}}
    assert answer.data["f"] == {"account": {"available": "6.00"}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["d"], "INTERNAL_SERVER_ERROR")
    ]
    assert "secret" not in answer.response.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    rows = await tenant.fetch("select amount_minor from entries where tenant_id = $1 order by sequence")
    assert [row[0] for row in rows] == [1000, -400]


async def test_one_value_of_no_type_stops_the_whole_request_before_anything_is_posted(attack: Attack) -> None:
    query = """mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!) {
      a: adjustCredit(input: $a) { replayed } b: adjustCredit(input: $b) { replayed } }"""
    variables = {"a": adjusting(attack.customer, "1.00"), "b": adjusting(attack.customer, "NaN")}
    assert code(await attack.run(query, variables)) == "BAD_USER_INPUT"

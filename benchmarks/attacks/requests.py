"""Requests close to every bound or beyond it, and long answers."""

import asyncio
import json
from typing import Any, Final

from benchmarks.attacks.aim import Aim, Attack, at_once

LARGE: Final = 3_900_000
"""Bytes; a body may have 4 MB."""
TOO_LARGE: Final = 5_000_000
CLIENTS: Final = 8
_VIEWER: Final = "{ viewer { subject } }"
_GARBAGE: Final = "mutation($input: BulkCreditInput!) { bulkCredit(input: $input) { userErrors { code } } }"
_ADDITION: Final = "query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { availableAfter } }"
_NESTED: Final = """query($first: Int!) { customers(first: $first) { edges { node { id name
  balances { asset available credits(first: 20) { edges { node { id remaining } } } }
  ledger(first: 20) { edges { node { sequence amount transaction { id kind } } } } } } } }"""
_AUDIT: Final = """query($after: String) { auditTrail(first: 100, after: $after) {
  edges { node { at action transaction { id } } } pageInfo { endCursor hasNextPage } } }"""


async def bodies(aim: Aim) -> None:
    """Of nearly 4 MB and of 5, in one text, in short ones, and without end."""
    large = [
        {"query": _VIEWER, "variables": {"text": "x" * aim.many(LARGE)}},
        {"query": _VIEWER, "variables": {"texts": ["x" * 100] * aim.many(LARGE // 110)}},
        {"query": _VIEWER, "variables": {"text": "x" * TOO_LARGE}},
        {"query": "{ viewer { subject } } # " + "x" * aim.many(LARGE), "variables": {}},
    ]
    await _several(aim, [json.dumps(body).encode() for body in large])


async def deep_json(aim: Aim) -> None:
    depth = aim.many(190_000)
    nested = b'{"query": "{ viewer { subject } }", "variables": {"a": %s}}'
    await _several(aim, [nested % (b"[" * (depth // 2) + b"]" * (depth // 2)), nested % (b"[%s{}]" % (b"{}," * depth))])


async def variables(aim: Aim) -> None:
    """As many values as may be, and more; as many keys; keys as long."""
    number = aim.many(100_000)
    wanted: list[dict[str, Any]] = [
        {"a": list(range(number - 1))},
        {"a": list(range(3 * number))},
        {"a": {f"k{n}": n for n in range(number)}},
        {"k" * number: 1},
        {"a": [{"b": n} for n in range(number // 2)]},
    ]
    await _several(aim, [json.dumps({"query": _VIEWER, "variables": each}).encode() for each in wanted])


async def garbage(aim: Aim) -> None:
    """A bulk whose every row has another fault."""
    rows = aim.many(10_000)
    faults: list[Any] = [
        [{"customerId": "nobody", "amount": "x"}] * rows,
        [{"customer": 1, "amnt": 2}] * rows,
        [None] * rows,
        [{"customerId": aim.customers[0], "amount": "1e400"}] * rows,
        ["x"] * rows,
        [{"customerId": f"Q3VzdG9tZXI6{n}", "amount": "1.00"} for n in range(rows)],
    ]
    given = {"asset": "GBP", "reason": "GOODWILL", "idempotencyKey": aim.key(), "allowDuplicateCustomers": True}
    await _several(
        aim,
        [
            json.dumps({"query": _GARBAGE, "variables": {"input": {**given, "items": items}}}).encode()
            for items in faults
        ],
    )


async def documents(aim: Aim) -> None:
    """Each of them new: as long as may be, of as many tokens, aliases, fields that are not there, and definitions."""
    texts = [
        "{ viewer { subject } } #" + "x" * 99_000,
        "{ viewer { subject } }" + " " * 99_000,
        "{ " + " ".join(f"a{n}: viewer {{ subject }}" for n in range(20)) + " }",
        "{ " + " ".join(f"{'a' * 900}{n}: viewer {{ subject }}" for n in range(50)) + " }",
        "{ viewer { " + " ".join(f"nothing{n}" for n in range(1_000)) + " } }",
        "{ viewer { " + "subject " * 100 + "} }",
        "{ " * 1_200 + "}" * 1_200,
        " ".join(f"query Q{n} {{ viewer {{ subject }} }}" for n in range(30)),
        "{ __schema { types { fields { name } } } }",
        "query($a: [Int!]) { viewer { subject } customers(first: $a) { edges { node { id } } } }",
    ]
    bodies = [json.dumps({"query": f"{text} # {n}"}).encode() for n in range(aim.many(20)) for text in texts]
    await _several(aim, bodies)


async def nested(aim: Aim) -> None:
    """The dearest query that is let through."""

    async def ask(n: int) -> None:
        for _ in range(aim.many(5)):
            await aim.ask(_NESTED, {"first": 90}, role="admin", server=n)

    await at_once(CLIENTS, ask)


async def previews(aim: Aim) -> None:
    """Of an adjustment that touches all of 100,000 credits."""
    given = {
        "customerId": aim.big.spent,
        "asset": "GBP",
        "amount": "-1000",
        "reason": "CORRECTION",
        "idempotencyKey": "k",
    }
    await at_once(CLIENTS, lambda n: aim.ask(_ADDITION, {"input": given}, server=n))


async def statement(aim: Aim) -> None:
    """A file of 100,000 entries, four times at once; one client reads slowly."""

    async def fetch(n: int) -> None:
        headers = {"authorization": f"Bearer {aim.tokens['admin']}"}
        async with (
            aim.client(n) as client,
            client.stream("GET", f"/statements/{aim.big.told}.csv", headers=headers) as got,
        ):
            async for _ in got.aiter_bytes():
                await asyncio.sleep(0.001 if n == 0 else 0)
            aim.note(got.status_code)

    await at_once(4, fetch)


async def audit(aim: Aim) -> None:
    """All of it, page by page, by several at once."""

    async def follow(n: int) -> None:
        after = None
        for _ in range(aim.many(50)):
            page = ((await aim.ask(_AUDIT, {"after": after}, role="admin", server=n)).get("data") or {}).get(
                "auditTrail"
            )
            if not page or not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    await at_once(4, follow)


async def bad_tokens(aim: Aim) -> None:
    """A flood of them: unsigned, of another tenant, of ours with a wrong signature, opaque ones that nobody issued."""
    good = aim.tokens["manager"]
    wrong = [good[:-6] + "AAAAAA", "x" * 4_000, "a.b.c", "scrip_" + "z" * 40, good.rpartition(".")[0] + "."]
    body = json.dumps({"query": _VIEWER}).encode()

    async def flood(n: int) -> None:
        async with aim.client(n) as client:
            for turn in range(aim.many(100)):
                await aim.send(client, body, role=wrong[(n + turn) % len(wrong)])

    await at_once(16, flood)


async def _several(aim: Aim, bodies: list[bytes]) -> None:
    """Send all of them, from several clients that take turns, to all servers."""

    async def client(n: int) -> None:
        async with aim.client(n) as connection:
            for body in bodies[n::CLIENTS] if len(bodies) > CLIENTS else bodies:
                await aim.send(connection, body)

    await at_once(CLIENTS, client)


ATTACKS: Final[dict[str, Attack]] = {
    "bodies of 4 and 5 MB": bodies,
    "deep JSON": deep_json,
    "100,000 values": variables,
    "10,000 items of garbage": garbage,
    "documents at every bound": documents,
    "long lists in long lists": nested,
    "previews over 100,000 credits": previews,
    "statement of 100,000 entries": statement,
    "the whole audit": audit,
    "bad tokens": bad_tokens,
}

"""Bulks and files as large as they may be."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.attacks.aim import PATIENCE_S, Aim, Attack

ROWS: Final = 10_000
PARTNERS_ROWS: Final = 5_000
FILE_ROWS: Final = 100_000
ASKERS: Final = 200
POLL_S: Final = 0.5
_BULK: Final = """mutation($input: BulkCreditInput!) { bulkCredit(input: $input) {
  operation { status succeeded failed } userErrors { code } } }"""
_STATUS: Final = "query($id: ID!) { bulkOperation(id: $id) { status } }"
_PAST: Final = "query($at: DateTime!) { trialBalance(at: $at) { asset accounts } }"


async def _bulk(aim: Aim, customers: list[str], amount: str, role: str = "manager", **more: Any) -> None:
    items = [{"customerId": customer, "amount": amount} for customer in customers]
    given = {
        "items": items,
        "asset": "GBP",
        "reason": "CORRECTION",
        "allowDuplicateCustomers": True,
        "idempotencyKey": aim.key(),
        **more,
    }
    await aim.ask(_BULK, {"input": given}, role=role)


async def dry_run(aim: Aim) -> None:
    await _bulk(aim, aim.customers[:1] * aim.many(ROWS), "1.00", dryRun=True)


async def one_customer(aim: Aim) -> None:
    await _bulk(aim, aim.customers[1:2] * aim.many(ROWS), "1.00")


async def by_a_partner(aim: Aim) -> None:
    await _bulk(aim, aim.customers[2:3] * aim.many(PARTNERS_ROWS), "0.01", role="partner")


async def removals(aim: Aim) -> None:
    """Each takes from the credit that the bulk before it gave."""
    await _bulk(aim, aim.customers[1:2] * aim.many(ROWS), "-0.50")


async def many_customers(aim: Aim) -> None:
    await _bulk(aim, aim.customers[: aim.many(ROWS)], "1.00")


async def file(aim: Aim) -> None:
    """Taken in, validated and posted by the process that runs the jobs."""
    people = [f"customer-{n + 1}" for n in range(aim.many(len(aim.customers)))]
    rows = (f"{people[n % len(people)]},1.00" for n in range(aim.many(FILE_ROWS)))
    body = "\n".join(("customer,amount", *rows)).encode()
    headers = {"content-type": "text/csv", "authorization": f"Bearer {aim.tokens['manager']}"}
    async with aim.client() as client:
        answer = await client.post(
            "/imports/credits?asset=GBP&reason=GOODWILL&allowDuplicateCustomers=true",
            content=body,
            headers={**headers, "idempotency-key": aim.key()},
        )
    aim.note(answer.status_code, answer.json())
    operation = answer.json().get("operation")
    for _ in range(int(PATIENCE_S / POLL_S)) if operation else ():
        found = (await aim.ask(_STATUS, {"id": operation}))["data"]["bulkOperation"]
        if found["status"] not in ("QUEUED", "RUNNING"):
            aim.answers[found["status"]] += 1
            return
        await asyncio.sleep(POLL_S)
    aim.answers["not done in time"] += 1


async def the_past_beside_a_bulk(aim: Aim) -> None:
    """200 clients query the past of 50 ms ago, which may wait for the bulk; others may not."""

    async def ask(n: int) -> None:
        at = (datetime.now(UTC) - timedelta(milliseconds=50)).isoformat()
        await aim.ask(_PAST, {"at": at}, role="admin", server=n)

    await asyncio.gather(many_customers(aim), *(ask(n) for n in range(aim.many(ASKERS))))


ATTACKS: Final[dict[str, Attack]] = {
    "bulk of one customer, dry run": dry_run,
    "bulk of one customer": one_customer,
    "bulk of one customer, by a partner": by_a_partner,
    "bulk of removals": removals,
    "bulk of many customers": many_customers,
    "file": file,
    "the past, beside a bulk": the_past_beside_a_bulk,
}

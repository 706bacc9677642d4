"""Requests of version 0.1.0 that are sent again to books brought up to date: `python -m tests.support.again URL TENANT`.

Prints as JSON what each came to: whether it was known, and the id of what it made, or an error's code.
"""

import asyncio
import hashlib
import json
import sys
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from app.postgres.database import open_database
from models.commands import Actor, AdjustCredit, BulkCredit, BulkItem, Outcome
from models.currencies import open_books
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.approvals import approve_request
from models.operations.bulk_credit import bulk_credit
from models.operations.coupons import use_coupon
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.planning.approving import ApproveRequest
from models.planning.coupons import UseCoupon
from models.session import tenant_transaction

MARIA: Final = Actor("maria", "MANAGER", name="Maria")
MIKE: Final = Actor("mike", "MANAGER", name="Mike")
SAM: Final = Actor("sam", "STAFF", name="Sam")
APP, SHOP = Actor("bot", "PARTNER", client="app"), Actor("till", "PARTNER", client="shop")
FILE: Final = ImportCredits(
    hashlib.sha256(b"done").hexdigest(),
    "POINTS",
    "GOODWILL",
    error_policy="SKIP_FAILED",
    allow_duplicate_customers=True,
)
OF_FILE: Final = """SELECT k.key FROM idempotency_keys k
    JOIN bulk_operations b ON b.tenant_id = $1 AND b.id = k.result_id AND b.status = 'COMPLETED' AND b.succeeded = 20
    WHERE k.tenant_id = $1 AND k.operation = 'importCredits'"""
OF_BULK: Final = """SELECT k.key FROM idempotency_keys k
    JOIN bulk_operations b ON b.tenant_id = $1 AND b.id = k.result_id AND b.total = 3 AND b.failed = 0
    WHERE k.tenant_id = $1 AND k.operation = 'bulkCredit'"""
OF_ADJUSTMENT: Final = """SELECT t.idempotency_key FROM transactions t
    JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
    JOIN customers c ON c.tenant_id = $1 AND c.id = t.customer_id
    JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
    WHERE t.tenant_id = $1 AND c.external_id = $2 AND e.amount_minor = $3 AND a.subject = $4 AND t.kind = 'ADJUSTMENT'"""
OF_REQUEST: Final = """SELECT k.key, r.id FROM idempotency_keys k
    JOIN approval_requests r ON r.tenant_id = $1 AND r.id = k.result_id AND r.requested_subject = 'bot'
    WHERE k.tenant_id = $1"""
OF_APPROVAL: Final = """SELECT t.idempotency_key FROM approval_requests r
    JOIN transactions t ON t.tenant_id = $1 AND t.id = r.transaction_id WHERE r.tenant_id = $1 AND r.id = $2"""
OF_COUPON: Final = """SELECT k.key, c.id FROM idempotency_keys k
    JOIN coupons c ON c.tenant_id = $1 AND c.status = 'USED' AND c.closed_at = k.created_at
    WHERE k.tenant_id = $1 AND k.operation = 'useCoupon' ORDER BY 1"""


async def main(url: str, tenant_id: UUID) -> dict[str, Any]:
    async with open_database(url, pool_min=1, pool_max=4):
        await open_books(tenant_id)
        ledger = Ledger()
        try:
            return {name: await _told(request) for name, request in (await _requests(ledger, tenant_id)).items()}
        finally:
            await ledger.close()


async def _requests(ledger: Ledger, tenant_id: UUID) -> dict[str, Any]:
    async with tenant_transaction(tenant_id, read_only=True) as connection:

        async def find(sql: str, *arguments: object) -> Any:
            rows = await connection.raw.fetch(sql, tenant_id, *arguments)
            if not rows:
                raise LookupError(sql)
            return tuple(rows[0])

        people = dict(
            await connection.raw.fetch("SELECT external_id, id FROM customers WHERE tenant_id = $1", tenant_id)
        )
        (persons,) = await find(OF_ADJUSTMENT, "spaces", 100, "maria")
        (shops,) = await find(OF_ADJUSTMENT, "asked", 700, "till")
        apps, request = await find(OF_REQUEST)
        (approvals,) = await find(OF_APPROVAL, request)
        (files,), (bulks,) = await find(OF_FILE), await find(OF_BULK)
        coupons, coupon = await find(OF_COUPON)
    to = ledger, tenant_id
    one = AdjustCredit(people["spaces"], "GBP", Decimal(1), "GOODWILL")
    seven = AdjustCredit(people["asked"], "GBP", Decimal(7), "GOODWILL")
    asked = AdjustCredit(people["asked"], "GBP", Decimal(150), "GOODWILL", request_approval=True)
    given = zip(range(3), (50, 60, 70), strict=True)
    bulk = BulkCredit(tuple(BulkItem(people[f"bulk{n}"], Decimal(a)) for n, a in given), "POINTS", "CORRECTION")
    return {
        "a person's": adjust_credit(*to, MARIA, one, persons),
        "a person's, by another": adjust_credit(*to, SAM, one, persons),
        "a person's, with another input": adjust_credit(*to, MARIA, seven, persons),
        "a partner's": adjust_credit(*to, SHOP, seven, shops),
        "another partner's": adjust_credit(*to, APP, asked, apps),
        "an approval": approve_request(*to, MIKE, ApproveRequest(request), approvals),
        "a bulk": bulk_credit(*to, MARIA, bulk, bulks),
        "a file": import_credits(*to, MARIA, FILE, [ImportRow(None, None)], files),
        "nobody knows whose": use_coupon(*to, SAM, UseCoupon(coupon), coupons),
        "nobody knows whose, by a partner": use_coupon(*to, SHOP, UseCoupon(coupon), coupons),
        "a person's, by a partner": adjust_credit(*to, SHOP, one, persons),
        "a partner's, by a person": adjust_credit(*to, MARIA, seven, shops),
        "a partner's, by another partner": adjust_credit(*to, SHOP, asked, apps),
    }


async def _told(request: Any) -> list[Any]:
    try:
        done: Outcome = await request
    except LedgerError as error:
        return [error.code, None]
    made = done.approval_request_id or done.bulk_operation_id or done.transaction_id or done.coupon_id
    return [done.replayed, str(made)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1], UUID(sys.argv[2])))))

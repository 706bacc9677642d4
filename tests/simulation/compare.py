"""Whether the database says what the reference says."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Final

from models.reads import accounts
from models.reads.session import ReadSession
from tests.simulation.asking import Names
from tests.simulation.reference import Reference
from tests.simulation.things import minor
from tests.support.shop import Shop

_CREDITS: Final = """
    SELECT a.customer_id, a.asset, c.amount_minor, c.remaining_minor, c.starts_at, c.expires_at, c.auto_apply,
        c.swept_at IS NOT NULL, c.voided_at IS NOT NULL,
        ARRAY(SELECT s.service_id FROM credit_services s WHERE s.tenant_id = $1 AND s.credit_id = c.id ORDER BY 1)
    FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id WHERE c.tenant_id = $1 ORDER BY c.id"""
_BILLS: Final = """
    SELECT customer_id, currency, total_minor, paid_minor, credited_minor, status
    FROM invoices WHERE tenant_id = $1 ORDER BY id"""
_PARTS: Final = """
    SELECT a.credit_id, a.invoice_id, a.amount_minor, p.id, a.released_at IS NULL
    FROM assignments a LEFT JOIN payments p ON p.tenant_id = $1 AND p.transaction_id = a.transaction_id
    WHERE a.tenant_id = $1 ORDER BY a.id"""
_PAYMENTS: Final = """
    SELECT invoice_id, amount_minor, method, voided_at IS NULL FROM payments WHERE tenant_id = $1 ORDER BY id"""
_GRANTS: Final = """
    SELECT invoice_id, credit_id FROM grants WHERE tenant_id = $1 AND revoked_transaction_id IS NULL
    ORDER BY invoice_id, credit_id"""
_COUPONS: Final = """
    SELECT customer_id, points_spent_minor, expires_at, status, closed_at IS NULL
    FROM coupons WHERE tenant_id = $1 ORDER BY id"""
_MEMBERS: Final = """
    SELECT membership_started_at, membership_cancelled_at FROM customers WHERE tenant_id = $1 ORDER BY id"""
_STOCK: Final = "SELECT id, stock FROM rewards WHERE tenant_id = $1 ORDER BY id"
_TIERS: Final = """
    SELECT DISTINCT ON (a.customer_id) a.customer_id, t.new_tier FROM tier_changes t
    JOIN accounts a ON a.tenant_id = $1 AND a.id = t.account_id
    WHERE t.tenant_id = $1 ORDER BY a.customer_id, t.id DESC"""
_LADDER: Final = "SELECT threshold_minor, name FROM tiers WHERE tenant_id = $1"
_USED: Final = "SELECT coalesce(sum(used_minor), 0)::bigint FROM limit_counters WHERE tenant_id = $1"
_REQUESTS: Final = "SELECT customer_id, status FROM approval_requests WHERE tenant_id = $1 ORDER BY id"


async def differences(shop: Shop, names: Names, reference: Reference) -> list[str]:
    """In words; none where they agree."""
    session = ReadSession(shop.tenant_id)
    try:
        found: list[str] = []
        for kind, sql, expected in _expected(names, reference):
            found += _unlike(kind, [tuple(row) for row in await session.fetch(sql)], expected)
        views = await accounts.of_customers(session, names.customers, shop.clock())
        found += _unlike("account", [
            (v.customer_id, v.asset, v.balance_minor, v.available_minor, v.scheduled_minor, v.lifetime_minor)
            for v in views
        ], _accounts(shop, names, reference))  # fmt: skip
        tiers, ladder = dict(await session.fetch(_TIERS)), dict(await session.fetch(_LADDER))
        return found + _unlike(
            "tier", [(c, tiers.get(who)) for c, who in enumerate(names.customers)],
            [(c, ladder.get(reference.tier(c))) for c in range(reference.customers)],
        )  # fmt: skip
    finally:
        await session.release()


def _expected(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    who, rows = names.customers, names.rows
    yield "credit", _CREDITS, [
        (who[lot.customer], lot.asset, minor(lot.amount, lot.asset), minor(lot.left, lot.asset), lot.starts,
         lot.expires, lot.auto_apply, lot.swept, lot.voided, sorted(names.services[s] for s in lot.services))
        for lot in reference.lots
    ]  # fmt: skip
    yield "invoice", _BILLS, [
        (who[bill.customer], bill.currency, minor(bill.total, bill.currency), minor(bill.paid, bill.currency),
         minor(bill.credited, bill.currency), bill.status)
        for bill in reference.bills
    ]  # fmt: skip
    yield "assignment", _PARTS, [
        (rows["credits"][part.lot], rows["invoices"][part.bill],
         minor(part.amount, reference.bills[part.bill].currency),
         None if part.payment is None else rows["payments"][part.payment], part.live)
        for part in reference.parts
    ]  # fmt: skip
    yield "payment", _PAYMENTS, [
        (rows["invoices"][p.bill], minor(p.amount, reference.bills[p.bill].currency), p.method, p.live)
        for p in reference.payments
    ]  # fmt: skip
    yield "grant", _GRANTS, [
        (rows["invoices"][bill.serial], rows["credits"][lot])
        for bill in reference.bills for lot in bill.granted
    ]  # fmt: skip
    yield "coupon", _COUPONS, [
        (who[coupon.customer], coupon.points, coupon.expires, coupon.status, coupon.status == "ISSUED")
        for coupon in reference.coupons
    ]  # fmt: skip
    yield "stock", _STOCK, sorted((names.prizes[number], prize.stock) for number, prize in enumerate(reference.prizes))
    yield "member", _MEMBERS, [(member.started, member.cancelled) for member in reference.members]
    yield "limit", _USED, [(sum(reference.used.values()),)]
    yield "request", _REQUESTS, [(who[asked.facts["customer"]], asked.status) for asked in reference.requests]


def _accounts(shop: Shop, names: Names, reference: Reference) -> list[tuple[Any, ...]]:
    now = shop.clock()
    return [
        (names.customers[c], asset, *(
            minor(amount, asset)
            for amount in (
                reference.balance(c, asset), reference.available(c, asset, now), reference.scheduled(c, asset, now)
            )
        ), reference.lifetime[c, asset])
        for c, asset in sorted(reference.accounts)
    ]  # fmt: skip


def _unlike(kind: str, real: Iterable[Any], expected: Iterable[Any]) -> list[str]:
    pairs = enumerate(zip_longest(real, expected))
    return [f"{kind} {number}: {a} is not {b}" for number, (a, b) in pairs if a != b]

"""Whether the database says what the reference says."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from models.reads import accounts
from models.reads.session import ReadSession
from tests.simulation.reference import Reference, minor
from tests.support.shop import Shop

_CREDITS = """
    SELECT a.customer_id, a.asset, c.amount_minor, c.remaining_minor, c.starts_at, c.expires_at, c.auto_apply,
        c.swept_at IS NOT NULL, c.voided_at IS NOT NULL
    FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id WHERE c.tenant_id = $1 ORDER BY c.id"""
_BILLS = """
    SELECT customer_id, currency, total_minor, paid_minor, credited_minor, status
    FROM invoices WHERE tenant_id = $1 ORDER BY id"""
_PARTS = """
    WITH c AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM credits WHERE tenant_id = $1),
         i AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM invoices WHERE tenant_id = $1)
    SELECT c.place, i.place, a.amount_minor, a.released_at IS NULL
    FROM assignments a JOIN c ON c.id = a.credit_id JOIN i ON i.id = a.invoice_id
    WHERE a.tenant_id = $1 ORDER BY a.id"""
_COUPONS = "SELECT customer_id, points_spent_minor FROM coupons WHERE tenant_id = $1 ORDER BY id"
_TIERS = """
    SELECT DISTINCT ON (a.customer_id) a.customer_id, t.new_tier FROM tier_changes t
    JOIN accounts a ON a.tenant_id = $1 AND a.id = t.account_id
    WHERE t.tenant_id = $1 ORDER BY a.customer_id, t.id DESC"""
_USED = "SELECT sum(used_minor)::bigint FROM limit_counters WHERE tenant_id = $1"
_REQUESTS = "SELECT count(*) FROM approval_requests WHERE tenant_id = $1"


async def differences(shop: Shop, reference: Reference) -> list[str]:
    """In words; none where they agree."""
    who = [row[0] for row in await shop.rows("SELECT id FROM customers WHERE tenant_id = $1 ORDER BY id")]
    now = shop.clock()
    lots = [
        (who[lot.customer], lot.asset, minor(lot.amount, lot.asset), minor(lot.left, lot.asset), lot.starts,
         lot.expires, lot.auto_apply, lot.swept, lot.voided)
        for lot in reference.lots
    ]  # fmt: skip
    bills = [
        (who[bill.customer], bill.currency, minor(bill.total, bill.currency), minor(bill.paid, bill.currency),
         minor(bill.credited, bill.currency), bill.status)
        for bill in reference.bills
    ]  # fmt: skip
    parts = [
        (part.lot, part.bill, minor(part.amount, reference.bills[part.bill].currency), part.live)
        for part in reference.parts
    ]
    found = _unlike("credit", await shop.rows(_CREDITS), lots)
    found += _unlike("invoice", await shop.rows(_BILLS), bills)
    found += _unlike("assignment", await shop.rows(_PARTS), parts)
    found += _unlike("coupon", await shop.rows(_COUPONS), [(who[c], points) for c, _, points in reference.coupons])
    found += _unlike("account", await _accounts(shop), [
        (who[c], asset, minor(reference.balance(c, asset), asset), minor(reference.available(c, asset, now), asset),
         reference.lifetime[c, asset])
        for c, asset in sorted(reference.accounts)
    ])  # fmt: skip
    tiers = dict(await shop.rows(_TIERS))
    found += _unlike("tier", [(c, tiers.get(who[c])) for c in range(reference.customers)],
                     [(c, reference.tier(c)) for c in range(reference.customers)])  # fmt: skip
    found += _unlike("limit", await shop.rows(_USED), [(sum(reference.used.values()) or None,)], or_none=True)
    return found + _unlike("request", await shop.rows(_REQUESTS), [(reference.requests,)])


async def _accounts(shop: Shop) -> list[tuple[Any, ...]]:
    session = ReadSession(shop.tenant_id)
    try:
        who = [row[0] for row in await session.fetch("SELECT id FROM customers WHERE tenant_id = $1 ORDER BY id")]
        views = await accounts.of_customers(session, who, shop.clock())
    finally:
        await session.release()
    return [(v.customer_id, v.asset, v.balance_minor, v.available_minor, v.lifetime_minor) for v in views]


def _unlike(kind: str, real: Iterable[Any], expected: Iterable[Any], *, or_none: bool = False) -> list[str]:
    pairs = enumerate(zip_longest(real, expected))
    if or_none:  # a sum of nothing, and a sum of zeros, say the same
        return [f"{kind}: {a} is not {b}" for _, (a, b) in pairs if (a[0] or None) != (b[0] or None)]
    return [f"{kind} {number}: {a} is not {b}" for number, (a, b) in pairs if a != b]

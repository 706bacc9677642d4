"""What the books are made of, compared in SQL: each check finds the rows that differ from what the entries come to.

Every statement has the tenant as $1 and answers (id, detail): the row that differs, and how.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Check:
    """name: what was compared, for people and scripts alike."""

    name: str
    sql: str


_ACCOUNTS = (
    Check(
        "account sums",
        """
        SELECT a.id, format('%s: balance %s, lifetime %s, sequence %s; entries: %s, %s, %s of them up to %s', a.asset,
            a.balance_minor, a.lifetime_minor, a.sequence, e.balance, e.lifetime, e.number, e.newest) AS detail
        FROM accounts a LEFT JOIN (
            SELECT account_id, sum(amount_minor) AS balance, sum(lifetime_minor) AS lifetime, count(*) AS number,
                max(sequence) AS newest
            FROM entries WHERE tenant_id = $1 GROUP BY account_id
        ) e ON e.account_id = a.id
        WHERE a.tenant_id = $1 AND (a.balance_minor, a.lifetime_minor, a.sequence, a.sequence) IS DISTINCT FROM
            (coalesce(e.balance, 0), coalesce(e.lifetime, 0), coalesce(e.number, 0), coalesce(e.newest, 0))
        """,
    ),
    Check(
        "account head",
        """
        SELECT a.id, format('newest entry %s is not the one that the account names', a.sequence) AS detail
        FROM accounts a LEFT JOIN entries e ON e.tenant_id = $1 AND e.account_id = a.id AND e.sequence = a.sequence
        WHERE a.tenant_id = $1 AND (a.head_hash, a.posted_at) IS DISTINCT FROM (e.hash, e.created_at)
        """,
    ),
)

_CREDITS = (
    Check(
        "credit remainder",
        """
        SELECT c.id, format('remainder %s; entries: %s', c.remaining_minor, coalesce(e.remaining, 0)) AS detail
        FROM credits c LEFT JOIN (
            SELECT credit_id, sum(amount_minor) AS remaining FROM entries WHERE tenant_id = $1 GROUP BY credit_id
        ) e ON e.credit_id = c.id
        WHERE c.tenant_id = $1 AND c.remaining_minor <> coalesce(e.remaining, 0)
        """,
    ),
    Check(
        "credit amount",
        """
        SELECT c.id, format('amount %s, which its own transaction has no entry for', c.amount_minor) AS detail
        FROM credits c
        WHERE c.tenant_id = $1 AND NOT EXISTS (
            SELECT FROM entries e WHERE e.tenant_id = $1 AND e.transaction_id = c.transaction_id AND e.credit_id = c.id
                AND e.amount_minor = c.amount_minor)
        """,
    ),
    Check(
        "credit services",
        """
        SELECT c.id, format('restricted %s; services: %s', c.restricted, coalesce(s.number, 0)) AS detail
        FROM credits c LEFT JOIN (
            SELECT credit_id, count(*) AS number FROM credit_services WHERE tenant_id = $1 GROUP BY credit_id
        ) s ON s.credit_id = c.id
        WHERE c.tenant_id = $1 AND c.restricted <> (coalesce(s.number, 0) > 0)
        """,
    ),
    Check(
        "entry parties",
        """
        SELECT e.id, 'account, account of the credit and customer of the transaction do not agree' AS detail
        FROM entries e
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = e.credit_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        WHERE e.tenant_id = $1 AND (c.account_id <> a.id OR t.customer_id <> a.customer_id)
        """,
    ),
)

_INVOICES = (
    Check(
        "invoice sums",
        """
        SELECT i.id, format('%s %s: total %s, paid %s, credited %s; lines: %s, payments: %s, assignments: %s', i.number,
            i.status, i.total_minor, i.paid_minor, i.credited_minor, s.total, s.paid, s.credited) AS detail
        FROM invoices i CROSS JOIN LATERAL (SELECT
            coalesce((SELECT sum(l.quantity * l.unit_price_minor) FROM invoice_lines l
                WHERE l.tenant_id = $1 AND l.invoice_id = i.id), 0) AS total,
            coalesce((SELECT sum(p.amount_minor) FROM payments p
                WHERE p.tenant_id = $1 AND p.invoice_id = i.id AND p.voided_at IS NULL
                    AND p.transaction_id IS NULL), 0) AS paid,
            coalesce((SELECT sum(g.amount_minor) FROM assignments g
                WHERE g.tenant_id = $1 AND g.invoice_id = i.id AND g.released_at IS NULL), 0) AS credited
        ) s
        WHERE i.tenant_id = $1 AND ((i.total_minor, i.paid_minor, i.credited_minor) <> (s.total, s.paid, s.credited)
            OR (i.status <> 'VOID' AND i.status <> CASE
                WHEN s.paid + s.credited >= s.total THEN 'PAID' WHEN s.paid + s.credited > 0 THEN 'PART_PAID'
                ELSE 'OPEN' END))
        """,
    ),
    Check(
        "assignment entries",
        """
        SELECT coalesce(g.transaction_id, e.transaction_id) AS id,
            format('credit %s: assignments take %s, entries %s', coalesce(g.credit_id, e.credit_id),
                coalesce(g.taken, 0), coalesce(e.taken, 0)) AS detail
        FROM (
            SELECT transaction_id, credit_id, sum(taken) AS taken FROM (
                SELECT transaction_id, credit_id, amount_minor AS taken FROM assignments WHERE tenant_id = $1
                UNION ALL
                SELECT release_transaction_id, credit_id, -amount_minor FROM assignments
                WHERE tenant_id = $1 AND release_transaction_id IS NOT NULL
            ) moved GROUP BY transaction_id, credit_id
        ) g FULL JOIN (
            SELECT transaction_id, credit_id, -sum(amount_minor) AS taken FROM entries
            WHERE tenant_id = $1 AND counter = 'INVOICES' GROUP BY transaction_id, credit_id
        ) e USING (transaction_id, credit_id)
        WHERE coalesce(g.taken, 0) <> coalesce(e.taken, 0)
        """,
    ),
    Check(
        "assignment parties",
        """
        SELECT g.id, format('%s against %s, or one customer''s against another''s', a.asset, i.currency) AS detail
        FROM assignments g
        JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN invoices i ON i.tenant_id = $1 AND i.id = g.invoice_id
        WHERE g.tenant_id = $1 AND (a.customer_id <> i.customer_id OR a.asset <> i.currency)
        """,
    ),
)

_COUPONS = (
    Check(
        "coupon points",
        """
        SELECT coalesce(c.transaction_id, e.transaction_id) AS id,
            format('coupons cost %s points, entries take %s', coalesce(c.spent, 0), coalesce(e.spent, 0)) AS detail
        FROM (
            SELECT transaction_id, sum(points_spent_minor) AS spent FROM coupons
            WHERE tenant_id = $1 GROUP BY transaction_id
        ) c FULL JOIN (
            SELECT e.transaction_id, -sum(e.amount_minor) AS spent
            FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id AND t.kind = 'REWARD'
            WHERE e.tenant_id = $1 AND e.counter = 'REDEEMED' GROUP BY e.transaction_id
        ) e USING (transaction_id)
        WHERE coalesce(c.spent, 0) <> coalesce(e.spent, 0)
        """,
    ),
    Check(
        "coupon refunds",
        """
        SELECT coalesce(c.refund_transaction_id, e.transaction_id) AS id,
            format('coupon %s cost %s points, entries put back %s', c.id, c.points_spent_minor, coalesce(e.back, 0))
                AS detail
        FROM (SELECT * FROM coupons WHERE tenant_id = $1 AND refund_transaction_id IS NOT NULL) c
        FULL JOIN (
            SELECT e.transaction_id, sum(e.amount_minor) AS back FROM entries e
            WHERE e.tenant_id = $1 AND e.counter = 'REDEEMED' AND e.amount_minor > 0 GROUP BY e.transaction_id
        ) e ON e.transaction_id = c.refund_transaction_id
        WHERE coalesce(c.points_spent_minor, 0) <> coalesce(e.back, 0)
        """,
    ),
)

_ORDERS = (
    Check(
        "order grants",
        """
        SELECT i.id, format('%s %s: credit lines %s, granted %s', i.number, i.status, s.sold, s.granted) AS detail
        FROM invoices i CROSS JOIN LATERAL (SELECT
            coalesce((SELECT sum(l.quantity * l.unit_price_minor) FROM invoice_lines l
                WHERE l.tenant_id = $1 AND l.invoice_id = i.id AND l.kind = 'CREDIT'), 0) AS sold,
            coalesce((SELECT sum(c.amount_minor) FROM grants g
                JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
                WHERE g.tenant_id = $1 AND g.invoice_id = i.id AND g.revoked_transaction_id IS NULL), 0) AS granted
        ) s
        WHERE i.tenant_id = $1 AND (i.creditable_minor <> i.total_minor - s.sold
            OR s.granted <> CASE WHEN i.status = 'PAID' THEN s.sold ELSE 0 END)
        """,
    ),
    Check(
        "grant entries",
        """
        SELECT coalesce(g.transaction_id, e.transaction_id) AS id,
            format('credit %s: orders grant %s, entries %s', coalesce(g.credit_id, e.credit_id),
                coalesce(g.granted, 0), coalesce(e.granted, 0)) AS detail
        FROM (
            SELECT m.transaction_id, c.id AS credit_id, sum(m.sign * c.amount_minor) AS granted FROM (
                SELECT transaction_id, credit_id, 1 AS sign FROM grants WHERE tenant_id = $1
                UNION ALL
                SELECT revoked_transaction_id, credit_id, -1 FROM grants
                WHERE tenant_id = $1 AND revoked_transaction_id IS NOT NULL
            ) m JOIN credits c ON c.tenant_id = $1 AND c.id = m.credit_id GROUP BY m.transaction_id, c.id
        ) g FULL JOIN (
            SELECT transaction_id, credit_id, sum(amount_minor) AS granted FROM entries
            WHERE tenant_id = $1 AND counter = 'ORDERS' GROUP BY transaction_id, credit_id
        ) e USING (transaction_id, credit_id)
        WHERE coalesce(g.granted, 0) <> coalesce(e.granted, 0)
        """,
    ),
    Check(
        "grant parties",
        """
        SELECT g.id, format('%s granted by an order in %s, or to another customer', a.asset, i.currency) AS detail
        FROM grants g
        JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN invoices i ON i.tenant_id = $1 AND i.id = g.invoice_id
        WHERE g.tenant_id = $1 AND (a.customer_id <> i.customer_id OR a.asset <> i.currency)
        """,
    ),
    Check(
        "account credit payments",
        """
        SELECT p.id, format('%s, its live assignments %s', p.amount_minor, coalesce(g.live, 0)) AS detail
        FROM payments p LEFT JOIN (
            SELECT transaction_id, invoice_id, sum(amount_minor) FILTER (WHERE released_at IS NULL) AS live
            FROM assignments WHERE tenant_id = $1 GROUP BY transaction_id, invoice_id
        ) g ON (g.transaction_id, g.invoice_id) = (p.transaction_id, p.invoice_id)
        WHERE p.tenant_id = $1 AND p.transaction_id IS NOT NULL
            AND coalesce(g.live, 0) <> CASE WHEN p.voided_at IS NULL THEN p.amount_minor ELSE 0 END
        """,
    ),
)

_APPROVALS = (
    Check(
        "approvals",
        """
        SELECT r.id, format('%s; its transaction %s by %s on the approval of %s', r.status, r.transaction_id,
            coalesce(a.subject, 'nobody'), coalesce(b.subject, 'nobody')) AS detail
        FROM approval_requests r
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = r.transaction_id
        LEFT JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
        LEFT JOIN actors b ON b.tenant_id = $1 AND b.id = t.approved_by_id
        WHERE r.tenant_id = $1 AND (r.status = 'APPROVED' OR r.transaction_id IS NOT NULL)
            AND ((r.status, r.requested_by_id, r.decided_by_id, r.customer_id, r.requested_subject, r.decided_subject)
                IS DISTINCT FROM ('APPROVED', t.actor_id, t.approved_by_id, t.customer_id, a.subject, b.subject)
                OR a.subject = b.subject)
        """,
    ),
    Check(
        "approved transactions",
        """
        SELECT t.id, format('approved by %s, and named by %s requests', t.approved_by_id, count(r.id)) AS detail
        FROM transactions t LEFT JOIN approval_requests r ON r.tenant_id = $1 AND r.transaction_id = t.id
        WHERE t.tenant_id = $1 AND (t.approved_by_id IS NOT NULL OR r.id IS NOT NULL)
        GROUP BY t.id, t.approved_by_id
        HAVING count(r.id) <> CASE WHEN t.approved_by_id IS NULL THEN 0 ELSE 1 END
        """,
    ),
)

CHECKS: Final = (*_ACCOUNTS, *_CREDITS, *_INVOICES, *_ORDERS, *_COUPONS, *_APPROVALS)

ENTRIES: Final = """
    SELECT e.id, e.account_id, e.sequence, e.transaction_id, e.credit_id, e.counter, e.amount_minor, e.lifetime_minor,
        e.balance_after_minor, e.created_at, e.previous_hash, e.hash, t.kind, t.reason, t.actor_id, t.approved_by_id,
        t.customer_id, t.note_digest
    FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
    WHERE e.tenant_id = $1
    ORDER BY e.account_id, e.sequence
"""
"""Every account's entries from the first to the newest, with what their hashes cover."""

NOTES: Final = """
    SELECT t.id, t.note_digest, x.note, x.salt
    FROM transactions t LEFT JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id AND octet_length(x.salt) > 0
    WHERE t.tenant_id = $1 AND (t.note_digest IS NOT NULL OR x.id IS NOT NULL)
"""
"""Transactions with a note, and the note where it has not been erased."""

COUNTS: Final = """
    SELECT (SELECT count(*) FROM accounts WHERE tenant_id = $1) AS accounts,
        (SELECT count(*) FROM credits WHERE tenant_id = $1) AS credits,
        (SELECT count(*) FROM invoices WHERE tenant_id = $1) AS invoices,
        (SELECT count(*) FROM coupons WHERE tenant_id = $1) AS coupons
"""

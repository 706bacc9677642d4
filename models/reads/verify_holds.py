"""Holds, compared in SQL with what was set aside, captured and let go: see verify_checks.py.

Nothing here knows the ledger's time, which may be another than the database's in tests: what is held of a credit is judged
as of the last thing that happened to it.
"""

from typing import Final

from models.reads.verify_checks import Check

# What is captured is in the entries of the transaction, of the same credits. That a hold itself moves nothing, see
# verify_hashes.py.
CAPTURES: Final = Check(
    "captures",
    """
    SELECT m.transaction_id AS id, format('captures %s of credit %s; entries: %s', m.taken, m.credit_id,
        coalesce(e.taken, 0)) AS detail
    FROM (
        SELECT l.transaction_id, l.credit_id, t.kind, -sum(l.amount_minor) AS taken
        FROM hold_lots l JOIN kinds t ON t.id = l.transaction_id AND t.kind IN ('SPEND', 'ASSIGNMENT')
        WHERE l.tenant_id = $1 GROUP BY l.transaction_id, l.credit_id, t.kind
    ) m LEFT JOIN (
        SELECT transaction_id, credit_id, -sum(amount_minor) AS taken FROM few
        WHERE tenant_id = $1 AND counter IN ('SPENT', 'INVOICES') GROUP BY transaction_id, credit_id
    ) e USING (transaction_id, credit_id)
    WHERE m.taken <> coalesce(e.taken, 0)
    UNION ALL
    SELECT t.id, 'holds nothing' FROM kinds t
    LEFT JOIN hold_lots l ON l.tenant_id = $1 AND l.transaction_id = t.id
    WHERE t.kind = 'HOLD' AND l.id IS NULL
    """,
)

HOLD_SUMS: Final = Check(
    "hold sums",
    """
    SELECT h.id, format('%s placed, %s held, %s captured, until %s; lots: %s, %s, %s, until %s', h.amount_minor,
        h.held_minor, h.captured_minor, h.expires_at, l.placed, l.held, l.captured, l.until) AS detail
    FROM holds h LEFT JOIN (
        SELECT l.hold_id, sum(l.amount_minor) AS held, sum(l.amount_minor) FILTER (WHERE l.transaction_id = l.hold_id)
            AS placed, coalesce(-sum(l.amount_minor) FILTER (WHERE t.id IS NOT NULL), 0) AS captured,
            max(l.expires_at) AS until, min(l.created_at) AS since
        FROM hold_lots l LEFT JOIN kinds t ON t.id = l.transaction_id AND t.kind IN ('SPEND', 'ASSIGNMENT')
        WHERE l.tenant_id = $1 GROUP BY l.hold_id
    ) l ON l.hold_id = h.id
    WHERE h.tenant_id = $1 AND (h.amount_minor, h.held_minor, h.captured_minor, h.expires_at, h.created_at)
        IS DISTINCT FROM (l.placed, l.held, l.captured, l.until, l.since)
    """,
)

HOLD_CHECKS: Final = (
    # A part is on one credit, and of that there is never less than nothing.
    Check(
        "hold parts",
        """
        SELECT p.hold_id AS id, format('part %s: %s of credit %s', p.position, p.held, p.credit_id) AS detail
        FROM (
            SELECT hold_id, position, credit_id, sum(amount_minor) AS held,
                count(CASE WHEN sum(amount_minor) > 0 THEN 1 END) OVER (PARTITION BY hold_id, position) AS credits
            FROM hold_lots WHERE tenant_id = $1 GROUP BY hold_id, position, credit_id
        ) p WHERE p.held < 0 OR p.credits > 1
        """,
    ),
    Check(
        "hold parties",
        """
        SELECT l.id, format('hold %s, on %s: account, credit and transaction do not agree', l.hold_id, a.asset) AS detail
        FROM hold_lots l
        JOIN holds h ON h.tenant_id = $1 AND h.id = l.hold_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = l.account_id
        JOIN accounts f ON f.tenant_id = $1 AND f.id = h.account_id
        JOIN credits c ON c.tenant_id = $1 AND c.id = l.credit_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = l.transaction_id
        JOIN customers o ON o.tenant_id = $1 AND o.id = a.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = t.customer_id
        JOIN customers p ON p.tenant_id = $1 AND p.id = f.customer_id
        WHERE l.tenant_id = $1 AND (c.account_id <> l.account_id OR f.asset <> a.asset
            OR coalesce(o.merged_into_id, o.id) <> coalesce(d.merged_into_id, d.id)
            OR coalesce(o.merged_into_id, o.id) <> coalesce(p.merged_into_id, p.id)
            OR (l.transaction_id = h.id AND l.account_id <> h.account_id))
        """,
    ),
    Check(
        "hold home",
        """
        SELECT h.id, format('on account %s; lots: %s', h.home_id, l.account_id) AS detail
        FROM holds h JOIN (
            SELECT hold_id, account_id FROM hold_lots WHERE tenant_id = $1
            GROUP BY hold_id, account_id HAVING sum(amount_minor) > 0
        ) l ON l.hold_id = h.id
        WHERE h.tenant_id = $1 AND l.account_id <> h.home_id
        """,
    ),
    Check(
        "held credit",
        """
        WITH last AS (
            SELECT credit_id, max(at) AS at FROM (
                SELECT credit_id, max(created_at) AS at FROM hold_lots WHERE tenant_id = $1 GROUP BY credit_id
                UNION ALL
                SELECT e.credit_id, max(e.created_at) FROM entries e JOIN (
                    SELECT DISTINCT credit_id FROM hold_lots WHERE tenant_id = $1) l ON l.credit_id = e.credit_id
                WHERE e.tenant_id = $1 GROUP BY e.credit_id
            ) m GROUP BY credit_id
        )
        SELECT c.id, format('%s left, and %s held at %s', c.remaining_minor, l.held, l.at) AS detail
        FROM (
            SELECT l.credit_id, n.at, sum(l.amount_minor) AS held
            FROM hold_lots l JOIN last n ON n.credit_id = l.credit_id
            JOIN holds h ON h.tenant_id = $1 AND h.id = l.hold_id AND h.expires_at > n.at
            WHERE l.tenant_id = $1 GROUP BY l.credit_id, n.at
        ) l JOIN credits c ON c.tenant_id = $1 AND c.id = l.credit_id
        WHERE l.held > c.remaining_minor
        """,
    ),
    Check(
        "held until",
        """
        SELECT coalesce(a.id, h.home_id) AS id, format('holds until %s; its holds: %s', a.held_until, h.until) AS detail
        FROM (SELECT id, held_until FROM accounts WHERE tenant_id = $1 AND held_until IS NOT NULL) a
        FULL JOIN (
            SELECT account_id AS home_id, max(until) AS until FROM (
                SELECT home_id AS account_id, max(expires_at) AS until FROM holds WHERE tenant_id = $1 GROUP BY home_id
                UNION ALL
                SELECT account_id, max(expires_at) FROM hold_lots WHERE tenant_id = $1 GROUP BY account_id
            ) m GROUP BY account_id
        ) h ON h.home_id = a.id
        WHERE a.held_until IS DISTINCT FROM h.until
        """,
    ),
)

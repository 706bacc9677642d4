"""Transfers and revivals, compared in SQL with the books: see verify_checks.py."""

from typing import Final

from models.reads.verify_checks import Check

# One took what the other gave. A merge may have made one person of both since.
TRANSFERS: Final = Check(
    "transfers",
    """
    WITH sides AS (
        SELECT id, received_id AS other_id, -1 AS sign FROM transfers WHERE tenant_id = $1
        UNION ALL SELECT received_id, id, 1 FROM transfers WHERE tenant_id = $1
    ), moved AS MATERIALIZED (
        SELECT e.transaction_id AS id, a.asset, sum(e.amount_minor) AS minor,
            bool_or(e.amount_minor < 0) AND bool_or(e.amount_minor > 0) AS both_ways
        FROM few e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1 AND e.counter = 'TRANSFERRED' GROUP BY e.transaction_id, a.asset
    ), told AS (SELECT id FROM kinds WHERE kind = 'TRANSFER')
    SELECT coalesce(t.id, m.id, s.id) AS id,
        format('%s %s; the other transaction is %s, and moves %s', m.minor, m.asset, s.other_id, o.minor) AS detail
    FROM told t FULL JOIN moved m ON m.id = t.id FULL JOIN sides s ON s.id = coalesce(t.id, m.id)
    LEFT JOIN moved o ON o.id = s.other_id AND o.asset = m.asset
    WHERE num_nulls(t.id, m.id, s.id, o.id) > 0 OR m.minor <> -o.minor OR sign(m.minor) <> s.sign OR m.both_ways
    """,
)

TRANSFERRED_CREDITS: Final = Check(
    "transferred credits",
    """
    WITH opened AS (
        SELECT c.id, c.transaction_id, c.amount_minor, c.counts, c.created_at, c.starts_at, c.effective_on
        FROM credits c JOIN kinds t ON t.id = c.transaction_id AND t.kind = 'TRANSFER'
        WHERE c.tenant_id = $1 AND c.origin_id IS NULL
    ), taken AS (
        SELECT transaction_id, credit_id, -sum(amount_minor) AS minor FROM few
        WHERE tenant_id = $1 AND counter = 'TRANSFERRED' AND amount_minor < 0 GROUP BY transaction_id, credit_id
    )
    SELECT coalesce(x.id, c.id) AS id, format('%s, and %s were taken from %s; first given by %s', c.amount_minor,
        e.minor, x.from_id, x.source_id) AS detail
    FROM (SELECT * FROM transferred_credits WHERE tenant_id = $1) x FULL JOIN opened c ON c.id = x.id
    LEFT JOIN transfers f ON f.tenant_id = $1 AND f.id = x.transfer_id
    LEFT JOIN taken e ON e.transaction_id = x.transfer_id AND e.credit_id = x.from_id
    LEFT JOIN credits g ON g.tenant_id = $1 AND g.id = x.from_id
    LEFT JOIN credits r ON r.tenant_id = $1 AND r.id = CASE WHEN g.origin_id IS NULL THEN g.id ELSE g.origin_id END
    LEFT JOIN transferred_credits y ON y.tenant_id = $1 AND y.id = r.id
    WHERE (c.transaction_id, c.amount_minor, c.counts, c.created_at, c.starts_at, c.effective_on) IS DISTINCT FROM
            (f.received_id, e.minor, false, g.created_at, g.starts_at, g.effective_on)
        OR x.source_id IS DISTINCT FROM CASE WHEN y.id IS NULL THEN r.transaction_id ELSE y.source_id END
    """,
)


# What was put back of a lot, in the order in which it was, and never more than has expired of it.
_REVIVALS: Final = (
    Check(
        "revivals",
        """
        WITH lots AS (
            SELECT id, account_id, CASE WHEN origin_id IS NULL THEN id ELSE origin_id END AS lot_id
            FROM credits WHERE tenant_id = $1
        ), moved AS MATERIALIZED (
            SELECT e.transaction_id, e.credit_id, sum(e.amount_minor) AS minor, max(e.created_at) AS at FROM entries e
            WHERE e.tenant_id = $1 AND e.counter = 'EXPIRED' AND e.amount_minor > 0 GROUP BY e.transaction_id, e.credit_id
        ), expired AS MATERIALIZED (
            SELECT l.lot_id, -sum(e.amount_minor) AS minor FROM entries e JOIN lots l ON l.id = e.credit_id
            WHERE e.tenant_id = $1 AND e.counter = 'EXPIRED' AND e.amount_minor < 0 GROUP BY l.lot_id
        ), told AS (
            SELECT r.*, coalesce(sum(r.amount_minor) OVER (
                PARTITION BY r.lot_id ORDER BY r.before_minor ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0) AS given_minor
            FROM revivals r WHERE r.tenant_id = $1
        )
        SELECT coalesce(r.id, m.transaction_id) AS id,
            format('%s of %s that expired of %s, after %s; entries: %s of %s, after %s', r.amount_minor, r.expired_minor,
                r.lot_id, r.before_minor, m.minor, x.minor, r.given_minor) AS detail
        FROM told r FULL JOIN moved m ON m.transaction_id = r.transaction_id AND m.credit_id = r.credit_id
        LEFT JOIN lots l ON l.id = r.credit_id
        LEFT JOIN expired x ON x.lot_id = r.lot_id
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = m.transaction_id
        LEFT JOIN credit_changes h ON h.tenant_id = $1 AND h.transaction_id = r.transaction_id AND h.credit_id = r.credit_id
        WHERE (r.amount_minor, r.before_minor, r.lot_id, r.account_id, r.revived_at, t.kind) IS DISTINCT FROM
                (m.minor, r.given_minor, l.lot_id, l.account_id, m.at, 'REVIVAL')
            OR x.minor IS NULL OR r.expired_minor > x.minor
            OR CASE WHEN h.id IS NULL THEN r.expired_at <= r.revived_at
                ELSE h.old_expires_at IS DISTINCT FROM r.expired_at END
        """,
    ),
)

MOVING_CHECKS: Final = _REVIVALS

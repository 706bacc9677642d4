"""Coupons, approvals, keys, people and tiers, compared in SQL with the books: see verify_checks.py."""

from typing import Final

from models.reads.verify_checks import Check
from models.reads.verify_seals import CLIENT_OF

COUPON_POINTS: Final = Check(
    "coupon points",
    """
    SELECT coalesce(c.transaction_id, e.transaction_id) AS id,
        format('coupons cost %s points, entries take %s', coalesce(c.spent, 0), coalesce(e.spent, 0)) AS detail
    FROM (
        SELECT transaction_id, sum(points_spent_minor) AS spent FROM coupons
        WHERE tenant_id = $1 GROUP BY transaction_id
    ) c FULL JOIN (
        SELECT e.transaction_id, -sum(e.amount_minor) AS spent
        FROM few e JOIN kinds t ON t.id = e.transaction_id AND t.kind = 'REWARD'
        WHERE e.tenant_id = $1 AND e.counter = 'REDEEMED' GROUP BY e.transaction_id
    ) e USING (transaction_id)
    WHERE coalesce(c.spent, 0) <> coalesce(e.spent, 0)
    """,
)

COUPON_REFUNDS: Final = Check(
    "coupon refunds",
    """
    SELECT coalesce(c.refund_transaction_id, e.transaction_id) AS id,
        format('coupon %s cost %s points, entries put back %s', c.id, c.points_spent_minor, coalesce(e.back, 0))
            AS detail
    FROM (SELECT * FROM coupons WHERE tenant_id = $1 AND refund_transaction_id IS NOT NULL) c
    FULL JOIN (
        SELECT e.transaction_id, sum(e.amount_minor) AS back
        FROM few e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id AND t.kind <> 'REFUND'
        WHERE e.tenant_id = $1 AND e.counter = 'REDEEMED' AND e.amount_minor > 0 GROUP BY e.transaction_id
    ) e ON e.transaction_id = c.refund_transaction_id
    WHERE coalesce(c.points_spent_minor, 0) <> coalesce(e.back, 0)
    """,
)

_COUPONS = (
    Check(
        "coupon parties",
        """
        SELECT c.id, 'its customer is not the one of the transaction that issued it' AS detail
        FROM coupons c JOIN transactions t ON t.tenant_id = $1 AND t.id = c.transaction_id
        JOIN customers o ON o.tenant_id = $1 AND o.id = c.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = t.customer_id
        WHERE c.tenant_id = $1 AND coalesce(o.merged_into_id, o.id) <> coalesce(d.merged_into_id, d.id)
        UNION ALL
        SELECT c.id, 'its customer is not the one of the invoice that it was used on'
        FROM coupons c JOIN invoices i ON i.tenant_id = $1 AND i.id = c.invoice_id
        JOIN customers o ON o.tenant_id = $1 AND o.id = c.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = i.customer_id
        WHERE c.tenant_id = $1 AND coalesce(o.merged_into_id, o.id) <> coalesce(d.merged_into_id, d.id)
        """,
    ),
)

REFUNDS: Final = Check(
    "refunds",
    """
    WITH moved AS MATERIALIZED (
        SELECT t.id, t.kind, t.customer_id, sum(e.amount_minor) AS minor
        FROM few e JOIN kinds t ON t.id = e.transaction_id AND t.kind IN ('SPEND', 'USE', 'REFUND')
        WHERE e.tenant_id = $1 AND e.counter = CASE t.kind WHEN 'SPEND' THEN 'SPENT' WHEN 'USE' THEN 'REDEEMED'
            ELSE e.counter END AND e.counter IN ('SPENT', 'REDEEMED')
        GROUP BY t.id, t.kind, t.customer_id
    ), told AS (
        SELECT r.*, coalesce(sum(r.amount_minor) OVER (
            PARTITION BY r.spend_id ORDER BY r.before_minor ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS given_minor
        FROM refunds r WHERE r.tenant_id = $1
    )
    SELECT coalesce(r.id, b.id) AS id, format('gives back %s of %s that %s took, after %s; entries: %s of %s, after %s',
        r.amount_minor, r.taken_minor, r.spend_id, r.before_minor, b.minor, -s.minor, r.given_minor) AS detail
    FROM told r FULL JOIN (SELECT * FROM moved WHERE kind = 'REFUND') b ON b.id = r.id
    LEFT JOIN moved s ON s.id = r.spend_id AND s.kind <> 'REFUND'
    LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = b.customer_id
    LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = s.customer_id
    WHERE (r.amount_minor, r.taken_minor, r.before_minor) IS DISTINCT FROM (b.minor, -s.minor, r.given_minor)
        OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id)
    """,
)


# What a bulk's row did, and what took it back. A credit that was taken back stays voided, as whatever continues it.
_REVERSALS = (
    Check(
        "bulk reversals",
        """
        WITH marked AS MATERIALIZED (
            SELECT m.id, m.transaction_id, m.amount_minor, coalesce((r.details->>'moved')::numeric, r.amount) AS amount,
                r.transaction_id AS done_id
            FROM reversed_rows m LEFT JOIN bulk_rows r ON r.tenant_id = $1 AND r.id = m.id WHERE m.tenant_id = $1
        ), moved AS MATERIALIZED (
            SELECT t.id, t.kind, t.customer_id, sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0) AS taken,
                sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0) AS given, min(e.credit_id::text)::uuid AS credit_id
            FROM (SELECT transaction_id AS id FROM marked UNION SELECT done_id FROM marked) n
            JOIN transactions t ON t.tenant_id = $1 AND t.id = n.id
            LEFT JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id AND e.counter IN ('ISSUED', 'REMOVED')
            GROUP BY t.id, t.kind, t.customer_id
        ), voided AS (
            SELECT coalesce(origin_id, id) AS root_id FROM credits
            WHERE tenant_id = $1 AND successor_id IS NULL AND voided_at IS NOT NULL
        )
        SELECT m.id, format('row of %s that moved %s, taken back by %s with %s; entries: %s and %s', m.amount,
            coalesce(d.given, d.taken), m.transaction_id, m.amount_minor, b.taken, b.given) AS detail
        FROM marked m LEFT JOIN moved b ON b.id = m.transaction_id LEFT JOIN moved d ON d.id = m.done_id
        LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = d.credit_id
        LEFT JOIN voided v ON v.root_id = coalesce(c.origin_id, c.id)
        LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = b.customer_id
        LEFT JOIN customers p ON p.tenant_id = $1 AND p.id = d.customer_id
        WHERE (b.kind, d.kind) IS DISTINCT FROM ('REVERSAL', 'ADJUSTMENT')
            OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(p.merged_into_id, p.id)
            OR CASE WHEN m.amount > 0
                THEN (m.amount_minor, 0) IS DISTINCT FROM (coalesce(b.taken, 0), coalesce(b.given, 0)) OR v.root_id IS NULL
                ELSE (m.amount_minor, m.amount_minor) IS DISTINCT FROM (b.given, -d.taken) END
        UNION ALL
        SELECT e.id, format('puts back %s of a removal, and takes back no row of a bulk', e.amount_minor)
        FROM entries e LEFT JOIN marked m ON m.transaction_id = e.transaction_id
        WHERE e.tenant_id = $1 AND e.counter = 'REMOVED' AND e.amount_minor > 0 AND m.id IS NULL
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
        LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = r.customer_id
        LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = t.customer_id
        WHERE r.tenant_id = $1 AND r.invoice_id IS NULL AND (r.status = 'APPROVED' OR r.transaction_id IS NOT NULL)
            AND ((r.status, r.requested_by_id, r.decided_by_id, r.requested_subject, r.decided_subject)
                IS DISTINCT FROM ('APPROVED', t.actor_id, t.approved_by_id, a.subject, b.subject)
                OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id)
                OR a.subject = b.subject)
        """,
    ),
    Check(
        "approved orders",
        """
        SELECT r.id, format('%s; its order %s by %s, who asked for it as %s', r.status, r.invoice_id, i.actor_id,
            r.requested_by_id) AS detail
        FROM approval_requests r
        LEFT JOIN invoices i ON i.tenant_id = $1 AND i.id = r.invoice_id
        LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = r.customer_id
        LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = i.customer_id
        WHERE r.tenant_id = $1 AND r.invoice_id IS NOT NULL
            AND ((r.status, r.operation, r.requested_by_id, i.kind)
                IS DISTINCT FROM ('APPROVED', 'createOrder', i.actor_id, 'ORDER')
                OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id)
                OR r.requested_subject = r.decided_subject OR i.limited_on IS NOT NULL)
        """,
    ),
    # Who gets a transfer has a transaction beside the one asked for; so has what a refund revives, of the same moment and
    # under the same key.
    Check(
        "approved transactions",
        """
        WITH approved AS MATERIALIZED (
            SELECT id, kind, customer_id, created_at, idempotency_key, actor_id, approved_by_id FROM transactions
            WHERE tenant_id = $1 AND approved_by_id IS NOT NULL
        ), named AS (
            SELECT transaction_id AS id FROM approval_requests WHERE tenant_id = $1 AND transaction_id IS NOT NULL
            UNION SELECT f.received_id FROM transfers f
            JOIN approval_requests r ON r.tenant_id = $1 AND r.transaction_id = f.id WHERE f.tenant_id = $1
        ), told AS (
            SELECT * FROM approved
            UNION ALL
            SELECT t.* FROM named CROSS JOIN LATERAL (
                SELECT id, kind, customer_id, created_at, idempotency_key, actor_id, approved_by_id FROM transactions
                WHERE tenant_id = $1 AND id = named.id AND approved_by_id IS NULL OFFSET 0) t
        )
        SELECT t.id, format('approved by %s, and named by %s requests', t.approved_by_id, count(r.id)) AS detail
        FROM told t LEFT JOIN transfers f ON f.tenant_id = $1 AND f.received_id = t.id
        LEFT JOIN approved s ON t.kind = 'REVIVAL' AND s.kind = 'REFUND'
            AND (s.customer_id, s.created_at, s.idempotency_key) = (t.customer_id, t.created_at, t.idempotency_key)
            AND (s.actor_id, s.approved_by_id) = (t.actor_id, t.approved_by_id)
        LEFT JOIN approval_requests r ON r.tenant_id = $1
            AND r.transaction_id = CASE WHEN f.id IS NOT NULL THEN f.id WHEN s.id IS NOT NULL THEN s.id ELSE t.id END
        WHERE t.approved_by_id IS NOT NULL OR r.id IS NOT NULL
        GROUP BY t.id, t.approved_by_id
        HAVING count(r.id) <> CASE WHEN t.approved_by_id IS NULL THEN 0 ELSE 1 END
        """,
    ),
)

# For other operations, a repetition or a part of a bulk may have made nothing with the id, and a tier may be deleted.
_MAKES_ITS_RESULT = """'adjustCredit', 'assignCredit', 'bulkCredit', 'captureHold', 'createCreditNote', 'createInvoice',
                'createOrder', 'createProduct', 'createReason', 'createReward', 'createService', 'extendHold', 'giveReward',
                'holdCredit', 'reassignCredit', 'recordPayment', 'refundSpend', 'releaseAssignments', 'releaseHold',
                'reverseBulkOperation', 'reviveCredit', 'spendCredit', 'transferCredit', 'updateCredit', 'useCredit',
                'voidCredit', 'voidCreditNote', 'voidInvoice'"""

# Of keys used since the last pruning. A posting claims its key, and may then wait before it gets its time, but less
# than an hour. The key is the requester's; for an approved request, the approver's.
_KEYS = (
    Check(
        "transaction key",
        f"""
        SELECT t.id, format('its key %L is not among the keys that were used', t.idempotency_key) AS detail
        FROM transactions t JOIN tenants n ON n.id = $1
        LEFT JOIN actors a ON a.tenant_id = $1 AND a.id = coalesce(t.approved_by_id, t.actor_id)
        LEFT JOIN idempotency_keys k ON k.tenant_id = $1 AND k.key = t.idempotency_key
            AND (k.shared OR k.client = {CLIENT_OF.format(actor="a")})
        WHERE t.tenant_id = $1 AND t.idempotency_key NOT LIKE 'bulk:%' AND t.key_use IS NULL AND k.key IS NULL
            AND (n.keys_pruned_at IS NULL OR t.created_at >= n.keys_pruned_at + interval '1 hour')
        """,
    ),
    # A transaction tells all of a key that has no seal: that the rest is so, verify_seals.py compares.
    Check(
        "row of idempotency_keys",
        """
        SELECT t.id, format('is gone, or another one (the key %L); it was claimed at %s', t.idempotency_key, t.key_at)
            AS detail
        FROM transactions t JOIN tenants n ON n.id = $1
        LEFT JOIN idempotency_keys k ON k.tenant_id = $1 AND k.key = t.idempotency_key AND k.result_id = t.id
        WHERE t.tenant_id = $1 AND t.key_use IS NOT NULL AND k.key IS NULL
            AND (n.keys_pruned_at IS NULL OR t.key_at >= n.keys_pruned_at)
        """,
    ),
    Check(
        "key result",
        f"""
        SELECT k.result_id AS id, format('what the key %L is said to have made by %s is not there', k.key, k.operation)
            AS detail
        FROM idempotency_keys k
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = k.result_id
        WHERE k.tenant_id = $1 AND t.id IS NULL AND k.operation IN ({_MAKES_ITS_RESULT})
            AND NOT EXISTS (SELECT FROM seals s WHERE s.tenant_id = $1 AND s.id = k.result_id)
        """,
    ),
)

# A person's counters are those of all their records: a merge adds up those of its day.
_LIMITS = (
    Check(
        "limit counter",
        """
        WITH persons AS (
            SELECT id, coalesce(merged_into_id, id) AS person_id FROM customers WHERE tenant_id = $1
        ), said AS (
            SELECT a.role, CASE WHEN a.role = 'PARTNER' AND a.client <> '' THEN a.client ELSE a.subject END AS actor,
                p.person_id::text AS customer, t.limited_asset AS asset, t.limited_on AS day, t.limited_minor AS used,
                t.kind IN ('SPEND', 'USE', 'HOLD', 'ASSIGNMENT') AS spends
            FROM transactions t
            JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
            JOIN persons p ON p.id = t.customer_id
            WHERE t.tenant_id = $1 AND t.limited_on IS NOT NULL
        ), sold AS (
            SELECT a.role, CASE WHEN a.role = 'PARTNER' AND a.client <> '' THEN a.client ELSE a.subject END AS actor,
                i.currency AS asset, i.limited_on AS day, i.total_minor - i.creditable_minor AS used
            FROM invoices i JOIN actors a ON a.tenant_id = $1 AND a.id = i.actor_id
            WHERE i.tenant_id = $1 AND i.limited_on IS NOT NULL
        ), counted AS (
            SELECT l.id, l.scope, l.role, l.asset, l.day, l.used_minor, l.opening_minor,
                coalesce(p.person_id::text, l.holder) AS holder
            FROM limit_counters l
            LEFT JOIN persons p ON l.scope IN ('PER_CUSTOMER_DAY', 'SPENT_PERSON_DAY') AND p.id::text = l.holder
            WHERE l.tenant_id = $1
        )
        SELECT coalesce(c.id, $1) AS id, format('%s %s %s, %s on %s: counters hold %s, transactions used %s and %s before',
            scope, role, holder, asset, day, coalesce(c.used, 0), coalesce(s.used, 0), coalesce(c.opening, 0)) AS detail
        FROM (
            SELECT scope, role, holder, asset, day, min(id::text)::uuid AS id, sum(used_minor) AS used,
                sum(opening_minor) AS opening
            FROM counted GROUP BY 1, 2, 3, 4, 5
        ) c FULL JOIN (
            SELECT CASE WHEN spends THEN 'SPENT_ACTOR_DAY' ELSE 'PER_ACTOR_DAY' END AS scope, role, actor AS holder, asset,
                day, sum(used) AS used
            FROM said GROUP BY 1, 2, 3, 4, 5
            UNION ALL
            SELECT CASE WHEN spends THEN 'SPENT_PERSON_DAY' ELSE 'PER_CUSTOMER_DAY' END, role, customer, asset, day,
                sum(used)
            FROM said GROUP BY 1, 2, 3, 4, 5
            UNION ALL
            SELECT 'SOLD_ACTOR_DAY', role, actor, asset, day, sum(used) FROM sold GROUP BY 1, 2, 3, 4, 5
        ) s USING (scope, role, holder, asset, day)
        WHERE coalesce(c.used, 0) <> coalesce(s.used, 0) + coalesce(c.opening, 0)
        """,
    ),
)

_PEOPLE = (
    Check(
        "customer merge",
        """
        SELECT c.id, format('is said to be %s, which is %s', c.merged_into_id,
            CASE WHEN p.id IS NULL THEN 'not there' ELSE 'another''s record itself' END) AS detail
        FROM customers c LEFT JOIN customers p ON p.tenant_id = $1 AND p.id = c.merged_into_id
        WHERE c.tenant_id = $1 AND c.merged_into_id IS NOT NULL AND (p.id IS NULL OR p.merged_into_id IS NOT NULL)
        """,
    ),
    Check(
        "merged account",
        """
        SELECT a.id, format('holds %s %s and a lifetime total of %s, and its customer was merged into %s', a.balance_minor,
            a.asset, a.lifetime_minor, c.merged_into_id) AS detail
        FROM accounts a JOIN customers c ON c.tenant_id = $1 AND c.id = a.customer_id
        WHERE a.tenant_id = $1 AND c.merged_into_id IS NOT NULL AND (a.balance_minor <> 0 OR a.lifetime_minor <> 0)
        """,
    ),
    # Renaming a tier moves no customer, and older rows keep the old name: their names then do not follow each other.
    Check(
        "tier changes",
        """
        SELECT n.id, format('account %s: leaves %s, and it was in %s', n.account_id, n.old_tier, n.before) AS detail
        FROM (
            SELECT id, account_id, old_tier, row_number() OVER w AS nth, lag(new_tier) OVER w AS before
            FROM tier_changes WHERE tenant_id = $1 WINDOW w AS (PARTITION BY account_id ORDER BY created_at, id)
        ) n WHERE n.nth > 1 AND n.old_tier IS DISTINCT FROM n.before AND NOT EXISTS (
            SELECT FROM audit_events WHERE tenant_id = $1 AND action = 'tier.updated' AND details ? 'name')
        """,
    ),
    Check(
        "tier",
        """
        SELECT a.id, format('its last change leads to %s; %s points are %s', n.new_tier, a.lifetime_minor, t.name) AS detail
        FROM accounts a JOIN (
            SELECT DISTINCT ON (account_id) account_id, new_tier FROM tier_changes
            WHERE tenant_id = $1 ORDER BY account_id, created_at DESC, id DESC
        ) n ON n.account_id = a.id
        LEFT JOIN (
            SELECT name, threshold_minor AS low, lead(threshold_minor) OVER (ORDER BY threshold_minor) AS high
            FROM tiers WHERE tenant_id = $1
        ) t ON a.lifetime_minor >= t.low AND (a.lifetime_minor < t.high OR t.high IS NULL)
        WHERE a.tenant_id = $1 AND n.new_tier IS DISTINCT FROM t.name AND NOT EXISTS (
            SELECT FROM audit_events WHERE tenant_id = $1 AND action = 'tier.updated' AND details ? 'name')
        """,
    ),
)

# A request finds its tenant by the one, and everything else by the other.
_SLUGS: Final = (
    Check(
        "tenant slug",
        """
        SELECT t.id, format('called %L, and found by %L', t.slug, s.slug) AS detail
        FROM tenants t LEFT JOIN tenant_slugs s ON s.tenant_id = $1
        WHERE t.id = $1 AND s.slug IS DISTINCT FROM t.slug
        """,
    ),
)

OTHER_CHECKS: Final = (*_COUPONS, *_REVERSALS, *_APPROVALS, *_KEYS, *_LIMITS, *_PEOPLE, *_SLUGS)

"""The books' sums, compared in SQL: each check finds the rows that differ from the sum of the entries.

Every statement has the tenant as $1 and returns (id, detail): the row that differs, and how.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Check:
    """name: of the comparison, for people and scripts alike. None if the rows bear it: (compared, id, detail).

    merged: whether it is read in the order of keys: see verify.py. gate: a quicker statement that says whether there may be
    any difference.
    """

    name: str | None
    sql: str
    merged: bool = False
    gate: str | None = None


# Whose records were merged is asked only of those that are of two records.
PARTIES: Final = Check(
    "entry parties",
    """
    WITH odd AS MATERIALIZED (
        SELECT e.id, a.id IS NOT NULL AND t.id IS NOT NULL AS said, a.customer_id, t.customer_id AS of_transaction
        FROM entries e
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        LEFT JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1 AND (a.id IS NULL OR t.id IS NULL OR a.customer_id <> t.customer_id)
    )
    SELECT e.id, 'account, account of the credit and customer of the transaction do not agree' AS detail
    FROM odd e
    LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = e.customer_id
    LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = e.of_transaction
    WHERE NOT e.said OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id)
    """,
)

_CREDITS = (
    # A credit with its entries, in one pass. What it opened with is an entry of its own account and transaction; that these
    # two are there is looked up for entries, and here where there is none.
    Check(
        None,
        """
        WITH odd AS MATERIALIZED (
            SELECT c.*, p.gone_minor AS before_minor, c.gone_minor <> c.gone + coalesce(p.gone_minor, 0) AS other_gone,
                c.opened <> 1 OR c.amount_minor IS DISTINCT FROM CASE WHEN c.origin_id IS NULL THEN c.opened_minor
                    ELSE r.amount_minor END AS other_amount
            FROM (
                SELECT c.id, c.account_id, c.transaction_id, c.amount_minor, c.remaining_minor, c.gone_minor,
                    c.origin_id, c.opened_sequence, c.counts, coalesce(sum(e.amount_minor), 0) AS remaining,
                    coalesce(-sum(e.amount_minor) FILTER (WHERE (e.amount_minor < 0 AND e.counter IN ('ORDERS', 'NOTES'))
                        OR e.counter IN ('REMOVED', 'EXPIRED')), 0) AS gone,
                    count(*) FILTER (WHERE (e.sequence, e.account_id, e.transaction_id)
                        = (c.opened_sequence, c.account_id, c.transaction_id)) AS opened,
                    max(e.amount_minor) FILTER (WHERE e.sequence = c.opened_sequence AND e.account_id = c.account_id)
                        AS opened_minor,
                    bool_or(e.account_id <> c.account_id) IS TRUE AS elsewhere,
                    bool_or((NOT c.counts AND e.lifetime_minor <> 0) OR (e.counter = 'ISSUED'
                        AND e.lifetime_minor <> CASE WHEN c.counts THEN e.amount_minor ELSE 0 END)) IS TRUE AS other_lifetime
                FROM credits c LEFT JOIN entries e ON e.tenant_id = $1 AND e.credit_id = c.id
                WHERE c.tenant_id = $1 GROUP BY c.tenant_id, c.id OFFSET 0
            ) c
            LEFT JOIN (
                SELECT successor_id, gone_minor FROM credits WHERE tenant_id = $1 AND successor_id IS NOT NULL
            ) p ON p.successor_id = c.id
            LEFT JOIN (
                SELECT m.id, o.amount_minor FROM credits m LEFT JOIN credits o ON o.tenant_id = $1 AND o.id = m.origin_id
                WHERE m.tenant_id = $1 AND m.origin_id IS NOT NULL
            ) r ON r.id = c.id
            WHERE c.remaining_minor <> c.remaining OR c.gone_minor <> c.gone + coalesce(p.gone_minor, 0) OR c.opened <> 1
                OR c.amount_minor IS DISTINCT FROM CASE WHEN c.origin_id IS NULL THEN c.opened_minor ELSE r.amount_minor END
                OR c.elsewhere OR c.other_lifetime
        )
        SELECT 'credit remainder' AS compared, id, format('remainder %s; entries: %s', remaining_minor, remaining) AS detail
        FROM odd WHERE remaining_minor <> remaining
        UNION ALL
        SELECT 'credit gone', id, format('gone %s; entries: %s, and %s before it was moved here', gone_minor, gone,
            coalesce(before_minor, 0))
        FROM odd WHERE other_gone
        UNION ALL
        SELECT 'credit amount', id, format('amount %s, for which entry %s of its account and transaction is not the one that'
            ' opened it', amount_minor, opened_sequence)
        FROM odd WHERE other_amount
        UNION ALL
        SELECT 'entry lifetime', e.id, format('%s %s moves the lifetime total by %s, of a credit that counts: %s', e.counter,
            e.amount_minor, e.lifetime_minor, o.counts)
        FROM odd o JOIN entries e ON e.tenant_id = $1 AND e.credit_id = o.id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        WHERE o.other_lifetime AND ((NOT o.counts AND e.lifetime_minor <> 0 AND t.digest IS NOT NULL)
            OR (e.counter = 'ISSUED' AND e.lifetime_minor <> CASE WHEN o.counts THEN e.amount_minor ELSE 0 END))
        UNION ALL
        SELECT 'entry parties', e.id, 'account, account of the credit and customer of the transaction do not agree'
        FROM odd o JOIN entries e ON e.tenant_id = $1 AND e.credit_id = o.id AND e.account_id <> o.account_id
        WHERE o.elsewhere
        UNION ALL
        SELECT 'row of transactions', o.transaction_id,
            format('is gone, and %s rows of credits name it in transaction_id', count(*))
        FROM odd o LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = o.transaction_id
        WHERE o.opened <> 1 AND t.id IS NULL GROUP BY o.transaction_id
        UNION ALL
        SELECT 'row of accounts', o.account_id, format('is gone, and %s rows of credits name it in account_id', count(*))
        FROM odd o LEFT JOIN accounts a ON a.tenant_id = $1 AND a.id = o.account_id
        WHERE o.opened <> 1 AND a.id IS NULL GROUP BY o.account_id
        """,
        merged=True,
    ),
    Check(
        "credit succession",
        """
        SELECT c.id, format('origin %s, successor %s: not one lot''s way from account to account', c.origin_id,
            c.successor_id) AS detail
        FROM credits c
        LEFT JOIN credits s ON s.tenant_id = $1 AND s.id = c.successor_id
        LEFT JOIN (
            SELECT successor_id, count(*) AS number FROM credits
            WHERE tenant_id = $1 AND successor_id IS NOT NULL GROUP BY successor_id
        ) p ON p.successor_id = c.id
        LEFT JOIN credits r ON r.tenant_id = $1 AND r.id = c.origin_id
        WHERE c.tenant_id = $1 AND (coalesce(p.number, 0) <> (c.origin_id IS NOT NULL)::int
            OR r.origin_id IS NOT NULL
            OR (c.successor_id IS NOT NULL AND (c.remaining_minor <> 0
                OR (s.origin_id, s.amount_minor, s.counts, s.created_at)
                    IS DISTINCT FROM (coalesce(c.origin_id, c.id), c.amount_minor, c.counts, c.created_at))))
        """,
        merged=True,
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
        "credit changes",
        """
        SELECT n.id, format('credit %s: says that it was %s, and it was %s', n.credit_id, n.old, n.before) AS detail
        FROM (
            SELECT id, credit_id, row(old_expires_at, old_auto_apply, old_services) AS old,
                lag(row(new_expires_at, new_auto_apply, new_services)) OVER w AS before, row_number() OVER w AS nth
            FROM credit_changes WHERE tenant_id = $1 WINDOW w AS (PARTITION BY credit_id ORDER BY created_at, id)
        ) n WHERE n.nth > 1 AND n.old IS DISTINCT FROM n.before
        UNION ALL
        SELECT c.id, format('expires %s, applies itself %s; its last change says %s, %s', c.expires_at, c.auto_apply,
            n.new_expires_at, n.new_auto_apply)
        FROM credits c JOIN (
            SELECT DISTINCT ON (credit_id) credit_id, new_expires_at, new_auto_apply, new_services FROM credit_changes
            WHERE tenant_id = $1 ORDER BY credit_id, created_at DESC, id DESC
        ) n ON n.credit_id = c.id
        WHERE c.tenant_id = $1 AND (c.expires_at, c.auto_apply, c.restricted)
            IS DISTINCT FROM (n.new_expires_at, n.new_auto_apply, jsonb_array_length(n.new_services) > 0)
        """,
    ),
    Check(
        None,
        """
        WITH lost AS MATERIALIZED (
            SELECT e.id, e.credit_id FROM entries e LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = e.credit_id
            WHERE e.tenant_id = $1 AND e.credit_id IS NOT NULL AND c.id IS NULL
        )
        SELECT 'row of credits' AS compared, credit_id AS id,
            format('is gone, and %s rows of entries name it in credit_id', count(*)) AS detail
        FROM lost GROUP BY credit_id
        UNION ALL
        SELECT 'entry parties', id, 'account, account of the credit and customer of the transaction do not agree' FROM lost
        """,
        merged=True,
    ),
)

ASSIGNMENT_ENTRIES: Final = Check(
    "assignment entries",
    """
    WITH lots AS (SELECT id, coalesce(origin_id, id) AS root_id FROM credits WHERE tenant_id = $1)
    SELECT coalesce(g.transaction_id, e.transaction_id) AS id,
        format('credit %s: assignments take %s, entries %s', coalesce(g.root_id, e.root_id),
            coalesce(g.taken, 0), coalesce(e.taken, 0)) AS detail
    FROM (
        SELECT transaction_id, coalesce(root_id, credit_id) AS root_id, sum(taken) AS taken FROM (
            SELECT transaction_id, credit_id, amount_minor AS taken FROM assignments WHERE tenant_id = $1
            UNION ALL
            SELECT release_transaction_id, credit_id, -amount_minor FROM assignments
            WHERE tenant_id = $1 AND release_transaction_id IS NOT NULL
            UNION ALL
            SELECT note_id, credit_id, -amount_minor FROM credit_note_parts
            WHERE tenant_id = $1 AND assignment_id IS NOT NULL
            UNION ALL
            SELECT n.void_transaction_id, p.credit_id, p.amount_minor FROM credit_note_parts p
            JOIN credit_notes n ON n.tenant_id = $1 AND n.id = p.note_id AND n.void_transaction_id IS NOT NULL
            WHERE p.tenant_id = $1 AND p.assignment_id IS NOT NULL
        ) moved LEFT JOIN lots ON lots.id = credit_id GROUP BY 1, 2
    ) g FULL JOIN (
        SELECT transaction_id, coalesce(root_id, credit_id) AS root_id, -sum(amount_minor) AS taken
        FROM few LEFT JOIN lots ON lots.id = credit_id
        WHERE tenant_id = $1 AND counter = 'INVOICES' GROUP BY 1, 2
    ) e USING (transaction_id, root_id)
    WHERE coalesce(g.taken, 0) <> coalesce(e.taken, 0)
    """,
)

_INVOICES = (
    Check(
        "invoice sums",
        """
        SELECT i.id, format('%s %s: total %s with tax %s, paid %s, credited %s, noted %s; lines: %s and tax %s, payments:'
            ' %s, assignments: %s, notes: %s', i.number, i.status, i.total_minor, i.tax_minor, i.paid_minor,
            i.credited_minor, i.noted_minor, s.lines, s.tax, s.paid, s.credited, s.noted) AS detail
        FROM invoices i CROSS JOIN LATERAL (SELECT
            coalesce((SELECT sum(l.quantity * l.unit_price_minor) FROM invoice_lines l
                WHERE l.tenant_id = $1 AND l.invoice_id = i.id), 0) AS lines,
            coalesce((SELECT sum(d.tax_minor) FROM invoice_lines l
                JOIN invoice_line_details d ON d.tenant_id = $1 AND d.id = l.id
                WHERE l.tenant_id = $1 AND l.invoice_id = i.id), 0) AS tax,
            coalesce((SELECT sum(p.amount_minor - p.noted_minor - coalesce(o.amount_minor, 0)) FROM payments p
                LEFT JOIN overpayments o ON o.tenant_id = $1 AND o.id = p.id
                WHERE p.tenant_id = $1 AND p.invoice_id = i.id AND p.voided_at IS NULL
                    AND p.transaction_id IS NULL), 0) AS paid,
            coalesce((SELECT sum(g.amount_minor - g.noted_minor) FROM assignments g
                WHERE g.tenant_id = $1 AND g.invoice_id = i.id AND g.released_at IS NULL), 0) AS credited,
            coalesce((SELECT sum(n.amount_minor) FROM credit_notes n
                WHERE n.tenant_id = $1 AND n.invoice_id = i.id AND n.voided_at IS NULL), 0) AS noted
        ) s
        WHERE i.tenant_id = $1 AND ((i.total_minor, i.tax_minor, i.paid_minor, i.credited_minor, i.noted_minor)
                <> (s.lines + s.tax, s.tax, s.paid, s.credited, s.noted)
            OR (i.status <> 'VOID' AND i.status <> CASE
                WHEN s.paid + s.credited >= s.lines + s.tax - s.noted THEN 'PAID'
                WHEN s.paid + s.credited > 0 THEN 'PART_PAID'
                ELSE 'OPEN' END))
        """,
    ),
    # Worked out from the details alone: quantity × unit price less the discount, rounded half away from zero.
    Check(
        "line details",
        """
        SELECT d.id, format('%s × %s less %s per cent and %s is said to be %s; its line says %s × %s', d.quantity,
            d.unit_price_minor, d.discount_percent, d.discount_minor, d.amount_minor, l.quantity, l.unit_price_minor)
            AS detail
        FROM invoice_line_details d LEFT JOIN invoice_lines l ON l.tenant_id = $1 AND l.id = d.id
        WHERE d.tenant_id = $1 AND ((l.quantity, l.unit_price_minor) IS DISTINCT FROM (1, d.amount_minor)
            OR d.amount_minor <> round(d.quantity * d.unit_price_minor * (100 - d.discount_percent) * 0.01
                - d.discount_minor)
            OR (l.kind = 'CREDIT' AND ((d.discount_percent, d.discount_minor, d.tax_minor) <> (0, 0, 0)
                OR d.amount_minor <> d.quantity * d.unit_price_minor)))
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
        JOIN customers o ON o.tenant_id = $1 AND o.id = a.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = i.customer_id
        WHERE g.tenant_id = $1 AND (a.asset <> i.currency
            OR coalesce(o.merged_into_id, o.id) <> coalesce(d.merged_into_id, d.id))
        """,
    ),
)

GRANT_ENTRIES: Final = Check(
    "grant entries",
    """
    WITH lots AS (SELECT id, coalesce(origin_id, id) AS root_id, amount_minor FROM credits WHERE tenant_id = $1)
    SELECT coalesce(g.transaction_id, e.transaction_id) AS id,
        format('credit %s: orders grant and payments keep %s, entries %s', coalesce(g.root_id, e.root_id),
            coalesce(g.granted, 0), coalesce(e.granted, 0)) AS detail
    FROM (
        SELECT transaction_id, credit_id AS root_id, sum(granted) AS granted FROM (
            SELECT g.transaction_id, g.credit_id, c.amount_minor AS granted
            FROM grants g JOIN lots c ON c.id = g.credit_id WHERE g.tenant_id = $1
            UNION ALL
            SELECT revoked_transaction_id, credit_id, -revoked_minor FROM grants
            WHERE tenant_id = $1 AND revoked_transaction_id IS NOT NULL
            UNION ALL
            SELECT transaction_id, credit_id, amount_minor FROM overpayments WHERE tenant_id = $1
            UNION ALL
            SELECT revoked_transaction_id, credit_id, -revoked_minor FROM overpayments
            WHERE tenant_id = $1 AND revoked_transaction_id IS NOT NULL
        ) moved GROUP BY 1, 2
    ) g FULL JOIN (
        SELECT transaction_id, coalesce(root_id, credit_id) AS root_id, sum(few.amount_minor) AS granted
        FROM few LEFT JOIN lots ON lots.id = credit_id
        WHERE tenant_id = $1 AND counter = 'ORDERS' GROUP BY 1, 2
    ) e USING (transaction_id, root_id)
    WHERE coalesce(g.granted, 0) <> coalesce(e.granted, 0)
    """,
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
        "grant parties",
        """
        SELECT g.id, format('%s granted by an order in %s, or to another customer', a.asset, i.currency) AS detail
        FROM grants g
        JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN invoices i ON i.tenant_id = $1 AND i.id = g.invoice_id
        JOIN customers o ON o.tenant_id = $1 AND o.id = a.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = i.customer_id
        WHERE g.tenant_id = $1 AND (a.asset <> i.currency
            OR coalesce(o.merged_into_id, o.id) <> coalesce(d.merged_into_id, d.id))
        """,
    ),
    Check(
        "overpayments",
        """
        SELECT p.id, format('%s of %s was kept as %s of %s, opened by a %s; the payment is %s', o.amount_minor,
            p.amount_minor, c.amount_minor, a.asset, t.kind, CASE WHEN p.voided_at IS NULL THEN 'live' ELSE 'void' END)
            AS detail
        FROM overpayments o
        JOIN payments p ON p.tenant_id = $1 AND p.id = o.id
        JOIN invoices i ON i.tenant_id = $1 AND i.id = p.invoice_id
        JOIN credits c ON c.tenant_id = $1 AND c.id = o.credit_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = c.transaction_id
        JOIN customers w ON w.tenant_id = $1 AND w.id = a.customer_id
        JOIN customers d ON d.tenant_id = $1 AND d.id = i.customer_id
        WHERE o.tenant_id = $1 AND ((c.amount_minor, c.transaction_id, a.asset, t.kind)
                <> (o.amount_minor, o.transaction_id, i.currency, 'OVERPAYMENT')
            OR p.transaction_id IS NOT NULL OR p.amount_minor <= o.amount_minor
            OR (p.voided_at IS NULL) <> (o.revoked_transaction_id IS NULL)
            OR coalesce(w.merged_into_id, w.id) <> coalesce(d.merged_into_id, d.id))
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

LEDGER_CHECKS: Final = (*_CREDITS, *_INVOICES, *_ORDERS)

COUNTS: Final = """
    SELECT (SELECT count(*) FROM entries WHERE tenant_id = $1) AS entries,
        (SELECT count(*) FROM transactions t LEFT JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id
            WHERE t.tenant_id = $1 AND (t.note_digest IS NOT NULL OR x.id IS NOT NULL)) AS notes,
        (SELECT count(*) FROM accounts WHERE tenant_id = $1) AS accounts,
        (SELECT count(*) FROM credits WHERE tenant_id = $1) AS credits,
        (SELECT count(*) FROM invoices WHERE tenant_id = $1) AS invoices,
        (SELECT count(*) FROM coupons WHERE tenant_id = $1) AS coupons
"""

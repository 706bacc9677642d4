"""Credit notes, compared in SQL with what they gave back and with the lines that they name: see verify_checks.py."""

from typing import Final

from models.reads.verify_checks import Check

CREDIT_NOTE_ENTRIES: Final = Check(
    "credit note entries",
    """
    WITH lots AS (SELECT id, coalesce(origin_id, id) AS root_id FROM credits WHERE tenant_id = $1)
    SELECT coalesce(g.transaction_id, e.transaction_id) AS id,
        format('credit %s: notes make %s of money, entries %s', coalesce(g.root_id, e.root_id),
            coalesce(g.given, 0), coalesce(e.given, 0)) AS detail
    FROM (
        SELECT transaction_id, coalesce(root_id, credit_id) AS root_id, sum(given) AS given FROM (
            SELECT note_id AS transaction_id, credit_id, amount_minor AS given FROM credit_note_parts
            WHERE tenant_id = $1 AND payment_id IS NOT NULL
            UNION ALL
            SELECT n.void_transaction_id, p.credit_id, -p.amount_minor FROM credit_note_parts p
            JOIN credit_notes n ON n.tenant_id = $1 AND n.id = p.note_id AND n.void_transaction_id IS NOT NULL
            WHERE p.tenant_id = $1 AND p.payment_id IS NOT NULL
        ) moved LEFT JOIN lots ON lots.id = credit_id GROUP BY 1, 2
    ) g FULL JOIN (
        SELECT transaction_id, coalesce(root_id, credit_id) AS root_id, sum(amount_minor) AS given
        FROM few LEFT JOIN lots ON lots.id = credit_id
        WHERE tenant_id = $1 AND counter = 'NOTES' GROUP BY 1, 2
    ) e USING (transaction_id, root_id)
    WHERE coalesce(g.given, 0) <> coalesce(e.given, 0)
    """,
)

NOTE_CHECKS: Final = (
    Check(
        "credit notes",
        """
        SELECT n.id, format('%s, of which %s lowered what was due; gave back %s, lines: %s; made by a %s, voided by a %s',
            n.amount_minor, n.lowered_minor, coalesce(p.minor, 0), l.minor, t.kind, v.kind) AS detail
        FROM credit_notes n
        LEFT JOIN (
            SELECT note_id, sum(amount_minor) AS minor, count(payment_id) > 0 AS of_money FROM credit_note_parts
            WHERE tenant_id = $1 GROUP BY note_id
        ) p ON p.note_id = n.id
        LEFT JOIN (
            SELECT note_id, sum(amount_minor) AS minor FROM credit_note_lines WHERE tenant_id = $1 GROUP BY note_id
        ) l ON l.note_id = n.id
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.id = n.id
        LEFT JOIN transactions v ON v.tenant_id = $1 AND v.id = n.void_transaction_id
        LEFT JOIN invoices i ON i.tenant_id = $1 AND i.id = n.invoice_id
        LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = i.customer_id
        LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = t.customer_id
        WHERE n.tenant_id = $1 AND (n.amount_minor <> n.lowered_minor + coalesce(p.minor, 0)
            OR n.amount_minor <> coalesce(l.minor, n.amount_minor)
            OR coalesce(p.of_money, false) <> (n.credit_id IS NOT NULL)
            OR (t.kind, v.kind, v.customer_id) IS DISTINCT FROM ('CREDIT_NOTE',
                CASE WHEN n.void_transaction_id IS NOT NULL THEN 'REVERSAL' END, v.customer_id)
            OR coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id))
        UNION ALL
        SELECT t.id, 'a CREDIT_NOTE that no credit note was made by'
        FROM transactions t LEFT JOIN credit_notes n ON n.tenant_id = $1 AND n.id = t.id
        WHERE t.tenant_id = $1 AND t.kind = 'CREDIT_NOTE' AND n.id IS NULL
        """,
    ),
    Check(
        "credit note parts",
        """
        SELECT p.id, format('note %s gave back %s of what paid another invoice, or to another credit', p.note_id,
            p.amount_minor) AS detail
        FROM credit_note_parts p
        LEFT JOIN credit_notes n ON n.tenant_id = $1 AND n.id = p.note_id
        LEFT JOIN assignments a ON a.tenant_id = $1 AND a.id = p.assignment_id
        LEFT JOIN payments m ON m.tenant_id = $1 AND m.id = p.payment_id
        LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = p.credit_id
        LEFT JOIN credits f ON f.tenant_id = $1 AND f.id = a.credit_id
        WHERE p.tenant_id = $1 AND (coalesce(a.invoice_id, m.invoice_id) IS DISTINCT FROM n.invoice_id
            OR m.transaction_id IS NOT NULL
            OR CASE WHEN p.payment_id IS NULL THEN coalesce(c.origin_id, c.id) IS DISTINCT FROM coalesce(f.origin_id, f.id)
                ELSE p.credit_id IS DISTINCT FROM n.credit_id END)
        UNION ALL
        SELECT a.id, format('an assignment of %s, of which notes gave back %s; said to be %s', a.amount_minor,
            coalesce(p.minor, 0), a.noted_minor)
        FROM assignments a LEFT JOIN (
            SELECT p.assignment_id, sum(p.amount_minor) AS minor FROM credit_note_parts p
            JOIN credit_notes n ON n.tenant_id = $1 AND n.id = p.note_id AND n.voided_at IS NULL
            WHERE p.tenant_id = $1 AND p.assignment_id IS NOT NULL GROUP BY p.assignment_id
        ) p ON p.assignment_id = a.id
        WHERE a.tenant_id = $1 AND a.noted_minor <> coalesce(p.minor, 0)
        UNION ALL
        SELECT m.id, format('a payment of %s, of which notes gave back %s; said to be %s', m.amount_minor,
            coalesce(p.minor, 0), m.noted_minor)
        FROM payments m LEFT JOIN (
            SELECT p.payment_id, sum(p.amount_minor) AS minor FROM credit_note_parts p
            JOIN credit_notes n ON n.tenant_id = $1 AND n.id = p.note_id AND n.voided_at IS NULL
            WHERE p.tenant_id = $1 AND p.payment_id IS NOT NULL GROUP BY p.payment_id
        ) p ON p.payment_id = m.id
        WHERE m.tenant_id = $1 AND m.noted_minor <> coalesce(p.minor, 0)
        """,
    ),
    Check(
        "credit note lines",
        """
        SELECT l.id, format('line %s: notes took back %s of %s, and %s of %s', l.id, n.quantity, l.quantity, n.minor,
            l.minor) AS detail
        FROM (
            SELECT l.id, l.tenant_id, l.invoice_id, l.kind, coalesce(d.quantity, l.quantity) AS quantity,
                l.quantity * l.unit_price_minor + coalesce(d.tax_minor, 0) AS minor
            FROM invoice_lines l LEFT JOIN invoice_line_details d ON d.tenant_id = $1 AND d.id = l.id
            WHERE l.tenant_id = $1
        ) l JOIN (
            SELECT k.line_id, sum(k.quantity) FILTER (WHERE c.voided_at IS NULL) AS quantity,
                coalesce(sum(k.amount_minor) FILTER (WHERE c.voided_at IS NULL), 0) AS minor,
                min(c.invoice_id::text) AS first, max(c.invoice_id::text) AS last
            FROM credit_note_lines k JOIN credit_notes c ON c.tenant_id = $1 AND c.id = k.note_id
            WHERE k.tenant_id = $1 GROUP BY k.line_id
        ) n ON n.line_id = l.id
        WHERE (n.quantity > l.quantity OR n.minor > l.minor
            OR (n.first, n.last) IS DISTINCT FROM (l.invoice_id::text, l.invoice_id::text) OR l.kind = 'CREDIT')
        """,
    ),
)

-- Merged people: each record of a person names the record that the person is now, and since when.

-- merged_into_id: the record that this person is now, never one that was merged itself. merged_at: since when; the
-- person's lists show what this record brought from then on.
ALTER TABLE customers ADD COLUMN merged_at timestamptz;
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE credits NO FORCE ROW LEVEL SECURITY;
ALTER TABLE entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;

-- The lots that merges of before have moved, each with the lot that it became: the nth of one transaction is the nth of the
-- other, which was written right after it. Since then they are one: of the first one's amount, age and standing.
DO $$
DECLARE
    m record;
BEGIN
    FOR m IN
        WITH moves AS (
            SELECT e.tenant_id, e.credit_id, e.amount_minor, t.created_at, t.id AS transaction_id, t.customer_id, a.asset,
                row_number() OVER (PARTITION BY e.tenant_id, t.id, a.asset ORDER BY e.sequence) AS nth
            FROM transactions t
            JOIN entries e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.credit_id IS NOT NULL
            JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = e.account_id
            WHERE t.kind = 'MERGE'
        )
        SELECT o.tenant_id, o.credit_id AS old_id, n.credit_id AS new_id
        FROM moves o
        JOIN customers c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id
        CROSS JOIN LATERAL (
            SELECT g.id FROM transactions g
            WHERE g.tenant_id = o.tenant_id AND g.kind = 'MERGE' AND g.customer_id = c.merged_into_id
                AND g.created_at = o.created_at AND g.id > o.transaction_id
            ORDER BY g.id LIMIT 1
        ) g
        JOIN moves n ON n.tenant_id = o.tenant_id AND n.transaction_id = g.id AND n.asset = o.asset AND n.nth = o.nth
            AND n.amount_minor = -o.amount_minor
        WHERE o.amount_minor < 0
        ORDER BY o.created_at, o.transaction_id, o.nth
    LOOP
        UPDATE credits n SET counts = o.counts FROM credits o
        WHERE o.tenant_id = m.tenant_id AND n.tenant_id = m.tenant_id AND o.id = m.old_id AND n.id = m.new_id;
        -- What has come back to the first one since, or was moved once more, is a lot of its own.
        UPDATE credits n SET origin_id = coalesce(o.origin_id, o.id), amount_minor = o.amount_minor,
            gone_minor = o.gone_minor + n.gone_minor, created_at = o.created_at
        FROM credits o
        WHERE o.tenant_id = m.tenant_id AND n.tenant_id = m.tenant_id AND o.id = m.old_id AND n.id = m.new_id
            AND o.successor_id IS NULL AND o.remaining_minor = 0;
        UPDATE credits o SET successor_id = m.new_id
        WHERE o.tenant_id = m.tenant_id AND o.id = m.old_id AND o.successor_id IS NULL AND o.remaining_minor = 0;
    END LOOP;
END $$;

UPDATE customers SET merged_at = updated_at WHERE merged_into_id IS NOT NULL;
WITH RECURSIVE walk(tenant_id, id, into_id, merged_at, steps) AS (
    SELECT tenant_id, id, merged_into_id, merged_at, 1 FROM customers WHERE merged_into_id IS NOT NULL
    UNION ALL
    SELECT w.tenant_id, w.id, c.merged_into_id, greatest(w.merged_at, c.merged_at), w.steps + 1
    FROM walk w JOIN customers c ON c.tenant_id = w.tenant_id AND c.id = w.into_id
    WHERE c.merged_into_id IS NOT NULL AND w.steps < 1000
)
UPDATE customers c SET merged_into_id = w.into_id, merged_at = w.merged_at
FROM (SELECT DISTINCT ON (tenant_id, id) * FROM walk ORDER BY tenant_id, id, steps DESC) w
WHERE c.tenant_id = w.tenant_id AND c.id = w.id;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;
ALTER TABLE customers ADD CONSTRAINT customers_merged_at CHECK ((merged_at IS NULL) = (merged_into_id IS NULL));

-- Whether the tenant's books say what the rules of this step come to: `scrip migrate` sees to it, by entries that anybody
-- can see.
ALTER TABLE tenants ADD COLUMN restated boolean NOT NULL DEFAULT true;
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
UPDATE tenants SET restated = false;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;

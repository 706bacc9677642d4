"""Merged people: each record of a person's names the one that they are now, and since when."""

PEOPLE = r"""
-- merged_into_id: the record that this person is now, never one that was merged itself. merged_at: since when; the
-- person's lists show what this record brought from then on.
ALTER TABLE customers ADD COLUMN merged_at timestamptz;
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
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
ALTER TABLE customers ADD CONSTRAINT customers_merged_at CHECK ((merged_at IS NULL) = (merged_into_id IS NULL));
"""

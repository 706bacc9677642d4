-- Names in one form, and since when an external id is its holder's.
--
-- Names are trimmed of white space and in NFC from here on. Where two become one by that, or one becomes nothing, somebody
-- has to say what they are: the step has looked for those before (migrations/clashing_names.py). White space is what the
-- app takes off: Unicode's White_Space and the four separators of ASCII.
--
-- normalize() costs more than looking, so only what is not in that form is written.

-- The owner is bound by the rows' policies too, and would see none.
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE services NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tiers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards NO FORCE ROW LEVEL SECURITY;
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE reasons NO FORCE ROW LEVEL SECURITY;
ALTER TABLE partner_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;

-- A record that was merged gives its external id up to the person's own record, which it names anyway.
WITH changed AS MATERIALIZED (
    SELECT tenant_id, id, merged_into_id,
        normalize(btrim(external_id,
            E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC) AS clean
    FROM customers
    WHERE NOT (external_id = btrim(external_id,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND external_id IS NFC NORMALIZED)
),
alike AS (
    SELECT tenant_id, id, merged_into_id, clean, 1 AS changes FROM changed
    UNION ALL
    SELECT t.tenant_id, t.id, t.merged_into_id, t.external_id, 0 FROM customers t
    JOIN (SELECT DISTINCT tenant_id, clean FROM changed) d ON d.tenant_id = t.tenant_id AND d.clean = t.external_id
)
UPDATE customers c SET external_id = 'merged-' || c.id
FROM (
    SELECT tenant_id, id, row_number() OVER (
        PARTITION BY tenant_id, clean ORDER BY merged_into_id IS NOT NULL, changes, id) AS nth
    FROM alike
) AS n
WHERE n.tenant_id = c.tenant_id AND n.id = c.id AND n.nth > 1;

-- external_id_since: when the id came to this record; null: when the record was made. external_id_reused: whether somebody
-- else had it before. A customer's token that was issued before that is refused. Of what was renamed before this step,
-- nobody knows any more who had the id; so that it counts as somebody's. Only rows that this changes are written: there may
-- be millions.
ALTER TABLE customers ADD COLUMN external_id_since timestamptz;
ALTER TABLE customers ADD COLUMN external_id_reused boolean NOT NULL DEFAULT false;
ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
UPDATE customers c SET external_id_since = r.renamed_at, external_id_reused = true
FROM (
    SELECT tenant_id, customer_id, max(created_at) AS renamed_at FROM audit_events
    WHERE action = 'customer.updated' AND details->'changed' ? 'external_id' GROUP BY tenant_id, customer_id
) r WHERE r.tenant_id = c.tenant_id AND r.customer_id = c.id;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;

UPDATE customers
SET external_id = normalize(btrim(external_id,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (external_id = btrim(external_id,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND external_id IS NFC NORMALIZED);

UPDATE customers
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE invoices
SET number = normalize(btrim(number,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (number = btrim(number,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND number IS NFC NORMALIZED);

UPDATE services
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE tiers
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE rewards
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE rewards
SET product = normalize(btrim(product,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (product = btrim(product,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND product IS NFC NORMALIZED);

UPDATE products
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE reasons
SET label = normalize(btrim(label,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (label = btrim(label,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND label IS NFC NORMALIZED);

UPDATE partner_tokens
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

UPDATE tenants
SET name = normalize(btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'), NFC)
WHERE NOT (name = btrim(name,
    E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND name IS NFC NORMALIZED);

ALTER TABLE customers FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE services FORCE ROW LEVEL SECURITY;
ALTER TABLE tiers FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards FORCE ROW LEVEL SECURITY;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
ALTER TABLE reasons FORCE ROW LEVEL SECURITY;
ALTER TABLE partner_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;

-- What other systems know has one form in the database as well. What Unicode assigns later may have another there than in
-- the app, so that the rest, which people read, is held to be trimmed alone. That none is empty is checked already, but for
-- customers' names.
ALTER TABLE customers
    ADD CONSTRAINT customers_external_id_form CHECK (external_id = btrim(external_id,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AND external_id IS NFC NORMALIZED);
ALTER TABLE customers
    ADD CONSTRAINT customers_name_form CHECK (name <> '' AND name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE invoices
    ADD CONSTRAINT invoices_number_form CHECK (number = btrim(number,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE services
    ADD CONSTRAINT services_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE tiers
    ADD CONSTRAINT tiers_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE rewards
    ADD CONSTRAINT rewards_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE rewards
    ADD CONSTRAINT rewards_product_form CHECK (product = btrim(product,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE products
    ADD CONSTRAINT products_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE reasons
    ADD CONSTRAINT reasons_label_form CHECK (label = btrim(label,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE partner_tokens
    ADD CONSTRAINT partner_tokens_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));
ALTER TABLE tenants
    ADD CONSTRAINT tenants_name_form CHECK (name = btrim(name,
        E'\t\n\x0B\f\r\x1C\x1D\x1E\x1F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'));

-- id: 128 bits of SHA-256 over the tenant's id and the name, so that nothing of whoever was erased is kept.
CREATE TABLE external_ids_left (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    left_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE external_ids_left ENABLE ROW LEVEL SECURITY;
ALTER TABLE external_ids_left FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON external_ids_left
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
ALTER TABLE external_ids_left ALTER COLUMN tenant_id SET (n_distinct = -0.01);

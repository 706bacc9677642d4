-- Currencies kept with the books; what a transaction says and promises under its entries' hashes; and where seals are kept.
--
-- A row's seal is a digest of what the row says, kept in another table, which the app may read and not write: triggers write
-- it, with their owner's rights, in the transaction that writes the row. How to compute it is in docs/proof.md.

-- exponent: the decimal places of the currency's amounts in these books, from its first use on.
CREATE TABLE currencies (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    code          varchar(3) NOT NULL,
    exponent      smallint NOT NULL,
    first_used_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT currencies_code_key UNIQUE (tenant_id, code),
    CONSTRAINT currencies_code CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT currencies_exponent CHECK (exponent BETWEEN 0 AND 4)
);

-- id: the sealed row's own; a key's has none, and is named. There is no foreign key: that the row is there is what this is
-- to prove.
CREATE TABLE seals (
    tenant_id uuid NOT NULL,
    of_table  varchar(32) NOT NULL,
    id        uuid NOT NULL,
    name      varchar(255),
    version   int NOT NULL,
    digest    bytea NOT NULL,
    salt      bytea,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, of_table, id),
    CONSTRAINT seals_digest CHECK (octet_length(digest) = 32),
    CONSTRAINT seals_salt CHECK (octet_length(salt) = 16)
) WITH (fillfactor = 90);

-- Keys that were used before then need not be there any more.
ALTER TABLE tenants ADD COLUMN keys_pruned_at timestamptz;

-- Over what it says and, in 32 bytes more, what the credits that it opened promise; null before this step.
ALTER TABLE transactions ADD COLUMN digest bytea;
ALTER TABLE transactions ADD CONSTRAINT transactions_digest CHECK (octet_length(digest) IN (32, 64));

-- What it used up of its actor's limits by day. opening_minor: what a counter held before that was said.
ALTER TABLE transactions ADD COLUMN limited_asset varchar(16);
ALTER TABLE transactions ADD COLUMN limited_minor bigint;
ALTER TABLE transactions ADD COLUMN limited_on date;
ALTER TABLE transactions ADD CONSTRAINT transactions_limited CHECK (limited_minor >= 0
    AND (limited_asset IS NULL) = (limited_on IS NULL) AND (limited_minor IS NULL) = (limited_on IS NULL));
ALTER TABLE limit_counters ADD COLUMN opening_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE limit_counters NO FORCE ROW LEVEL SECURITY;
UPDATE limit_counters SET opening_minor = used_minor WHERE used_minor <> 0;
ALTER TABLE limit_counters FORCE ROW LEVEL SECURITY;

-- The exponents of ISO 4217 as they were when this step was written: two decimal places but for these.
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards NO FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_rules NO FORCE ROW LEVEL SECURITY;
INSERT INTO currencies (id, tenant_id, code, exponent, first_used_at)
SELECT gen_random_uuid(), tenant_id, code, CASE
    WHEN code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF',
        'XOF', 'XPF') THEN 0
    WHEN code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
    WHEN code IN ('CLF', 'UYW') THEN 4
    ELSE 2 END, now()
FROM (
    SELECT tenant_id, asset AS code FROM accounts
    UNION SELECT tenant_id, currency FROM invoices
    UNION SELECT tenant_id, currency FROM products
    UNION SELECT tenant_id, currency FROM rewards
    UNION SELECT tenant_id, asset FROM limit_rules
) held WHERE code ~ '^[A-Z]{3}$';
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;

ALTER TABLE currencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE currencies FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON currencies
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

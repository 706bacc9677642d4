-- Which amounts the audit trail has, and when: sorted, in runs, so that a rare one is found wherever it lies.

-- at: the end of the run; totals_seen has its beginning, as AMOUNT with the level as its value. level: of how many parts a
-- run is (models/amounts.py). minors and ats: the sums of transactions in the asset, and their instants, sorted by
-- both. id: that of the totals at `at`.
CREATE TABLE totals_amounts (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    level       smallint NOT NULL,
    at          timestamptz NOT NULL,
    asset       varchar(16) NOT NULL,
    first_minor bigint NOT NULL,
    last_minor  bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    minors      bigint[] NOT NULL,
    ats         timestamptz[] NOT NULL,
    PRIMARY KEY (tenant_id, level, at, asset, last_minor, last_at),
    CONSTRAINT totals_amounts_level CHECK (level BETWEEN 0 AND 9),
    CONSTRAINT totals_amounts_ends CHECK (cardinality(minors) >= 1 AND cardinality(minors) = cardinality(ats)
        AND first_minor = minors[1] AND last_minor = minors[cardinality(minors)] AND last_at = ats[cardinality(ats)])
);
ALTER TABLE totals_amounts ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE totals_amounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_amounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_amounts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

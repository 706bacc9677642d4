-- What each part has moved, beside its totals; and the totals up to some seconds ago.

-- moved: the kinds of movement between the row before and this one, as [asset, kind and reason of what opened the credit,
-- expiry, start, counter], the first four as in credits. The arrays have one element for each movement, in the order of time:
-- when it was; its place in moved, from 0; by how much it changed what is left of credits of that kind, and the entries
-- against the counter; by how much the balance of the account; and the number of accounts that have any. NULL in rows of older
-- versions.
ALTER TABLE totals ADD COLUMN moved jsonb;
ALTER TABLE totals ADD COLUMN moved_at timestamptz[];
ALTER TABLE totals ADD COLUMN moved_part integer[];
ALTER TABLE totals ADD COLUMN moved_amounts bigint[];
ALTER TABLE totals ADD COLUMN moved_balance bigint[];
ALTER TABLE totals ADD COLUMN moved_owed smallint[];

-- One row for each tenant, which is written anew every few seconds in which something was posted: the columns are those of
-- totals. id: the tenant's.
CREATE TABLE totals_latest (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    at           timestamptz NOT NULL,
    transactions bigint NOT NULL,
    credits      jsonb NOT NULL,
    counters     jsonb NOT NULL,
    accounts     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT totals_latest_one CHECK (id = tenant_id),
    CONSTRAINT totals_latest_transactions CHECK (transactions >= 1)
) WITH (fillfactor = 50);
ALTER TABLE totals_latest ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE totals_latest ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_latest FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_latest
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

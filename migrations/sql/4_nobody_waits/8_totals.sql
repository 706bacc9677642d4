-- What a tenant owes and what moved, added up from the beginning to an instant, every few hundred transactions.
--
-- A report starts from the newest row before its instant, and adds what came between. A job adds the rows: no posting knows
-- of them.

-- at: every transaction up to then is in it, and none after. transactions: how many these are.
-- credits: what is left of credits, as [asset, kind and reason of what opened them, expiry, start, minor units]; the expiry
-- to a quarter of an hour (models/totals.py), the start if they are scheduled at all.
-- counters: [asset, counter, minor units] of all entries. accounts: [asset, sum of balances, accounts with any].
CREATE TABLE totals (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    at           timestamptz NOT NULL,
    transactions bigint NOT NULL,
    credits      jsonb NOT NULL,
    counters     jsonb NOT NULL,
    accounts     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT totals_at_key UNIQUE (tenant_id, at),
    CONSTRAINT totals_transactions CHECK (transactions >= 1)
);
ALTER TABLE totals ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- Credits that were written off some time after their expiry, by how long: those of all accounts that had expired at an
-- instant and were still there lie in a short range of each. Only a sweep writes in it.
CREATE INDEX credits_sweep_time ON credits (tenant_id, sweep_wait, expires_at) WHERE sweep_wait IS NOT NULL;
-- Changes of expiry between two instants.
CREATE INDEX credit_changes_time ON credit_changes (tenant_id, created_at);

-- Which actors, kinds and reasons the audit trail has from one row of totals (after) to the next (at, whose id this has),
-- and in how many records: whoever looks for a rare one passes over all others. And the runs of amounts, by their level.
CREATE TABLE totals_seen (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    what      varchar(8) NOT NULL,
    value     varchar(64) NOT NULL,
    after     timestamptz NOT NULL,
    at        timestamptz NOT NULL,
    records   bigint NOT NULL,
    PRIMARY KEY (tenant_id, what, value, at),
    CONSTRAINT totals_seen_what CHECK (what IN ('ACTOR', 'AMOUNT', 'KIND', 'REASON')),
    CONSTRAINT totals_seen_records CHECK (records >= 1 AND after < at)
);
ALTER TABLE totals_seen ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE totals_seen ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_seen FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_seen
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

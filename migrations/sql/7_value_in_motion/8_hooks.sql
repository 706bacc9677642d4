-- Webhooks: where a tenant's feed is delivered to, and what was delivered.
--
-- A webhook follows the feed by a cursor of its own. A row for each delivery says how it went; what could not be delivered
-- waits there, so that the cursor goes on.

-- kinds: those that it is told, separated by spaces; null for all. rights: of those that some kinds take beside the feed's,
-- the ones that its maker had. position: everything up to there was delivered, or waits in webhook_deliveries; settled:
-- everything up to there was delivered or given up. due_at: when something that waits is due; ping_at: since when a ping
-- waits; look_at: nothing else is tried before then. secret_salt, secret_key: what the secret is derived with, and the fingerprint of the key that it is derived
-- from; former_…: of the secret before, which signs as well until former_until. version: raised when somebody sets the
-- cursor, or changes what is sent or where.
CREATE TABLE webhooks (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    url           varchar(2000) NOT NULL,
    description   varchar(255),
    kinds         varchar(4000),
    rights        varchar(255) NOT NULL,
    status        varchar(16) NOT NULL,
    status_since  timestamptz NOT NULL,
    pause_reason  varchar(16),
    secret_salt   bytea NOT NULL,
    secret_key    bytea NOT NULL,
    former_salt   bytea,
    former_key    bytea,
    former_until  timestamptz,
    position      bigint NOT NULL,
    settled       bigint NOT NULL,
    version       integer NOT NULL,
    due_at        timestamptz,
    ping_at       timestamptz,
    look_at       timestamptz,
    failing_since timestamptz,
    delivered_at  timestamptz,
    claimed_by    uuid,
    claimed_until timestamptz,
    created_by_id uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    deleted_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT webhooks_url CHECK (url ~ '^https?://[!-~]+$'),
    CONSTRAINT webhooks_status CHECK (status IN ('ACTIVE', 'DISABLED', 'PAUSED')),
    CONSTRAINT webhooks_paused CHECK ((status = 'PAUSED') = (pause_reason IS NOT NULL)),
    CONSTRAINT webhooks_pause_reason CHECK (pause_reason IN ('FAILING', 'GONE', 'KEY_UNKNOWN', 'PRUNED')),
    CONSTRAINT webhooks_secret CHECK (octet_length(secret_salt) = 16 AND octet_length(secret_key) = 8),
    CONSTRAINT webhooks_former CHECK (
        (former_until IS NULL AND former_salt IS NULL AND former_key IS NULL)
        OR (former_until IS NOT NULL AND octet_length(former_salt) = 16 AND octet_length(former_key) = 8)),
    CONSTRAINT webhooks_positions CHECK (settled BETWEEN 0 AND position),
    CONSTRAINT webhooks_claim CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
);
ALTER TABLE webhooks ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE UNIQUE INDEX webhooks_url_key ON webhooks (tenant_id, url) WHERE deleted_at IS NULL;
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON webhooks
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- position, kind: of the event; null for a ping. next_at: when it is due; null if it waits for another one, or is over.
CREATE TABLE webhook_deliveries (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL REFERENCES tenants (id),
    webhook_id      uuid NOT NULL,
    position        bigint,
    kind            varchar(32),
    status          varchar(16) NOT NULL,
    attempts        integer NOT NULL,
    created_at      timestamptz NOT NULL,
    attempted_at    timestamptz,
    next_at         timestamptz,
    duration_ms     integer,
    response_status integer,
    response        varchar(1000),
    error           varchar(32),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id),
    CONSTRAINT webhook_deliveries_event CHECK ((position IS NULL) = (kind IS NULL)),
    CONSTRAINT webhook_deliveries_status
        CHECK (status IN ('WAITING', 'RETRYING', 'DELIVERED', 'FAILED', 'CANCELLED')),
    CONSTRAINT webhook_deliveries_error
        CHECK (error IN ('STATUS', 'REDIRECT', 'TIMEOUT', 'CONNECTION', 'TLS', 'NAME', 'ADDRESS', 'PROTOCOL')),
    CONSTRAINT webhook_deliveries_attempts CHECK ((attempts = 0) = (attempted_at IS NULL) AND attempts >= 0),
    CONSTRAINT webhook_deliveries_next CHECK (
        CASE status WHEN 'RETRYING' THEN next_at IS NOT NULL WHEN 'WAITING' THEN true ELSE next_at IS NULL END)
);
ALTER TABLE webhook_deliveries ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX webhook_deliveries_status_key ON webhook_deliveries (tenant_id, webhook_id, status, created_at, id);
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON webhook_deliveries
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

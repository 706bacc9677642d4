-- Tokens that an admin gives to partners; two people on every approval; the request and address of each audit event.

-- The one that takes long where much has been done: while it is made, nothing is locked but the writing of this table.
CREATE INDEX audit_events_action ON audit_events (tenant_id, action, created_at, id);

-- Of the secret there is nothing but a digest: 256 random bits need no slow hash. scope: as in a token's claim.
-- replaces_id: the token that was rotated.
CREATE TABLE partner_tokens (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL REFERENCES tenants (id),
    client            varchar(255) NOT NULL,
    name              varchar(255) NOT NULL,
    scope             varchar(1000) NOT NULL,
    secret_hash       bytea NOT NULL,
    replaces_id       uuid,
    created_by_id     uuid NOT NULL,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz,
    revoked_by_id     uuid,
    revoked_at        timestamptz,
    last_used_at      timestamptz,
    last_used_address varchar(64),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, replaces_id) REFERENCES partner_tokens (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by_id) REFERENCES actors (tenant_id, id),
    FOREIGN KEY (tenant_id, revoked_by_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT partner_tokens_texts CHECK (client <> '' AND name <> ''),
    CONSTRAINT partner_tokens_secret_hash CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT partner_tokens_expiry CHECK (expires_at > created_at),
    CONSTRAINT partner_tokens_revoked CHECK ((revoked_at IS NULL) = (revoked_by_id IS NULL))
);

-- Four eyes, by subject: one person has several rows in actors, one for each role and client.
ALTER TABLE approval_requests ADD COLUMN requested_subject varchar(255), ADD COLUMN decided_subject varchar(255),
    ADD COLUMN decided_at timestamptz, ADD COLUMN decision_note text;
ALTER TABLE approval_requests NO FORCE ROW LEVEL SECURITY;
ALTER TABLE actors NO FORCE ROW LEVEL SECURITY;
UPDATE approval_requests r SET requested_subject = a.subject FROM actors a
    WHERE a.tenant_id = r.tenant_id AND a.id = r.requested_by_id;
ALTER TABLE actors FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_requests FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_requests ALTER COLUMN requested_subject SET NOT NULL,
    DROP CONSTRAINT approval_requests_four_eyes,
    ADD CONSTRAINT approval_requests_four_eyes CHECK (decided_subject <> requested_subject OR status = 'WITHDRAWN'),
    ADD CONSTRAINT approval_requests_decided CHECK (
        (decided_by_id IS NULL) = (decided_subject IS NULL) AND (decided_by_id IS NULL) = (decided_at IS NULL)),
    ADD CONSTRAINT approval_requests_decision_note CHECK (
        decision_note IS NULL
        OR (decision_note <> '' AND length(decision_note) <= 10000 AND decided_by_id IS NOT NULL));

CREATE INDEX partner_tokens_time ON partner_tokens (tenant_id, created_at, id);
CREATE INDEX approval_requests_time ON approval_requests (tenant_id, created_at, id);
CREATE INDEX approval_requests_customer ON approval_requests (tenant_id, customer_id, created_at, id);
CREATE INDEX approval_requests_subject ON approval_requests (tenant_id, requested_subject, created_at, id);
CREATE INDEX approval_requests_expiry ON approval_requests (tenant_id, expires_at, id) WHERE status = 'PENDING';
CREATE UNIQUE INDEX approval_requests_transaction ON approval_requests (tenant_id, transaction_id)
    WHERE transaction_id IS NOT NULL;
CREATE INDEX approval_requests_waiting ON approval_requests (tenant_id, requested_subject, expires_at)
    WHERE status = 'PENDING';
CREATE INDEX approval_requests_pending ON approval_requests (tenant_id, created_at, id) WHERE status = 'PENDING';

-- Of an account's open credits, those that were to start later, and no others: what has expired is then looked for where
-- expiries are in order.
DROP INDEX credits_scheduled;
CREATE INDEX credits_scheduled ON credits (tenant_id, account_id, starts_at) WHERE open AND starts_at > created_at;

ALTER TABLE partner_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON partner_tokens
    USING (tenant_id = (SELECT nullif(current_setting('scrip.tenant', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('scrip.tenant', true), '')::uuid));

-- As in the step before: a tenant can have many more rows than the average one.
ALTER TABLE partner_tokens ALTER COLUMN tenant_id SET (n_distinct = -0.01);

-- And an account more credits than the average one: where it is expected to have one, all its credits seem as cheap to read
-- as those of them that have expired (measured: half as many postings a second at 25,000). That an account has one tenant
-- has to be said too, or the planner expects a hundredth of that hundredth.
ALTER TABLE credits ALTER COLUMN account_id SET (n_distinct = -0.01);
CREATE STATISTICS credits_of_accounts (dependencies) ON tenant_id, account_id FROM credits;

-- What every request reads is locked last and only for a moment.
ALTER TABLE audit_events ADD COLUMN request_id varchar(128), ADD COLUMN address varchar(64);

ALTER TABLE tenants ADD COLUMN approval_hours int NOT NULL DEFAULT 168,
    ADD CONSTRAINT tenants_approval_hours CHECK (approval_hours BETWEEN 1 AND 8760);
ALTER TABLE tenants ALTER COLUMN approval_hours DROP DEFAULT;
DROP TRIGGER config_version ON tenants;
CREATE TRIGGER config_version BEFORE UPDATE ON tenants FOR EACH ROW
    WHEN ((OLD.slug, OLD.name, OLD.time_zone, OLD.grace_days, OLD.approval_hours)
        IS DISTINCT FROM (NEW.slug, NEW.name, NEW.time_zone, NEW.grace_days, NEW.approval_hours))
    EXECUTE FUNCTION raise_own_config_version();

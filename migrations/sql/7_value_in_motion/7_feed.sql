-- The feed: what happened, at gapless positions in the order in which it was recorded.
--
-- Postings know nothing of it. A relay takes what was recorded and is settled, and gives it positions.

-- How far a tenant's feed has come: its last position, and the instant before which everything recorded has one.
-- noticed_at, noticed_id: the last credit, by expiry, whose end was announced; lapsed_at, lapsed_id: the last hold, whose end
-- has passed. pruned: the last position that was deleted. told_until, told_before: from where and when noticed_at was set back,
-- since fewer days of notice are given: what expires by then, and had that expiry before, was announced.
CREATE TABLE feed_heads (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    position   bigint NOT NULL,
    at         timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL,
    noticed_id uuid NOT NULL,
    lapsed_at  timestamptz NOT NULL,
    lapsed_id  uuid NOT NULL,
    pruned     bigint NOT NULL,
    told_until timestamptz,
    told_before timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT feed_heads_own CHECK (id = tenant_id),
    CONSTRAINT feed_heads_positions CHECK (pruned BETWEEN 0 AND position)
);
ALTER TABLE feed_heads ALTER COLUMN tenant_id SET (n_distinct = 1);
-- The feed of older books begins now. Nobody ever read what stands in the outbox: it is not in it.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
INSERT INTO feed_heads (id, tenant_id, position, at, noticed_at, noticed_id, lapsed_at, lapsed_id, pruned)
SELECT n.id, n.id, 0, now(), now(), '00000000-0000-0000-0000-000000000000', now(), '00000000-0000-0000-0000-000000000000', 0
FROM tenants n;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
TRUNCATE outbox;
ALTER TABLE feed_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON feed_heads
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- id: of the transaction, of the row of the outbox or of the audit that told of it, or of the credit or hold
-- that expires. subject_id: what it is about; null for a transaction. occurred_at: since when it is true, if not since it
-- was recorded. amount_minor: what is left of a credit or hold that expires.
CREATE TABLE feed (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    position     bigint NOT NULL,
    kind         varchar(32) NOT NULL,
    subject_id   uuid,
    customer_id  uuid,
    occurred_at  timestamptz,
    recorded_at  timestamptz NOT NULL,
    amount_minor bigint,
    PRIMARY KEY (tenant_id, position),
    CONSTRAINT feed_position CHECK (position >= 1),
    CONSTRAINT feed_kind CHECK (kind IN ('CREDIT_ADJUSTED', 'CREDIT_ASSIGNED', 'CREDIT_RELEASED', 'CREDIT_EXPIRED',
        'CREDIT_EXPIRING', 'CREDIT_VOIDED', 'CREDIT_UPDATED', 'CREDIT_USED', 'CREDIT_SPENT', 'CREDIT_REFUNDED',
        'CREDIT_HELD', 'HOLD_LAPSED', 'CREDIT_SOLD', 'CREDIT_KEPT', 'CREDIT_NOTED', 'CREDIT_NOTE_VOIDED',
        'CREDIT_TRANSFERRED', 'CREDIT_REVIVED', 'CREDIT_REVERSED', 'CREDIT_MERGED', 'LIFETIME_RESTATED',
        'REWARD_GIVEN', 'TIER_CHANGED', 'COUPON_ISSUED', 'COUPON_USED', 'COUPON_REOPENED', 'COUPON_DISABLED', 'INVOICE_ISSUED',
        'INVOICE_PAID', 'INVOICE_VOIDED', 'ORDER_PAID', 'PAYMENT_RECORDED', 'PAYMENT_VOIDED', 'APPROVAL_REQUESTED',
        'APPROVAL_APPROVED', 'APPROVAL_REJECTED', 'APPROVAL_WITHDRAWN', 'APPROVAL_EXPIRED', 'BULK_FINISHED',
        'CUSTOMER_CREATED', 'CUSTOMER_UPDATED', 'CUSTOMER_MERGED', 'CUSTOMER_ERASED', 'MEMBERSHIP_CHANGED',
        'LIMIT_CHANGED', 'REASON_CHANGED', 'TOKEN_CHANGED', 'SETTINGS_CHANGED'))
);
ALTER TABLE feed ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX feed_customer ON feed (tenant_id, customer_id, position) WHERE customer_id IS NOT NULL;
CREATE INDEX feed_kind ON feed (tenant_id, kind, position);
ALTER TABLE feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON feed
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- The outbox is read in the order of time, and then of its positions: one index, as before.
ALTER TABLE outbox REPLICA IDENTITY DEFAULT;
ALTER TABLE outbox DROP CONSTRAINT outbox_position_key;
ALTER TABLE outbox ADD CONSTRAINT outbox_time_key UNIQUE (tenant_id, created_at, position);
ALTER TABLE outbox REPLICA IDENTITY USING INDEX outbox_time_key;

-- For how long events are kept, and how long before a credit's expiry it is announced: 0 for not at all.
ALTER TABLE tenants ADD COLUMN event_days integer NOT NULL DEFAULT 90;
ALTER TABLE tenants ADD CONSTRAINT tenants_event_days CHECK (event_days BETWEEN 7 AND 36500);
ALTER TABLE tenants ADD COLUMN expiry_notice_days integer NOT NULL DEFAULT 7;
ALTER TABLE tenants ADD CONSTRAINT tenants_expiry_notice_days CHECK (expiry_notice_days BETWEEN 0 AND 365);

-- The tenant's seal covers both. Those of the tenants that there are are renewed if they fit.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET digest = sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint, n."event_days", n."expiry_notice_days"
        )::text, 'UTF8'))
FROM tenants n WHERE s.tenant_id = n.id AND s.of_table = 'tenants' AND s.id = n.id
    AND s.digest = sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint
        )::text, 'UTF8'));
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_tenants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.id, 'tenants', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint, n."event_days", n."expiry_notice_days"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_tenants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tenants', NEW.id, NEW."id", NEW."slug", NEW."name", NEW."time_zone", NEW."grace_days",
                NEW."approval_hours", (extract(epoch FROM NEW."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint, NEW."key_days", NEW."limited_currencies",
                (extract(epoch FROM NEW."suspended_at") * 1000000)::bigint, NEW."event_days", NEW."expiry_notice_days"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint, OLD."event_days", OLD."expiry_notice_days"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint, OLD."event_days", OLD."expiry_notice_days"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON tenants;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "slug", "name", "time_zone", "grace_days", "approval_hours", "keys_pruned_at", "created_at", "key_days",
        "limited_currencies", "suspended_at", "event_days", "expiry_notice_days"
    ON tenants
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tenants();

-- Holds that have passed with something left, to be told of.
CREATE INDEX holds_lapse ON holds (tenant_id, expires_at, id) WHERE held_minor > 0;

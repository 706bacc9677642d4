-- Spends for a purpose, refunds of them, and limits on spending.

ALTER TABLE transactions DROP CONSTRAINT transactions_kind;
ALTER TABLE transactions ADD CONSTRAINT transactions_kind CHECK (kind IN ('ADJUSTMENT', 'ASSIGNMENT', 'RELEASE', 'EXPIRY', 'VOID', 'UPDATE',
        'USE', 'SPEND', 'REFUND', 'REWARD', 'ORDER', 'REVERSAL', 'MERGE', 'RESTATEMENT'));

-- A refund begins where the one before ended: two cannot begin at the same, and none goes past what was taken. id: of the
-- transaction that gives back; spend_id: of the one that took.
CREATE TABLE refunds (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    spend_id     uuid NOT NULL,
    amount_minor bigint NOT NULL,
    taken_minor  bigint NOT NULL,
    before_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, spend_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT refunds_spend_key UNIQUE (tenant_id, spend_id, before_minor),
    CONSTRAINT refunds_amount CHECK (amount_minor > 0 AND before_minor >= 0 AND before_minor + amount_minor <= taken_minor)
);
ALTER TABLE refunds ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON refunds
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_refunds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'refunds', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'refunds', n.tenant_id, n."id", n."spend_id", n."amount_minor", n."taken_minor", n."before_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON refunds
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_refunds();
CREATE FUNCTION seal_refunds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'refunds', NEW.tenant_id, NEW."id", NEW."spend_id", NEW."amount_minor", NEW."taken_minor",
                NEW."before_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'refunds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'refunds', OLD.tenant_id, OLD."id", OLD."spend_id", OLD."amount_minor", OLD."taken_minor",
                OLD."before_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'refunds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'refunds', OLD.tenant_id, OLD."id", OLD."spend_id", OLD."amount_minor", OLD."taken_minor",
                OLD."before_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "spend_id", "amount_minor", "taken_minor", "before_minor"
    ON refunds
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_refunds();
CREATE TRIGGER seal_deleted AFTER DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION seal_refunds();

ALTER TABLE limit_rules DROP CONSTRAINT limit_rules_kind;
ALTER TABLE limit_rules ADD CONSTRAINT limit_rules_kind CHECK (CASE kind
    WHEN 'ADDING' THEN true
    WHEN 'SPENDING' THEN true
    WHEN 'SELLING_CREDIT' THEN per_customer_day IS NULL AND asset NOT IN ('SERVICE_CREDITS', 'POINTS')
    ELSE false END);
ALTER TABLE limit_counters DROP CONSTRAINT limit_counters_scope;
ALTER TABLE limit_counters ADD CONSTRAINT limit_counters_scope
    CHECK (scope IN ('PER_ACTOR_DAY', 'PER_CUSTOMER_DAY', 'SOLD_ACTOR_DAY', 'SPENT_ACTOR_DAY', 'SPENT_PERSON_DAY'));

-- Partners always have a limit on spending: of the tenants that there are, the one that they have on adding.
ALTER TABLE limit_rules NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
INSERT INTO limit_rules
    (tenant_id, id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day, kind)
SELECT r.tenant_id, gen_random_uuid(), r.role, r.asset, r.holder, r.per_adjustment, r.per_actor_day, r.per_customer_day,
    'SPENDING'
FROM limit_rules r WHERE r.role = 'PARTNER' AND r.kind = 'ADDING';
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;

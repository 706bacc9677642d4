-- Coupons used on invoices, and made good again; bulks taken back.

-- invoice_id: what a coupon was used on. reopened_at: when its one use was undone: its points are then not given back.
ALTER TABLE coupons ADD COLUMN invoice_id uuid;
ALTER TABLE coupons ADD COLUMN reopened_at timestamptz;
ALTER TABLE coupons ADD FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id);
ALTER TABLE coupons ADD CONSTRAINT coupons_used_on CHECK (invoice_id IS NULL OR status <> 'ISSUED');
ALTER TABLE coupons DROP CONSTRAINT coupons_refund;
ALTER TABLE coupons ADD CONSTRAINT coupons_refund CHECK (refund_transaction_id IS NULL
        OR (status = 'DISABLED' AND points_spent_minor > 0 AND reopened_at IS NULL));
CREATE INDEX coupons_invoice ON coupons (tenant_id, invoice_id, issued_at, id) WHERE invoice_id IS NOT NULL;

-- What was removed, or has expired, can be put back against the counter that it went to.
ALTER TABLE entries DROP CONSTRAINT entries_counter;
ALTER TABLE entries ADD CONSTRAINT entries_counter CHECK (CASE
    WHEN counter = 'ISSUED' THEN amount_minor > 0
    ELSE counter IN ('REMOVED', 'EXPIRED', 'INVOICES', 'REDEEMED', 'ORDERS', 'MERGED', 'NOTES', 'SPENT', 'TRANSFERRED',
        'RESTATED')
    END);

-- A credit that is taken back while a part of it is held is voided, and expires; what is held of it stays for as long.
ALTER TABLE credits DROP CONSTRAINT credits_closed;
ALTER TABLE credits ADD CONSTRAINT credits_closed
    CHECK (remaining_minor = 0 OR voided_at IS NULL OR (expires_at IS NOT NULL AND expires_at <= voided_at));
-- If that is in the instant in which it starts, it expires in that instant.
ALTER TABLE credits DROP CONSTRAINT credits_expiry;
ALTER TABLE credits ADD CONSTRAINT credits_expiry CHECK (expires_at >= starts_at);

-- reverses_id: the bulk that a reversal takes back, one at a time.
ALTER TABLE bulk_operations ADD COLUMN reverses_id uuid;
ALTER TABLE bulk_operations ADD FOREIGN KEY (tenant_id, reverses_id) REFERENCES bulk_operations (tenant_id, id);
ALTER TABLE bulk_operations ADD CONSTRAINT bulk_operations_reverses CHECK (reverses_id <> id);
CREATE INDEX bulk_operations_reverses ON bulk_operations (tenant_id, reverses_id, created_at, id)
    WHERE reverses_id IS NOT NULL;
CREATE INDEX bulk_operations_time ON bulk_operations (tenant_id, created_at, id);
CREATE UNIQUE INDEX bulk_operations_reversing ON bulk_operations (tenant_id, reverses_id)
    WHERE reverses_id IS NOT NULL AND NOT dry_run AND status IN ('QUEUED', 'RUNNING');

-- The mark of a bulk's row that was taken back, under the row's own id: so it is once. transaction_id: what took it
-- back; amount_minor: what that took off the row's credit, or put back of its removal; used_minor: what was in use.
CREATE TABLE reversed_rows (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    transaction_id uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    used_minor     bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES bulk_rows (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT reversed_rows_transaction_key UNIQUE (tenant_id, transaction_id),
    CONSTRAINT reversed_rows_used CHECK (used_minor >= 0 AND (amount_minor <= 0 OR used_minor = 0))
);
ALTER TABLE reversed_rows ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE reversed_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE reversed_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON reversed_rows
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reversed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_reversed_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'reversed_rows', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'reversed_rows', n.tenant_id, n."id", n."transaction_id", n."amount_minor", n."used_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON reversed_rows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_reversed_rows();
CREATE FUNCTION seal_reversed_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'reversed_rows', NEW.tenant_id, NEW."id", NEW."transaction_id", NEW."amount_minor", NEW."used_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reversed_rows' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reversed_rows', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."amount_minor", OLD."used_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reversed_rows' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reversed_rows', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."amount_minor", OLD."used_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "transaction_id", "amount_minor", "used_minor"
    ON reversed_rows
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_reversed_rows();
CREATE TRIGGER seal_deleted AFTER DELETE ON reversed_rows
    FOR EACH ROW EXECUTE FUNCTION seal_reversed_rows();

-- coupons
ALTER TABLE coupons NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET digest = sha256(convert_to(json_build_array(
            'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
            n."points_spent_minor", n."status", n."terms"::text,
            (extract(epoch FROM n."issued_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."closed_at") * 1000000)::bigint, n."refund_transaction_id", n."invoice_id",
            (extract(epoch FROM n."reopened_at") * 1000000)::bigint
)::text, 'UTF8'))
FROM coupons n WHERE s.tenant_id = n.tenant_id AND s.of_table = 'coupons' AND s.id = n.id
    AND s.digest = sha256(convert_to(json_build_array(
            'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
            n."points_spent_minor", n."status", n."terms"::text,
            (extract(epoch FROM n."issued_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."closed_at") * 1000000)::bigint, n."refund_transaction_id"
)::text, 'UTF8'));
ALTER TABLE coupons FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_coupons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'coupons', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
            n."points_spent_minor", n."status", n."terms"::text,
            (extract(epoch FROM n."issued_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."closed_at") * 1000000)::bigint, n."refund_transaction_id", n."invoice_id",
            (extract(epoch FROM n."reopened_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_coupons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'coupons', NEW.tenant_id, NEW."id", NEW."code", NEW."reward_id", NEW."customer_id",
                NEW."transaction_id", NEW."points_spent_minor", NEW."status", NEW."terms"::text,
                (extract(epoch FROM NEW."issued_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."closed_at") * 1000000)::bigint, NEW."refund_transaction_id",
                NEW."invoice_id", (extract(epoch FROM NEW."reopened_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id",
                OLD."invoice_id", (extract(epoch FROM OLD."reopened_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id",
                OLD."invoice_id", (extract(epoch FROM OLD."reopened_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON coupons;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "code", "reward_id", "customer_id", "transaction_id", "points_spent_minor", "status", "terms",
        "issued_at", "expires_at", "closed_at", "refund_transaction_id", "invoice_id", "reopened_at"
    ON coupons
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_coupons();

-- bulk_operations
ALTER TABLE bulk_operations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET digest = sha256(s.salt || convert_to(json_build_array(
            'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
            n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
            (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."finished_at") * 1000000)::bigint, n."reverses_id"
)::text, 'UTF8'))
FROM bulk_operations n WHERE s.tenant_id = n.tenant_id AND s.of_table = 'bulk_operations' AND s.id = n.id
    AND s.digest = sha256(s.salt || convert_to(json_build_array(
            'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
            n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
            (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."finished_at") * 1000000)::bigint
)::text, 'UTF8'));
ALTER TABLE bulk_operations FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_bulk_operations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_operations', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
            n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
            (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."finished_at") * 1000000)::bigint, n."reverses_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_bulk_operations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'bulk_operations', NEW.tenant_id, NEW."id", NEW."status", NEW."asset", NEW."error_policy",
                NEW."dry_run", NEW."total", NEW."processed", NEW."succeeded", NEW."failed", NEW."actor_id",
                NEW."command"::text, NEW."idempotency_key",
                (extract(epoch FROM NEW."validated_at") * 1000000)::bigint, NEW."cancel_requested",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."finished_at") * 1000000)::bigint, NEW."reverses_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key",
                (extract(epoch FROM OLD."validated_at") * 1000000)::bigint, OLD."cancel_requested",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint, OLD."reverses_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key",
                (extract(epoch FROM OLD."validated_at") * 1000000)::bigint, OLD."cancel_requested",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint, OLD."reverses_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;

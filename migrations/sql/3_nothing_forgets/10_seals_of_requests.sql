-- Seals of approval requests and bulks, idempotency keys and limit counters.
--
-- 06_seals_of_people.sql explains what a seal is, and each part of this file.

-- approval_requests
ALTER TABLE approval_requests NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'approval_requests', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
        n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
        (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
        (extract(epoch FROM n."created_at") * 1000000)::bigint, (extract(epoch FROM n."expires_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM approval_requests r) n
ON CONFLICT DO NOTHING;
ALTER TABLE approval_requests FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_approval_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'approval_requests', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
            n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
            (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON approval_requests
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_approval_requests();
CREATE FUNCTION seal_approval_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'approval_requests', NEW.tenant_id, NEW."id", NEW."operation", NEW."command"::text, NEW."customer_id",
                NEW."status", NEW."requested_by_id", NEW."requested_subject", NEW."decided_by_id",
                NEW."decided_subject", (extract(epoch FROM NEW."decided_at") * 1000000)::bigint, NEW."decision_note",
                NEW."transaction_id", (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "operation", "command", "customer_id", "status", "requested_by_id", "requested_subject", "decided_by_id",
        "decided_subject", "decided_at", "decision_note", "transaction_id", "created_at", "expires_at"
    ON approval_requests
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_approval_requests();
CREATE TRIGGER seal_deleted AFTER DELETE ON approval_requests
    FOR EACH ROW EXECUTE FUNCTION seal_approval_requests();

-- bulk_operations
ALTER TABLE bulk_operations NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'bulk_operations', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
        n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
        (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
        (extract(epoch FROM n."created_at") * 1000000)::bigint, (extract(epoch FROM n."finished_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM bulk_operations r) n
ON CONFLICT DO NOTHING;
ALTER TABLE bulk_operations FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_bulk_operations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_operations', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
            n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
            (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."finished_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON bulk_operations
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_bulk_operations();
CREATE FUNCTION seal_bulk_operations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                NEW."command"::text, NEW."idempotency_key", (extract(epoch FROM NEW."validated_at") * 1000000)::bigint,
                NEW."cancel_requested", (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."finished_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key", (extract(epoch FROM OLD."validated_at") * 1000000)::bigint,
                OLD."cancel_requested", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key", (extract(epoch FROM OLD."validated_at") * 1000000)::bigint,
                OLD."cancel_requested", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "status", "asset", "error_policy", "dry_run", "total", "processed", "succeeded", "failed", "actor_id",
        "command", "idempotency_key", "validated_at", "cancel_requested", "created_at", "finished_at"
    ON bulk_operations
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_bulk_operations();
CREATE TRIGGER seal_deleted AFTER DELETE ON bulk_operations
    FOR EACH ROW EXECUTE FUNCTION seal_bulk_operations();

-- bulk_rows
ALTER TABLE bulk_rows NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'bulk_rows', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'bulk_rows', n.tenant_id, n."id", n."operation_id", n."row", n."customer_id", n."amount"::text,
        n."transaction_id", n."details"::text, n."error"::text
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM bulk_rows r) n
ON CONFLICT DO NOTHING;
ALTER TABLE bulk_rows FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_bulk_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_rows', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'bulk_rows', n.tenant_id, n."id", n."operation_id", n."row", n."customer_id", n."amount"::text,
            n."transaction_id", n."details"::text, n."error"::text
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON bulk_rows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_bulk_rows();
CREATE FUNCTION seal_bulk_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'bulk_rows', NEW.tenant_id, NEW."id", NEW."operation_id", NEW."row", NEW."customer_id",
                NEW."amount"::text, NEW."transaction_id", NEW."details"::text, NEW."error"::text
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_rows' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_rows', OLD.tenant_id, OLD."id", OLD."operation_id", OLD."row", OLD."customer_id",
                OLD."amount"::text, OLD."transaction_id", OLD."details"::text, OLD."error"::text
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_rows' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_rows', OLD.tenant_id, OLD."id", OLD."operation_id", OLD."row", OLD."customer_id",
                OLD."amount"::text, OLD."transaction_id", OLD."details"::text, OLD."error"::text
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "operation_id", "row", "customer_id", "amount", "transaction_id", "details", "error"
    ON bulk_rows
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_bulk_rows();
CREATE TRIGGER seal_deleted AFTER DELETE ON bulk_rows
    FOR EACH ROW EXECUTE FUNCTION seal_bulk_rows();

-- idempotency_keys
ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'idempotency_keys', substr(encode(sha256(convert_to(n.key, 'UTF8')), 'hex'), 1, 32)::uuid,
    n.key, 1,
    sha256(convert_to(json_build_array(
        'idempotency_keys', n.tenant_id, n."key", n."operation", encode(n."input_hash", 'hex'), n."result_id",
        (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM idempotency_keys r) n
ON CONFLICT DO NOTHING;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'idempotency_keys', substr(encode(sha256(convert_to(n.key, 'UTF8')), 'hex'), 1, 32)::uuid,
        n.key, 1,
        sha256(convert_to(json_build_array(
            'idempotency_keys', n.tenant_id, n."key", n."operation", encode(n."input_hash", 'hex'), n."result_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON idempotency_keys
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_idempotency_keys();
CREATE FUNCTION seal_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'idempotency_keys', NEW.tenant_id, NEW."key", NEW."operation", encode(NEW."input_hash", 'hex'),
                NEW."result_id", (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(OLD.key, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."operation", encode(OLD."input_hash", 'hex'),
                OLD."result_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(OLD.key, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."operation", encode(OLD."input_hash", 'hex'),
                OLD."result_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "key", "operation", "input_hash", "result_id", "created_at"
    ON idempotency_keys
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_idempotency_keys();
CREATE TRIGGER seal_deleted AFTER DELETE ON idempotency_keys
    FOR EACH ROW EXECUTE FUNCTION seal_idempotency_keys();

-- limit_counters
ALTER TABLE limit_counters NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'limit_counters', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'limit_counters', n.tenant_id, n."id", n."scope", n."role", n."holder", n."asset", n."day", n."opening_minor"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM limit_counters r) n
ON CONFLICT DO NOTHING;
ALTER TABLE limit_counters FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_limit_counters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'limit_counters', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'limit_counters', n.tenant_id, n."id", n."scope", n."role", n."holder", n."asset", n."day",
            n."opening_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON limit_counters
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_limit_counters();
CREATE FUNCTION seal_limit_counters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'limit_counters', NEW.tenant_id, NEW."id", NEW."scope", NEW."role", NEW."holder", NEW."asset",
                NEW."day", NEW."opening_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_counters' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_counters', OLD.tenant_id, OLD."id", OLD."scope", OLD."role", OLD."holder", OLD."asset",
                OLD."day", OLD."opening_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_counters' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_counters', OLD.tenant_id, OLD."id", OLD."scope", OLD."role", OLD."holder", OLD."asset",
                OLD."day", OLD."opening_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "scope", "role", "holder", "asset", "day", "opening_minor"
    ON limit_counters
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_limit_counters();
CREATE TRIGGER seal_deleted AFTER DELETE ON limit_counters
    FOR EACH ROW EXECUTE FUNCTION seal_limit_counters();

-- From here on, the seals too are their tenant's alone.
ALTER TABLE seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON seals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

ALTER TABLE currencies ALTER COLUMN tenant_id SET (n_distinct = -0.01);
ALTER TABLE seals ALTER COLUMN tenant_id SET (n_distinct = -0.01);

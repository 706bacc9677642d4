-- Seals cover this step's new columns as well. Those of the rows that there are are renewed if they fit.
--
-- A seal that does not fit stays broken. How a seal is computed is in docs/proof.md.

-- approval_requests
ALTER TABLE approval_requests NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = n.id,
    digest = CASE
        WHEN s.digest = sha256(s.salt || convert_to(json_build_array(
            'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
            n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
            (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint
        )::text, 'UTF8'))
        THEN sha256(s.salt || convert_to(json_build_array(
            'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
            n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
            (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."terms"::text, n."invoice_id"
        )::text, 'UTF8'))
        ELSE s.digest END
FROM approval_requests n
WHERE s.tenant_id = n.tenant_id AND s.of_table = 'approval_requests' AND s.id = n.id;
ALTER TABLE approval_requests FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_approval_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'approval_requests', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
            n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
            (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."terms"::text, n."invoice_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_approval_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."terms"::text, NEW."invoice_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."terms"::text, OLD."invoice_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."terms"::text, OLD."invoice_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON approval_requests;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "operation", "command", "customer_id", "status", "requested_by_id", "requested_subject", "decided_by_id",
        "decided_subject", "decided_at", "decision_note", "transaction_id", "created_at", "expires_at", "terms",
        "invoice_id"
    ON approval_requests
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_approval_requests();

-- invoices
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = n.id,
    digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
            n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
            n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint, n."limited_on"
        )::text, 'UTF8'))
        ELSE s.digest END
FROM invoices n
WHERE s.tenant_id = n.tenant_id AND s.of_table = 'invoices' AND s.id = n.id;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoices', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
            n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint, n."limited_on"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoices', NEW.tenant_id, NEW."id", NEW."customer_id", NEW."number", NEW."currency", NEW."total_minor",
                NEW."creditable_minor", NEW."kind", NEW."auto_apply", NEW."issued_on", NEW."due_on", NEW."actor_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."limited_on"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."limited_on"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."limited_on"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON invoices;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "customer_id", "number", "currency", "total_minor", "creditable_minor", "kind", "auto_apply", "issued_on",
        "due_on", "actor_id", "created_at", "voided_at", "limited_on"
    ON invoices
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_invoices();

-- limit_rules
ALTER TABLE limit_rules NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = n.id,
    digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
            n."per_actor_day"::text, n."per_customer_day"::text
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
            n."per_actor_day"::text, n."per_customer_day"::text, n."kind"
        )::text, 'UTF8'))
        ELSE s.digest END
FROM limit_rules n
WHERE s.tenant_id = n.tenant_id AND s.of_table = 'limit_rules' AND s.id = n.id;
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_limit_rules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'limit_rules', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
            n."per_actor_day"::text, n."per_customer_day"::text, n."kind"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_limit_rules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'limit_rules', NEW.tenant_id, NEW."id", NEW."role", NEW."asset", NEW."holder",
                NEW."per_adjustment"::text, NEW."per_actor_day"::text, NEW."per_customer_day"::text, NEW."kind"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text, OLD."kind"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text, OLD."kind"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON limit_rules;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "role", "asset", "holder", "per_adjustment", "per_actor_day", "per_customer_day", "kind"
    ON limit_rules
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_limit_rules();

-- tenants
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = n.id,
    digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies"
        )::text, 'UTF8'))
        ELSE s.digest END
FROM tenants n
WHERE s.tenant_id = n.id AND s.of_table = 'tenants' AND s.id = n.id;
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
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies"
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
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint, NEW."key_days", NEW."limited_currencies"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON tenants;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "slug", "name", "time_zone", "grace_days", "approval_hours", "keys_pruned_at", "created_at", "key_days",
        "limited_currencies"
    ON tenants
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tenants();

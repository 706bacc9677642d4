-- Seals of invoices, payments, grants and coupons.
--
-- 06_seals_of_people.sql explains what a seal is, and each part of this file.

-- coupons
ALTER TABLE coupons NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'coupons', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
        n."points_spent_minor", n."status", n."terms"::text, (extract(epoch FROM n."issued_at") * 1000000)::bigint,
        (extract(epoch FROM n."expires_at") * 1000000)::bigint, (extract(epoch FROM n."closed_at") * 1000000)::bigint,
        n."refund_transaction_id"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM coupons r) n
ON CONFLICT DO NOTHING;
ALTER TABLE coupons FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_coupons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'coupons', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
            n."points_spent_minor", n."status", n."terms"::text, (extract(epoch FROM n."issued_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."closed_at") * 1000000)::bigint, n."refund_transaction_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON coupons
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_coupons();
CREATE FUNCTION seal_coupons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                (extract(epoch FROM NEW."closed_at") * 1000000)::bigint, NEW."refund_transaction_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "code", "reward_id", "customer_id", "transaction_id", "points_spent_minor", "status", "terms",
        "issued_at", "expires_at", "closed_at", "refund_transaction_id"
    ON coupons
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_coupons();
CREATE TRIGGER seal_deleted AFTER DELETE ON coupons
    FOR EACH ROW EXECUTE FUNCTION seal_coupons();

-- grants
ALTER TABLE grants NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'grants', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'grants', n.tenant_id, n."id", n."invoice_id", n."credit_id", n."transaction_id", n."revoked_transaction_id",
        n."revoked_minor"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM grants r) n
ON CONFLICT DO NOTHING;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_grants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'grants', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'grants', n.tenant_id, n."id", n."invoice_id", n."credit_id", n."transaction_id",
            n."revoked_transaction_id", n."revoked_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON grants
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_grants();
CREATE FUNCTION seal_grants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'grants', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."credit_id", NEW."transaction_id",
                NEW."revoked_transaction_id", NEW."revoked_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'grants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'grants', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."credit_id", OLD."transaction_id",
                OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'grants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'grants', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."credit_id", OLD."transaction_id",
                OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "invoice_id", "credit_id", "transaction_id", "revoked_transaction_id", "revoked_minor"
    ON grants
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_grants();
CREATE TRIGGER seal_deleted AFTER DELETE ON grants
    FOR EACH ROW EXECUTE FUNCTION seal_grants();

-- invoice_lines
ALTER TABLE invoice_lines NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'invoice_lines', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'invoice_lines', n.tenant_id, n."id", n."invoice_id", n."position", n."description", n."quantity",
        n."unit_price_minor", n."kind", n."product_id"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM invoice_lines r) n
ON CONFLICT DO NOTHING;
ALTER TABLE invoice_lines FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_invoice_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_lines', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoice_lines', n.tenant_id, n."id", n."invoice_id", n."position", n."description", n."quantity",
            n."unit_price_minor", n."kind", n."product_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON invoice_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_lines();
CREATE FUNCTION seal_invoice_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoice_lines', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."position", NEW."description",
                NEW."quantity", NEW."unit_price_minor", NEW."kind", NEW."product_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_lines', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."position", OLD."description",
                OLD."quantity", OLD."unit_price_minor", OLD."kind", OLD."product_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_lines', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."position", OLD."description",
                OLD."quantity", OLD."unit_price_minor", OLD."kind", OLD."product_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "invoice_id", "position", "description", "quantity", "unit_price_minor", "kind", "product_id"
    ON invoice_lines
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_invoice_lines();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_lines();

-- invoices
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'invoices', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
        n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
        (extract(epoch FROM n."created_at") * 1000000)::bigint, (extract(epoch FROM n."voided_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM invoices r) n
ON CONFLICT DO NOTHING;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoices', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
            n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON invoices
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoices();
CREATE FUNCTION seal_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "customer_id", "number", "currency", "total_minor", "creditable_minor", "kind", "auto_apply", "issued_on",
        "due_on", "actor_id", "created_at", "voided_at"
    ON invoices
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_invoices();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION seal_invoices();

-- payments
ALTER TABLE payments NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'payments', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'payments', n.tenant_id, n."id", n."invoice_id", n."amount_minor", n."method", n."received_on",
        n."transaction_id", n."actor_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
        (extract(epoch FROM n."voided_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM payments r) n
ON CONFLICT DO NOTHING;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_payments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'payments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'payments', n.tenant_id, n."id", n."invoice_id", n."amount_minor", n."method", n."received_on",
            n."transaction_id", n."actor_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON payments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_payments();
CREATE FUNCTION seal_payments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'payments', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."amount_minor", NEW."method",
                NEW."received_on", NEW."transaction_id", NEW."actor_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'payments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'payments', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."method",
                OLD."received_on", OLD."transaction_id", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'payments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'payments', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."method",
                OLD."received_on", OLD."transaction_id", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "invoice_id", "amount_minor", "method", "received_on", "transaction_id", "actor_id", "created_at",
        "voided_at"
    ON payments
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_payments();
CREATE TRIGGER seal_deleted AFTER DELETE ON payments
    FOR EACH ROW EXECUTE FUNCTION seal_payments();

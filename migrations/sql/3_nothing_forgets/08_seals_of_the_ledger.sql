-- Seals of the ledger's rows that no entry's hash covers.
--
-- 06_seals_of_people.sql explains what a seal is, and each part of this file.

-- accounts
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'accounts', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'accounts', n.tenant_id, n."id", n."customer_id", n."asset",
        (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM accounts r) n
ON CONFLICT DO NOTHING;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'accounts', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'accounts', n.tenant_id, n."id", n."customer_id", n."asset",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON accounts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_accounts();
CREATE FUNCTION seal_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'accounts', NEW.tenant_id, NEW."id", NEW."customer_id", NEW."asset",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'accounts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'accounts', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."asset",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'accounts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'accounts', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."asset",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "customer_id", "asset", "created_at" ON accounts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_accounts();
CREATE TRIGGER seal_deleted AFTER DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION seal_accounts();

-- assignments
ALTER TABLE assignments NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'assignments', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'assignments', n.tenant_id, n."id", n."credit_id", n."invoice_id", n."transaction_id", n."amount_minor",
        n."origin", (extract(epoch FROM n."assigned_at") * 1000000)::bigint,
        (extract(epoch FROM n."released_at") * 1000000)::bigint, n."release_transaction_id"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM assignments r) n
ON CONFLICT DO NOTHING;
ALTER TABLE assignments FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_assignments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'assignments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'assignments', n.tenant_id, n."id", n."credit_id", n."invoice_id", n."transaction_id", n."amount_minor",
            n."origin", (extract(epoch FROM n."assigned_at") * 1000000)::bigint,
            (extract(epoch FROM n."released_at") * 1000000)::bigint, n."release_transaction_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON assignments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_assignments();
CREATE FUNCTION seal_assignments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'assignments', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."invoice_id", NEW."transaction_id",
                NEW."amount_minor", NEW."origin", (extract(epoch FROM NEW."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."released_at") * 1000000)::bigint, NEW."release_transaction_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'assignments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'assignments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."invoice_id", OLD."transaction_id",
                OLD."amount_minor", OLD."origin", (extract(epoch FROM OLD."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."released_at") * 1000000)::bigint, OLD."release_transaction_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'assignments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'assignments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."invoice_id", OLD."transaction_id",
                OLD."amount_minor", OLD."origin", (extract(epoch FROM OLD."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."released_at") * 1000000)::bigint, OLD."release_transaction_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "credit_id", "invoice_id", "transaction_id", "amount_minor", "origin", "assigned_at", "released_at",
        "release_transaction_id"
    ON assignments
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_assignments();
CREATE TRIGGER seal_deleted AFTER DELETE ON assignments
    FOR EACH ROW EXECUTE FUNCTION seal_assignments();

-- credit_changes
ALTER TABLE credit_changes NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'credit_changes', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'credit_changes', n.tenant_id, n."id", n."credit_id", n."transaction_id",
        (extract(epoch FROM n."old_expires_at") * 1000000)::bigint,
        (extract(epoch FROM n."new_expires_at") * 1000000)::bigint, n."old_auto_apply", n."new_auto_apply",
        n."old_services"::text, n."new_services"::text, (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM credit_changes r) n
ON CONFLICT DO NOTHING;
ALTER TABLE credit_changes FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_credit_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_changes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_changes', n.tenant_id, n."id", n."credit_id", n."transaction_id",
            (extract(epoch FROM n."old_expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."new_expires_at") * 1000000)::bigint, n."old_auto_apply", n."new_auto_apply",
            n."old_services"::text, n."new_services"::text, (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON credit_changes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_changes();
CREATE FUNCTION seal_credit_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_changes', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."transaction_id",
                (extract(epoch FROM NEW."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."new_expires_at") * 1000000)::bigint, NEW."old_auto_apply",
                NEW."new_auto_apply", NEW."old_services"::text, NEW."new_services"::text,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_changes', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                (extract(epoch FROM OLD."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."new_expires_at") * 1000000)::bigint, OLD."old_auto_apply",
                OLD."new_auto_apply", OLD."old_services"::text, OLD."new_services"::text,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_changes', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                (extract(epoch FROM OLD."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."new_expires_at") * 1000000)::bigint, OLD."old_auto_apply",
                OLD."new_auto_apply", OLD."old_services"::text, OLD."new_services"::text,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "credit_id", "transaction_id", "old_expires_at", "new_expires_at", "old_auto_apply", "new_auto_apply",
        "old_services", "new_services", "created_at"
    ON credit_changes
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credit_changes();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_changes
    FOR EACH ROW EXECUTE FUNCTION seal_credit_changes();

-- credit_services
ALTER TABLE credit_services NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'credit_services', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'credit_services', n.tenant_id, n."id", n."credit_id", n."service_id"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM credit_services r) n
ON CONFLICT DO NOTHING;
ALTER TABLE credit_services FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_credit_services() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_services', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_services', n.tenant_id, n."id", n."credit_id", n."service_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON credit_services
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_services();
CREATE FUNCTION seal_credit_services() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_services', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."service_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_services', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."service_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_services', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."service_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "credit_id", "service_id" ON credit_services
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credit_services();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_services
    FOR EACH ROW EXECUTE FUNCTION seal_credit_services();

-- tier_changes
ALTER TABLE tier_changes NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'tier_changes', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'tier_changes', n.tenant_id, n."id", n."account_id", n."transaction_id", n."old_tier", n."new_tier",
        (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM tier_changes r) n
ON CONFLICT DO NOTHING;
ALTER TABLE tier_changes FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_tier_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'tier_changes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tier_changes', n.tenant_id, n."id", n."account_id", n."transaction_id", n."old_tier", n."new_tier",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON tier_changes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tier_changes();
CREATE FUNCTION seal_tier_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tier_changes', NEW.tenant_id, NEW."id", NEW."account_id", NEW."transaction_id", NEW."old_tier",
                NEW."new_tier", (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tier_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tier_changes', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."old_tier",
                OLD."new_tier", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tier_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tier_changes', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."old_tier",
                OLD."new_tier", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "account_id", "transaction_id", "old_tier", "new_tier", "created_at"
    ON tier_changes
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tier_changes();
CREATE TRIGGER seal_deleted AFTER DELETE ON tier_changes
    FOR EACH ROW EXECUTE FUNCTION seal_tier_changes();

-- transactions
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'transactions', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'transactions', n.tenant_id, n."id", n."customer_id", n."kind", n."reason", encode(n."note_digest", 'hex'),
        n."actor_id", n."approved_by_id", n."idempotency_key", (extract(epoch FROM n."created_at") * 1000000)::bigint,
        n."limited_asset", n."limited_minor", n."limited_on"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM transactions r) n
ON CONFLICT DO NOTHING;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;

-- credits: only those that have changed since they were opened. What they promised then is under a hash, so that there is no
-- seal yet where the first change is made.
ALTER TABLE credits NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'credits', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'credits', n.tenant_id, n."id", n."account_id", n."transaction_id", n."amount_minor", n."effective_on",
        (extract(epoch FROM n."starts_at") * 1000000)::bigint, (extract(epoch FROM n."expires_at") * 1000000)::bigint,
        n."restricted", n."auto_apply", (extract(epoch FROM n."created_at") * 1000000)::bigint,
        (extract(epoch FROM n."swept_at") * 1000000)::bigint, (extract(epoch FROM n."voided_at") * 1000000)::bigint,
        n."counts", n."opened_sequence", n."origin_id", n."successor_id"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM credits r) n
ON CONFLICT DO NOTHING;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals AS s (tenant_id, of_table, id, version, digest, salt, sealed_at)
    VALUES (NEW.tenant_id, 'credits', NEW.id, 1,
        sha256(convert_to(json_build_array(
            'credits', NEW.tenant_id, NEW."id", NEW."account_id", NEW."transaction_id", NEW."amount_minor",
            NEW."effective_on", (extract(epoch FROM NEW."starts_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."restricted", NEW."auto_apply",
            (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."swept_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."counts", NEW."opened_sequence",
            NEW."origin_id", NEW."successor_id"
        )::text, 'UTF8')),
        NULL, now())
    ON CONFLICT (tenant_id, of_table, id) DO UPDATE
        SET version = s.version + 1, digest = excluded.digest, sealed_at = excluded.sealed_at
        WHERE s.digest = sha256(convert_to(json_build_array(
            'credits', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."amount_minor",
            OLD."effective_on", (extract(epoch FROM OLD."starts_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."restricted", OLD."auto_apply",
            (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."swept_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."counts", OLD."opened_sequence",
            OLD."origin_id", OLD."successor_id"
        )::text, 'UTF8'));
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "account_id", "transaction_id", "amount_minor", "effective_on", "starts_at", "expires_at", "restricted",
        "auto_apply", "created_at", "swept_at", "voided_at", "counts", "opened_sequence", "origin_id", "successor_id"
    ON credits
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credits();

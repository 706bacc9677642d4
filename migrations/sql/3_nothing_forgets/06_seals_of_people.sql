-- Seals of people, tenants and tokens, and of the audit.
--
-- A row's seal covers what the row says, column by column; not what entries, lines and payments come to, which is worked out
-- from those; and not who works on a bulk, or used a token last, which nobody is promised. Where a row holds what people
-- wrote or are called, a salt goes before it, a new one with each change, so that of what was erased nothing is left to
-- guess. A key's row has no id: half of the key's SHA-256 is as good as one.
--
-- A seal is broken once and for all: a change made with the triggers on renews it only where it fitted the row as it was
-- before. So what somebody did with the triggers off is still found after the row's next rightful change.
--
-- For each table: the seals of the rows that there are; a trigger that seals the rows that a statement adds; and one that
-- renews the seal of a row whose sealed columns change, or deletes the seal with its row.

-- actors
ALTER TABLE actors NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'actors', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'actors', n.tenant_id, n."id", n."subject", n."role", n."client", n."name"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM actors r) n
ON CONFLICT DO NOTHING;
ALTER TABLE actors FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_actors() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'actors', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'actors', n.tenant_id, n."id", n."subject", n."role", n."client", n."name"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON actors
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_actors();
CREATE FUNCTION seal_actors() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'actors', NEW.tenant_id, NEW."id", NEW."subject", NEW."role", NEW."client", NEW."name"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'actors' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'actors', OLD.tenant_id, OLD."id", OLD."subject", OLD."role", OLD."client", OLD."name"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'actors' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'actors', OLD.tenant_id, OLD."id", OLD."subject", OLD."role", OLD."client", OLD."name"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "subject", "role", "client", "name" ON actors
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_actors();
CREATE TRIGGER seal_deleted AFTER DELETE ON actors
    FOR EACH ROW EXECUTE FUNCTION seal_actors();

-- audit_events
ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'audit_events', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'audit_events', n.tenant_id, n."id", n."action", n."subject_id", n."customer_id", n."actor_id",
        n."details"::text, n."note", n."request_id", n."address", (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM audit_events r) n
ON CONFLICT DO NOTHING;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_audit_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'audit_events', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'audit_events', n.tenant_id, n."id", n."action", n."subject_id", n."customer_id", n."actor_id",
            n."details"::text, n."note", n."request_id", n."address",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON audit_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_audit_events();
CREATE FUNCTION seal_audit_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'audit_events', NEW.tenant_id, NEW."id", NEW."action", NEW."subject_id", NEW."customer_id",
                NEW."actor_id", NEW."details"::text, NEW."note", NEW."request_id", NEW."address",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'audit_events' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'audit_events', OLD.tenant_id, OLD."id", OLD."action", OLD."subject_id", OLD."customer_id",
                OLD."actor_id", OLD."details"::text, OLD."note", OLD."request_id", OLD."address",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'audit_events' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'audit_events', OLD.tenant_id, OLD."id", OLD."action", OLD."subject_id", OLD."customer_id",
                OLD."actor_id", OLD."details"::text, OLD."note", OLD."request_id", OLD."address",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "action", "subject_id", "customer_id", "actor_id", "details", "note", "request_id", "address",
        "created_at"
    ON audit_events
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_audit_events();
CREATE TRIGGER seal_deleted AFTER DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION seal_audit_events();

-- customers
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'customers', n.id, NULL, 1,
    sha256(n.fresh_salt || convert_to(json_build_array(
        'customers', n.tenant_id, n."id", n."external_id", n."name", n."email",
        (extract(epoch FROM n."membership_started_at") * 1000000)::bigint,
        (extract(epoch FROM n."membership_cancelled_at") * 1000000)::bigint, n."merged_into_id",
        (extract(epoch FROM n."merged_at") * 1000000)::bigint, (extract(epoch FROM n."erased_at") * 1000000)::bigint,
        (extract(epoch FROM n."created_at") * 1000000)::bigint, (extract(epoch FROM n."updated_at") * 1000000)::bigint,
        (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM customers r) n
ON CONFLICT DO NOTHING;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_customers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'customers', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'customers', n.tenant_id, n."id", n."external_id", n."name", n."email",
            (extract(epoch FROM n."membership_started_at") * 1000000)::bigint,
            (extract(epoch FROM n."membership_cancelled_at") * 1000000)::bigint, n."merged_into_id",
            (extract(epoch FROM n."merged_at") * 1000000)::bigint,
            (extract(epoch FROM n."erased_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."updated_at") * 1000000)::bigint,
            (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON customers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_customers();
CREATE FUNCTION seal_customers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'customers', NEW.tenant_id, NEW."id", NEW."external_id", NEW."name", NEW."email",
                (extract(epoch FROM NEW."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."membership_cancelled_at") * 1000000)::bigint, NEW."merged_into_id",
                (extract(epoch FROM NEW."merged_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."erased_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."updated_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."external_id_since") * 1000000)::bigint, NEW."external_id_reused"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'customers' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'customers', OLD.tenant_id, OLD."id", OLD."external_id", OLD."name", OLD."email",
                (extract(epoch FROM OLD."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."membership_cancelled_at") * 1000000)::bigint, OLD."merged_into_id",
                (extract(epoch FROM OLD."merged_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."erased_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."updated_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'customers' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'customers', OLD.tenant_id, OLD."id", OLD."external_id", OLD."name", OLD."email",
                (extract(epoch FROM OLD."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."membership_cancelled_at") * 1000000)::bigint, OLD."merged_into_id",
                (extract(epoch FROM OLD."merged_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."erased_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."updated_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "external_id", "name", "email", "membership_started_at", "membership_cancelled_at", "merged_into_id",
        "merged_at", "erased_at", "created_at", "updated_at", "external_id_since", "external_id_reused"
    ON customers
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_customers();
CREATE TRIGGER seal_deleted AFTER DELETE ON customers
    FOR EACH ROW EXECUTE FUNCTION seal_customers();

-- external_ids_left
ALTER TABLE external_ids_left NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'external_ids_left', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'external_ids_left', n.tenant_id, n."id", (extract(epoch FROM n."left_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM external_ids_left r) n
ON CONFLICT DO NOTHING;
ALTER TABLE external_ids_left FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_external_ids_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'external_ids_left', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'external_ids_left', n.tenant_id, n."id", (extract(epoch FROM n."left_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON external_ids_left
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_external_ids_left();
CREATE FUNCTION seal_external_ids_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'external_ids_left', NEW.tenant_id, NEW."id", (extract(epoch FROM NEW."left_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'external_ids_left' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'external_ids_left', OLD.tenant_id, OLD."id", (extract(epoch FROM OLD."left_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'external_ids_left' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'external_ids_left', OLD.tenant_id, OLD."id", (extract(epoch FROM OLD."left_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "left_at" ON external_ids_left
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_external_ids_left();
CREATE TRIGGER seal_deleted AFTER DELETE ON external_ids_left
    FOR EACH ROW EXECUTE FUNCTION seal_external_ids_left();

-- partner_tokens
ALTER TABLE partner_tokens NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'partner_tokens', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'partner_tokens', n.tenant_id, n."id", n."client", n."name", n."scope", encode(n."secret_hash", 'hex'),
        n."replaces_id", n."created_by_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
        (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."revoked_by_id",
        (extract(epoch FROM n."revoked_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM partner_tokens r) n
ON CONFLICT DO NOTHING;
ALTER TABLE partner_tokens FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_partner_tokens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'partner_tokens', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'partner_tokens', n.tenant_id, n."id", n."client", n."name", n."scope", encode(n."secret_hash", 'hex'),
            n."replaces_id", n."created_by_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."revoked_by_id",
            (extract(epoch FROM n."revoked_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON partner_tokens
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_partner_tokens();
CREATE FUNCTION seal_partner_tokens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'partner_tokens', NEW.tenant_id, NEW."id", NEW."client", NEW."name", NEW."scope",
                encode(NEW."secret_hash", 'hex'), NEW."replaces_id", NEW."created_by_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."revoked_by_id",
                (extract(epoch FROM NEW."revoked_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'partner_tokens' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'partner_tokens', OLD.tenant_id, OLD."id", OLD."client", OLD."name", OLD."scope",
                encode(OLD."secret_hash", 'hex'), OLD."replaces_id", OLD."created_by_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."revoked_by_id",
                (extract(epoch FROM OLD."revoked_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'partner_tokens' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'partner_tokens', OLD.tenant_id, OLD."id", OLD."client", OLD."name", OLD."scope",
                encode(OLD."secret_hash", 'hex'), OLD."replaces_id", OLD."created_by_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."revoked_by_id",
                (extract(epoch FROM OLD."revoked_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "client", "name", "scope", "secret_hash", "replaces_id", "created_by_id", "created_at", "expires_at",
        "revoked_by_id", "revoked_at"
    ON partner_tokens
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_partner_tokens();
CREATE TRIGGER seal_deleted AFTER DELETE ON partner_tokens
    FOR EACH ROW EXECUTE FUNCTION seal_partner_tokens();

-- tenants
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.id, 'tenants', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
        (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
        (extract(epoch FROM n."created_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM tenants r) n
ON CONFLICT DO NOTHING;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_tenants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.id, 'tenants', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON tenants
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tenants();
CREATE FUNCTION seal_tenants() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "slug", "name", "time_zone", "grace_days", "approval_hours", "keys_pruned_at", "created_at"
    ON tenants
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tenants();
CREATE TRIGGER seal_deleted AFTER DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION seal_tenants();

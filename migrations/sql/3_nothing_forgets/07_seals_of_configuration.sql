-- Seals of the configuration.
--
-- 06_seals_of_people.sql explains what a seal is, and each part of this file.

-- currencies
ALTER TABLE currencies NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'currencies', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'currencies', n.tenant_id, n."id", n."code", n."exponent",
        (extract(epoch FROM n."first_used_at") * 1000000)::bigint
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM currencies r) n
ON CONFLICT DO NOTHING;
ALTER TABLE currencies FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_currencies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'currencies', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'currencies', n.tenant_id, n."id", n."code", n."exponent",
            (extract(epoch FROM n."first_used_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON currencies
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_currencies();
CREATE FUNCTION seal_currencies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'currencies', NEW.tenant_id, NEW."id", NEW."code", NEW."exponent",
                (extract(epoch FROM NEW."first_used_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'currencies' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'currencies', OLD.tenant_id, OLD."id", OLD."code", OLD."exponent",
                (extract(epoch FROM OLD."first_used_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'currencies' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'currencies', OLD.tenant_id, OLD."id", OLD."code", OLD."exponent",
                (extract(epoch FROM OLD."first_used_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "code", "exponent", "first_used_at" ON currencies
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_currencies();
CREATE TRIGGER seal_deleted AFTER DELETE ON currencies
    FOR EACH ROW EXECUTE FUNCTION seal_currencies();

-- limit_rules
ALTER TABLE limit_rules NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'limit_rules', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
        n."per_actor_day"::text, n."per_customer_day"::text
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM limit_rules r) n
ON CONFLICT DO NOTHING;
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_limit_rules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'limit_rules', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
            n."per_actor_day"::text, n."per_customer_day"::text
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON limit_rules
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_limit_rules();
CREATE FUNCTION seal_limit_rules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'limit_rules', NEW.tenant_id, NEW."id", NEW."role", NEW."asset", NEW."holder",
                NEW."per_adjustment"::text, NEW."per_actor_day"::text, NEW."per_customer_day"::text
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "role", "asset", "holder", "per_adjustment", "per_actor_day", "per_customer_day"
    ON limit_rules
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_limit_rules();
CREATE TRIGGER seal_deleted AFTER DELETE ON limit_rules
    FOR EACH ROW EXECUTE FUNCTION seal_limit_rules();

-- products
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'products', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM products r) n
ON CONFLICT DO NOTHING;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_products() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'products', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON products
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_products();
CREATE FUNCTION seal_products() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'products', NEW.tenant_id, NEW."id", NEW."name", NEW."kind", NEW."currency", NEW."price_minor",
                NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "name", "kind", "currency", "price_minor", "active" ON products
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_products();
CREATE TRIGGER seal_deleted AFTER DELETE ON products
    FOR EACH ROW EXECUTE FUNCTION seal_products();

-- reasons
ALTER TABLE reasons NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'reasons', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'reasons', n.tenant_id, n."id", n."code", n."label", n."adds", n."removes", n."moves_lifetime",
        n."note_required", n."active"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM reasons r) n
ON CONFLICT DO NOTHING;
ALTER TABLE reasons FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_reasons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'reasons', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'reasons', n.tenant_id, n."id", n."code", n."label", n."adds", n."removes", n."moves_lifetime",
            n."note_required", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON reasons
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_reasons();
CREATE FUNCTION seal_reasons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'reasons', NEW.tenant_id, NEW."id", NEW."code", NEW."label", NEW."adds", NEW."removes",
                NEW."moves_lifetime", NEW."note_required", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reasons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reasons', OLD.tenant_id, OLD."id", OLD."code", OLD."label", OLD."adds", OLD."removes",
                OLD."moves_lifetime", OLD."note_required", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reasons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reasons', OLD.tenant_id, OLD."id", OLD."code", OLD."label", OLD."adds", OLD."removes",
                OLD."moves_lifetime", OLD."note_required", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "code", "label", "adds", "removes", "moves_lifetime", "note_required", "active"
    ON reasons
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_reasons();
CREATE TRIGGER seal_deleted AFTER DELETE ON reasons
    FOR EACH ROW EXECUTE FUNCTION seal_reasons();

-- rewards
ALTER TABLE rewards NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'rewards', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'rewards', n.tenant_id, n."id", n."name", n."kind", n."value"::text, n."currency", n."product",
        n."points_cost_minor", n."validity_days", n."stock", n."active"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM rewards r) n
ON CONFLICT DO NOTHING;
ALTER TABLE rewards FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_rewards() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'rewards', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'rewards', n.tenant_id, n."id", n."name", n."kind", n."value"::text, n."currency", n."product",
            n."points_cost_minor", n."validity_days", n."stock", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON rewards
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_rewards();
CREATE FUNCTION seal_rewards() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'rewards', NEW.tenant_id, NEW."id", NEW."name", NEW."kind", NEW."value"::text, NEW."currency",
                NEW."product", NEW."points_cost_minor", NEW."validity_days", NEW."stock", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'rewards' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'rewards', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."value"::text, OLD."currency",
                OLD."product", OLD."points_cost_minor", OLD."validity_days", OLD."stock", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'rewards' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'rewards', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."value"::text, OLD."currency",
                OLD."product", OLD."points_cost_minor", OLD."validity_days", OLD."stock", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "name", "kind", "value", "currency", "product", "points_cost_minor", "validity_days", "stock", "active"
    ON rewards
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_rewards();
CREATE TRIGGER seal_deleted AFTER DELETE ON rewards
    FOR EACH ROW EXECUTE FUNCTION seal_rewards();

-- services
ALTER TABLE services NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'services', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'services', n.tenant_id, n."id", n."name", n."active"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM services r) n
ON CONFLICT DO NOTHING;
ALTER TABLE services FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_services() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'services', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'services', n.tenant_id, n."id", n."name", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON services
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_services();
CREATE FUNCTION seal_services() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'services', NEW.tenant_id, NEW."id", NEW."name", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'services', OLD.tenant_id, OLD."id", OLD."name", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'services', OLD.tenant_id, OLD."id", OLD."name", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "name", "active" ON services
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_services();
CREATE TRIGGER seal_deleted AFTER DELETE ON services
    FOR EACH ROW EXECUTE FUNCTION seal_services();

-- tiers
ALTER TABLE tiers NO FORCE ROW LEVEL SECURITY;
INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
SELECT n.tenant_id, 'tiers', n.id, NULL, 1,
    sha256(convert_to(json_build_array(
        'tiers', n.tenant_id, n."id", n."name", n."threshold_minor"
    )::text, 'UTF8')),
    n.fresh_salt, now()
FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM tiers r) n
ON CONFLICT DO NOTHING;
ALTER TABLE tiers FORCE ROW LEVEL SECURITY;
CREATE FUNCTION seal_added_tiers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'tiers', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tiers', n.tenant_id, n."id", n."name", n."threshold_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON tiers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tiers();
CREATE FUNCTION seal_tiers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tiers', NEW.tenant_id, NEW."id", NEW."name", NEW."threshold_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tiers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tiers', OLD.tenant_id, OLD."id", OLD."name", OLD."threshold_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tiers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tiers', OLD.tenant_id, OLD."id", OLD."name", OLD."threshold_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF "id", "name", "threshold_minor" ON tiers
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tiers();
CREATE TRIGGER seal_deleted AFTER DELETE ON tiers
    FOR EACH ROW EXECUTE FUNCTION seal_tiers();

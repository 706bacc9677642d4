-- Tenants whose requests are refused until they are let in again.

-- suspended_at: since when, or null.
ALTER TABLE tenants ADD COLUMN suspended_at timestamptz;

-- Its seal covers that as well. Those of the tenants that there are are renewed if they fit.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies"
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint
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
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint
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
                (extract(epoch FROM NEW."suspended_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON tenants;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "slug", "name", "time_zone", "grace_days", "approval_hours", "keys_pruned_at", "created_at", "key_days",
        "limited_currencies", "suspended_at"
    ON tenants
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_tenants();

-- Idempotency keys belong to a client, and are pruned by age.
--
-- A key so far belongs to the client of what it made. Where that cannot be told it answers to everybody (`shared`): it lies
-- among people's keys, and partners' are looked for there as well.

-- client: whose it is; '' for people's. shared: whether it answers to every client. kept: whether it is never pruned.
ALTER TABLE idempotency_keys ADD COLUMN client varchar(255) NOT NULL DEFAULT '';
ALTER TABLE idempotency_keys ADD COLUMN shared boolean NOT NULL DEFAULT false;
ALTER TABLE idempotency_keys ADD COLUMN kept boolean NOT NULL DEFAULT false;

-- For how long a key is kept.
ALTER TABLE tenants ADD COLUMN key_days int NOT NULL DEFAULT 90;
ALTER TABLE tenants ADD CONSTRAINT tenants_key_days CHECK (key_days BETWEEN 30 AND 36500);

-- With what the tables hold of all tenants in sight of their owner.
ALTER TABLE actors NO FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_requests NO FORCE ROW LEVEL SECURITY;
ALTER TABLE bulk_operations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE payments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;

-- An approval's transaction is the requester's, its key whoever's who approved. Of a bulk's chunk, only its bulk is told.
UPDATE idempotency_keys k SET client = coalesce(w.client, ''), shared = w.client IS NULL
FROM (
    SELECT k.tenant_id, k.key, CASE WHEN a.role <> 'PARTNER' THEN '' WHEN a.client <> '' THEN a.client ELSE a.subject END
        AS client
    FROM idempotency_keys k
    LEFT JOIN transactions t ON t.tenant_id = k.tenant_id AND t.id = k.result_id
    LEFT JOIN approval_requests r ON r.tenant_id = k.tenant_id AND r.id = k.result_id
    LEFT JOIN bulk_operations b ON b.tenant_id = k.tenant_id
        AND b.id::text = CASE WHEN k.key LIKE 'bulk:%' THEN split_part(k.key, ':', 2) ELSE k.result_id::text END
    LEFT JOIN invoices i ON i.tenant_id = k.tenant_id AND i.id = k.result_id
    LEFT JOIN payments p ON p.tenant_id = k.tenant_id AND p.id = k.result_id
    LEFT JOIN (
        SELECT DISTINCT ON (tenant_id, idempotency_key) tenant_id, idempotency_key, actor_id, approved_by_id
        FROM transactions WHERE idempotency_key IS NOT NULL ORDER BY tenant_id, idempotency_key, id
    ) m ON m.tenant_id = k.tenant_id AND m.idempotency_key = k.key
    LEFT JOIN actors a ON a.tenant_id = k.tenant_id AND a.id = CASE k.operation
        WHEN 'approveRequest' THEN coalesce(t.approved_by_id, m.approved_by_id)
        ELSE coalesce(t.actor_id, r.requested_by_id, b.actor_id, i.actor_id, p.actor_id, m.actor_id) END
) w
WHERE w.tenant_id = k.tenant_id AND w.key = k.key AND w.client IS DISTINCT FROM '';
UPDATE idempotency_keys SET kept = true WHERE operation IN ('bulkCredit', 'importCredits')
    OR key LIKE 'bulk:%' OR key LIKE 'online-retail/%' OR key LIKE 'demo/%';

ALTER TABLE actors FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_requests FORCE ROW LEVEL SECURITY;
ALTER TABLE bulk_operations FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;

-- Without defaults: a server of before, which knows no clients, would claim in people's name space what others have.
ALTER TABLE idempotency_keys ALTER COLUMN client DROP DEFAULT;
ALTER TABLE idempotency_keys ALTER COLUMN shared DROP DEFAULT;
ALTER TABLE idempotency_keys ALTER COLUMN kept DROP DEFAULT;
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key, client);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_shared CHECK (NOT shared OR client = '');
CREATE INDEX idempotency_keys_pruned ON idempotency_keys (tenant_id, created_at) WHERE NOT kept;

-- What a key's seal covers from here on; where it fits, the seals so far as well. A key is rightly gone in the transaction
-- that claimed it, by a bulk that failed as a whole, or by age, which the tenant's row tells of: of any other, the seal
-- stays.
ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = substr(encode(sha256(convert_to(json_build_array(n.key, n.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid,
    digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'idempotency_keys', n.tenant_id, n."key", n."operation", encode(n."input_hash", 'hex'), n."result_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'idempotency_keys', n.tenant_id, n."key", n."client", n."shared", n."kept", n."operation",
            encode(n."input_hash", 'hex'), n."result_id", (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8'))
        ELSE s.digest END
FROM idempotency_keys n
WHERE s.tenant_id = n.tenant_id AND s.of_table = 'idempotency_keys'
    AND s.id = substr(encode(sha256(convert_to(n.key, 'UTF8')), 'hex'), 1, 32)::uuid;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'idempotency_keys',
        substr(encode(sha256(convert_to(json_build_array(n.key, n.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid,
        n.key, 1,
        sha256(convert_to(json_build_array(
            'idempotency_keys', n.tenant_id, n."key", n."client", n."shared", n."kept", n."operation",
            encode(n."input_hash", 'hex'), n."result_id", (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'idempotency_keys', NEW.tenant_id, NEW."key", NEW."client", NEW."shared", NEW."kept", NEW."operation",
                encode(NEW."input_hash", 'hex'), NEW."result_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(json_build_array(OLD.key, OLD.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."client", OLD."shared", OLD."kept", OLD."operation",
                encode(OLD."input_hash", 'hex'), OLD."result_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(json_build_array(OLD.key, OLD.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."client", OLD."shared", OLD."kept", OLD."operation",
                encode(OLD."input_hash", 'hex'), OLD."result_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'))
            AND (s.sealed_at = now()
                OR EXISTS (SELECT FROM bulk_operations b
                    WHERE b.tenant_id = OLD.tenant_id AND b.id = OLD.result_id AND b.status = 'FAILED')
                OR NOT OLD.kept AND EXISTS (SELECT FROM tenants t WHERE t.id = OLD.tenant_id AND OLD.created_at < t.keys_pruned_at)
                    AND NOT EXISTS (SELECT FROM approval_requests r
                        WHERE r.tenant_id = OLD.tenant_id AND r.id = OLD.result_id AND r.status = 'PENDING'));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON idempotency_keys;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "key", "client", "shared", "kept", "operation", "input_hash", "result_id", "created_at"
    ON idempotency_keys
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_idempotency_keys();

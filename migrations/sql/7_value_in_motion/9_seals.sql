-- Checkpoints: what is on every account at an instant, in a signed text, and the tree of hashes that its root is of.

-- until: all that was stamped before it is in it. size: accounts in the tree. position: of the last event in it. note: the signed
-- text. keys: the public keys of those that signed it. kept_at: when it was brought where it is kept.
CREATE TABLE checkpoints (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    number     bigint NOT NULL,
    until      timestamptz NOT NULL,
    size       bigint NOT NULL,
    root       bytea NOT NULL,
    position   bigint NOT NULL,
    note       varchar(10000) NOT NULL,
    keys       varchar(10000) NOT NULL,
    created_at timestamptz NOT NULL,
    kept_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT checkpoints_number_key UNIQUE (tenant_id, number),
    CONSTRAINT checkpoints_number CHECK (number >= 1),
    CONSTRAINT checkpoints_size CHECK (size >= 0),
    CONSTRAINT checkpoints_root CHECK (octet_length(root) = 32),
    CONSTRAINT checkpoints_position CHECK (position >= 0)
);
ALTER TABLE checkpoints ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX checkpoints_unkept ON checkpoints (tenant_id, number) WHERE kept_at IS NULL;
ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoints
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- How far a tenant's tree has come. number: of the last checkpoint. size: accounts in the tiles. until: of that checkpoint.
-- next_until, position: of the one under way, if there is one: accounts up to `reached` are done. anew: whether its tiles are
-- staged, to take the others' place; staged: accounts in them; matched: how many of these are in the others. heads_in: whether
-- the tree is done, and compared with the books up to `reached`.
CREATE TABLE checkpoint_trees (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    number     bigint NOT NULL,
    size       bigint NOT NULL,
    until      timestamptz NOT NULL,
    next_until timestamptz,
    position   bigint,
    anew       boolean NOT NULL,
    reached    uuid NOT NULL,
    staged     bigint NOT NULL,
    matched    bigint NOT NULL,
    heads_in   boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT checkpoint_trees_own CHECK (id = tenant_id),
    CONSTRAINT checkpoint_trees_next CHECK ((next_until IS NULL) = (position IS NULL))
);
ALTER TABLE checkpoint_trees ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE checkpoint_trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoint_trees FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoint_trees
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- The tree in tiles of 32 hashes: the leaves' at level 0, with their accounts (keys: their ids, one after the other); above, the
-- roots of 32 tiles; at level 64 those that take the place of level 0. n: which of its level. id: of the first account in it or below it.
CREATE TABLE checkpoint_tiles (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    level     smallint NOT NULL,
    n         bigint NOT NULL,
    keys      bytea NOT NULL,
    hashes    bytea NOT NULL,
    root      bytea NOT NULL,
    PRIMARY KEY (tenant_id, level, n),
    CONSTRAINT checkpoint_tiles_width CHECK (octet_length(hashes) BETWEEN 32 AND 1024
        AND octet_length(hashes) % 32 = 0 AND octet_length(root) = 32),
    CONSTRAINT checkpoint_tiles_keys CHECK (octet_length(keys) = CASE WHEN level IN (0, 64) THEN octet_length(hashes) / 2 ELSE 0 END)
) WITH (fillfactor = 70);
ALTER TABLE checkpoint_tiles ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX checkpoint_tiles_account ON checkpoint_tiles (tenant_id, id) WHERE level = 0;
ALTER TABLE checkpoint_tiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoint_tiles FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoint_tiles
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_checkpoints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'checkpoints', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'checkpoints', n.tenant_id, n."id", n."number", (extract(epoch FROM n."until") * 1000000)::bigint,
            n."size", encode(n."root", 'hex'), n."position", n."note", n."keys",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON checkpoints
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_checkpoints();
CREATE FUNCTION seal_checkpoints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'checkpoints', NEW.tenant_id, NEW."id", NEW."number",
                (extract(epoch FROM NEW."until") * 1000000)::bigint, NEW."size", encode(NEW."root", 'hex'),
                NEW."position", NEW."note", NEW."keys", (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'checkpoints' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'checkpoints', OLD.tenant_id, OLD."id", OLD."number",
                (extract(epoch FROM OLD."until") * 1000000)::bigint, OLD."size", encode(OLD."root", 'hex'),
                OLD."position", OLD."note", OLD."keys", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'checkpoints' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'checkpoints', OLD.tenant_id, OLD."id", OLD."number",
                (extract(epoch FROM OLD."until") * 1000000)::bigint, OLD."size", encode(OLD."root", 'hex'),
                OLD."position", OLD."note", OLD."keys", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "number", "until", "size", "root", "position", "note", "keys", "created_at"
    ON checkpoints
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_checkpoints();
CREATE TRIGGER seal_deleted AFTER DELETE ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION seal_checkpoints();

-- The feed tells of each checkpoint.
ALTER TABLE feed DROP CONSTRAINT feed_kind;
ALTER TABLE feed ADD CONSTRAINT feed_kind CHECK (kind IN (
    'CREDIT_ADJUSTED', 'CREDIT_ASSIGNED', 'CREDIT_RELEASED', 'CREDIT_EXPIRED', 'CREDIT_EXPIRING', 'CREDIT_VOIDED',
    'CREDIT_UPDATED', 'CREDIT_USED', 'CREDIT_SPENT', 'CREDIT_REFUNDED', 'CREDIT_HELD', 'HOLD_LAPSED',
    'CREDIT_SOLD', 'CREDIT_KEPT', 'CREDIT_NOTED', 'CREDIT_NOTE_VOIDED', 'CREDIT_TRANSFERRED', 'CREDIT_REVIVED',
    'CREDIT_REVERSED', 'CREDIT_MERGED', 'LIFETIME_RESTATED', 'REWARD_GIVEN', 'TIER_CHANGED', 'COUPON_ISSUED',
    'COUPON_USED', 'COUPON_REOPENED', 'COUPON_DISABLED', 'INVOICE_ISSUED', 'INVOICE_PAID', 'INVOICE_VOIDED',
    'ORDER_PAID', 'PAYMENT_RECORDED', 'PAYMENT_VOIDED', 'APPROVAL_REQUESTED', 'APPROVAL_APPROVED',
    'APPROVAL_REJECTED', 'APPROVAL_WITHDRAWN', 'APPROVAL_EXPIRED', 'BULK_FINISHED', 'CUSTOMER_CREATED',
    'CUSTOMER_UPDATED', 'CUSTOMER_MERGED', 'CUSTOMER_ERASED', 'MEMBERSHIP_CHANGED', 'LIMIT_CHANGED',
    'REASON_CHANGED', 'TOKEN_CHANGED', 'SETTINGS_CHANGED', 'CHECKPOINT_MADE'));

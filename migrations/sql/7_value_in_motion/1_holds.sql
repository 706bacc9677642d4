-- Holds: value set aside until an instant, credit by credit.

-- How long anything may be held on the account; none is held from that instant on.
ALTER TABLE accounts ADD COLUMN held_until timestamptz;

-- The sweep writes off what is not held, so something may be left of a credit that was swept.
ALTER TABLE credits DROP CONSTRAINT credits_closed;
ALTER TABLE credits ADD CONSTRAINT credits_closed CHECK (remaining_minor = 0 OR voided_at IS NULL);

-- id: of the transaction that placed it. account_id: where that was; home_id: where it is, after merges. held_minor: what was
-- neither captured nor let go; it is held until expires_at.
CREATE TABLE holds (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    home_id        uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    held_minor     bigint NOT NULL,
    captured_minor bigint NOT NULL,
    invoice_id     uuid,
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, home_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT holds_amount CHECK (amount_minor >= 1 AND held_minor >= 0 AND captured_minor >= 0
        AND held_minor + captured_minor <= amount_minor),
    -- On an account whose newest entry is ahead, a hold is placed at that one's time, and may end before it.
    CONSTRAINT holds_expiry CHECK (expires_at - created_at <= interval '30 days')
) WITH (fillfactor=85);
ALTER TABLE holds ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX holds_account ON holds (tenant_id, account_id, created_at, id);
CREATE INDEX holds_expiry ON holds (tenant_id, expires_at);
CREATE INDEX holds_live ON holds (tenant_id, home_id, expires_at) WHERE held_minor > 0;
CREATE INDEX holds_time ON holds (tenant_id, created_at, id);

-- What a transaction has set aside of one credit for a hold; captured of it or let go, below zero; 0 where it has given the
-- hold another expiry. expires_at: the hold's from then on.
CREATE TABLE hold_lots (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    hold_id        uuid NOT NULL,
    transaction_id uuid NOT NULL,
    account_id     uuid NOT NULL,
    credit_id      uuid NOT NULL,
    position       bigint NOT NULL,
    amount_minor   bigint NOT NULL,
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, hold_id) REFERENCES holds (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    CONSTRAINT hold_lots_position CHECK (position >= 0)
);
ALTER TABLE hold_lots ALTER COLUMN tenant_id SET (n_distinct = 1);
CREATE INDEX hold_lots_account ON hold_lots (tenant_id, account_id, created_at);
CREATE INDEX hold_lots_credit ON hold_lots (tenant_id, credit_id, created_at);
CREATE INDEX hold_lots_hold ON hold_lots (tenant_id, hold_id, created_at);
CREATE INDEX hold_lots_transaction ON hold_lots (tenant_id, transaction_id);
ALTER TABLE holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE holds FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON holds
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
ALTER TABLE hold_lots ENABLE ROW LEVEL SECURITY;
ALTER TABLE hold_lots FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON hold_lots
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hold_lots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of no credit more is held than is left of it, and of no hold more is taken than it holds. As of when a row was written, by
-- the ledger's time: later entries and rows are passed over, since a tenant's import adds them table by table.
CREATE FUNCTION hold_lots_fit() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.hold_id, n.credit_id INTO broken
    FROM added n
    WHERE CASE WHEN n.amount_minor > 0 THEN (
            SELECT sum(l.amount_minor) FROM hold_lots l JOIN holds h ON h.tenant_id = l.tenant_id AND h.id = l.hold_id
            WHERE l.tenant_id = n.tenant_id AND l.credit_id = n.credit_id AND l.created_at <= n.created_at
                AND l.created_at >= n.created_at - interval '720 hours' AND h.expires_at > n.created_at
        ) > (
            SELECT c.remaining_minor FROM credits c
            WHERE c.tenant_id = n.tenant_id AND c.id = n.credit_id AND NOT EXISTS (
                SELECT FROM entries e
                WHERE e.tenant_id = n.tenant_id AND e.credit_id = n.credit_id AND e.created_at > n.created_at)
        ) WHEN n.amount_minor < 0 THEN (
            SELECT sum(l.amount_minor) FROM hold_lots l
            WHERE l.tenant_id = n.tenant_id AND l.hold_id = n.hold_id AND l.position = n.position
                AND l.credit_id = n.credit_id
        ) < 0 ELSE false END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the hold % does not fit credit %', broken.hold_id, broken.credit_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fits AFTER INSERT ON hold_lots
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hold_lots_fit();

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'holds', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'holds', n.tenant_id, n."id", n."account_id", n."home_id", n."amount_minor", n."invoice_id",
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON holds
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_holds();
CREATE FUNCTION seal_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'holds', NEW.tenant_id, NEW."id", NEW."account_id", NEW."home_id", NEW."amount_minor", NEW."invoice_id",
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'holds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'holds', OLD.tenant_id, OLD."id", OLD."account_id", OLD."home_id", OLD."amount_minor", OLD."invoice_id",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'holds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'holds', OLD.tenant_id, OLD."id", OLD."account_id", OLD."home_id", OLD."amount_minor", OLD."invoice_id",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "account_id", "home_id", "amount_minor", "invoice_id", "expires_at", "created_at"
    ON holds
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_holds();
CREATE TRIGGER seal_deleted AFTER DELETE ON holds
    FOR EACH ROW EXECUTE FUNCTION seal_holds();
CREATE FUNCTION seal_added_hold_lots() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'hold_lots', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'hold_lots', n.tenant_id, n."id", n."hold_id", n."transaction_id", n."account_id", n."credit_id",
            n."position", n."amount_minor", (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON hold_lots
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_hold_lots();
CREATE FUNCTION seal_hold_lots() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'hold_lots', NEW.tenant_id, NEW."id", NEW."hold_id", NEW."transaction_id", NEW."account_id",
                NEW."credit_id", NEW."position", NEW."amount_minor",
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'hold_lots' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'hold_lots', OLD.tenant_id, OLD."id", OLD."hold_id", OLD."transaction_id", OLD."account_id",
                OLD."credit_id", OLD."position", OLD."amount_minor",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'hold_lots' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'hold_lots', OLD.tenant_id, OLD."id", OLD."hold_id", OLD."transaction_id", OLD."account_id",
                OLD."credit_id", OLD."position", OLD."amount_minor",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "hold_id", "transaction_id", "account_id", "credit_id", "position", "amount_minor", "expires_at",
        "created_at"
    ON hold_lots
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_hold_lots();
CREATE TRIGGER seal_deleted AFTER DELETE ON hold_lots
    FOR EACH ROW EXECUTE FUNCTION seal_hold_lots();

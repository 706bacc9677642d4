-- Transfers between customers, and revivals of what has expired.

ALTER TABLE entries DROP CONSTRAINT entries_counter;
ALTER TABLE entries ADD CONSTRAINT entries_counter CHECK (CASE
    WHEN counter = 'ISSUED' THEN amount_minor > 0
    WHEN counter = 'REMOVED' THEN amount_minor < 0
    ELSE counter IN ('EXPIRED', 'INVOICES', 'REDEEMED', 'ORDERS', 'MERGED', 'NOTES', 'SPENT', 'TRANSFERRED', 'RESTATED')
    END);

-- A transfer's two transactions. id: of the one that took; received_id: of the one that gave.
CREATE TABLE transfers (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    received_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, received_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT transfers_received_key UNIQUE (tenant_id, received_id)
);
ALTER TABLE transfers ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE transfers ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transfers
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'transfers', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'transfers', n.tenant_id, n."id", n."received_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_transfers();
CREATE FUNCTION seal_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'transfers', NEW.tenant_id, NEW."id", NEW."received_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transfers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transfers', OLD.tenant_id, OLD."id", OLD."received_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transfers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transfers', OLD.tenant_id, OLD."id", OLD."received_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "received_id"
    ON transfers
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_transfers();
CREATE TRIGGER seal_deleted AFTER DELETE ON transfers
    FOR EACH ROW EXECUTE FUNCTION seal_transfers();

-- A credit that a transfer has opened, under its own id. from_id: the credit that it was taken from; source_id: the
-- transaction that first gave the value.
CREATE TABLE transferred_credits (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    transfer_id uuid NOT NULL,
    from_id     uuid NOT NULL,
    source_id   uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, transfer_id) REFERENCES transfers (tenant_id, id),
    FOREIGN KEY (tenant_id, from_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES transactions (tenant_id, id)
);
ALTER TABLE transferred_credits ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE transferred_credits ENABLE ROW LEVEL SECURITY;
ALTER TABLE transferred_credits FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transferred_credits
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transferred_credits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION seal_added_transferred_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'transferred_credits', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'transferred_credits', n.tenant_id, n."id", n."transfer_id", n."from_id", n."source_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON transferred_credits
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_transferred_credits();
CREATE FUNCTION seal_transferred_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'transferred_credits', NEW.tenant_id, NEW."id", NEW."transfer_id", NEW."from_id", NEW."source_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transferred_credits' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transferred_credits', OLD.tenant_id, OLD."id", OLD."transfer_id", OLD."from_id", OLD."source_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transferred_credits' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transferred_credits', OLD.tenant_id, OLD."id", OLD."transfer_id", OLD."from_id", OLD."source_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "transfer_id", "from_id", "source_id"
    ON transferred_credits
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_transferred_credits();
CREATE TRIGGER seal_deleted AFTER DELETE ON transferred_credits
    FOR EACH ROW EXECUTE FUNCTION seal_transferred_credits();

-- What expired and was put back. lot_id: the credit, or the first of those that it goes on for after merges: of all that
-- has expired of it, no two revivals begin at the same, and none goes past it. expired_at: its expiry before; if that had
-- passed, it was expired from then until revived_at.
CREATE TABLE revivals (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    transaction_id uuid NOT NULL,
    credit_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    lot_id         uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    expired_minor  bigint NOT NULL,
    before_minor   bigint NOT NULL,
    expired_at     timestamptz,
    revived_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES credits (tenant_id, id),
    CONSTRAINT revivals_lot_key UNIQUE (tenant_id, lot_id, before_minor),
    CONSTRAINT revivals_amount CHECK (amount_minor > 0 AND before_minor >= 0 AND before_minor + amount_minor <= expired_minor)
);
CREATE INDEX revivals_account ON revivals (tenant_id, account_id, revived_at);
CREATE INDEX revivals_time ON revivals (tenant_id, revived_at);
ALTER TABLE revivals ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE revivals ENABLE ROW LEVEL SECURITY;
ALTER TABLE revivals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON revivals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revivals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION seal_added_revivals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'revivals', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'revivals', n.tenant_id, n."id", n."transaction_id", n."credit_id", n."account_id", n."lot_id",
            n."amount_minor", n."expired_minor", n."before_minor", (extract(epoch FROM n."expired_at") * 1000000)::bigint,
            (extract(epoch FROM n."revived_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON revivals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_revivals();
CREATE FUNCTION seal_revivals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'revivals', NEW.tenant_id, NEW."id", NEW."transaction_id", NEW."credit_id", NEW."account_id",
                NEW."lot_id", NEW."amount_minor", NEW."expired_minor", NEW."before_minor", (extract(epoch FROM
                NEW."expired_at") * 1000000)::bigint, (extract(epoch FROM NEW."revived_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'revivals' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'revivals', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."credit_id", OLD."account_id",
                OLD."lot_id", OLD."amount_minor", OLD."expired_minor", OLD."before_minor", (extract(epoch FROM
                OLD."expired_at") * 1000000)::bigint, (extract(epoch FROM OLD."revived_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'revivals' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'revivals', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."credit_id", OLD."account_id",
                OLD."lot_id", OLD."amount_minor", OLD."expired_minor", OLD."before_minor", (extract(epoch FROM
                OLD."expired_at") * 1000000)::bigint, (extract(epoch FROM OLD."revived_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "transaction_id", "credit_id", "account_id", "lot_id", "amount_minor", "expired_minor", "before_minor",
        "expired_at", "revived_at"
    ON revivals
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_revivals();
CREATE TRIGGER seal_deleted AFTER DELETE ON revivals
    FOR EACH ROW EXECUTE FUNCTION seal_revivals();

-- Who is erased may be the receiver of a transfer that somebody asked for.
CREATE INDEX approval_requests_receiver ON approval_requests (tenant_id, (command->>'to_customer_id'))
    WHERE operation = 'transferCredit';

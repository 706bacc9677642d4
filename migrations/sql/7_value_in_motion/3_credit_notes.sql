-- Credit notes: what they take back of an invoice or order, and what they give back of what paid it.

-- due = total - noted - paid - credited. paid, credited: net of what notes gave back of payments and assignments.
ALTER TABLE invoices ADD COLUMN noted_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE invoices DROP CONSTRAINT invoices_sums;
ALTER TABLE invoices ADD CONSTRAINT invoices_sums CHECK (total_minor BETWEEN 0 AND 1000000000000000 AND paid_minor >= 0
    AND credited_minor >= 0 AND noted_minor >= 0 AND paid_minor + credited_minor + noted_minor <= total_minor);
ALTER TABLE invoices DROP CONSTRAINT invoices_creditable;
ALTER TABLE invoices ADD CONSTRAINT invoices_creditable CHECK (creditable_minor BETWEEN 0 AND total_minor
    AND credited_minor + noted_minor <= creditable_minor AND (kind = 'ORDER' OR creditable_minor = total_minor));
ALTER TABLE invoices DROP CONSTRAINT invoices_status;
ALTER TABLE invoices ADD CONSTRAINT invoices_status CHECK (CASE status
    WHEN 'OPEN' THEN paid_minor + credited_minor = 0 AND total_minor > noted_minor
    WHEN 'PART_PAID' THEN paid_minor + credited_minor BETWEEN 1 AND total_minor - noted_minor - 1
    WHEN 'PAID' THEN paid_minor + credited_minor = total_minor - noted_minor
    WHEN 'VOID' THEN credited_minor = 0
    ELSE false END);
ALTER TABLE payments ADD COLUMN noted_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD CONSTRAINT payments_noted CHECK (noted_minor = 0 OR (noted_minor BETWEEN 1 AND amount_minor
    AND transaction_id IS NULL AND voided_at IS NULL));
ALTER TABLE assignments ADD COLUMN noted_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD CONSTRAINT assignments_noted CHECK (noted_minor = 0
    OR (noted_minor BETWEEN 1 AND amount_minor AND released_at IS NULL));

-- id: of the transaction that made it. lowered_minor: the part that lowered what was due; the rest was given back.
-- credit_id: opened for what money had paid.
CREATE TABLE credit_notes (
    id                  uuid NOT NULL,
    tenant_id           uuid NOT NULL,
    invoice_id          uuid NOT NULL,
    amount_minor        bigint NOT NULL,
    lowered_minor       bigint NOT NULL,
    credit_id           uuid,
    created_at          timestamptz NOT NULL,
    voided_at           timestamptz,
    void_transaction_id uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, void_transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT credit_notes_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000
        AND lowered_minor BETWEEN 0 AND amount_minor AND (credit_id IS NULL OR lowered_minor < amount_minor)),
    CONSTRAINT credit_notes_voided CHECK ((voided_at IS NULL) = (void_transaction_id IS NULL))
);
CREATE INDEX credit_notes_invoice ON credit_notes (tenant_id, invoice_id, created_at, id);
ALTER TABLE credit_notes ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credit_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_notes
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE FUNCTION seal_added_credit_notes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_notes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_notes', n.tenant_id, n."id", n."invoice_id", n."amount_minor", n."lowered_minor", n."credit_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint, n."void_transaction_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON credit_notes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_notes();
CREATE FUNCTION seal_credit_notes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_notes', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."amount_minor", NEW."lowered_minor",
                NEW."credit_id", (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."void_transaction_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_notes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_notes', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."lowered_minor",
                OLD."credit_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."void_transaction_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_notes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_notes', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."lowered_minor",
                OLD."credit_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."void_transaction_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "invoice_id", "amount_minor", "lowered_minor", "credit_id", "created_at", "voided_at",
        "void_transaction_id"
    ON credit_notes
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credit_notes();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION seal_credit_notes();

-- What was given back of one assignment, or of one payment in money: to which credit. gone: it came back and expired at
-- once, or was reversed like the rest of a voided credit.
CREATE TABLE credit_note_parts (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    note_id       uuid NOT NULL,
    assignment_id uuid,
    payment_id    uuid,
    credit_id     uuid NOT NULL,
    amount_minor  bigint NOT NULL,
    gone          boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, note_id) REFERENCES credit_notes (tenant_id, id),
    FOREIGN KEY (tenant_id, assignment_id) REFERENCES assignments (tenant_id, id),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    CONSTRAINT credit_note_parts_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000
        AND num_nonnulls(assignment_id, payment_id) = 1)
);
CREATE INDEX credit_note_parts_note ON credit_note_parts (tenant_id, note_id);
ALTER TABLE credit_note_parts ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credit_note_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_note_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_note_parts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_parts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION seal_added_credit_note_parts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_note_parts', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_note_parts', n.tenant_id, n."id", n."note_id", n."assignment_id", n."payment_id", n."credit_id",
            n."amount_minor", n."gone"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON credit_note_parts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_note_parts();
CREATE FUNCTION seal_credit_note_parts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_note_parts', NEW.tenant_id, NEW."id", NEW."note_id", NEW."assignment_id", NEW."payment_id",
                NEW."credit_id", NEW."amount_minor", NEW."gone"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_parts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_parts', OLD.tenant_id, OLD."id", OLD."note_id", OLD."assignment_id", OLD."payment_id",
                OLD."credit_id", OLD."amount_minor", OLD."gone"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_parts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_parts', OLD.tenant_id, OLD."id", OLD."note_id", OLD."assignment_id", OLD."payment_id",
                OLD."credit_id", OLD."amount_minor", OLD."gone"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "note_id", "assignment_id", "payment_id", "credit_id", "amount_minor", "gone"
    ON credit_note_parts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credit_note_parts();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_note_parts
    FOR EACH ROW EXECUTE FUNCTION seal_credit_note_parts();

-- Lines that a note takes back a part of, if it names any.
CREATE TABLE credit_note_lines (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    note_id      uuid NOT NULL,
    line_id      uuid NOT NULL,
    quantity     numeric(20, 6),
    amount_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, note_id) REFERENCES credit_notes (tenant_id, id),
    FOREIGN KEY (tenant_id, line_id) REFERENCES invoice_lines (tenant_id, id),
    CONSTRAINT credit_note_lines_numbers CHECK (quantity > 0 AND amount_minor BETWEEN 0 AND 1000000000000000)
);
CREATE INDEX credit_note_lines_note ON credit_note_lines (tenant_id, note_id);
CREATE INDEX credit_note_lines_line ON credit_note_lines (tenant_id, line_id);
ALTER TABLE credit_note_lines ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credit_note_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_note_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_note_lines
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION seal_added_credit_note_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_note_lines', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_note_lines', n.tenant_id, n."id", n."note_id", n."line_id", n."quantity", n."amount_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON credit_note_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_note_lines();
CREATE FUNCTION seal_credit_note_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_note_lines', NEW.tenant_id, NEW."id", NEW."note_id", NEW."line_id", NEW."quantity",
                NEW."amount_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_lines', OLD.tenant_id, OLD."id", OLD."note_id", OLD."line_id", OLD."quantity",
                OLD."amount_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_lines', OLD.tenant_id, OLD."id", OLD."note_id", OLD."line_id", OLD."quantity",
                OLD."amount_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "note_id", "line_id", "quantity", "amount_minor"
    ON credit_note_lines
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_credit_note_lines();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION seal_credit_note_lines();

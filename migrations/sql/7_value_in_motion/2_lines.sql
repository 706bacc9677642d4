-- Lines with fractions, discounts and tax; products' prices finer than the minor unit; payments of more than is due.

-- The details of a line that is not a whole number of units at a price in whole minor units. id: the line's, which counts as
-- one unit of amount_minor. unit_price_minor: in minor units, with up to as many more digits as make four decimal places.
CREATE TABLE invoice_line_details (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    quantity         numeric(14, 4) NOT NULL,
    unit_price_minor numeric(20, 4) NOT NULL,
    discount_percent numeric(7, 4) NOT NULL,
    discount_minor   bigint NOT NULL,
    tax_minor        bigint NOT NULL,
    amount_minor     bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES invoice_lines (tenant_id, id),
    CONSTRAINT invoice_line_details_figures CHECK (quantity > 0 AND unit_price_minor BETWEEN 0 AND 1000000000000000
        AND discount_percent BETWEEN 0 AND 100 AND discount_minor >= 0
        AND tax_minor BETWEEN 0 AND 1000000000000000 AND amount_minor BETWEEN 0 AND 1000000000000000),
    -- Numbers are multiplied exactly, and rounded half away from zero.
    CONSTRAINT invoice_line_details_amount CHECK (amount_minor
        = round(quantity * unit_price_minor * (100 - discount_percent) * 0.01 - discount_minor))
);
ALTER TABLE invoice_line_details ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE invoice_line_details ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_line_details FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoice_line_details
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line_details
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- 3_nothing_forgets/06_seals_of_people.sql explains what a seal is.
CREATE FUNCTION seal_added_invoice_line_details() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_line_details', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoice_line_details', n.tenant_id, n."id", n."quantity", n."unit_price_minor",
            n."discount_percent", n."discount_minor", n."tax_minor", n."amount_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON invoice_line_details
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_line_details();
CREATE FUNCTION seal_invoice_line_details() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoice_line_details', NEW.tenant_id, NEW."id", NEW."quantity", NEW."unit_price_minor",
                NEW."discount_percent", NEW."discount_minor", NEW."tax_minor", NEW."amount_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_line_details' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_line_details', OLD.tenant_id, OLD."id", OLD."quantity", OLD."unit_price_minor",
                OLD."discount_percent", OLD."discount_minor", OLD."tax_minor", OLD."amount_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_line_details' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_line_details', OLD.tenant_id, OLD."id", OLD."quantity", OLD."unit_price_minor",
                OLD."discount_percent", OLD."discount_minor", OLD."tax_minor", OLD."amount_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "quantity", "unit_price_minor", "discount_percent", "discount_minor", "tax_minor", "amount_minor"
    ON invoice_line_details
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_invoice_line_details();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_line_details
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_line_details();

-- The part of an invoice's total that its lines give as tax. A sum like those beside it: no seal covers it.
ALTER TABLE invoices ADD COLUMN tax_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD CONSTRAINT invoices_tax CHECK (tax_minor BETWEEN 0 AND total_minor);

-- Prices of products, as of lines. Seals tell them with their fraction; those that there are are renewed if they fit.
DROP TRIGGER seal_changed ON products;
ALTER TABLE products ALTER COLUMN price_minor TYPE numeric(20, 4);
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s
SET id = n.id,
    digest = CASE
        WHEN s.digest = sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor"::bigint,
            n."active"
        )::text, 'UTF8'))
        THEN sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active"
        )::text, 'UTF8'))
        ELSE s.digest END
FROM products n
WHERE s.tenant_id = n.tenant_id AND s.of_table = 'products' AND s.id = n.id;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "name", "kind", "currency", "price_minor", "active"
    ON products
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_products();

-- What was paid beyond what was due, and became a credit. id: the payment's. revoked: taken back when that was voided.
CREATE TABLE overpayments (
    id                     uuid NOT NULL,
    tenant_id              uuid NOT NULL,
    credit_id              uuid NOT NULL,
    transaction_id         uuid NOT NULL,
    amount_minor           bigint NOT NULL,
    revoked_transaction_id uuid,
    revoked_minor          bigint,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT overpayments_credit_key UNIQUE (tenant_id, credit_id),
    FOREIGN KEY (tenant_id, id) REFERENCES payments (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, revoked_transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT overpayments_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    CONSTRAINT overpayments_revoked CHECK ((revoked_minor IS NULL) = (revoked_transaction_id IS NULL)
        AND revoked_minor BETWEEN 0 AND amount_minor)
);
ALTER TABLE overpayments ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE overpayments ENABLE ROW LEVEL SECURITY;
ALTER TABLE overpayments FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON overpayments
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE FUNCTION seal_added_overpayments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'overpayments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'overpayments', n.tenant_id, n."id", n."credit_id", n."transaction_id", n."amount_minor",
            n."revoked_transaction_id", n."revoked_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON overpayments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_overpayments();
CREATE FUNCTION seal_overpayments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'overpayments', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."transaction_id",
                NEW."amount_minor", NEW."revoked_transaction_id", NEW."revoked_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'overpayments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'overpayments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                OLD."amount_minor", OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'overpayments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'overpayments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                OLD."amount_minor", OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "credit_id", "transaction_id", "amount_minor", "revoked_transaction_id", "revoked_minor"
    ON overpayments
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_overpayments();
CREATE TRIGGER seal_deleted AFTER DELETE ON overpayments
    FOR EACH ROW EXECUTE FUNCTION seal_overpayments();

-- A tenant's own texts: a reference, by which a thing is found, and metadata.

-- On transactions: beside the note, where they can be erased. referenced_at: the transaction's time, so that those of one
-- reference are read in their order.
ALTER TABLE transaction_texts ADD COLUMN reference text COLLATE "C";
ALTER TABLE transaction_texts ADD COLUMN metadata text;
ALTER TABLE transaction_texts ADD COLUMN referenced_at timestamptz;
ALTER TABLE transaction_texts ADD CONSTRAINT transaction_texts_reference CHECK (char_length(reference) BETWEEN 1 AND 255);
ALTER TABLE transaction_texts ADD CONSTRAINT transaction_texts_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object');
ALTER TABLE transaction_texts ADD CONSTRAINT transaction_texts_referenced_at CHECK ((reference IS NULL) = (referenced_at IS NULL));
ALTER TABLE transaction_texts DROP CONSTRAINT transaction_texts_salt;
ALTER TABLE transaction_texts ADD CONSTRAINT transaction_texts_salt CHECK (octet_length(salt) BETWEEN 16 AND 64
        OR (note = '' AND salt = '' AND num_nonnulls(reference, metadata) = 0));
CREATE INDEX transaction_texts_reference ON transaction_texts (tenant_id, reference, referenced_at, id)
    WHERE reference IS NOT NULL;
DROP TRIGGER only_erased ON transaction_texts;
CREATE TRIGGER only_erased BEFORE UPDATE ON transaction_texts
    FOR EACH ROW WHEN (NOT (NEW.note = '' AND NEW.salt = '' AND num_nonnulls(NEW.reference, NEW.metadata, NEW.referenced_at) = 0
        AND NEW.id = OLD.id AND NEW.tenant_id = OLD.tenant_id))
    EXECUTE FUNCTION refuse_change();

-- On invoices and orders: in rows of their own, so that an invoice without any costs nothing, and that an erasure can
-- delete them. referenced_at: the invoice's time.
CREATE TABLE invoice_texts (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    reference     text COLLATE "C",
    metadata      text,
    referenced_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT invoice_texts_reference CHECK (char_length(reference) BETWEEN 1 AND 255),
    CONSTRAINT invoice_texts_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
    CONSTRAINT invoice_texts_referenced_at CHECK ((reference IS NULL) = (referenced_at IS NULL)),
    CONSTRAINT invoice_texts_any CHECK (num_nonnulls(reference, metadata) > 0)
);
CREATE INDEX invoice_texts_reference ON invoice_texts (tenant_id, reference, referenced_at, id) WHERE reference IS NOT NULL;
ALTER TABLE invoice_texts ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE invoice_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoice_texts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON invoice_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION seal_added_invoice_texts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_texts', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'invoice_texts', n.tenant_id, n."id", n."reference", n."metadata",
            (extract(epoch FROM n."referenced_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON invoice_texts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_texts();
CREATE FUNCTION seal_invoice_texts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'invoice_texts', NEW.tenant_id, NEW."id", NEW."reference", NEW."metadata",
                (extract(epoch FROM NEW."referenced_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_texts' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'invoice_texts', OLD.tenant_id, OLD."id", OLD."reference", OLD."metadata",
                (extract(epoch FROM OLD."referenced_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_texts' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'invoice_texts', OLD.tenant_id, OLD."id", OLD."reference", OLD."metadata",
                (extract(epoch FROM OLD."referenced_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "id", "reference", "metadata", "referenced_at"
    ON invoice_texts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_invoice_texts();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_texts
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_texts();

-- On customers and products: columns of their own.
ALTER TABLE customers ADD COLUMN reference text COLLATE "C";
ALTER TABLE customers ADD COLUMN metadata text;
ALTER TABLE customers ADD CONSTRAINT customers_reference CHECK (char_length(reference) BETWEEN 1 AND 255);
ALTER TABLE customers ADD CONSTRAINT customers_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object');
CREATE INDEX customers_reference ON customers (tenant_id, reference, created_at, id) WHERE reference IS NOT NULL;
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET digest = sha256(s.salt || convert_to(json_build_array(
            'customers', n.tenant_id, n."id", n."external_id", n."name", n."email",
            (extract(epoch FROM n."membership_started_at") * 1000000)::bigint,
            (extract(epoch FROM n."membership_cancelled_at") * 1000000)::bigint, n."merged_into_id",
            (extract(epoch FROM n."merged_at") * 1000000)::bigint,
            (extract(epoch FROM n."erased_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."updated_at") * 1000000)::bigint,
            (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused", n."reference", n."metadata"
)::text, 'UTF8'))
FROM customers n WHERE s.tenant_id = n.tenant_id AND s.of_table = 'customers' AND s.id = n.id
    AND s.digest = sha256(s.salt || convert_to(json_build_array(
            'customers', n.tenant_id, n."id", n."external_id", n."name", n."email",
            (extract(epoch FROM n."membership_started_at") * 1000000)::bigint,
            (extract(epoch FROM n."membership_cancelled_at") * 1000000)::bigint, n."merged_into_id",
            (extract(epoch FROM n."merged_at") * 1000000)::bigint,
            (extract(epoch FROM n."erased_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."updated_at") * 1000000)::bigint,
            (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused"
)::text, 'UTF8'));
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_customers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
            (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused", n."reference", n."metadata"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;
CREATE OR REPLACE FUNCTION seal_customers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
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
                (extract(epoch FROM NEW."external_id_since") * 1000000)::bigint, NEW."external_id_reused", NEW."reference", NEW."metadata"
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
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused", OLD."reference", OLD."metadata"
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
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;
DROP TRIGGER seal_changed ON customers;
CREATE TRIGGER seal_changed AFTER UPDATE OF id, external_id, name, email, membership_started_at,
    membership_cancelled_at, merged_into_id, merged_at, erased_at, created_at, updated_at, external_id_since,
    external_id_reused, "reference", "metadata" ON customers
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_customers();

ALTER TABLE products ADD COLUMN reference text COLLATE "C";
ALTER TABLE products ADD COLUMN metadata text;
ALTER TABLE products ADD CONSTRAINT products_reference CHECK (char_length(reference) BETWEEN 1 AND 255);
ALTER TABLE products ADD CONSTRAINT products_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object');
CREATE INDEX products_reference ON products (tenant_id, reference, name) WHERE reference IS NOT NULL;
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET digest = sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active", n."reference", n."metadata"
)::text, 'UTF8'))
FROM products n WHERE s.tenant_id = n.tenant_id AND s.of_table = 'products' AND s.id = n.id
    AND s.digest = sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active"
)::text, 'UTF8'));
ALTER TABLE products FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_products()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'products', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active", n."reference", n."metadata"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;
CREATE OR REPLACE FUNCTION seal_products()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'products', NEW.tenant_id, NEW."id", NEW."name", NEW."kind", NEW."currency", NEW."price_minor",
                NEW."active", NEW."reference", NEW."metadata"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;
DROP TRIGGER seal_changed ON products;
CREATE TRIGGER seal_changed AFTER UPDATE OF id, name, kind, currency, price_minor, active, "reference", "metadata" ON products
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_products();

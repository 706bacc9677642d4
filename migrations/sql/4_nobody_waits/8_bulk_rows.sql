-- The rows of a file get their results a thousand at a time: their seals are renewed by the statement, and not one by one.
--
-- A row before a change and after it are brought together by a sum over both, and each seal is looked for and written by its
-- key: there is no join that a plan, kept from when the tables were empty, could make a search of all for each.
-- Nor does a result touch any index: which rows are without one is read in their order, from where the last ones were.

DROP INDEX bulk_rows_pending;
ALTER TABLE bulk_rows SET (fillfactor = 50);
CREATE FUNCTION seal_changed_bulk_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_rows', n.id, s.name, s.version + 1,
        sha256(n.fresh_salt || convert_to(n.after, 'UTF8')), n.fresh_salt, now()
    FROM (
        SELECT uuid_send(gen_random_uuid()) AS fresh_salt, b.* FROM (
            SELECT r.tenant_id, r.id, max(r.before) AS before, max(r.after) AS after FROM (
                SELECT o.tenant_id, o.id, NULL AS after, json_build_array(
                    'bulk_rows', o.tenant_id, o."id", o."operation_id", o."row", o."customer_id", o."amount"::text,
                    o."transaction_id", o."details"::text, o."error"::text
                )::text AS before
                FROM before o
                UNION ALL
                SELECT a.tenant_id, a.id, json_build_array(
                    'bulk_rows', a.tenant_id, a."id", a."operation_id", a."row", a."customer_id", a."amount"::text,
                    a."transaction_id", a."details"::text, a."error"::text
                )::text, NULL
                FROM after a
            ) r GROUP BY r.tenant_id, r.id
        ) b WHERE b.before <> b.after
    ) n
    CROSS JOIN LATERAL (
        SELECT name, version, digest, salt FROM seals
        WHERE tenant_id = n.tenant_id AND of_table = 'bulk_rows' AND id = n.id OFFSET 0
    ) s
    WHERE s.digest = sha256(s.salt || convert_to(n.before, 'UTF8'))
    ON CONFLICT (tenant_id, of_table, id) DO UPDATE
    SET version = excluded.version, digest = excluded.digest, salt = excluded.salt, sealed_at = excluded.sealed_at;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_bulk_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM seals s
    WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_rows' AND s.id = OLD.id
        AND s.digest = sha256(s.salt || convert_to(json_build_array(
            'bulk_rows', OLD.tenant_id, OLD."id", OLD."operation_id", OLD."row", OLD."customer_id",
            OLD."amount"::text, OLD."transaction_id", OLD."details"::text, OLD."error"::text
        )::text, 'UTF8'));
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON bulk_rows;
CREATE TRIGGER seal_changed AFTER UPDATE ON bulk_rows
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION seal_changed_bulk_rows();

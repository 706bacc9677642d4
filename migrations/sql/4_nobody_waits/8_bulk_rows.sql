-- The rows of a file get their results a thousand at a time: their seals are renewed by the statement, and not one by one.
--
-- A row before a change and after it are brought together by a sum over both, which no plan can make a search of all for
-- each.
-- Nor does a result touch any index: which rows are without one is read in their order, from where the last ones were.

DROP INDEX bulk_rows_pending;
ALTER TABLE bulk_rows SET (fillfactor = 50);
CREATE FUNCTION seal_changed_bulk_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    most bigint := (SELECT count(*) FROM after);
BEGIN
    UPDATE seals s
    SET version = s.version + 1,
        digest = sha256(n.fresh_salt || convert_to(n.after, 'UTF8')),
        salt = n.fresh_salt, sealed_at = now()
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
            ) r GROUP BY r.tenant_id, r.id LIMIT 2 * most
        ) b WHERE b.before <> b.after
    ) n
    WHERE s.tenant_id = n.tenant_id AND s.of_table = 'bulk_rows' AND s.id = n.id
        AND s.digest = sha256(s.salt || convert_to(n.before, 'UTF8'));
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

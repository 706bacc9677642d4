-- The trigger that every posting calls reads one entry for each that is added, whatever the statistics say.
--
-- An entry's predecessor was asked for by its sequence, for which an index by account and time may seem as good: where most
-- accounts have one entry, all entries of the one account that has a million were read. Asked for as the last one before, it
-- is found where entries are in their order.

CREATE OR REPLACE FUNCTION entries_continue() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.account_id, n.sequence INTO broken
    FROM added n
    WHERE CASE n.sequence
        WHEN 1 THEN n.balance_after_minor <> n.amount_minor
        ELSE (
            SELECT p.sequence = n.sequence - 1 AND p.balance_after_minor + n.amount_minor = n.balance_after_minor
                AND p.hash = n.previous_hash AND p.created_at <= n.created_at
            FROM entries p
            WHERE p.tenant_id = n.tenant_id AND p.account_id = n.account_id AND p.sequence < n.sequence
            ORDER BY p.sequence DESC
            LIMIT 1
        ) IS NOT TRUE END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of account % does not continue the one before it', broken.sequence, broken.account_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

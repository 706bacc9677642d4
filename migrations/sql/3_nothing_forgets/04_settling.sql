-- The instant up to which a tenant's lists are settled.

-- The number is that of the locks of whoever writes; key: 32 bits of the tenant's id. They hold the tenant's lock, shared,
-- from before anything is stamped until its rows can be seen; so what is stamped before the instant answered here
-- can be seen by every snapshot that is taken later, or was never written. In a statement of its own, outside of a
-- transaction, it costs no snapshot its age.
CREATE FUNCTION settled_instant(key integer) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    told constant timestamptz := clock_timestamp();  -- before the locks are looked at: whoever comes later stamps later
    begun timestamptz;
BEGIN
    IF pg_try_advisory_lock(7436904, key) THEN
        PERFORM pg_advisory_unlock(7436904, key);
        RETURN told;
    END IF;
    PERFORM pg_stat_clear_snapshot();  -- the view is remembered until the end of a transaction
    -- Of a backend that another role has, or that is not watched, nothing is told: then nothing is settled.
    SELECT min(coalesce(a.xact_start,
            CASE WHEN a.pid IS NOT NULL AND coalesce(a.state, 'disabled') = 'disabled' THEN timestamptz 'epoch' END))
    INTO begun
    FROM pg_locks l LEFT JOIN LATERAL pg_stat_get_activity(l.pid) a ON true
    WHERE l.locktype = 'advisory' AND l.classid = 7436904 AND l.objid = key::oid AND l.objsubid = 2
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND l.mode = 'ShareLock' AND l.granted;
    RETURN least(told, begun);
END $$;
REVOKE ALL ON FUNCTION settled_instant(integer) FROM PUBLIC;

-- When a credit was put on its account, which a merge does to old ones; lists go by it. Said by the database.
ALTER TABLE credits ADD COLUMN opened_at timestamptz;
ALTER TABLE credits NO FORCE ROW LEVEL SECURITY;
UPDATE credits SET opened_at = created_at;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
ALTER TABLE credits ALTER COLUMN opened_at SET NOT NULL;
ALTER TABLE credits ALTER COLUMN opened_at SET DEFAULT clock_timestamp();
CREATE INDEX credits_time ON credits (tenant_id, opened_at, id);
CREATE INDEX credits_account_time ON credits (tenant_id, account_id, opened_at, id);

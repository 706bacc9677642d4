-- Tenants that are deleted, in small steps, by the owner of the tables.

-- deletion_began_at: since when its rows are being deleted, or null. Nothing seals it: the seals go first.
ALTER TABLE tenants ADD COLUMN deletion_began_at timestamptz;
ALTER TABLE tenants ADD CONSTRAINT tenants_deletion CHECK (deletion_began_at IS NULL OR suspended_at IS NOT NULL);

-- What only grows lets go of the rows of a tenant that is being deleted, and of no others: whoever deletes them is bound by
-- the rows' policies, and so sees no other tenant's. The app's role has no right to delete them, nor to begin a deletion.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
BEGIN
    IF TG_OP = 'DELETE' AND row_security_active(TG_RELID) THEN
        SELECT t.deletion_began_at INTO began FROM tenants t
        WHERE t.id = nullif(current_setting('scrip.tenant', true), '')::uuid;
        IF began IS NOT NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Before a credit is deleted, its foreign keys ask whether another names it as what it has become. Of the credits, only a
-- merge writes in it.
CREATE INDEX credits_successor ON credits (tenant_id, successor_id) WHERE successor_id IS NOT NULL;

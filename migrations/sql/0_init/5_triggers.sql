-- Triggers hold what no constraint on a single row can: the ledger only grows, each entry continues the one before it,
-- an account shows its newest entry, and a tenant's config_version tells of every change in its configuration.
--
-- The functions run with the caller's rights, under the caller's tenant. Two of them are called with every posting: their
-- queries are scalar subqueries, which can only be index look-ups by row, and sequential scans are off for them, since a
-- plan is kept for as long as the connection and may have been made when the tables were empty.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON transaction_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_erased BEFORE UPDATE ON transaction_texts
    FOR EACH ROW WHEN (NOT (NEW.note = '' AND NEW.salt = '' AND NEW.id = OLD.id AND NEW.tenant_id = OLD.tenant_id))
    EXECUTE FUNCTION refuse_change();

CREATE FUNCTION entries_continue() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.account_id, n.sequence INTO broken
    FROM added n
    WHERE CASE n.sequence
        WHEN 1 THEN n.balance_after_minor <> n.amount_minor
        ELSE (
            SELECT p.balance_after_minor + n.amount_minor = n.balance_after_minor
                AND p.hash = n.previous_hash AND p.created_at <= n.created_at
            FROM entries p
            WHERE p.tenant_id = n.tenant_id AND p.account_id = n.account_id AND p.sequence = n.sequence - 1
        ) IS NOT TRUE END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of account % does not continue the one before it', broken.sequence, broken.account_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER continues AFTER INSERT ON entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_continue();

-- Entries first, then the account: it has to show the newest of them.
CREATE FUNCTION accounts_follow() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT a.id INTO broken
    FROM changed a
    WHERE coalesce((
        SELECT h.sequence = a.sequence AND h.balance_after_minor = a.balance_minor AND h.hash = a.head_hash
            AND h.created_at = a.posted_at
        FROM entries h
        WHERE h.tenant_id = a.tenant_id AND h.account_id = a.id
        ORDER BY h.sequence DESC
        LIMIT 1
    ), a.sequence = 0) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % does not agree with its newest entry', broken.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER follows AFTER UPDATE ON accounts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION accounts_follow();

CREATE FUNCTION raise_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenants SET config_version = config_version + 1
    WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
    RETURN NULL;
END $$;

CREATE FUNCTION raise_own_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.config_version := OLD.config_version + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER config_version BEFORE UPDATE ON tenants FOR EACH ROW
    WHEN ((OLD.slug, OLD.name, OLD.time_zone, OLD.grace_days) IS DISTINCT FROM (NEW.slug, NEW.name, NEW.time_zone, NEW.grace_days))
    EXECUTE FUNCTION raise_own_config_version();

CREATE TRIGGER config_version AFTER INSERT OR UPDATE OR DELETE ON reasons
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER config_version AFTER INSERT OR UPDATE OR DELETE ON services
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER config_version AFTER INSERT OR UPDATE OR DELETE ON tiers
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER config_version AFTER INSERT OR UPDATE OR DELETE ON limit_rules
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();

-- Every coupon given takes one from the stock, under a lock of its own: nothing to remember, and no reason for all
-- givers to queue for the tenant's row.
CREATE TRIGGER config_version AFTER INSERT OR DELETE ON rewards
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER config_version_update AFTER UPDATE ON rewards FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'stock') IS DISTINCT FROM (to_jsonb(NEW) - 'stock'))
    EXECUTE FUNCTION raise_config_version();

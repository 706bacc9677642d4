-- What a posting stores, in fewer bytes (docs/adr/0047).
--
-- A key that made a transaction is under that transaction's digest, and needs no seal of its own.

-- key_use: over all that is stored of the key; key_at: when it was claimed. Null where the key has a seal.
ALTER TABLE transactions ADD COLUMN key_use bytea;
ALTER TABLE transactions ADD COLUMN key_at timestamptz;
ALTER TABLE transactions ADD CONSTRAINT transactions_key_use CHECK (CASE
    WHEN key_use IS NULL THEN key_at IS NULL
    ELSE octet_length(key_use) = 16 AND key_at IS NOT NULL AND idempotency_key IS NOT NULL END);

-- One digest over what a transaction says and what it promised.
ALTER TABLE transactions DROP CONSTRAINT transactions_digest;
ALTER TABLE transactions ADD CONSTRAINT transactions_digest CHECK (octet_length(digest) = 32);

-- sealed: whether it has a seal. All so far have one. Of others, the transaction alone tells the operation and the input.
ALTER TABLE idempotency_keys ADD COLUMN sealed boolean NOT NULL DEFAULT true;
ALTER TABLE idempotency_keys ALTER COLUMN sealed DROP DEFAULT;
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_input_hash;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_input_hash CHECK (CASE
    WHEN sealed THEN octet_length(input_hash) = 32 AND operation <> ''
    ELSE octet_length(input_hash) = 0 AND operation = '' END);

-- By row, and only of those that are to have one: a claim of others then runs no trigger. Sealed later, a key is sealed as
-- it is then.
DROP TRIGGER seal_added ON idempotency_keys;
DROP FUNCTION seal_added_idempotency_keys();
CREATE FUNCTION seal_added_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    VALUES (NEW.tenant_id, 'idempotency_keys',
        substr(encode(sha256(convert_to(json_build_array(NEW.key, NEW.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid,
        NEW.key, 1,
        sha256(convert_to(json_build_array(
            'idempotency_keys', NEW.tenant_id, NEW."key", NEW."client", NEW."shared", NEW."kept", NEW."operation",
            encode(NEW."input_hash", 'hex'), NEW."result_id",
            (extract(epoch FROM NEW."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        NULL, now())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON idempotency_keys
    FOR EACH ROW WHEN (NEW.sealed) EXECUTE FUNCTION seal_added_idempotency_keys();
CREATE TRIGGER seal_claimed AFTER UPDATE OF sealed ON idempotency_keys
    FOR EACH ROW WHEN (NEW.sealed AND NOT OLD.sealed) EXECUTE FUNCTION seal_added_idempotency_keys();
DROP TRIGGER seal_changed ON idempotency_keys;
CREATE TRIGGER seal_changed AFTER UPDATE OF
        "key", "client", "shared", "kept", "operation", "input_hash", "result_id", "created_at"
    ON idempotency_keys
    FOR EACH ROW WHEN (OLD.sealed AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_idempotency_keys();
DROP TRIGGER seal_deleted ON idempotency_keys;
CREATE TRIGGER seal_deleted AFTER DELETE ON idempotency_keys
    FOR EACH ROW WHEN (OLD.sealed) EXECUTE FUNCTION seal_idempotency_keys();

-- A transaction's credits are found by its entries: each was opened by one of them.
DROP INDEX credits_transaction;

-- One adjustCredit by one function, for pgbench: the same rows in the same tables, under the same constraints, triggers
-- and row security, as the same role. The caller's connection names the tenant, as the server's does.

CREATE FUNCTION bench_entry_hash(
    tenant uuid, customer uuid, actor uuid, transaction_id uuid, entry entries
) RETURNS bytea LANGUAGE sql STABLE AS $$
    -- models/hash_chain.py: flags 9 and 8 are "has a reason" with and without a previous entry.
    SELECT sha256('\x73637269702d656e7472792d3100'::bytea
        || CASE WHEN entry.previous_hash IS NULL THEN '\x08'::bytea ELSE '\x09'::bytea END
        || coalesce(entry.previous_hash, decode(repeat('00', 32), 'hex'))
        || uuid_send(tenant) || uuid_send(entry.account_id) || uuid_send(transaction_id) || uuid_send(entry.credit_id)
        || uuid_send(customer) || uuid_send(actor) || decode(repeat('00', 16), 'hex')
        || int8send(entry.sequence) || int8send(entry.amount_minor) || int8send(entry.lifetime_minor)
        || int8send(entry.balance_after_minor)
        || int8send((extract(epoch FROM entry.created_at) * 1000000)::bigint) || decode(repeat('00', 32), 'hex')
        || '\x0006'::bytea || 'ISSUED'::bytea || '\x000a'::bytea || 'ADJUSTMENT'::bytea || '\x0008'::bytea || 'GOODWILL'::bytea)
$$;

CREATE FUNCTION bench_adjust(customer_number bigint, staff_number bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    amount   CONSTANT bigint := 150;
    most     CONSTANT bigint := 1000000000000;
    tenant   CONSTANT uuid := current_setting('scrip.tenant')::uuid;
    customer CONSTANT uuid := ('01900000-0000-7000-8001-' || lpad(to_hex(customer_number), 12, '0'))::uuid;
    actor    CONSTANT uuid := ('01900000-0000-7000-8002-' || lpad(to_hex(staff_number), 12, '0'))::uuid;
    subject  CONSTANT text := 'staff-' || lpad(staff_number::text, 2, '0');
    made     CONSTANT uuid := uuidv7();
    credit   CONSTANT uuid := uuidv7();
    wanted   CONSTANT text := gen_random_uuid()::text;
    instant  timestamptz := clock_timestamp();
    account  accounts;
    facts    record;
    used     bigint;
    today    date;
    entry    entries;
BEGIN
    INSERT INTO idempotency_keys (tenant_id, key, client, shared, kept, operation, input_hash, result_id, created_at)
    VALUES (tenant, wanted, '', false, false, 'adjustCredit', sha256(convert_to(customer::text || amount || 'GBPGOODWILL', 'UTF8')), made, instant)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key was used before';
    END IF;

    SELECT * INTO STRICT account FROM accounts a
    WHERE a.tenant_id = tenant AND a.customer_id = customer AND a.asset = 'GBP' FOR NO KEY UPDATE;
    instant := greatest(clock_timestamp(), account.posted_at);
    today := (instant AT TIME ZONE 'Europe/London')::date;
    SELECT t.config_version, c.membership_cancelled_at,
        (SELECT coalesce(sum(x.remaining_minor), 0) FROM credits x
            WHERE x.tenant_id = tenant AND x.account_id = account.id AND x.open AND x.starts_at > instant) AS scheduled_minor,
        (SELECT coalesce(sum(x.remaining_minor), 0) FROM credits x
            WHERE x.tenant_id = tenant AND x.account_id = account.id AND x.open AND x.expires_at <= instant) AS expired_minor
    INTO STRICT facts FROM tenants t JOIN customers c ON c.tenant_id = tenant AND c.id = customer WHERE t.id = tenant;

    INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
    VALUES (tenant, uuidv7(), 'PER_ACTOR_DAY', 'STAFF', subject, 'GBP', today, amount)
    ON CONFLICT (tenant_id, scope, role, holder, asset, day) DO UPDATE SET used_minor = l.used_minor + amount
    RETURNING used_minor INTO used;
    IF used > most THEN
        RAISE EXCEPTION 'over the limit of the actor and day';
    END IF;
    INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
    VALUES (tenant, uuidv7(), 'PER_CUSTOMER_DAY', 'STAFF', customer::text, 'GBP', today, amount)
    ON CONFLICT (tenant_id, scope, role, holder, asset, day) DO UPDATE SET used_minor = l.used_minor + amount
    RETURNING used_minor INTO used;
    IF used > most THEN
        RAISE EXCEPTION 'over the limit of the customer and day';
    END IF;

    INSERT INTO transactions (tenant_id, id, customer_id, kind, reason, actor_id, idempotency_key, created_at)
    VALUES (tenant, made, customer, 'ADJUSTMENT', 'GOODWILL', actor, wanted, instant);
    INSERT INTO credits (tenant_id, id, account_id, transaction_id, amount_minor, remaining_minor, effective_on, starts_at,
        expires_at, restricted, auto_apply, created_at, counts, gone_minor, opened_sequence)
    VALUES (tenant, credit, account.id, made, amount, amount, today, instant, NULL, false, true, instant, true, 0,
        account.sequence + 1);

    entry.tenant_id := tenant;
    entry.id := uuidv7();
    entry.account_id := account.id;
    entry.sequence := account.sequence + 1;
    entry.transaction_id := made;
    entry.credit_id := credit;
    entry.counter := 'ISSUED';
    entry.amount_minor := amount;
    entry.lifetime_minor := amount;
    entry.balance_after_minor := account.balance_minor + amount;
    entry.created_at := instant;
    entry.previous_hash := account.head_hash;
    entry.hash := bench_entry_hash(tenant, customer, actor, made, entry);
    INSERT INTO entries SELECT entry.*;

    UPDATE accounts a SET balance_minor = entry.balance_after_minor, lifetime_minor = a.lifetime_minor + amount,
        sequence = entry.sequence, head_hash = entry.hash, posted_at = instant
    WHERE a.tenant_id = tenant AND a.id = account.id;
    INSERT INTO outbox (tenant_id, id, topic, subject_id, created_at) VALUES (tenant, uuidv7(), 'transaction.posted', made, instant);
    RETURN entry.sequence;
END $$;

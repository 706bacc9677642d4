-- One adjustCredit by one function, for pgbench: the same rows in the same tables, under the same constraints, triggers
-- and row security, as the same role. The caller's connection names the tenant, as the server's does.

-- Times, days and texts as models/hash_chain.py has them in its hashes.
CREATE FUNCTION bench_time(instant timestamptz) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT int8send((extract(epoch FROM instant) * 1000000)::bigint)
$$;
CREATE FUNCTION bench_day(day date) RETURNS bytea LANGUAGE sql STABLE AS $$ SELECT int4send(day - DATE '1970-01-01') $$;
CREATE FUNCTION bench_text(value text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT int2send(length(convert_to(value, 'UTF8'))::smallint) || convert_to(value, 'UTF8')
$$;

-- How a key was used that made a transaction.
CREATE FUNCTION bench_use(k idempotency_keys, input_hash bytea) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT substr(sha256('\x73637269702d6b65792d3100'::bytea || uuid_send(k.tenant_id)
        || uuid_send(k.result_id) || bench_time(k.created_at) || input_hash || bench_text('adjustCredit')
        || bench_text(k.key) || bench_text(k.client)), 1, 16)
$$;

-- A transaction's digest, with that of the credit that it opened. The flags: it has a reason, a key, used up limits, says how
-- its key was used, and has opened a credit; the credit applies itself, and counts.
CREATE FUNCTION bench_digest(t transactions, c credits) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x73637269702d7472616e73616374696f6e2d3100'::bytea || '\x7c'::bytea
        || uuid_send(t.tenant_id) || uuid_send(t.id) || uuid_send(t.customer_id) || uuid_send(t.actor_id)
        || decode(repeat('00', 16), 'hex') || bench_time(t.created_at) || decode(repeat('00', 32), 'hex')
        || t.key_use || bench_time(t.key_at)
        || sha256('\x73637269702d637265646974732d3100'::bytea || uuid_send(t.tenant_id) || uuid_send(t.id)
        || '\x06'::bytea || uuid_send(c.id) || uuid_send(c.account_id) || decode(repeat('00', 16), 'hex')
        || int8send(c.amount_minor) || int8send(c.opened_sequence) || bench_day(c.effective_on)
        || bench_time(c.starts_at) || int8send(0) || bench_time(c.created_at) || int2send(0::smallint))
        || int8send(t.limited_minor) || bench_day(t.limited_on)
        || bench_text(t.kind) || bench_text(t.reason) || bench_text(t.idempotency_key) || bench_text(t.limited_asset))
$$;

-- The flags: it has a credit, and perhaps an entry before.
CREATE FUNCTION bench_entry_hash(e entries, digest bytea) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x73637269702d656e7472792d3200'::bytea
        || CASE WHEN e.previous_hash IS NULL THEN '\x02'::bytea ELSE '\x03'::bytea END
        || coalesce(e.previous_hash, decode(repeat('00', 32), 'hex'))
        || uuid_send(e.tenant_id) || uuid_send(e.id) || uuid_send(e.account_id) || uuid_send(e.transaction_id)
        || uuid_send(e.credit_id) || int8send(e.sequence) || int8send(e.amount_minor) || int8send(e.lifetime_minor)
        || int8send(e.balance_after_minor) || bench_time(e.created_at) || digest || bench_text(e.counter))
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
    claimed  idempotency_keys;
    facts    record;
    used     bigint;
    today    date;
    posted   transactions;
    lot      credits;
    entry    entries;
BEGIN
    INSERT INTO idempotency_keys
        (tenant_id, key, client, shared, kept, sealed, operation, input_hash, result_id, created_at)
    VALUES (tenant, wanted, '', false, false, false, '', '', made, instant)
    ON CONFLICT DO NOTHING RETURNING * INTO claimed;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key was used before';
    END IF;

    SELECT * INTO STRICT account FROM accounts a
    WHERE a.tenant_id = tenant AND a.customer_id = customer AND a.asset = 'GBP' FOR NO KEY UPDATE;
    instant := greatest(clock_timestamp(), account.posted_at);
    today := (instant AT TIME ZONE 'Europe/London')::date;
    -- As models/loading/accounts.py looks at them: only those that can have expired, or start later.
    SELECT t.config_version + (SELECT count(*) FROM currencies u WHERE u.tenant_id = tenant) AS config_version,
        c.membership_cancelled_at,
        (SELECT coalesce(sum(w.remaining_minor), 0)::bigint FROM (
            SELECT x.remaining_minor FROM credits x WHERE x.tenant_id = tenant AND x.account_id = account.id AND x.open
                AND x.starts_at > instant AND x.starts_at > x.created_at ORDER BY x.starts_at OFFSET 0) w) AS scheduled_minor,
        (SELECT coalesce(sum(w.remaining_minor), 0)::bigint FROM (
            SELECT x.remaining_minor FROM credits x WHERE x.tenant_id = tenant AND x.account_id = account.id AND x.open
                AND x.expires_at <= instant ORDER BY x.expires_at OFFSET 0) w) AS expired_minor
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

    posted.tenant_id := tenant;
    posted.id := made;
    posted.customer_id := customer;
    posted.kind := 'ADJUSTMENT';
    posted.reason := 'GOODWILL';
    posted.actor_id := actor;
    posted.idempotency_key := wanted;
    posted.key_use := bench_use(claimed,
        sha256(convert_to(customer::text || amount || 'GBPGOODWILL', 'UTF8')));
    posted.key_at := claimed.created_at;
    posted.created_at := instant;
    posted.limited_asset := 'GBP';
    posted.limited_minor := amount;
    posted.limited_on := today;
    lot.tenant_id := tenant;
    lot.id := credit;
    lot.account_id := account.id;
    lot.amount_minor := amount;
    lot.opened_sequence := account.sequence + 1;
    lot.effective_on := today;
    lot.starts_at := instant;
    lot.created_at := instant;
    posted.digest := bench_digest(posted, lot);
    INSERT INTO transactions (tenant_id, id, customer_id, kind, reason, actor_id, idempotency_key, created_at, digest,
        limited_asset, limited_minor, limited_on, key_use, key_at)
    VALUES (tenant, made, customer, posted.kind, posted.reason, actor, wanted, instant, posted.digest, 'GBP', amount, today,
        posted.key_use, posted.key_at);
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
    entry.hash := bench_entry_hash(entry, posted.digest);
    INSERT INTO entries SELECT entry.*;

    UPDATE accounts a SET balance_minor = entry.balance_after_minor, lifetime_minor = a.lifetime_minor + amount,
        sequence = entry.sequence, head_hash = entry.hash, posted_at = instant
    WHERE a.tenant_id = tenant AND a.id = account.id;
    RETURN entry.sequence;
END $$;

-- The ledger: transactions and entries, and the rows that sum them up.
--
-- 1000000000000000 is the most that an amount, balance or total may come to, in minor units.

CREATE TABLE transactions (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    customer_id     uuid NOT NULL,
    kind            varchar(16) NOT NULL,
    reason          varchar(64),
    note_digest     bytea,
    actor_id        uuid NOT NULL,
    approved_by_id  uuid,
    idempotency_key varchar(255),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, reason) REFERENCES reasons (tenant_id, code),
    FOREIGN KEY (tenant_id, actor_id) REFERENCES actors (tenant_id, id),
    FOREIGN KEY (tenant_id, approved_by_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT transactions_kind CHECK (kind IN ('ADJUSTMENT', 'ASSIGNMENT', 'RELEASE', 'EXPIRY', 'VOID', 'UPDATE',
        'USE', 'REWARD', 'ORDER', 'REVERSAL')),
    CONSTRAINT transactions_reason_given CHECK (kind <> 'ADJUSTMENT' OR reason IS NOT NULL),
    CONSTRAINT transactions_four_eyes CHECK (approved_by_id <> actor_id),
    CONSTRAINT transactions_note_digest CHECK (octet_length(note_digest) = 32)
);

-- An erased text keeps its row, without note and salt.
CREATE TABLE transaction_texts (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    note      text NOT NULL,
    salt      bytea NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT transaction_texts_note CHECK (length(note) <= 10000),
    CONSTRAINT transaction_texts_salt CHECK (octet_length(salt) BETWEEN 16 AND 64 OR (note = '' AND salt = ''))
);

-- Free space on each page, so that a new version of a row finds room beside the old one and needs no index entry.
CREATE TABLE accounts (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    customer_id    uuid NOT NULL,
    asset          varchar(16) NOT NULL,
    balance_minor  bigint NOT NULL,
    lifetime_minor bigint NOT NULL,
    sequence       bigint NOT NULL,
    head_hash      bytea,
    created_at     timestamptz NOT NULL,
    posted_at      timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    CONSTRAINT accounts_customer_asset_key UNIQUE (tenant_id, customer_id, asset),
    CONSTRAINT accounts_asset CHECK (asset ~ '^[A-Z]{3}$' OR asset IN ('SERVICE_CREDITS', 'POINTS')),
    CONSTRAINT accounts_balance CHECK (balance_minor BETWEEN 0 AND 1000000000000000),
    CONSTRAINT accounts_lifetime CHECK (lifetime_minor BETWEEN 0 AND 1000000000000000),
    CONSTRAINT accounts_head CHECK (CASE
        WHEN sequence > 0 THEN head_hash IS NOT NULL AND octet_length(head_hash) = 32 AND posted_at IS NOT NULL
        ELSE sequence = 0 AND head_hash IS NULL AND posted_at IS NULL AND balance_minor = 0 AND lifetime_minor = 0
        END)
) WITH (fillfactor = 70);

-- open: what the partial indexes go by. Were it remaining_minor itself, every spend would have to write all the
-- indexes of the table anew, and not only the last one, which closes the credit.
CREATE TABLE credits (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    account_id      uuid NOT NULL,
    transaction_id  uuid NOT NULL,
    amount_minor    bigint NOT NULL,
    remaining_minor bigint NOT NULL,
    effective_on    date NOT NULL,
    starts_at       timestamptz NOT NULL,
    expires_at      timestamptz,
    restricted      boolean NOT NULL,
    auto_apply      boolean NOT NULL,
    created_at      timestamptz NOT NULL,
    swept_at        timestamptz,
    voided_at       timestamptz,
    open            boolean NOT NULL GENERATED ALWAYS AS (remaining_minor > 0) STORED,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT credits_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    CONSTRAINT credits_remaining CHECK (remaining_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT credits_expiry CHECK (expires_at > starts_at),
    CONSTRAINT credits_closed CHECK (remaining_minor = 0 OR (swept_at IS NULL AND voided_at IS NULL)),
    CONSTRAINT credits_swept_expires CHECK (swept_at IS NULL OR expires_at IS NOT NULL)
) WITH (fillfactor = 85);

CREATE TABLE credit_services (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    credit_id  uuid NOT NULL,
    service_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id),
    CONSTRAINT credit_services_key UNIQUE (tenant_id, credit_id, service_id)
);

CREATE TABLE entries (
    id                  uuid NOT NULL,
    tenant_id           uuid NOT NULL,
    account_id          uuid NOT NULL,
    sequence            bigint NOT NULL,
    transaction_id      uuid NOT NULL,
    credit_id           uuid NOT NULL,
    counter             varchar(16) NOT NULL,
    amount_minor        bigint NOT NULL,
    lifetime_minor      bigint NOT NULL,
    balance_after_minor bigint NOT NULL,
    created_at          timestamptz NOT NULL,
    previous_hash       bytea,
    hash                bytea NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    CONSTRAINT entries_sequence_key UNIQUE (tenant_id, account_id, sequence),
    CONSTRAINT entries_counter CHECK (CASE counter
        WHEN 'ISSUED' THEN amount_minor > 0
        WHEN 'REMOVED' THEN amount_minor < 0
        WHEN 'EXPIRED' THEN amount_minor < 0
        ELSE counter IN ('INVOICES', 'REDEEMED', 'ORDERS') END),
    CONSTRAINT entries_amount CHECK (amount_minor <> 0 AND abs(amount_minor) <= 1000000000000000),
    CONSTRAINT entries_lifetime CHECK (lifetime_minor = 0
        OR (lifetime_minor = amount_minor AND counter IN ('ISSUED', 'REMOVED', 'ORDERS'))),
    CONSTRAINT entries_balance_after CHECK (balance_after_minor BETWEEN 0 AND 1000000000000000),
    CONSTRAINT entries_sequence CHECK (sequence >= 1 AND (sequence = 1) = (previous_hash IS NULL)),
    CONSTRAINT entries_hashes CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);

CREATE TABLE tier_changes (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    transaction_id uuid NOT NULL,
    old_tier       varchar(200),
    new_tier       varchar(200),
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT tier_changes_differ CHECK (old_tier IS DISTINCT FROM new_tier)
);

CREATE TABLE invoices (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    customer_id    uuid NOT NULL,
    number         varchar(64) NOT NULL,
    currency       varchar(16) NOT NULL,
    total_minor    bigint NOT NULL,
    paid_minor     bigint NOT NULL,
    credited_minor bigint NOT NULL,
    status         varchar(16) NOT NULL,
    auto_apply     boolean NOT NULL,
    issued_on      date NOT NULL,
    due_on         date,
    actor_id       uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    voided_at      timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, actor_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT invoices_number_key UNIQUE (tenant_id, number),
    CONSTRAINT invoices_number_given CHECK (number <> ''),
    CONSTRAINT invoices_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT invoices_sums CHECK (total_minor BETWEEN 0 AND 1000000000000000 AND paid_minor >= 0
        AND credited_minor >= 0 AND paid_minor + credited_minor <= total_minor),
    CONSTRAINT invoices_status CHECK (CASE status
        WHEN 'OPEN' THEN paid_minor + credited_minor = 0 AND total_minor > 0
        WHEN 'PART_PAID' THEN paid_minor + credited_minor BETWEEN 1 AND total_minor - 1
        WHEN 'PAID' THEN paid_minor + credited_minor = total_minor
        WHEN 'VOID' THEN credited_minor = 0
        ELSE false END),
    CONSTRAINT invoices_voided CHECK ((status = 'VOID') = (voided_at IS NOT NULL))
) WITH (fillfactor = 90);

CREATE TABLE invoice_lines (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    invoice_id       uuid NOT NULL,
    position         int NOT NULL,
    description      varchar(500) NOT NULL,
    quantity         int NOT NULL,
    unit_price_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT invoice_lines_position_key UNIQUE (tenant_id, invoice_id, position),
    CONSTRAINT invoice_lines_numbers CHECK (
        position >= 0 AND quantity >= 1 AND abs(unit_price_minor) <= 1000000000000000)
);

CREATE TABLE payments (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    invoice_id   uuid NOT NULL,
    amount_minor bigint NOT NULL,
    method       varchar(16) NOT NULL,
    received_on  date NOT NULL,
    actor_id     uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    voided_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, actor_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT payments_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    CONSTRAINT payments_method CHECK (method IN ('CASH', 'CHECK', 'CARD', 'TRANSFER', 'OTHER'))
);

CREATE TABLE assignments (
    id                     uuid NOT NULL,
    tenant_id              uuid NOT NULL,
    credit_id              uuid NOT NULL,
    invoice_id             uuid NOT NULL,
    transaction_id         uuid NOT NULL,
    amount_minor           bigint NOT NULL,
    origin                 varchar(16) NOT NULL,
    assigned_at            timestamptz NOT NULL,
    released_at            timestamptz,
    release_transaction_id uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES credits (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, release_transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT assignments_amount CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    CONSTRAINT assignments_origin CHECK (origin IN ('AUTO', 'MANUAL')),
    CONSTRAINT assignments_released CHECK ((released_at IS NULL) = (release_transaction_id IS NULL))
);

CREATE TABLE coupons (
    id                 uuid NOT NULL,
    tenant_id          uuid NOT NULL,
    code               varchar(32) NOT NULL,
    reward_id          uuid NOT NULL,
    customer_id        uuid NOT NULL,
    transaction_id     uuid NOT NULL,
    points_spent_minor bigint NOT NULL,
    status             varchar(16) NOT NULL,
    terms              jsonb NOT NULL,
    issued_at          timestamptz NOT NULL,
    expires_at         timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, reward_id) REFERENCES rewards (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT coupons_code_key UNIQUE (tenant_id, code),
    CONSTRAINT coupons_code_given CHECK (code <> ''),
    CONSTRAINT coupons_points CHECK (points_spent_minor BETWEEN 0 AND 1000000000000000),
    CONSTRAINT coupons_status CHECK (status IN ('ISSUED', 'USED', 'DISABLED')),
    CONSTRAINT coupons_expiry CHECK (expires_at > issued_at)
);

-- Limits used up, keys used up, news to pass on, and what was asked for and is not, or not only, a movement.

CREATE TABLE limit_counters (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    scope      varchar(16) NOT NULL,
    role       varchar(16) NOT NULL,
    holder     varchar(255) NOT NULL,
    asset      varchar(16) NOT NULL,
    day        date NOT NULL,
    used_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT limit_counters_subject_key UNIQUE (tenant_id, scope, role, holder, asset, day),
    CONSTRAINT limit_counters_scope CHECK (scope IN ('PER_ACTOR_DAY', 'PER_CUSTOMER_DAY')),
    CONSTRAINT limit_counters_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER')),
    CONSTRAINT limit_counters_asset CHECK (asset ~ '^[A-Z]{3}$' OR asset IN ('SERVICE_CREDITS', 'POINTS')),
    CONSTRAINT limit_counters_used CHECK (used_minor >= 0)
) WITH (fillfactor = 70);

-- No foreign key to tenants here and in the outbox: each is written with every posting, under a policy that has
-- already compared the tenant, and locking the tenant's row every time is not free.
CREATE TABLE idempotency_keys (
    key        varchar(255) NOT NULL,
    tenant_id  uuid NOT NULL,
    operation  varchar(32) NOT NULL,
    input_hash bytea NOT NULL,
    result_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key),
    CONSTRAINT idempotency_keys_key_given CHECK (key <> ''),
    CONSTRAINT idempotency_keys_input_hash CHECK (octet_length(input_hash) = 32)
);

-- position: the order in which news is passed on. Two events of one account have the order of its entries, since
-- the second was written under a lock that the first had given up.
CREATE TABLE outbox (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    topic      varchar(64) NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    position   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_position_key UNIQUE (tenant_id, position),
    CONSTRAINT outbox_topic_given CHECK (topic <> '')
);

CREATE TABLE approval_requests (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    operation       varchar(32) NOT NULL,
    command         jsonb NOT NULL,
    customer_id     uuid NOT NULL,
    status          varchar(16) NOT NULL,
    requested_by_id uuid NOT NULL,
    decided_by_id   uuid,
    transaction_id  uuid,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, requested_by_id) REFERENCES actors (tenant_id, id),
    FOREIGN KEY (tenant_id, decided_by_id) REFERENCES actors (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT approval_requests_status CHECK (CASE status
        WHEN 'PENDING' THEN decided_by_id IS NULL AND transaction_id IS NULL
        WHEN 'APPROVED' THEN decided_by_id IS NOT NULL AND transaction_id IS NOT NULL
        WHEN 'REJECTED' THEN decided_by_id IS NOT NULL AND transaction_id IS NULL
        WHEN 'WITHDRAWN' THEN transaction_id IS NULL
        WHEN 'EXPIRED' THEN decided_by_id IS NULL AND transaction_id IS NULL
        ELSE false END),
    CONSTRAINT approval_requests_four_eyes CHECK (decided_by_id <> requested_by_id OR status = 'WITHDRAWN'),
    CONSTRAINT approval_requests_expiry CHECK (expires_at > created_at)
);

CREATE TABLE bulk_operations (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    status       varchar(16) NOT NULL,
    asset        varchar(16) NOT NULL,
    error_policy varchar(16) NOT NULL,
    dry_run      boolean NOT NULL,
    total        int NOT NULL,
    processed    int NOT NULL,
    succeeded    int NOT NULL,
    failed       int NOT NULL,
    actor_id     uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, actor_id) REFERENCES actors (tenant_id, id),
    CONSTRAINT bulk_operations_asset CHECK (asset ~ '^[A-Z]{3}$' OR asset IN ('SERVICE_CREDITS', 'POINTS')),
    CONSTRAINT bulk_operations_error_policy CHECK (error_policy IN ('REJECT_ALL', 'SKIP_FAILED')),
    CONSTRAINT bulk_operations_counts CHECK (
        succeeded >= 0 AND failed >= 0 AND succeeded + failed <= processed AND processed <= total),
    CONSTRAINT bulk_operations_status CHECK (CASE
        WHEN status IN ('QUEUED', 'RUNNING') THEN finished_at IS NULL
        ELSE status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND finished_at IS NOT NULL END)
);

-- customer_id is what was asked for: it may be nobody's, so it has no foreign key.
CREATE TABLE bulk_rows (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    operation_id   uuid NOT NULL,
    row            int NOT NULL,
    customer_id    uuid,
    amount         numeric(20, 4) NOT NULL,
    transaction_id uuid,
    error          jsonb,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES bulk_operations (tenant_id, id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id),
    CONSTRAINT bulk_rows_row_key UNIQUE (tenant_id, operation_id, row),
    CONSTRAINT bulk_rows_row CHECK (row >= 0),
    CONSTRAINT bulk_rows_fate CHECK (transaction_id IS NULL OR error IS NULL)
);

-- The database that the steps in sql/ build, in the words of PostgreSQL 18. Written by `make database`.
-- `scrip_app` is the role of the running app, whatever it is called elsewhere; the owner has every right.

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
    held_until     timestamptz,
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT accounts_customer_asset_key UNIQUE (tenant_id, customer_id, asset),
    CONSTRAINT accounts_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT accounts_asset CHECK (asset ~ '^[A-Z]{3}$' OR (asset IN ('SERVICE_CREDITS', 'POINTS'))),
    CONSTRAINT accounts_balance CHECK (balance_minor >= 0 AND balance_minor <= 1000000000000000),
    CONSTRAINT accounts_head CHECK (
    CASE
        WHEN sequence > 0 THEN head_hash IS NOT NULL AND octet_length(head_hash) = 32 AND posted_at IS NOT NULL
        ELSE sequence = 0 AND head_hash IS NULL AND posted_at IS NULL AND balance_minor = 0 AND lifetime_minor = 0
    END),
    CONSTRAINT accounts_lifetime CHECK (lifetime_minor >= 0)
) WITH (fillfactor=70);
ALTER TABLE accounts ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX accounts_asset ON accounts (tenant_id, asset) WHERE asset <> '';
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON accounts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER follows AFTER UPDATE ON accounts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION accounts_follow();
CREATE TRIGGER seal_added AFTER INSERT ON accounts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_accounts();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, customer_id, asset, created_at ON accounts
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_accounts();
CREATE TRIGGER seal_deleted AFTER DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION seal_accounts();
GRANT SELECT, INSERT, UPDATE (balance_minor, lifetime_minor, sequence, head_hash, posted_at, held_until), DELETE ON
    accounts TO scrip_app;

CREATE TABLE actors (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    subject   varchar(255) NOT NULL,
    role      varchar(16) NOT NULL,
    client    varchar(255) NOT NULL,
    name      varchar(255),
    CONSTRAINT actors_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT actors_subject_key UNIQUE (tenant_id, subject, role, client),
    CONSTRAINT actors_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT actors_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER', 'CUSTOMER', 'SYSTEM')),
    CONSTRAINT actors_subject_given CHECK (subject <> '')
);
ALTER TABLE actors ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE actors ENABLE ROW LEVEL SECURITY;
ALTER TABLE actors FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON actors
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON actors
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_actors();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, subject, role, client, name ON actors
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_actors();
CREATE TRIGGER seal_deleted AFTER DELETE ON actors
    FOR EACH ROW EXECUTE FUNCTION seal_actors();
GRANT SELECT, INSERT, UPDATE (name) ON actors TO scrip_app;

CREATE TABLE aerich (
    id      integer NOT NULL DEFAULT nextval('aerich_id_seq'::regclass),
    version varchar(255) NOT NULL,
    app     varchar(100) NOT NULL,
    content jsonb NOT NULL,
    CONSTRAINT aerich_pkey PRIMARY KEY (id)
);
GRANT SELECT ON aerich TO scrip_app;

CREATE TABLE approval_requests (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL,
    operation         varchar(32) NOT NULL,
    command           jsonb NOT NULL,
    customer_id       uuid NOT NULL,
    status            varchar(16) NOT NULL,
    requested_by_id   uuid NOT NULL,
    decided_by_id     uuid,
    transaction_id    uuid,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    requested_subject varchar(255) NOT NULL,
    decided_subject   varchar(255),
    decided_at        timestamptz,
    decision_note     text,
    terms             jsonb,
    invoice_id        uuid,
    CONSTRAINT approval_requests_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT approval_requests_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT approval_requests_tenant_id_decided_by_id_fkey FOREIGN KEY (tenant_id, decided_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT approval_requests_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT approval_requests_tenant_id_requested_by_id_fkey FOREIGN KEY (tenant_id, requested_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT approval_requests_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT approval_requests_decided CHECK ((decided_by_id IS NULL) = (decided_subject IS NULL) AND (decided_by_id
        IS NULL) = (decided_at IS NULL)),
    CONSTRAINT approval_requests_decision_note CHECK (decision_note IS NULL OR decision_note <> '' AND
        length(decision_note) <= 10000 AND decided_by_id IS NOT NULL),
    CONSTRAINT approval_requests_expiry CHECK (expires_at > created_at),
    CONSTRAINT approval_requests_four_eyes CHECK (decided_subject <> requested_subject OR status = 'WITHDRAWN'),
    CONSTRAINT approval_requests_status CHECK (
    CASE status
        WHEN 'PENDING' THEN decided_by_id IS NULL AND num_nonnulls(transaction_id, invoice_id) = 0
        WHEN 'APPROVED' THEN decided_by_id IS NOT NULL AND num_nonnulls(transaction_id, invoice_id) = 1
        WHEN 'REJECTED' THEN decided_by_id IS NOT NULL AND num_nonnulls(transaction_id, invoice_id) = 0
        WHEN 'WITHDRAWN' THEN num_nonnulls(transaction_id, invoice_id) = 0
        WHEN 'EXPIRED' THEN decided_by_id IS NULL AND num_nonnulls(transaction_id, invoice_id) = 0
        ELSE false
    END)
);
ALTER TABLE approval_requests ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX approval_requests_customer ON approval_requests (tenant_id, customer_id, created_at, id);
CREATE INDEX approval_requests_expiry ON approval_requests (tenant_id, expires_at, id) WHERE status = 'PENDING';
CREATE UNIQUE INDEX approval_requests_invoice ON approval_requests (tenant_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX approval_requests_pending ON approval_requests (tenant_id, created_at, id) WHERE status = 'PENDING';
CREATE INDEX approval_requests_receiver ON approval_requests (tenant_id, (command ->> 'to_customer_id')) WHERE operation
    = 'transferCredit';
CREATE INDEX approval_requests_status ON approval_requests (tenant_id, status, created_at, id);
CREATE INDEX approval_requests_subject ON approval_requests (tenant_id, requested_subject, created_at, id);
CREATE INDEX approval_requests_time ON approval_requests (tenant_id, created_at, id);
CREATE UNIQUE INDEX approval_requests_transaction ON approval_requests (tenant_id, transaction_id) WHERE transaction_id
    IS NOT NULL;
CREATE INDEX approval_requests_waiting ON approval_requests (tenant_id, requested_subject, expires_at) WHERE status =
    'PENDING';
ALTER TABLE approval_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE approval_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON approval_requests
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON approval_requests
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_approval_requests();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, operation, command, customer_id, status, requested_by_id,
    requested_subject, decided_by_id, decided_subject, decided_at, decision_note, transaction_id, created_at,
    expires_at, terms, invoice_id ON approval_requests
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_approval_requests();
CREATE TRIGGER seal_deleted AFTER DELETE ON approval_requests
    FOR EACH ROW EXECUTE FUNCTION seal_approval_requests();
GRANT SELECT, INSERT, UPDATE (command, status, decided_by_id, transaction_id, decided_subject, decided_at,
    decision_note, invoice_id) ON approval_requests TO scrip_app;

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
    noted_minor            bigint NOT NULL DEFAULT 0,
    CONSTRAINT assignments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT assignments_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT assignments_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT assignments_tenant_id_release_transaction_id_fkey FOREIGN KEY (tenant_id, release_transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT assignments_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT assignments_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000),
    CONSTRAINT assignments_noted CHECK (noted_minor = 0 OR noted_minor >= 1 AND noted_minor <= amount_minor AND
        released_at IS NULL),
    CONSTRAINT assignments_origin CHECK (origin IN ('AUTO', 'MANUAL')),
    CONSTRAINT assignments_released CHECK ((released_at IS NULL) = (release_transaction_id IS NULL))
);
ALTER TABLE assignments ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX assignments_credit ON assignments (tenant_id, credit_id, assigned_at, id);
CREATE INDEX assignments_invoice ON assignments (tenant_id, invoice_id, assigned_at, id);
CREATE INDEX assignments_invoice_live ON assignments (tenant_id, invoice_id) WHERE released_at IS NULL;
CREATE INDEX assignments_release ON assignments (tenant_id, release_transaction_id) WHERE release_transaction_id IS NOT
    NULL;
CREATE INDEX assignments_transaction ON assignments (tenant_id, transaction_id);
ALTER TABLE assignments ENABLE ROW LEVEL SECURITY;
ALTER TABLE assignments FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON assignments
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON assignments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_assignments();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, credit_id, invoice_id, transaction_id, amount_minor, origin,
    assigned_at, released_at, release_transaction_id ON assignments
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_assignments();
CREATE TRIGGER seal_deleted AFTER DELETE ON assignments
    FOR EACH ROW EXECUTE FUNCTION seal_assignments();
GRANT SELECT, INSERT, UPDATE (released_at, release_transaction_id, noted_minor) ON assignments TO scrip_app;

CREATE TABLE audit_events (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    action      varchar(64) NOT NULL,
    subject_id  uuid NOT NULL,
    customer_id uuid,
    actor_id    uuid NOT NULL,
    details     jsonb,
    note        text,
    created_at  timestamptz NOT NULL,
    request_id  varchar(128),
    address     varchar(64),
    CONSTRAINT audit_events_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT audit_events_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT audit_events_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT audit_events_action CHECK (action ~ '^[a-z_]+[.][a-z_]+$'),
    CONSTRAINT audit_events_note CHECK (length(note) <= 10000)
);
ALTER TABLE audit_events ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE audit_events ALTER COLUMN address SET (n_distinct=-0.01);
CREATE INDEX audit_events_action ON audit_events (tenant_id, action, created_at, id);
CREATE INDEX audit_events_actor ON audit_events (tenant_id, actor_id, created_at, id);
CREATE INDEX audit_events_address ON audit_events (tenant_id, address, created_at, id);
CREATE INDEX audit_events_customer ON audit_events (tenant_id, customer_id, created_at, id);
CREATE INDEX audit_events_request ON audit_events (tenant_id, request_id, created_at, id);
CREATE INDEX audit_events_time ON audit_events (tenant_id, created_at, id);
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON audit_events
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON audit_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_audit_events();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, action, subject_id, customer_id, actor_id, details, note, request_id,
    address, created_at ON audit_events
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_audit_events();
CREATE TRIGGER seal_deleted AFTER DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION seal_audit_events();
GRANT SELECT, INSERT, UPDATE (details, note) ON audit_events TO scrip_app;

CREATE TABLE bulk_operations (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    status           varchar(16) NOT NULL,
    asset            varchar(16) NOT NULL,
    error_policy     varchar(16) NOT NULL,
    dry_run          boolean NOT NULL,
    total            integer NOT NULL,
    processed        integer NOT NULL,
    succeeded        integer NOT NULL,
    failed           integer NOT NULL,
    actor_id         uuid NOT NULL,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    command          jsonb,
    idempotency_key  varchar(255),
    validated_at     timestamptz,
    claimed_until    timestamptz,
    cancel_requested boolean NOT NULL,
    reverses_id      uuid,
    CONSTRAINT bulk_operations_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bulk_operations_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT bulk_operations_tenant_id_reverses_id_fkey FOREIGN KEY (tenant_id, reverses_id)
        REFERENCES bulk_operations(tenant_id, id),
    CONSTRAINT bulk_operations_asset CHECK (asset ~ '^[A-Z]{3}$' OR (asset IN ('SERVICE_CREDITS', 'POINTS'))),
    CONSTRAINT bulk_operations_counts CHECK (succeeded >= 0 AND failed >= 0 AND (succeeded + failed) <= processed AND
        processed <= total),
    CONSTRAINT bulk_operations_error_policy CHECK (error_policy IN ('REJECT_ALL', 'SKIP_FAILED')),
    CONSTRAINT bulk_operations_reverses CHECK (reverses_id <> id),
    CONSTRAINT bulk_operations_status CHECK (
    CASE
        WHEN status IN ('QUEUED', 'RUNNING') THEN finished_at IS NULL
        ELSE (status IN ('COMPLETED', 'FAILED', 'CANCELLED')) AND finished_at IS NOT NULL
    END)
);
ALTER TABLE bulk_operations ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX bulk_operations_reverses ON bulk_operations (tenant_id, reverses_id, created_at, id) WHERE reverses_id IS
    NOT NULL;
CREATE UNIQUE INDEX bulk_operations_reversing ON bulk_operations (tenant_id, reverses_id) WHERE reverses_id IS NOT NULL
    AND NOT dry_run AND (status IN ('QUEUED', 'RUNNING'));
CREATE INDEX bulk_operations_time ON bulk_operations (tenant_id, created_at, id);
CREATE INDEX bulk_operations_unfinished ON bulk_operations (tenant_id, created_at, id) WHERE status IN ('QUEUED',
    'RUNNING');
ALTER TABLE bulk_operations ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_operations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON bulk_operations
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON bulk_operations
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_bulk_operations();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, status, asset, error_policy, dry_run, total, processed, succeeded,
    failed, actor_id, command, idempotency_key, validated_at, cancel_requested, created_at, finished_at ON
    bulk_operations
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_bulk_operations();
CREATE TRIGGER seal_deleted AFTER DELETE ON bulk_operations
    FOR EACH ROW EXECUTE FUNCTION seal_bulk_operations();
GRANT SELECT, INSERT, UPDATE (status, total, processed, succeeded, failed, finished_at, command, validated_at,
    claimed_until, cancel_requested) ON bulk_operations TO scrip_app;

CREATE TABLE bulk_rows (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    operation_id   uuid NOT NULL,
    row            integer NOT NULL,
    customer_id    uuid,
    amount         numeric(20,4),
    transaction_id uuid,
    error          jsonb,
    details        jsonb,
    CONSTRAINT bulk_rows_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bulk_rows_row_key UNIQUE (tenant_id, operation_id, "row"),
    CONSTRAINT bulk_rows_tenant_id_operation_id_fkey FOREIGN KEY (tenant_id, operation_id)
        REFERENCES bulk_operations(tenant_id, id),
    CONSTRAINT bulk_rows_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT bulk_rows_amount CHECK (amount IS NOT NULL OR error IS NOT NULL),
    CONSTRAINT bulk_rows_fate CHECK (transaction_id IS NULL OR error IS NULL),
    CONSTRAINT bulk_rows_row CHECK ("row" >= 0)
) WITH (fillfactor=50);
ALTER TABLE bulk_rows ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX bulk_rows_failed ON bulk_rows (tenant_id, operation_id, "row") WHERE error IS NOT NULL;
ALTER TABLE bulk_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON bulk_rows
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON bulk_rows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_bulk_rows();
CREATE TRIGGER seal_changed AFTER UPDATE ON bulk_rows
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION seal_changed_bulk_rows();
CREATE TRIGGER seal_deleted AFTER DELETE ON bulk_rows
    FOR EACH ROW EXECUTE FUNCTION seal_bulk_rows();
GRANT SELECT, INSERT, UPDATE (customer_id, transaction_id, error, details) ON bulk_rows TO scrip_app;

CREATE TABLE checkpoint_tiles (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    level     smallint NOT NULL,
    n         bigint NOT NULL,
    keys      bytea NOT NULL,
    hashes    bytea NOT NULL,
    root      bytea NOT NULL,
    CONSTRAINT checkpoint_tiles_pkey PRIMARY KEY (tenant_id, level, n),
    CONSTRAINT checkpoint_tiles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT checkpoint_tiles_keys CHECK (octet_length(keys) =
    CASE
        WHEN level IN (0, 64) THEN octet_length(hashes) / 2
        ELSE 0
    END),
    CONSTRAINT checkpoint_tiles_width CHECK (octet_length(hashes) >= 32 AND octet_length(hashes) <= 1024 AND
        (octet_length(hashes) % 32) = 0 AND octet_length(root) = 32)
) WITH (fillfactor=70);
ALTER TABLE checkpoint_tiles ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX checkpoint_tiles_account ON checkpoint_tiles (tenant_id, id) WHERE level = 0;
ALTER TABLE checkpoint_tiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoint_tiles FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoint_tiles
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (id, level, keys, hashes, root), DELETE ON checkpoint_tiles TO scrip_app;

CREATE TABLE checkpoint_trees (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    number     bigint NOT NULL,
    size       bigint NOT NULL,
    until      timestamptz NOT NULL,
    next_until timestamptz,
    position   bigint,
    anew       boolean NOT NULL,
    reached    uuid NOT NULL,
    staged     bigint NOT NULL,
    matched    bigint NOT NULL,
    heads_in   boolean NOT NULL,
    CONSTRAINT checkpoint_trees_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT checkpoint_trees_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT checkpoint_trees_next CHECK ((next_until IS NULL) = ("position" IS NULL)),
    CONSTRAINT checkpoint_trees_own CHECK (id = tenant_id)
);
ALTER TABLE checkpoint_trees ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE checkpoint_trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoint_trees FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoint_trees
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (number, size, until, next_until, position, anew, reached, staged, matched, heads_in) ON
    checkpoint_trees TO scrip_app;

CREATE TABLE checkpoints (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    number     bigint NOT NULL,
    until      timestamptz NOT NULL,
    size       bigint NOT NULL,
    root       bytea NOT NULL,
    position   bigint NOT NULL,
    note       varchar(10000) NOT NULL,
    keys       varchar(10000) NOT NULL,
    created_at timestamptz NOT NULL,
    kept_at    timestamptz,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT checkpoints_number_key UNIQUE (tenant_id, number),
    CONSTRAINT checkpoints_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT checkpoints_number CHECK (number >= 1),
    CONSTRAINT checkpoints_position CHECK ("position" >= 0),
    CONSTRAINT checkpoints_root CHECK (octet_length(root) = 32),
    CONSTRAINT checkpoints_size CHECK (size >= 0)
);
ALTER TABLE checkpoints ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX checkpoints_unkept ON checkpoints (tenant_id, number) WHERE kept_at IS NULL;
ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON checkpoints
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON checkpoints
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_checkpoints();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, number, until, size, root, "position", note, keys, created_at ON
    checkpoints
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_checkpoints();
CREATE TRIGGER seal_deleted AFTER DELETE ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION seal_checkpoints();
GRANT SELECT, INSERT, UPDATE (kept_at) ON checkpoints TO scrip_app;

CREATE TABLE coupons (
    id                    uuid NOT NULL,
    tenant_id             uuid NOT NULL,
    code                  varchar(32) NOT NULL,
    reward_id             uuid NOT NULL,
    customer_id           uuid NOT NULL,
    transaction_id        uuid NOT NULL,
    points_spent_minor    bigint NOT NULL,
    status                varchar(16) NOT NULL,
    terms                 jsonb NOT NULL,
    issued_at             timestamptz NOT NULL,
    expires_at            timestamptz,
    closed_at             timestamptz,
    refund_transaction_id uuid,
    invoice_id            uuid,
    reopened_at           timestamptz,
    CONSTRAINT coupons_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT coupons_code_key UNIQUE (tenant_id, code),
    CONSTRAINT coupons_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT coupons_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT coupons_tenant_id_refund_transaction_id_fkey FOREIGN KEY (tenant_id, refund_transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT coupons_tenant_id_reward_id_fkey FOREIGN KEY (tenant_id, reward_id)
        REFERENCES rewards(tenant_id, id),
    CONSTRAINT coupons_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT coupons_closed CHECK ((status = 'ISSUED') = (closed_at IS NULL)),
    CONSTRAINT coupons_code_given CHECK (code <> ''),
    CONSTRAINT coupons_expiry CHECK (expires_at > issued_at),
    CONSTRAINT coupons_points CHECK (points_spent_minor >= 0 AND points_spent_minor <= 1000000000000000),
    CONSTRAINT coupons_refund CHECK (refund_transaction_id IS NULL OR status = 'DISABLED' AND points_spent_minor > 0 AND
        reopened_at IS NULL),
    CONSTRAINT coupons_status CHECK (status IN ('ISSUED', 'USED', 'DISABLED')),
    CONSTRAINT coupons_used_on CHECK (invoice_id IS NULL OR status <> 'ISSUED')
);
ALTER TABLE coupons ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX coupons_customer ON coupons (tenant_id, customer_id, issued_at, id);
CREATE INDEX coupons_invoice ON coupons (tenant_id, invoice_id, issued_at, id) WHERE invoice_id IS NOT NULL;
CREATE INDEX coupons_issued ON coupons (tenant_id, issued_at, id);
CREATE UNIQUE INDEX coupons_refund_key ON coupons (tenant_id, refund_transaction_id) WHERE refund_transaction_id IS NOT
    NULL;
CREATE INDEX coupons_transaction ON coupons (tenant_id, transaction_id);
ALTER TABLE coupons ENABLE ROW LEVEL SECURITY;
ALTER TABLE coupons FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON coupons
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON coupons
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_coupons();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, code, reward_id, customer_id, transaction_id, points_spent_minor,
    status, terms, issued_at, expires_at, closed_at, refund_transaction_id, invoice_id, reopened_at ON coupons
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_coupons();
CREATE TRIGGER seal_deleted AFTER DELETE ON coupons
    FOR EACH ROW EXECUTE FUNCTION seal_coupons();
GRANT SELECT, INSERT, UPDATE (status, closed_at, refund_transaction_id, invoice_id, reopened_at) ON coupons TO
    scrip_app;

CREATE TABLE credit_changes (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    credit_id      uuid NOT NULL,
    transaction_id uuid NOT NULL,
    old_expires_at timestamptz,
    new_expires_at timestamptz,
    old_auto_apply boolean NOT NULL,
    new_auto_apply boolean NOT NULL,
    old_services   jsonb NOT NULL,
    new_services   jsonb NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT credit_changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_changes_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credit_changes_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id)
);
ALTER TABLE credit_changes ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX credit_changes_credit ON credit_changes (tenant_id, credit_id, created_at);
CREATE INDEX credit_changes_time ON credit_changes (tenant_id, created_at);
ALTER TABLE credit_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_changes
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON credit_changes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_changes();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, credit_id, transaction_id, old_expires_at, new_expires_at,
    old_auto_apply, new_auto_apply, old_services, new_services, created_at ON credit_changes
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credit_changes();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_changes
    FOR EACH ROW EXECUTE FUNCTION seal_credit_changes();
GRANT SELECT, INSERT ON credit_changes TO scrip_app;

CREATE TABLE credit_note_lines (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    note_id      uuid NOT NULL,
    line_id      uuid NOT NULL,
    quantity     numeric(20,6),
    amount_minor bigint NOT NULL,
    CONSTRAINT credit_note_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_note_lines_tenant_id_line_id_fkey FOREIGN KEY (tenant_id, line_id)
        REFERENCES invoice_lines(tenant_id, id),
    CONSTRAINT credit_note_lines_tenant_id_note_id_fkey FOREIGN KEY (tenant_id, note_id)
        REFERENCES credit_notes(tenant_id, id),
    CONSTRAINT credit_note_lines_numbers CHECK (quantity > 0::numeric AND amount_minor >= 0 AND amount_minor <=
        1000000000000000)
);
ALTER TABLE credit_note_lines ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX credit_note_lines_line ON credit_note_lines (tenant_id, line_id);
CREATE INDEX credit_note_lines_note ON credit_note_lines (tenant_id, note_id);
ALTER TABLE credit_note_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_note_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_note_lines
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_note_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON credit_note_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_note_lines();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, note_id, line_id, quantity, amount_minor ON credit_note_lines
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credit_note_lines();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION seal_credit_note_lines();
GRANT SELECT, INSERT ON credit_note_lines TO scrip_app;

CREATE TABLE credit_note_parts (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    note_id       uuid NOT NULL,
    assignment_id uuid,
    payment_id    uuid,
    credit_id     uuid NOT NULL,
    amount_minor  bigint NOT NULL,
    gone          boolean NOT NULL,
    CONSTRAINT credit_note_parts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_note_parts_tenant_id_assignment_id_fkey FOREIGN KEY (tenant_id, assignment_id)
        REFERENCES assignments(tenant_id, id),
    CONSTRAINT credit_note_parts_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credit_note_parts_tenant_id_note_id_fkey FOREIGN KEY (tenant_id, note_id)
        REFERENCES credit_notes(tenant_id, id),
    CONSTRAINT credit_note_parts_tenant_id_payment_id_fkey FOREIGN KEY (tenant_id, payment_id)
        REFERENCES payments(tenant_id, id),
    CONSTRAINT credit_note_parts_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000 AND
        num_nonnulls(assignment_id, payment_id) = 1)
);
ALTER TABLE credit_note_parts ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX credit_note_parts_note ON credit_note_parts (tenant_id, note_id);
ALTER TABLE credit_note_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_note_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_note_parts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_note_parts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON credit_note_parts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_note_parts();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, note_id, assignment_id, payment_id, credit_id, amount_minor, gone ON
    credit_note_parts
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credit_note_parts();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_note_parts
    FOR EACH ROW EXECUTE FUNCTION seal_credit_note_parts();
GRANT SELECT, INSERT ON credit_note_parts TO scrip_app;

CREATE TABLE credit_notes (
    id                  uuid NOT NULL,
    tenant_id           uuid NOT NULL,
    invoice_id          uuid NOT NULL,
    amount_minor        bigint NOT NULL,
    lowered_minor       bigint NOT NULL,
    credit_id           uuid,
    created_at          timestamptz NOT NULL,
    voided_at           timestamptz,
    void_transaction_id uuid,
    CONSTRAINT credit_notes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_void_transaction_id_fkey FOREIGN KEY (tenant_id, void_transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT credit_notes_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000 AND lowered_minor >= 0
        AND lowered_minor <= amount_minor AND (credit_id IS NULL OR lowered_minor < amount_minor)),
    CONSTRAINT credit_notes_voided CHECK ((voided_at IS NULL) = (void_transaction_id IS NULL))
);
ALTER TABLE credit_notes ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX credit_notes_invoice ON credit_notes (tenant_id, invoice_id, created_at, id);
ALTER TABLE credit_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_notes
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON credit_notes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_notes();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, invoice_id, amount_minor, lowered_minor, credit_id, created_at,
    voided_at, void_transaction_id ON credit_notes
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credit_notes();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION seal_credit_notes();
GRANT SELECT, INSERT, UPDATE (voided_at, void_transaction_id) ON credit_notes TO scrip_app;

CREATE TABLE credit_services (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    credit_id  uuid NOT NULL,
    service_id uuid NOT NULL,
    CONSTRAINT credit_services_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_services_key UNIQUE (tenant_id, credit_id, service_id),
    CONSTRAINT credit_services_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credit_services_tenant_id_service_id_fkey FOREIGN KEY (tenant_id, service_id)
        REFERENCES services(tenant_id, id)
);
ALTER TABLE credit_services ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE credit_services ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_services FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credit_services
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON credit_services
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_credit_services();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, credit_id, service_id ON credit_services
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credit_services();
CREATE TRIGGER seal_deleted AFTER DELETE ON credit_services
    FOR EACH ROW EXECUTE FUNCTION seal_credit_services();
GRANT SELECT, INSERT, DELETE ON credit_services TO scrip_app;

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
    start_wait      smallint GENERATED ALWAYS AS (
    CASE
        WHEN starts_at > created_at THEN GREATEST(0::numeric, floor(log(4::numeric, EXTRACT(epoch FROM starts_at -
            created_at))) + 1::numeric)
        ELSE NULL::numeric
    END) STORED,
    sweep_wait      smallint GENERATED ALWAYS AS (
    CASE
        WHEN swept_at > expires_at THEN GREATEST(0::numeric, floor(log(4::numeric, EXTRACT(epoch FROM swept_at -
            expires_at))) + 1::numeric)
        ELSE NULL::numeric
    END) STORED,
    counts          boolean NOT NULL,
    gone_minor      bigint NOT NULL,
    opened_sequence bigint NOT NULL,
    origin_id       uuid,
    successor_id    uuid,
    opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credits_pkey PRIMARY KEY (tenant_id, id) WITH (fillfactor=98),
    CONSTRAINT credits_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT credits_tenant_id_origin_id_fkey FOREIGN KEY (tenant_id, origin_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credits_tenant_id_successor_id_fkey FOREIGN KEY (tenant_id, successor_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT credits_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT credits_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000),
    CONSTRAINT credits_closed CHECK (remaining_minor = 0 OR voided_at IS NULL OR expires_at IS NOT NULL AND expires_at
        <= voided_at),
    CONSTRAINT credits_expiry CHECK (expires_at >= starts_at),
    CONSTRAINT credits_moved CHECK (successor_id IS NULL OR remaining_minor = 0),
    CONSTRAINT credits_opened CHECK (opened_sequence >= 1),
    CONSTRAINT credits_remaining CHECK (remaining_minor >= 0 AND gone_minor >= 0 AND (remaining_minor + gone_minor) <=
        amount_minor),
    CONSTRAINT credits_swept_expires CHECK (swept_at IS NULL OR expires_at IS NOT NULL)
) WITH (fillfactor=95);
ALTER TABLE credits ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE credits ALTER COLUMN account_id SET (n_distinct=-0.01);
CREATE STATISTICS credits_of_accounts (dependencies) ON tenant_id, account_id FROM credits;
CREATE INDEX credits_account_time ON credits (tenant_id, account_id, opened_at, id);
CREATE INDEX credits_burn_order ON credits (tenant_id, account_id, expires_at, restricted DESC, created_at, id) WHERE
    open;
CREATE INDEX credits_expiry ON credits (tenant_id, expires_at, id) WHERE open AND expires_at IS NOT NULL;
CREATE UNIQUE INDEX credits_opened_key ON credits (tenant_id, account_id, opened_sequence);
CREATE INDEX credits_origin ON credits (tenant_id, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX credits_scheduled ON credits (tenant_id, account_id, starts_at) WHERE open AND starts_at > created_at;
CREATE INDEX credits_start_wait ON credits (tenant_id, account_id, start_wait, starts_at) WHERE start_wait IS NOT NULL;
CREATE INDEX credits_successor ON credits (tenant_id, successor_id) WHERE successor_id IS NOT NULL;
CREATE INDEX credits_sweep_time ON credits (tenant_id, sweep_wait, expires_at) WHERE sweep_wait IS NOT NULL;
CREATE INDEX credits_sweep_wait ON credits (tenant_id, account_id, sweep_wait, expires_at) WHERE sweep_wait IS NOT NULL;
CREATE INDEX credits_time ON credits (tenant_id, opened_at, id) WITH (fillfactor='98');
ALTER TABLE credits ENABLE ROW LEVEL SECURITY;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON credits
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_changed AFTER UPDATE OF id, account_id, transaction_id, amount_minor, effective_on, starts_at,
    expires_at, restricted, auto_apply, created_at, swept_at, voided_at, counts, opened_sequence, origin_id,
    successor_id ON credits
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_credits();
GRANT SELECT, INSERT, UPDATE (remaining_minor, expires_at, restricted, auto_apply, swept_at, voided_at, gone_minor,
    successor_id) ON credits TO scrip_app;

CREATE TABLE currencies (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    code          varchar(3) NOT NULL,
    exponent      smallint NOT NULL,
    first_used_at timestamptz NOT NULL,
    CONSTRAINT currencies_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT currencies_code_key UNIQUE (tenant_id, code),
    CONSTRAINT currencies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT currencies_code CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT currencies_exponent CHECK (exponent >= 0 AND exponent <= 4)
);
ALTER TABLE currencies ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE currencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE currencies FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON currencies
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON currencies
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_currencies();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, code, exponent, first_used_at ON currencies
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_currencies();
CREATE TRIGGER seal_deleted AFTER DELETE ON currencies
    FOR EACH ROW EXECUTE FUNCTION seal_currencies();
GRANT SELECT, INSERT ON currencies TO scrip_app;

CREATE TABLE customers (
    id                      uuid NOT NULL,
    tenant_id               uuid NOT NULL,
    external_id             varchar(255) NOT NULL,
    name                    varchar(255) NOT NULL,
    email                   varchar(320),
    membership_cancelled_at timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    search_name             text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED,
    search_last_name text COLLATE "C" GENERATED ALWAYS AS (lower(split_part(btrim(name), ' ', '-1'::integer))) STORED,
    search_email            text COLLATE "C" GENERATED ALWAYS AS (lower(email)) STORED,
    search_external_id      text COLLATE "C" GENERATED ALWAYS AS (lower(external_id)) STORED,
    membership_started_at   timestamptz,
    merged_into_id          uuid,
    erased_at               timestamptz,
    merged_at               timestamptz,
    external_id_since       timestamptz,
    external_id_reused      boolean NOT NULL DEFAULT false,
    search_tail_3           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 3 THEN "right"(lower(external_id), 3)
        ELSE NULL
    END) STORED,
    search_tail_4           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 4 THEN "right"(lower(external_id), 4)
        ELSE NULL
    END) STORED,
    search_tail_5           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 5 THEN "right"(lower(external_id), 5)
        ELSE NULL
    END) STORED,
    search_tail_6           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 6 THEN "right"(lower(external_id), 6)
        ELSE NULL
    END) STORED,
    search_tail_7           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 7 THEN "right"(lower(external_id), 7)
        ELSE NULL
    END) STORED,
    search_tail_8           text COLLATE "C" GENERATED ALWAYS AS (
    CASE
        WHEN char_length(external_id) > 8 THEN "right"(lower(external_id), 8)
        ELSE NULL
    END) STORED,
    search_word_2 text COLLATE "C" GENERATED ALWAYS AS (NULLIF("substring"(lower(name),
        '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', '-1'::integer)))) STORED,
    search_word_3 text COLLATE "C" GENERATED ALWAYS AS (NULLIF("substring"(lower(name),
        '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){1}([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', '-1'::integer)))) STORED,
    search_word_4 text COLLATE "C" GENERATED ALWAYS AS (NULLIF("substring"(lower(name),
        '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){2}([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', '-1'::integer)))) STORED,
    search_word_5 text COLLATE "C" GENERATED ALWAYS AS (NULLIF("substring"(lower(name),
        '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){3}([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', '-1'::integer)))) STORED,
    search_email_2 text COLLATE "C" GENERATED ALWAYS AS ("substring"(lower(email), '^[^@._+-]*[._+-]+([^@._+-].*)$'))
        STORED,
    search_email_3 text COLLATE "C" GENERATED ALWAYS AS ("substring"(lower(email),
        '^[^@._+-]*[._+-]+[^@._+-]+[._+-]+([^@._+-].*)$')) STORED,
    search_domain           text COLLATE "C" GENERATED ALWAYS AS ("substring"(lower(email), '@([^@]+)$')) STORED,
    reference               text COLLATE "C",
    metadata                text,
    CONSTRAINT customers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT customers_external_id_key UNIQUE (tenant_id, external_id),
    CONSTRAINT customers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT customers_tenant_id_merged_into_id_fkey FOREIGN KEY (tenant_id, merged_into_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT customers_external_id_form CHECK (external_id = btrim(external_id,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')
        AND (external_id IS NFC NORMALIZED)),
    CONSTRAINT customers_membership CHECK (membership_cancelled_at >= membership_started_at),
    CONSTRAINT customers_merged CHECK (merged_into_id <> id),
    CONSTRAINT customers_merged_at CHECK ((merged_at IS NULL) = (merged_into_id IS NULL)),
    CONSTRAINT customers_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
    CONSTRAINT customers_name_form CHECK (name <> '' AND name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT customers_reference CHECK (char_length(reference) >= 1 AND char_length(reference) <= 255),
    CONSTRAINT customers_texts CHECK (external_id <> '' AND email <> '')
);
ALTER TABLE customers ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX customers_created ON customers (tenant_id, created_at, id);
CREATE INDEX customers_merged_into ON customers (tenant_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX customers_reference ON customers (tenant_id, reference, created_at, id) WHERE reference IS NOT NULL;
CREATE INDEX customers_search_domain ON customers (tenant_id, search_domain) WHERE search_domain IS NOT NULL;
CREATE INDEX customers_search_email ON customers (tenant_id, search_email);
CREATE INDEX customers_search_email_2 ON customers (tenant_id, search_email_2) WHERE search_email_2 IS NOT NULL;
CREATE INDEX customers_search_email_3 ON customers (tenant_id, search_email_3) WHERE search_email_3 IS NOT NULL;
CREATE INDEX customers_search_external_id ON customers (tenant_id, search_external_id);
CREATE INDEX customers_search_last_name ON customers (tenant_id, search_last_name);
CREATE INDEX customers_search_name ON customers (tenant_id, search_name, id);
CREATE INDEX customers_search_tail_3 ON customers (tenant_id, search_tail_3) WHERE search_tail_3 IS NOT NULL;
CREATE INDEX customers_search_tail_4 ON customers (tenant_id, search_tail_4) WHERE search_tail_4 IS NOT NULL;
CREATE INDEX customers_search_tail_5 ON customers (tenant_id, search_tail_5) WHERE search_tail_5 IS NOT NULL;
CREATE INDEX customers_search_tail_6 ON customers (tenant_id, search_tail_6) WHERE search_tail_6 IS NOT NULL;
CREATE INDEX customers_search_tail_7 ON customers (tenant_id, search_tail_7) WHERE search_tail_7 IS NOT NULL;
CREATE INDEX customers_search_tail_8 ON customers (tenant_id, search_tail_8) WHERE search_tail_8 IS NOT NULL;
CREATE INDEX customers_search_word_2 ON customers (tenant_id, search_word_2) WHERE search_word_2 IS NOT NULL;
CREATE INDEX customers_search_word_3 ON customers (tenant_id, search_word_3) WHERE search_word_3 IS NOT NULL;
CREATE INDEX customers_search_word_4 ON customers (tenant_id, search_word_4) WHERE search_word_4 IS NOT NULL;
CREATE INDEX customers_search_word_5 ON customers (tenant_id, search_word_5) WHERE search_word_5 IS NOT NULL;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON customers
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON customers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_customers();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, external_id, name, email, membership_started_at,
    membership_cancelled_at, merged_into_id, merged_at, erased_at, created_at, updated_at, external_id_since,
    external_id_reused, reference, metadata ON customers
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_customers();
CREATE TRIGGER seal_deleted AFTER DELETE ON customers
    FOR EACH ROW EXECUTE FUNCTION seal_customers();
GRANT SELECT, INSERT, UPDATE (external_id, name, email, membership_cancelled_at, updated_at, membership_started_at,
    merged_into_id, erased_at, merged_at, external_id_since, external_id_reused, reference, metadata) ON customers TO
    scrip_app;

CREATE TABLE entries (
    id                  uuid NOT NULL,
    tenant_id           uuid NOT NULL,
    account_id          uuid NOT NULL,
    sequence            bigint NOT NULL,
    transaction_id      uuid NOT NULL,
    credit_id           uuid,
    counter             varchar(16) NOT NULL,
    amount_minor        bigint NOT NULL,
    lifetime_minor      bigint NOT NULL,
    balance_after_minor bigint NOT NULL,
    created_at          timestamptz NOT NULL,
    previous_hash       bytea,
    hash                bytea NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (tenant_id, id) WITH (fillfactor=98),
    CONSTRAINT entries_sequence_key UNIQUE (tenant_id, account_id, sequence),
    CONSTRAINT entries_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT entries_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT entries_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT entries_amount CHECK (abs(amount_minor) <= 1000000000000000 AND
    CASE
        WHEN credit_id IS NULL THEN (counter IN ('MERGED', 'RESTATED')) AND amount_minor = 0 AND lifetime_minor <> 0
        ELSE amount_minor <> 0
    END),
    CONSTRAINT entries_balance_after CHECK (balance_after_minor >= 0 AND balance_after_minor <= 1000000000000000),
    CONSTRAINT entries_counter CHECK (
    CASE
        WHEN counter = 'ISSUED' THEN amount_minor > 0
        ELSE counter IN ('REMOVED', 'EXPIRED', 'INVOICES', 'REDEEMED', 'ORDERS', 'MERGED', 'NOTES', 'SPENT',
            'TRANSFERRED', 'RESTATED')
    END),
    CONSTRAINT entries_hashes CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32),
    CONSTRAINT entries_lifetime CHECK (lifetime_minor = 0 OR credit_id IS NULL OR lifetime_minor = amount_minor AND
        (counter IN ('ISSUED', 'REMOVED', 'ORDERS'))),
    CONSTRAINT entries_sequence CHECK (sequence >= 1 AND (sequence = 1) = (previous_hash IS NULL))
);
ALTER TABLE entries ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX entries_credit ON entries (tenant_id, credit_id, created_at) WITH (fillfactor='98');
CREATE INDEX entries_milestones ON entries (tenant_id, account_id, created_at, sequence) WHERE (sequence % 8::bigint) =
    0;
CREATE INDEX entries_transaction ON entries (tenant_id, transaction_id) WITH (fillfactor='98');
ALTER TABLE entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON entries
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER continues AFTER INSERT ON entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_continue();
GRANT SELECT, INSERT ON entries TO scrip_app;

CREATE TABLE external_ids_left (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    left_at   timestamptz NOT NULL,
    CONSTRAINT external_ids_left_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT external_ids_left_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);
ALTER TABLE external_ids_left ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE external_ids_left ENABLE ROW LEVEL SECURITY;
ALTER TABLE external_ids_left FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON external_ids_left
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON external_ids_left
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_external_ids_left();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, left_at ON external_ids_left
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_external_ids_left();
CREATE TRIGGER seal_deleted AFTER DELETE ON external_ids_left
    FOR EACH ROW EXECUTE FUNCTION seal_external_ids_left();
GRANT SELECT, INSERT, UPDATE (left_at) ON external_ids_left TO scrip_app;

CREATE TABLE feed (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    position     bigint NOT NULL,
    kind         varchar(32) NOT NULL,
    subject_id   uuid,
    customer_id  uuid,
    occurred_at  timestamptz,
    recorded_at  timestamptz NOT NULL,
    amount_minor bigint,
    CONSTRAINT feed_pkey PRIMARY KEY (tenant_id, "position"),
    CONSTRAINT feed_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT feed_kind CHECK (kind IN ('CREDIT_ADJUSTED', 'CREDIT_ASSIGNED', 'CREDIT_RELEASED', 'CREDIT_EXPIRED',
        'CREDIT_EXPIRING', 'CREDIT_VOIDED', 'CREDIT_UPDATED', 'CREDIT_USED', 'CREDIT_SPENT', 'CREDIT_REFUNDED',
        'CREDIT_HELD', 'HOLD_LAPSED', 'CREDIT_SOLD', 'CREDIT_KEPT', 'CREDIT_NOTED', 'CREDIT_NOTE_VOIDED',
        'CREDIT_TRANSFERRED', 'CREDIT_REVIVED', 'CREDIT_REVERSED', 'CREDIT_MERGED', 'LIFETIME_RESTATED', 'REWARD_GIVEN',
        'TIER_CHANGED', 'COUPON_ISSUED', 'COUPON_USED', 'COUPON_REOPENED', 'COUPON_DISABLED', 'INVOICE_ISSUED',
        'INVOICE_PAID', 'INVOICE_VOIDED', 'ORDER_PAID', 'PAYMENT_RECORDED', 'PAYMENT_VOIDED', 'APPROVAL_REQUESTED',
        'APPROVAL_APPROVED', 'APPROVAL_REJECTED', 'APPROVAL_WITHDRAWN', 'APPROVAL_EXPIRED', 'BULK_FINISHED',
        'CUSTOMER_CREATED', 'CUSTOMER_UPDATED', 'CUSTOMER_MERGED', 'CUSTOMER_ERASED', 'MEMBERSHIP_CHANGED',
        'LIMIT_CHANGED', 'REASON_CHANGED', 'TOKEN_CHANGED', 'SETTINGS_CHANGED', 'CHECKPOINT_MADE')),
    CONSTRAINT feed_position CHECK ("position" >= 1)
);
ALTER TABLE feed ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX feed_customer ON feed (tenant_id, customer_id, "position") WHERE customer_id IS NOT NULL;
CREATE INDEX feed_kind ON feed (tenant_id, kind, "position");
ALTER TABLE feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON feed
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON feed TO scrip_app;

CREATE TABLE feed_heads (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    position    bigint NOT NULL,
    at          timestamptz NOT NULL,
    noticed_at  timestamptz NOT NULL,
    noticed_id  uuid NOT NULL,
    lapsed_at   timestamptz NOT NULL,
    lapsed_id   uuid NOT NULL,
    pruned      bigint NOT NULL,
    told_until  timestamptz,
    told_before timestamptz,
    CONSTRAINT feed_heads_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT feed_heads_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT feed_heads_own CHECK (id = tenant_id),
    CONSTRAINT feed_heads_positions CHECK (pruned >= 0 AND pruned <= "position")
);
ALTER TABLE feed_heads ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE feed_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON feed_heads
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (position, at, noticed_at, noticed_id, lapsed_at, lapsed_id, pruned, told_until,
    told_before) ON feed_heads TO scrip_app;

CREATE TABLE grants (
    id                     uuid NOT NULL,
    tenant_id              uuid NOT NULL,
    invoice_id             uuid NOT NULL,
    credit_id              uuid NOT NULL,
    transaction_id         uuid NOT NULL,
    revoked_transaction_id uuid,
    revoked_minor          bigint,
    CONSTRAINT grants_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT grants_credit_key UNIQUE (tenant_id, credit_id),
    CONSTRAINT grants_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT grants_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT grants_tenant_id_revoked_transaction_id_fkey FOREIGN KEY (tenant_id, revoked_transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT grants_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT grants_revoked CHECK ((revoked_minor IS NULL) = (revoked_transaction_id IS NULL) AND revoked_minor >= 0)
);
ALTER TABLE grants ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX grants_invoice ON grants (tenant_id, invoice_id);
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON grants
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON grants
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_grants();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, invoice_id, credit_id, transaction_id, revoked_transaction_id,
    revoked_minor ON grants
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_grants();
CREATE TRIGGER seal_deleted AFTER DELETE ON grants
    FOR EACH ROW EXECUTE FUNCTION seal_grants();
GRANT SELECT, INSERT, UPDATE (revoked_transaction_id, revoked_minor) ON grants TO scrip_app;

CREATE TABLE hold_lots (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    hold_id        uuid NOT NULL,
    transaction_id uuid NOT NULL,
    account_id     uuid NOT NULL,
    credit_id      uuid NOT NULL,
    position       bigint NOT NULL,
    amount_minor   bigint NOT NULL,
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT hold_lots_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT hold_lots_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT hold_lots_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT hold_lots_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES holds(tenant_id, id),
    CONSTRAINT hold_lots_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT hold_lots_position CHECK ("position" >= 0)
);
ALTER TABLE hold_lots ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX hold_lots_account ON hold_lots (tenant_id, account_id, created_at);
CREATE INDEX hold_lots_credit ON hold_lots (tenant_id, credit_id, created_at);
CREATE INDEX hold_lots_hold ON hold_lots (tenant_id, hold_id, created_at);
CREATE INDEX hold_lots_transaction ON hold_lots (tenant_id, transaction_id);
ALTER TABLE hold_lots ENABLE ROW LEVEL SECURITY;
ALTER TABLE hold_lots FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON hold_lots
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hold_lots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fits AFTER INSERT ON hold_lots
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hold_lots_fit();
CREATE TRIGGER seal_added AFTER INSERT ON hold_lots
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_hold_lots();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, hold_id, transaction_id, account_id, credit_id, "position",
    amount_minor, expires_at, created_at ON hold_lots
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_hold_lots();
CREATE TRIGGER seal_deleted AFTER DELETE ON hold_lots
    FOR EACH ROW EXECUTE FUNCTION seal_hold_lots();
GRANT SELECT, INSERT ON hold_lots TO scrip_app;

CREATE TABLE holds (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    home_id        uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    held_minor     bigint NOT NULL,
    captured_minor bigint NOT NULL,
    invoice_id     uuid,
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT holds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT holds_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT holds_tenant_id_home_id_fkey FOREIGN KEY (tenant_id, home_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT holds_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT holds_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT holds_amount CHECK (amount_minor >= 1 AND held_minor >= 0 AND captured_minor >= 0 AND (held_minor +
        captured_minor) <= amount_minor),
    CONSTRAINT holds_expiry CHECK ((expires_at - created_at) <= '30 days'::interval)
) WITH (fillfactor=85);
ALTER TABLE holds ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX holds_account ON holds (tenant_id, account_id, created_at, id);
CREATE INDEX holds_expiry ON holds (tenant_id, expires_at);
CREATE INDEX holds_lapse ON holds (tenant_id, expires_at, id) WHERE held_minor > 0;
CREATE INDEX holds_live ON holds (tenant_id, home_id, expires_at) WHERE held_minor > 0;
CREATE INDEX holds_time ON holds (tenant_id, created_at, id);
ALTER TABLE holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE holds FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON holds
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON holds
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_holds();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, account_id, home_id, amount_minor, invoice_id, expires_at, created_at ON
    holds
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_holds();
CREATE TRIGGER seal_deleted AFTER DELETE ON holds
    FOR EACH ROW EXECUTE FUNCTION seal_holds();
GRANT SELECT, INSERT, UPDATE (home_id, held_minor, captured_minor, expires_at) ON holds TO scrip_app;

CREATE TABLE idempotency_keys (
    key        varchar(255) NOT NULL,
    tenant_id  uuid NOT NULL,
    operation  varchar(32) NOT NULL,
    input_hash bytea NOT NULL,
    result_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    client     varchar(255) NOT NULL,
    shared     boolean NOT NULL,
    kept       boolean NOT NULL,
    sealed     boolean NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key, client),
    CONSTRAINT idempotency_keys_input_hash CHECK (
    CASE
        WHEN sealed THEN octet_length(input_hash) = 32 AND operation <> ''
        ELSE octet_length(input_hash) = 0 AND operation = ''
    END),
    CONSTRAINT idempotency_keys_key_given CHECK (key <> ''),
    CONSTRAINT idempotency_keys_shared CHECK (NOT shared OR client = '')
);
ALTER TABLE idempotency_keys ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX idempotency_keys_pruned ON idempotency_keys (tenant_id, created_at) WHERE NOT kept;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON idempotency_keys
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON idempotency_keys
    FOR EACH ROW WHEN (new.sealed) EXECUTE FUNCTION seal_added_idempotency_keys();
CREATE TRIGGER seal_changed AFTER UPDATE OF key, client, shared, kept, operation, input_hash, result_id, created_at ON
    idempotency_keys
    FOR EACH ROW WHEN (old.sealed AND old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_idempotency_keys();
CREATE TRIGGER seal_claimed AFTER UPDATE OF sealed ON idempotency_keys
    FOR EACH ROW WHEN (new.sealed AND NOT old.sealed) EXECUTE FUNCTION seal_added_idempotency_keys();
CREATE TRIGGER seal_deleted AFTER DELETE ON idempotency_keys
    FOR EACH ROW WHEN (old.sealed) EXECUTE FUNCTION seal_idempotency_keys();
GRANT SELECT, INSERT, UPDATE (operation, input_hash, sealed), DELETE ON idempotency_keys TO scrip_app;

CREATE TABLE invoice_line_details (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    quantity         numeric(14,4) NOT NULL,
    unit_price_minor numeric(20,4) NOT NULL,
    discount_percent numeric(7,4) NOT NULL,
    discount_minor   bigint NOT NULL,
    tax_minor        bigint NOT NULL,
    amount_minor     bigint NOT NULL,
    CONSTRAINT invoice_line_details_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoice_line_details_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES invoice_lines(tenant_id, id),
    CONSTRAINT invoice_line_details_amount CHECK (amount_minor::numeric = round(quantity * unit_price_minor *
        (100::numeric - discount_percent) * 0.01 - discount_minor::numeric)),
    CONSTRAINT invoice_line_details_figures CHECK (quantity > 0::numeric AND unit_price_minor >= 0::numeric AND
        unit_price_minor <= 1000000000000000::numeric AND discount_percent >= 0::numeric AND discount_percent <=
        100::numeric AND discount_minor >= 0 AND tax_minor >= 0 AND tax_minor <= 1000000000000000 AND amount_minor >= 0
        AND amount_minor <= 1000000000000000)
);
ALTER TABLE invoice_line_details ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE invoice_line_details ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_line_details FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoice_line_details
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoice_line_details
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON invoice_line_details
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_line_details();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, quantity, unit_price_minor, discount_percent, discount_minor, tax_minor,
    amount_minor ON invoice_line_details
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_invoice_line_details();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_line_details
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_line_details();
GRANT SELECT, INSERT ON invoice_line_details TO scrip_app;

CREATE TABLE invoice_lines (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    invoice_id       uuid NOT NULL,
    position         integer NOT NULL,
    description      varchar(500) NOT NULL,
    quantity         integer NOT NULL,
    unit_price_minor bigint NOT NULL,
    kind             varchar(16),
    product_id       uuid,
    CONSTRAINT invoice_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoice_lines_position_key UNIQUE (tenant_id, invoice_id, "position"),
    CONSTRAINT invoice_lines_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT invoice_lines_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id)
        REFERENCES products(tenant_id, id),
    CONSTRAINT invoice_lines_numbers CHECK ("position" >= 0 AND quantity >= 1 AND abs(unit_price_minor) <=
        1000000000000000),
    CONSTRAINT invoice_lines_product CHECK ((kind IS NULL) = (product_id IS NULL) AND (kind IN ('GOODS', 'SERVICE',
        'CREDIT')))
);
ALTER TABLE invoice_lines ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE invoice_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoice_lines
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON invoice_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_lines();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, invoice_id, "position", description, quantity, unit_price_minor, kind,
    product_id ON invoice_lines
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_invoice_lines();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_lines();
GRANT SELECT, INSERT ON invoice_lines TO scrip_app;

CREATE TABLE invoice_texts (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    reference     text COLLATE "C",
    metadata      text,
    referenced_at timestamptz,
    CONSTRAINT invoice_texts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoice_texts_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT invoice_texts_any CHECK (num_nonnulls(reference, metadata) > 0),
    CONSTRAINT invoice_texts_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
    CONSTRAINT invoice_texts_reference CHECK (char_length(reference) >= 1 AND char_length(reference) <= 255),
    CONSTRAINT invoice_texts_referenced_at CHECK ((reference IS NULL) = (referenced_at IS NULL))
);
ALTER TABLE invoice_texts ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX invoice_texts_reference ON invoice_texts (tenant_id, reference, referenced_at, id) WHERE reference IS NOT
    NULL;
ALTER TABLE invoice_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoice_texts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON invoice_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON invoice_texts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoice_texts();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, reference, metadata, referenced_at ON invoice_texts
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_invoice_texts();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoice_texts
    FOR EACH ROW EXECUTE FUNCTION seal_invoice_texts();
GRANT SELECT, INSERT, DELETE ON invoice_texts TO scrip_app;

CREATE TABLE invoices (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    customer_id      uuid NOT NULL,
    number           varchar(64) NOT NULL,
    currency         varchar(16) NOT NULL,
    total_minor      bigint NOT NULL,
    paid_minor       bigint NOT NULL,
    credited_minor   bigint NOT NULL,
    status           varchar(16) NOT NULL,
    auto_apply       boolean NOT NULL,
    issued_on        date NOT NULL,
    due_on           date,
    actor_id         uuid NOT NULL,
    created_at       timestamptz NOT NULL,
    voided_at        timestamptz,
    creditable_minor bigint NOT NULL,
    kind             varchar(16) NOT NULL,
    limited_on       date,
    tax_minor        bigint NOT NULL DEFAULT 0,
    noted_minor      bigint NOT NULL DEFAULT 0,
    CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoices_number_key UNIQUE (tenant_id, number),
    CONSTRAINT invoices_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT invoices_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT invoices_creditable CHECK (creditable_minor >= 0 AND creditable_minor <= total_minor AND (credited_minor
        + noted_minor) <= creditable_minor AND (kind = 'ORDER' OR creditable_minor = total_minor)),
    CONSTRAINT invoices_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT invoices_kind CHECK (kind IN ('INVOICE', 'ORDER')),
    CONSTRAINT invoices_limited CHECK (limited_on IS NULL OR creditable_minor < total_minor),
    CONSTRAINT invoices_number_form CHECK (number = btrim(number,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT invoices_number_given CHECK (number <> ''),
    CONSTRAINT invoices_status CHECK (
    CASE status
        WHEN 'OPEN' THEN (paid_minor + credited_minor) = 0 AND total_minor > noted_minor
        WHEN 'PART_PAID' THEN (paid_minor + credited_minor) >= 1 AND (paid_minor + credited_minor) <= (total_minor -
            noted_minor - 1)
        WHEN 'PAID' THEN (paid_minor + credited_minor) = (total_minor - noted_minor)
        WHEN 'VOID' THEN credited_minor = 0
        ELSE false
    END),
    CONSTRAINT invoices_sums CHECK (total_minor >= 0 AND total_minor <= 1000000000000000 AND paid_minor >= 0 AND
        credited_minor >= 0 AND noted_minor >= 0 AND (paid_minor + credited_minor + noted_minor) <= total_minor),
    CONSTRAINT invoices_tax CHECK (tax_minor >= 0 AND tax_minor <= total_minor),
    CONSTRAINT invoices_voided CHECK ((status = 'VOID') = (voided_at IS NOT NULL))
) WITH (fillfactor=90);
ALTER TABLE invoices ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX invoices_created ON invoices (tenant_id, created_at, id);
CREATE INDEX invoices_customer ON invoices (tenant_id, customer_id, created_at, id);
CREATE INDEX invoices_customer_due ON invoices (tenant_id, customer_id, due_on, id) WHERE due_on IS NOT NULL;
CREATE INDEX invoices_due ON invoices (tenant_id, due_on, id) WHERE (status IN ('OPEN', 'PART_PAID')) AND due_on IS NOT
    NULL;
CREATE INDEX invoices_due_any ON invoices (tenant_id, due_on, id) WHERE due_on IS NOT NULL;
CREATE INDEX invoices_unpaid ON invoices (tenant_id, created_at, id) WHERE status IN ('OPEN', 'PART_PAID');
CREATE INDEX invoices_void ON invoices (tenant_id, created_at, id) WHERE status = 'VOID';
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON invoices
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON invoices
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_invoices();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, customer_id, number, currency, total_minor, creditable_minor, kind,
    auto_apply, issued_on, due_on, actor_id, created_at, voided_at, limited_on ON invoices
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_invoices();
CREATE TRIGGER seal_deleted AFTER DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION seal_invoices();
GRANT SELECT, INSERT, UPDATE (paid_minor, credited_minor, status, auto_apply, due_on, voided_at, noted_minor) ON
    invoices TO scrip_app;

CREATE TABLE limit_counters (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    scope         varchar(16) NOT NULL,
    role          varchar(16) NOT NULL,
    holder        varchar(255) NOT NULL,
    asset         varchar(16) NOT NULL,
    day           date NOT NULL,
    used_minor    bigint NOT NULL,
    opening_minor bigint NOT NULL DEFAULT 0,
    CONSTRAINT limit_counters_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT limit_counters_subject_key UNIQUE (tenant_id, scope, role, holder, asset, day),
    CONSTRAINT limit_counters_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT limit_counters_asset CHECK (asset ~ '^[A-Z]{3}$' OR (asset IN ('SERVICE_CREDITS', 'POINTS'))),
    CONSTRAINT limit_counters_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER')),
    CONSTRAINT limit_counters_scope CHECK (scope IN ('PER_ACTOR_DAY', 'PER_CUSTOMER_DAY', 'SOLD_ACTOR_DAY',
        'SPENT_ACTOR_DAY', 'SPENT_PERSON_DAY')),
    CONSTRAINT limit_counters_used CHECK (used_minor >= 0)
) WITH (fillfactor=70);
ALTER TABLE limit_counters ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE limit_counters ENABLE ROW LEVEL SECURITY;
ALTER TABLE limit_counters FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON limit_counters
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON limit_counters
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_limit_counters();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, scope, role, holder, asset, day, opening_minor ON limit_counters
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_limit_counters();
CREATE TRIGGER seal_deleted AFTER DELETE ON limit_counters
    FOR EACH ROW EXECUTE FUNCTION seal_limit_counters();
GRANT SELECT, INSERT, UPDATE (used_minor) ON limit_counters TO scrip_app;

CREATE TABLE limit_rules (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL,
    role             varchar(16) NOT NULL,
    asset            varchar(16) NOT NULL,
    holder           varchar(255) NOT NULL,
    per_adjustment   numeric(20,4),
    per_actor_day    numeric(20,4),
    per_customer_day numeric(20,4),
    kind             varchar(16) NOT NULL DEFAULT 'ADDING',
    CONSTRAINT limit_rules_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT limit_rules_subject_key UNIQUE (tenant_id, kind, role, asset, holder),
    CONSTRAINT limit_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT limit_rules_asset CHECK (asset ~ '^[A-Z]{3}$' OR (asset IN ('SERVICE_CREDITS', 'POINTS', 'MONEY'))),
    CONSTRAINT limit_rules_kind CHECK (
    CASE kind
        WHEN 'ADDING' THEN true
        WHEN 'SPENDING' THEN true
        WHEN 'SELLING_CREDIT' THEN per_customer_day IS NULL AND (asset NOT IN ('SERVICE_CREDITS', 'POINTS'))
        ELSE false
    END),
    CONSTRAINT limit_rules_numbers CHECK (per_adjustment >= 0::numeric AND per_actor_day >= 0::numeric AND
        per_customer_day >= 0::numeric),
    CONSTRAINT limit_rules_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER'))
);
ALTER TABLE limit_rules ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE limit_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON limit_rules
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version AFTER INSERT OR DELETE OR UPDATE ON limit_rules
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON limit_rules
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_limit_rules();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day,
    kind ON limit_rules
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_limit_rules();
CREATE TRIGGER seal_deleted AFTER DELETE ON limit_rules
    FOR EACH ROW EXECUTE FUNCTION seal_limit_rules();
GRANT SELECT, INSERT, UPDATE (per_adjustment, per_actor_day, per_customer_day), DELETE ON limit_rules TO scrip_app;

CREATE TABLE outbox (
    id         uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    topic      varchar(64) NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    position   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT outbox_time_key UNIQUE (tenant_id, created_at, "position"),
    CONSTRAINT outbox_topic_given CHECK (topic <> '')
);
ALTER TABLE outbox ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON outbox
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON outbox TO scrip_app;

CREATE TABLE overpayments (
    id                     uuid NOT NULL,
    tenant_id              uuid NOT NULL,
    credit_id              uuid NOT NULL,
    transaction_id         uuid NOT NULL,
    amount_minor           bigint NOT NULL,
    revoked_transaction_id uuid,
    revoked_minor          bigint,
    CONSTRAINT overpayments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT overpayments_credit_key UNIQUE (tenant_id, credit_id),
    CONSTRAINT overpayments_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT overpayments_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES payments(tenant_id, id),
    CONSTRAINT overpayments_tenant_id_revoked_transaction_id_fkey FOREIGN KEY (tenant_id, revoked_transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT overpayments_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT overpayments_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000),
    CONSTRAINT overpayments_revoked CHECK ((revoked_minor IS NULL) = (revoked_transaction_id IS NULL) AND revoked_minor
        >= 0 AND revoked_minor <= amount_minor)
);
ALTER TABLE overpayments ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE overpayments ENABLE ROW LEVEL SECURITY;
ALTER TABLE overpayments FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON overpayments
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON overpayments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_overpayments();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, credit_id, transaction_id, amount_minor, revoked_transaction_id,
    revoked_minor ON overpayments
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_overpayments();
CREATE TRIGGER seal_deleted AFTER DELETE ON overpayments
    FOR EACH ROW EXECUTE FUNCTION seal_overpayments();
GRANT SELECT, INSERT, UPDATE (revoked_transaction_id, revoked_minor) ON overpayments TO scrip_app;

CREATE TABLE partner_tokens (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL,
    client            varchar(255) NOT NULL,
    name              varchar(255) NOT NULL,
    scope             varchar(1000) NOT NULL,
    secret_hash       bytea NOT NULL,
    replaces_id       uuid,
    created_by_id     uuid NOT NULL,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz,
    revoked_by_id     uuid,
    revoked_at        timestamptz,
    last_used_at      timestamptz,
    last_used_address varchar(64),
    CONSTRAINT partner_tokens_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT partner_tokens_tenant_id_created_by_id_fkey FOREIGN KEY (tenant_id, created_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT partner_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT partner_tokens_tenant_id_replaces_id_fkey FOREIGN KEY (tenant_id, replaces_id)
        REFERENCES partner_tokens(tenant_id, id),
    CONSTRAINT partner_tokens_tenant_id_revoked_by_id_fkey FOREIGN KEY (tenant_id, revoked_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT partner_tokens_expiry CHECK (expires_at > created_at),
    CONSTRAINT partner_tokens_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT partner_tokens_revoked CHECK ((revoked_at IS NULL) = (revoked_by_id IS NULL)),
    CONSTRAINT partner_tokens_secret_hash CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT partner_tokens_texts CHECK (client <> '' AND name <> '')
);
ALTER TABLE partner_tokens ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE partner_tokens ALTER COLUMN client SET (n_distinct=-0.1);
CREATE INDEX partner_tokens_client ON partner_tokens (tenant_id, client, created_at, id);
CREATE INDEX partner_tokens_time ON partner_tokens (tenant_id, created_at, id);
ALTER TABLE partner_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON partner_tokens
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON partner_tokens
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_partner_tokens();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, client, name, scope, secret_hash, replaces_id, created_by_id,
    created_at, expires_at, revoked_by_id, revoked_at ON partner_tokens
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_partner_tokens();
CREATE TRIGGER seal_deleted AFTER DELETE ON partner_tokens
    FOR EACH ROW EXECUTE FUNCTION seal_partner_tokens();
GRANT SELECT, INSERT, UPDATE (expires_at, revoked_by_id, revoked_at, last_used_at, last_used_address) ON partner_tokens
    TO scrip_app;

CREATE TABLE payments (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    invoice_id     uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    method         varchar(16) NOT NULL,
    received_on    date NOT NULL,
    actor_id       uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    voided_at      timestamptz,
    transaction_id uuid,
    noted_minor    bigint NOT NULL DEFAULT 0,
    CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payments_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT payments_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id)
        REFERENCES invoices(tenant_id, id),
    CONSTRAINT payments_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT payments_amount CHECK (amount_minor >= 1 AND amount_minor <= 1000000000000000),
    CONSTRAINT payments_method CHECK (
    CASE method
        WHEN 'ACCOUNT_CREDIT' THEN transaction_id IS NOT NULL
        ELSE (method IN ('CASH', 'CHECK', 'CARD', 'TRANSFER', 'OTHER')) AND transaction_id IS NULL
    END),
    CONSTRAINT payments_noted CHECK (noted_minor = 0 OR noted_minor >= 1 AND noted_minor <= amount_minor AND
        transaction_id IS NULL AND voided_at IS NULL)
);
ALTER TABLE payments ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX payments_invoice ON payments (tenant_id, invoice_id, created_at, id);
CREATE UNIQUE INDEX payments_transaction ON payments (tenant_id, transaction_id) WHERE transaction_id IS NOT NULL;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON payments
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON payments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_payments();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, invoice_id, amount_minor, method, received_on, transaction_id, actor_id,
    created_at, voided_at ON payments
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_payments();
CREATE TRIGGER seal_deleted AFTER DELETE ON payments
    FOR EACH ROW EXECUTE FUNCTION seal_payments();
GRANT SELECT, INSERT, UPDATE (voided_at, noted_minor) ON payments TO scrip_app;

CREATE TABLE products (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    name        varchar(200) NOT NULL,
    kind        varchar(16) NOT NULL,
    currency    varchar(16) NOT NULL,
    price_minor numeric(20,4) NOT NULL,
    active      boolean NOT NULL,
    reference   text COLLATE "C",
    metadata    text,
    CONSTRAINT products_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT products_name_key UNIQUE (tenant_id, name),
    CONSTRAINT products_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT products_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT products_kind CHECK (kind IN ('GOODS', 'SERVICE', 'CREDIT')),
    CONSTRAINT products_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
    CONSTRAINT products_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT products_name_given CHECK (name <> ''),
    CONSTRAINT products_price CHECK (price_minor >= 0::numeric AND price_minor <= 1000000000000000::numeric),
    CONSTRAINT products_reference CHECK (char_length(reference) >= 1 AND char_length(reference) <= 255)
);
ALTER TABLE products ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX products_reference ON products (tenant_id, reference, name) WHERE reference IS NOT NULL;
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON products
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON products
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_products();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, name, kind, currency, price_minor, active, reference, metadata ON
    products
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_products();
CREATE TRIGGER seal_deleted AFTER DELETE ON products
    FOR EACH ROW EXECUTE FUNCTION seal_products();
GRANT SELECT, INSERT, UPDATE (name, price_minor, active, reference, metadata) ON products TO scrip_app;

CREATE TABLE reasons (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    code           varchar(64) NOT NULL,
    label          varchar(200) NOT NULL,
    adds           boolean NOT NULL,
    removes        boolean NOT NULL,
    moves_lifetime boolean NOT NULL,
    note_required  boolean NOT NULL,
    active         boolean NOT NULL,
    CONSTRAINT reasons_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT reasons_code_key UNIQUE (tenant_id, code),
    CONSTRAINT reasons_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT reasons_direction CHECK (adds OR removes),
    CONSTRAINT reasons_label_form CHECK (label = btrim(label,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT reasons_texts CHECK (code <> '' AND label <> '')
);
ALTER TABLE reasons ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE reasons ENABLE ROW LEVEL SECURITY;
ALTER TABLE reasons FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON reasons
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version AFTER INSERT OR DELETE OR UPDATE ON reasons
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON reasons
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_reasons();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, code, label, adds, removes, moves_lifetime, note_required, active ON
    reasons
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_reasons();
CREATE TRIGGER seal_deleted AFTER DELETE ON reasons
    FOR EACH ROW EXECUTE FUNCTION seal_reasons();
GRANT SELECT, INSERT, UPDATE (label, adds, removes, moves_lifetime, note_required, active) ON reasons TO scrip_app;

CREATE TABLE refunds (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    spend_id     uuid NOT NULL,
    amount_minor bigint NOT NULL,
    taken_minor  bigint NOT NULL,
    before_minor bigint NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refunds_spend_key UNIQUE (tenant_id, spend_id, before_minor),
    CONSTRAINT refunds_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT refunds_tenant_id_spend_id_fkey FOREIGN KEY (tenant_id, spend_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT refunds_amount CHECK (amount_minor > 0 AND before_minor >= 0 AND (before_minor + amount_minor) <=
        taken_minor)
);
ALTER TABLE refunds ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON refunds
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON refunds
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_refunds();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, spend_id, amount_minor, taken_minor, before_minor ON refunds
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_refunds();
CREATE TRIGGER seal_deleted AFTER DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION seal_refunds();
GRANT SELECT, INSERT ON refunds TO scrip_app;

CREATE TABLE reversed_rows (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    transaction_id uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    used_minor     bigint NOT NULL,
    CONSTRAINT reversed_rows_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT reversed_rows_transaction_key UNIQUE (tenant_id, transaction_id),
    CONSTRAINT reversed_rows_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES bulk_rows(tenant_id, id),
    CONSTRAINT reversed_rows_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT reversed_rows_used CHECK (used_minor >= 0 AND (amount_minor <= 0 OR used_minor = 0))
);
ALTER TABLE reversed_rows ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE reversed_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE reversed_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON reversed_rows
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON reversed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON reversed_rows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_reversed_rows();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, transaction_id, amount_minor, used_minor ON reversed_rows
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_reversed_rows();
CREATE TRIGGER seal_deleted AFTER DELETE ON reversed_rows
    FOR EACH ROW EXECUTE FUNCTION seal_reversed_rows();
GRANT SELECT, INSERT ON reversed_rows TO scrip_app;

CREATE TABLE revivals (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    transaction_id uuid NOT NULL,
    credit_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    lot_id         uuid NOT NULL,
    amount_minor   bigint NOT NULL,
    expired_minor  bigint NOT NULL,
    before_minor   bigint NOT NULL,
    expired_at     timestamptz,
    revived_at     timestamptz NOT NULL,
    CONSTRAINT revivals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT revivals_lot_key UNIQUE (tenant_id, lot_id, before_minor),
    CONSTRAINT revivals_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT revivals_tenant_id_credit_id_fkey FOREIGN KEY (tenant_id, credit_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT revivals_tenant_id_lot_id_fkey FOREIGN KEY (tenant_id, lot_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT revivals_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT revivals_amount CHECK (amount_minor > 0 AND before_minor >= 0 AND (before_minor + amount_minor) <=
        expired_minor)
);
ALTER TABLE revivals ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX revivals_account ON revivals (tenant_id, account_id, revived_at);
CREATE INDEX revivals_time ON revivals (tenant_id, revived_at);
ALTER TABLE revivals ENABLE ROW LEVEL SECURITY;
ALTER TABLE revivals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON revivals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON revivals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON revivals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_revivals();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, transaction_id, credit_id, account_id, lot_id, amount_minor,
    expired_minor, before_minor, expired_at, revived_at ON revivals
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_revivals();
CREATE TRIGGER seal_deleted AFTER DELETE ON revivals
    FOR EACH ROW EXECUTE FUNCTION seal_revivals();
GRANT SELECT, INSERT ON revivals TO scrip_app;

CREATE TABLE rewards (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL,
    name              varchar(200) NOT NULL,
    kind              varchar(16) NOT NULL,
    value             numeric(20,4),
    currency          varchar(16),
    product           varchar(200),
    points_cost_minor bigint NOT NULL,
    validity_days     integer,
    stock             bigint,
    active            boolean NOT NULL,
    CONSTRAINT rewards_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT rewards_name_key UNIQUE (tenant_id, name),
    CONSTRAINT rewards_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT rewards_kind CHECK (
    CASE kind
        WHEN 'FIXED' THEN value IS NOT NULL AND value > 0::numeric AND currency IS NOT NULL AND currency ~ '^[A-Z]{3}$'
            AND product IS NULL
        WHEN 'PERCENT' THEN value IS NOT NULL AND value > 0::numeric AND value <= 100::numeric AND currency IS NULL AND
            product IS NULL
        WHEN 'FREE_PRODUCT' THEN value IS NULL AND currency IS NULL AND product IS NOT NULL AND product <> ''
        WHEN 'FREE_DELIVERY' THEN value IS NULL AND currency IS NULL AND product IS NULL
        ELSE false
    END),
    CONSTRAINT rewards_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT rewards_name_given CHECK (name <> ''),
    CONSTRAINT rewards_numbers CHECK (points_cost_minor >= 0 AND points_cost_minor <= 1000000000000000 AND validity_days
        >= 0 AND stock >= 0),
    CONSTRAINT rewards_product_form CHECK (product = btrim(product,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'))
);
ALTER TABLE rewards ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE rewards ENABLE ROW LEVEL SECURITY;
ALTER TABLE rewards FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON rewards
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version AFTER INSERT OR DELETE ON rewards
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER config_version_update AFTER UPDATE ON rewards
    FOR EACH ROW WHEN ((to_jsonb(old.*) - 'stock') IS DISTINCT FROM (to_jsonb(new.*) - 'stock')) EXECUTE FUNCTION
        raise_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON rewards
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_rewards();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, name, kind, value, currency, product, points_cost_minor, validity_days,
    stock, active ON rewards
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_rewards();
CREATE TRIGGER seal_deleted AFTER DELETE ON rewards
    FOR EACH ROW EXECUTE FUNCTION seal_rewards();
GRANT SELECT, INSERT, UPDATE (name, kind, value, currency, product, points_cost_minor, validity_days, stock, active) ON
    rewards TO scrip_app;

CREATE TABLE seals (
    tenant_id uuid NOT NULL,
    of_table  varchar(32) NOT NULL,
    id        uuid NOT NULL,
    name      varchar(255),
    version   integer NOT NULL,
    digest    bytea NOT NULL,
    salt      bytea,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT seals_pkey PRIMARY KEY (tenant_id, of_table, id),
    CONSTRAINT seals_digest CHECK (octet_length(digest) = 32),
    CONSTRAINT seals_salt CHECK (octet_length(salt) = 16)
) WITH (fillfactor=90);
ALTER TABLE seals ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON seals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT ON seals TO scrip_app;

CREATE TABLE services (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name      varchar(200) NOT NULL,
    active    boolean NOT NULL,
    CONSTRAINT services_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT services_name_key UNIQUE (tenant_id, name),
    CONSTRAINT services_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT services_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT services_name_given CHECK (name <> '')
);
ALTER TABLE services ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE services ENABLE ROW LEVEL SECURITY;
ALTER TABLE services FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON services
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version AFTER INSERT OR DELETE OR UPDATE ON services
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON services
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_services();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, name, active ON services
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_services();
CREATE TRIGGER seal_deleted AFTER DELETE ON services
    FOR EACH ROW EXECUTE FUNCTION seal_services();
GRANT SELECT, INSERT, UPDATE (name, active) ON services TO scrip_app;

CREATE TABLE standings (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    customer_id   uuid NOT NULL,
    asset         varchar(16) NOT NULL,
    balance_minor bigint NOT NULL,
    sequence      bigint NOT NULL,
    active_at     timestamptz,
    CONSTRAINT standings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT standings_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT standings_of CHECK (
    CASE
        WHEN asset = '' THEN id = customer_id AND balance_minor = 0 AND sequence = 0 AND active_at IS NOT NULL
        ELSE balance_minor >= 0 AND sequence >= 1 AND active_at IS NULL
    END)
);
ALTER TABLE standings ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX standings_active ON standings (tenant_id, active_at, customer_id) WHERE asset = '';
CREATE INDEX standings_balance ON standings (tenant_id, asset, balance_minor, customer_id) WHERE asset <> '';
ALTER TABLE standings ENABLE ROW LEVEL SECURITY;
ALTER TABLE standings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON standings
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (balance_minor, sequence, active_at) ON standings TO scrip_app;

CREATE TABLE tenant_slugs (
    slug      varchar(63) NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT tenant_slugs_pkey PRIMARY KEY (slug),
    CONSTRAINT tenant_slugs_tenant_id_key UNIQUE (tenant_id)
);
ALTER TABLE tenant_slugs ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE tenant_slugs ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_slugs FORCE ROW LEVEL SECURITY;
CREATE POLICY by_slug ON tenant_slugs FOR SELECT
    USING ((slug) = NULLIF(current_setting('scrip.tenant_slug', true), ''));
CREATE POLICY own_tenant ON tenant_slugs
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON tenant_slugs TO scrip_app;

CREATE TABLE tenants (
    id                 uuid NOT NULL,
    slug               varchar(63) NOT NULL,
    name               varchar(200) NOT NULL,
    time_zone          varchar(64) NOT NULL,
    grace_days         integer NOT NULL,
    config_version     bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    approval_hours     integer NOT NULL,
    restated           boolean NOT NULL DEFAULT true,
    keys_pruned_at     timestamptz,
    key_days           integer NOT NULL DEFAULT 90,
    limited_currencies varchar(1000),
    suspended_at       timestamptz,
    deletion_began_at  timestamptz,
    event_days         integer NOT NULL DEFAULT 90,
    expiry_notice_days integer NOT NULL DEFAULT 7,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_approval_hours CHECK (approval_hours >= 1 AND approval_hours <= 8760),
    CONSTRAINT tenants_deletion CHECK (deletion_began_at IS NULL OR suspended_at IS NOT NULL),
    CONSTRAINT tenants_event_days CHECK (event_days >= 7 AND event_days <= 36500),
    CONSTRAINT tenants_expiry_notice_days CHECK (expiry_notice_days >= 0 AND expiry_notice_days <= 365),
    CONSTRAINT tenants_key_days CHECK (key_days >= 30 AND key_days <= 36500),
    CONSTRAINT tenants_limited_currencies CHECK (limited_currencies ~ '^[A-Z]{3}( [A-Z]{3})*$'),
    CONSTRAINT tenants_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT tenants_numbers CHECK (grace_days >= 0 AND config_version >= 0),
    CONSTRAINT tenants_slug_pattern CHECK (slug ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'),
    CONSTRAINT tenants_texts CHECK (name <> '' AND time_zone <> '')
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY by_slug ON tenants FOR SELECT
    USING ((slug) = NULLIF(current_setting('scrip.tenant_slug', true), ''));
CREATE POLICY directory ON tenants FOR SELECT
    USING (current_setting('scrip.directory', true) = 'on');
CREATE POLICY own_tenant ON tenants
    USING (id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version BEFORE UPDATE ON tenants
    FOR EACH ROW WHEN (old.slug IS DISTINCT FROM new.slug OR old.name IS DISTINCT FROM new.name OR old.time_zone IS
        DISTINCT FROM new.time_zone OR old.grace_days IS DISTINCT FROM new.grace_days OR old.approval_hours IS DISTINCT
        FROM new.approval_hours) EXECUTE FUNCTION raise_own_config_version();
CREATE TRIGGER config_version_currencies BEFORE UPDATE OF limited_currencies ON tenants
    FOR EACH ROW WHEN (old.limited_currencies IS DISTINCT FROM new.limited_currencies) EXECUTE FUNCTION
        raise_own_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON tenants
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tenants();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, slug, name, time_zone, grace_days, approval_hours, keys_pruned_at,
    created_at, key_days, limited_currencies, suspended_at, event_days, expiry_notice_days ON tenants
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_tenants();
CREATE TRIGGER seal_deleted AFTER DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION seal_tenants();
CREATE TRIGGER slug_kept AFTER INSERT OR DELETE OR UPDATE OF slug ON tenants
    FOR EACH ROW EXECUTE FUNCTION keep_tenant_slug();
GRANT SELECT, INSERT, UPDATE (name, time_zone, grace_days, config_version, approval_hours, restated, keys_pruned_at,
    key_days, limited_currencies, suspended_at, event_days, expiry_notice_days) ON tenants TO scrip_app;

CREATE TABLE tier_changes (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    transaction_id uuid,
    old_tier       varchar(200),
    new_tier       varchar(200),
    created_at     timestamptz NOT NULL,
    CONSTRAINT tier_changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tier_changes_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES accounts(tenant_id, id),
    CONSTRAINT tier_changes_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT tier_changes_differ CHECK (old_tier IS DISTINCT FROM new_tier)
);
ALTER TABLE tier_changes ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX tier_changes_account ON tier_changes (tenant_id, account_id, created_at, id);
ALTER TABLE tier_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE tier_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tier_changes
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER seal_added AFTER INSERT ON tier_changes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tier_changes();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, account_id, transaction_id, old_tier, new_tier, created_at ON
    tier_changes
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_tier_changes();
CREATE TRIGGER seal_deleted AFTER DELETE ON tier_changes
    FOR EACH ROW EXECUTE FUNCTION seal_tier_changes();
GRANT SELECT, INSERT ON tier_changes TO scrip_app;

CREATE TABLE tiers (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    name            varchar(200) NOT NULL,
    threshold_minor bigint NOT NULL,
    CONSTRAINT tiers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tiers_name_key UNIQUE (tenant_id, name),
    CONSTRAINT tiers_threshold_key UNIQUE (tenant_id, threshold_minor),
    CONSTRAINT tiers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT tiers_name_form CHECK (name = btrim(name,
        E'\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000')),
    CONSTRAINT tiers_name_given CHECK (name <> ''),
    CONSTRAINT tiers_threshold CHECK (threshold_minor >= 0 AND threshold_minor <= 1000000000000000)
);
ALTER TABLE tiers ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE tiers ENABLE ROW LEVEL SECURITY;
ALTER TABLE tiers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tiers
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER config_version AFTER INSERT OR DELETE OR UPDATE ON tiers
    FOR EACH ROW EXECUTE FUNCTION raise_config_version();
CREATE TRIGGER seal_added AFTER INSERT ON tiers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_tiers();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, name, threshold_minor ON tiers
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_tiers();
CREATE TRIGGER seal_deleted AFTER DELETE ON tiers
    FOR EACH ROW EXECUTE FUNCTION seal_tiers();
GRANT SELECT, INSERT, UPDATE (name, threshold_minor), DELETE ON tiers TO scrip_app;

CREATE TABLE totals (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    at            timestamptz NOT NULL,
    transactions  bigint NOT NULL,
    credits       jsonb NOT NULL,
    counters      jsonb NOT NULL,
    accounts      jsonb NOT NULL,
    moved         jsonb,
    moved_at      timestamptz[],
    moved_part    integer[],
    moved_amounts bigint[],
    moved_balance bigint[],
    moved_owed    smallint[],
    CONSTRAINT totals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT totals_at_key UNIQUE (tenant_id, at),
    CONSTRAINT totals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT totals_transactions CHECK (transactions >= 1)
);
ALTER TABLE totals ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON totals TO scrip_app;

CREATE TABLE totals_amounts (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    level       smallint NOT NULL,
    at          timestamptz NOT NULL,
    asset       varchar(16) NOT NULL,
    first_minor bigint NOT NULL,
    last_minor  bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    minors      bigint[] NOT NULL,
    ats         timestamptz[] NOT NULL,
    CONSTRAINT totals_amounts_pkey PRIMARY KEY (tenant_id, level, at, asset, last_minor, last_at),
    CONSTRAINT totals_amounts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT totals_amounts_ends CHECK (cardinality(minors) >= 1 AND cardinality(minors) = cardinality(ats) AND
        first_minor = minors[1] AND last_minor = minors[cardinality(minors)] AND last_at = ats[cardinality(ats)]),
    CONSTRAINT totals_amounts_level CHECK (level >= 0 AND level <= 9)
);
ALTER TABLE totals_amounts ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE totals_amounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_amounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_amounts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON totals_amounts TO scrip_app;

CREATE TABLE totals_latest (
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    at           timestamptz NOT NULL,
    transactions bigint NOT NULL,
    credits      jsonb NOT NULL,
    counters     jsonb NOT NULL,
    accounts     jsonb NOT NULL,
    CONSTRAINT totals_latest_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT totals_latest_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT totals_latest_one CHECK (id = tenant_id),
    CONSTRAINT totals_latest_transactions CHECK (transactions >= 1)
) WITH (fillfactor=50);
ALTER TABLE totals_latest ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE totals_latest ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_latest FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_latest
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (at, transactions, credits, counters, accounts) ON totals_latest TO scrip_app;

CREATE TABLE totals_seen (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL,
    what      varchar(8) NOT NULL,
    value     varchar(64) NOT NULL,
    after     timestamptz NOT NULL,
    at        timestamptz NOT NULL,
    records   bigint NOT NULL,
    CONSTRAINT totals_seen_pkey PRIMARY KEY (tenant_id, what, value, at),
    CONSTRAINT totals_seen_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT totals_seen_records CHECK (records >= 1 AND after < at),
    CONSTRAINT totals_seen_what CHECK (what IN ('ACTOR', 'AMOUNT', 'KIND', 'REASON'))
);
ALTER TABLE totals_seen ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE totals_seen ENABLE ROW LEVEL SECURITY;
ALTER TABLE totals_seen FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totals_seen
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON totals_seen TO scrip_app;

CREATE TABLE transaction_texts (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    note          text NOT NULL,
    salt          bytea NOT NULL,
    reference     text COLLATE "C",
    metadata      text,
    referenced_at timestamptz,
    CONSTRAINT transaction_texts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT transaction_texts_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT transaction_texts_metadata CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
    CONSTRAINT transaction_texts_note CHECK (length(note) <= 10000),
    CONSTRAINT transaction_texts_reference CHECK (char_length(reference) >= 1 AND char_length(reference) <= 255),
    CONSTRAINT transaction_texts_referenced_at CHECK ((reference IS NULL) = (referenced_at IS NULL)),
    CONSTRAINT transaction_texts_salt CHECK (octet_length(salt) >= 16 AND octet_length(salt) <= 64 OR note = '' AND salt
        = '\x'::bytea AND num_nonnulls(reference, metadata) = 0)
);
ALTER TABLE transaction_texts ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX transaction_texts_reference ON transaction_texts (tenant_id, reference, referenced_at, id) WHERE reference
    IS NOT NULL;
ALTER TABLE transaction_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE transaction_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transaction_texts
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON transaction_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_erased BEFORE UPDATE ON transaction_texts
    FOR EACH ROW WHEN (NOT (new.note = '' AND new.salt = '\x'::bytea AND num_nonnulls(new.reference, new.metadata,
        new.referenced_at) = 0 AND new.id = old.id AND new.tenant_id = old.tenant_id)) EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT, UPDATE (note, salt, reference, metadata, referenced_at) ON transaction_texts TO scrip_app;

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
    digest          bytea,
    limited_asset   varchar(16),
    limited_minor   bigint,
    limited_on      date,
    key_use         bytea,
    key_at          timestamptz,
    CONSTRAINT transactions_pkey PRIMARY KEY (tenant_id, id) WITH (fillfactor=98),
    CONSTRAINT transactions_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT transactions_tenant_id_approved_by_id_fkey FOREIGN KEY (tenant_id, approved_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT transactions_tenant_id_customer_id_fkey FOREIGN KEY (tenant_id, customer_id)
        REFERENCES customers(tenant_id, id),
    CONSTRAINT transactions_tenant_id_reason_fkey FOREIGN KEY (tenant_id, reason)
        REFERENCES reasons(tenant_id, code),
    CONSTRAINT transactions_digest CHECK (octet_length(digest) = 32),
    CONSTRAINT transactions_four_eyes CHECK (approved_by_id <> actor_id),
    CONSTRAINT transactions_key_use CHECK (
    CASE
        WHEN key_use IS NULL THEN key_at IS NULL
        ELSE octet_length(key_use) = 16 AND key_at IS NOT NULL AND idempotency_key IS NOT NULL
    END),
    CONSTRAINT transactions_kind CHECK (kind IN ('ADJUSTMENT', 'ASSIGNMENT', 'RELEASE', 'EXPIRY', 'VOID', 'UPDATE',
        'USE', 'SPEND', 'REFUND', 'HOLD', 'REWARD', 'ORDER', 'OVERPAYMENT', 'CREDIT_NOTE', 'TRANSFER', 'REVIVAL',
        'REVERSAL', 'MERGE', 'RESTATEMENT')),
    CONSTRAINT transactions_limited CHECK (limited_minor >= 0 AND (limited_asset IS NULL) = (limited_on IS NULL) AND
        (limited_minor IS NULL) = (limited_on IS NULL)),
    CONSTRAINT transactions_note_digest CHECK (octet_length(note_digest) = 32),
    CONSTRAINT transactions_reason_given CHECK (kind <> 'ADJUSTMENT' OR reason IS NOT NULL)
);
ALTER TABLE transactions ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX transactions_customer ON transactions (tenant_id, customer_id, created_at, id);
CREATE INDEX transactions_time ON transactions (tenant_id, created_at, id) WITH (fillfactor='98');
ALTER TABLE transactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transactions
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON transactions TO scrip_app;

CREATE TABLE transferred_credits (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    transfer_id uuid NOT NULL,
    from_id     uuid NOT NULL,
    source_id   uuid NOT NULL,
    CONSTRAINT transferred_credits_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT transferred_credits_tenant_id_from_id_fkey FOREIGN KEY (tenant_id, from_id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT transferred_credits_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES credits(tenant_id, id),
    CONSTRAINT transferred_credits_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT transferred_credits_tenant_id_transfer_id_fkey FOREIGN KEY (tenant_id, transfer_id)
        REFERENCES transfers(tenant_id, id)
);
ALTER TABLE transferred_credits ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE transferred_credits ENABLE ROW LEVEL SECURITY;
ALTER TABLE transferred_credits FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transferred_credits
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON transferred_credits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON transferred_credits
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_transferred_credits();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, transfer_id, from_id, source_id ON transferred_credits
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_transferred_credits();
CREATE TRIGGER seal_deleted AFTER DELETE ON transferred_credits
    FOR EACH ROW EXECUTE FUNCTION seal_transferred_credits();
GRANT SELECT, INSERT ON transferred_credits TO scrip_app;

CREATE TABLE transfers (
    id          uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    received_id uuid NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT transfers_received_key UNIQUE (tenant_id, received_id),
    CONSTRAINT transfers_tenant_id_id_fkey FOREIGN KEY (tenant_id, id)
        REFERENCES transactions(tenant_id, id),
    CONSTRAINT transfers_tenant_id_received_id_fkey FOREIGN KEY (tenant_id, received_id)
        REFERENCES transactions(tenant_id, id)
);
ALTER TABLE transfers ALTER COLUMN tenant_id SET (n_distinct=1);
ALTER TABLE transfers ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON transfers
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_added AFTER INSERT ON transfers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_transfers();
CREATE TRIGGER seal_changed AFTER UPDATE OF id, received_id ON transfers
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION seal_transfers();
CREATE TRIGGER seal_deleted AFTER DELETE ON transfers
    FOR EACH ROW EXECUTE FUNCTION seal_transfers();
GRANT SELECT, INSERT ON transfers TO scrip_app;

CREATE TABLE webhook_deliveries (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    webhook_id      uuid NOT NULL,
    position        bigint,
    kind            varchar(32),
    status          varchar(16) NOT NULL,
    attempts        integer NOT NULL,
    created_at      timestamptz NOT NULL,
    attempted_at    timestamptz,
    next_at         timestamptz,
    duration_ms     integer,
    response_status integer,
    response        varchar(1000),
    error           varchar(32),
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_deliveries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT webhook_deliveries_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id)
        REFERENCES webhooks(tenant_id, id),
    CONSTRAINT webhook_deliveries_attempts CHECK ((attempts = 0) = (attempted_at IS NULL) AND attempts >= 0),
    CONSTRAINT webhook_deliveries_error CHECK (error IN ('STATUS', 'REDIRECT', 'TIMEOUT', 'CONNECTION', 'TLS', 'NAME',
        'ADDRESS', 'PROTOCOL')),
    CONSTRAINT webhook_deliveries_event CHECK (("position" IS NULL) = (kind IS NULL)),
    CONSTRAINT webhook_deliveries_next CHECK (
    CASE status
        WHEN 'RETRYING' THEN next_at IS NOT NULL
        WHEN 'WAITING' THEN true
        ELSE next_at IS NULL
    END),
    CONSTRAINT webhook_deliveries_status CHECK (status IN ('WAITING', 'RETRYING', 'DELIVERED', 'FAILED', 'CANCELLED'))
);
ALTER TABLE webhook_deliveries ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE INDEX webhook_deliveries_status_key ON webhook_deliveries (tenant_id, webhook_id, status, created_at, id);
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON webhook_deliveries
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (status, attempts, attempted_at, next_at, duration_ms, response_status, response, error),
    DELETE ON webhook_deliveries TO scrip_app;

CREATE TABLE webhooks (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    url           varchar(2000) NOT NULL,
    description   varchar(255),
    kinds         varchar(4000),
    rights        varchar(255) NOT NULL,
    status        varchar(16) NOT NULL,
    status_since  timestamptz NOT NULL,
    pause_reason  varchar(16),
    secret_salt   bytea NOT NULL,
    secret_key    bytea NOT NULL,
    former_salt   bytea,
    former_key    bytea,
    former_until  timestamptz,
    position      bigint NOT NULL,
    settled       bigint NOT NULL,
    version       integer NOT NULL,
    due_at        timestamptz,
    ping_at       timestamptz,
    look_at       timestamptz,
    failing_since timestamptz,
    delivered_at  timestamptz,
    claimed_by    uuid,
    claimed_until timestamptz,
    created_by_id uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    deleted_at    timestamptz,
    CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhooks_tenant_id_created_by_id_fkey FOREIGN KEY (tenant_id, created_by_id)
        REFERENCES actors(tenant_id, id),
    CONSTRAINT webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT webhooks_claim CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CONSTRAINT webhooks_former CHECK (former_until IS NULL AND former_salt IS NULL AND former_key IS NULL OR
        former_until IS NOT NULL AND octet_length(former_salt) = 16 AND octet_length(former_key) = 8),
    CONSTRAINT webhooks_pause_reason CHECK (pause_reason IN ('FAILING', 'GONE', 'KEY_UNKNOWN', 'PRUNED')),
    CONSTRAINT webhooks_paused CHECK ((status = 'PAUSED') = (pause_reason IS NOT NULL)),
    CONSTRAINT webhooks_positions CHECK (settled >= 0 AND settled <= "position"),
    CONSTRAINT webhooks_secret CHECK (octet_length(secret_salt) = 16 AND octet_length(secret_key) = 8),
    CONSTRAINT webhooks_status CHECK (status IN ('ACTIVE', 'DISABLED', 'PAUSED')),
    CONSTRAINT webhooks_url CHECK (url ~ '^https?://[!-~]+$')
);
ALTER TABLE webhooks ALTER COLUMN tenant_id SET (n_distinct=1);
CREATE UNIQUE INDEX webhooks_url_key ON webhooks (tenant_id, url) WHERE deleted_at IS NULL;
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON webhooks
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (url, description, kinds, rights, status, status_since, pause_reason, secret_salt,
    secret_key, former_salt, former_key, former_until, position, settled, version, due_at, ping_at, look_at,
    failing_since, delivered_at, claimed_by, claimed_until, deleted_at), DELETE ON webhooks TO scrip_app;

-- SEQUENCE aerich_id_seq

-- SEQUENCE outbox_position_seq

CREATE FUNCTION accounts_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
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
END $function$;

CREATE FUNCTION entries_continue()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
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
END $function$;

CREATE FUNCTION hold_lots_fit()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    broken record;
BEGIN
    SELECT n.hold_id, n.credit_id INTO broken
    FROM added n
    WHERE CASE WHEN n.amount_minor > 0 THEN (
            SELECT sum(l.amount_minor) FROM hold_lots l JOIN holds h ON h.tenant_id = l.tenant_id AND h.id = l.hold_id
            WHERE l.tenant_id = n.tenant_id AND l.credit_id = n.credit_id AND l.created_at <= n.created_at
                AND l.created_at >= n.created_at - interval '720 hours' AND h.expires_at > n.created_at
        ) > (
            SELECT c.remaining_minor FROM credits c
            WHERE c.tenant_id = n.tenant_id AND c.id = n.credit_id AND NOT EXISTS (
                SELECT FROM entries e
                WHERE e.tenant_id = n.tenant_id AND e.credit_id = n.credit_id AND e.created_at > n.created_at)
        ) WHEN n.amount_minor < 0 THEN (
            SELECT sum(l.amount_minor) FROM hold_lots l
            WHERE l.tenant_id = n.tenant_id AND l.hold_id = n.hold_id AND l.position = n.position
                AND l.credit_id = n.credit_id
        ) < 0 ELSE false END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the hold % does not fit credit %', broken.hold_id, broken.credit_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION keep_tenant_slug()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM tenant_slugs WHERE tenant_id = OLD.id AND slug = OLD.slug;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO tenant_slugs (slug, tenant_id) VALUES (NEW.slug, NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION raise_config_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
    own uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
BEGIN
    UPDATE tenants SET config_version = config_version + 1 WHERE id = own;
    RETURN NULL;
END $function$;

CREATE FUNCTION raise_own_config_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.config_version := OLD.config_version + 1;
    RETURN NEW;
END $function$;

CREATE FUNCTION refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE FUNCTION seal_accounts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'accounts', NEW.tenant_id, NEW."id", NEW."customer_id", NEW."asset",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'accounts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'accounts', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."asset",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'accounts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'accounts', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."asset",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_actors()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'actors', NEW.tenant_id, NEW."id", NEW."subject", NEW."role", NEW."client", NEW."name"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'actors' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'actors', OLD.tenant_id, OLD."id", OLD."subject", OLD."role", OLD."client", OLD."name"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'actors' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'actors', OLD.tenant_id, OLD."id", OLD."subject", OLD."role", OLD."client", OLD."name"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_accounts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'accounts', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'accounts', n.tenant_id, n."id", n."customer_id", n."asset",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_actors()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'actors', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'actors', n.tenant_id, n."id", n."subject", n."role", n."client", n."name"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_approval_requests()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'approval_requests', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'approval_requests', n.tenant_id, n."id", n."operation", n."command"::text, n."customer_id", n."status",
            n."requested_by_id", n."requested_subject", n."decided_by_id", n."decided_subject",
            (extract(epoch FROM n."decided_at") * 1000000)::bigint, n."decision_note", n."transaction_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."terms"::text, n."invoice_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_assignments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'assignments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'assignments', n.tenant_id, n."id", n."credit_id", n."invoice_id", n."transaction_id", n."amount_minor",
            n."origin", (extract(epoch FROM n."assigned_at") * 1000000)::bigint,
            (extract(epoch FROM n."released_at") * 1000000)::bigint, n."release_transaction_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_audit_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'audit_events', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'audit_events', n.tenant_id, n."id", n."action", n."subject_id", n."customer_id", n."actor_id",
            n."details"::text, n."note", n."request_id", n."address",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_bulk_operations()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_operations', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'bulk_operations', n.tenant_id, n."id", n."status", n."asset", n."error_policy", n."dry_run", n."total",
            n."processed", n."succeeded", n."failed", n."actor_id", n."command"::text, n."idempotency_key",
            (extract(epoch FROM n."validated_at") * 1000000)::bigint, n."cancel_requested",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."finished_at") * 1000000)::bigint, n."reverses_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_bulk_rows()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_rows', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'bulk_rows', n.tenant_id, n."id", n."operation_id", n."row", n."customer_id", n."amount"::text,
            n."transaction_id", n."details"::text, n."error"::text
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_checkpoints()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'checkpoints', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'checkpoints', n.tenant_id, n."id", n."number", (extract(epoch FROM n."until") * 1000000)::bigint,
            n."size", encode(n."root", 'hex'), n."position", n."note", n."keys",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_coupons()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'coupons', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'coupons', n.tenant_id, n."id", n."code", n."reward_id", n."customer_id", n."transaction_id",
            n."points_spent_minor", n."status", n."terms"::text,
            (extract(epoch FROM n."issued_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."closed_at") * 1000000)::bigint, n."refund_transaction_id", n."invoice_id",
            (extract(epoch FROM n."reopened_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_credit_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_changes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_changes', n.tenant_id, n."id", n."credit_id", n."transaction_id",
            (extract(epoch FROM n."old_expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."new_expires_at") * 1000000)::bigint, n."old_auto_apply", n."new_auto_apply",
            n."old_services"::text, n."new_services"::text, (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_credit_note_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_note_lines', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_note_lines', n.tenant_id, n."id", n."note_id", n."line_id", n."quantity", n."amount_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_credit_note_parts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_note_parts', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_note_parts', n.tenant_id, n."id", n."note_id", n."assignment_id", n."payment_id", n."credit_id",
            n."amount_minor", n."gone"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_credit_notes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_notes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_notes', n.tenant_id, n."id", n."invoice_id", n."amount_minor", n."lowered_minor", n."credit_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint, n."void_transaction_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_credit_services()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'credit_services', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'credit_services', n.tenant_id, n."id", n."credit_id", n."service_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_currencies()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'currencies', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'currencies', n.tenant_id, n."id", n."code", n."exponent",
            (extract(epoch FROM n."first_used_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_customers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'customers', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'customers', n.tenant_id, n."id", n."external_id", n."name", n."email",
            (extract(epoch FROM n."membership_started_at") * 1000000)::bigint,
            (extract(epoch FROM n."membership_cancelled_at") * 1000000)::bigint, n."merged_into_id",
            (extract(epoch FROM n."merged_at") * 1000000)::bigint,
            (extract(epoch FROM n."erased_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."updated_at") * 1000000)::bigint,
            (extract(epoch FROM n."external_id_since") * 1000000)::bigint, n."external_id_reused", n."reference", n."metadata"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_external_ids_left()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'external_ids_left', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'external_ids_left', n.tenant_id, n."id", (extract(epoch FROM n."left_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_grants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'grants', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'grants', n.tenant_id, n."id", n."invoice_id", n."credit_id", n."transaction_id",
            n."revoked_transaction_id", n."revoked_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_hold_lots()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'hold_lots', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'hold_lots', n.tenant_id, n."id", n."hold_id", n."transaction_id", n."account_id", n."credit_id",
            n."position", n."amount_minor", (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_holds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'holds', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'holds', n.tenant_id, n."id", n."account_id", n."home_id", n."amount_minor", n."invoice_id",
            (extract(epoch FROM n."expires_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_idempotency_keys()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
END $function$;

CREATE FUNCTION seal_added_invoice_line_details()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_line_details', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoice_line_details', n.tenant_id, n."id", n."quantity", n."unit_price_minor",
            n."discount_percent", n."discount_minor", n."tax_minor", n."amount_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_invoice_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_lines', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoice_lines', n.tenant_id, n."id", n."invoice_id", n."position", n."description", n."quantity",
            n."unit_price_minor", n."kind", n."product_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_invoice_texts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoice_texts', n.id, NULL, 1,
        sha256(n.fresh_salt || convert_to(json_build_array(
            'invoice_texts', n.tenant_id, n."id", n."reference", n."metadata",
            (extract(epoch FROM n."referenced_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT uuid_send(gen_random_uuid()) AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_invoices()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'invoices', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'invoices', n.tenant_id, n."id", n."customer_id", n."number", n."currency", n."total_minor",
            n."creditable_minor", n."kind", n."auto_apply", n."issued_on", n."due_on", n."actor_id",
            (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint, n."limited_on"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_limit_counters()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'limit_counters', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'limit_counters', n.tenant_id, n."id", n."scope", n."role", n."holder", n."asset", n."day",
            n."opening_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_limit_rules()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'limit_rules', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'limit_rules', n.tenant_id, n."id", n."role", n."asset", n."holder", n."per_adjustment"::text,
            n."per_actor_day"::text, n."per_customer_day"::text, n."kind"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_overpayments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'overpayments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'overpayments', n.tenant_id, n."id", n."credit_id", n."transaction_id", n."amount_minor",
            n."revoked_transaction_id", n."revoked_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_partner_tokens()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'partner_tokens', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'partner_tokens', n.tenant_id, n."id", n."client", n."name", n."scope", encode(n."secret_hash", 'hex'),
            n."replaces_id", n."created_by_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."expires_at") * 1000000)::bigint, n."revoked_by_id",
            (extract(epoch FROM n."revoked_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_payments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'payments', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'payments', n.tenant_id, n."id", n."invoice_id", n."amount_minor", n."method", n."received_on",
            n."transaction_id", n."actor_id", (extract(epoch FROM n."created_at") * 1000000)::bigint,
            (extract(epoch FROM n."voided_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_products()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'products', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'products', n.tenant_id, n."id", n."name", n."kind", n."currency", n."price_minor", n."active", n."reference", n."metadata"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_reasons()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'reasons', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'reasons', n.tenant_id, n."id", n."code", n."label", n."adds", n."removes", n."moves_lifetime",
            n."note_required", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_refunds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'refunds', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'refunds', n.tenant_id, n."id", n."spend_id", n."amount_minor", n."taken_minor", n."before_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_reversed_rows()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'reversed_rows', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'reversed_rows', n.tenant_id, n."id", n."transaction_id", n."amount_minor", n."used_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_revivals()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'revivals', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'revivals', n.tenant_id, n."id", n."transaction_id", n."credit_id", n."account_id", n."lot_id",
            n."amount_minor", n."expired_minor", n."before_minor", (extract(epoch FROM n."expired_at") * 1000000)::bigint,
            (extract(epoch FROM n."revived_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_rewards()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'rewards', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'rewards', n.tenant_id, n."id", n."name", n."kind", n."value"::text, n."currency", n."product",
            n."points_cost_minor", n."validity_days", n."stock", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_services()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'services', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'services', n.tenant_id, n."id", n."name", n."active"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_tenants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.id, 'tenants', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tenants', n.id, n."id", n."slug", n."name", n."time_zone", n."grace_days", n."approval_hours",
            (extract(epoch FROM n."keys_pruned_at") * 1000000)::bigint,
            (extract(epoch FROM n."created_at") * 1000000)::bigint, n."key_days", n."limited_currencies",
            (extract(epoch FROM n."suspended_at") * 1000000)::bigint, n."event_days", n."expiry_notice_days"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_tier_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'tier_changes', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tier_changes', n.tenant_id, n."id", n."account_id", n."transaction_id", n."old_tier", n."new_tier",
            (extract(epoch FROM n."created_at") * 1000000)::bigint
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_tiers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'tiers', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'tiers', n.tenant_id, n."id", n."name", n."threshold_minor"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_transferred_credits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'transferred_credits', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'transferred_credits', n.tenant_id, n."id", n."transfer_id", n."from_id", n."source_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_added_transfers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'transfers', n.id, NULL, 1,
        sha256(convert_to(json_build_array(
            'transfers', n.tenant_id, n."id", n."received_id"
        )::text, 'UTF8')),
        n.fresh_salt, now()
    FROM (SELECT NULL::bytea AS fresh_salt, r.* FROM added r) n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_approval_requests()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'approval_requests', NEW.tenant_id, NEW."id", NEW."operation", NEW."command"::text, NEW."customer_id",
                NEW."status", NEW."requested_by_id", NEW."requested_subject", NEW."decided_by_id",
                NEW."decided_subject", (extract(epoch FROM NEW."decided_at") * 1000000)::bigint, NEW."decision_note",
                NEW."transaction_id", (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."terms"::text, NEW."invoice_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."terms"::text, OLD."invoice_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'approval_requests' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'approval_requests', OLD.tenant_id, OLD."id", OLD."operation", OLD."command"::text, OLD."customer_id",
                OLD."status", OLD."requested_by_id", OLD."requested_subject", OLD."decided_by_id",
                OLD."decided_subject", (extract(epoch FROM OLD."decided_at") * 1000000)::bigint, OLD."decision_note",
                OLD."transaction_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."terms"::text, OLD."invoice_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_assignments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'assignments', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."invoice_id", NEW."transaction_id",
                NEW."amount_minor", NEW."origin", (extract(epoch FROM NEW."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."released_at") * 1000000)::bigint, NEW."release_transaction_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'assignments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'assignments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."invoice_id", OLD."transaction_id",
                OLD."amount_minor", OLD."origin", (extract(epoch FROM OLD."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."released_at") * 1000000)::bigint, OLD."release_transaction_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'assignments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'assignments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."invoice_id", OLD."transaction_id",
                OLD."amount_minor", OLD."origin", (extract(epoch FROM OLD."assigned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."released_at") * 1000000)::bigint, OLD."release_transaction_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_audit_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'audit_events', NEW.tenant_id, NEW."id", NEW."action", NEW."subject_id", NEW."customer_id",
                NEW."actor_id", NEW."details"::text, NEW."note", NEW."request_id", NEW."address",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'audit_events' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'audit_events', OLD.tenant_id, OLD."id", OLD."action", OLD."subject_id", OLD."customer_id",
                OLD."actor_id", OLD."details"::text, OLD."note", OLD."request_id", OLD."address",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'audit_events' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'audit_events', OLD.tenant_id, OLD."id", OLD."action", OLD."subject_id", OLD."customer_id",
                OLD."actor_id", OLD."details"::text, OLD."note", OLD."request_id", OLD."address",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_bulk_operations()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'bulk_operations', NEW.tenant_id, NEW."id", NEW."status", NEW."asset", NEW."error_policy",
                NEW."dry_run", NEW."total", NEW."processed", NEW."succeeded", NEW."failed", NEW."actor_id",
                NEW."command"::text, NEW."idempotency_key",
                (extract(epoch FROM NEW."validated_at") * 1000000)::bigint, NEW."cancel_requested",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."finished_at") * 1000000)::bigint, NEW."reverses_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key",
                (extract(epoch FROM OLD."validated_at") * 1000000)::bigint, OLD."cancel_requested",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint, OLD."reverses_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_operations' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'bulk_operations', OLD.tenant_id, OLD."id", OLD."status", OLD."asset", OLD."error_policy",
                OLD."dry_run", OLD."total", OLD."processed", OLD."succeeded", OLD."failed", OLD."actor_id",
                OLD."command"::text, OLD."idempotency_key",
                (extract(epoch FROM OLD."validated_at") * 1000000)::bigint, OLD."cancel_requested",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."finished_at") * 1000000)::bigint, OLD."reverses_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_bulk_rows()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
    DELETE FROM seals s
    WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'bulk_rows' AND s.id = OLD.id
        AND s.digest = sha256(s.salt || convert_to(json_build_array(
            'bulk_rows', OLD.tenant_id, OLD."id", OLD."operation_id", OLD."row", OLD."customer_id",
            OLD."amount"::text, OLD."transaction_id", OLD."details"::text, OLD."error"::text
        )::text, 'UTF8'));
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_changed_bulk_rows()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT n.tenant_id, 'bulk_rows', n.id, s.name, s.version + 1,
        sha256(n.fresh_salt || convert_to(n.after, 'UTF8')), n.fresh_salt, now()
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
            ) r GROUP BY r.tenant_id, r.id
        ) b WHERE b.before <> b.after
    ) n
    CROSS JOIN LATERAL (
        SELECT name, version, digest, salt FROM seals
        WHERE tenant_id = n.tenant_id AND of_table = 'bulk_rows' AND id = n.id OFFSET 0
    ) s
    WHERE s.digest = sha256(s.salt || convert_to(n.before, 'UTF8'))
    ON CONFLICT (tenant_id, of_table, id) DO UPDATE
    SET version = excluded.version, digest = excluded.digest, salt = excluded.salt, sealed_at = excluded.sealed_at;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_checkpoints()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'checkpoints', NEW.tenant_id, NEW."id", NEW."number",
                (extract(epoch FROM NEW."until") * 1000000)::bigint, NEW."size", encode(NEW."root", 'hex'),
                NEW."position", NEW."note", NEW."keys", (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'checkpoints' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'checkpoints', OLD.tenant_id, OLD."id", OLD."number",
                (extract(epoch FROM OLD."until") * 1000000)::bigint, OLD."size", encode(OLD."root", 'hex'),
                OLD."position", OLD."note", OLD."keys", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'checkpoints' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'checkpoints', OLD.tenant_id, OLD."id", OLD."number",
                (extract(epoch FROM OLD."until") * 1000000)::bigint, OLD."size", encode(OLD."root", 'hex'),
                OLD."position", OLD."note", OLD."keys", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_coupons()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'coupons', NEW.tenant_id, NEW."id", NEW."code", NEW."reward_id", NEW."customer_id",
                NEW."transaction_id", NEW."points_spent_minor", NEW."status", NEW."terms"::text,
                (extract(epoch FROM NEW."issued_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."closed_at") * 1000000)::bigint, NEW."refund_transaction_id",
                NEW."invoice_id", (extract(epoch FROM NEW."reopened_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id",
                OLD."invoice_id", (extract(epoch FROM OLD."reopened_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'coupons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'coupons', OLD.tenant_id, OLD."id", OLD."code", OLD."reward_id", OLD."customer_id",
                OLD."transaction_id", OLD."points_spent_minor", OLD."status", OLD."terms"::text,
                (extract(epoch FROM OLD."issued_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."closed_at") * 1000000)::bigint, OLD."refund_transaction_id",
                OLD."invoice_id", (extract(epoch FROM OLD."reopened_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credit_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_changes', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."transaction_id",
                (extract(epoch FROM NEW."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."new_expires_at") * 1000000)::bigint, NEW."old_auto_apply",
                NEW."new_auto_apply", NEW."old_services"::text, NEW."new_services"::text,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_changes', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                (extract(epoch FROM OLD."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."new_expires_at") * 1000000)::bigint, OLD."old_auto_apply",
                OLD."new_auto_apply", OLD."old_services"::text, OLD."new_services"::text,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_changes', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                (extract(epoch FROM OLD."old_expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."new_expires_at") * 1000000)::bigint, OLD."old_auto_apply",
                OLD."new_auto_apply", OLD."old_services"::text, OLD."new_services"::text,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credit_note_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_note_lines', NEW.tenant_id, NEW."id", NEW."note_id", NEW."line_id", NEW."quantity",
                NEW."amount_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_lines', OLD.tenant_id, OLD."id", OLD."note_id", OLD."line_id", OLD."quantity",
                OLD."amount_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_lines', OLD.tenant_id, OLD."id", OLD."note_id", OLD."line_id", OLD."quantity",
                OLD."amount_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credit_note_parts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_note_parts', NEW.tenant_id, NEW."id", NEW."note_id", NEW."assignment_id", NEW."payment_id",
                NEW."credit_id", NEW."amount_minor", NEW."gone"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_parts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_parts', OLD.tenant_id, OLD."id", OLD."note_id", OLD."assignment_id", OLD."payment_id",
                OLD."credit_id", OLD."amount_minor", OLD."gone"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_note_parts' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_note_parts', OLD.tenant_id, OLD."id", OLD."note_id", OLD."assignment_id", OLD."payment_id",
                OLD."credit_id", OLD."amount_minor", OLD."gone"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credit_notes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_notes', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."amount_minor", NEW."lowered_minor",
                NEW."credit_id", (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."void_transaction_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_notes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_notes', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."lowered_minor",
                OLD."credit_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."void_transaction_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_notes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_notes', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."lowered_minor",
                OLD."credit_id", (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."void_transaction_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credit_services()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'credit_services', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."service_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_services', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."service_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'credit_services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'credit_services', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."service_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_credits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO seals AS s (tenant_id, of_table, id, version, digest, salt, sealed_at)
    VALUES (NEW.tenant_id, 'credits', NEW.id, 1,
        sha256(convert_to(json_build_array(
            'credits', NEW.tenant_id, NEW."id", NEW."account_id", NEW."transaction_id", NEW."amount_minor",
            NEW."effective_on", (extract(epoch FROM NEW."starts_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."restricted", NEW."auto_apply",
            (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."swept_at") * 1000000)::bigint,
            (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."counts", NEW."opened_sequence",
            NEW."origin_id", NEW."successor_id"
        )::text, 'UTF8')),
        NULL, now())
    ON CONFLICT (tenant_id, of_table, id) DO UPDATE
        SET version = s.version + 1, digest = excluded.digest, sealed_at = excluded.sealed_at
        WHERE s.digest = sha256(convert_to(json_build_array(
            'credits', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."amount_minor",
            OLD."effective_on", (extract(epoch FROM OLD."starts_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."restricted", OLD."auto_apply",
            (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."swept_at") * 1000000)::bigint,
            (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."counts", OLD."opened_sequence",
            OLD."origin_id", OLD."successor_id"
        )::text, 'UTF8'));
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_currencies()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'currencies', NEW.tenant_id, NEW."id", NEW."code", NEW."exponent",
                (extract(epoch FROM NEW."first_used_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'currencies' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'currencies', OLD.tenant_id, OLD."id", OLD."code", OLD."exponent",
                (extract(epoch FROM OLD."first_used_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'currencies' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'currencies', OLD.tenant_id, OLD."id", OLD."code", OLD."exponent",
                (extract(epoch FROM OLD."first_used_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_customers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'customers', NEW.tenant_id, NEW."id", NEW."external_id", NEW."name", NEW."email",
                (extract(epoch FROM NEW."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."membership_cancelled_at") * 1000000)::bigint, NEW."merged_into_id",
                (extract(epoch FROM NEW."merged_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."erased_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."updated_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."external_id_since") * 1000000)::bigint, NEW."external_id_reused", NEW."reference", NEW."metadata"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'customers' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'customers', OLD.tenant_id, OLD."id", OLD."external_id", OLD."name", OLD."email",
                (extract(epoch FROM OLD."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."membership_cancelled_at") * 1000000)::bigint, OLD."merged_into_id",
                (extract(epoch FROM OLD."merged_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."erased_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."updated_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'customers' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'customers', OLD.tenant_id, OLD."id", OLD."external_id", OLD."name", OLD."email",
                (extract(epoch FROM OLD."membership_started_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."membership_cancelled_at") * 1000000)::bigint, OLD."merged_into_id",
                (extract(epoch FROM OLD."merged_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."erased_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."updated_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."external_id_since") * 1000000)::bigint, OLD."external_id_reused", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_external_ids_left()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'external_ids_left', NEW.tenant_id, NEW."id", (extract(epoch FROM NEW."left_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'external_ids_left' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'external_ids_left', OLD.tenant_id, OLD."id", (extract(epoch FROM OLD."left_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'external_ids_left' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'external_ids_left', OLD.tenant_id, OLD."id", (extract(epoch FROM OLD."left_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_grants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'grants', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."credit_id", NEW."transaction_id",
                NEW."revoked_transaction_id", NEW."revoked_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'grants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'grants', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."credit_id", OLD."transaction_id",
                OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'grants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'grants', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."credit_id", OLD."transaction_id",
                OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_hold_lots()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'hold_lots', NEW.tenant_id, NEW."id", NEW."hold_id", NEW."transaction_id", NEW."account_id",
                NEW."credit_id", NEW."position", NEW."amount_minor",
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'hold_lots' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'hold_lots', OLD.tenant_id, OLD."id", OLD."hold_id", OLD."transaction_id", OLD."account_id",
                OLD."credit_id", OLD."position", OLD."amount_minor",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'hold_lots' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'hold_lots', OLD.tenant_id, OLD."id", OLD."hold_id", OLD."transaction_id", OLD."account_id",
                OLD."credit_id", OLD."position", OLD."amount_minor",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_holds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'holds', NEW.tenant_id, NEW."id", NEW."account_id", NEW."home_id", NEW."amount_minor", NEW."invoice_id",
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'holds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'holds', OLD.tenant_id, OLD."id", OLD."account_id", OLD."home_id", OLD."amount_minor", OLD."invoice_id",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'holds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'holds', OLD.tenant_id, OLD."id", OLD."account_id", OLD."home_id", OLD."amount_minor", OLD."invoice_id",
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_idempotency_keys()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'idempotency_keys', NEW.tenant_id, NEW."key", NEW."client", NEW."shared", NEW."kept", NEW."operation",
                encode(NEW."input_hash", 'hex'), NEW."result_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(json_build_array(OLD.key, OLD.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."client", OLD."shared", OLD."kept", OLD."operation",
                encode(OLD."input_hash", 'hex'), OLD."result_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'idempotency_keys'
            AND s.id = substr(encode(sha256(convert_to(json_build_array(OLD.key, OLD.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid
            AND s.digest = sha256(convert_to(json_build_array(
                'idempotency_keys', OLD.tenant_id, OLD."key", OLD."client", OLD."shared", OLD."kept", OLD."operation",
                encode(OLD."input_hash", 'hex'), OLD."result_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'))
            AND (s.sealed_at = now()
                OR EXISTS (SELECT FROM bulk_operations b
                    WHERE b.tenant_id = OLD.tenant_id AND b.id = OLD.result_id AND b.status = 'FAILED')
                OR NOT OLD.kept AND EXISTS (SELECT FROM tenants t WHERE t.id = OLD.tenant_id AND OLD.created_at < t.keys_pruned_at)
                    AND NOT EXISTS (SELECT FROM approval_requests r
                        WHERE r.tenant_id = OLD.tenant_id AND r.id = OLD.result_id AND r.status = 'PENDING'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_invoice_line_details()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoice_line_details', NEW.tenant_id, NEW."id", NEW."quantity", NEW."unit_price_minor",
                NEW."discount_percent", NEW."discount_minor", NEW."tax_minor", NEW."amount_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_line_details' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_line_details', OLD.tenant_id, OLD."id", OLD."quantity", OLD."unit_price_minor",
                OLD."discount_percent", OLD."discount_minor", OLD."tax_minor", OLD."amount_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_line_details' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_line_details', OLD.tenant_id, OLD."id", OLD."quantity", OLD."unit_price_minor",
                OLD."discount_percent", OLD."discount_minor", OLD."tax_minor", OLD."amount_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_invoice_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoice_lines', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."position", NEW."description",
                NEW."quantity", NEW."unit_price_minor", NEW."kind", NEW."product_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_lines', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."position", OLD."description",
                OLD."quantity", OLD."unit_price_minor", OLD."kind", OLD."product_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_lines' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoice_lines', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."position", OLD."description",
                OLD."quantity", OLD."unit_price_minor", OLD."kind", OLD."product_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_invoice_texts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := uuid_send(gen_random_uuid());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(fresh || convert_to(json_build_array(
                'invoice_texts', NEW.tenant_id, NEW."id", NEW."reference", NEW."metadata",
                (extract(epoch FROM NEW."referenced_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_texts' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'invoice_texts', OLD.tenant_id, OLD."id", OLD."reference", OLD."metadata",
                (extract(epoch FROM OLD."referenced_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoice_texts' AND s.id = OLD.id
            AND s.digest = sha256(s.salt || convert_to(json_build_array(
                'invoice_texts', OLD.tenant_id, OLD."id", OLD."reference", OLD."metadata",
                (extract(epoch FROM OLD."referenced_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_invoices()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'invoices', NEW.tenant_id, NEW."id", NEW."customer_id", NEW."number", NEW."currency", NEW."total_minor",
                NEW."creditable_minor", NEW."kind", NEW."auto_apply", NEW."issued_on", NEW."due_on", NEW."actor_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint, NEW."limited_on"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."limited_on"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'invoices' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'invoices', OLD.tenant_id, OLD."id", OLD."customer_id", OLD."number", OLD."currency", OLD."total_minor",
                OLD."creditable_minor", OLD."kind", OLD."auto_apply", OLD."issued_on", OLD."due_on", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint, OLD."limited_on"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_limit_counters()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'limit_counters', NEW.tenant_id, NEW."id", NEW."scope", NEW."role", NEW."holder", NEW."asset",
                NEW."day", NEW."opening_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_counters' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_counters', OLD.tenant_id, OLD."id", OLD."scope", OLD."role", OLD."holder", OLD."asset",
                OLD."day", OLD."opening_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_counters' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_counters', OLD.tenant_id, OLD."id", OLD."scope", OLD."role", OLD."holder", OLD."asset",
                OLD."day", OLD."opening_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_limit_rules()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'limit_rules', NEW.tenant_id, NEW."id", NEW."role", NEW."asset", NEW."holder",
                NEW."per_adjustment"::text, NEW."per_actor_day"::text, NEW."per_customer_day"::text, NEW."kind"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text, OLD."kind"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'limit_rules' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'limit_rules', OLD.tenant_id, OLD."id", OLD."role", OLD."asset", OLD."holder",
                OLD."per_adjustment"::text, OLD."per_actor_day"::text, OLD."per_customer_day"::text, OLD."kind"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_overpayments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'overpayments', NEW.tenant_id, NEW."id", NEW."credit_id", NEW."transaction_id",
                NEW."amount_minor", NEW."revoked_transaction_id", NEW."revoked_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'overpayments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'overpayments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                OLD."amount_minor", OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'overpayments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'overpayments', OLD.tenant_id, OLD."id", OLD."credit_id", OLD."transaction_id",
                OLD."amount_minor", OLD."revoked_transaction_id", OLD."revoked_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_partner_tokens()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'partner_tokens', NEW.tenant_id, NEW."id", NEW."client", NEW."name", NEW."scope",
                encode(NEW."secret_hash", 'hex'), NEW."replaces_id", NEW."created_by_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."expires_at") * 1000000)::bigint, NEW."revoked_by_id",
                (extract(epoch FROM NEW."revoked_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'partner_tokens' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'partner_tokens', OLD.tenant_id, OLD."id", OLD."client", OLD."name", OLD."scope",
                encode(OLD."secret_hash", 'hex'), OLD."replaces_id", OLD."created_by_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."revoked_by_id",
                (extract(epoch FROM OLD."revoked_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'partner_tokens' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'partner_tokens', OLD.tenant_id, OLD."id", OLD."client", OLD."name", OLD."scope",
                encode(OLD."secret_hash", 'hex'), OLD."replaces_id", OLD."created_by_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."expires_at") * 1000000)::bigint, OLD."revoked_by_id",
                (extract(epoch FROM OLD."revoked_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_payments()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'payments', NEW.tenant_id, NEW."id", NEW."invoice_id", NEW."amount_minor", NEW."method",
                NEW."received_on", NEW."transaction_id", NEW."actor_id",
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."voided_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'payments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'payments', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."method",
                OLD."received_on", OLD."transaction_id", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'payments' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'payments', OLD.tenant_id, OLD."id", OLD."invoice_id", OLD."amount_minor", OLD."method",
                OLD."received_on", OLD."transaction_id", OLD."actor_id",
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."voided_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_products()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'products', NEW.tenant_id, NEW."id", NEW."name", NEW."kind", NEW."currency", NEW."price_minor",
                NEW."active", NEW."reference", NEW."metadata"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'products' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'products', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."currency", OLD."price_minor",
                OLD."active", OLD."reference", OLD."metadata"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_reasons()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'reasons', NEW.tenant_id, NEW."id", NEW."code", NEW."label", NEW."adds", NEW."removes",
                NEW."moves_lifetime", NEW."note_required", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reasons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reasons', OLD.tenant_id, OLD."id", OLD."code", OLD."label", OLD."adds", OLD."removes",
                OLD."moves_lifetime", OLD."note_required", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reasons' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reasons', OLD.tenant_id, OLD."id", OLD."code", OLD."label", OLD."adds", OLD."removes",
                OLD."moves_lifetime", OLD."note_required", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_refunds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'refunds', NEW.tenant_id, NEW."id", NEW."spend_id", NEW."amount_minor", NEW."taken_minor",
                NEW."before_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'refunds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'refunds', OLD.tenant_id, OLD."id", OLD."spend_id", OLD."amount_minor", OLD."taken_minor",
                OLD."before_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'refunds' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'refunds', OLD.tenant_id, OLD."id", OLD."spend_id", OLD."amount_minor", OLD."taken_minor",
                OLD."before_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_reversed_rows()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'reversed_rows', NEW.tenant_id, NEW."id", NEW."transaction_id", NEW."amount_minor", NEW."used_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reversed_rows' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reversed_rows', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."amount_minor", OLD."used_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'reversed_rows' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'reversed_rows', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."amount_minor", OLD."used_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_revivals()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'revivals', NEW.tenant_id, NEW."id", NEW."transaction_id", NEW."credit_id", NEW."account_id",
                NEW."lot_id", NEW."amount_minor", NEW."expired_minor", NEW."before_minor", (extract(epoch FROM
                NEW."expired_at") * 1000000)::bigint, (extract(epoch FROM NEW."revived_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'revivals' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'revivals', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."credit_id", OLD."account_id",
                OLD."lot_id", OLD."amount_minor", OLD."expired_minor", OLD."before_minor", (extract(epoch FROM
                OLD."expired_at") * 1000000)::bigint, (extract(epoch FROM OLD."revived_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'revivals' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'revivals', OLD.tenant_id, OLD."id", OLD."transaction_id", OLD."credit_id", OLD."account_id",
                OLD."lot_id", OLD."amount_minor", OLD."expired_minor", OLD."before_minor", (extract(epoch FROM
                OLD."expired_at") * 1000000)::bigint, (extract(epoch FROM OLD."revived_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_rewards()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'rewards', NEW.tenant_id, NEW."id", NEW."name", NEW."kind", NEW."value"::text, NEW."currency",
                NEW."product", NEW."points_cost_minor", NEW."validity_days", NEW."stock", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'rewards' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'rewards', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."value"::text, OLD."currency",
                OLD."product", OLD."points_cost_minor", OLD."validity_days", OLD."stock", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'rewards' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'rewards', OLD.tenant_id, OLD."id", OLD."name", OLD."kind", OLD."value"::text, OLD."currency",
                OLD."product", OLD."points_cost_minor", OLD."validity_days", OLD."stock", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_services()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'services', NEW.tenant_id, NEW."id", NEW."name", NEW."active"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'services', OLD.tenant_id, OLD."id", OLD."name", OLD."active"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'services' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'services', OLD.tenant_id, OLD."id", OLD."name", OLD."active"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_tenants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tenants', NEW.id, NEW."id", NEW."slug", NEW."name", NEW."time_zone", NEW."grace_days",
                NEW."approval_hours", (extract(epoch FROM NEW."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM NEW."created_at") * 1000000)::bigint, NEW."key_days", NEW."limited_currencies",
                (extract(epoch FROM NEW."suspended_at") * 1000000)::bigint, NEW."event_days", NEW."expiry_notice_days"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint, OLD."event_days", OLD."expiry_notice_days"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.id AND s.of_table = 'tenants' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tenants', OLD.id, OLD."id", OLD."slug", OLD."name", OLD."time_zone", OLD."grace_days",
                OLD."approval_hours", (extract(epoch FROM OLD."keys_pruned_at") * 1000000)::bigint,
                (extract(epoch FROM OLD."created_at") * 1000000)::bigint, OLD."key_days", OLD."limited_currencies",
                (extract(epoch FROM OLD."suspended_at") * 1000000)::bigint, OLD."event_days", OLD."expiry_notice_days"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_tier_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tier_changes', NEW.tenant_id, NEW."id", NEW."account_id", NEW."transaction_id", NEW."old_tier",
                NEW."new_tier", (extract(epoch FROM NEW."created_at") * 1000000)::bigint
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tier_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tier_changes', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."old_tier",
                OLD."new_tier", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tier_changes' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tier_changes', OLD.tenant_id, OLD."id", OLD."account_id", OLD."transaction_id", OLD."old_tier",
                OLD."new_tier", (extract(epoch FROM OLD."created_at") * 1000000)::bigint
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_tiers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'tiers', NEW.tenant_id, NEW."id", NEW."name", NEW."threshold_minor"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tiers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tiers', OLD.tenant_id, OLD."id", OLD."name", OLD."threshold_minor"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'tiers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'tiers', OLD.tenant_id, OLD."id", OLD."name", OLD."threshold_minor"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_transferred_credits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'transferred_credits', NEW.tenant_id, NEW."id", NEW."transfer_id", NEW."from_id", NEW."source_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transferred_credits' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transferred_credits', OLD.tenant_id, OLD."id", OLD."transfer_id", OLD."from_id", OLD."source_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transferred_credits' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transferred_credits', OLD.tenant_id, OLD."id", OLD."transfer_id", OLD."from_id", OLD."source_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION seal_transfers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
    fresh bytea := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s
        SET version = s.version + 1,
            digest = sha256(convert_to(json_build_array(
                'transfers', NEW.tenant_id, NEW."id", NEW."received_id"
            )::text, 'UTF8')),
            salt = fresh, sealed_at = now()
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transfers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transfers', OLD.tenant_id, OLD."id", OLD."received_id"
            )::text, 'UTF8'));
    ELSE
        DELETE FROM seals s
        WHERE s.tenant_id = OLD.tenant_id AND s.of_table = 'transfers' AND s.id = OLD.id
            AND s.digest = sha256(convert_to(json_build_array(
                'transfers', OLD.tenant_id, OLD."id", OLD."received_id"
            )::text, 'UTF8'));
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION settled_instant(key integer)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
AS $function$
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
END $function$;
REVOKE ALL ON FUNCTION settled_instant(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settled_instant(integer) TO scrip_app;

-- Tenants, actors and customers, and the configuration that an admin sets.
--
-- Every key leads with tenant_id, so a row cannot point into another tenant even by a bug. Nothing cascades: what is
-- pointed at stays. Tables that reach `tenants` through another foreign key have none of their own to it.

CREATE TABLE aerich (
    id      serial PRIMARY KEY,
    version varchar(255) NOT NULL,
    app     varchar(100) NOT NULL,
    content jsonb NOT NULL
);

CREATE TABLE tenants (
    id             uuid PRIMARY KEY,
    slug           varchar(63) NOT NULL,
    name           varchar(200) NOT NULL,
    time_zone      varchar(64) NOT NULL,
    grace_days     int NOT NULL,
    config_version bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_slug_pattern CHECK (slug ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'),
    CONSTRAINT tenants_texts CHECK (name <> '' AND time_zone <> ''),
    CONSTRAINT tenants_numbers CHECK (grace_days >= 0 AND config_version >= 0)
);

CREATE TABLE actors (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    subject   varchar(255) NOT NULL,
    role      varchar(16) NOT NULL,
    client    varchar(255) NOT NULL,
    name      varchar(255),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT actors_subject_key UNIQUE (tenant_id, subject, role, client),
    CONSTRAINT actors_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER', 'CUSTOMER', 'SYSTEM')),
    CONSTRAINT actors_subject_given CHECK (subject <> '')
);

-- search_*: what customers are found by, from its beginning, whatever the case: see the indexes.
CREATE TABLE customers (
    id                      uuid NOT NULL,
    tenant_id               uuid NOT NULL REFERENCES tenants (id),
    external_id             varchar(255) NOT NULL,
    name                    varchar(255) NOT NULL,
    email                   varchar(320),
    membership_cancelled_at timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    search_name             text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED,
    search_last_name        text COLLATE "C" GENERATED ALWAYS AS (lower(split_part(btrim(name), ' ', -1))) STORED,
    search_email            text COLLATE "C" GENERATED ALWAYS AS (lower(email)) STORED,
    search_external_id      text COLLATE "C" GENERATED ALWAYS AS (lower(external_id)) STORED,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT customers_external_id_key UNIQUE (tenant_id, external_id),
    CONSTRAINT customers_texts CHECK (external_id <> '' AND email <> '')
);

CREATE TABLE reasons (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL REFERENCES tenants (id),
    code           varchar(64) NOT NULL,
    label          varchar(200) NOT NULL,
    adds           boolean NOT NULL,
    removes        boolean NOT NULL,
    moves_lifetime boolean NOT NULL,
    note_required  boolean NOT NULL,
    active         boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT reasons_code_key UNIQUE (tenant_id, code),
    CONSTRAINT reasons_direction CHECK (adds OR removes),
    CONSTRAINT reasons_texts CHECK (code <> '' AND label <> '')
);

CREATE TABLE services (
    id        uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name      varchar(200) NOT NULL,
    active    boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT services_name_key UNIQUE (tenant_id, name),
    CONSTRAINT services_name_given CHECK (name <> '')
);

CREATE TABLE tiers (
    id              uuid NOT NULL,
    tenant_id       uuid NOT NULL REFERENCES tenants (id),
    name            varchar(200) NOT NULL,
    threshold_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT tiers_name_key UNIQUE (tenant_id, name),
    CONSTRAINT tiers_threshold_key UNIQUE (tenant_id, threshold_minor),
    CONSTRAINT tiers_name_given CHECK (name <> ''),
    CONSTRAINT tiers_threshold CHECK (threshold_minor BETWEEN 0 AND 1000000000000000)
);

CREATE TABLE rewards (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL REFERENCES tenants (id),
    name              varchar(200) NOT NULL,
    kind              varchar(16) NOT NULL,
    value             numeric(20, 4),
    currency          varchar(16),
    product           varchar(200),
    points_cost_minor bigint NOT NULL,
    validity_days     int,
    stock             bigint,
    active            boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT rewards_name_key UNIQUE (tenant_id, name),
    CONSTRAINT rewards_name_given CHECK (name <> ''),
    CONSTRAINT rewards_numbers CHECK (
        points_cost_minor BETWEEN 0 AND 1000000000000000 AND validity_days >= 0 AND stock >= 0),
    CONSTRAINT rewards_kind CHECK (CASE kind
        WHEN 'FIXED' THEN value IS NOT NULL AND value > 0 AND currency IS NOT NULL AND currency ~ '^[A-Z]{3}$'
            AND product IS NULL
        WHEN 'PERCENT' THEN value IS NOT NULL AND value > 0 AND value <= 100 AND currency IS NULL AND product IS NULL
        WHEN 'FREE_PRODUCT' THEN value IS NULL AND currency IS NULL AND product IS NOT NULL AND product <> ''
        WHEN 'FREE_DELIVERY' THEN value IS NULL AND currency IS NULL AND product IS NULL
        ELSE false END)
);

CREATE TABLE limit_rules (
    id               uuid NOT NULL,
    tenant_id        uuid NOT NULL REFERENCES tenants (id),
    role             varchar(16) NOT NULL,
    asset            varchar(16) NOT NULL,
    holder           varchar(255) NOT NULL,
    per_adjustment   numeric(20, 4),
    per_actor_day    numeric(20, 4),
    per_customer_day numeric(20, 4),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT limit_rules_subject_key UNIQUE (tenant_id, role, asset, holder),
    CONSTRAINT limit_rules_role CHECK (role IN ('STAFF', 'MANAGER', 'ADMIN', 'PARTNER')),
    CONSTRAINT limit_rules_asset CHECK (asset ~ '^[A-Z]{3}$' OR asset IN ('SERVICE_CREDITS', 'POINTS', 'MONEY')),
    CONSTRAINT limit_rules_numbers CHECK (per_adjustment >= 0 AND per_actor_day >= 0 AND per_customer_day >= 0)
);

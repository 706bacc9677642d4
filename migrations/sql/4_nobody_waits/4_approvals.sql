-- Approval requests keep the terms that they were asked under, and the order that they became; limits of another kind;
-- currencies that limited roles may use.

-- terms: null where it was asked for before this step. invoice_id: of an order, which has no transaction.
ALTER TABLE approval_requests ADD COLUMN terms jsonb;
ALTER TABLE approval_requests ADD COLUMN invoice_id uuid;
ALTER TABLE approval_requests ADD FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id);
ALTER TABLE approval_requests DROP CONSTRAINT approval_requests_status;
ALTER TABLE approval_requests ADD CONSTRAINT approval_requests_status CHECK (CASE status
    WHEN 'PENDING' THEN decided_by_id IS NULL AND num_nonnulls(transaction_id, invoice_id) = 0
    WHEN 'APPROVED' THEN decided_by_id IS NOT NULL AND num_nonnulls(transaction_id, invoice_id) = 1
    WHEN 'REJECTED' THEN decided_by_id IS NOT NULL AND num_nonnulls(transaction_id, invoice_id) = 0
    WHEN 'WITHDRAWN' THEN num_nonnulls(transaction_id, invoice_id) = 0
    WHEN 'EXPIRED' THEN decided_by_id IS NULL AND num_nonnulls(transaction_id, invoice_id) = 0
    ELSE false END);
CREATE UNIQUE INDEX approval_requests_invoice ON approval_requests (tenant_id, invoice_id) WHERE invoice_id IS NOT NULL;

-- kind: what the rule is about. What one sells is counted by a scope of its own.
ALTER TABLE limit_rules ADD COLUMN kind varchar(16) NOT NULL DEFAULT 'ADDING';
ALTER TABLE limit_rules DROP CONSTRAINT limit_rules_subject_key;
ALTER TABLE limit_rules ADD CONSTRAINT limit_rules_subject_key UNIQUE (tenant_id, kind, role, asset, holder);
ALTER TABLE limit_rules ADD CONSTRAINT limit_rules_kind CHECK (CASE kind
    WHEN 'ADDING' THEN true
    WHEN 'SELLING_CREDIT' THEN per_customer_day IS NULL AND asset NOT IN ('SERVICE_CREDITS', 'POINTS')
    ELSE false END);
ALTER TABLE limit_counters DROP CONSTRAINT limit_counters_scope;
ALTER TABLE limit_counters ADD CONSTRAINT limit_counters_scope
    CHECK (scope IN ('PER_ACTOR_DAY', 'PER_CUSTOMER_DAY', 'SOLD_ACTOR_DAY'));

-- The day on which an order used up of what its actor may sell, as much as its credit lines come to; null where no limit
-- was set, or a second person approved.
ALTER TABLE invoices ADD COLUMN limited_on date;
ALTER TABLE invoices ADD CONSTRAINT invoices_limited CHECK (limited_on IS NULL OR creditable_minor < total_minor);

-- A trigger of its own: whichever of a tenant's triggers fires, the version rises by one.
ALTER TABLE tenants ADD COLUMN limited_currencies varchar(1000);
ALTER TABLE tenants ADD CONSTRAINT tenants_limited_currencies CHECK (limited_currencies ~ '^[A-Z]{3}( [A-Z]{3})*$');
CREATE TRIGGER config_version_currencies BEFORE UPDATE OF limited_currencies ON tenants FOR EACH ROW
    WHEN (OLD.limited_currencies IS DISTINCT FROM NEW.limited_currencies)
    EXECUTE FUNCTION raise_own_config_version();

-- Indexes for reads, besides the keys. All lead with the tenant, so that the policy's own condition uses them too.
--
-- Row-level security lets an index serve a condition only where its operator is leakproof: =, <, >= and the like are,
-- LIKE, text search and trigrams are not (they would read the whole tenant). Hence the search by prefix, on columns that
-- hold what is searched in lower case and in byte order:
--
--     search_name >= lower($1) AND search_name < lower($1) || U&'\+10FFFF'

CREATE INDEX customers_created ON customers (tenant_id, created_at, id);
CREATE INDEX customers_search_name ON customers (tenant_id, search_name);
CREATE INDEX customers_search_last_name ON customers (tenant_id, search_last_name);
CREATE INDEX customers_search_email ON customers (tenant_id, search_email);
CREATE INDEX customers_search_external_id ON customers (tenant_id, search_external_id);

-- Its condition, always true, keeps it out of the look-ups by customer and asset: without statistics yet, it would do.
CREATE INDEX accounts_asset ON accounts (tenant_id, asset) WHERE asset <> '';

CREATE INDEX transactions_customer ON transactions (tenant_id, customer_id, created_at, id);

CREATE INDEX entries_time ON entries (tenant_id, account_id, created_at, sequence);
CREATE INDEX entries_transaction ON entries (tenant_id, transaction_id);
CREATE INDEX entries_credit ON entries (tenant_id, credit_id);

CREATE INDEX credits_burn_order ON credits
    (tenant_id, account_id, expires_at ASC NULLS LAST, restricted DESC, created_at, id) WHERE open;
CREATE INDEX credits_scheduled ON credits (tenant_id, account_id, starts_at) WHERE open;
CREATE INDEX credits_expiry ON credits (tenant_id, expires_at) WHERE open AND expires_at IS NOT NULL;
CREATE INDEX credits_account ON credits (tenant_id, account_id, created_at, id);
CREATE INDEX credits_transaction ON credits (tenant_id, transaction_id);

CREATE INDEX tier_changes_account ON tier_changes (tenant_id, account_id, created_at, id);

CREATE INDEX invoices_customer ON invoices (tenant_id, customer_id, created_at, id);
CREATE INDEX invoices_created ON invoices (tenant_id, created_at, id);
CREATE INDEX invoices_unpaid ON invoices (tenant_id, created_at, id) WHERE status IN ('OPEN', 'PART_PAID');

CREATE INDEX payments_invoice ON payments (tenant_id, invoice_id, created_at, id);

CREATE INDEX assignments_credit ON assignments (tenant_id, credit_id, assigned_at, id);
CREATE INDEX assignments_invoice ON assignments (tenant_id, invoice_id, assigned_at, id);
CREATE INDEX assignments_invoice_live ON assignments (tenant_id, invoice_id) WHERE released_at IS NULL;
CREATE INDEX assignments_transaction ON assignments (tenant_id, transaction_id);

CREATE INDEX coupons_customer ON coupons (tenant_id, customer_id, issued_at, id);
CREATE INDEX coupons_transaction ON coupons (tenant_id, transaction_id);

CREATE INDEX approval_requests_status ON approval_requests (tenant_id, status, created_at, id);
CREATE INDEX bulk_rows_failed ON bulk_rows (tenant_id, operation_id, row) WHERE error IS NOT NULL;

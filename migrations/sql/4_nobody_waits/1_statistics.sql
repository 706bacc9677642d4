-- Statistics: the planner is told that a tenant may have all the rows of a table.
--
-- A hundredth of a table for each, as before, made a search by tenant look cheaper than one by many primary keys, so that a
-- posting read all of a large tenant's rows under its locks. What is counted is no better: among ten thousand tenants with
-- one row each, every index leads to one row, and the check of a foreign key may read all rows of the one tenant that
-- grows. Planned for a tenant that has everything, a statement goes by its keys, for the small ones as well (docs/adr/0027).

ALTER TABLE accounts ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE actors ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE approval_requests ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE assignments ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE audit_events ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE bulk_operations ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE bulk_rows ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE coupons ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credit_changes ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credit_services ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE credits ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE currencies ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE customers ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE entries ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE external_ids_left ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE grants ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE idempotency_keys ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE invoice_lines ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE invoices ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE limit_counters ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE limit_rules ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE outbox ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE partner_tokens ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE payments ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE products ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE reasons ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE rewards ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE seals ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE services ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE tier_changes ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE tiers ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE transaction_texts ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE transactions ALTER COLUMN tenant_id SET (n_distinct = 1);

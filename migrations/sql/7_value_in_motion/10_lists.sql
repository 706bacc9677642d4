-- Lists in other orders than by time, and by what people filter most (docs/adr/0066).

-- By name: equal names by id, as the pages are.
DROP INDEX customers_search_name;
CREATE INDEX customers_search_name ON customers (tenant_id, search_name, id);

-- The last characters of longer external ids: what stands within one is the beginning of one of these. A range of a column is
-- what row-level security leaves to an index; a trigram's would not be used (docs/adr/0066).
ALTER TABLE customers
    ADD COLUMN search_tail_3 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 3 THEN right(lower(external_id), 3) END) STORED,
    ADD COLUMN search_tail_4 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 4 THEN right(lower(external_id), 4) END) STORED,
    ADD COLUMN search_tail_5 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 5 THEN right(lower(external_id), 5) END) STORED,
    ADD COLUMN search_tail_6 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 6 THEN right(lower(external_id), 6) END) STORED,
    ADD COLUMN search_tail_7 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 7 THEN right(lower(external_id), 7) END) STORED,
    ADD COLUMN search_tail_8 text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 8 THEN right(lower(external_id), 8) END) STORED;
CREATE INDEX customers_search_tail_3 ON customers (tenant_id, search_tail_3) WHERE search_tail_3 IS NOT NULL;
CREATE INDEX customers_search_tail_4 ON customers (tenant_id, search_tail_4) WHERE search_tail_4 IS NOT NULL;
CREATE INDEX customers_search_tail_5 ON customers (tenant_id, search_tail_5) WHERE search_tail_5 IS NOT NULL;
CREATE INDEX customers_search_tail_6 ON customers (tenant_id, search_tail_6) WHERE search_tail_6 IS NOT NULL;
CREATE INDEX customers_search_tail_7 ON customers (tenant_id, search_tail_7) WHERE search_tail_7 IS NOT NULL;
CREATE INDEX customers_search_tail_8 ON customers (tenant_id, search_tail_8) WHERE search_tail_8 IS NOT NULL;

-- What is due, by the day. Those of all customers: unpaid ones alone, since those that are paid have no day to wait for.
CREATE INDEX invoices_due ON invoices (tenant_id, due_on, id)
    WHERE status IN ('OPEN', 'PART_PAID') AND due_on IS NOT NULL;
CREATE INDEX invoices_customer_due ON invoices (tenant_id, customer_id, due_on, id) WHERE due_on IS NOT NULL;
CREATE INDEX invoices_void ON invoices (tenant_id, created_at, id) WHERE status = 'VOID';

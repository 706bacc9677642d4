-- Lists in other orders than by time, and by what people filter most (docs/adr/0066).

-- By name: equal names by id, as the pages are.
DROP INDEX customers_search_name;
CREATE INDEX customers_search_name ON customers (tenant_id, search_name, id);

-- The last characters of longer external ids: what stands within one is the beginning of one of these. A range of a column is
-- what row-level security leaves to an index; a trigram's would not be used (docs/adr/0066).
ALTER TABLE customers ADD COLUMN search_tail_3 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 3 THEN right(lower(external_id), 3) END) STORED;
ALTER TABLE customers ADD COLUMN search_tail_4 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 4 THEN right(lower(external_id), 4) END) STORED;
ALTER TABLE customers ADD COLUMN search_tail_5 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 5 THEN right(lower(external_id), 5) END) STORED;
ALTER TABLE customers ADD COLUMN search_tail_6 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 6 THEN right(lower(external_id), 6) END) STORED;
ALTER TABLE customers ADD COLUMN search_tail_7 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 7 THEN right(lower(external_id), 7) END) STORED;
ALTER TABLE customers ADD COLUMN search_tail_8 text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN char_length(external_id) > 8 THEN right(lower(external_id), 8) END) STORED;
CREATE INDEX customers_search_tail_3 ON customers (tenant_id, search_tail_3) WHERE search_tail_3 IS NOT NULL;
CREATE INDEX customers_search_tail_4 ON customers (tenant_id, search_tail_4) WHERE search_tail_4 IS NOT NULL;
CREATE INDEX customers_search_tail_5 ON customers (tenant_id, search_tail_5) WHERE search_tail_5 IS NOT NULL;
CREATE INDEX customers_search_tail_6 ON customers (tenant_id, search_tail_6) WHERE search_tail_6 IS NOT NULL;
CREATE INDEX customers_search_tail_7 ON customers (tenant_id, search_tail_7) WHERE search_tail_7 IS NOT NULL;
CREATE INDEX customers_search_tail_8 ON customers (tenant_id, search_tail_8) WHERE search_tail_8 IS NOT NULL;

-- The name from its second, third, fourth and fifth word on, but for its last, which has a column already; the e-mail address
-- from the second and third part of what is before the @, and what is behind that. What a word or a part begins with, one of
-- these begins with. Most people have two names, and nothing in the indexes of the others (docs/adr/0075).
ALTER TABLE customers ADD COLUMN search_word_2 text COLLATE "C"
    GENERATED ALWAYS AS (nullif(
        substring(lower(name) FROM
            '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+'
            '([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', -1)))) STORED;
ALTER TABLE customers ADD COLUMN search_word_3 text COLLATE "C"
    GENERATED ALWAYS AS (nullif(
        substring(lower(name) FROM
            '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+'
            '(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){1}'
            '([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', -1)))) STORED;
ALTER TABLE customers ADD COLUMN search_word_4 text COLLATE "C"
    GENERATED ALWAYS AS (nullif(
        substring(lower(name) FROM
            '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+'
            '(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){2}'
            '([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', -1)))) STORED;
ALTER TABLE customers ADD COLUMN search_word_5 text COLLATE "C"
    GENERATED ALWAYS AS (nullif(
        substring(lower(name) FROM
            '^[^- .,/&()_"\u00a0\u2019'']*[- .,/&()_"\u00a0\u2019'']+'
            '(?:[^- .,/&()_"\u00a0\u2019'']+[- .,/&()_"\u00a0\u2019'']+){3}'
            '([^- .,/&()_"\u00a0\u2019''].*)$'),
        lower(split_part(btrim(name), ' ', -1)))) STORED;
ALTER TABLE customers ADD COLUMN search_email_2 text COLLATE "C"
    GENERATED ALWAYS AS (
        substring(lower(email) FROM '^[^@._+-]*[._+-]+([^@._+-].*)$')) STORED;
ALTER TABLE customers ADD COLUMN search_email_3 text COLLATE "C"
    GENERATED ALWAYS AS (
        substring(lower(email) FROM '^[^@._+-]*[._+-]+[^@._+-]+[._+-]+([^@._+-].*)$')) STORED;
ALTER TABLE customers ADD COLUMN search_domain text COLLATE "C"
    GENERATED ALWAYS AS (substring(lower(email) FROM '@([^@]+)$')) STORED;
CREATE INDEX customers_search_word_2 ON customers (tenant_id, search_word_2) WHERE search_word_2 IS NOT NULL;
CREATE INDEX customers_search_word_3 ON customers (tenant_id, search_word_3) WHERE search_word_3 IS NOT NULL;
CREATE INDEX customers_search_word_4 ON customers (tenant_id, search_word_4) WHERE search_word_4 IS NOT NULL;
CREATE INDEX customers_search_word_5 ON customers (tenant_id, search_word_5) WHERE search_word_5 IS NOT NULL;
CREATE INDEX customers_search_email_2 ON customers (tenant_id, search_email_2) WHERE search_email_2 IS NOT NULL;
CREATE INDEX customers_search_email_3 ON customers (tenant_id, search_email_3) WHERE search_email_3 IS NOT NULL;
CREATE INDEX customers_search_domain ON customers (tenant_id, search_domain) WHERE search_domain IS NOT NULL;

-- What is due, by the day. Those of all customers: unpaid ones alone, of which there are few among those that are paid; and all.
CREATE INDEX invoices_due ON invoices (tenant_id, due_on, id)
    WHERE status IN ('OPEN', 'PART_PAID') AND due_on IS NOT NULL;
CREATE INDEX invoices_due_any ON invoices (tenant_id, due_on, id) WHERE due_on IS NOT NULL;
CREATE INDEX invoices_customer_due ON invoices (tenant_id, customer_id, due_on, id) WHERE due_on IS NOT NULL;
CREATE INDEX invoices_void ON invoices (tenant_id, created_at, id) WHERE status = 'VOID';

-- Where accounts and customers stand, in the order of balances and of what was posted last. A job keeps them, some seconds
-- behind: an index on the accounts would be written in by every posting.

-- id: the account's; or the customer's, with no asset, for when something was last posted for it. sequence: of the account's
-- entry that the balance is after.
CREATE TABLE standings (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    customer_id   uuid NOT NULL,
    asset         varchar(16) NOT NULL,
    balance_minor bigint NOT NULL,
    sequence      bigint NOT NULL,
    active_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    CONSTRAINT standings_of CHECK (CASE WHEN asset = '' THEN id = customer_id AND balance_minor = 0 AND sequence = 0
        AND active_at IS NOT NULL ELSE balance_minor >= 0 AND sequence >= 1 AND active_at IS NULL END)
);
CREATE INDEX standings_balance ON standings (tenant_id, asset, balance_minor, customer_id) WHERE asset <> '';
CREATE INDEX standings_active ON standings (tenant_id, active_at, customer_id) WHERE asset = '';
ALTER TABLE standings ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE standings ENABLE ROW LEVEL SECURITY;
ALTER TABLE standings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON standings
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);

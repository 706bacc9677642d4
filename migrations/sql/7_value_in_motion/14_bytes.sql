-- What a posting stores, in fewer bytes (docs/adr/0085).

-- Room for two new versions of rows on each page: the first ones that are written elsewhere leave theirs to the next.
ALTER TABLE credits SET (fillfactor = 95);

-- Every eighth entry alone, and the others by those beside them: sequence and time of an account rise together.
DROP INDEX entries_time;
CREATE INDEX entries_milestones ON entries (tenant_id, account_id, created_at, sequence) WHERE sequence % 8 = 0;

-- Grown at their end alone, but for what is posted side by side: the others of a page are few.
ALTER INDEX transactions_pkey SET (fillfactor = 98);
ALTER INDEX transactions_time SET (fillfactor = 98);
ALTER INDEX entries_pkey SET (fillfactor = 98);
ALTER INDEX entries_transaction SET (fillfactor = 98);
ALTER INDEX entries_credit SET (fillfactor = 98);
ALTER INDEX credits_pkey SET (fillfactor = 98);
ALTER INDEX credits_time SET (fillfactor = 98);

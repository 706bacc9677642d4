-- Credits: whether they count towards the lifetime total, how much of them is gone for good, and their successors in
-- merges.

-- counts: whether adding it raised the lifetime total, so that taking it back lowers it. gone_minor: what was taken back
-- or has expired; what is neither that nor left is used. opened_sequence: of the entry that put it on its account.
-- origin_id: the credit that it was before its customer's records were merged; successor_id: the credit that it is now.
ALTER TABLE credits ADD COLUMN counts boolean;
ALTER TABLE credits ADD COLUMN gone_minor bigint;
ALTER TABLE credits ADD COLUMN opened_sequence bigint;
ALTER TABLE credits ADD COLUMN origin_id uuid;
ALTER TABLE credits ADD COLUMN successor_id uuid;

-- The owner is bound by the rows' policy too, and would update none.
ALTER TABLE credits NO FORCE ROW LEVEL SECURITY;
ALTER TABLE entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;
UPDATE credits c SET counts = e.counts, gone_minor = e.gone_minor, opened_sequence = e.opened_sequence
FROM (
    SELECT e.tenant_id, e.credit_id, min(e.sequence) AS opened_sequence,
        bool_or(e.lifetime_minor > 0 AND e.amount_minor > 0) AS counts,
        coalesce(-sum(e.amount_minor) FILTER (
            WHERE e.counter IN ('REMOVED', 'EXPIRED') OR e.counter = 'ORDERS' AND e.amount_minor < 0), 0) AS gone_minor
    FROM entries e WHERE e.credit_id IS NOT NULL GROUP BY e.tenant_id, e.credit_id
) e WHERE e.tenant_id = c.tenant_id AND e.credit_id = c.id;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;

ALTER TABLE credits ALTER COLUMN counts SET NOT NULL;
ALTER TABLE credits ALTER COLUMN gone_minor SET NOT NULL;
ALTER TABLE credits ALTER COLUMN opened_sequence SET NOT NULL;
ALTER TABLE credits ADD FOREIGN KEY (tenant_id, origin_id) REFERENCES credits (tenant_id, id);
ALTER TABLE credits ADD FOREIGN KEY (tenant_id, successor_id) REFERENCES credits (tenant_id, id);
ALTER TABLE credits DROP CONSTRAINT credits_remaining;
ALTER TABLE credits ADD CONSTRAINT credits_remaining CHECK (
    remaining_minor >= 0 AND gone_minor >= 0 AND remaining_minor + gone_minor <= amount_minor);
ALTER TABLE credits ADD CONSTRAINT credits_moved CHECK (successor_id IS NULL OR remaining_minor = 0);
ALTER TABLE credits ADD CONSTRAINT credits_opened CHECK (opened_sequence >= 1);
CREATE UNIQUE INDEX credits_opened_key ON credits (tenant_id, account_id, opened_sequence);
CREATE INDEX credits_origin ON credits (tenant_id, origin_id) WHERE origin_id IS NOT NULL;
DROP INDEX credits_account;

-- The lifetime total bounds nothing, so it may pass what a balance can hold.
ALTER TABLE accounts DROP CONSTRAINT accounts_lifetime;
ALTER TABLE accounts ADD CONSTRAINT accounts_lifetime CHECK (lifetime_minor >= 0);

-- What was left of an order's grant when it was taken back.
ALTER TABLE grants ADD COLUMN revoked_minor bigint;
ALTER TABLE grants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE credits NO FORCE ROW LEVEL SECURITY;
UPDATE grants g SET revoked_minor = c.amount_minor FROM credits c
WHERE c.tenant_id = g.tenant_id AND c.id = g.credit_id AND g.revoked_transaction_id IS NOT NULL;
ALTER TABLE credits FORCE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
ALTER TABLE grants ADD CONSTRAINT grants_revoked CHECK (
    (revoked_minor IS NULL) = (revoked_transaction_id IS NULL) AND revoked_minor >= 0);

-- Books restated by a rule that came later.
ALTER TABLE transactions DROP CONSTRAINT transactions_kind;
ALTER TABLE transactions ADD CONSTRAINT transactions_kind CHECK (kind IN ('ADJUSTMENT', 'ASSIGNMENT', 'RELEASE', 'EXPIRY',
    'VOID', 'UPDATE', 'USE', 'REWARD', 'ORDER', 'REVERSAL', 'MERGE', 'RESTATEMENT'));
ALTER TABLE entries DROP CONSTRAINT entries_counter;
ALTER TABLE entries ADD CONSTRAINT entries_counter CHECK (CASE
    WHEN counter = 'ISSUED' THEN amount_minor > 0
    WHEN counter = 'REMOVED' THEN amount_minor < 0
    WHEN counter = 'EXPIRED' THEN amount_minor < 0
    ELSE counter IN ('INVOICES', 'REDEEMED', 'ORDERS', 'MERGED', 'NOTES', 'SPENT', 'TRANSFERRED', 'RESTATED') END);
ALTER TABLE entries DROP CONSTRAINT entries_amount;
ALTER TABLE entries ADD CONSTRAINT entries_amount CHECK (abs(amount_minor) <= 1000000000000000 AND CASE
    WHEN credit_id IS NULL THEN counter IN ('MERGED', 'RESTATED') AND amount_minor = 0 AND lifetime_minor <> 0
    ELSE amount_minor <> 0 END);

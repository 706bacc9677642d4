-- Kinds of transactions that hold, give back and move value.
ALTER TABLE transactions DROP CONSTRAINT transactions_kind;
ALTER TABLE transactions ADD CONSTRAINT transactions_kind CHECK (kind IN ('ADJUSTMENT', 'ASSIGNMENT', 'RELEASE', 'EXPIRY', 'VOID', 'UPDATE',
        'USE', 'SPEND', 'REFUND', 'HOLD', 'REWARD', 'ORDER', 'OVERPAYMENT', 'CREDIT_NOTE', 'TRANSFER', 'REVIVAL', 'REVERSAL', 'MERGE',
        'RESTATEMENT'));

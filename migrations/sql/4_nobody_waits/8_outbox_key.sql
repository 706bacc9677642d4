-- The outbox is read in the order of its positions, and by nothing else: one index is enough, and no posting writes another.
-- At once, however many rows there are.

ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox REPLICA IDENTITY USING INDEX outbox_position_key;

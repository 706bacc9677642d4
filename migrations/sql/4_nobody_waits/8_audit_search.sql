-- The audit trail by a request or by a network address: only actions have one, and no posting writes them.

CREATE INDEX audit_events_request ON audit_events (tenant_id, request_id, created_at, id);
CREATE INDEX audit_events_address ON audit_events (tenant_id, address, created_at, id);
-- Where all came from one address, a rare one is as rare.
ALTER TABLE audit_events ALTER COLUMN address SET (n_distinct = -0.01);

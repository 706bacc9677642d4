-- What a partner's client may still do is looked up by the client, under the locks of each chunk of its bulks and of each
-- decision on what it asked for. In the order of time, so that a list of one client's tokens goes by it as well.
CREATE INDEX partner_tokens_client ON partner_tokens (tenant_id, client, created_at, id);
-- Where tables were counted while each tenant had one client, all tokens seem to be that one's, and the index no better than
-- the tenant's key.
ALTER TABLE partner_tokens ALTER COLUMN client SET (n_distinct = -0.1);

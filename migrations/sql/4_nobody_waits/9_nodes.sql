-- Whose a short name is. A table that is distributed by tenant can be unique only within each; this one every machine has
-- whole. On one machine the trigger keeps it, whoever writes; a distributed database has no such trigger.

CREATE TABLE tenant_slugs (
    slug      varchar(63) NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT tenant_slugs_pkey PRIMARY KEY (slug),
    CONSTRAINT tenant_slugs_tenant_id_key UNIQUE (tenant_id)
);
ALTER TABLE tenant_slugs ALTER COLUMN tenant_id SET (n_distinct = 1);
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
INSERT INTO tenant_slugs (slug, tenant_id) SELECT slug, id FROM tenants;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_slugs ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_slugs FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenant_slugs
    USING (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid);
CREATE POLICY by_slug ON tenant_slugs FOR SELECT
    USING (slug = nullif(current_setting('scrip.tenant_slug', true), ''));

CREATE FUNCTION keep_tenant_slug() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM tenant_slugs WHERE tenant_id = OLD.id AND slug = OLD.slug;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO tenant_slugs (slug, tenant_id) VALUES (NEW.slug, NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER slug_kept AFTER INSERT OR DELETE OR UPDATE OF slug ON tenants
    FOR EACH ROW EXECUTE FUNCTION keep_tenant_slug();

-- A CASE of a value is passed on to a node as another.
CREATE OR REPLACE FUNCTION raise_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
BEGIN
    UPDATE tenants SET config_version = config_version + 1 WHERE id = own;
    RETURN NULL;
END $$;

-- All of a tenant's coupons are listed by when they were issued.
CREATE INDEX coupons_issued ON coupons (tenant_id, issued_at, id);

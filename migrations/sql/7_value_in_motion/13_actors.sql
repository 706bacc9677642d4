-- The name of a customer who did something, or was refused it, would outlive their erasure.
ALTER TABLE actors NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE actors SET name = NULL WHERE role = 'CUSTOMER' AND name IS NOT NULL;
ALTER TABLE actors FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;

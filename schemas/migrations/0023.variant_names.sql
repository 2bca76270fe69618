-- Variants by name, and by what a name begins with, in any case. Variants change rarely: nothing here is hot.
-- Built beside whoever writes (as 0085).
-- depends: 0001.core
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS variants_name;
CREATE INDEX CONCURRENTLY variants_name ON variants (account_id, lower(name) text_pattern_ops, id) WHERE name IS NOT NULL;

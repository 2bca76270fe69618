-- Variants by name, and by what a name begins with, in any case. Variants change rarely: nothing here is hot.
-- depends: 0001.core

CREATE INDEX variants_name ON variants (account_id, lower(name) text_pattern_ops, id) WHERE name IS NOT NULL;

-- An account to try things with: another account of its own, so that no limit, feed or item of the real one is touched.
-- depends: 0020.api

ALTER TABLE accounts ADD COLUMN sandbox_of bigint UNIQUE REFERENCES accounts ON DELETE SET NULL;

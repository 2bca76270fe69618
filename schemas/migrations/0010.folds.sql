-- What a run folded and skipped: rows of one key, and attributes that were left out of items which went on.

ALTER TABLE runs
    ADD COLUMN rows_folded integer NOT NULL DEFAULT 0,        -- rows that went into another row of their key
    ADD COLUMN attributes_skipped integer NOT NULL DEFAULT 0; -- wrong attributes that cost themselves alone
ALTER TABLE run_rejects
    ADD COLUMN skipped boolean NOT NULL DEFAULT false;        -- the attribute was left out, the item went on

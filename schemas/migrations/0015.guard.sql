-- The guard compares with the highest counts of some time, dry runs and held runs show what they would change, and the
-- feed's cascade finds its runs.
-- depends: 0002.pull

ALTER TABLE pull_feeds
    ADD COLUMN baseline_at timestamptz,  -- since when rows and mapped are the highest counts of an applied file
    ADD COLUMN final_newline boolean;    -- whether the last applied file ended with one; null: not known, or no CSV

ALTER TABLE runs ADD COLUMN dry_run boolean NOT NULL DEFAULT false;  -- parse, compare, publish nothing until approved
CREATE INDEX runs_feed ON runs (feed_id);

-- What a held run would change: numbers and examples, and every changed item in compressed chunks of JSON.
CREATE TABLE run_diffs (
    run_id bigint PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    summary jsonb NOT NULL
);
CREATE TABLE run_diff_chunks (
    run_id bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    position integer NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (run_id, position)
);
ALTER TABLE run_diff_chunks ALTER COLUMN entries SET STORAGE EXTERNAL;  -- compressed already

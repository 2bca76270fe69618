-- Which feed variants have a dead letter that may be replayed, so that a replay never goes behind what came since.
-- depends: 0001.core

-- A table of its own, and not columns of dead_letters: processes of the version before read all of those.
CREATE TABLE dead_keys (
    dead_letter_id bigint PRIMARY KEY REFERENCES dead_letters ON DELETE CASCADE,
    account_id bigint NOT NULL,
    feed_id bigint NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    overtaken_at timestamptz  -- receive time of the first later value, deletion or deferral of the same key; null: none
);
CREATE INDEX dead_keys_open ON dead_keys (account_id, feed_id, external_id) WHERE overtaken_at IS NULL;

INSERT INTO dead_keys (dead_letter_id, account_id, feed_id, external_id, overtaken_at)
SELECT d.id, d.account_id, d.feed_id, d.external_id,
       (SELECT v.updated_at FROM feed_variants v
         WHERE v.account_id = d.account_id AND v.feed_id = d.feed_id AND v.external_id = d.external_id
           AND v.updated_at > d.dead_at)
  FROM dead_letters d
 WHERE d.status = 'dead' AND d.account_id IS NOT NULL AND d.feed_id IS NOT NULL AND d.external_id IS NOT NULL;

-- Columns that a feed maps by position are compared with those of its last applied file.
-- depends: 0015.guard

ALTER TABLE pull_feeds
    ADD COLUMN layout text;  -- what stood at the mapped positions of the last applied file; null: none is mapped

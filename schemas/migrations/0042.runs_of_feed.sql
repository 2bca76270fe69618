-- Deleting a feed looks for its runs by the feed alone.
-- depends: 0002.pull

CREATE INDEX runs_by_feed ON runs (feed_id);

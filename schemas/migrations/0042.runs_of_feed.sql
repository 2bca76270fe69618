-- Deleting a feed looks for its runs by the feed alone. Built beside whoever writes (as 0085).
-- depends: 0002.pull
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS runs_by_feed;
CREATE INDEX CONCURRENTLY runs_by_feed ON runs (feed_id);

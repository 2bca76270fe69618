-- The same index as runs_feed of 0015, which an earlier release made a second time.
-- depends: 0015.guard
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS runs_by_feed;

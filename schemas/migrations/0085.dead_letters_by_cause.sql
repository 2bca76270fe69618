-- Dead letters by their cause (see 0062), and settled ones by when they were. Built beside whoever writes: a build that
-- was broken off leaves an index that is not valid, so that goes first.
-- depends: 0062.operations
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS dead_letters_cause;
CREATE INDEX CONCURRENTLY dead_letters_cause ON dead_letters
    (account_id, status, code, coalesce(feed_id, 0), dead_cause(reason), id) INCLUDE (dead_at);
DROP INDEX CONCURRENTLY IF EXISTS dead_letters_settled;
CREATE INDEX CONCURRENTLY dead_letters_settled ON dead_letters (settled_at) WHERE status <> 'dead';

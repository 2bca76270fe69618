-- What people changed of one resource: for the history of a feed variant. Built beside whoever writes (as 0085).
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS audit_log_of_subject;
CREATE INDEX CONCURRENTLY audit_log_of_subject ON audit_log (account_id, subject, id);

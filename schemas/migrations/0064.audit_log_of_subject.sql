-- What people changed of one resource: for the history of a feed variant.

CREATE INDEX audit_log_of_subject ON audit_log (account_id, subject, id);

-- The way of a batch: when the broker handed it to the worker that applied it, and by which connection.
-- depends: 0001.core

ALTER TABLE receipts ADD COLUMN delivered_at timestamptz, ADD COLUMN applied_by text;
-- Told apart from ADD COLUMN, which would give every row of before the name of this session. A worker names its
-- connections after itself, so that the name costs the road nothing.
ALTER TABLE receipts ALTER COLUMN applied_by SET DEFAULT current_setting('application_name');

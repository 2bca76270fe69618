-- Ends a statement that has not written what it was to write, and with it everything that it has: what a worker writes
-- in one statement it cannot count before it is committed (workers/apply/road.sql). W0001 is a code of our own
-- (workers/apply/blame.py).
-- depends: 0001.core

CREATE FUNCTION expect_rows(what text, written bigint, expected bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF written <> expected THEN
        RAISE EXCEPTION '% % of %', written, what, expected USING ERRCODE = 'W0001';
    END IF;
    RETURN written;
END
$$;

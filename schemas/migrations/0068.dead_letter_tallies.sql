-- How many dead letters there are of each cause, by status and by the five minutes in which they died: to count a cause's
-- rows is to read them all. Only ever added to, so that nobody waits for anybody; upkeep folds what belongs together.
-- depends: 0067.feed_versions 0062.operations

CREATE TABLE dead_letter_tallies (
    account_id bigint NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    feed_id bigint NOT NULL,   -- 0: none
    cause text NOT NULL,       -- `dead_cause` of the reason
    died timestamptz NOT NULL, -- when the five minutes began; 1970 where it no longer matters
    n bigint NOT NULL          -- negative where letters went
);
CREATE INDEX dead_letter_tallies_cause ON dead_letter_tallies (account_id, status, code, feed_id, cause, died) INCLUDE (n);

-- As its owner: who may change a dead letter need not be allowed to count.
CREATE FUNCTION tally_dead_letters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO dead_letter_tallies
        SELECT account_id, status, code, coalesce(feed_id, 0), dead_cause(reason), date_bin('5 minutes', dead_at, 'epoch'),
               count(*)
          FROM made WHERE account_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        INSERT INTO dead_letter_tallies
        SELECT account_id, status, code, coalesce(feed_id, 0), dead_cause(reason), date_bin('5 minutes', dead_at, 'epoch'),
               -count(*)
          FROM gone WHERE account_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER dead_letters_tallied_insert AFTER INSERT ON dead_letters REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION tally_dead_letters();
CREATE TRIGGER dead_letters_tallied_update AFTER UPDATE ON dead_letters REFERENCING OLD TABLE AS gone NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION tally_dead_letters();
CREATE TRIGGER dead_letters_tallied_delete AFTER DELETE ON dead_letters REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION tally_dead_letters();

-- The triggers' lock lets nobody write meanwhile: none is counted twice, and none is missed.
INSERT INTO dead_letter_tallies
SELECT account_id, status, code, coalesce(feed_id, 0), dead_cause(reason),
       CASE WHEN dead_at > now() - interval '25 hours' THEN date_bin('5 minutes', dead_at, 'epoch') ELSE 'epoch' END, count(*)
  FROM dead_letters WHERE account_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6;

-- The quantity that may be sold of a feed variant; see docs/api.md.
-- depends: 0001.core

-- One rule in one place: every query that shows or sums a quantity calls it.
-- null: the quantity is not known. A manual quantity is the operator's last word, so no buffer is taken off it.
CREATE FUNCTION available_quantity(quantity integer, override text, manual integer, buffer integer)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN override = 'manual' AND manual IS NOT NULL THEN greatest(manual, 0)
        WHEN quantity IS NULL THEN NULL
        WHEN override = 'maximum' AND manual IS NOT NULL THEN greatest(least(quantity, manual)::bigint - buffer, 0)
        ELSE greatest(quantity::bigint - buffer, 0)
    END
$$;

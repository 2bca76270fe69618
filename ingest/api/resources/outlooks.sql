-- What an override would make of a quantity, by the rule that the lists use.

-- name: outlook(account_id, id, override, manual)^
SELECT available_quantity(v.inventory_quantity, :override::text, :manual::integer,
                          coalesce(v.allocation_buffer_override, f.allocation_buffer)) AS available_quantity,
       f.enabled AND f.deleted_at IS NULL AS counts, v.variant_id,
       (SELECT coalesce(sum(available_quantity(o.inventory_quantity, o.inventory_quantity_override,
                                               o.manual_inventory_quantity,
                                               coalesce(o.allocation_buffer_override, g.allocation_buffer))), 0)
          FROM feed_variants o JOIN inventory_feeds g ON g.id = o.feed_id AND g.enabled AND g.deleted_at IS NULL
         WHERE o.account_id = v.account_id AND o.variant_id = v.variant_id AND o.id IS NOT NULL AND o.id <> v.id
       )::bigint AS others
  FROM feed_variants v JOIN inventory_feeds f ON f.id = v.feed_id
 WHERE v.account_id = :account_id AND v.id = :id;

-- depends: 0071.canaries

-- A whole file in the catalogue's order changes all rows of a page in one window: each needs room for its new version
-- beside the old one, or the update is not HOT and writes every index. Half of a page is that room; the next file finds
-- the old versions pruned. Pages that are full already get it as their rows move, or by VACUUM FULL.
ALTER TABLE feed_variants SET (fillfactor = 50);

-- What a dropship provider has beside its name: kept for code written for Onport.
-- depends: 0001.core

ALTER TABLE dropship_providers ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

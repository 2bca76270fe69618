-- Links that let one person in once, to set a password: an invitation, or a reset.
-- depends: 0060.pages

ALTER TABLE login_links ADD COLUMN person_id bigint REFERENCES people ON DELETE CASCADE;
CREATE INDEX login_links_person ON login_links (person_id) WHERE person_id IS NOT NULL;

-- Whether the session began by such a link and no password was set since: then the old one is not asked for.
ALTER TABLE sessions ADD COLUMN sets_password boolean NOT NULL DEFAULT false;

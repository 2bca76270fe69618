"""The webhook endpoint: a post in, one confirmed batch on the queue, 202 out. Needs no Postgres to accept a post."""

"""Who is alive, and which worker has which shard."""

from schemas import queries

FLEET = queries.load("fleet", beside=__file__)

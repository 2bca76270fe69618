"""`make bench`: the road against what Postgres alone, and a bare aiohttp handler, can do in the same run."""

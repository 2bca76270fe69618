"""Who is alive, and which worker has which shard."""

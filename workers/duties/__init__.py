"""What one worker at a time does for all: upkeep, partitions, release of deferred items, the outbox, bulk
operations, dead letters of the broker, doubling the shards."""

"""One owned shard: its lock, its consumer, its windows, its watchdog."""

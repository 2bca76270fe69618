"""Watching the queue: what no single process knows of the shards, told by one process at a time.

watcher: looks at RabbitMQ (queues, members) and Postgres → lateness decides what is oldest → Seen metrics, as times
export: shows them while they are fresh
canary: a post a minute down every shard, its receipt, its row
"""

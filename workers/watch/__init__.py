"""Watching the queue: what no single process knows of the shards, told by one process at a time.

reader (RabbitMQ, Postgres) → shards.py decides what is oldest → Seen metrics, as times → exported while fresh
canary: a post a minute down every shard, its receipt, its row
"""

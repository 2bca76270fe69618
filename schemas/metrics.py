"""All metrics of all processes, a line of meaning each (the help text); names use the words of the design."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

from schemas.tallies import CountTally, Tally

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_SECONDS = (*_SECONDS, 30, 60, 120, 300, 600, 1800, 3600)

# Every process
BUILD = Gauge("feedline_build_info", "1; which release this process runs", ["version", "python"])
LOOP_LAG = Histogram("feedline_event_loop_lag_seconds", "How late the event loop runs what is due", buckets=_SECONDS)

# Whoever publishes: edge, API, puller, workers
CONFIRM_SECONDS = Tally("feedline_confirm_seconds", "Time to the broker's confirm of a batch", buckets=_SECONDS)
PUBLISHED = CountTally("feedline_shard_published_batches_total", "Batches confirmed by the broker, by shard", "shard")

# The edge
POSTS = CountTally("feedline_posts_total", "Webhook posts answered, by HTTP status", "status")
POST_SECONDS = Tally("feedline_post_seconds", "Time to answer a webhook post", buckets=_SECONDS)
ITEMS_ACCEPTED = CountTally("feedline_items_accepted_total", "Items confirmed by the broker, by source", "source")
ITEMS_REJECTED = Counter("feedline_items_rejected_total", "Items refused before the queue, by source", ["source"])
PUBLISH_FAILURES = Counter("feedline_publish_failures_total", "Batches the broker did not take, by reason", ["reason"])
POSTS_BYTES = Gauge("feedline_posts_bytes", "Bytes of the posts that this process holds now")
POSTS_IN_FLIGHT = Gauge("feedline_posts_in_flight", "Posts being handled by this process")
FEEDS_KNOWN = Gauge("feedline_feeds_known", "Webhook hashes in this process's snapshot of the feeds")
FEEDS_AGE = Gauge("feedline_feeds_refreshed_timestamp_seconds", "When the snapshot of the feeds was last read")

# The API
API_REQUESTS = Counter("feedline_api_requests_total", "API requests, by operation and status", ["operation", "status"])
API_SECONDS = Histogram("feedline_api_seconds", "Time to answer an API request", ["operation"], buckets=_SECONDS)

# The workers
OUTCOMES = Counter("feedline_outcomes_total", "Items by outcome", ["outcome"])
REMEMBERED = Counter("feedline_remembered_items_total", "Unchanged items told by a remembered hash, without a compare")
WINDOWS = Counter("feedline_windows_total", "Windows by result: committed, transient, split", ["result"])
WINDOW_SECONDS = Tally("feedline_window_seconds", "Time from a window's start to its commit", buckets=_SECONDS)
WINDOW_BATCHES = Tally("feedline_window_batches", "Batches of a window", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
WINDOW_ITEMS = Tally("feedline_window_items", "Items of a window", buckets=(1, 10, 50, 100, 200, 400, 800, 1600, 3200))
WINDOW_BYTES = Tally(
    "feedline_window_bytes", "Message bytes of a window", buckets=tuple(4**power for power in range(5, 12))
)
COMMIT_LAG = Tally("feedline_receive_to_commit_seconds", "A batch's time from receipt to commit", buckets=_LAG_SECONDS)
APPLIED = Gauge(
    "feedline_shard_applied_timestamp_seconds", "When its owner last committed a window of a shard", ["shard", "owner"]
)
REDELIVERIES = Counter("feedline_redeliveries_total", "Batches that the broker delivered again", ["shard"])
STRAYS = Counter(
    "feedline_strays_total", "Batches of another shard's feeds that were sent on, by the shard that got them", ["shard"]
)
SHARDS_OWNED = Gauge("feedline_shards_owned", "Shards that this worker consumes")
USAGE_ALERTS = Counter(
    "feedline_usage_alerts_total", "Accounts' days that reached 80 or 100 % of the limit", ["percent"]
)
DEAD_LETTERS = Counter("feedline_dead_letters_total", "Dead letters stored, by code", ["code"])
DEGRADED = Gauge(
    "feedline_degraded",
    "1 while a dependency is away, or (worker) a shard is stopped by trouble of our own",
    ["dependency"],
)

# The deliverer
DELIVERIES = Counter(
    "feedline_deliveries_total", "Attempts to tell an endpoint, by kind and result", ["kind", "result"]
)

# The puller
RUNS = Counter("feedline_runs_total", "Runs ended, by status", ["status"])
RUN_SECONDS = Histogram(
    "feedline_run_seconds", "Time of a run from its start to its end", buckets=(1, 5, 15, 60, 300, 1800, 7200)
)
RUN_ROWS = Counter("feedline_run_rows_total", "Rows of pulled files: mapped, rejected", ["result"])
RUNS_ACTIVE = Gauge("feedline_runs_active", "Runs that this puller carries out")
FEED_ALERTS = Counter("feedline_feed_alerts_total", "Alerts: run_held, feed_failing, feed_disabled", ["alert"])
FEEDS_FAILING = Gauge("feedline_feeds_failing", "Pulled feeds that failed three times or more in succession")


class Seen(NamedTuple):
    """A gauge of the watcher's: exported by the active one alone, and only while what it saw is fresh."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


# The watcher. Times of what is oldest, never ages: an age grows between two looks, and Prometheus knows the time.
SHARD_READY = Seen("feedline_shard_ready_batches", "Batches of a shard that wait to be delivered", ("shard",))
SHARD_CONSUMERS = Seen("feedline_shard_consumers", "Consumers of a shard's queue, waiting ones included", ("shard",))
SHARD_OLDEST = Seen(
    "feedline_shard_oldest_timestamp_seconds", "Receive time of a shard's oldest batch not yet applied", ("shard",)
)
SHARD_WAITS = Seen("feedline_shard_waits", "1 while a shard's owner waits for something", ("shard", "waits_for"))
SHARD_MEMBERS = Seen("feedline_shard_members", "Nodes that hold a member of a shard's queue", ("shard",))
SHARD_LEADER = Seen("feedline_shard_leader_info", "1; the node that leads a shard's queue", ("shard", "node"))
SHARD_ROOM = Seen("feedline_shard_max_batches", "Batches that a shard holds before it refuses more")
BROKER_NODES = Seen("feedline_broker_nodes", "Nodes that every queue should have a member on")
BROKER_ALARMS = Seen("feedline_broker_alarm", "1 while a node is short of memory, disk or files", ("node", "alarm"))
SHARDS_CLOSED = Seen("feedline_shards_closed", "New shards of a doubling that take nothing over yet")
LIVE_WORKERS = Seen("feedline_live_workers", "Workers with a fresh heartbeat")
STANDBYS = Seen("feedline_postgres_standbys", "Standbys that stream from Postgres")
STANDBYS_WANTED = Seen("feedline_postgres_standbys_wanted", "Standbys that a commit waits for")
DEFERRED_ITEMS = Seen("feedline_deferred_items", "Items that wait for room in their account's day")
DEFERRED_OLDEST = Seen("feedline_deferred_oldest_timestamp_seconds", "Since when the oldest deferred item waits")
LIMIT_USED = Seen("feedline_limit_used_ratio", "Used part of today's limit, of the 20 fullest accounts", ("account",))
ACCOUNT_FAILING = Seen("feedline_account_failing_feeds", "Pulled feeds that fail, of the 20 worst", ("account",))
ACCOUNT_HELD = Seen("feedline_account_held_runs", "Held runs that wait for a person, of the 20 worst", ("account",))
DEAD_RECENT = Seen("feedline_dead_letters_recent", "Dead letters of the last 15 minutes, by code", ("code",))
CANARY_SUCCESS = Seen(
    "feedline_canary_success_timestamp_seconds", "When the canary last went the whole way down a shard", ("shard",)
)

CANARY_FAILURES = Counter("feedline_canary_failures_total", "Canaries that did not arrive, by stage", ["stage"])
CANARY_SECONDS = Histogram(
    "feedline_canary_seconds", "The canary's time from its post to its row", buckets=_LAG_SECONDS
)

# A counter that is born at 1 has not increased, and a ratio without its numerator is none: these begin at 0.
for _counter, _values in (
    (PUBLISH_FAILURES, ("disconnected", "blocked", "full", "unroutable", "timeout")),
    (RUNS, ("succeeded", "failed")),
    (CANARY_FAILURES, ("post", "receipt", "row")),
):
    for _value in _values:
        _counter.labels(_value)
for _status in (202, 500, 503):
    POSTS.inc(_status, 0)

"""What is counted without locks stands in /metrics as the library's own counts would."""

from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest

from schemas import metrics
from schemas.monitor import LAG_EVERY_S, LoopLag
from schemas.tallies import CountTally, Tally

BUCKETS = (0.001, 0.5, 1, 5)


def lines(text, name):
    return [line for line in text.decode().splitlines() if line.startswith(name) and "_created" not in line]


def test_a_tally_is_written_as_the_librarys_histogram_is():
    name = "tally_of_a_test"
    theirs = CollectorRegistry()
    library = Histogram(name, "Meaning", buckets=BUCKETS, registry=theirs)
    ours = Tally(name, "Meaning", buckets=BUCKETS)
    try:
        for value in (0.0, 0.001, 0.25, 1, 3.5, 99):
            library.observe(value)
            ours.observe(value)
        alone = CollectorRegistry()
        alone.register(ours)

        assert sorted(lines(generate_latest(theirs), name)) == sorted(lines(generate_latest(alone), name))
    finally:
        REGISTRY.unregister(ours)


def test_a_tally_by_shard_tells_the_shards_that_counted():
    tally = CountTally("shards_of_a_test_total", "Meaning", "shard")
    try:
        for shard in (3, 0, 3):
            tally.inc(shard)

        assert (2, 1, None) == tuple(
            REGISTRY.get_sample_value("shards_of_a_test_total", {"shard": shard}) for shard in "301"
        )
    finally:
        REGISTRY.unregister(tally)


def test_the_lag_has_buckets_up_to_an_hour_and_one_at_the_promise():
    bounds = metrics.COMMIT_LAG._bounds

    assert 3600 == bounds[-1]
    assert 5 in bounds


class Loop:
    """As much of an event loop as the measurement needs, with time in the hands of the test."""

    def __init__(self):
        self.now, self.timers = 10.0, []

    def time(self):
        return self.now

    def call_at(self, due, function, *arguments):
        self.timers.append((due, function, arguments))
        return self

    def cancel(self):
        self.timers.clear()


def test_a_loop_that_runs_its_timer_late_is_seen_to_be_late():
    def lag():
        return REGISTRY.get_sample_value("feedline_event_loop_lag_seconds_sum")

    loop = Loop()
    measured = LoopLag(loop)
    before = lag()
    ((due, look, arguments),) = loop.timers
    loop.now = due + 0.5
    look(*arguments)

    assert 0.5 == round(lag() - before, 6)
    assert loop.now + LAG_EVERY_S == loop.timers[-1][0]
    measured.stop()
    assert [] == loop.timers

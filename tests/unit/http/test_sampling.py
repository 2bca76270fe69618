"""A flood of refusals is a handful of log lines that say how many there were."""

from ingest.http.sampling import MOST, SPAN_S, Sampled


def test_a_flood_is_told_in_a_few_lines_that_count_the_rest():
    clock = [0.0]
    sampled = Sampled(lambda: clock[0])

    first = [sampled.take("edge.hash.unknown") for _ in range(1_000)]
    other = sampled.take("edge.body.malformed")
    clock[0] = SPAN_S
    second = [sampled.take("edge.hash.unknown") for _ in range(3)]

    assert [0] * MOST + [None] * (1_000 - MOST) == first
    assert 0 == other
    assert [1_000 - MOST, 0, 0] == second

"""What the benchmark reckons from its readings: bounds, the edge at its best, where the time to a commit goes."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from deploy.bench import bound, ceiling, edge
from deploy.bench.__main__ import main
from deploy.bench.catalogue import KINDS, Feed, Post
from deploy.bench.edge import Served
from deploy.bench.fair import MeasuredPostgres
from deploy.bench.load import Load, write_posts
from deploy.bench.plot import Chart
from deploy.bench.report import Report
from deploy.bench.road import Road
from deploy.bench.stages import Stages, Stamps, all_and_slowest

CPU_US = {"edge": 7.0, "workers": 9.0, "RabbitMQ": 5.0, "Postgres": 13.0, "load generator": 2.0}
AGE = timedelta(milliseconds=25)
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def served(connections: int, *, posts: int, cpu_s: float) -> Served:
    return Served(connections, Load(posts, 2.0, 0, 0, 1.0, 2.0, 3.0, 0.5), cpu_s)


def batch(window: str, *ms: int) -> Stamps:
    return Stamps(window, RECEIVED_AT, *(RECEIVED_AT + timedelta(milliseconds=one) for one in ms))


def test_a_road_whose_edge_and_workers_cost_nothing_has_all_cores_for_servers_and_load_generator():
    assert 100_000 == bound.free(CPU_US, cores=2)


def test_the_servers_share_is_of_the_time_an_item_may_take_at_the_target():
    # at 0.7 of 100,000 items a second two cores have 28.57 µs for one
    assert pytest.approx(0.63) == bound.share(CPU_US, 2, bound.Yardstick(100_000, target=0.7))


def test_the_edge_is_told_with_its_ratio_by_time_and_by_cpu():
    report = Report({})
    edge.told(report, served(32, posts=20_000, cpu_s=1.8), served(128, posts=6_000, cpu_s=1.2))

    told = {name: (figure.value, figure.ratio) for name, figure in report.figures.items()}
    assert (3_000, 0.3) == told["the edge alone"]
    assert (pytest.approx(5_000), pytest.approx(0.45)) == told["  posts a second of CPU: the edge, to a bare handler"]
    assert [90, 60] == [told[f"  share of a core: {name}"][0] for name in ("a bare handler", "the edge")]


def test_the_yardsticks_clients_are_counted_from_the_first_ones_beginning_to_the_last_ones_end():
    assert 100 == ceiling.pace([(100, 1.0, 2.0), (100, 1.5, 3.0)])


def test_no_kind_of_item_has_the_skus_of_another():
    skus = [make(number, 1)["externalId"] for make in KINDS.values() for number in range(10)]

    assert len(skus) == len(set(skus))


def test_nothing_of_postgres_own_begins_while_a_part_is_measured(tmp_path):
    options = MeasuredPostgres(tmp_path).program().arguments
    settings = dict(option.split("=", 1) for option in options if "=" in option)  # of several the last one counts

    assert ["off", "1d", "16GB"] == [settings[name] for name in ("autovacuum", "checkpoint_timeout", "max_wal_size")]


def test_time_to_a_commit_is_told_by_where_it_goes():
    # delivered, window closed, committed; the second batch came into the window of the first, which was due at 35 ms
    batches = [batch("1", 10, 75, 80), batch("1", 50, 75, 80), batch("2", 5, 10, 20)]

    assert Stages(30, 12.5, 32.5, 5) == all_and_slowest(batches[:2], AGE)[0]
    assert Stages(5, 5, 0, 10) == all_and_slowest(batches[2:], AGE)[0]


def test_the_slowest_twentieth_is_told_apart():
    quick = [batch(str(number), 1, 2, 3) for number in range(19)]

    every, slowest = all_and_slowest([*quick, batch("slow", 101, 102, 203)], AGE)

    assert (Stages(6, 1, 0, 6), Stages(101, 1, 0, 101)) == (every, slowest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "1000000", "--kind", "rich"], "--rows stores lean items: expected --kind lean, or no --kind"),
        (["--rows", "10"], "--rows 10: expected 0, or 100,000 and more"),
    ],
)
def test_rows_that_cannot_be_measured_are_refused(arguments: list[str], message: str):
    ended = CliRunner().invoke(main, arguments)

    assert 2 == ended.exit_code
    assert message in ended.output


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (311, ["0", "100", "200", "300", "400"]),
        (75_600, ["0", "20,000", "40,000", "60,000", "80,000"]),
        (0.4, ["0", "1"]),
    ],
)
def test_a_plots_axis_upwards_counts_in_steps_that_read_well(most: float, ticks: list[str]):
    drawn = Chart("latency", "items a second", "ms", {"202": [(2_000, 0.0), (8_000, most)]}).svg()

    told = re.findall(r'text-anchor="end">([^<]+)<', drawn)
    assert ticks == told


async def test_what_was_changed_is_put_back_to_the_last_post_before_it_counts_as_unchanged(tmp_path, monkeypatch):
    posts = tmp_path / "posts"
    write_posts(posts, [Post(Feed(1, "hash"), ["{}"])] * 2_000)
    taken = []

    async def take(_road, _file, how):
        taken.append((how.seconds, how.quantity, how.step))
        return SimpleNamespace(load=SimpleNamespace(posts=400 * how.seconds))

    monkeypatch.setattr(Road, "take", take)
    await Road(None, None, "", {}).put_back(posts, 3)
    assert [(3, 1, 0), (6, 1, 0)] == taken

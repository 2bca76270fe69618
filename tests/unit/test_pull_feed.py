"""What a pulled feed's state on disk and in the database depends on."""

import os
from datetime import UTC, datetime

from ingest.pull.carrier import Carrier
from ingest.pull.feed import PulledFeed
from ingest.pull.spooled import PartsWriter, Spooled
from schemas.feeds import FeedSecrets, FeedSettings


def feed(**settings):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return PulledFeed(1, 1, "ftpCsv", True, now, "UTC", FeedSettings(**settings), FeedSecrets())


def test_a_feed_that_moved_does_not_send_the_validators_of_its_old_address():
    before = feed(resource_location="https://***@a/stock.csv").seal()

    assert before == feed(resource_location="https://***@a/stock.csv", fetch_frequency="daily").seal()
    assert before != feed(resource_location="https://***@a/other.csv").seal()
    assert before != feed(resource_location="https://***@a/stock.csv", delimiter=";").seal()


def test_what_a_killed_puller_left_behind_is_deleted_and_what_is_in_use_is_not(tmp_path):
    for name in ("feedline-pull-old", "feedline-pull-new", "other-old"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("feedline-pull-old", "other-old"):
        os.utime(tmp_path / name, (0, 0))

    Carrier(None, None, None, None, tmp_path).sweep()

    assert ["feedline-pull-new", "other-old"] == sorted(path.name for path in tmp_path.iterdir())


def test_parts_that_were_not_finished_leave_nothing_on_disk(tmp_path):
    failed, finished = PartsWriter(tmp_path / "failed"), PartsWriter(tmp_path / "finished")
    failed.part([{"externalId": "1"}], [2])
    finished.part([{"externalId": "1"}], [2])
    finished.finish({"rowsRead": 1})

    failed.close()
    finished.close()

    assert ["finished"] == [path.name for path in tmp_path.iterdir()]
    assert {"rowsRead": 1, "parts": 1} == Spooled.find(tmp_path / "finished").facts

"""What a pulled feed's state on disk and in the database depends on."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ingest.feeds.settings import FeedSecrets, FeedSettings
from ingest.pull.fetch import FetchRequest, Validators
from ingest.pull.run.carrier import Carrier
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.part_files import PartsWriter, Spooled
from schemas.errors import Rejected


def feed(**settings):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return PulledFeed(1, 1, "ftpCsv", True, now, "UTC", FeedSettings(**settings), FeedSecrets())


def test_a_feed_that_moved_does_not_send_the_validators_of_its_old_address():
    before = feed(resource_location="https://***@a/stock.csv").seal()

    assert before == feed(resource_location="https://***@a/stock.csv", fetch_frequency="daily").seal()
    assert before != feed(resource_location="https://***@a/other.csv").seal()
    assert before != feed(resource_location="https://***@a/stock.csv", delimiter=";").seal()


def test_a_web_application_is_asked_for_the_feeds_format_with_its_credentials():
    secrets = FeedSecrets(resource_location="https://a/f", authentication_token="X-Key:", authentication_secret="abc")
    request = replace(feed(), resource_type="api", secrets=secrets).request(Validators(etag='"1"'))

    expected = FetchRequest("https://a/f", "X-Key:", "abc", Validators(etag='"1"'), request.accept, keep_short=True)
    assert expected == request
    assert request.accept.startswith("application/json")


def test_a_feed_without_an_address_cannot_be_fetched():
    with pytest.raises(Rejected, match="no resourceLocation"):
        feed().request()


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

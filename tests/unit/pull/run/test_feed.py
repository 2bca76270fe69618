"""What a pulled feed's state on disk and in the database depends on."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ingest.feeds.settings import FeedSecrets
from ingest.pull.fetch import FetchRequest, Validators
from ingest.pull.run.carrier import Carrier
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.file.part_files import PartsWriter, Spooled
from schemas.errors import Rejected
from schemas.secrets import Vault

VAULT = Vault(b"k" * 32)


def feed(secrets=None, resource_type="ftpCsv", **settings):
    row = {
        "id": 1,
        "account_id": 1,
        "resource_type": resource_type,
        "enabled": True,
        "updated_at": datetime(2026, 11, 22, tzinfo=UTC),
        "time_zone": "UTC",
        "settings": settings,
        "secrets": VAULT.encrypt(secrets or {}),
    }
    return PulledFeed.of(row, VAULT)


ADDRESS = {"resourceLocation": "https://ann:1@a/stock.csv?key=1"}


@pytest.mark.parametrize(
    "changed",
    [
        feed({"resourceLocation": "https://ann:1@a/other.csv?key=1"}),
        feed({"resourceLocation": "https://ann:2@a/stock.csv?key=1"}),  # shown, they are all the same
        feed({"resourceLocation": "https://ann:1@a/stock.csv?key=2"}),
        feed({**ADDRESS, "authenticationToken": "x"}),
        feed(ADDRESS, delimiter=";"),
        feed(ADDRESS, mapping={"externalId": "sku"}),
        feed(ADDRESS, fetchCleanup="enabled"),
        feed(ADDRESS, "xml"),
    ],
)
def test_a_feed_that_means_another_file_or_reads_it_otherwise_is_fetched_as_if_never_before(changed):
    assert feed(ADDRESS).seal() != changed.seal()


def test_a_feed_that_was_only_saved_again_may_find_its_file_unchanged():
    assert feed(ADDRESS).seal() == feed(ADDRESS, fetchFrequency="daily", fetchMissingGuard=0.1, tags=["a"]).seal()


def test_a_web_application_is_asked_for_the_feeds_format_with_its_credentials():
    secrets = FeedSecrets(resource_location="https://a/f", authentication_token="X-Key:", authentication_secret="abc")
    request = replace(feed(), resource_type="api", secrets=secrets).request(Validators(etag='"1"'))

    expected = FetchRequest("https://a/f", "X-Key:", "abc", Validators(etag='"1"'), request.accept, keep_short=True)
    assert expected == request
    assert request.accept.startswith("application/json")


def test_a_feed_without_an_address_cannot_be_fetched():
    with pytest.raises(Rejected, match="no resourceLocation"):
        feed().request()


class Runs:
    """Knows which runs are active or held."""

    def __init__(self, *run_ids):
        self.run_ids = set(run_ids)

    async def in_use(self, run_ids):
        return self.run_ids.intersection(run_ids)


async def test_what_a_killed_puller_left_behind_is_deleted_and_what_is_in_use_is_not(tmp_path):
    for name in ("feedline-pull-old", "feedline-pull-new", "other-old"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("feedline-run-5-1", "feedline-run-6-2", "feedline-run-56-1"):
        (tmp_path / name).mkdir()
    for name in ("feedline-pull-old", "other-old", "feedline-run-5-1"):
        os.utime(tmp_path / name, (0, 0))

    await Carrier(Runs(5), None, None, None, tmp_path).sweep()

    assert ["feedline-pull-new", "feedline-run-5-1", "other-old"] == sorted(path.name for path in tmp_path.iterdir())


def test_parts_that_were_not_finished_leave_nothing_on_disk(tmp_path):
    failed, finished = PartsWriter(tmp_path / "failed"), PartsWriter(tmp_path / "finished")
    failed.part([{"externalId": "1"}], [2])
    finished.part([{"externalId": "1"}], [2])
    finished.finish({"rowsRead": 1})

    failed.close()
    finished.close()

    assert ["finished"] == [path.name for path in tmp_path.iterdir()]
    assert {"rowsRead": 1, "parts": 1} == Spooled.find(tmp_path / "finished").facts

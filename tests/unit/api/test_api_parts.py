"""The API's pure parts: the leaky bucket, versions, and a feed's state."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.api.framework.caller import Scope
from ingest.api.framework.etags import etag_of, is_same, is_version
from ingest.api.framework.ratelimit import Buckets
from ingest.feeds.state import MisfitError, new_state, shown_secrets
from schemas.errors import Permanent
from schemas.secrets import MASK, Vault

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CSV = {
    "name": "Stock",
    "dropship_provider_id": 1,
    "resource_type": "ftpCsv",
    "resource_location": "https://example.com/stock.csv",
}


@pytest.mark.parametrize(
    ("rate", "method", "taken"),
    [(1.0, "GET", 2), (1.0, "POST", 1), (5.0, "GET", 10), (5.0, "DELETE", 5), (0.5, "PUT", 1)],
)
def test_a_bucket_takes_a_seconds_worth_at_once(rate, method, taken):
    buckets = Buckets()

    waits = [buckets.take(1, method, rate, 0.0) for _ in range(taken + 1)]

    assert [0.0] * taken == waits[:-1]
    assert waits[-1] > 0


def test_after_the_wait_that_was_told_the_request_fits():
    buckets = Buckets()
    buckets.take(1, "POST", 0.5, 0.0)

    wait = buckets.take(1, "GET", 0.5, 0.5)

    assert 0.5 == wait
    assert 0.0 == buckets.take(1, "GET", 0.5, 0.5 + wait)


def test_over_time_a_bucket_lets_through_its_rate_and_no_more():
    buckets = Buckets()

    through = sum(buckets.take(1, "GET", 1.0, tenth / 10) == 0 for tenth in range(1_000))

    assert 201 == through


def test_buckets_of_accounts_are_apart():
    buckets = Buckets()
    buckets.take(1, "POST", 1.0, 0.0)

    assert 0.0 == buckets.take(2, "POST", 1.0, 0.0)


@given(
    bodies=st.lists(st.tuples(st.sampled_from([NOW, NOW + timedelta(microseconds=1), None]), st.binary()), max_size=8)
)
def test_an_etag_is_the_same_exactly_when_version_and_bytes_are(bodies):
    assert len(set(bodies)) == len({etag_of(version, body) for version, body in bodies})


@pytest.mark.parametrize(
    ("condition", "same", "version"),
    [
        ("*", True, True),
        (etag_of(NOW, b"{}"), True, True),
        (f'"x", W/{etag_of(NOW, b"{}")}', True, True),
        (etag_of(NOW, b"{ }"), False, True),
        (etag_of(NOW + timedelta(microseconds=1), b"{}"), False, False),
        (etag_of(None, b"{}"), False, False),
        ('"x"', False, False),
        ("", False, False),
    ],
)
def test_a_reader_compares_every_byte_and_an_editor_the_version_alone(condition, same, version):
    assert (same, version) == (is_same(condition, etag_of(NOW, b"{}")), is_version(condition, NOW))


def test_a_scope_includes_the_smaller_ones():
    assert [[place >= needed for needed in range(4)] for place in range(4)] == [
        [scope.includes(needed) for needed in Scope] for scope in Scope
    ]
    assert ["read", "write", "admin", "operator"] == list(Scope)


def test_a_new_token_goes_with_a_server_until_the_server_changes():
    state = new_state({**CSV, "authentication_token": "top"})

    moved = state.changed({"resource_location": "https://example.com/other.csv"})

    assert "top" == moved.secrets.authentication_token
    with pytest.raises(MisfitError) as refused:
        state.changed({"resource_location": "https://evil.example/stock.csv"})
    assert ["authenticationToken"] == list(refused.value.details)
    with pytest.raises(MisfitError):
        state.changed({"resource_location": "https://evil.example/stock.csv", "authentication_token": MASK})


def test_a_secret_sent_again_or_cleared_goes_with_a_new_server():
    state = new_state({**CSV, "authentication_token": "top"})
    elsewhere = {"resource_location": "https://new.example/stock.csv"}

    assert "new" == state.changed({**elsewhere, "authentication_token": "new"}).secrets.authentication_token
    assert None is state.changed({**elsewhere, "authentication_token": None}).secrets.authentication_token


def test_a_feed_that_becomes_a_webhook_must_drop_what_only_pulling_needs():
    state = new_state({**CSV, "delimiter": ";"})

    with pytest.raises(MisfitError) as refused:
        state.changed({"resource_type": "webhook"})
    webhook = state.changed({"resource_type": "webhook", "delimiter": None, "resource_location": None})

    assert {"delimiter", "resourceLocation"} == set(refused.value.details)
    assert (None, None) == (webhook.settings.resource_location, webhook.secrets.resource_location)


def test_secrets_are_unreadable_with_another_key():
    stored = Vault(b"a" * 32).encrypt({"authenticationToken": "longer than chance spells"})

    assert b"longer than chance spells" not in stored
    assert {"authenticationToken": "longer than chance spells"} == Vault(b"a" * 32).decrypt(stored)
    with pytest.raises(Permanent, match="SECRET_KEY"):
        Vault(b"b" * 32).decrypt(stored)
    assert {"authentication_token": MASK, "authentication_secret": MASK} == shown_secrets(stored, Vault(b"b" * 32))

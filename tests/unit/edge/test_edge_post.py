"""Whatever is posted, the answer is one of those that are promised, and what is published can be read and applied."""

import json
import uuid
from unittest.mock import Mock

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from ingest.amqp.publish import Unavailable
from ingest.edge.feeds import snapshot, unknown
from ingest.edge.post import PATH, Posts
from ingest.http.request_ids import give_id
from schemas.batches import Operation, Source, decode
from schemas.items import ATTRIBUTES
from schemas.settings import Settings
from schemas.validation import validate

NOW_MS = 1_790_000_000_000
SETTINGS = Settings(database_url="x", amqp_url="x", secret_key="k" * 32, public_api_url="https://api/")
FEEDS = snapshot(
    [
        {
            "id": 7,
            "account_id": 3,
            "enabled": True,
            "disabled_reason": None,
            "resource_type": "webhook",
            "hash": "the-hash",
            "previous_hash": None,
            "previous_until_ms": None,
            "older_hash": None,
            "older_until_ms": None,
            "bad_attributes": "skipAttribute",
        }
    ]
)


class Senders:
    """Knows one feed, and looks nobody up."""

    current = FEEDS

    async def looked_up(self, _):
        raise unknown()


class Content:
    """A body that came with the head."""

    def __init__(self, body):
        self._body = body

    def is_eof(self):
        return True

    def read_nowait(self, _):
        return self._body


SERVER = {"app": web.Application(), "protocol": Mock(), "transport": None, "writer": None}
"""What a request has from its server, which aiohttp would make anew of mocks each time."""


class Publisher:
    """Keeps what is published, or fails."""

    def __init__(self, reason=None):
        self.reason, self.published = reason, []

    async def publish_message(self, feed_id, message_id, body, *, settled):
        settled()
        if self.reason:
            raise Unavailable(self.reason)
        self.published.append((feed_id, message_id, body))


async def posted(body, publisher=None, **headers):
    """Post bytes; returns (answer, what was published)."""
    publisher = publisher or Publisher()
    sent = {"jetti-webhook-hash": "the-hash", "Content-Length": str(len(body))} | headers
    request = make_mocked_request("POST", PATH, headers=sent, payload=Content(body), **SERVER)
    give_id(request)
    return await Posts(SETTINGS, publisher, Senders(), lambda: NOW_MS).handle(request), publisher.published


async def test_a_post_becomes_one_message_of_its_feed():
    response, ((feed_id, message_id, body),) = await posted(b'[{"externalId":"1","retailPrice":1.50}]')

    batch = decode(body)
    answer = orjson.loads(response.body)
    assert (202, 7, str(batch.batch_id)) == (response.status, feed_id, answer["batchId"])
    assert (message_id, f"https://api/api/batches/{batch.batch_id}.json") == (batch.batch_id.hex, answer["receiptUrl"])
    assert (3, 7, NOW_MS, Source.WEBHOOK, Operation.UPSERT) == (
        batch.account_id,
        batch.feed_id,
        batch.received_ms,
        batch.source,
        batch.operation,
    )
    assert [{"externalId": "1", "retailPrice": "1.5"}] == batch.items


async def test_a_wrong_descriptive_attribute_is_a_warning_and_the_quantity_goes_on():
    response, ((_, _, message),) = await posted(
        orjson.dumps([{"externalId": 7, "inventoryQuantity": 3, "name": "x" * 300, "tags": "red"}])
    )
    answer, batch = orjson.loads(response.body), decode(message)

    assert [{"externalId": "7", "inventoryQuantity": 3, "tags": ["red"]}] == batch.items
    assert ["name", "tags"] == sorted(warning["field"] for warning in answer["warnings"])
    assert (1, [], answer["warnings"]) == (answer["accepted"], answer["rejected"], batch.warnings)


async def test_another_body_under_the_same_key_is_a_batch_of_its_own():
    answers = [
        orjson.loads((await posted(body, **{"Idempotency-Key": "constant"}))[0].body)["batchId"]
        for body in (b'{"externalId":"1"}', b'{"externalId":"2"}', b'[{"externalId":"1"}]')
    ]

    assert 3 == len(set(answers))


async def test_a_key_gives_the_same_batch_id_at_any_time():
    first, second = [
        orjson.loads((await posted(b'{"externalId":"1"}', **{"Idempotency-Key": "a"}))[0].body)["batchId"]
        for _ in range(2)
    ]

    assert uuid.UUID(first) == uuid.UUID(second)


@pytest.mark.parametrize("reason", ["disconnected", "blocked", "full", "unroutable", "timeout"])
async def test_what_the_broker_does_not_take_is_503_with_retry_after(reason):
    response, _ = await posted(b'{"externalId":"1"}', Publisher(reason))

    assert (503, f"edge.queue.{reason}") == (response.status, orjson.loads(response.body)["title"])
    assert response.headers["Retry-After"].isdigit()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["12", "track"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ELEMENTS = st.dictionaries(st.sampled_from(ATTRIBUTES) | st.text(max_size=6), VALUES, max_size=5)
KEYED = ELEMENTS.map(lambda element: {**element, "externalId": "1"})
POSTS = st.lists(ELEMENTS | KEYED | VALUES, max_size=4) | KEYED | VALUES


@given(value=POSTS)
async def test_any_json_is_answered_and_what_is_accepted_is_canonical(value):
    body = json.dumps(value, ensure_ascii=False).encode()  # it writes NaN and whole numbers of any size

    response, published = await posted(body)

    assert response.status in {202, 400, 422}
    assert (response.status == 202) == bool(published)
    for _, _, message in published:
        batch = decode(message)
        again = validate(batch.items)
        assert ([], [], batch.items) == (again.rejects, again.warnings, again.items)
        assert len(batch.items) == orjson.loads(response.body)["accepted"]


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
async def test_any_bytes_are_answered(body):
    response, _ = await posted(body)

    assert response.status in {202, 400, 422}


def test_a_request_keeps_the_id_that_it_was_given():
    """What fails after an answer was begun is told under the id that its other lines have."""
    request = make_mocked_request("POST", PATH)

    assert give_id(request) == give_id(request)

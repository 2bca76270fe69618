"""What a dead message's headers tell, and the receipt of a dead batch."""

from __future__ import annotations

import uuid

import orjson

from schemas.batches import Batch, Source
from workers.duties.dead_queue import cause, receipt_of


def test_the_first_death_is_the_cause():
    headers = {"x-first-death-reason": "delivery_limit", "x-first-death-queue": "feedline.shard.003"}
    code, reason = cause(headers)
    assert "broker.delivery_limit" == code
    assert "feedline.shard.003" in reason


def test_the_list_of_deaths_serves_where_the_first_is_not_named():
    headers = {"x-death": [{"reason": "expired", "queue": "b"}, {"reason": "rejected", "queue": "a"}]}
    assert ("broker.rejected", "rejected by a worker (queue a)") == cause(headers)


def test_a_message_without_a_history_is_still_stored():
    assert "broker.unknown" == cause({})[0]


def test_every_item_of_a_dead_batch_is_accounted_for():
    rejected = [{"index": 1, "externalId": "b", "field": "barcode", "code": "type", "message": "m", "value": 1}]
    items = [{"externalId": "a"}, {"externalId": "c"}]
    batch = Batch(uuid.uuid4(), 1, 1, 0, Source.WEBHOOK, items, indexes=[0, 2], rejected=rejected)
    counts, lines = receipt_of(batch, "broker.delivery_limit", "why")
    assert {"dead": 2, "rejected": 1} == orjson.loads(counts)
    assert [(0, "a", "dead"), (1, "b", "rejected"), (2, "c", "dead")] == [
        (line["index"], line["externalId"], line["outcome"]) for line in orjson.loads(lines)
    ]

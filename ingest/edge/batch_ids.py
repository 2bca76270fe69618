"""Which batch id a post gets: a new one, or the one that its Idempotency-Key and body always get on this feed."""

from __future__ import annotations

import uuid

from ingest.http.idempotency import checked
from schemas.batches import new_batch_id, sender_batch_id


def batch_id_of(feed_id: int, idempotency_key: str | None, body: bytes, now_ms: int, secret: bytes) -> uuid.UUID:
    """Return the id of a post's batch; raises `ProblemError` 400 for a key that is no key.

    `body` is decompressed. The workers apply a batch id once a day.
    """
    if idempotency_key is None:
        return new_batch_id(feed_id, now_ms, secret)
    return sender_batch_id(feed_id, checked(idempotency_key, "edge"), body, secret)

"""Which batch id a post gets: a new one, or the one that its Idempotency-Key always gets on this feed."""

from __future__ import annotations

import re
import uuid
from typing import Final

from ingest.http.problems import ProblemError
from schemas.batches import keyed_batch_id, new_batch_id

HEADER: Final = "Idempotency-Key"
_VALID = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


def batch_id_of(feed_id: int, idempotency_key: str | None, now_ms: int, secret: bytes) -> uuid.UUID:
    """Return the id of a post's batch; raises `ProblemError` 400 for a key that is no key.

    A key is 1 to 255 printable ASCII characters; the workers apply a batch id once a day.
    Source: draft-ietf-httpapi-idempotency-key-header.
    """
    if idempotency_key is None:
        return new_batch_id(feed_id, now_ms, secret)
    if not _VALID.fullmatch(idempotency_key):
        raise ProblemError(
            400, "edge.idempotency_key.invalid", f"{HEADER} must be 1 to 255 printable ASCII characters."
        )
    return keyed_batch_id(feed_id, idempotency_key, secret)

"""From a post's body to its batch and the message that carries it: decode, validate, name, encode. Pure.

elements ── items, rejects, warnings ── batch ── message
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ingest.edge import body as bodies
from ingest.edge.batch_ids import batch_id_of
from ingest.edge.feeds import Feed
from ingest.edge.quick import Quick
from ingest.http.idempotency import HEADER as IDEMPOTENCY_KEY
from ingest.http.problems import ProblemError
from ingest.http.sent import validate_sent
from schemas.batches import Batch, Source
from schemas.items import BadAttributes
from schemas.metrics import ITEMS_REJECTED

_REJECTED = ITEMS_REJECTED.labels(Source.WEBHOOK.value)


class Made(NamedTuple):
    """A batch whose items are in its message alone, and their number."""

    batch: Batch
    number: int
    message: bytes


class Batches:
    """Makes batches of posts; one a process. `secret` seals their ids."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._quick = Quick()

    def made(self, feed: Feed, headers: Mapping[str, str], body: bytes, now_ms: int) -> Made:
        """Return what a decompressed body becomes; raises `ProblemError` 400, 413 or 422."""
        batch_id = batch_id_of(feed.id, headers.get(IDEMPOTENCY_KEY), body, now_ms, self._secret)
        batch = Batch(batch_id, feed.account_id, feed.id, now_ms, Source.WEBHOOK, [])
        quick = self._quick.items(body, feed.id) if bodies.has_few_values(body) else None
        if quick is not None:
            return Made(batch, quick.number, batch.encode(quick.columns, quick.absent))
        _fill(batch, bodies.decode(body), feed.bad_attributes)
        made = Made(batch, len(batch.items), batch.encode())
        batch.items = []
        return made


def _fill(batch: Batch, elements: list[Any], policy: BadAttributes) -> None:
    """Put the valid elements into the batch, and what is wrong with the others; raises `ProblemError` 422."""
    valid = validate_sent(elements, policy)
    batch.items, batch.warnings = valid.items, valid.warnings
    if valid.rejects:
        batch.rejected = [reject.as_json() for reject in valid.rejects]
        batch.indexes = valid.indexes
        _REJECTED.inc(len(elements) - len(valid.items))
    if not valid.items:
        raise ProblemError(
            422, "edge.items.invalid", "No item is valid, so nothing was accepted.", {"rejected": batch.rejected}
        )

"""What `apply_window` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.batches import Batch
from workers.apply.receipts import every_item
from workers.apply.work import Work


@dataclass(slots=True)
class BatchResult:
    """What became of one batch.

    `claimed` False: its id was seen before, nothing was done, and its first delivery's receipt is the answer.
    `counts` includes the items that the edge refused. `usage` is `schemas.usage.Usage.as_json`, of batches whose
    sender waits (`replies.complete`).
    """

    batch: Batch
    claimed: bool
    counts: dict[str, int] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    work: Work | None = None
    stored_items: list[dict[str, Any]] | None = None

    @property
    def told(self) -> bool:
        """Whether what became of the batch is known: not of one that was seen before, until its receipt is read."""
        return self.claimed or self.stored_items is not None

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return every item of the batch with its outcome and reason, as a reply carries them.

        Of a batch that was seen before: what its receipt lists, once `replies.complete` has read it.
        """
        return self.stored_items or [] if self.work is None else every_item(self.work)


@dataclass(slots=True)
class WindowResult:
    """The results of a window's batches, in their order; `split` tells that it took isolation to commit it."""

    batches: list[BatchResult]
    split: bool = False

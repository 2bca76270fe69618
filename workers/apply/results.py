"""What `apply_window` is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.batches import Batch
from schemas.settings import Settings
from workers.apply.receipts import every_item
from workers.apply.work import Work


@dataclass(frozen=True, slots=True)
class Context:
    """What a window needs beside its batches; `clock` gives the time (aware) that its rows and receipts carry.

    `with_usage` asks for each batch's usage, at the price of counting what the account has deferred: for windows
    that somebody waits for a reply of.
    """

    settings: Settings
    clock: Callable[[], datetime]
    with_usage: bool = False


@dataclass(slots=True)
class BatchResult:
    """What became of one batch.

    `claimed` False: its id was seen before, nothing was done, and its first delivery's receipt is the answer.
    `counts` includes the items that the edge refused. `usage` is `schemas.usage.Usage.as_json`, if asked for.
    """

    batch: Batch
    claimed: bool
    counts: dict[str, int] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    work: Work | None = None
    stored_items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return every item of the batch with its outcome and reason, as a reply carries them.

        Of a batch that was seen before: what its receipt lists, if `with_usage` was asked for.
        """
        return self.stored_items if self.work is None else every_item(self.work)


@dataclass(slots=True)
class WindowResult:
    """The results of a window's batches, in their order; `split` tells that it took isolation to commit it."""

    batches: list[BatchResult]
    applied_at: datetime
    split: bool = False

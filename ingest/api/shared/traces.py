"""The way of one batch: each step with its time and process, as far as receipt, logs and its shard's owner tell.

    received → confirmed → delivered → window → committed → acked

The receipt knows all but two: the confirm is the publisher's to know, and an ack comes after the receipt. Both stand in
the logs of processes that log `debug`. What nobody keeps is null, and a note tells what is known instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from ingest.api.shared.waiting import Waiting
from schemas import queries

TRACES = queries.load("traces", beside=__file__)
_RECEIVED_BY = {"webhook": "edge", "api": "api", "pull": "pull", "release": "worker"}
_NAMES = ("received", "confirmed", "delivered", "window", "committed", "acked")


@dataclass(slots=True)
class Logged:
    """What log lines say of a batch: step → when."""

    at: dict[str, datetime] = field(default_factory=dict)

    def read(self, lines: Iterable[bytes], batch_id: uuid.UUID) -> None:
        """Take note of what JSON lines of any process say; all others are passed over."""
        for event in _events(lines, str(batch_id)):
            try:
                if event["event"] == "post_accepted":
                    self.at["confirmed"] = datetime.fromisoformat(event["timestamp"])
                elif event["event"] == "window_committed":
                    self.at["committed"] = datetime.fromisoformat(event["at"])
                    self.at["acked"] = datetime.fromisoformat(event["acked_at"])
            except (KeyError, TypeError, ValueError):
                continue


def _events(lines: Iterable[bytes], batch_id: str) -> Iterator[Mapping[str, Any]]:
    name = batch_id.encode()
    for line in lines:
        if name in line:
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(event, dict):
                yield event


def steps(row: Mapping[str, Any], logged: Logged | None = None) -> list[dict[str, Any]]:
    """Return the steps of an applied batch (`trace_get`): step, `at`, `process` and `note`; null is not known."""
    queue = f"shard {row['shard']}" if row["shard"] is not None else None
    worker = None
    if row["worker"] is not None:
        worker = " on ".join(filter(None, (f"worker {row['worker']}", row["host"])))
    known = Logged() if logged is None else logged
    confirmed, acked = known.at.get("confirmed"), known.at.get("acked")
    committed = row["committed_at"] or known.at.get("committed")
    went_on = f"not known when, but before {row['went_on_at'].isoformat()}" if row["went_on_at"] is not None else None
    return [
        _step("received", row["received_at"], _RECEIVED_BY.get(row["source"])),
        _step("confirmed", confirmed, "rabbitmq", None if confirmed else "an edge's debug log knows"),
        _step("delivered", row["delivered_at"], worker, queue),
        _step("window", row["applied_at"], worker, queue),
        _step("committed", committed, "postgres", None if committed else "with track_commit_timestamp Postgres knows"),
        _step("acked", acked, worker, None if acked else went_on),
    ]


def steps_of_waiting(waiting: Waiting) -> list[dict[str, Any]]:
    """Return the steps of a batch without a receipt: that it was received, and how its queue stands."""
    state = waiting.state
    note = f"shard {state['shard']}: "
    if waiting.is_lost:
        note += "the queue has nothing left of that time, and no worker had the batch"
    else:
        note += "in the queue or in hand"
        if state["oldest_at"] is not None:
            note += f"; the oldest in hand is of {state['oldest_at'].isoformat()}"
        if state["waits_for"] is not None:
            note += f"; the shard waits for {state['waits_for']}"
    notes = {"confirmed": "if it was answered 202", "delivered": note}
    return [_step(name, waiting.received_at if name == "received" else None, None, notes.get(name)) for name in _NAMES]


def _step(name: str, at: datetime | None, process: str | None, note: str | None = None) -> dict[str, Any]:
    return {"step": name, "at": at, "process": process, "note": note}

"""The way of one batch: each step with its time and process, as far as the receipt and the shard's owner tell.

    received → confirmed → delivered → window → committed → acked

Nothing is written per batch for this: what nobody keeps is null, and a reader is told so ("not known").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import queries

TRACES = queries.load("traces", beside=__file__)
_RECEIVED_BY = {"webhook": "edge", "api": "api", "pull": "pull"}


def steps(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of an applied batch (`trace_get`): name, `at` and `process`, both null where nobody knows."""
    queue = f"shard {row['shard']}" if row["shard"] is not None else None
    worker = f"worker {row['worker']} on {row['host']}" if row["worker"] else None
    return [
        {"step": "received", "at": row["received_at"], "process": _RECEIVED_BY.get(row["source"])},
        {"step": "confirmed", "at": None, "process": "rabbitmq"},
        {"step": "delivered", "at": None, "process": worker},
        {"step": "window", "at": row["applied_at"], "process": worker, "note": queue},
        {"step": "committed", "at": row["committed_at"], "process": "postgres"},
        {"step": "acked", "at": None, "process": worker},
    ]

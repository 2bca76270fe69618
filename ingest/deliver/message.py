"""What is sent: one message out of the next events, and when to try again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import orjson
from standardwebhooks import Webhook

from ingest.changes.reader import Event
from schemas.changes import INVENTORY_CHANGED

CHANGES_OF_A_MESSAGE = 100
GIVEN_UP_AFTER = timedelta(days=3)
_DELAYS_S = (5, 30, 120, 600, 1_800, 3_600)
"""After the first failures; then every two hours."""
_LONGEST_S = 7_200


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `id` is the same however often it is sent; it tells everything up to the position `ends`."""

    id: str
    ends: int
    content: list[dict[str, Any]]
    body: bytes


def message_of(endpoint_id: int, begins: int, events: Sequence[Event]) -> Message:
    """Return the message that tells the first of the events: one, or as many batches' changes as follow one another.

    Its shape: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    first = events[0]
    told = [first]
    data: dict[str, Any] = first.content[0]
    if first.name == INVENTORY_CHANGED:
        told = list(takewhile(lambda event: event.name == INVENTORY_CHANGED, events))
        data = {"changes": [change for event in told for change in event.content]}
    at = told[-1].at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = orjson.dumps({"type": first.name, "timestamp": at, "data": data})
    content = [each for event in told for each in event.content]
    return Message(f"msg_{endpoint_id}_{begins}_{told[-1].position}", told[-1].position, content, body)


def headers_of(message: Message, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers of an attempt: one signature a secret that is valid now."""
    text = message.body.decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message.id, now, text) for secret in secrets),
    }


def delay_of(failures: int, jitter: float) -> timedelta:
    """Return how long to wait after so many failures in succession; `jitter` is from 0 to 1."""
    longest = _DELAYS_S[failures - 1] if failures <= len(_DELAYS_S) else _LONGEST_S
    return timedelta(seconds=longest * (0.75 + jitter / 4))

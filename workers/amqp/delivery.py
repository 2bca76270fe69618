"""What the broker hands a worker."""

from __future__ import annotations

from dataclasses import dataclass

from pamqp.header import ContentHeader

from schemas.batches import Batch


@dataclass(slots=True)
class Delivery:
    """A batch as the broker handed it to us. Not frozen, which would cost a microsecond each; nobody changes one.

    `tag` is the channel's delivery tag, `size` the body's length in bytes, `at` the arrival in seconds of a monotonic
    clock. `reply_to` is the queue its sender waits at, or None; `redelivered` that somebody had it in hand before;
    `properties` is the payload of its content header. `message` is its body as it came when it is a stray, a batch of
    another shard's feed, and None when it is ours.
    """

    tag: int
    batch: Batch
    size: int
    at: float
    reply_to: str | None = None
    correlation_id: str | None = None
    redelivered: bool = False
    properties: bytes = b""
    message: bytes | None = None

    def header(self, name: str) -> str | None:
        """Return a text among the headers of the message."""
        content = ContentHeader()
        content.unmarshal(self.properties)
        value = (content.properties.headers or {}).get(name)
        return value if isinstance(value, str) else None

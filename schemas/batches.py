"""The batch: 1 to 50 items of one feed with an id and a receive time; exactly one queue message.

A batch id is a UUID version 8 (RFC 9562) that proves that we made it: 24 of its bits are a keyed hash over the feed and
the rest. The API can thus answer `pending` for a batch that waits in the queue, which no table knows yet, and 404
for an id that nobody handed out.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
import orjson

from schemas.errors import Permanent
from schemas.items import KEY
from schemas.tables import Absent, Table, is_table, table_of


class NewerVersion(Permanent):
    """A message of a later release: nothing for this process, and nothing to bury either; a newer worker reads it."""


MESSAGE_VERSION = 2
"""What is written. A field that no reader may ignore needs a new version, which is read for a release before it
is written (docs/deploy.md, "Upgrade order"). Version 2 carries items as `columns` (`schemas.tables`), version 1 as
objects."""
OLDEST_READ, NEWEST_READ = 1, 2
"""What is read: the version before the written one, where there was one, and the one after it, once it is decided."""
_TIME_BITS, _RANDOM_BITS, _MAC_BITS = 42, 55, 24
_PAYLOAD_BITS = _TIME_BITS + _RANDOM_BITS
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Time = Annotated[int, msgspec.Meta(ge=0, lt=253_370_764_800_000)]
"""Milliseconds since 1970, up to the year 9999."""
_NOTHING = msgspec.Raw(b"null")
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_KEYED: Final = 1 << _PAYLOAD_BITS
_KEY_BITS, _BODY_BITS = 40, 56
"""Of a sender's key and of its body in a batch id: two bodies of one key that meet would lose one, two keys that meet
would only be warned of."""
_SENDER: Final = b"feedline-sender"


class Source(StrEnum):
    """The way in that a batch came by."""

    WEBHOOK = "webhook"
    API = "api"
    PULL = "pull"
    RELEASE = "release"
    """Deferred items whose turn has come; made by a worker."""


class Operation(StrEnum):
    """What a batch asks for; all items of a batch ask for the same."""

    UPSERT = "upsert"
    DELETE = "delete"
    """Remove the feed variants with these external ids; items hold nothing else."""
    RELEASE = "release"
    """Apply what is deferred for these external ids; items hold nothing else."""
    CONNECT = "connect"
    """Connect these feed variants: items hold `externalId` and may hold `variantId` (null disconnects); without it
    the feed's rules for automatic connection are applied again, and a connection to a variant that is gone ends."""


@dataclass(slots=True)
class Batch:
    """One queue message.

    `received_ms` is the receive time in milliseconds since 1970 (UTC). `items` are canonical (`schemas.items`), as
    dicts or as columns (`schemas.tables`); `indexes[k]` is the position of `items[k]` in the post or its row in the
    file (None: 0, 1, 2 …). `rejected` (`Reject.as_json`) and `warnings` concern the same post and become part of the
    receipt. `run_id` is the run of a pulled feed. `replays` is the id of the dead letter that is sent again: it must
    not go behind what came since. `delivered_ms` is no part of the message: when the broker handed it to this process.
    """

    batch_id: uuid.UUID
    account_id: int
    feed_id: int
    received_ms: int
    source: Source
    items: Sequence[dict[str, Any]]
    operation: Operation = Operation.UPSERT
    indexes: list[int] | None = None
    rejected: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    run_id: int | None = None
    replays: int | None = None
    delivered_ms: int | None = None

    def encode(self, columns: bytes | None = None, absent: Absent | None = None) -> bytes:
        """Return the message body; `columns` are its items where they are JSON already, but for what is `absent`."""
        own: dict[str, Any]
        if columns is None:
            table = table_of(self.items)
            own, absent = {"columns": table.columns}, table.absent
        else:
            own = {"columns": orjson.Fragment(columns)}
        if absent:
            own["absent"] = absent
        return orjson.dumps({"v": MESSAGE_VERSION, **self._head(), **own, **self._rest()})

    def as_json(self) -> dict[str, Any]:
        """Return the batch as people read it: items are objects, whatever its message was like."""
        return {**self._head(), "items": list(self.items), **self._rest()}

    def _head(self) -> dict[str, Any]:
        return {
            "batchId": self.batch_id.hex,
            "accountId": self.account_id,
            "feedId": self.feed_id,
            "receivedMs": self.received_ms,
            "source": self.source,
            "operation": self.operation,
        }

    def _rest(self) -> dict[str, Any]:
        """Return what most batches do not have."""
        rest: dict[str, Any] = {}
        if self.indexes is not None:
            rest["indexes"] = self.indexes
        if self.rejected:
            rest["rejected"] = self.rejected
        if self.warnings:
            rest["warnings"] = self.warnings
        if self.run_id is not None:
            rest["runId"] = self.run_id
        if self.replays is not None:
            rest["replays"] = self.replays
        return rest


def decode(body: bytes) -> Batch:
    """Return the batch of a message body; raises `Permanent` when it is none, `NewerVersion` when it may be one."""
    try:
        message = _message_of(body)
        _check_version(message.v)
        items = _items(message)
    except _UNREADABLE as error:
        with suppress(ValueError, TypeError, KeyError):  # a later release may have changed anything but `v`
            _check_version(orjson.loads(body)["v"])
        raise Permanent(f"not a batch: {error}") from None
    if message.indexes is not None and len(message.indexes) != len(items):
        raise Permanent("not a batch: its indexes are not those of its items")
    if not (_are_told(message.rejected) and _are_told(message.warnings)):
        raise Permanent("not a batch: its rejects or warnings do not tell what they are about")
    return Batch(
        batch_id=message.batch_id,
        account_id=message.account_id,
        feed_id=message.feed_id,
        received_ms=message.received_ms,
        source=message.source,
        items=items,
        operation=message.operation,
        indexes=message.indexes,
        rejected=message.rejected,
        warnings=message.warnings,
        run_id=message.run_id,
        replays=message.replays,
    )


class _Message(msgspec.Struct, rename="camel", gc=False):
    """A message of either version, its types and bounds checked as it is read: by msgspec, in C.

    The items are left to orjson, which wrote them: it reads many texts faster, and no number that it could not write.
    """

    v: int
    batch_id: uuid.UUID
    account_id: _Number
    feed_id: _Number
    received_ms: _Time
    source: Source
    operation: Operation
    columns: msgspec.Raw = _NOTHING
    absent: dict[str, list[int]] = {}
    items: msgspec.Raw = _NOTHING
    indexes: list[int] | None = None
    rejected: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    run_id: _Number | None = None
    replays: _Number | None = None


_message_of = msgspec.json.Decoder(_Message).decode


def _items(message: _Message) -> Any:
    """Return the items, whose attributes' values were checked before publishing; raises `Permanent` or ValueError."""
    if message.v == 1:
        items = orjson.loads(memoryview(message.items))
        sound = items.__class__ is list and all(_is_item(item) for item in items)
    else:
        columns = orjson.loads(memoryview(message.columns))
        items, sound = Table(columns, message.absent), is_table(columns, message.absent)
    if not sound:
        raise Permanent("not a batch: its items are no objects, or no columns, with an externalId each")
    return items


def _is_item(item: Any) -> bool:
    return item.__class__ is dict and item.get(KEY).__class__ is str


def _check_version(version: Any) -> None:
    if version.__class__ is int and OLDEST_READ <= version <= NEWEST_READ:
        return
    error = NewerVersion if version.__class__ is int and version > NEWEST_READ else Permanent
    reads = str(NEWEST_READ) if OLDEST_READ == NEWEST_READ else f"{OLDEST_READ} to {NEWEST_READ}"
    raise error(f"message version {version!r}: this release reads {reads}")


def _are_told(lines: Sequence[dict[str, Any]]) -> bool:
    """Return whether these can become lines of a receipt: each has the place of what it tells of."""
    return not lines or all(isinstance(line.get("index", lines), int | str | None) for line in lines)


def new_batch_id(feed_id: int, now_ms: int, key: bytes) -> uuid.UUID:
    """Return a new id; `key` is the secret key of the settings."""
    return _sealed(feed_id, (now_ms << _RANDOM_BITS) | _random(), key)


def keyed_batch_id(feed_id: int, name: str, key: bytes) -> uuid.UUID:
    """Return the id that the same name on the same feed always gets: names are ours alone (`release:…`, `run:…`)."""
    digest = hashlib.blake2b(f"{feed_id}:{name}".encode(), digest_size=16).digest()
    return _sealed(feed_id, _KEYED | (int.from_bytes(digest) & (_KEYED - 1)), key)


def sender_batch_id(feed_id: int, idempotency_key: str, body: bytes, key: bytes) -> uuid.UUID:
    """Return the id of a post with an Idempotency-Key: the same for the same feed, key and body (decompressed).

    The same key with another body is another batch, so that no item is lost behind a 202; the ids of one key share
    their first bits (`same_key_range`). A hash of its own keeps senders' keys apart from our own names.
    """
    of_key = hashlib.blake2b(
        f"{feed_id}:{idempotency_key}".encode(), digest_size=_KEY_BITS // 8, person=_SENDER
    ).digest()
    of_both = hashlib.blake2b(of_key + body, digest_size=_BODY_BITS // 8, person=_SENDER, salt=b"body").digest()
    return _sealed(feed_id, _KEYED | int.from_bytes(of_key + of_both), key)


def same_key_range(batch_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Return the first and the last id that posts with the same Idempotency-Key can have; None without a key."""
    payload = _payload(batch_id)
    if not payload & _KEYED:
        return None
    first = payload >> _BODY_BITS << _BODY_BITS
    last = (first + (1 << _BODY_BITS)) << _MAC_BITS
    return _uuid(first << _MAC_BITS), _uuid(last - 1)


def is_ours(batch_id: uuid.UUID, feed_id: int, keys: Iterable[bytes]) -> bool:
    """Return whether this id was made for this feed, with one of these keys, by one of the three functions above."""
    payload = _payload(batch_id)
    return any(_sealed(feed_id, payload, key) == batch_id for key in keys)


def made_at_ms(batch_id: uuid.UUID) -> int | None:
    """Return when a batch id was made, in milliseconds since 1970; None for one from a key or a name."""
    payload = _payload(batch_id)
    return None if payload & _KEYED else payload >> _RANDOM_BITS


def _random() -> int:
    """Return random bits; those of `secrets` pass through three functions."""
    return int.from_bytes(os.urandom(7)) >> 56 - _RANDOM_BITS


def _sealed(feed_id: int, payload: int, key: bytes) -> uuid.UUID:
    mac = hashlib.blake2b(b"%d:%d" % (feed_id, payload), digest_size=_MAC_BITS // 8, key=key[:64]).digest()
    return _uuid(payload << _MAC_BITS | int.from_bytes(mac))


def _uuid(bits: int) -> uuid.UUID:
    high, middle, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    return uuid.UUID(int=high << 80 | 8 << 76 | middle << 64 | 0b10 << 62 | low)


def _payload(batch_id: uuid.UUID) -> int:
    value = batch_id.int
    return ((value >> 80) << 74 | (value >> 64 & 0xFFF) << 62 | value & (1 << 62) - 1) >> _MAC_BITS

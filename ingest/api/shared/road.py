"""How a change of the API takes the one road: publish a batch, wait for the worker's reply, say what became of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import asyncpg

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import Answer, Call, Scoped
from ingest.http.idempotency import HEADER as IDEMPOTENCY_KEY
from ingest.http.idempotency import checked
from ingest.http.problems import ProblemError
from ingest.http.sent import validate_sent
from schemas import outbox
from schemas.batches import Batch, Operation, Source, new_batch_id, sender_batch_id
from schemas.items import MAX_ITEMS, BadAttributes
from schemas.logs import structlog
from schemas.outcomes import Outcome
from schemas.postgres import AWAY
from schemas.validation import Validated

RETRY_AFTER_S = "2"
_log = structlog.get_logger()
ROAD_PROBLEMS = {
    429: "over the daily SKU limit: what was done, and the usage, are in `details`",
    500: "the item could not be applied: it is kept as a dead letter",
    503: "the broker did not take the change: nothing was done",
}
"""The problems of every operation that changes feed variants."""


def batch_of(
    call: Call[Any, Any], feed_id: int, items: list[dict[str, Any]], operation: Operation = Operation.UPSERT
) -> Batch:
    """Return a batch of this account, received now."""
    now_ms = time.time_ns() // 1_000_000
    return Batch(
        batch_id=new_batch_id(feed_id, now_ms, call.services.settings.key),
        account_id=call.account_id,
        feed_id=feed_id,
        received_ms=now_ms,
        source=Source.API,
        items=items,
        operation=operation,
    )


async def sender_batch(
    call: Call[Any, Any], feed_id: int, items: list[dict[str, Any]], operation: Operation = Operation.UPSERT
) -> Batch:
    """Return a batch of a sender's items: with an Idempotency-Key the same key and body get the same id.

    A body that asks for two operations on a feed gets two.
    """
    batch = batch_of(call, feed_id, items, operation)
    key = call.request.headers.get(IDEMPOTENCY_KEY)
    if key is not None:
        body = await call.request.read()  # it was read before, and is kept
        named = checked(key, "api")
        if operation is Operation.CONNECT:
            named = f"{named}\nconnect"  # no sender's key has a line break
        batch.batch_id = sender_batch_id(feed_id, named, body, call.services.settings.key)
    return batch


def one_item(call: Call[Any, Any], element: Any, policy: BadAttributes = "rejectItem") -> Validated:
    """Return one validated item; raises 422 with one entry a field. Its warnings join the answer's."""
    result = validate_sent([element], policy)
    if result.rejects:
        details = {
            reject.field or "body": {"code": reject.code, "message": reject.message, "value": reject.value}
            for reject in result.rejects
        }
        reason = "missing" if all(entry["code"] == "required" for entry in details.values()) else "invalid"
        raise call.problem(422, reason, "; ".join(reject.message for reject in result.rejects), details)
    call.warnings += [
        {name: value for name, value in warning.items() if name in ("field", "code", "message")}
        for warning in result.warnings
    ]
    return result


async def ask(call: Call[Any, Any], batch: Batch) -> dict[str, Any] | None:
    """Publish and return the reply's one item with the reply's `usage` in it; None when the reply is late.

    Raises 503 when the broker did not take it, and a problem when the outcome is one that the caller must know of.
    """
    try:
        reply = await call.services.replies.ask(batch)
    except Unavailable as error:
        raise away(call, error) from None
    if reply is None:
        return None
    item: dict[str, Any] = reply["items"][0] if reply["items"] else {"outcome": Outcome.UNCHANGED}
    outcome = item["outcome"]
    told = {"outcome": outcome, "batchId": reply["batchId"], "usage": reply["usage"]}
    limited = item.get("code") == "limit.daily_sku"
    if outcome == Outcome.DEFERRED or limited:
        done = "it is kept, and applied when there is room" if outcome == Outcome.DEFERRED else "nothing was done"
        raise call.problem(429, "over_limit", f"the daily SKU limit is used up: {done}", told)
    if outcome == Outcome.REJECTED:
        raise call.problem(409, str(item.get("code", "rejected")), str(item.get("message")), told)
    if outcome == Outcome.DEAD:
        raise call.problem(500, "dead", f"the item could not be applied: {item.get('message')}", told)
    return {**item, "usage": reply["usage"]}


def late(call: Call[Any, Any], batch: Batch) -> Answer:
    """Return the 202 of a change whose reply is late: it is on its way, and its receipt will tell."""
    where = receipt_url(call, batch)
    return Answer({"batchId": str(batch.batch_id), "receiptUrl": where}, status=202, headers={"Location": where})


def receipt_url(call: Call[Any, Any], batch: Batch) -> str:
    """Return the address of a batch's receipt."""
    return f"{call.origin}/api/batches/{batch.batch_id}.json"


def away(call: Call[Any, Any], error: Unavailable) -> ProblemError:
    """Return the 503 of a broker that did not take a batch."""
    return call.problem(503, f"queue.{error.reason}", f"nothing was done: {error}", Retry_After=RETRY_AFTER_S)


async def reconnect(call: Call[Any, Any], db: Scoped, rows: Iterable[Any]) -> None:
    """Have the workers apply the feeds' rules again to these feed variants, once the caller's transaction commits.

    `rows` have `feed_id` and `external_id`. Call `send` after the commit.
    """
    by_feed: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_feed[row["feed_id"]].append({"externalId": row["external_id"]})
    batches = [
        batch_of(call, feed_id, items[start : start + MAX_ITEMS], Operation.CONNECT)
        for feed_id, items in by_feed.items()
        for start in range(0, len(items), MAX_ITEMS)
    ]
    if batches:
        await outbox.put(db.connection, batches)


async def send(call: Call[Any, Any]) -> None:
    """Publish what the account's committed changes left in the outbox; what cannot be sent now, a duty sends."""
    if call.executor is not None:  # nothing is committed yet
        call.later.append(lambda: send(call))
        return
    publisher = call.services.publisher
    if publisher.ready() is not None:
        return
    try:
        async with call.services.pool.acquire() as connection:
            await outbox.drain(connection, call.account_id, publisher.publish)
    except (*AWAY, asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as error:
        _log.warning("outbox_left", account_id=call.account_id, error=f"{type(error).__name__}: {error}")

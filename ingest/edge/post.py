"""One webhook post, start to end: who, what, which batch, onto the queue, 202.

hash → feed ── headers → body → elements ── items, rejects, warnings ── batch → confirmed → 202
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from ingest.amqp.publish import Publisher, Unavailable
from ingest.edge import body as bodies
from ingest.edge.answers import Accepted
from ingest.edge.batch_ids import batch_id_of
from ingest.edge.feeds import Feed, Senders
from ingest.edge.places import Place, Places
from ingest.edge.quick import Quick
from ingest.http.idempotency import HEADER as IDEMPOTENCY_KEY
from ingest.http.origins import origin
from ingest.http.problems import ProblemError, internal
from ingest.http.request_ids import id_of
from ingest.http.sampling import Sampled
from ingest.http.sent import validate_sent
from schemas.batches import Batch, Source
from schemas.items import BadAttributes
from schemas.metrics import ITEMS_ACCEPTED, ITEMS_REJECTED, POST_SECONDS, POSTS, POSTS_BYTES, POSTS_IN_FLIGHT
from schemas.settings import Settings

PATH: Final = "/webhooks/inventory-feeds/parse-webhooks.json"
HASH_HEADERS: Final = ("jetti-webhook-hash", "onport-webhook-hash")
RETRY_AFTER_S: Final = {"disconnected": 2, "blocked": 5, "full": 5, "unroutable": 2, "timeout": 2}

_log = structlog.get_logger()
_ACCEPTED = ITEMS_ACCEPTED.labels(Source.WEBHOOK.value)
_REJECTED = ITEMS_REJECTED.labels(Source.WEBHOOK.value)


class Posts:
    """The handler of posts. `feeds` knows who sends; `now_ms` returns the time in milliseconds since 1970."""

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        feeds: Senders,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._limit = settings.body_limit_bytes
        self.places = Places(settings.edge_max_in_flight, settings.edge_max_bytes)
        self._secret = settings.key
        self._public_url = settings.public_api_url.rstrip("/")
        self._trust_forwarded = settings.trust_forwarded
        self._publisher = publisher
        self._feeds = feeds
        self._now_ms = now_ms
        self._quick = Quick()
        self._sampled = Sampled()
        self._answered: dict[int, Any] = {}
        POSTS_IN_FLIGHT.set_function(lambda: self.places.posts)
        POSTS_BYTES.set_function(lambda: self.places.bytes)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one post; every refusal is a problem document."""
        began = time.perf_counter()
        try:
            response = await self._accept(request)
        except ProblemError as problem:
            self._told(problem, request)
            response = problem.response()
        except Exception:  # noqa: BLE001 - the last line of defence; logged
            _log.exception("post_failed", request_id=id_of(request))
            response = internal("edge").response()
        answered = self._answered.get(response.status)
        if answered is None:
            answered = self._answered[response.status] = POSTS.labels(response.status)
        answered.inc()
        POST_SECONDS.observe(time.perf_counter() - began)
        return response

    def _told(self, problem: ProblemError, request: web.BaseRequest) -> None:
        left_out = self._sampled.take(problem.code)
        if left_out is not None:
            more: dict[str, Any] = {"left_out": left_out} if left_out else {}
            more["request_id"] = id_of(request)
            _log.warning("post_refused", status=problem.status, code=problem.code, detail=problem.detail, **more)

    async def _accept(self, request: web.BaseRequest) -> web.Response:
        headers = request.headers
        now_ms = self._now_ms()
        sent_hash = headers.get(HASH_HEADERS[0])
        if sent_hash is None:
            sent_hash = headers.get(HASH_HEADERS[1])
        senders = self._feeds
        feed = senders.current.known(sent_hash) or await senders.looked_up(sent_hash)
        allowance = senders.current.allowances.get(feed.account_id)
        fields = {} if allowance is None else allowance.fields(now_ms)
        try:
            feed.check(now_ms)
            batch, count = await self._taken(request, feed, now_ms)
        except ProblemError as problem:
            problem.headers.update(fields)
            raise
        return self._accepted(request, batch, count, fields)

    async def _taken(self, request: web.BaseRequest, feed: Feed, now_ms: int) -> tuple[Batch, int]:
        """Return the batch that the broker has confirmed, and how many items it has; raises `ProblemError`."""
        headers = request.headers
        gzipped = bodies.check_headers(headers)
        place = self.places.take(feed.id, bodies.declared_size(request, self._limit))
        try:
            body = await bodies.read(request, self._limit, place.hold)
            if gzipped:
                body = bodies.gunzip(body, self._limit)
                place.hold(len(body))
            batch_id = batch_id_of(feed.id, headers.get(IDEMPOTENCY_KEY), body, now_ms, self._secret)
            batch = Batch(batch_id, feed.account_id, feed.id, now_ms, Source.WEBHOOK, [])
            count, message = self._encoded(batch, body, feed.bad_attributes)
            del body  # while the broker thinks, the message alone is held
            place.hold(len(message))
        except BaseException:
            place.leave()
            raise
        await self._publish(batch, message, place)
        _ACCEPTED.inc(count)
        return batch, count

    def _encoded(self, batch: Batch, body: bytes, policy: BadAttributes) -> tuple[int, bytes]:
        """Return the number of a body's items and the batch's message with them; raises `ProblemError`."""
        quick = self._quick.items(body, batch.feed_id) if bodies.has_few_values(body) else None
        if quick is not None:
            return quick.number, batch.encode(quick.json)
        _fill(batch, bodies.decode(body), policy)
        count, message = len(batch.items), batch.encode()
        batch.items = []
        return count, message

    async def _publish(self, batch: Batch, message: bytes, place: Place) -> None:
        try:
            await self._publisher.publish_message(batch.feed_id, batch.batch_id.hex, message, settled=place.leave)
        except Unavailable as error:
            raise ProblemError(
                503,
                f"edge.queue.{error.reason}",
                f"Nothing was accepted: {error}. Send it again; an {IDEMPOTENCY_KEY} makes that safe.",
                {"feedId": batch.feed_id},
                {"Retry-After": str(RETRY_AFTER_S[error.reason])},
            ) from None
        except Exception:
            place.leave()
            raise

    def _accepted(self, request: web.BaseRequest, batch: Batch, count: int, fields: Mapping[str, str]) -> web.Response:
        batch_id = str(batch.batch_id)
        public = self._public_url or origin(request, "", trust_forwarded=self._trust_forwarded)
        _log.debug(
            "post_accepted",
            request_id=id_of(request),
            batch_id=batch_id,
            feed_id=batch.feed_id,
            account_id=batch.account_id,
            items=count,
            rejected=len(batch.rejected),
        )
        answer = {
            "batchId": batch_id,
            "accepted": count,
            "rejected": batch.rejected,
            "warnings": batch.warnings,
            "receiptUrl": f"{public}/api/batches/{batch_id}.json",
        }
        return Accepted(orjson.dumps(answer), fields)


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

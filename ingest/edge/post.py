"""One webhook post, start to end: who, what, which batch, onto the queue, 202.

hash → feed ── headers → body → batch ── message → confirmed → 202

`handle` takes any post. A plain one is begun with at its head by `begin`, out of the connection's own hands, sent when
its body is there, and answered by `accepted`; where it is refused, `handle` ends what was begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from ingest.amqp.publish import Publisher, Sent, Unavailable
from ingest.edge import body as bodies
from ingest.edge.answers import Accepted, written
from ingest.edge.batches import Batches, Made
from ingest.edge.feeds import Feed, Senders
from ingest.edge.places import Place, Places
from ingest.http.idempotency import HEADER as IDEMPOTENCY_KEY
from ingest.http.origins import origin
from ingest.http.problems import ProblemError, internal
from ingest.http.request_ids import give_first_id, id_of
from ingest.http.sampling import Sampled
from schemas.batches import Batch, Source
from schemas.logs import structlog
from schemas.metrics import ITEMS_ACCEPTED, POST_SECONDS, POSTS, POSTS_BYTES, POSTS_IN_FLIGHT
from schemas.settings import Settings

PATH: Final = "/webhooks/inventory-feeds/parse-webhooks.json"
HASH_HEADERS: Final = ("jetti-webhook-hash", "onport-webhook-hash")
RETRY_AFTER_S: Final = {"disconnected": 2, "blocked": 5, "full": 5, "unroutable": 2, "timeout": 2}

_log = structlog.get_logger()
_WEBHOOK: Final = Source.WEBHOOK.value


class Begun:
    """A post that was begun with: it holds its `place`, then it is `sent` to the broker, or refused by `error`.

    `began` is when, in seconds of the performance counter; `fields` are header fields of whatever is answered.
    """

    __slots__ = ("_posts", "began", "error", "feed", "fields", "made", "now_ms", "place", "request", "sent")

    def __init__(self, posts: Posts, request: web.BaseRequest, feed: Feed, now_ms: int) -> None:
        self._posts, self.request, self.feed, self.now_ms = posts, request, feed, now_ms
        self.began = time.perf_counter()
        self.fields = posts.fields(feed, now_ms)
        self.place: Place | None = None
        self.made: Made | None = None
        self.sent: Sent | None = None
        self.error: Exception | None = None

    def send(self) -> None:
        """Send the body, which is there now; where it is refused, nothing is `sent`."""
        try:
            self._posts.send(self)
        except Exception as error:  # noqa: BLE001 - `handle` raises it again
            self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """Give its place back; `handle` will answer."""
        if isinstance(error, ProblemError):
            error.headers.update(self.fields)
        self.error = error
        if self.place is not None:
            self.place.leave()

    def accepted(self, *, ends: bool) -> bytes | None:
        """Return the whole answer, when the broker has confirmed it; `ends`: the connection is over then.

        None where that failed: `handle` says so.
        """
        try:
            return self._posts.accepted(self, ends=ends)
        except Exception as error:  # noqa: BLE001 - `handle` raises it again
            self.sent, self.error = None, error
            return None

    def abandon(self) -> None:
        """Let go of it, because its sender is gone."""
        if self.sent is not None and self.sent.settled is not None:
            self.sent.settled()

    def gone(self) -> None:
        """Let go of it, because its sender went away in the middle of the body, which is counted and told."""
        self.refuse(problem := bodies.gone())
        self._posts.told(problem, self.request, self.began)


BEGUN: Final = web.RequestKey("begun", Begun)
"""Where a request has what was begun, for `handle` to end it."""


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
        self._public_url = settings.public_api_url.rstrip("/")
        self._trust_forwarded = settings.trust_forwarded
        self._publisher = publisher
        self._feeds = feeds
        self._now_ms = now_ms
        self._batches = Batches(settings.key)
        self._sampled = Sampled()
        self._tells_all = settings.log_level == "debug"
        POSTS_IN_FLIGHT.set_function(lambda: self.places.posts)
        POSTS_BYTES.set_function(lambda: self.places.bytes)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one post; every refusal is a problem document."""
        begun = request.get(BEGUN)
        began = time.perf_counter() if begun is None else begun.began
        try:
            response = await (self._accept(request) if begun is None else self._end(request, begun))
        except ProblemError as problem:
            self.told(problem, request, began)
            return problem.response()
        except Exception:  # noqa: BLE001 - the last line of defence; logged
            _log.exception("post_failed", request_id=id_of(request))
            response = internal("edge").response()
        self._count(response.status, began)
        return response

    def begin(self, request: web.BaseRequest, size: int) -> Begun | None:
        """Begin with a post of so many bytes, whose body may arrive later.

        None for one that must go the long way, to which nothing happened.
        """
        headers = request.headers
        try:
            feed = self._feeds.current.known(_sent_hash(headers))
            if feed is None or bodies.check_headers(headers):
                return None
        except ProblemError:
            return None
        give_first_id(request)
        begun = Begun(self, request, feed, self._now_ms())
        try:
            begun.place = self._place(feed, size, begun.now_ms)
        except Exception as error:  # noqa: BLE001 - `handle` raises it again
            begun.refuse(error)
        return begun

    def _place(self, feed: Feed, size: int, now_ms: int) -> Place:
        feed.check(now_ms)
        if size > self._limit:
            raise bodies.too_large(self._limit)
        return self.places.take(feed.id, size)

    def send(self, begun: Begun) -> None:
        """Make a batch of the body that arrived, and send it; raises `ProblemError`."""
        request, feed, place = begun.request, begun.feed, begun.place
        assert place is not None
        body = request.content.read_nowait(-1)
        begun.made = made = self._batches.made(feed, request.headers, body, begun.now_ms)
        place.hold(len(made.message))
        begun.sent = self._publisher.send(feed.id, made.batch.batch_id.hex, made.message, settled=place.leave)

    def accepted(self, begun: Begun, *, ends: bool) -> bytes:
        """Return the whole answer to a post that was begun with, when the broker has confirmed it."""
        assert begun.made is not None
        assert begun.sent is not None
        self._publisher.count(begun.sent)
        answer = self._answer(begun.request, begun.made)
        self._count(202, begun.began)
        return written(answer, begun.fields, id_of(begun.request), keep_alive=not ends)

    async def _end(self, request: web.BaseRequest, begun: Begun) -> web.Response:
        """Answer a post that was begun with, and refused."""
        if begun.sent is None or begun.made is None:
            assert begun.error is not None
            raise begun.error
        try:
            await self._publisher.confirmed(begun.sent)
        except Unavailable as error:
            problem = _not_taken(error, begun.made.batch)
            problem.headers.update(begun.fields)
            raise problem from None
        return Accepted(self._answer(request, begun.made), begun.fields)

    def told(self, problem: ProblemError, request: web.BaseRequest, began: float) -> None:
        """Count a post that was refused, and log it."""
        self._count(problem.status, began)
        left_out = self._sampled.take(problem.code)
        if left_out is not None:
            more: dict[str, Any] = {"left_out": left_out} if left_out else {}
            more["request_id"] = id_of(request)
            _log.warning("post_refused", status=problem.status, code=problem.code, detail=problem.detail, **more)

    def _count(self, status: int, began: float) -> None:
        POSTS.inc(status)
        POST_SECONDS.observe(time.perf_counter() - began)

    def fields(self, feed: Feed, now_ms: int) -> Mapping[str, str]:
        """Return the header fields that any answer to a feed gets."""
        allowance = self._feeds.current.allowances.get(feed.account_id)
        return {} if allowance is None else allowance.fields(now_ms)

    async def _accept(self, request: web.BaseRequest) -> web.Response:
        now_ms = self._now_ms()
        sent_hash = _sent_hash(request.headers)
        feed = self._feeds.current.known(sent_hash) or await self._feeds.looked_up(sent_hash)
        fields = self.fields(feed, now_ms)
        try:
            feed.check(now_ms)
            made = await self._taken(request, feed, now_ms)
        except ProblemError as problem:
            problem.headers.update(fields)
            raise
        return Accepted(self._answer(request, made), fields)

    async def _taken(self, request: web.BaseRequest, feed: Feed, now_ms: int) -> Made:
        """Return what the broker has confirmed; raises `ProblemError`."""
        gzipped = bodies.check_headers(request.headers)
        place = self.places.take(feed.id, bodies.declared_size(request, self._limit))
        try:
            body = await bodies.read(request, self._limit, place.hold)
            if gzipped:
                body = bodies.gunzip(body, self._limit)
                place.hold(len(body))
            made = self._batches.made(feed, request.headers, body, now_ms)
            del body  # while the broker thinks, the message alone is held
            place.hold(len(made.message))
        except BaseException:
            place.leave()
            raise
        await self._publish(made, place)
        return made

    async def _publish(self, made: Made, place: Place) -> None:
        batch = made.batch
        try:
            await self._publisher.publish_message(batch.feed_id, batch.batch_id.hex, made.message, settled=place.leave)
        except Unavailable as error:
            raise _not_taken(error, batch) from None
        except Exception:
            place.leave()
            raise

    def _answer(self, request: web.BaseRequest, made: Made) -> bytes:
        """Return the body of a 202, and count its items."""
        batch, count = made.batch, made.number
        ITEMS_ACCEPTED.inc(_WEBHOOK, count)
        batch_id = str(batch.batch_id)
        public = self._public_url or origin(request, "", trust_forwarded=self._trust_forwarded)
        if self._tells_all:
            ids = {"batch_id": batch_id, "feed_id": batch.feed_id, "account_id": batch.account_id}
            rejected = len(batch.rejected)
            _log.debug("post_accepted", request_id=id_of(request), items=count, rejected=rejected, **ids)
        answer = {
            "batchId": batch_id,
            "accepted": count,
            "rejected": batch.rejected,
            "warnings": batch.warnings,
            "receiptUrl": f"{public}/api/batches/{batch_id}.json",
        }
        return orjson.dumps(answer)


def _sent_hash(headers: Mapping[str, str]) -> str | None:
    found = headers.get(HASH_HEADERS[0])
    return headers.get(HASH_HEADERS[1]) if found is None else found


def _not_taken(error: Unavailable, batch: Batch) -> ProblemError:
    return ProblemError(
        503,
        f"edge.queue.{error.reason}",
        f"Nothing was accepted: {error}. Send it again; an {IDEMPOTENCY_KEY} makes that safe.",
        {"feedId": batch.feed_id},
        {"Retry-After": str(RETRY_AFTER_S[error.reason])},
    )

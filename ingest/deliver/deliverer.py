"""Claims the endpoints that are due and tells each, side by side; one endpoint's trouble is no other's."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg

from ingest.changes.reader import Cursor, read
from ingest.deliver.message import CHANGES_OF_A_MESSAGE, GIVEN_UP_AFTER, Message, delay_of, message_of
from schemas import queries
from schemas.changes import STREAM_DAYS
from schemas.logs import structlog
from schemas.metrics import DELIVERIES
from schemas.postgres import TROUBLE

SQL = queries.load("deliver", beside=__file__)
MOST_AT_ONCE = 64
LOOK_S = 0.5
ATTEMPTS_KEPT = 100
LEASE_S = 60.0
_TURN_S = 20.0
"""An endpoint that keeps up gives its place to others after this, well within its lease."""
_log = structlog.get_logger()


class Refused(Exception):
    """An attempt that failed: with the answer's status, if there was an answer. `gone`: do not come again."""

    def __init__(self, reason: str, status: int | None = None, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.gone = gone


class Way(Protocol):
    """How a message reaches an endpoint of a kind."""

    async def send(self, endpoint: Any, message: Message, now: datetime) -> int | None:
        """Return the answer's status when the message was taken; raises `Refused`."""


class Deliverer:
    """Tells endpoints; `ways` are by kind."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ways: dict[str, Way],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._ways = ways
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look for due endpoints until told to stop; then let the attempts in hand end."""
        while not stop.is_set():
            try:
                await self.round()
            except TROUBLE as error:
                _log.warning("postgres_away", error=f"{type(error).__name__}: {error}")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await stop.wait()
        await self.settled()

    async def round(self) -> int:
        """Begin to tell the endpoints that are due, as many as there is room for; return how many that is."""
        room = MOST_AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        lease = uuid.uuid4()
        due = SQL.claim(self._pool, now=self._clock(), lease=lease, lease_s=LEASE_S, most=room)
        endpoints = [dict(row) async for row in due]
        for endpoint in endpoints:
            task = asyncio.create_task(self._turn(endpoint), name=f"endpoint {endpoint['id']}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(endpoints)

    async def settled(self) -> None:
        """Wait until nobody is being told."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _turn(self, endpoint: dict[str, Any]) -> None:
        until = time.monotonic() + _TURN_S
        structlog.contextvars.bind_contextvars(endpoint_id=endpoint["id"], account_id=endpoint["account_id"])
        try:
            while await self._tell(endpoint) and time.monotonic() < until:
                pass
            await SQL.release(self._pool, id=endpoint["id"], lease=endpoint["lease"])
        except TROUBLE as error:
            # The lease runs out, and whoever comes then sends the same message again.
            _log.warning("endpoint_left", error=f"{type(error).__name__}: {error}")
        except Exception:  # noqa: BLE001 - one endpoint's trouble is no other's
            _log.exception("endpoint_failed")

    async def _tell(self, endpoint: dict[str, Any]) -> bool:
        """Send an endpoint's next message; return whether to go on with it."""
        message = await self._next(endpoint)
        if message is None:
            return False
        structlog.contextvars.bind_contextvars(message_id=message.id)  # the header webhook-id: what both sides log
        now, began = self._clock(), time.monotonic()
        refused: Refused | None = None
        status = None
        try:
            status = await self._ways[endpoint["kind"]].send(endpoint, message, now)
        except Refused as error:
            refused, status = error, error.status
        await self._note(endpoint, message, refused, now, (status, time.monotonic() - began))
        if refused is not None:
            await self._failed(endpoint, refused, now)
            return False
        endpoint.update(position=message.ends, sending_to=None, failing_since=None, failures=0)
        return bool(await SQL.told(self._pool, **_held(endpoint), position=message.ends, at=now))

    async def _next(self, endpoint: dict[str, Any]) -> Message | None:
        """Return the message on its way, or the next one, noted before it is sent; None: there is nothing to tell."""
        after = Cursor(endpoint["position"], int(self._clock().timestamp()))
        async with self._pool.acquire() as connection:
            page = await read(
                connection,
                endpoint["account_id"],
                after,
                endpoint["events"],
                CHANGES_OF_A_MESSAGE,
                until=endpoint["sending_to"],
                days=STREAM_DAYS + 1,
            )
        if not page.events:  # or what was on its way is not kept any more
            position = max(page.cursor.position if endpoint["sending_to"] is None else endpoint["sending_to"], 0)
            await SQL.told(self._pool, **_held(endpoint), position=position, at=self._clock())
            return None
        message = message_of(endpoint["id"], endpoint["position"], page.events)
        if endpoint["sending_to"] is None and not await SQL.sending(self._pool, **_held(endpoint), ends=message.ends):
            return None  # somebody changed the endpoint: its lease is over
        return message

    async def _failed(self, endpoint: dict[str, Any], refused: Refused, now: datetime) -> None:
        since = endpoint["failing_since"] or now
        reason = None
        if refused.gone:
            reason = f"the endpoint asked not to be told any more: {refused}"
        elif now - since >= GIVEN_UP_AFTER:
            reason = f"failing since {since:%Y-%m-%d %H:%M} UTC: {refused}"
        jitter = random.random()  # noqa: S311 - jitter, no secret
        again = now + delay_of(endpoint["failures"] + 1, jitter)
        await SQL.failed(self._pool, **_held(endpoint), at=now, next_attempt_at=again, disabled_reason=reason)
        if reason is not None:
            _log.error("endpoint_disabled", reason=reason)
        else:
            _log.warning("delivery_failed", reason=str(refused))

    async def _note(
        self,
        endpoint: dict[str, Any],
        message: Message,
        refused: Refused | None,
        now: datetime,
        answer: tuple[int | None, float],
    ) -> None:
        status, took_s = answer
        DELIVERIES.labels(endpoint["kind"], "failed" if refused else "told").inc()
        await SQL.note_attempt(
            self._pool,
            endpoint_id=endpoint["id"],
            account_id=endpoint["account_id"],
            message_id=message.id,
            at=now,
            status=status,
            error=None if refused is None else str(refused)[:500],
            changes=len(message.content),
            took_ms=int(took_s * 1000),
        )
        await SQL.prune_attempts(self._pool, endpoint_id=endpoint["id"], most=ATTEMPTS_KEPT)


def _held(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {"id": endpoint["id"], "lease": endpoint["lease"]}

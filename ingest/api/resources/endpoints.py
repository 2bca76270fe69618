"""Endpoints: where an account wants to be told of what happens, by signed webhooks."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool

from ingest.api.framework.call import Answer, Call, Scoped
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Page, Query, Resource, Stored, When
from ingest.api.framework.models import Changes as Changed
from ingest.feeds.locations import check
from schemas import queries
from schemas.attributes import Name
from schemas.changes import EVENTS, INVENTORY_CHANGED, STREAM_DAYS

SQL = queries.load("endpoints", beside=__file__)
MOST = 50
"""Endpoints of an account."""
_SECRET_BYTES = 32
_MOST_URL = 2_000


def _url(text: str) -> str:
    parts = urlsplit(check(text))
    if parts.scheme.lower() not in ("http", "https") or parts.username is not None:
        raise ValueError("expected an address that begins with https:// and holds no user name")
    return text


Url = Annotated[str, Field(max_length=_MOST_URL), AfterValidator(_url)]
Event = Literal["inventory.changed", "batch.done", "run.held", "feed.failing", "limit.near", "dead_letter.created"]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(EVENTS))]


class EndpointCreate(Body):
    """A new endpoint."""

    name: Name = Field(description="what it is for")
    url: Url = Field(description="https://…; a public address")
    events: Events = Field(description="what it is told of")
    enabled: StrictBool = True


class EndpointUpdate(Changed):
    """Changes of an endpoint; what is omitted stays."""

    name: Name = ""
    url: Url = ""
    events: Events = []  # noqa: RUF012 - pydantic copies it
    enabled: StrictBool = True


class Replay(Body):
    """From when on everything is told again."""

    since: When = Field(description=f"at most {STREAM_DAYS} days ago")


class Endpoint(Stored):
    """Where an account is told of what happens."""

    name: str
    url: str
    events: list[Event]
    enabled: bool
    disabled_reason: str | None = Field(description="why it was disabled by itself")
    failures: int = Field(description="in succession")
    failing_since: datetime | None
    next_attempt_at: datetime
    previous_secret_until: datetime | None = Field(description="until then messages bear a signature by either secret")


class NewEndpoint(Endpoint):
    """An endpoint with its secret: the one time that it is shown."""

    secret: str = Field(description="`whsec_…`, to verify signatures with; it cannot be shown again")


class Attempt(Resource):
    """One attempt to tell an endpoint."""

    message_id: str
    attempted_at: datetime
    status: int | None = Field(description="of the answer; null: there was none")
    error: str | None
    changes: int = Field(description="changes, or events, in the message")
    took_ms: int


async def list_endpoints(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(SQL.endpoint_list, after=call.query.after, limit=call.query.limit + 1)
    return call.page(rows, [Endpoint.of(row) for row in rows])


async def get_endpoint(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer(Endpoint.of(call.found(await call.db.one(SQL.endpoint_get, id=call.id), "endpoint")))


async def create_endpoint(call: Call[Query, EndpointCreate]) -> Answer:
    """Make one and show its secret."""
    body, secret = call.body, _new_secret()
    async with call.db.transaction() as db:
        await _check_events(call, db, body.events)
        if await db.one(SQL.endpoint_count) >= MOST:
            raise call.problem(409, "too_many", f"an account has {MOST} endpoints at most")
        held = call.services.vault.encrypt({"secret": secret})
        told = {"name": body.name, "url": body.url, "events": list(dict.fromkeys(body.events))}
        row = await db.one(SQL.endpoint_create, **told, enabled=body.enabled, secrets=held)
        await db.one(SQL.events_wanted)
    return _with_secret(row, secret)


async def update_endpoint(call: Call[Query, EndpointUpdate]) -> Answer:
    """Change one; enabling it again goes on where it stopped."""
    async with call.db.transaction() as db:
        row = call.unchanged(await db.one(SQL.endpoint_lock, id=call.id), "endpoint")
        sent = call.body.sent()
        wanted = {name: sent.get(name, row[name]) for name in ("name", "url", "events", "enabled")}
        await _check_events(call, db, wanted["events"])
        row = await db.one(SQL.endpoint_update, id=call.id, **wanted)
        await db.one(SQL.events_wanted)
    return Answer(Endpoint.of(row))


async def delete_endpoint(call: Call[Query, None]) -> Answer:
    """Delete one with its log."""
    async with call.db.transaction() as db:
        call.found(await db.one(SQL.endpoint_delete, id=call.id), "endpoint")
        await db.one(SQL.events_wanted)
    return Answer()


async def rotate_secret(call: Call[Query, None]) -> Answer:
    """Make a new secret; the one before it signs as well for a while."""
    vault, settings = call.services.vault, call.services.settings
    async with call.db.transaction() as db:
        row = call.found(await db.one(SQL.endpoint_lock, id=call.id), "endpoint")
        secret = _new_secret()
        held = vault.encrypt({"secret": secret, "previous": vault.decrypt(row["secrets"]).get("secret", secret)})
        until = datetime.now(UTC) + timedelta(seconds=settings.hash_grace_s)
        row = await db.one(SQL.endpoint_rotate, id=call.id, secrets=held, previous_until=until)
    return _with_secret(row, secret)


async def replay(call: Call[Query, Replay]) -> Answer:
    """Tell everything again from a time on."""
    call.found(await call.db.one(SQL.endpoint_get, id=call.id), "endpoint")
    if call.body.since < datetime.now(UTC) - timedelta(days=STREAM_DAYS):
        raise call.invalid("since", "value", f"events are kept {STREAM_DAYS} days")
    row = await call.db.one(SQL.endpoint_replay, id=call.id, since=call.body.since)
    return Answer(Endpoint.of(call.found(row, "endpoint")))


async def list_attempts(call: Call[Query, None]) -> Answer:
    """Return the last attempts."""
    call.found(await call.db.one(SQL.endpoint_get, id=call.id), "endpoint")
    return Answer([Attempt.of(row) for row in await call.db.all(SQL.attempt_list, id=call.id)])


async def _check_events(call: Call[Any, Any], db: Scoped, events: Sequence[str]) -> None:
    if INVENTORY_CHANGED in events and not await db.one(SQL.stream_enabled):
        needs = f'{INVENTORY_CHANGED} needs the stream: PUT /api/change-stream.json {{"enabled": true}} first'
        raise call.invalid("events", "disabled", needs)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _with_secret(row: Any, secret: str) -> Answer:
    return Answer(NewEndpoint.of({**row, "secret": secret}), headers={"Cache-Control": "no-store"})


_COLLECTION = Collection("endpoints", "/api/endpoints", Endpoint, "endpoint", Scope.ADMIN)

OPERATIONS = (
    _COLLECTION.list(list_endpoints, query=Page),
    _COLLECTION.create(
        create_endpoint,
        summary="Create an endpoint for webhooks",
        description="The answer holds the secret that its messages are signed with (Standard Webhooks).",
        body=EndpointCreate,
        example={"name": "shop", "url": "https://shop.example/hooks/stock", "events": ["run.held", "feed.failing"]},
        response=NewEndpoint,
        etag=False,
        problems={409: "the account has as many endpoints as it may"},
    ),
    _COLLECTION.get(get_endpoint),
    _COLLECTION.update(
        update_endpoint,
        description="One that was disabled goes on where it stopped when it is enabled again.",
        body=EndpointUpdate,
        example={"enabled": True},
    ),
    _COLLECTION.delete(delete_endpoint, etag=False),
    _COLLECTION.act(
        "rotate_secret",
        rotate_secret,
        "Give an endpoint a new secret",
        description="For `HASH_GRACE_S` (a day) messages bear signatures by the old one as well.",
        response=NewEndpoint,
    ),
    _COLLECTION.act(
        "replay",
        replay,
        "Tell an endpoint everything again from a time on",
        body=Replay,
        example={"since": "2026-01-31T12:00:00Z"},
    ),
    _COLLECTION.read("attempts", list_attempts, "List the last attempts to tell an endpoint", response=list[Attempt]),
)

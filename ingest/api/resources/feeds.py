"""Inventory feeds: the sources of a provider's items; how they arrive, and what becomes of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, create_model

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import INT64_MAX, Body, Changes, Id, Page, Query, Stored, nullable
from ingest.api.shared.feeds import FEEDS, MOST_VERSIONS
from ingest.feeds import locations
from ingest.feeds.runs import RUN_SQL, RunStatus
from ingest.feeds.settings import FeedColumns, FeedSettings, ResourceType
from ingest.feeds.state import FeedState, MisfitError, new_state, shown_secrets
from ingest.http.problems import ProblemError
from schemas.attributes import Name, ShortText, UrlText
from schemas.secrets import MASK, Vault, new_webhook_hash

_FLAGS = {"nextFetchAt", "lastRunId", "lastRunStatus", "lastRunAt", "lastSuccessAt", "failingSince"}


_SETTABLE: dict[str, Any] = {
    **nullable(FeedColumns, FeedSettings),
    "resource_location": (
        Annotated[UrlText, AfterValidator(locations.check)] | None,
        Field(None, description="http, https, ftp or ftps address; user:password@ is stored encrypted, shown masked"),
    ),
    "authentication_token": (UrlText | None, Field(None, description="of the REST API kind; shown masked")),
    "authentication_secret": (UrlText | None, Field(None, description="of the REST API kind; shown masked")),
}


class _FeedBody(Body):
    READ_ONLY: ClassVar[frozenset[str]] = Body.READ_ONLY | _FLAGS | {"hash", "disabledReason"}


class _FeedChanges(Changes):
    READ_ONLY: ClassVar[frozenset[str]] = _FeedBody.READ_ONLY


FeedCreate = create_model(
    "FeedCreate",
    __base__=_FeedBody,
    __doc__="A new inventory feed.",
    name=(Name, ...),
    dropship_provider_id=(Id, ...),
    resource_type=(ResourceType, ...),
    **_SETTABLE,
)
FeedUpdate = create_model(
    "FeedUpdate",
    __base__=_FeedChanges,
    __doc__="Changes of an inventory feed; what is omitted stays, null stands for the default.",
    name=(Name, ""),
    dropship_provider_id=(Id, 0),
    resource_type=(ResourceType, "webhook"),
    **_SETTABLE,
)


class _FeedHead(Stored):
    name: str
    dropship_provider_id: int
    resource_type: ResourceType
    hash: str = Field(
        description="the webhook's secret: the header `jetti-webhook-hash` of a post; masked for a token of scope read"
    )
    disabled_reason: str | None = Field(description="why it is disabled, if that was said")
    authentication_token: str | None = Field(description="masked")
    authentication_secret: str | None = Field(description="masked")


class Feed(FeedSettings, FeedColumns, _FeedHead):
    """An inventory feed: one source of items of a provider."""

    next_fetch_at: datetime | None = Field(None, description="when it is fetched next; null: not by itself")
    last_run_id: int | None = None
    last_run_status: RunStatus | None = Field(None, description="of the last run that ended; see its runs")
    last_run_at: datetime | None = None
    last_success_at: datetime | None = None
    failing_since: datetime | None = Field(None, description="no usable file since; null: all is well")

    @classmethod
    def of_feed(cls, row: Any, call: Call[Any, Any], flags: Any = None) -> Self:
        """Return the resource of a row of `inventory_feeds`, as this caller may see it; `flags`: of `feeds_flags`.

        Whoever has the hash may send items, so a token that may only read does not see it.
        """
        settings = FeedSettings.model_validate(row["settings"]).model_dump()
        shown = shown_secrets(row["secrets"], call.services.vault)
        if not call.caller.scope.includes(Scope.WRITE):
            shown["hash"] = MASK
        return cls.of({**settings, **row, **shown, **(flags or {})})


class Disabling(Body):
    """Why a feed is disabled."""

    reason: ShortText | None = Field(None, description="shown wherever the feed is, and to its vendor")


class FeedQuery(Page):
    """Filters of the list."""

    dropship_provider_id: int | None = Field(None, ge=1, le=INT64_MAX, description="feeds of this provider")
    resource_type: ResourceType | None = Field(None, description="feeds of this kind")
    enabled: bool | None = Field(None, description="enabled feeds, or disabled ones")


async def list_feeds(call: Call[FeedQuery, None]) -> Answer:
    """Return a page."""
    query = call.query.model_dump() | {"limit": call.query.rows, "feeds": call.caller.only_feeds}
    rows = await call.db.all(FEEDS.feed_list, **query)
    flags = await _flags(call, [row["id"] for row in rows])
    return call.page(rows, [Feed.of_feed(row, call, flags.get(row["id"])) for row in rows])


async def get_feed(call: Call[Query, None]) -> Answer:
    """Return one."""
    return await _answer(call, await call.db.one(FEEDS.feed_get, id=call.id))


async def create_feed(call: Call[Query, Any]) -> Answer:
    """Make one, with a new webhook hash."""
    try:
        state = new_state(call.body.sent())
    except MisfitError as error:
        raise _misfit(call, error) from None
    async with call.db.transaction() as db:
        await _check_provider(call, db, state.dropship_provider_id)
        row = await db.one(FEEDS.feed_create, hash=new_webhook_hash(), **_columns(state, call.services.vault))
    return await _answer(call, row)


async def update_feed(call: Call[Query, Any]) -> Answer:
    """Change one."""
    async with call.db.transaction() as db:
        row = call.unchanged(await db.one(FEEDS.feed_lock, id=call.id), "inventory feed")
        before = FeedState.of_row(row, call.services.vault)
        try:
            state = before.changed(call.body.sent())
        except MisfitError as error:
            raise _misfit(call, error) from None
        if state != before:
            await _check_provider(call, db, state.dropship_provider_id)
            if (state.resource_type, state.settings) != (before.resource_type, before.settings):
                await db.one(FEEDS.version_keep, id=call.id, who=call.caller.name, most=MOST_VERSIONS)
            row = await db.one(FEEDS.feed_update, id=call.id, **_columns(state, call.services.vault))
    return await _answer(call, row)


async def disable_feed(call: Call[Query, Disabling]) -> Answer:
    """Disable one with a reason."""
    reason = call.body.reason if call.body else None
    return await _answer(call, await call.db.one(FEEDS.feed_disable, id=call.id, reason=reason))


async def rotate_hash(call: Call[Query, None]) -> Answer:
    """Give one a new webhook hash; the one before stays valid for a while."""
    grace_s = float(call.services.settings.hash_grace_s)
    return await _answer(
        call, await call.db.one(FEEDS.feed_rotate_hash, id=call.id, hash=new_webhook_hash(), grace_s=grace_s)
    )


async def delete_feed(call: Call[Query, None]) -> Answer:
    """Mark one deleted: invisible and closed at once; workers, the only writers of feed variants, remove its rows."""
    async with call.db.transaction() as db:
        call.unchanged(await db.one(FEEDS.feed_lock, id=call.id), "inventory feed")
        await db.one(FEEDS.feed_delete, id=call.id, hash=new_webhook_hash())
    return Answer()


async def _flags(call: Call[Any, Any], feed_ids: list[int]) -> dict[int, Any]:
    return {row["feed_id"]: row for row in await call.db.all(RUN_SQL.feeds_flags, feed_ids=feed_ids)}


async def _answer(call: Call[Any, Any], row: Any) -> Answer:
    row = call.found(row, "inventory feed")
    flags = (await _flags(call, [row["id"]])).get(row["id"])
    return Answer(Feed.of_feed(row, call, flags), headers={"Cache-Control": "no-store"})


async def _check_provider(call: Call[Any, Any], db: Any, provider_id: int) -> None:
    if await db.one(FEEDS.feed_provider, id=provider_id) is None:
        raise call.invalid("dropshipProviderId", "unknown", "there is no dropship provider with this id")


def _misfit(call: Call[Any, Any], error: MisfitError) -> ProblemError:
    missing = all(entry["code"] == "required" for entry in error.details.values())
    return call.problem(422, "missing" if missing else "invalid", str(error), dict(error.details))


def _columns(state: FeedState, vault: Vault) -> dict[str, Any]:
    secrets = state.secrets.model_dump(by_alias=True, exclude_none=True)
    return {
        "name": state.name,
        "dropship_provider_id": state.dropship_provider_id,
        "resource_type": state.resource_type,
        **state.columns.model_dump(),
        "settings": state.settings.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "secrets": vault.encrypt(secrets) if secrets else None,
    }


_COLLECTION = Collection("inventory_feeds", "/api/inventory-feeds", Feed, "inventory feed")

OPERATIONS = (
    _COLLECTION.list(list_feeds, query=FeedQuery, bound=True),
    _COLLECTION.create(
        create_feed,
        also_at=("/api/inventory-feed.json",),
        description="`resourceType` webhook: the vendor pushes; ftpCsv, xml, api: fetched from `resourceLocation`.",
        body=FeedCreate,
        example={"name": "Acme stock", "dropshipProviderId": 1, "resourceType": "webhook"},
    ),
    _COLLECTION.get(get_feed, description="With its webhook `hash`.", bound=True),
    _COLLECTION.update(
        update_feed,
        description="Masked credentials may be sent back as they were read: they stay, as long as the server does.",
        body=FeedUpdate,
        example={"allocationBuffer": 2, "overLimit": "reject"},
    ),
    _COLLECTION.delete(
        delete_feed, description="Its hash stops working at once; its feed variants are removed in the background."
    ),
    _COLLECTION.act(
        "disable",
        disable_feed,
        "Disable an inventory feed with a reason",
        description="It takes no posts and is not fetched, until `enabled` is set again.",
        body=Disabling,
        body_optional=True,
        example={"reason": "their stock is wrong since Monday"},
    ),
    _COLLECTION.act(
        "rotate_hash",
        rotate_hash,
        "Give an inventory feed a new webhook hash",
        description="The hash before it stays valid for `HASH_GRACE_S` seconds (a day by default).",
    ),
)

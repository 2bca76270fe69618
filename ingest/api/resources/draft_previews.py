"""Previews of drafts: a file is fetched once, kept for a while, and read by whatever settings are tried on it.

What the file is gets detected, a mapping is proposed, and every row is shown beside what becomes of it. Nothing is
written but the draft itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ingest.api.framework.call import Answer, Call, Scoped, Services
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Id, Query
from ingest.api.shared.previews import reading, source
from ingest.api.shared.previews.kept import KEPT_S
from ingest.api.shared.previews.types import DraftPreview
from ingest.feeds import locations
from ingest.feeds.mapping import FormatSettings
from ingest.feeds.runs import RUN_SQL
from ingest.pull.fetch import Fetched
from ingest.pull.run.feed import PulledFeed
from schemas import queries
from schemas.attributes import UrlText

PREVIEWS = queries.load("draft_previews", beside=__file__)
MAX_SAMPLE_BYTES = 32 << 20
_SECRETS = ("resourceLocation", "authenticationToken", "authenticationSecret")


class PreviewBody(Body):
    """A draft: an address or a sample, and settings to read it by; what is omitted is detected or proposed."""

    feed_id: Id | None = Field(None, description="a draft of this feed: begins with its settings and its address")
    resource_location: Annotated[UrlText, AfterValidator(locations.check)] | None = Field(
        None, description="the address to fetch"
    )
    authentication_token: UrlText | None = None
    authentication_secret: UrlText | None = None
    sample: str | None = Field(None, max_length=MAX_SAMPLE_BYTES, description="the file's text, instead of an address")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="resourceType, delimiter, decimalNotation, itemPath, mapping, …: attributes of the feed",
    )


class PreviewChanges(Body):
    """Other settings for a draft; null takes one away."""

    settings: dict[str, Any] = Field(default_factory=dict)
    fetch_again: bool = Field(False, description="fetch the file anew, instead of reading the kept one")


async def create_preview(call: Call[Query, Any]) -> Answer:
    """Fetch, or take the sample; keep it; detect, propose and show."""
    body = PreviewBody(sample=None) if isinstance(call.body, bytes) else call.body
    sample = call.body if isinstance(call.body, bytes) else body.sample.encode() if body.sample else None
    saved, settings, secrets = await _begin(call, body)
    async with source.alone(call):
        fetched = await source.get(call, secrets, sample)
        try:
            found, proposed = await reading.detected(call, fetched, settings)
            name, fetched = await source.keep(call, fetched)
        except BaseException:
            fetched.discard()
            raise
        settings = {**{one.setting: one.value for one in found if one.setting not in _READ}, **settings}
        if saved is None and "mapping" not in settings:
            settings["mapping"] = {one.attribute: one.expression() for one in proposed}
        told = {"detected": [asdict(one) for one in found], "proposed": [asdict(one) for one in proposed]}
        draft = {"settings": settings, **told}
        await call.db.one(PREVIEWS.prune)
        number = await call.db.one(
            PREVIEWS.preview_create,
            feed_id=body.feed_id,
            draft=draft,
            secrets=call.services.vault.encrypt(secrets) if secrets else None,
            source=fetched.url,
            file=name,
            **source.facts(fetched),
        )
        row = {"id": number, "feed_id": body.feed_id, "draft": draft, "fetched_at": datetime.now(UTC)}
        return Answer(await _shown(call, row, fetched, saved))


async def update_preview(call: Call[Query, PreviewChanges]) -> Answer:
    """Try other settings on the kept file; nothing is fetched while it is there."""
    row = await _row(call)
    merged = {**row["draft"]["settings"], **call.body.settings}
    draft = {**row["draft"], "settings": {name: value for name, value in merged.items() if value is not None}}
    await call.db.one(PREVIEWS.preview_update, id=call.id, draft=draft)
    return await _again(call, {**row, "draft": draft}, fetch_again=call.body.fetch_again)


async def get_preview(call: Call[Query, None]) -> Answer:
    """Show a draft again."""
    return await _again(call, await _row(call))


async def delete_preview(call: Call[Query, None]) -> Answer:
    """Forget a draft."""
    call.found(await call.db.one(PREVIEWS.preview_delete, id=call.id), "preview")
    return Answer()


_READ = ("compression", "delimiter", "encoding")
"""Detected anew for each file, so that a vendor may change them; told, and not set."""


async def _begin(
    call: Call[Any, Any], body: PreviewBody
) -> tuple[FormatSettings | None, dict[str, Any], dict[str, str]]:
    """Return the saved settings of a draft's feed, the settings that it begins with, and its secrets."""
    given = {name: getattr(body, field) for name, field in zip(_SECRETS, _FIELDS, strict=True)}
    if body.feed_id is None:
        return None, dict(body.settings), {name: value for name, value in given.items() if value}
    row = await call.db.one(RUN_SQL.pulled_feed, feed_id=body.feed_id)
    if row is None or row["deleted"]:
        raise call.invalid("feedId", "unknown", "there is no inventory feed with this id")
    feed = PulledFeed.of(row, call.services.vault)
    if feed.resource_type == "webhook":
        raise call.problem(409, "not_pulled", "a feed of resourceType webhook has no file")
    stored = feed.secrets.model_dump(by_alias=True, exclude_none=True)
    if given["resourceLocation"]:
        try:
            given["resourceLocation"] = locations.unmasked(given["resourceLocation"], stored.get("resourceLocation"))
        except ValueError as error:
            raise call.invalid("resourceLocation", "value", str(error)) from None
        stored = {}
    saved = feed.format()
    own = saved.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    settings = {"resourceType": feed.resource_type, **own, **body.settings}
    return saved, settings, {**stored, **{name: value for name, value in given.items() if value}}


_FIELDS = ("resource_location", "authentication_token", "authentication_secret")


async def _row(call: Call[Any, Any]) -> dict[str, Any]:
    row = call.found(await call.db.one(PREVIEWS.preview_get, id=call.id), "preview")
    return dict(row)


async def _again(call: Call[Any, Any], row: dict[str, Any], *, fetch_again: bool = False) -> Answer:
    """Read the kept file of a draft, or fetch it anew."""
    async with source.alone(call):
        fetched = None if fetch_again else await source.kept(call, row)
        if fetched is None:
            if row["secrets"] is None:
                gone = f"an uploaded file is kept for {KEPT_S // 60} minutes: send it again"
                return Answer(_told(row, row["source"], row["bytes"], reading.nothing(gone)))
            fetched = await source.get(call, call.services.vault.decrypt(row["secrets"]), None)
            name, fetched = await source.keep(call, fetched)
            await call.db.one(PREVIEWS.preview_refetched, id=row["id"], file=name, **source.facts(fetched))
            row["fetched_at"] = datetime.now(UTC)
        return Answer(await _shown(call, row, fetched, await _saved(call, row)))


async def _saved(call: Call[Any, Any], row: Mapping[str, Any]) -> FormatSettings | None:
    found = row["feed_id"] and await call.db.one(RUN_SQL.pulled_feed, feed_id=row["feed_id"])
    return PulledFeed.of(found, call.services.vault).format() if found else None


async def _shown(
    call: Call[Any, Any], row: Mapping[str, Any], fetched: Fetched, saved: FormatSettings | None
) -> DraftPreview:
    read = await reading.shown(call, fetched, row["draft"]["settings"], saved, row["feed_id"])
    return _told(row, fetched.url, fetched.size, read)


def _told(row: Mapping[str, Any], source_url: str, size: int, read: Mapping[str, Any]) -> DraftPreview:
    kept_until = datetime.now(UTC) + timedelta(seconds=KEPT_S)
    known = {"id": row["id"], "feed_id": row["feed_id"], "fetched_at": row["fetched_at"], "kept_until": kept_until}
    return DraftPreview.of({**known, **read, **row["draft"], "source": source_url, "bytes": size})


async def secrets_of(services: Services, account_id: int, preview_id: int) -> dict[str, Any]:
    """Return a draft's address with its credentials, and its tokens; for the feed that is made of it, and no answer."""
    db = Scoped(services.pool, account_id)
    row = await db.one(PREVIEWS.preview_get, id=preview_id)
    return services.vault.decrypt(row["secrets"]) if row else {}


_TROUBLE = {422: "the file cannot be had: the code says why", 502: "the vendor's server is away, busy or broke off"}
_BUSY = {429: "three previews of the account wait already"}
_COLLECTION = Collection("previews", "/api/previews", DraftPreview, "draft", Scope.WRITE, versioned=False)

OPERATIONS = (
    _COLLECTION.create(
        create_preview,
        summary="Try a draft's settings on a file",
        description="Fetches the address, or takes the sample; detects what the file is, proposes a mapping, shows "
        "each row beside its item. The file is kept for 15 minutes. A body of another media type is the file itself.",
        body=PreviewBody,
        example={"sample": "sku;stock\nA-1;5\n"},
        media=("text/csv", "text/plain", "application/xml", "text/xml", "application/gzip", "application/octet-stream"),
        body_limit_bytes=MAX_SAMPLE_BYTES,
        problems={**_TROUBLE, **_BUSY, 409: "the feed is a webhook's: it has no file"},
    ),
    _COLLECTION.get(get_preview, summary="Show a draft again", problems=_TROUBLE | _BUSY),
    _COLLECTION.update(
        update_preview,
        summary="Try other settings on a draft's file",
        description="Nothing is fetched while the file is kept. For a draft of a feed, `changed` tells what differs "
        "from the saved settings on the same rows.",
        body=PreviewChanges,
        example={"settings": {"decimalNotation": "comma"}},
        problems=_TROUBLE | _BUSY,
    ),
    _COLLECTION.delete(delete_preview, summary="Forget a draft"),
)

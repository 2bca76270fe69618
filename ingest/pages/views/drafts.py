"""The way from a file to mapped rows: a new feed in steps, and the mapping editor of one that is there.

Both work on a draft (`/api/previews`): its file is fetched once, and every edit reads the kept bytes again. The draft's
number stands in the address, so it survives a reload.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.api.framework.dispatch import plain
from ingest.api.resources.draft_previews import secrets_of
from ingest.feeds.mapping import Format
from ingest.http.problems import ProblemError
from ingest.pages import drafting, layout
from ingest.pages.alike import Alike, alike, fitting, vendors_of
from ingest.pages.page import Action, Again, Context, Done, Download, Fragment, Page
from ingest.pages.rows import SHOWN, detail, lines
from ingest.pages.tones import SCHEDULES
from ingest.pages.visit import Visit, version_of
from ingest.pages.words import isolated

MAX_UPLOAD_BYTES = 32 << 20
_LOOKED_AT = 250
_FORMAT = frozenset(known.alias or name for name, known in Format.model_fields.items()) | {"resourceType"}
_GIVEN = ("location", "name", "provider", "provider_name", "token")
_SCHEDULES = [(name, SCHEDULES[name]) for name in ("hourly", "daily", "never", "custom")]


async def show_new(visit: Visit) -> Context:
    """Return the first step: where the file is."""
    return {"problem": None, "given": dict.fromkeys(_GIVEN, ""), "providers": await _providers(visit)}


async def begin(visit: Visit) -> Done | Again:
    """Fetch the address, or take the dropped file, and go to the draft; for a feed that is pushed make the feed."""
    given = {name: visit.text(name) for name in _GIVEN}
    if visit.text("way") == "push":
        return await _push(visit)
    sample = _upload(visit)
    try:
        if sample is not None:
            draft = await visit.ask("previews.create", body=sample)
        else:
            body = {"resourceLocation": given["location"], "authenticationToken": given["token"] or None}
            draft = await visit.ask("previews.create", body=body)
    except ProblemError as problem:
        context = {"problem": layout.sentence(problem.detail), "given": given, "providers": await _providers(visit)}
        return Again(page=NEW, context=context)
    return Done(to=f"/drafts/{draft.id}")


async def begin_of_feed(visit: Visit) -> web.StreamResponse:
    """Begin a draft of a feed by fetching its file, and lead to it."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    draft = await visit.ask("previews.create", body={"feedId": feed.id})
    return web.Response(status=303, headers={"Location": f"/drafts/{draft.id}", "Cache-Control": "no-store"})


async def show(visit: Visit) -> Context:
    """Return a draft: its settings, its form and its rows."""
    return await _context(visit, await visit.ask("previews.get", {"id": visit.id}))


async def attempt(visit: Visit) -> Fragment | Done:
    """Read the kept file by the form's settings, and answer with the rows; with the whole form when it changed."""
    form = visit.form
    mapping = drafting.mapping_of(form)
    do = visit.text("do")
    if not do:
        do = next((f"add:{name[4:]}:{form[name]}" for name in form if name.startswith("add-") and form[name]), "")
    if do:
        mapping = drafting.changed(mapping, do)
    settings = {**drafting.settings_of(form), "mapping": mapping}
    preview = await visit.ask("previews.update", {"id": visit.id}, body={"settings": settings})
    return await _answer(visit, preview, whole=bool(do) or "whole" in visit.request.query)


async def mend(visit: Visit) -> Fragment | Done:
    """Take a mend of one kind of reject."""
    preview = await visit.ask("previews.get", {"id": visit.id})
    group = next((g for g in preview.groups if g.mend and g.mend.label == visit.text("mend")), None)
    if group is None or group.mend is None:
        raise ProblemError(409, "pages.drafts.mended", "these rejects are not there any more")
    settings = dict(group.mend.settings)
    if group.mend.transform is not None:
        mapping = preview.settings.get("mapping", {})
        settings["mapping"] = drafting.with_transform(mapping, group.mend.attribute or "", group.mend.transform)
    preview = await visit.ask("previews.update", {"id": visit.id}, body={"settings": settings})
    return await _answer(visit, preview, whole=True)


async def read_like(visit: Visit) -> Done:
    """Read a draft's file as another feed reads its own, as far as its columns are there."""
    preview = await visit.ask("previews.get", {"id": visit.id})
    number = visit.text("feed")
    feed = await visit.ask("inventory_feeds.get", {"id": int(number) if number.isdecimal() else 0})
    given = feed.model_dump(mode="json", by_alias=True)
    settings = {name: given[name] for name in _FORMAT if given.get(name) is not None}
    settings["mapping"], lacking = fitting(settings.get("mapping") or {}, preview.columns)
    await visit.ask("previews.update", {"id": visit.id}, body={"settings": settings})
    told = f" What it reads from columns that are not here was left out: {', '.join(lacking)}." if lacking else ""
    return Done(to=f"/drafts/{visit.id}", said=f"The file is read as {isolated(feed.name)} reads its own.{told}")


async def _alike(visit: Visit, preview: Any, feed: Any) -> list[Alike]:
    """Return other feeds that read such a file: of any vendor, or less surely of this one."""
    feeds = await visit.ask("inventory_feeds.list", query={"limit": _LOOKED_AT})
    known = [plain(one) for one in feeds if one.id != preview.feed_id]
    known = [one for one in known if one.get("resourceType") == preview.settings.get("resourceType")]
    vendors = {feed.dropship_provider_id} if feed else vendors_of(known, preview.source)
    taken = preview.settings.get("mapping")
    known = [one for one in known if fitting(one.get("mapping") or {}, preview.columns)[0] != taken]
    return alike(known, preview.columns, vendors)


async def fetch_again(visit: Visit) -> Done:
    """Fetch the draft's file anew."""
    await visit.ask("previews.update", {"id": visit.id}, body={"settings": {}, "fetchAgain": True})
    return Done(to=f"/drafts/{visit.id}", said="The file was fetched again.")


async def save(visit: Visit) -> Done:
    """Save a draft of a feed into it, if nobody changed it meanwhile."""
    preview = await visit.ask("previews.get", {"id": visit.id})
    _must_read(preview)
    feed = await visit.ask("inventory_feeds.get", {"id": preview.feed_id})
    body = {name: value for name, value in preview.settings.items() if name in _FORMAT}
    version = visit.text("version") or version_of(feed)
    await visit.change("inventory_feeds.update", {"id": feed.id}, body, version=version)
    await visit.ask("previews.delete", {"id": visit.id})
    if visit.text("run"):
        run = await visit.change("runs.fetch", {"id": feed.id}, {"force": True})
        return Done(to=f"/feeds/{feed.id}/runs/{run.id}", said="Saved. The file is fetched now.")
    return Done(to=f"/feeds/{feed.id}", said="The mapping is saved; the next run reads by it.")


async def create(visit: Visit) -> Done:
    """Make the feed of a draft."""
    preview = await visit.ask("previews.get", {"id": visit.id})
    _must_read(preview)
    secrets = await secrets_of(visit.services, visit.session.account_id, visit.id)
    address = visit.text("location") or secrets.get("resourceLocation")
    body: dict[str, Any] = {name: value for name, value in preview.settings.items() if name in _FORMAT}
    body |= {
        "name": visit.text("name"),
        "dropshipProviderId": await _provider(visit),
        "resourceLocation": address,
        "authenticationToken": secrets.get("authenticationToken"),
        "fetchFrequency": visit.text("schedule") or "daily",
        "fetchCron": visit.text("cron") or None,
        "fetchCleanup": "enabled" if visit.text("cleanup") else "disabled",
        "overLimit": visit.text("over_limit") or "defer",
    }
    if visit.text("guard"):
        body["fetchMissingGuard"] = visit.whole("guard", "Hold when rows fall by more than") / 100
    feed = await visit.change("inventory_feeds.create", body=body)
    await visit.ask("previews.delete", {"id": visit.id})
    if visit.text("run"):
        run = await visit.change("runs.fetch", {"id": feed.id})
        return Done(
            to=f"/feeds/{feed.id}/runs/{run.id}", said=f"{isolated(feed.name)} is saved. Its file is fetched now."
        )
    return Done(to=f"/feeds/{feed.id}", said=f"{isolated(feed.name)} is saved.")


async def _push(visit: Visit) -> Done:
    body = {"name": visit.text("name") or "Webhook", "dropshipProviderId": await _provider(visit)}
    feed = await visit.change("inventory_feeds.create", body={**body, "resourceType": "webhook"})
    return Done(to=f"/feeds/{feed.id}", said=f"{isolated(feed.name)} is there. Give the vendor the line below.")


async def _provider(visit: Visit) -> int:
    """Return the chosen provider's id, or a new one's."""
    chosen = visit.text("provider")
    if chosen.isdecimal():
        return int(chosen)
    name = visit.text("provider_name") or visit.text("name") or "New vendor"
    provider = await visit.change("dropship_providers.create", body={"name": name})
    found: int = provider.id
    return found


async def _providers(visit: Visit) -> list[Any]:
    found: list[Any] = await visit.ask("dropship_providers.list", query={"limit": 250})
    return found


def _upload(visit: Visit) -> bytes | None:
    given = visit.form.get("file")
    if isinstance(given, web.FileField) and given.filename:
        return bytes(given.file.read())
    return None


def _must_read(preview: Any) -> None:
    if preview.error:
        raise ProblemError(422, "pages.drafts.unreadable", f"the file cannot be read so: {preview.error}")
    if "externalId" not in preview.settings.get("mapping", {}) and preview.settings.get("mapping"):
        raise ProblemError(422, "pages.drafts.key", "map externalId first: nothing else tells items apart")


async def _answer(visit: Visit, preview: Any, *, whole: bool) -> Fragment | Done:
    if "HX-Request" not in visit.request.headers:
        return Done(to=f"/drafts/{visit.id}")
    context = await _context(visit, preview)
    return Fragment(template="draft", block="work" if whole else "result", context=context)


async def _context(visit: Visit, preview: Any) -> Context:
    mapping = preview.settings.get("mapping", {})
    parts = drafting.form_of(mapping)
    used = [part for part in parts.values() if part.used]
    show_, find = (visit.text(name) or visit.request.query.get(name, "") for name in ("show", "find"))
    shown = lines(preview.rows, used, show_, find)
    chosen = next((row for row in preview.rows if shown and row.row == shown[0].number), None)
    notation = preview.settings.get("decimalNotation", "decimal")
    feed = await visit.ask("inventory_feeds.get", {"id": preview.feed_id}) if preview.feed_id else None
    known = {part.path for part in preview.proposed}
    return {
        "preview": preview,
        "feed": feed,
        "version": version_of(feed) if feed else "",
        "parts": list(parts.values()),
        "first": set(drafting.FIRST),
        "used": used,
        "why": {one.setting: one.why for one in preview.detected},
        "found": {one.setting: one.value for one in preview.detected},
        "proposed": {one.attribute: one for one in preview.proposed},
        "unused": [name for name in preview.columns if name not in known and name not in {p.source for p in used}],
        "lines": shown,
        "shown": SHOWN,
        "steps": detail(chosen, used, mapping, notation) if chosen else [],
        "chosen": chosen,
        "show": show_,
        "find": find,
        "transforms": drafting.TRANSFORMS,
        "schedules": _SCHEDULES,
        "providers": [] if feed else await _providers(visit),
        "alike": await _alike(visit, preview, feed),
        "title": f"Mapping of {feed.name}" if feed else "New feed",
    }


NEW = Page(name="new_feed", path="/feeds/new", title="New feed", section="feeds", show=show_new, scope=Scope.WRITE)
_ONE = r"/drafts/{id:\d+}"

ENTRIES = (
    NEW,
    Action(path="/feeds/new", act=begin, limit_bytes=MAX_UPLOAD_BYTES + 2**16),
    Download(path=r"/feeds/{id:\d+}/mapping", get=begin_of_feed, scope=Scope.WRITE),
    Page(name="draft", path=_ONE, title="Mapping", section="feeds", show=show, scope=Scope.WRITE),
    Action(path=f"{_ONE}/try", act=attempt),
    Action(path=f"{_ONE}/mend", act=mend),
    Action(path=f"{_ONE}/like", act=read_like),
    Action(path=f"{_ONE}/fetch", act=fetch_again),
    Action(path=f"{_ONE}/save", act=save),
    Action(path=f"{_ONE}/create", act=create),
)

"""Buttons that are pressed twice: a form's work is done once, and its answer given again for a day.

Each form of a page has a key (`ui.key()`). All that its action does, the audit log too, is one transaction with the
note of its answer, so a crash leaves both or neither, and what was refused changed nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from ingest.api.framework.call import Scoped
from ingest.api.framework.retries import RETRIES
from ingest.http.idempotency import checked
from ingest.http.problems import ProblemError
from ingest.pages.page import Action, Again, Done, Made, Page, Shown
from ingest.pages.visit import Visit
from schemas import queries

ONCE = queries.load("once", beside=__file__)
_STATUS = 303


async def once(visit: Visit, action: Action) -> Any:
    """Return what the action answers, or what it answered when the same form came before: a secret is shown again."""
    result = await _once(visit, action)
    return await _shown(visit, result.page, result.made) if isinstance(result, Shown) else result


async def _once(visit: Visit, action: Action) -> Any:
    if not visit.text("key"):
        return await action.act(visit)
    key = checked(f"page:{visit.session.id}:{visit.text('key')}", "pages")
    async with Scoped(visit.services.pool, visit.session.account_id).transaction() as db:
        await db.one(ONCE.lock_key, key=key)
        known = await db.one(RETRIES.known_answer, key=key)
        if known is not None:
            return _again(visit, action.shows, known)
        visit.executor = db.connection
        try:
            result = await action.act(visit)
        finally:
            visit.executor = None
        if isinstance(result, Done | Shown):
            answer = visit.services.vault.encrypt(_kept(result))
            await db.one(RETRIES.keep_answer, key=key, request=_digest(visit), status=_STATUS, answer=answer)
            await db.one(RETRIES.forget_answers)
    for left in visit.later:
        await left()
    return result


async def _shown(visit: Visit, page: Page, made: Made) -> Again:
    return Again(page=page, context={**await page.show(visit), "made": made}, status=201)


def _kept(result: Done | Shown) -> dict[str, Any]:
    if isinstance(result, Done):
        return {"to": result.to, "said": result.said, "undo": result.undo, "fields": dict(result.undo_fields)}
    until = result.made.until
    return {"made": {**asdict(result.made), "until": until and until.isoformat()}}


def _again(visit: Visit, shows: Page | None, known: Any) -> Done | Shown:
    if known["request"] != _digest(visit):
        raise ProblemError(422, "pages.key.reused", "this form was sent before with other values: load the page again")
    kept = visit.services.vault.decrypt(known["answer"])
    if shows is not None and "made" in kept:
        until = kept["made"]["until"]
        return Shown(shows, Made(**{**kept["made"], "until": until and datetime.fromisoformat(until)}))
    return Done(to=kept["to"], said=kept["said"], undo=kept["undo"], undo_fields=kept["fields"])


def _digest(visit: Visit) -> bytes:
    fields = sorted((name, value) for name, value in visit.form.items() if isinstance(value, str) and name != "key")
    told = visit.request.path.encode() + b"\0" + orjson.dumps(fields)
    return hmac.digest(visit.services.settings.key, told, "sha256")  # a form may hold a password

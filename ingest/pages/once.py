"""Buttons that are pressed twice: a form's work is done once, and its answer given again for a day.

Each form of a page has a key (`ui.key()`). All that its action does, the audit log too, is one transaction with the
note of its answer, so a crash leaves both or neither, and what was refused changed nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from ingest.api.framework.call import Scoped
from ingest.api.framework.retries import RETRIES
from ingest.http.idempotency import checked
from ingest.http.problems import ProblemError
from ingest.pages.page import Done
from ingest.pages.visit import Visit
from schemas import queries

ONCE = queries.load("once", beside=__file__)
_STATUS = 303
Act = Callable[[Visit], Awaitable[Any]]


async def once(visit: Visit, act: Act) -> Any:
    """Return what `act` answers, or what it answered when the same form came before."""
    if not visit.text("key"):
        return await act(visit)
    key = checked(f"page:{visit.session.id}:{visit.text('key')}", "pages")
    async with Scoped(visit.services.pool, visit.session.account_id).transaction() as db:
        await db.one(ONCE.lock_key, key=key)
        known = await db.one(RETRIES.known_answer, key=key)
        if known is not None:
            return _again(visit, known)
        visit.executor = db.connection
        try:
            result = await act(visit)
        finally:
            visit.executor = None
        if isinstance(result, Done):
            kept = {"to": result.to, "said": result.said, "undo": result.undo, "fields": dict(result.undo_fields)}
            answer = visit.services.vault.encrypt(kept)
            await db.one(RETRIES.keep_answer, key=key, request=_digest(visit), status=_STATUS, answer=answer)
            await db.one(RETRIES.forget_answers)
    for left in visit.later:
        await left()
    return result


def _again(visit: Visit, known: Any) -> Done:
    if known["request"] != _digest(visit):
        raise ProblemError(422, "pages.key.reused", "this form was sent before with other values: load the page again")
    kept = visit.services.vault.decrypt(known["answer"])
    return Done(to=kept["to"], said=kept["said"], undo=kept["undo"], undo_fields=kept["fields"])


def _digest(visit: Visit) -> bytes:
    fields = sorted((name, value) for name, value in visit.form.items() if isinstance(value, str) and name != "key")
    told = visit.request.path.encode() + b"\0" + orjson.dumps(fields)
    return hmac.digest(visit.services.settings.key, told, "sha256")  # a form may hold a password

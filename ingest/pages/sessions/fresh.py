"""A fresh proof of who it is, before what a stolen session must not do: tokens, limits, users.

The session's own password or API token once more. A session by a one-time link has neither: it must be less than 15
minutes old.
"""

from __future__ import annotations

import hmac

from aiohttp import web

from ingest.api.framework.call import SERVICES
from ingest.http.problems import ProblemError
from ingest.pages.sessions.passwords import verified
from ingest.pages.sessions.store import Session
from ingest.pages.sessions.tries import Tries
from schemas import queries
from schemas.secrets import token_digest

FRESH = queries.load("fresh", beside=__file__)
FRESH_TRIES = web.AppKey("fresh_tries", Tries)


async def check_fresh(request: web.Request, session: Session, secret: str) -> None:
    """Raise 403 unless the secret is the session's own, 429 after ten wrong ones a minute."""
    tries, address = request.app[FRESH_TRIES], str(session.id)
    if wait_s := tries.wait_s(address):
        raise ProblemError(429, "pages.fresh.tries", f"too many wrong ones: try again in {wait_s:.0f} s")
    row = await FRESH.proof_of(request.app[SERVICES].pool, account_id=session.account_id, id=session.id)
    if row is not None and row["token_id"] is None and row["person_id"] is None:
        if row["is_new"]:
            return
        raise ProblemError(403, "pages.fresh.link", "this needs a new sign-in link: feedline login-link prints one")
    if row is not None and row["token_hash"] is not None:
        proven = hmac.compare_digest(bytes(row["token_hash"]), token_digest(secret))
    else:
        proven = await verified(row and row["password_hash"], secret) is not None
    if not proven:
        tries.count(address)
        raise ProblemError(403, "pages.fresh.wrong", "type your own password, or the API token you signed in with")

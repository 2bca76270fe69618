"""Sessions in Postgres: begun by a token, a link or a password; found by the cookie's digest; ended by anyone of the
account who may.

While Postgres is away a session that was seen a short while ago still reads: it gets the last snapshot of its pages.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from aiohttp import web

from ingest.api.framework.auth import Tokens
from ingest.api.framework.recent import Recent
from ingest.http.problems import ProblemError
from ingest.pages.sessions.passwords import password_hash, verified
from ingest.pages.sessions.roles import OF_SCOPE, Role
from schemas import queries
from schemas.secrets import token_digest

SESSIONS = queries.load("sessions", beside=__file__)
IDLE_S, LONGEST_S = 12 * 3600, 7 * 86_400
LINK_S = 300
_REMEMBERED = 1_000
_TRUSTED_S = 1_800.0
"""How long a session is believed that Postgres cannot be asked about; it can only read what it was shown before."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks, of which account, and may do what. `feeds` are all that it sees (None: all of the account)."""

    id: int
    account_id: int
    account_name: str
    time_zone: str
    role: Role
    who: str
    token_id: int | None
    created_at: datetime
    person_id: int | None = None
    sets_password: bool = False
    suspended: bool = False
    feeds: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from."""

    address: str
    agent: str


class Sessions:
    """The sessions of all accounts."""

    def __init__(self, pool: asyncpg.Pool, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._pool = pool
        self._tokens = tokens
        self._clock = clock
        self._seen: Recent[bytes, tuple[float, Session]] = Recent(_REMEMBERED)

    async def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie; None when there is none (any more). Raises `AWAY` when Postgres is."""
        digest = token_digest(cookie)
        row = await SESSIONS.session_of(self._pool, digest=digest, idle_s=IDLE_S, longest_s=LONGEST_S)
        if row is None:
            self._seen.pop(digest, None)
            return None
        await SESSIONS.seen(self._pool, id=row["id"])
        known = {name: row[name] for name in Session.__slots__ if name != "feeds"}
        session = Session(**{**known, "role": Role(row["role"])})
        self._seen[digest] = (self._clock(), session)
        return session

    def remembered(self, cookie: str) -> Session | None:
        """Return the session of a cookie as it was found last, while Postgres cannot be asked."""
        at, session = self._seen.get(token_digest(cookie), (float("-inf"), None))
        return session if self._clock() - at < _TRUSTED_S else None

    async def by_token(self, token: str, origin: Origin) -> str | None:
        """Begin a session by an API token; return its cookie, None when the token is not valid.

        Raises 403 for a token that is bound to feeds: pages are about the whole account.
        """
        self._tokens.forget()
        caller = await self._tokens.caller(token)
        if caller is None:
            return None
        if caller.feeds is not None:
            detail = "this token is bound to a provider or feed, and the pages are about the whole account"
            raise ProblemError(403, "pages.sign_in.bound", f"{detail}: make the vendor a link on the feed's page")
        values: dict[str, Any] = {"account_id": caller.account_id, "role": OF_SCOPE[caller.scope], "who": caller.name}
        return await self._begin(origin, token_id=caller.token_id, person_id=None, **values)

    async def by_password(self, name: str, password: str, origin: Origin) -> str | None:
        """Begin a session by a person's name and password; unknown people take as long as wrong passwords."""
        person = await SESSIONS.person_named(self._pool, name=name)
        kept = await verified(person and person["password_hash"], password)
        if person is None or kept is None:
            return None
        await SESSIONS.person_signed_in(self._pool, id=person["id"], password_hash=kept)
        values = {"account_id": person["account_id"], "role": person["role"], "who": person["name"]}
        return await self._begin(origin, token_id=None, person_id=person["id"], **values)

    async def by_link(self, secret: str, origin: Origin) -> tuple[str, str] | None:
        """Begin a session by a link's secret, which is used up by it; return its cookie and the page to go to."""
        row = await SESSIONS.link_use(self._pool, digest=token_digest(secret))
        if row is None:
            return None
        person = row["person_id"]
        who = "one-time link" if person is None else row["name"]
        values: dict[str, Any] = {"account_id": row["account_id"], "role": row["role"], "who": who}
        invited = person is not None
        cookie = await self._begin(origin, token_id=None, person_id=person, sets_password=invited, **values)
        return cookie, "/password" if invited else "/"

    async def set_password(self, session: Session, old: str, new: str) -> bool:
        """Set the password of a session's person; False when the old one, where it is asked for, is wrong.

        Raises ValueError for a new one that is too short or too long.
        """
        assert session.person_id is not None
        hashed = await asyncio.to_thread(password_hash, new)
        if not session.sets_password:
            stored = await SESSIONS.person_hash(self._pool, id=session.person_id)
            if await verified(stored, old) is None:
                return False
        await SESSIONS.password_set(self._pool, id=session.person_id, password_hash=hashed, session_id=session.id)
        return True

    async def finish(self, account_id: int, session_id: int) -> bool:
        """End one; False when the account has none with this id."""
        self.forget(session_id)
        return await SESSIONS.finish(self._pool, account_id=account_id, id=session_id) is not None

    def forget(self, session_id: int) -> None:
        """Trust an ended session no longer while Postgres is away."""
        for digest in [digest for digest, (_, session) in self._seen.items() if session.id == session_id]:
            del self._seen[digest]

    async def _begin(self, origin: Origin, *, sets_password: bool = False, **values: Any) -> str:
        cookie = secrets.token_urlsafe(32)
        await SESSIONS.prune(self._pool, longest_s=LONGEST_S)
        given = {"address": origin.address, "agent": origin.agent[:200], "digest": token_digest(cookie)}
        await SESSIONS.begin(self._pool, sets_password=sets_password, **given, **values)
        return cookie


SESSIONS_KEY = web.AppKey("sessions", Sessions)

"""Links that sign in once, within five minutes; whoever has a shell on the machine may make one."""

from __future__ import annotations

import secrets

import asyncpg

from ingest.pages.sessions.roles import Role
from ingest.pages.sessions.store import LINK_S, SESSIONS
from schemas.secrets import token_digest


async def new_link(connection: asyncpg.Connection, account_id: int, role: Role) -> str:
    """Return the path of a new link; raises `ForeignKeyViolationError` for an account that there is not."""
    secret = secrets.token_urlsafe(32)
    digest = token_digest(secret)
    await SESSIONS.link_create(connection, digest=digest, account_id=account_id, role=role, seconds=LINK_S)
    return f"/sign-in/{secret}"

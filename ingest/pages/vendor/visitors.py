"""The sessions of vendors: a link's secret is swapped for one; it ends with its link, its feed and its account."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ingest.pages.sessions.roles import Role
from ingest.pages.sessions.store import Session
from schemas import queries
from schemas.secrets import token_digest

VISITORS = queries.load("visitors", beside=__file__)
LONGEST_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks by which link, and at which feed."""

    id: int
    account_id: int
    feed_id: int
    expires_at: datetime
    feed_name: str
    resource_type: str
    bad_attributes: str
    account_name: str
    time_zone: str
    provider_name: str | None

    @property
    def pulled(self) -> bool:
        """Return whether the vendor's file is fetched (else it posts)."""
        return self.resource_type != "webhook"

    def session(self, role: Role = Role.VIEWER) -> Session:
        """Return what the API's operations are asked by: reading, of the one feed."""
        return Session(
            id=0,
            account_id=self.account_id,
            account_name=self.account_name,
            time_zone=self.time_zone,
            role=role,
            who=f"vendor link {self.id}",
            token_id=None,
            created_at=self.expires_at,
            feeds=frozenset((self.feed_id,)),
        )


async def enter(pool: asyncpg.Pool, link_id: int, secret: str) -> str | None:
    """Return the cookie that a link's secret is swapped for; None when the link does not work (any more)."""
    cookie = secrets.token_urlsafe(32)
    given = {"secret": token_digest(secret), "digest": token_digest(cookie), "seconds": LONGEST_S}
    return cookie if await VISITORS.enter(pool, link_id=link_id, **given) is not None else None


async def visitor(pool: asyncpg.Pool, link_id: int, cookie: str) -> Visitor | None:
    """Return who has a cookie; None when nobody has (any more)."""
    row = await VISITORS.visitor(pool, link_id=link_id, digest=token_digest(cookie))
    if row is None:
        return None
    await VISITORS.looked(pool, link_id=link_id)
    return Visitor(**dict(row))

"""Links for vendors: each shows one feed, as its vendor may see it, to whoever has it; for a while, until revoked."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import FEEDS
from schemas import queries
from schemas.attributes import Name
from schemas.secrets import token_digest

LINKS = queries.load("vendor_links", beside=__file__)
DAYS, MAX_DAYS, MAX_OPEN = 30, 90, 20


class LinkCreate(Body):
    """A new link."""

    note: Name = Field("vendor", description="whom it is given to")
    days: int = Field(DAYS, ge=1, le=MAX_DAYS, strict=True, description="works for so long")


class VendorLink(Resource):
    """A link, without its secret."""

    id: int
    note: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_opened_at: datetime | None = Field(description="to about a minute")


class NewVendorLink(VendorLink):
    """A new link: the one time that it is shown."""

    link: str = Field(description="the secret stands behind the `#`, which no browser sends and no log holds")


async def list_links(call: Call[Query, None]) -> Answer:
    """Return a feed's links, the newest first."""
    await _feed(call)
    return Answer([VendorLink.of(row) for row in await call.db.all(LINKS.link_list, feed_id=call.id)])


async def create_link(call: Call[Query, LinkCreate | None]) -> Answer:
    """Make one and show it."""
    body = call.body or LinkCreate.model_validate({})
    await _feed(call)
    if await call.db.one(LINKS.link_open, feed_id=call.id) >= MAX_OPEN:
        raise call.problem(409, "too_many", f"the feed has {MAX_OPEN} links that work: revoke one first")
    secret = secrets.token_urlsafe(32)
    given = {"feed_id": call.id, "note": body.note, "days": body.days}
    row = await call.db.one(LINKS.link_create, digest=token_digest(secret), **given)
    url = f"{call.origin}/s/{row['id']}#{secret}"
    return Answer(NewVendorLink.of({**row, "link": url}), headers={"Cache-Control": "no-store"})


async def revoke_link(call: Call[Query, None]) -> Answer:
    """Revoke one; who looks by it is out at once."""
    row = call.found(await call.db.one(LINKS.link_revoke, feed_id=call.id, id=call.path["link"]), "link of the feed")
    return Answer(VendorLink.of(row))


async def _feed(call: Call[Any, Any]) -> None:
    call.found(await call.db.one(FEEDS.feed_get, id=call.id), "inventory feed")


_PATH = "/api/inventory-feeds/{id}/vendor-links"
_COLLECTION = Collection("vendor_links", _PATH, VendorLink, "link of a feed's vendor", versioned=False)

OPERATIONS = (
    _COLLECTION.list(list_links, summary="List the links by which a feed's vendor sees it"),
    _COLLECTION.create(
        create_link,
        summary="Make a link for a feed's vendor",
        description="Whoever has it sees the feed's last runs or posts, its rejects and its items as stored, and may "
        "try a file; nothing of the account, of its variants or of other feeds. It is shown once, works for 30 days, "
        "and can be revoked.",
        body=LinkCreate,
        body_optional=True,
        example={"note": "Acme's integrator", "days": 30},
        response=NewVendorLink,
        problems={409: f"the feed has {MAX_OPEN} links that work"},
    ),
    Operation(
        name="vendor_links.revoke",
        method="DELETE",
        path=f"{_PATH}/{{link}}.json",
        summary="Revoke a link of a feed's vendor",
        scope=Scope.WRITE,
        response=VendorLink,
        handler=revoke_link,
    ),
)

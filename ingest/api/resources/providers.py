"""Dropship providers: the vendors of an account. A name is enough to make one."""

from __future__ import annotations

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Changes, Page, Query, Stored
from schemas import queries
from schemas.attributes import Name

PROVIDERS = queries.load("providers", beside=__file__)


class ProviderCreate(Body):
    """A new dropship provider."""

    name: Name


class ProviderUpdate(Changes):
    """Changes of a dropship provider; what is omitted stays."""

    name: Name = ""


class Provider(Stored):
    """A dropship provider: a vendor of the account."""

    name: Name


async def list_providers(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(PROVIDERS.provider_list, after=call.query.after, limit=call.query.rows)
    return call.page(rows, [Provider.of(row) for row in rows])


async def get_provider(call: Call[Query, None]) -> Answer:
    """Return one."""
    row = await call.db.one(PROVIDERS.provider_get, id=call.id)
    if row is None:
        raise call.not_found("dropship provider")
    return Answer(Provider.of(row))


async def create_provider(call: Call[Query, ProviderCreate]) -> Answer:
    """Make one."""
    return Answer(Provider.of(await call.db.one(PROVIDERS.provider_create, name=call.body.name)))


async def update_provider(call: Call[Query, ProviderUpdate]) -> Answer:
    """Change one."""
    async with call.db.transaction() as db:
        row = await db.one(PROVIDERS.provider_lock, id=call.id)
        if row is None:
            raise call.not_found("dropship provider")
        call.check_match(row["updated_at"])
        sent = call.body.sent()
        if sent:
            row = await db.one(PROVIDERS.provider_update, id=call.id, **sent)
    return Answer(Provider.of(row))


async def delete_provider(call: Call[Query, None]) -> Answer:
    """Delete one that has no feeds."""
    async with call.db.transaction() as db:
        row = await db.one(PROVIDERS.provider_lock, id=call.id)
        if row is None:
            raise call.not_found("dropship provider")
        call.check_match(row["updated_at"])
        feeds = await db.one(PROVIDERS.provider_feeds, id=call.id)
        if feeds:
            raise call.problem(409, "has_feeds", f"delete its {feeds} inventory feeds first")
        await db.one(PROVIDERS.provider_delete, id=call.id)
    return Answer()


_COLLECTION = Collection("dropship_providers", "/api/dropship-providers", Provider, "dropship provider")

OPERATIONS = (
    _COLLECTION.list(list_providers, query=Page),
    _COLLECTION.create(create_provider, description="A name is enough.", body=ProviderCreate, example={"name": "Acme"}),
    _COLLECTION.get(get_provider),
    _COLLECTION.update(update_provider, body=ProviderUpdate, example={"name": "Acme Ltd"}),
    _COLLECTION.delete(
        delete_provider,
        description="Refused while it has inventory feeds: delete those first.",
        problems={409: "the provider has inventory feeds"},
    ),
)

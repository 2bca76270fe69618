"""Dropship providers: the vendors of an account. A name is enough to make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import create_model

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Changes, Page, Query, Stored, nullable
from ingest.feeds.onport_provider import OnportProvider
from schemas import queries
from schemas.attributes import Name

PROVIDERS = queries.load("providers", beside=__file__)


_KEPT: dict[str, Any] = nullable(OnportProvider)
ProviderCreate = create_model(
    "ProviderCreate", __base__=Body, __doc__="A new dropship provider.", name=(Name, ...), **_KEPT
)
ProviderUpdate = create_model(
    "ProviderUpdate",
    __base__=Changes,
    __doc__="Changes of a dropship provider; what is omitted stays, null stands for the default.",
    name=(Name, ""),
    **_KEPT,
)


class _Head(Stored):
    name: Name


class Provider(OnportProvider, _Head):
    """A dropship provider: a vendor of the account."""

    @classmethod
    def of_row(cls, row: Any) -> Self:
        """Return the resource of a row of `dropship_providers`."""
        return cls.of({**OnportProvider.model_validate(row["settings"]).model_dump(), **row})


def _settings(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept beside the name, changed by what was sent; what is null is not kept: its default stands."""
    names = {name: field.alias for name, field in OnportProvider.model_fields.items()}
    merged = {**stored, **{str(names[name]): value for name, value in sent.items() if name in names}}
    return {name: value for name, value in merged.items() if value is not None}


async def list_providers(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(PROVIDERS.provider_list, after=call.query.after, limit=call.query.rows)
    return call.page(rows, [Provider.of_row(row) for row in rows])


async def get_provider(call: Call[Query, None]) -> Answer:
    """Return one."""
    row = call.found(await call.db.one(PROVIDERS.provider_get, id=call.id), "dropship provider")
    return Answer(Provider.of_row(row))


async def create_provider(call: Call[Query, Any]) -> Answer:
    """Make one."""
    settings = _settings({}, call.body.sent())
    return Answer(Provider.of_row(await call.db.one(PROVIDERS.provider_create, name=call.body.name, settings=settings)))


async def update_provider(call: Call[Query, Any]) -> Answer:
    """Change one."""
    async with call.db.transaction() as db:
        row = call.unchanged(await db.one(PROVIDERS.provider_lock, id=call.id), "dropship provider")
        sent = call.body.sent()
        if sent:
            changed = {"name": sent.get("name", row["name"]), "settings": _settings(row["settings"], sent)}
            row = await db.one(PROVIDERS.provider_update, id=call.id, **changed)
    return Answer(Provider.of_row(row))


async def delete_provider(call: Call[Query, None]) -> Answer:
    """Delete one that has no feeds."""
    async with call.db.transaction() as db:
        call.unchanged(await db.one(PROVIDERS.provider_lock, id=call.id), "dropship provider")
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

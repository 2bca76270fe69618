"""A demo feed of each pulled kind, over HTTP and FTP, from the demo vendor of the local stack.

They are fetched when asked to (`POST /api/inventory-feeds/:id/fetch.json`), so that the demo account's daily limit is
the newcomer's to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql
import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from deploy.demo.vendor import HOST, PASSWORD, USER
from ingest.feeds import locations
from schemas.errors import Permanent
from schemas.secrets import Vault, new_webhook_hash

_CSV: dict[str, Any] = {
    "decimalNotation": "comma",
    "mapping": {
        "externalId": "Artikel",
        "name": "Bezeichnung",
        "inventoryQuantity": "Bestand",
        "costPrice": "Einkaufspreis",
    },
}
_XML: dict[str, Any] = {
    "itemPath": "/rss/channel/item",
    "namespaces": {"g": "http://base.google.com/ns/1.0"},
    "mapping": {
        "externalId": "g:id",
        "name": "g:title",
        "inventoryQuantity": "g:quantity",
        "retailPrice": "g:price",
    },
}


@dataclass(frozen=True, slots=True)
class _Feed:
    name: str
    resource_type: str
    scheme: str
    file: str
    settings: dict[str, Any]


_FEEDS = (
    _Feed("Demo CSV feed over FTP", "ftpCsv", "ftp", "stock.csv", _CSV),
    _Feed("Demo CSV feed over HTTP", "ftpCsv", "http", "stock.csv", _CSV),
    _Feed("Demo XML feed", "xml", "http", "merchant.xml", _XML),
    _Feed("Demo JSON feed", "api", "http", "inventory.json", {}),
)


def seed(dsn: str, account_id: int, ports: dict[str, int], key: bytes) -> list[tuple[int, str]]:
    """Make the feeds that are missing; return (id, name) of all. `ports` are the vendor's, by scheme (http, ftp)."""
    queries = aiosql.from_path(Path(__file__).with_name("demo.sql"), "psycopg")
    vault = Vault(key)
    found = []
    with psycopg.connect(dsn, row_factory=namedtuple_row) as connection:
        provider = queries.provider(connection, account_id=account_id)
        for feed in _FEEDS:
            address = f"{feed.scheme}://{USER}:{PASSWORD}@{HOST}:{ports[feed.scheme]}/{feed.file}"
            secrets = vault.encrypt({"resourceLocation": address})
            shown = locations.masked(address)
            row = queries.pulled_feed(connection, account_id=account_id, name=feed.name)
            if row is None:
                settings = {"fetchFrequency": "never", "resourceLocation": shown, **feed.settings}
                id_ = queries.add_pulled_feed(
                    connection,
                    account_id=account_id,
                    provider_id=provider,
                    name=feed.name,
                    resource_type=feed.resource_type,
                    hash=new_webhook_hash(),
                    settings=Jsonb(settings),
                    secrets=secrets,
                )
            else:
                id_ = row.id
                if _address(vault, row.secrets) != address:
                    queries.move_pulled_feed(connection, id=row.id, address=shown, secrets=secrets)
            found.append((id_, feed.name))
    return found


def _address(vault: Vault, secrets: bytes | None) -> str | None:
    try:
        address: str | None = vault.decrypt(secrets).get("resourceLocation")
    except Permanent:  # SECRET_KEY was changed
        return None
    return address

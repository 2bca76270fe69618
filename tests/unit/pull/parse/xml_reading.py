"""A feed of XML products, and what is read of a file of it."""

import io

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

MAPPING = {"externalId": "sku", "inventoryQuantity": "qty", "name": "name"}


def read(data, **more):
    """Return the items, the rejects and the report of a document, or of what it is read from."""
    feed = {"resourceType": "xml", "itemPath": "/products/product", "mapping": MAPPING} | more
    parsing = parse(io.BytesIO(data) if isinstance(data, bytes) else data, FormatSettings.model_validate(feed))
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def product(sku, name="x", quantity="5"):
    return f"<product><sku>{sku}</sku><name>{name}</name><qty>{quantity}</qty></product>"


def file_of(*products, prolog=""):
    return f"{prolog}<products>{''.join(products)}</products>".encode()

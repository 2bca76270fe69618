"""A file read to its end, with no process and no server."""

import io

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

MAPPING = {"externalId": "sku", "inventoryQuantity": "qty", "retailPrice": "price", "name": "name"}


def run(data, resource_type="ftpCsv", mapping=MAPPING, **more):
    """Return items, rejects and the report."""
    if resource_type == "xml":
        more.setdefault("itemPath", "/r/p")
    form = FormatSettings.model_validate({"resourceType": resource_type, "mapping": mapping, **more})
    parsing = parse(io.BytesIO(data.encode()), form)
    chunks = list(parsing)
    return (
        [item for chunk in chunks for item in chunk.items],
        [reject for chunk in chunks for reject in chunk.rejects],
        parsing.report,
    )

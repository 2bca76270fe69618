"""Files as vendors serve them."""

from typing import Any


def csv_of(quantities: dict[str, Any]) -> str:
    """Return a CSV file of external ids and quantities."""
    return "externalId,inventoryQuantity\n" + "".join(f"{key},{value}\n" for key, value in quantities.items())

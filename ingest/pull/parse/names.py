"""Names of columns and elements as vendors write them: `vendorSku`, `vendor_sku` and "Vendor SKU" are one."""

from __future__ import annotations

import re

from schemas.items import ATTRIBUTES

_SIGNS = re.compile(r"[\W_]+")


def loose(name: str) -> str:
    """Return a name without case, spaces and signs."""
    return _SIGNS.sub("", name).lower()


LOOSE_ATTRIBUTES = {loose(name): name for name in ATTRIBUTES}

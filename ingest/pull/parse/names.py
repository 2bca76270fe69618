"""Names of columns and elements as vendors write them: `vendorSku`, `vendor_sku` and "Vendor SKU" are one."""

from __future__ import annotations

import re
import unicodedata

from schemas.items import ATTRIBUTES

_SIGNS = re.compile(r"[\W_]+")


def loose(name: str) -> str:
    """Return a name without case, spaces and signs, its accents composed."""
    return _SIGNS.sub("", unicodedata.normalize("NFC", name)).lower()


LOOSE_ATTRIBUTES = {loose(name): name for name in ATTRIBUTES}

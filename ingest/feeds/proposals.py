"""A mapping proposed for a file: which column is which attribute, by its name and by its values, with confidence. Pure.

Names are compared without case, accents and punctuation, in the languages that suppliers' files come in. Values confirm
a name or contradict it: a column named "ean" whose values have a right check digit is surer than the name alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SYNONYMS: dict[str, str] = {
    "externalId": "external id|externalid|sku|id|item id|item number|article|artikel|artikelnummer|artikelnr|"
    "article number|product id|code|item code|product code|reference|referencia|reference produit|ref|"
    "codigo|codice|part number|art nr|numero articolo|artikelcode|bestellnummer|variant sku|g id|offer id|"
    "kod|vare nr|varenummer",
    "vendorSku": "vendor sku|sku|supplier sku|variant sku|artikelnummer|item number|article number|model|vendor code",
    "inventoryQuantity": "inventory quantity|quantity|qty|stock|stock quantity|inventory|available|availability|"
    "on hand|bestand|lagerbestand|menge|verfugbar|cantidad|existencias|disponible|quantite|stock disponible|quantita|"
    "giacenza|voorraad|aantal|lager|antal|variant inventory qty|g quantity|stan|ilosc|saldo|"
    "inventory level|units",
    "costPrice": "cost price|cost|wholesale price|purchase price|net price|einkaufspreis|ek|ek preis|dealer price|"
    "trade price|precio coste|prix achat|prix d achat|inkoopprijs|prezzo acquisto|cost per item|"
    "haendlerpreis|handlerpreis|your price",
    "retailPrice": "retail price|price|rrp|msrp|sale price|selling price|verkaufspreis|vk|preis|precio|prix|prezzo|"
    "prijs|uvp|variant price|g price|list price|cena|pris|price incl vat|regular price",
    "compareAtPrice": "compare at price|compare price|was price|old price|original price|variant compare at price|"
    "streichpreis|g sale price|uvp",
    "barcode": "barcode|ean|gtin|upc|ean13|ean code|isbn|variant barcode|g gtin|strichcode|codigo de barras|"
    "code barre|ean gtin",
    "name": "name|title|product name|item name|bezeichnung|artikelbezeichnung|nombre|nom|titel|titre|titolo|"
    "omschrijving|naam|g title|description short|short description|nome|nazwa|model name|produktname",
    "description": "description|long description|body|body html|beschreibung|descripcion|descrizione|g description|"
    "details|text",
    "vendorName": "vendor|brand|manufacturer|marke|hersteller|marca|marque|merk|g brand|maker|vendor name|supplier",
    "productType": "product type|category|type|kategorie|categoria|categorie|g product type|group|"
    "warengruppe|department",
    "mpn": "mpn|manufacturer part number|herstellernummer|g mpn|manufacturer sku|oem",
    "handle": "handle|slug|url key",
    "externalGroupId": "external group id|parent sku|parent id|group id|item group id|g item group id|style|parent",
    "externalUrl": "url|link|product url|g link|deeplink|product link|permalink|external url",
    "images": "images|image|image url|picture|g image link|image src|bild|imagen|photo|image link|bild url|pictures",
    "tags": "tags|keywords|labels|schlagworte",
    "grams": "grams|weight grams|variant grams|gewicht gramm",
    "countryOfOrigin": "country of origin|origin|ursprungsland|country|herkunftsland",
    "hsCode": "hs code|hs|tariff|tariff number|zolltarifnummer|commodity code|taric",
}
_SURE, _SYNONYM, _PART, _VALUES = 0.97, 0.9, 0.62, 0.45
_LEAST = 0.5
_WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_MONEY = re.compile(r"\d{1,3}(?:[.,' ]\d{3})*[.,]\d{1,4}|\d+", re.ASCII)
_DIGITS = re.compile(r"\d{8}|\d{12,14}", re.ASCII)
_URL = re.compile(r"https?://\S+", re.ASCII)
_QUANTITY_WORD = re.compile(
    r"(?i)(?:[<>]=?)?\s{0,3}\d{1,9}\s{0,3}\+?|in stock|out of stock|sold out|auf lager|ja|nein|yes|no"
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One attribute: where it may come from, how sure that is (0 to 1), and why."""

    attribute: str
    path: str
    confidence: float
    why: str
    transforms: tuple[str, ...] = ()

    def expression(self) -> dict[str, Any] | str:
        """Return what the mapping holds."""
        return {"path": self.path, "transforms": list(self.transforms)} if self.transforms else self.path


def propose(columns: Mapping[str, Sequence[Any]]) -> list[Proposal]:
    """Return a proposal for each attribute that a column may be: `columns` are sample values by column or path.

    Each column serves one attribute, but that the key of the vendor is the vendor's SKU as well.
    """
    ranked = sorted(
        (found for name, samples in columns.items() for found in _candidates(name, list(map(str, samples)))),
        key=lambda found: -found.confidence,
    )
    taken: dict[str, Proposal] = {}
    used: dict[str, str] = {}
    for found in ranked:
        key = found.attribute in ("externalId", "vendorSku")
        free = found.path not in used or (key and used[found.path] in ("externalId", "vendorSku"))
        if found.attribute not in taken and free and found.confidence >= _LEAST:
            taken[found.attribute] = found
            used.setdefault(found.path, found.attribute)
    return [taken[attribute] for attribute in _SYNONYMS if attribute in taken]


def _candidates(name: str, samples: list[str]) -> list[Proposal]:
    plain = _plain(_last(name))
    found = []
    for attribute, synonyms in _SYNONYMS.items():
        by_name, why = _by_name(plain, attribute, synonyms.split("|"))
        factor, values = _by_values(attribute, samples)
        if by_name:
            sure = round(min(by_name * factor, 0.99), 2)
            reasons = [why, values] if values else [why]
            found.append(Proposal(attribute, name, sure, "; ".join(reasons), _transforms(attribute, samples)))
        elif attribute == "barcode" and values and factor > 1:
            found.append(Proposal(attribute, name, round(_VALUES * 1.5, 2), values))
    return found


def _by_name(plain: str, attribute: str, synonyms: list[str]) -> tuple[float, str]:
    if plain == _plain(attribute):
        return _SURE, "has the attribute's own name"
    if plain in synonyms:
        # The earlier a synonym stands, the more it is that attribute's own: "sku" is a key before it is a vendor's SKU.
        return _SYNONYM - min(0.004 * synonyms.index(plain), 0.06), f"is called {plain}"
    words = set(plain.split())
    part = next((known for known in synonyms if len(known) > 2 and set(known.split()) <= words), None)  # noqa: PLR2004
    return (_PART, f"its name holds {part}") if part else (0.0, "")


def _by_values(attribute: str, samples: list[str]) -> tuple[float, str]:
    """Return a factor for the confidence and its reason, from the values."""
    filled = [sample.strip() for sample in samples if sample.strip()]
    check = _CHECKS.get(attribute)
    if check is None or not filled:
        return 1.0, ""
    fits, reason, contradiction = check
    share = sum(fits(value) for value in filled) / len(filled)
    if share == 1:
        return 1.06, reason
    return (1.0, "") if share >= 0.5 else (0.62, contradiction)  # noqa: PLR2004 - most of them


def _transforms(attribute: str, samples: list[str]) -> tuple[str, ...]:
    words = any(not _WHOLE.fullmatch(value.strip()) for value in samples if value.strip())
    if attribute == "inventoryQuantity" and words and all(_QUANTITY_WORD.fullmatch(v.strip()) for v in samples):
        return ("textToQuantity",)
    if attribute in ("tags", "images") and any("," in value for value in samples):
        return ("split",)
    return ()


def _check_digit(value: str) -> bool:
    if not _DIGITS.fullmatch(value):
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(value)))
    return total % 10 == 0


Check = tuple[Callable[[str], bool], str, str]
_AMOUNTS: Check = (lambda value: bool(_MONEY.fullmatch(value)), "its values are amounts", "its values are no amounts")
_ADDRESSES: Check = (lambda value: bool(_URL.match(value)), "its values are addresses", "its values are no addresses")
_CHECKS: dict[str, Check] = {
    "barcode": (_check_digit, "its values have right check digits", "its values are no barcodes"),
    "inventoryQuantity": (
        lambda value: bool(_WHOLE.fullmatch(value) or _QUANTITY_WORD.fullmatch(value)),
        "its values are whole numbers",
        "its values are no quantities",
    ),
    "costPrice": _AMOUNTS,
    "retailPrice": _AMOUNTS,
    "compareAtPrice": _AMOUNTS,
    "externalUrl": _ADDRESSES,
    "images": _ADDRESSES,
    "name": (lambda value: not _MONEY.fullmatch(value), "", "its values are numbers"),
}


def _last(name: str) -> str:
    """Return the last step of a path: `variants[0].sku` → sku, `g:id` → g id."""
    return re.split(r"[./\]]", name.rstrip("]'"))[-1].replace("@", "")


def _plain(name: str) -> str:
    """Return a name in lower case without accents and punctuation, its words apart."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    bare = "".join(c for c in unicodedata.normalize("NFKD", apart.replace("ß", "ss")) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", bare.lower()))

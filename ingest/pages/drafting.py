"""The mapping editor's form and a draft's settings, one made of the other. Pure.

A form holds, for each attribute, `source-A` (a column or path, "=" for a constant), `constant-A`, `default-A`,
`empty-A`, and its transforms in order: `step-A` once for each, with the text that it takes in `text-A`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.items import ATTRIBUTES

CONSTANT = "="
FIRST = ("externalId", "inventoryQuantity", "vendorSku", "barcode", "name", "costPrice", "retailPrice")
"""What nearly every feed has; the others stand below."""
TRANSFORMS = {
    "trim": ("trim spaces", ""),
    "lower": ("lower case", ""),
    "upper": ("upper case", ""),
    "number": ("as a number", ""),
    "textToQuantity": ("words to quantity", "in stock=10; sold out=0"),
    "prefix": ("put before", "text"),
    "suffix": ("put after", "text"),
    "match": ("take what matches", "pattern (RE2)"),
    "split": ("split into a list", "separator"),
}
"""Name → (what people call it, what its text is; "" for none)."""
SETTINGS = ("resourceType", "delimiter", "csvHasHeader", "decimalNotation", "encoding", "itemPath")


@dataclass(frozen=True, slots=True)
class Step:
    """One transform of an attribute, as a chip."""

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One attribute's part of the form."""

    attribute: str
    source: str = ""
    constant: str = ""
    default: str = ""
    empty: str = "keep"
    steps: list[Step] = field(default_factory=list)
    more_sources: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        """Return whether the attribute is mapped."""
        return bool(self.source)


def form_of(mapping: Mapping[str, Any]) -> dict[str, Mapped]:
    """Return the form's parts of a mapping as the API gives it."""
    return {attribute: _part(attribute, mapping.get(attribute)) for attribute in ordered()}


def ordered() -> list[str]:
    """Return all attributes, those that nearly every feed has first."""
    return [*FIRST, *(attribute for attribute in ATTRIBUTES if attribute not in FIRST)]


def mapping_of(form: Any) -> dict[str, Any]:
    """Return the mapping of a posted form (a multidict)."""
    mapping = {}
    for attribute in ordered():
        source = str(form.get(f"source-{attribute}", ""))
        if not source:
            continue
        if source == CONSTANT:
            mapping[attribute] = {"constant": form.get(f"constant-{attribute}", "")}
            continue
        names, texts = (form.getall(f"{name}-{attribute}", []) for name in ("step", "text"))
        steps = [Step(str(name), str(text)) for name, text in zip(names, texts, strict=False) if name in TRANSFORMS]
        mapping[attribute] = _expression(source, form, attribute, steps)
    return mapping


def settings_of(form: Any) -> dict[str, Any]:
    """Return the settings beside the mapping that a posted form holds; None where it leaves one to detection."""
    found: dict[str, Any] = {}
    for name in SETTINGS:
        if f"set-{name}" in form:
            text = str(form[f"set-{name}"]).strip()
            found[name] = text or None
    if "set-csvHasHeader" in form:
        found["csvHasHeader"] = None if form["set-csvHasHeader"] == "1" else False
    return found


def changed(mapping: Mapping[str, Any], do: str, steps: Sequence[Any] = ()) -> dict[str, Any]:
    """Return a mapping after a button was pressed: `add:A:transform`, `drop:A:0`, `up:A:1`."""
    verb, _, rest = do.partition(":")
    attribute, _, what = rest.partition(":")
    parts = form_of(mapping)
    if attribute not in parts or not parts[attribute].used:
        return dict(mapping)
    part = parts[attribute]
    chips = list(part.steps)
    if verb == "add" and what in TRANSFORMS:
        chips.append(Step(what))
    elif verb in ("drop", "up") and what.isdecimal() and int(what) < len(chips):
        chip = chips.pop(int(what))
        if verb == "up":
            chips.insert(max(int(what) - 1, 0), chip)
    expression = mapping[attribute]
    whole = dict(expression) if isinstance(expression, dict) else {"path": expression}
    return {**mapping, attribute: {**whole, "transforms": [*map(transform_of, chips), *steps]}}


def with_transform(mapping: Mapping[str, Any], attribute: str, transform: Any) -> dict[str, Any]:
    """Return a mapping with one more transform of an attribute, before those that are there."""
    expression = mapping.get(attribute)
    if expression is None:
        return dict(mapping)
    whole = dict(expression) if isinstance(expression, dict) else {"path": expression}
    return {**mapping, attribute: {**whole, "transforms": [transform, *whole.get("transforms", [])]}}


def transform_of(step: Step) -> Any:
    """Return a chip as the mapping holds it."""
    match step.name:
        case "prefix" | "suffix":
            return {"name": step.name, "text": step.text}
        case "match":
            return {"name": "match", "pattern": step.text or "(.*)"}
        case "split":
            return {"name": "split", "separator": step.text or ","}
        case "textToQuantity":
            return {"name": "textToQuantity", "words": _words(step.text)}
        case "number":
            return {"name": "number"}
    return step.name


def _expression(source: str, form: Any, attribute: str, steps: list[Step]) -> Any:
    expression: dict[str, Any] = {"path": source}
    if steps:
        expression["transforms"] = [transform_of(step) for step in steps]
    default = str(form.get(f"default-{attribute}", "")).strip()
    if default:
        expression["default"] = default
    if form.get(f"empty-{attribute}") == "clear":
        expression["whenEmpty"] = "clear"
    return expression


def _part(attribute: str, expression: Any) -> Mapped:
    if expression is None:
        return Mapped(attribute)
    if not isinstance(expression, dict):
        expression = {"path": expression}
    if "constant" in expression:
        return Mapped(attribute, CONSTANT, _text(expression["constant"]))
    paths = expression["path"] if isinstance(expression["path"], list) else [expression["path"]]
    return Mapped(
        attribute,
        source=str(paths[0]),
        default=_text(expression.get("default")),
        empty=expression.get("whenEmpty", "keep"),
        steps=[_step(transform) for transform in expression.get("transforms", [])],
        more_sources=tuple(map(str, paths[1:])),
    )


def _step(transform: Any) -> Step:
    if isinstance(transform, str):
        return Step(transform)
    name = transform["name"]
    if name == "textToQuantity":
        return Step(name, "; ".join(f"{word}={count}" for word, count in transform.get("words", {}).items()))
    return Step(name, str(transform.get("text") or transform.get("pattern") or transform.get("separator") or ""))


def _words(text: str) -> dict[str, int]:
    """Return the meanings of "in stock=10; sold out=0"; what is no number is left out."""
    words = {}
    for pair in text.split(";"):
        word, _, count = pair.rpartition("=")
        if word.strip() and count.strip().removeprefix("-").isdecimal():
            words[word.strip()] = int(count)
    return words


def _text(value: Any) -> str:
    return "" if value is None else str(value)

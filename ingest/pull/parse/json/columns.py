"""What an attribute's JSON path finds in an item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from ingest.feeds.jsonpaths import STAR, JsonPath, json_path
from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.mapping.doubts import Doubts
from ingest.pull.mapping.mapper import Mapper, paths_of
from ingest.pull.parse.json.decode import Alike
from ingest.pull.parse.json.reader import Asked, JsonReader
from ingest.pull.parse.json.values import follow
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_FIELDS_NOTED, MISSING, Block, Report
from schemas.items import ATTRIBUTES

_NOTED_ITEMS, _NOTED_DEPTH = 50, 3


def open_json(
    source: Source, settings: FormatSettings, report: Report, charset: str | None, doubts: Doubts
) -> tuple[JsonReader, Mapper]:
    """Return the reader of a document and the mapper of its items."""
    mapping = settings.mapping or {name: Expression(path=name) for name in ATTRIBUTES}
    steps = json_path(settings.item_path or "$").steps
    nested = STAR in steps and steps.index(STAR) < len(steps) - 1
    paths = [json_path(str(path)) for path in paths_of(mapping)]
    mapper = Mapper(settings, mapping, _extractor(paths, report, nested=nested), doubts)
    keys = (json_path(str(path)) for path in mapping["externalId"].paths)
    key_names = tuple(str(key.steps[0]) for key in keys if key.up == 0 and len(key.steps) == 1)
    flat = len(_plain(paths)) == len(paths)
    reader = JsonReader(source, settings, report, charset, Asked(key_names, flat=flat))

    def key_of(record: Any) -> str | None:
        mapped = mapper.map_block(Block([1], [record], suspect=True))
        return mapped.keys[0] if mapped.keys else mapped.rejects[0].external_id

    reader.tell_keys(key_of)
    return reader, mapper


def _extractor(paths: list[JsonPath], report: Report, *, nested: bool) -> Callable[[Sequence[Any]], Sequence[Any]]:
    plain = _plain(paths)
    wanted = frozenset(str(path.steps[0]) for path in plain)

    def extract(records: Any) -> Sequence[Any]:
        if isinstance(records, Alike):
            if report.columns:
                found = records.columns(wanted)
                return [found.get(str(path.steps[0])) for path in paths]
            return extract(list(records))
        if not nested and records[0].__class__ is tuple:
            return extract([record[0] for record in records])
        items = [record[0] for record in records] if nested else records
        if not report.columns:
            report.columns = list(islice(dict.fromkeys(_names(items[:_NOTED_ITEMS])), MAX_FIELDS_NOTED))
            used = {path.steps[0] for path in paths if path.steps and path.up == 0}
            keys = dict.fromkeys(key for item in items[:_NOTED_ITEMS] for key in item)
            report.ignored = [key for key in keys if key not in used]
            del report.ignored[MAX_FIELDS_NOTED:]
        found = _columns(items, wanted)
        return [
            found.get(str(path.steps[0]))
            if path in plain
            else [_find(record if nested else (record,), path) for record in records]
            for path in paths
        ]

    return extract


def _plain(paths: list[JsonPath]) -> set[JsonPath]:
    """Return the paths that lead to members of the items."""
    return {path for path in paths if path.up == 0 and len(path.steps) == 1 and isinstance(path.steps[0], str)}


def _columns(items: Sequence[dict[str, Any]], wanted: frozenset[str]) -> dict[str, Sequence[Any]]:
    """Return the columns of those of these names that any item has."""
    names = list(items[0])
    if 1 < len(names) <= len(wanted) * 2 and set(map(len, items)) == {len(names)}:
        try:
            return dict(zip(names, zip(*map(itemgetter(*names), items), strict=True), strict=True))
        except KeyError:  # not all items have the same names
            pass
    present = set().union(*items)
    return {name: [item.get(name, MISSING) for item in items] for name in wanted if name in present}


def _find(record: tuple[Any, ...], path: JsonPath) -> Any:
    return follow(record[path.up], path.steps) if path.up < len(record) else MISSING


def _names(items: Iterable[dict[str, Any]], before: str = "", depth: int = 1) -> Iterable[str]:
    for item in items:
        for key, value in item.items():
            name = f"{before}{key}" if key.isidentifier() else f"{before}['{key}']"
            if value.__class__ is dict and depth < _NOTED_DEPTH:
                yield from _names([value], f"{name}.", depth + 1)
            else:
                yield name

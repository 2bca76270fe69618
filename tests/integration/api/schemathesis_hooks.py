"""What Schemathesis is told of our document before it reads it, and which of its cases are sent."""

import gc
import re
from collections import Counter
from zlib import crc32

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData

NO_NUL = r"^[^\x00]*$"
ALSO_NO_NUL = r"^(?![\s\S]*\x00)"
LONG = 2_048
ALIKE = (
    r"/api/dropship-providers(/\{id\})?\.json",
    r"/api/inventory-feeds(/\{id\})?\.json",
    r"/api/(sandbox/parse-webhooks|inventory-feeds/\{id\}/parse-webhook)\.json",
    r"/api/inventory-feed-variants(/\{id\})?\.json",
)
"""Operations of which a `PUT` takes the same dozens of attributes as another: a feed made and changed, items posted."""
TO_BOTH = ("Missing required property", "null value")
_sent, _count = set(), Counter()
gc.set_threshold(50_000, 20, 20)  # it keeps every case to its end: to look for cycles among them was a twentieth of it


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Say "no U+0000" of long texts in words that have no length.

    Schemathesis writes a text's greatest length into its pattern: `^[^\\x00]{0,65535}$` takes a second to compile, in
    each of the many schemas that hold it.
    """
    _reworded(raw_schema)


def _reworded(node):
    if isinstance(node, dict):
        if node.get("pattern") == NO_NUL and node.get("maxLength", 0) > LONG:
            node["pattern"] = ALSO_NO_NUL
        for value in node.values():
            _reworded(value)
    elif isinstance(node, list):
        for value in node:
            _reworded(value)


@schemathesis.hook
def filter_case(context, case):
    """Send each value of an attribute to one of two operations that are alike, half of them to either.

    So the coverage phase does; the others make up what they send. Each kind of case goes to both. What a path says to a
    method that it does not know is asked once, and not for each operation that the path has.
    """
    phase, operation = case.meta and case.meta.phase.data, case.operation
    if not isinstance(phase, CoveragePhaseData):
        return True
    what = phase.description
    if what.startswith("Unspecified HTTP method"):
        return _first(operation.path, what)
    of_body = phase.parameter_location is ParameterLocation.BODY
    if not of_body or not any(re.fullmatch(paths, operation.path) for paths in ALIKE):
        return True
    _count[operation.label, what] += 1
    half = crc32(f"{what} {_count[operation.label, what]}".encode()) % 2
    return (
        _first(operation.label, phase.scenario, case.meta.generation.mode)
        or any(words in what for words in TO_BOTH)
        or half == (operation.method == "put")
    )


def _first(*what):
    new = what not in _sent
    _sent.add(what)
    return new

"""What Schemathesis is told of our document before it reads it, and which of its cases are sent."""

import gc
from collections import Counter

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import CoveragePhaseData

NO_NUL = r"^[^\x00]*$"
ALSO_NO_NUL = r"^(?![\s\S]*\x00)"
LONG = 2_048
TO_TWO = ("Missing required property", "null value")
"""What a change takes otherwise than what it changes was made with."""
SHARED = {
    GenerationMode.POSITIVE: {ParameterLocation.BODY},
    GenerationMode.NEGATIVE: {ParameterLocation.BODY, ParameterLocation.QUERY, ParameterLocation.PATH},
}
UNKNOWN_METHOD = "Unspecified HTTP method"
_sent, _told = set(), Counter()
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
    """Send a value to one of the operations that take a parameter or an attribute of its name: they share its type.

    So the coverage phase does; the others make up what they send. Each operation gets a case of every kind, and all
    cases of its headers and of its parameters' good values.
    """
    phase, operation = case.meta and case.meta.phase.data, case.operation
    if not isinstance(phase, CoveragePhaseData):
        return True
    mode, place, what = case.meta.generation.mode, phase.parameter_location, phase.description
    if what.startswith(UNKNOWN_METHOD):
        return _new(operation.path) | _new(what)
    if place not in SHARED[mode]:
        return True
    value = mode, place, phase.parameter, what
    _told[operation.label, value] += 1
    value += (_told[operation.label, value],)
    often = 2 if any(words in what for words in TO_TWO) else 1
    wanted = _new(operation.label, mode, place, phase.scenario) or _told[value] < often
    _told[value] += wanted
    return wanted


def _new(*what):
    new = what not in _sent
    _sent.add(what)
    return new

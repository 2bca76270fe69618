"""What Schemathesis is told of our document before it reads it, and which of its cases are sent."""

import gc
from collections import Counter

import schemathesis
from hypothesis.internal.conjecture import providers
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import CONTENT_TYPE_PROBES, CoveragePhaseData, CoverageScenario
from schemathesis_refusals import is_refused

NO_NUL = r"^[^\x00]*$"
ALSO_NO_NUL = r"^(?![\s\S]*\x00)"
LONG = 2_048
TO_TWO = ("Missing required property", "null value")
"""What a change takes otherwise than what it changes was made with."""
NEAR = "Near-boundary number"
UNKNOWN_METHOD = "Unspecified HTTP method"
SANDBOX = "POST /api/sandbox/parse-webhooks.json"
"""Sends what it is given on to the webhook, of which nothing is told here: it looks at no item."""
_told = Counter()
providers._get_local_constants = lambda: providers._local_constants  # else it reads every module for constants
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
    """Send what an operation could see in its own way; what is refused before it, once a kind.

    So the coverage phase does; the others make up what they send. Each operation gets a case of every kind, and all
    good values of its parameters. Bodies go to one of the operations that take an attribute of that name: they share
    its type. Bodies and queries that the API's own parsers refuse right here need no request more than that.
    """
    phase, operation = case.meta and case.meta.phase.data, case.operation
    if not isinstance(phase, CoveragePhaseData):
        return True
    mode, place, what = case.meta.generation.mode, phase.parameter_location, phase.description
    if what.startswith(UNKNOWN_METHOD):
        return _new(operation.path) | _new(what)
    if place is ParameterLocation.HEADER:
        return _header_is_wanted(operation, phase)
    if mode is GenerationMode.NEGATIVE:
        kind = () if place is ParameterLocation.PATH else phase.scenario  # one router and one parser for all ids
        return _new(operation.label, mode, place, kind) or _seen_by_operation(case, phase)
    return _good_is_wanted(operation, phase)


def _header_is_wanted(operation, phase):
    """All that is missing or of a wrong type; of what is only there too much, that nobody reads, two."""
    unread = phase.scenario is CoverageScenario.OBJECT_UNEXPECTED_PROPERTIES or (
        phase.scenario in CONTENT_TYPE_PROBES and not operation.body
    )
    return not unread or _is_among(2, phase.scenario, phase.description)


def _seen_by_operation(case, phase):
    """What no parser refuses; where no parser looks it is shared with those that have the same attribute."""
    if phase.parameter_location is ParameterLocation.PATH or case.operation.label == SANDBOX:
        return False
    refused, shared = is_refused(case), _share_is_wanted(case.operation, phase, GenerationMode.NEGATIVE)
    return shared if refused is None else not refused


def _good_is_wanted(operation, phase):
    new = _new(operation.label, phase.parameter_location, phase.scenario)
    if operation.label == SANDBOX:
        return new
    shared = phase.parameter_location is ParameterLocation.BODY or phase.description == NEAR
    return not shared or _share_is_wanted(operation, phase, GenerationMode.POSITIVE) or new


def _share_is_wanted(operation, phase, mode):
    value = mode, phase.parameter_location, phase.parameter, phase.description
    nth = _told[operation.label, value]
    _told[operation.label, value] += 1
    return _is_among(2 if any(words in phase.description for words in TO_TWO) else 1, value, nth)


def _is_among(often, *what):
    _told[what] += 1
    return _told[what] <= often


def _new(*what):
    return _is_among(1, "kind", *what)

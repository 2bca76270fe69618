"""Every problem's `type` is a page that exists: a walk of all codes that the code can raise."""

import ast
import typing
from functools import cache
from pathlib import Path

import pytest

import ingest
import workers
from ingest.amqp.wire import Reason
from ingest.api.docs import FETCHING
from ingest.api.routes import OPERATIONS
from ingest.http.problem_codes import API, EDGE, PAGES, REASONS
from ingest.http.problem_pages import PATH, ProblemPages
from ingest.http.problems import ProblemError, document
from ingest.pull.fetch.errors import FetchCode

PAGES_OF_API = ProblemPages([operation.name for operation in OPERATIONS], FETCHING)
OPERATION = OPERATIONS[0].name
FETCH = set(map(str, FetchCode))


def trees(package, *words):
    """Yield the files of a package that hold one of the words, parsed: to walk all of them takes seconds."""
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        text = path.read_text()
        if any(word in text for word in words):
            yield path, ast.parse(text)


@cache
def spoken():
    """What an expression of the code may say that no constant says."""
    refused_by_workers = {
        call.args[1].value
        for _, tree in trees(workers, "reject")
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "reject" and len(call.args) > 2
    }
    return {
        "prefix": {"edge", "api"},
        "error.reason.lower().replace(' ', '_').replace('-', '_')": {"bad_request", "expectation_failed"},  # of aiohttp
        "operation.name": {OPERATION},
        "self.name": {OPERATION},
        "error.reason": set(typing.get_args(Reason)),
        "str(error.code)": FETCH,
        "str(getattr(error, 'code', 'fetch'))": FETCH | {"fetch"},
        "str(getattr(error, 'code', 'settings'))": FETCH | {"settings", "disk"},
        "str(item.get('code', 'rejected'))": refused_by_workers | {"rejected"},
    }


HANDED_ON = {("call.py", "reason"), ("validation.py", "reason"), ("problems.py", "code")}
"""Where a code is only handed on; who calls it is walked."""


def said_by(node, tree):
    """Return the texts that an expression can be; raises KeyError for one that nobody foresaw."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if ast.unparse(node) in spoken():
        return spoken()[ast.unparse(node)]
    if isinstance(node, ast.IfExp):
        return said_by(node.body, tree) | said_by(node.orelse, tree)
    if isinstance(node, ast.FormattedValue):
        return said_by(node.value, tree)
    if isinstance(node, ast.JoinedStr):
        texts = {""}
        for part in node.values:
            texts = {text + more for text in texts for more in said_by(part, tree)}
        return texts
    if isinstance(node, ast.Name):
        values = [
            one.value
            for one in ast.walk(tree)
            if isinstance(one, ast.Assign) and node.id in [getattr(target, "id", "") for target in one.targets]
        ]
        if values:
            return set().union(*(said_by(value, tree) for value in values))
    raise KeyError(ast.unparse(node))


@cache
def codes():
    """Return each place with the codes that it can raise."""
    return tuple(_codes())


def _codes():
    for path, tree in trees(ingest, "ProblemError", "problem("):
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            argument = {"ProblemError": 1, "problem": 1}.get(name)
            if name == "problem" and call.args and ast.unparse(call.args[0]) == "operation":
                argument = 2
            if argument is None or len(call.args) <= argument:
                continue
            node = call.args[argument]
            if (path.name, ast.unparse(node)) in HANDED_ON or "{reason}" in ast.unparse(node):
                continue
            for said in said_by(node, tree):
                whole = said if name == "ProblemError" else f"api.{OPERATION}.{said}"
                yield f"{path.name}:{call.lineno}", whole


def test_every_code_that_can_be_raised_has_its_page():
    raised = codes()

    assert len(raised) > 150
    assert [] == [(place, code) for place, code in raised if PAGES_OF_API.answer(f"{PATH}/{code}") is None]


def test_no_page_is_left_of_a_code_that_nobody_raises():
    raised = {code for _, code in codes()}
    reasons = {code.removeprefix(f"api.{OPERATION}.") for code in raised}
    named = {
        f"{prefix}.{name}" for prefix in ("api", "edge") for name in ("method_not_allowed", "not_found", "internal")
    }
    of_aiohttp = {"api.bad_request", "api.expectation_failed", "api.body.too_large"}
    of_framework = {"not_found", "invalid", "changed", "missing"}

    assert set() == (EDGE.keys() | API.keys() | PAGES.keys()) - raised - named - of_aiohttp - {"pages.internal"}
    assert set() == REASONS.keys() - reasons - of_framework


def test_every_operation_has_pages_and_others_have_none():
    for operation in OPERATIONS:
        assert PAGES_OF_API.answer(f"{PATH}/api.{operation.name}.not_found").status == 200
    assert PAGES_OF_API.answer(f"{PATH}/api.nothing.at_all.not_found") is None
    assert PAGES_OF_API.answer(f"{PATH}/<script>") is None
    assert PAGES_OF_API.answer("/api/other") is None


@pytest.mark.parametrize("pages", [PAGES_OF_API, ProblemPages()], ids=["api", "edge"])
def test_a_page_says_what_the_code_means_and_what_to_do(pages):
    page = pages.answer(f"{PATH}/edge.hash.missing").text

    assert EDGE["edge.hash.missing"].means in page
    assert "jetti-webhook-hash" in page
    assert "edge.hash.missing" in pages.answer(PATH).text


def test_the_type_of_a_problem_is_the_address_of_its_page():
    problem = ProblemError(401, "edge.hash.missing", "x")

    assert f'"type":"{PATH}/edge.hash.missing"'.encode() in document(problem.status, problem.code, problem.detail)

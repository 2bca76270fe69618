"""No pattern of ours takes more than linear time, whatever it is given: foreign bytes must not hold anybody up."""

import importlib
import pkgutil
import re
import sys

import pytest

import deploy
import ingest
import schemas
import workers
from tests.unit.steps import MOST_STEPS, Counter, TooManyStepsError, bad_texts

SMALL, LARGE = 8, 32
LINEAR = 6
"""Times the steps for four times the text: more than these is not linear."""
EXCUSED = {
    "ingest.pull.parse.json.scan._STRUCTURE": "its users stop at the first string that does not end",
    "schemas.declare._INEQUIVALENT": "reads the broker's own words",
}
ANCHORED = ("match", "fullmatch")


@pytest.fixture(autouse=True)
def deep():
    """Let the counting matcher call itself as often as it must."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


def compiled():
    """Yield (name, pattern, whether it is tried at one place only) of every pattern that a module holds."""
    for package in (ingest, schemas, workers, deploy):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if found.name.endswith("__main__") or found.name.startswith("deploy.bench.peer."):
                continue  # the peer that is measured against has packages of its own
            module = importlib.import_module(found.name)
            source = source_of(module)
            for name, value in vars(module).items():
                values = value.values() if isinstance(value, dict) else [value]
                for at, pattern in enumerate(values):
                    if isinstance(pattern, re.Pattern) and re.search(rf"^{re.escape(name)}\b.*=", source, re.MULTILINE):
                        uses = set(re.findall(rf"\b{re.escape(name)}(?:\[\w+\])?\.(\w+)\b", source))
                        label = f"{found.name}.{name}" + (f"[{at}]" if isinstance(value, dict) else "")
                        yield label, pattern, bool(uses) and uses <= set(ANCHORED)


def source_of(module):
    with open(module.__file__, encoding="utf-8") as file:  # noqa: PTH123 - a test's own reading
        return file.read()


def growth(pattern, *, anchored):
    """Return how many times more steps a text of four times the length takes at worst, and which text."""
    counter = Counter(pattern)
    worst = (0.0, "")
    for small, large in zip(bad_texts(counter.samples, SMALL), bad_texts(counter.samples, LARGE), strict=True):
        before = counter.steps(small, anchored=anchored)
        try:
            after = counter.steps(large, anchored=anchored)
        except TooManyStepsError:
            return float(MOST_STEPS), large
        worst = max(worst, (after / before, large))
    return worst


def test_every_pattern_takes_linear_time():
    """One test for all: to find them imports every module, which each process that collects tests need not do."""
    found = list(compiled())
    names = {name for name, _, _ in found}
    grown = {name: growth(pattern, anchored=anchored) for name, pattern, anchored in found if name not in EXCUSED}

    assert names >= {"ingest.pull.parse.json.scan._TOKEN", "schemas.attributes._DECIMAL", "ingest.feeds.xpaths._STEP"}
    assert set(EXCUSED) <= names
    assert {} == {name: (factor, text) for name, (factor, text) in grown.items() if factor >= LINEAR}


@pytest.mark.parametrize(
    "bad",
    [
        r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]",
        r"x(?:[^\[>]|\[.*?\])*>",
        r"\s*[|\n]\s*|\s*[,;\s]\s*(?=https?://)",
        r"(a+)+b",
        r"a*a*b",
    ],
)
def test_a_pattern_that_backtracks_is_told(bad):
    assert growth(re.compile(bad, re.DOTALL | re.IGNORECASE), anchored=False)[0] > LINEAR

"""What the project depends on, it uses."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
NOT_IMPORTED = {"aio-pika": "brings aiormq", "tzdata": "is data"}
IMPORT = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_imported():
    declared = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {plain(re.split(r"[\[<>=~ ]", one)[0]) for one in declared}
    sources = [
        file.read_text()
        for room in ("schemas", "ingest", "workers", "deploy")
        for file in (CHECKOUT / room).rglob("*.py")
    ]
    imported = {module for source in sources for module in IMPORT.findall(source)}
    used = {plain(name) for module, names in packages_distributions().items() if module in imported for name in names}

    assert set() == names - used - NOT_IMPORTED.keys()

"""The room of both sides of the queue holds nothing that one side alone needs."""

import re
from pathlib import Path

import grimp
import pytest

CHECKOUT = Path(__file__).parents[3]
SQL = sorted((CHECKOUT / "schemas" / "sql").glob("*.sql"))


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("schemas", "ingest", "workers", cache_dir=None)


def sides_of(graph, module):
    """Return the tops that import a module, at whatever distance, below `schemas`."""
    return {user.partition(".")[0] for user in graph.find_downstream_modules(module)} - {"schemas"}


def test_every_module_is_needed_by_both_sides_of_the_queue(graph):
    modules = [name for name in graph.modules if name.startswith("schemas.") and not graph.find_children(name)]

    assert len(modules) > 20
    assert {} == {name: sorted(sides) for name in modules if (sides := sides_of(graph, name)) != {"ingest", "workers"}}


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.name)
def test_every_file_of_statements_is_loaded_by_both_sides_or_for_both(path):
    loads = re.compile(rf"""queries\.load\("{path.stem}"\)""")
    tops = {"schemas", "ingest", "workers"}
    users = {top for top in tops for module in (CHECKOUT / top).rglob("*.py") if loads.search(module.read_text())}

    assert users in ({"schemas"}, {"ingest", "workers"})

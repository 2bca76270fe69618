"""The changelog tells each thing once: what both sides of a conflict kept is easily told twice."""

from __future__ import annotations

from itertools import pairwise

from deploy.local.processes import CHECKOUT


def test_no_entry_of_the_changelog_is_another_one_or_its_beginning():
    entries = sorted(line for line in (CHECKOUT / "CHANGELOG.md").read_text().splitlines() if line.startswith("- "))

    assert [] == [first for first, second in pairwise(entries) if second.startswith(first)]

"""How the entries of a history are folded and who won over whom."""

from __future__ import annotations

from ingest.changes.history import _name_winners, fold


def entry(outcome, at, batch="b"):
    return {"outcome": outcome, "receivedAt": at, "appliedAt": at, "batchId": batch, "times": 1}


def test_unchanged_entries_that_follow_one_another_are_one_with_a_count():
    outcomes = ["unchanged", "unchanged", "updated", "unchanged", "rejected"]
    folded = list(fold(entry(outcome, 9 - place) for place, outcome in enumerate(outcomes)))

    assert [("unchanged", 2, 8), ("updated", 1, None), ("unchanged", 1, 6), ("rejected", 1, None)] == [
        (each["outcome"], each["times"], each.get("since")) for each in folded
    ]


def test_a_superseded_entry_names_the_batch_that_won_in_its_window():
    entries = [entry("updated", 5, "winner"), entry("superseded", 5, "loser"), entry("superseded", 3, "alone")]
    _name_winners(entries)

    assert ["winner", None] == [each["supersededBy"] for each in entries[1:]]

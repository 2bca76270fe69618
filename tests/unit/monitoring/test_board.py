"""The board can be loaded and looked at: ids are unique, panels do not overlap, every one says where it asks."""

import itertools
import json
from pathlib import Path

BOARD = json.loads((Path(__file__).parents[3] / "deploy" / "monitoring" / "board.json").read_text())
PANELS = BOARD["panels"]


def cells(panel):
    place = panel["gridPos"]
    across = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(across, range(place["y"], place["y"] + place["h"])))


def test_ids_are_unique():
    ids = [panel["id"] for panel in PANELS]

    assert sorted(set(ids)) == sorted(ids)


def test_no_two_panels_overlap_and_none_hangs_over_the_edge():
    for one, other in itertools.combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert set(range(24)) >= {x for panel in PANELS for x, _ in cells(panel)}


def test_the_board_has_three_rows_and_every_panel_an_expression():
    assert ["Is it well", "Where is it late", "Who"] == [one["title"] for one in PANELS if one["type"] == "row"]
    assert all(one["targets"] for one in PANELS if one["type"] != "row")
    assert {"${source}"} == {one["datasource"]["uid"] for one in PANELS if one["type"] != "row"}

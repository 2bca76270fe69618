"""Blocks of SQL that say some of it once."""

from __future__ import annotations

from schemas import queries


def test_a_part_stands_where_blocks_name_it_and_is_no_block_itself(tmp_path):
    (tmp_path / "some.sql").write_text(
        "-- What there is.\n\n-- part: those\nid = :id\n  AND {old}\n\n"
        "-- name: one(id)^\n-- Why.\nSELECT 1 WHERE {those};\n\n-- part: old\nage > 7\n\n"
        "-- name: other(id)^\nSELECT {columns} WHERE {those} OR {those};\n"
    )

    blocks = queries.load("some", beside=tmp_path / "some.py")

    assert "SELECT 1 WHERE id = $1\n  AND age > 7;" == blocks.one.sql
    assert "SELECT {columns} WHERE id = $1\n  AND age > 7 OR id = $1\n  AND age > 7;" == blocks.other.sql
    assert ["id"] == blocks.other.parameters

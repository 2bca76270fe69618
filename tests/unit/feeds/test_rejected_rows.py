"""The vendor's own rows, with what is wrong beside each."""

import orjson

from ingest.feeds.rejected_rows import rejected_rows

FIRST = [["sku", "a"], ["note", "x"], ["note", "y"]]


def reject(row, record=None, source=None, message="wrong", **others):
    written = None if record is None else orjson.dumps(record).decode()
    known = {"row_number": row, "record": written, "source": source, "message": message}
    return {**known, "external_id": None, "skipped": False, **others}


def test_a_row_stands_once_with_all_that_is_wrong_with_it_and_columns_of_one_name_apart():
    rejects = [
        reject(3, FIRST, "qty", "expected a number"),
        reject(3, None, "price", "expected a price"),
        reject(7, [["sku", "b"], ["column 4", "z"]], message="4 columns where the header has 3", external_id="b"),
    ]

    assert (
        ["sku", "note", "note", "column 4", "wrongColumn", "wrong"],
        [
            ["a", "x", "y", "", "qty, price", "row 3: expected a number; row 3: expected a price"],
            ["b", "", "", "z", "", "row 7: 4 columns where the header has 3"],
        ],
    ) == rejected_rows(rejects)


def test_a_row_that_is_not_kept_is_known_by_its_key_and_attributes_that_were_skipped_refuse_no_row():
    rejects = [reject(3, None, "qty", external_id="a"), reject(4, FIRST, "price", skipped=True)]

    assert (["wrongColumn", "wrong"], [["qty", "row 3 (a): wrong"]]) == rejected_rows(rejects)


def test_without_rejects_there_are_no_rows():
    assert (["wrongColumn", "wrong"], []) == rejected_rows([])

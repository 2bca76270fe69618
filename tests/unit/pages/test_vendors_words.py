"""What a vendor is told of its file names no setting of the feed: it can neither see nor change one."""

from __future__ import annotations

import io
import re

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pages.vendor.rejects import in_vendors_words, refusal
from ingest.pull.parse import parse
from ingest.pull.records import FormatError

WORDS = {"path": "qty", "transforms": [{"name": "textToQuantity", "words": {}}]}
OURS = re.compile(r"decimalNotation|textToQuantity|csv[A-Z]|transform|mapping|the feed's|the vendor")
CELLS = {
    "soon": "expected a whole number; write the quantity in digits alone",
    "4 pcs": "write the number alone, in digits",
    "10+": "digits",
    "1.234,50": "a point is before decimals here",
    "#REF!": "a spreadsheet's error in place of a number: mend the cell",
    "12.5": "expected a whole number",
}


def rejects(text, **more):
    settings = {"resourceType": "ftpCsv", "mapping": {"externalId": "sku", "inventoryQuantity": "qty"}, **more}
    chunks = parse(io.BytesIO(text.encode()), FormatSettings.model_validate(settings))
    return [reject for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("cell", CELLS)
def test_a_reject_says_what_the_vendor_can_write_and_names_nothing_of_the_accounts(cell):
    (reject,) = rejects(f"sku;qty\nA;{cell}\nB;7\n")
    told = refusal(reject, reject.row)["message"]

    assert CELLS[cell] in told
    assert not OURS.search(told)


def test_so_does_a_reject_of_a_word_of_a_doubtful_number_and_of_lost_letters():
    mapping = {"externalId": "sku", "inventoryQuantity": WORDS, "retailPrice": "price"}
    found = rejects("sku;qty;price\nA;plenty;1\nB;1;12,000\nC;1;12,50\nD\ufffd;1;1\n", mapping=mapping)
    told = [refusal(reject, reject.row)["message"] for reject in found]

    assert "a word that has no meaning here: write the quantity in digits; got 'plenty'" in told
    assert any("write all numbers of the file in one way" in message for message in told)
    assert any("save the file as UTF-8" in message for message in told)
    assert [] == [message for message in told if OURS.search(message)]


def test_of_a_whole_file_what_is_wrong_stays_and_what_the_account_would_set_goes():
    with pytest.raises(FormatError) as failed:
        rejects("name;qty\nA;1\n", mapping={})
    told = in_vendors_words(str(failed.value))

    assert told.startswith("no column is named externalId")
    assert not OURS.search(told)
    assert "it is not as the feed expects it: ask those whom you deliver to" == in_vendors_words("set csvSkipRows to 2")

"""Any cut and any wrong byte of any file, with missing items being zeroed: held, or no item changes but what the file
says of it, and what the byte touched.

The pure parts together, as a run puts them: parse, count, guard the file, guard the stock.
"""

import io
import json
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.feeds.guard import Baseline, FileFacts, Stock, guard, guard_stock
from ingest.feeds.mapping import FormatSettings
from ingest.pull.mapping.keys import NO_IDS
from ingest.pull.parse import FormatError, parse
from ingest.pull.run.cleanup import why_not
from ingest.pull.run.file.completeness import final_newline, has_no_end
from ingest.pull.run.file.facts import Facts, keys_of

SHARE = 0.3
KEYS = st.text("abc-0", min_size=1, max_size=4).filter(lambda key: key not in NO_IDS)
STOCKS = st.dictionaries(KEYS, st.integers(0, 99_999), min_size=2, max_size=12)


def csv_of(stock):
    return "externalId,name,inventoryQuantity\n" + "".join(
        f'{key},"a, ""b""",{value}\n' for key, value in stock.items()
    )


def xml_of(stock):
    rows = "".join(
        f"<p><externalId>{key}</externalId><inventoryQuantity>{value}</inventoryQuantity></p>"
        for key, value in stock.items()
    )
    return f"<r>{rows}</r>\n"


def json_of(stock):
    return json.dumps({"items": [{"externalId": key, "inventoryQuantity": value} for key, value in stock.items()]})


def lines_of(stock):
    return "".join(json.dumps({"externalId": key, "inventoryQuantity": value}) + "\n" for key, value in stock.items())


def attributes_of(stock):
    rows = "".join(f'<p externalId="{key}" inventoryQuantity="{value}"/>\n' for key, value in stock.items())
    return f'<?xml version="1.0"?>\n<r>\n{rows}</r>\n'


def members_of(stock):
    return json.dumps({"stock": {key: {"q": value} for key, value in stock.items()}})


FORMS = {
    "csv": (csv_of, FormatSettings(resource_type="ftpCsv")),
    "xml": (xml_of, FormatSettings(resource_type="xml", item_path="/r/p")),
    "json": (json_of, FormatSettings(resource_type="api")),
    "json lines": (lines_of, FormatSettings(resource_type="api")),
    "xml attributes": (
        attributes_of,
        FormatSettings.model_validate(
            {
                "resourceType": "xml",
                "itemPath": "/r/p",
                "mapping": {"externalId": "@externalId", "inventoryQuantity": "@inventoryQuantity"},
            }
        ),
    ),
    "json members": (
        members_of,
        FormatSettings.model_validate(
            {
                "resourceType": "api",
                "itemPath": "stock.*",
                "mapping": {"externalId": "@key", "inventoryQuantity": "q"},
            }
        ),
    ),
}


def applied(data, form, stored, tmp_path, declared=None):
    """Return what is stored after a run of the file; None when the run is held or fails."""
    path = tmp_path / "file"
    path.write_bytes(data)
    facts, items, refused = Facts(), [], []
    parsing = parse(io.BytesIO(data), form)
    try:
        for chunk in parsing:
            facts.add_chunk(chunk, 0)
            items += chunk.items
            refused += keys_of(chunk.rejects)
    except FormatError:
        return None
    facts.add_report(parsing.report)
    newline = final_newline(path) if form.resource_type == "ftpCsv" else None
    no_length = declared is None and has_no_end(path, form.resource_type)
    doubt = "nothing proves that all of it came" if no_length else None
    file = FileFacts(
        len(data),
        facts.rows_read,
        facts.rows_mapped,
        declared,
        complete=facts.complete,
        incomplete_reason=facts.reason,
        incomplete_code=facts.reason_code,
        doubt=doubt,
        final_newline=newline,
    )
    rows = len(stored)
    before = Baseline(rows, rows, True if form.resource_type == "ftpCsv" else None)
    seen = {item["externalId"] for item in items} | {key for key, _ in refused}
    with_stock = {key for key, value in stored.items() if value}
    stock = Stock(len(with_stock), len(with_stock - seen))
    held = guard(file, before, SHARE, cleans_up=stock.stored > 0) or guard_stock(stock, SHARE)
    if held is not None:
        return None
    after = dict(stored)
    for item in items:
        after[item["externalId"]] = item.get("inventoryQuantity", after.get(item["externalId"]))
    if why_not(0, facts.keyless, sum(doubtful and key not in stored for key, doubtful in refused)) is None:
        after |= dict.fromkeys(with_stock - seen, 0)
    return after


@pytest.mark.parametrize("name", FORMS)
@given(stock=STOCKS, data=st.data())
@settings(max_examples=min(15, settings.default.max_examples))
def test_a_transfer_that_is_cut_changes_nothing_to_what_the_whole_file_does_not_say(
    name, stock, data, tmp_path_factory
):
    write, form = FORMS[name]
    whole = write(stock).encode()
    old = {key: value + 1 for key, value in stock.items()}
    cut = whole[: data.draw(st.integers(0, len(whole) - 1), label="cut")]
    folder = tmp_path_factory.getbasetemp()

    told = applied(cut, form, old, folder, declared=len(whole))
    untold = applied(cut, form, old, folder)

    assert stock == applied(whole, form, old, folder, declared=len(whole))
    assert told is None
    assert untold is None or stock == untold


@given(stock=STOCKS, data=st.data())
@settings(max_examples=min(25, settings.default.max_examples))
def test_a_file_that_its_vendor_cut_gives_no_half_value_and_loses_no_more_than_the_guard_allows(
    stock, data, tmp_path_factory
):
    """A vendor's export that breaks off just behind a line, sent whole, looks like any shorter file."""
    whole = csv_of(stock).encode()
    old = {key: value + 1 for key, value in stock.items()}
    cut = whole[: data.draw(st.integers(0, len(whole) - 1), label="cut")]

    after = applied(cut, FORMS["csv"][1], old, tmp_path_factory.getbasetemp(), declared=len(cut))

    if after is not None:
        lost = [key for key, value in after.items() if value != stock[key]]
        assert cut.endswith(b"\n")
        assert {0} >= {after[key] for key in lost}
        assert len(lost) <= max(SHARE * len(stock), 1)


RECORDS = {
    "csv": rb"[^\n]*\n",
    "xml": rb"<p>.*?</p>",
    "xml attributes": rb"<p [^>]*>\n",
    "json": rb"\{\"externalId[^}]*\}",
    "json lines": rb"[^\n]*\n",
    "json members": rb"\"[^\"]*\": \{\"q[^}]*\}",
}
LIKELY = st.sampled_from(b"\";,\t\n\r\\\x00\x1a\xff\x81 0123456789.A{}[]:<>/&='-!?*")


@pytest.mark.parametrize("name", FORMS)
@given(stock=STOCKS, data=st.data())
@settings(max_examples=min(15, settings.default.max_examples))
def test_a_wrong_byte_changes_no_item_but_those_that_it_touched(name, stock, data, tmp_path_factory):
    write, form = FORMS[name]
    whole = write(stock).encode()
    old = {key: value + 1 for key, value in stock.items()}
    at = data.draw(st.integers(0, len(whole) - 1), label="at")
    byte = data.draw(LIKELY | st.integers(0, 255), label="byte")
    assume(whole[at] != byte)
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    # The ends of a record are those of its neighbours, too.
    records = [(found.start() - 2, found.end() + 2) for found in re.finditer(RECORDS[name], whole, re.DOTALL)]
    touched = {key for key, (begin, end) in zip(stock, records[-len(stock) :], strict=True) if begin <= at < end}

    after = applied(changed, form, old, tmp_path_factory.getbasetemp(), declared=len(whole))

    if after is not None:
        expected = {key: {stock[key], old[key]} for key in stock.keys() - touched}
        assert {} == {key: after[key] for key, values in expected.items() if after[key] not in values}
        assert len(after.keys() - old.keys()) <= len(touched)

"""The same table gives the same items, however it is written; a wrong byte changes nothing but what it touched."""

import csv
import io
import json
from xml.sax.saxutils import escape

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse

NAMES = {"externalId": "sku", "name": "name", "inventoryQuantity": "qty", "retailPrice": "price"}
ITEM = st.fixed_dictionaries(
    {
        "externalId": st.integers(1, 99_999).map(lambda n: f"K-{n}"),
        "name": st.text(st.sampled_from("aäöüéß 1;,|\t\"'\n"), min_size=1, max_size=8).map(lambda s: f"x{s}x"),
        "inventoryQuantity": st.integers(-5, 2_000_000),
        "retailPrice": st.integers(0, 10**7).map(lambda cents: f"{cents / 100:.2f}"),
    }
)
ITEMS = st.lists(ITEM, min_size=1, max_size=12, unique_by=lambda item: item["externalId"])


def read(data, **given_settings):
    parsing = parse(io.BytesIO(data), FormatSettings.model_validate(given_settings))
    chunks = list(parsing)
    rejects = [reject for chunk in chunks for reject in chunk.rejects]
    return [item for chunk in chunks for item in chunk.items], rejects, parsing.report


def canonical(items):
    return [{**item, "retailPrice": item["retailPrice"].rstrip("0").rstrip(".")} for item in items]


@given(
    items=ITEMS,
    delimiter=st.sampled_from(";,\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-15"]),
    notation=st.sampled_from(["decimal", "comma"]),
    group=st.sampled_from(["", " ", "\u00a0", "'"]),
    title=st.integers(0, 2),
    end=st.sampled_from(["", "\x1a"]),
)
@settings(max_examples=min(60, settings.default.max_examples))
def test_a_table_gives_the_same_items_in_every_dialect_and_encoding(  # noqa: PLR0913, PLR0917 - one a freedom
    items, delimiter, quoting, ending, encoding, notation, group, title, end
):
    # In a file with tabs where nothing else is quoted, such a value is as good as two stray quotes.
    alone = delimiter in "\t|" and quoting == csv.QUOTE_MINIMAL
    assume(not (alone and any("\n" in item["name"] and delimiter in item["name"] for item in items)))
    out = io.StringIO(newline="")
    out.write(f"Stock list{ending}" * title)
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending)
    writer.writerow(NAMES.values())
    for item in items:
        quantity = f"{item['inventoryQuantity']:,}".replace(",", group)
        price = item["retailPrice"] if notation == "decimal" else item["retailPrice"].replace(".", ",")
        writer.writerow([item["externalId"], item["name"], quantity, price])
    found, rejects, report = read(
        (out.getvalue() + end).encode(encoding),
        resourceType="ftpCsv",
        mapping=NAMES,
        delimiter=delimiter,
        csvSkipRows=title,
        decimalNotation=notation,
        encoding=None if encoding.startswith("utf") else encoding,  # random letters are no words: it must be told
    )

    assert (canonical(items), [], True) == (found, rejects, report.complete)


def as_csv(items):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(NAMES.values())
    writer.writerows([item[name] for name in NAMES] for item in items)
    return [out.getvalue()], {"resourceType": "ftpCsv", "mapping": NAMES}


def as_xml(items, shape):
    """Write a table with values as elements, as attributes, in a namespace with a prefix or without, or as CDATA."""
    prefix = "f:" if shape == "prefix" else ""
    declared = {"prefix": ' xmlns:f="urn:f"', "default": ' xmlns="urn:f"'}.get(shape, "")
    rows, mapping = [], {name: f"{prefix}{path}" for name, path in NAMES.items()}
    for item in items:
        values = {NAMES[name]: str(value) for name, value in item.items()}
        attributes = ""
        if shape == "attributes":
            mapping |= {"externalId": "@sku", "inventoryQuantity": "@qty"}
            attributes = f' sku="{values.pop("sku")}" qty="{values.pop("qty")}"'
        write = "<![CDATA[{}]]>".format if shape == "cdata" else escape
        inner = "".join(f"<{prefix}{name}>{write(value)}</{prefix}{name}>" for name, value in values.items())
        rows.append(f"<{prefix}i{attributes}>{inner}</{prefix}i>")
    text = f"<{prefix}r{declared}>{''.join(rows)}</{prefix}r>"
    path = f"/{prefix}r/{prefix}i"
    namespaces = {"f": "urn:f"} if prefix else {}
    return [text], {"resourceType": "xml", "itemPath": path, "mapping": mapping, "namespaces": namespaces}


def as_json(items, shape):
    """Write a table as an array, as products with variants, as lines, or as pages of two."""
    rows = [{NAMES[name]: value for name, value in item.items()} for item in items]
    form = {"resourceType": "api", "mapping": NAMES}
    if shape == "lines":
        return ["".join(json.dumps(row) + "\n" for row in rows)], form
    if shape == "nested":
        products = [{"title": row.pop("name"), "variants": [row]} for row in rows]
        form |= {"itemPath": "products[*].variants[*]", "mapping": NAMES | {"name": "^.title"}}
        return [json.dumps({"products": products, "total": len(rows)})], form
    if shape == "pages":
        return [json.dumps({"items": rows[at : at + 2], "next": at + 2}) for at in range(0, len(rows), 2)], form
    return [json.dumps(rows, indent=1)], form


@given(
    items=ITEMS,
    xml=st.sampled_from(["elements", "attributes", "prefix", "default", "cdata"]),
    shape=st.sampled_from(["array", "nested", "lines", "pages"]),
)
@settings(max_examples=min(40, settings.default.max_examples))
def test_a_table_gives_the_same_items_as_csv_as_xml_and_as_json(items, xml, shape):
    for texts, form in (as_csv(items), as_xml(items, xml), as_json(items, shape)):
        found = []
        for text in texts:
            some, rejects, report = read(text.encode(), **form)
            assert ([], True) == (rejects, report.complete)
            found += some
        assert canonical(items) == found


BASES = [
    'sku;name;qty;price\nA1;Table;12;9.90\nA2;"Chair; red";7;5.00\nA3;Tür groß;0;1234.50\nA4;"a\nb";3;2\nA5;Bed;4;7\n',
    "sku,qty,price,name\r\nA1,12,9.90,Table\r\nA2,7,5.00,Chair\r\nA3,1,1.00,\r\nA4,3,2,Lamp\r\nA5,40,7.25,Bed\r\n",
    'sku\tname\tqty\tprice\nA1\t17" screen\t12\t9.90\nA2\t"Best" chair\t7\t5.00\nA3\tTür\t0\t1\nA4\tx\t3\t2\n',
    '"sku","name","qty","price"\n"A1","Table","12","9.90"\n"A2","Chair","7","5"\n"A3","Desk","1","1"\n"A4","x","3","2"\n',
]


@pytest.mark.parametrize("base", BASES)
@given(data=st.data())
@settings(max_examples=min(60, settings.default.max_examples))
def test_one_changed_byte_changes_no_item_but_those_whose_bytes_it_touched(base, data):
    before = base.encode()
    at = data.draw(st.integers(0, len(before) - 1))
    likely = st.sampled_from(b'";,\t\n\r\\\x00\x1a\xff\x81 0123456789.A')
    changed = before[:at] + bytes([data.draw(likely | st.integers(0, 255))]) + before[at + 1 :]
    form = {"resourceType": "ftpCsv", "mapping": NAMES}
    whole = {item["externalId"]: item for item in read(before, **form)[0]}
    try:
        items, rejects, report = read(changed, **form)
    except FormatError:
        return
    if not report.complete:
        return
    touched = {key for key in whole if key in _record_at(base, before, at)}
    skipped = {(reject.external_id, reject.field) for reject in rejects if reject.skipped}
    found = {key: [item for item in items if item["externalId"] == key] for key in whole}
    for key in whole.keys() - touched:
        expected = {name: value for name, value in whole[key].items() if (key, name) not in skipped}
        assert expected in found[key] or (not found[key] and rejects)
    # A touched row may have become one of another key; none comes from nowhere.
    assert sum(item not in whole.values() for item in items) <= len(touched) + len(skipped)


def _record_at(base, before, at):
    """Return the text of the lines that a byte belongs to, and of all lines of a value that goes over several."""
    text = before.decode()
    place = len(before[:at].decode(errors="ignore"))
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    line = max(number for number, start in enumerate(starts) if start <= place)
    lines = text.splitlines(keepends=True)
    ends_line = text[place : place + 1] in "\r\n"
    around = lines[max(line - 1, 0) : line + 2] if ends_line or '"' in lines[line] else lines[line : line + 1]
    return "".join(around)

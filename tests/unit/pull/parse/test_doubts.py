"""What must leave missing items alone, or hold the file: rejects whose key nobody can tell, and any cut of XML."""

import io

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse
from ingest.pull.run.cleanup import why_not
from ingest.pull.run.file.facts import Facts

LARGE = "x" * 100_000
LARGE_XML, LARGE_JSON = f"<x>{LARGE}</x>" * 50, f'"{LARGE}", ' * 50
NESTED = {"resourceType": "api", "itemPath": "products[*].variants[*]", "mapping": {"externalId": "sku"}}
XML = {"resourceType": "xml", "itemPath": "/r/i", "mapping": {"externalId": "sku"}}
KEYLESS = {
    "an item of XML that is too large": (
        f"<r><i>{LARGE_XML}<sku>A</sku></i><i><sku>B</sku></i></r>",
        XML,
    ),
    "an item of JSON that is too large": (
        f'[{{"x": [{LARGE_JSON}1], "externalId": "A"}}, {{"externalId": "B"}}]',
        {"resourceType": "api"},
    ),
    "an item that is no object": ('["A", {"externalId": "B"}]', {"resourceType": "api"}),
    "a variant that is no object": ('{"products": [{"variants": ["A", {"sku": "B"}]}]}', NESTED),
    "a product that is no JSON": (
        '{"products": [{"variants": [{"sku": "A", "qty": 05}]}, {"variants": [{"sku": "B"}]}]}',
        NESTED,
    ),
    "an item of broken JSON without its key": ('[{"id": 07}, {"externalId": "B"}]', {"resourceType": "api"}),
    "an item without a key": ("<r><i><sku/></i><i><sku>B</sku></i></r>", XML),
    "a row without a key": (
        "name,externalId,inventoryQuantity\nA,,5\nb,B,6\n",
        {"resourceType": "ftpCsv"},
    ),
}


@pytest.mark.parametrize("what", KEYLESS)
def test_a_reject_whose_key_cannot_be_told_leaves_missing_items_alone(what):
    text, form = KEYLESS[what]
    facts, items = Facts(), []
    parsing = parse(io.BytesIO(text.encode()), FormatSettings.model_validate(form))
    for chunk in parsing:
        facts.add_chunk(chunk, 0)
        items += chunk.items
    facts.add_report(parsing.report)

    assert (["B"], True) == ([item["externalId"] for item in items], facts.complete)
    assert (1, 1) == (facts.rows_rejected, facts.keyless)
    told = why_not(0, facts.keyless, 0)
    assert told is not None
    assert told.startswith("missing items were left alone: 1 rejected rows may be any of them")


DOCUMENTS = {
    "elements": "<?xml version='1.0'?>\n<r><i><sku>Ä1</sku><qty>12</qty></i>\n<i><sku>B</sku><qty>3</qty></i>\n</r>\n",
    "attributes": "<r><i sku='A&amp;1' qty='12'/><i sku='B' qty='3'/></r>",
    "a namespace and CDATA": (
        "<f:r xmlns:f='urn:f'><f:i><f:sku><![CDATA[A<1]]></f:sku><f:qty>12</f:qty></f:i><!-- - --></f:r><!-- end -->"
    ),
}
PATHS = {"elements": ("sku", "qty"), "attributes": ("@sku", "@qty"), "a namespace and CDATA": ("f:sku", "f:qty")}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_is_cut_at_any_byte_is_never_complete_with_less_than_all_of_it(name, encoding):
    key, quantity = PATHS[name]
    prefix = "f:" if "f:" in key else ""
    form = FormatSettings(
        resource_type="xml",
        item_path=f"/{prefix}r/{prefix}i",
        namespaces={"f": "urn:f"},
        mapping={"externalId": {"path": key}, "inventoryQuantity": {"path": quantity}},
    )
    whole = DOCUMENTS[name].encode(encoding)

    def read(data):
        parsing = parse(io.BytesIO(data), form)
        try:
            items = [item for chunk in parsing for item in chunk.items]
        except FormatError:
            return [], False
        return items, parsing.report.complete and parsing.report.rows_read > 0  # a file without rows is held too

    items, complete = read(whole)
    assert (complete, items[0]["inventoryQuantity"]) == (True, 12)
    for cut in range(len(whole)):
        some, still_complete = read(whole[:cut])
        assert some == items[: len(some)]
        assert not still_complete or some == items

"""Values that a file does not say unambiguously, kind by kind: none of them is taken in silence."""

import io
import json

import pytest

from ingest.feeds.guard import Baseline, FileFacts, Held, guard
from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.beginning import look
from ingest.pull.run.file.facts import Facts
from schemas.validation import validate
from tests.unit.pull.parse.reading import run

PREFIXED = {"externalId": {"path": "sku", "transforms": [{"name": "prefix", "text": "X-"}]}}


def as_csv(key):
    return f'sku;qty\n"{key.replace(chr(34), chr(34) * 2)}";5\n', "ftpCsv"


def as_xml(key):
    return f"<r><p><sku>{key}</sku></p></r>", "xml"


def as_json(key):
    return json.dumps([{"sku": key}]), "api"


@pytest.mark.parametrize("written_as", [as_csv, as_xml, as_json])
@pytest.mark.parametrize("key", ["'00123'", "00123\x7f", "\x8100123", "'00123", "\u200b00123"])
def test_a_key_loses_the_marks_and_invisible_signs_around_it_before_its_transforms_too(written_as, key):
    for mapping, expected in (({"externalId": "sku"}, "00123"), (PREFIXED, "X-00123")):
        (item,), rejects, _ = run(*written_as(key), mapping=mapping)
        assert ({"externalId": expected}, []) == (item, rejects)


@pytest.mark.parametrize("written_as", [as_csv, as_xml, as_json])
def test_what_stands_inside_a_key_tells_items_apart_in_files_as_on_the_webhook(written_as):
    keys = [
        "\u00e9",
        "e\u0301",
        "A1",
        "a1",
        "\u04101",
        "A\u00adB",
        "AB",
        "A.",
        "A",
        "A B",
        "A\u00a0B",
        "A-B",
        "A\u2011B",
        "0",
    ]

    assert keys == [run(*written_as(key), mapping={"externalId": "sku"})[0][0]["externalId"] for key in keys]
    assert keys == [item["externalId"] for item in validate([{"externalId": key} for key in keys]).items]


@pytest.mark.parametrize("written_as", [as_csv, as_xml, as_json])
@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("4.006381333931E12", "scientific"),
        ("4,00638E+12", "scientific"),
        ("1.2E-12", "scientific"),
        ("4006381333931.0", "scientific"),
        ("4006381333931,00", "scientific"),
        ("#REF!", "value"),
        ("#BEZUG!", "value"),
        ("########", "value"),
        ('="A"+"B"', "value"),
        ('=CONCATENATE("A","B")', "value"),
        ("Mar-21", "value"),
        ("21-Mar", "value"),
        ("12. Mrz", "value"),
        ("1/2/2024", "value"),
        ("01.02.2024", "value"),
        ("2024-03-01 00:00:00", "value"),
        ("A\ufffd1", "encoding"),
    ],
)
def test_what_a_spreadsheet_made_of_a_key_is_refused_under_transforms_too(written_as, key, code):
    for mapping in ({"externalId": "sku"}, PREFIXED):
        items, (reject,), _ = run(*written_as(key), mapping=mapping)
        assert ([], "externalId", code) == (items, reject.field, reject.code)


@pytest.mark.parametrize("mapping", [{"externalId": "sku"}, PREFIXED])
@pytest.mark.parametrize(
    "word", ["NULL", "null", "None", "nan", "N/A", "undefined", "-", "???", "\\N", "n.a.", "\u2014"]
)
def test_a_word_for_nothing_is_no_external_id(word, mapping):
    items, (reject,), _ = run(f"sku;qty\n{word};5\nA-{word};6\n", mapping=mapping)

    assert 1 == len(items)
    assert items[0]["externalId"].endswith(f"A-{word}")
    assert (2, "required") == (reject.row, reject.code)
    assert word in reject.message


def test_a_word_for_no_barcode_is_none_under_transforms_too():
    mapping = {"externalId": "sku", "barcode": {**PREFIXED["externalId"], "path": "ean"}}
    items, rejects, _ = run("sku;ean\nA;N/A\nB;123\n", mapping=mapping)

    assert ([{"externalId": "A"}, {"externalId": "B", "barcode": "X-123"}], []) == (items, rejects)


@pytest.mark.parametrize(
    "key", ["MAR-21", "21-MAR", "mar-21", "A-Mar-21", "Max-21", "2024-03-01", "1/2", "12.3.24", "A/2024"]
)
def test_a_key_that_is_no_date_of_a_spreadsheet_is_a_key(key):
    items, rejects, _ = run(f"sku;qty\n{key};5\nB;6\n", mapping={"externalId": "sku"})

    assert ([key, "B"], []) == ([item["externalId"] for item in items], rejects)


def test_a_decimal_number_of_json_is_no_key_under_transforms_either():
    for number in ("4006381333931.0", "1.5", "1e3"):
        items, (reject,), _ = run(f'[{{"sku": {number}}}]', "api", PREFIXED)
        assert ([], "externalId", "type") == (items, reject.field, reject.code)


def test_a_number_in_text_is_trimmed_whatever_the_format():
    (item,), rejects, _ = run('[{"sku": "A", "qty": " 5\\u200b", "price": "\\u00a01.50 "}]', "api")

    assert (5, "1.5", []) == (item["inventoryQuantity"], item["retailPrice"], rejects)


@pytest.mark.parametrize("order", [1, -1])
def test_numbers_that_may_be_groups_are_doubtful_in_a_file_with_decimal_commas(order):
    rows = ["A;1.000;12,50;x", "B;7;1.299;x", "C;8;0.125;x", "D;9;12.5;x"][::order]
    items, rejects, _ = run("sku;qty;price;name\n" + "\n".join(rows) + "\n")

    assert {"B": None, "C": "0.125", "D": "12.5"} == {item["externalId"]: item.get("retailPrice") for item in items}
    assert {"1.000", "12,50", "1.299"} == {reject.value for reject in rejects}
    assert {"notation"} == {reject.code for reject in rejects}


def test_prices_with_three_places_are_read_where_nothing_contradicts_them():
    items, rejects, _ = run("sku;qty;price;name\nA;5;1.299;x\nB;6;12.50;x\n")

    assert (["1.299", "12.5"], []) == ([item["retailPrice"] for item in items], rejects)


@pytest.mark.parametrize(
    ("document", "more"),
    [
        ('{"items": [{"sku": "A"}], "items": [{"sku": "B"}]}', {}),
        ('{"items": [{"sku": "A"}], "inventory": [{"sku": "B"}]}', {}),
        ('{"data": {"list": [{"sku": "A"}]}, "data": {"list": []}}', {"itemPath": "data.list"}),
        ('{"data": {"list": [{"sku": "A"}], "list": null}}', {"itemPath": "data.list"}),
    ],
)
def test_items_in_two_places_of_a_document_are_never_half(document, more):
    _, _, report = run(document, "api", {"externalId": "sku"}, **more)

    assert (False, "truncated") == (report.complete, report.doubt)
    assert "more than one place" in report.reason


@pytest.mark.parametrize("before", [0, 4_000])
def test_values_in_quotes_behind_spaces_are_read_wherever_they_stand(before):
    rows = "".join(f"K{number}, 6,2, some name that is long\n" for number in range(before))
    written = '"A", "5", "1.5", "x, y"\nB, 6, 2, "Rack, ""big"""\n , , , \nC,7,1, "q"\n'
    items, rejects, report = run(f"sku, qty, price, name\n{rows}{written}")

    assert (["A", "B", "C"], ["x, y", 'Rack, "big"', "q"], []) == (
        [item["externalId"] for item in items[before:]],
        [item["name"] for item in items[before:]],
        rejects,
    )
    assert before + 3 == report.rows_read


@pytest.mark.parametrize("quoted", ["", 'Z,1,1,"q"\n'])
def test_a_row_of_spaces_is_empty_whether_quotes_are_near_or_not(quoted):
    _, rejects, report = run(f"sku,qty,price,name\nA,5,1,x\n ,  , ,\n{quoted}B,6,2,y\n")

    assert ([], 2 + bool(quoted)) == (rejects, report.rows_read)


ITEMS_WITHOUT = {
    "api": '[{"sku": "A", "name": "a", "quantity": 5}, {"sku": "B", "name": "b"}]',
    "xml": "<r><p><sku>A</sku><name>a</name><quantity>5</quantity></p><p><sku>B</sku><name>b</name></p></r>",
    "ftpCsv": "sku;qty;name\nA;;a\nB;;b\n",
}


@pytest.mark.parametrize("resource_type", ITEMS_WITHOUT)
def test_a_file_in_which_no_item_has_the_quantity_that_is_mapped_is_held(resource_type):
    mapping = {"externalId": "sku", "inventoryQuantity": "qty", "name": "name"}
    items, rejects, report = run(ITEMS_WITHOUT[resource_type], resource_type, mapping)

    assert ([{"externalId": "A", "name": "a"}, {"externalId": "B", "name": "b"}], []) == (items, rejects)
    assert "no item has a quantity: nothing is in 'qty'" in report.lacking
    facts = FileFacts(bytes=1, rows_read=2, rows_mapped=2, lacking=report.lacking)
    assert Held("unusable", report.lacking) == guard(facts, Baseline(), 0.3, cleans_up=False)
    form = FormatSettings.model_validate(
        {"resourceType": resource_type, "mapping": mapping, "itemPath": "/r/p" if resource_type == "xml" else None}
    )
    looked = look(lambda: io.BytesIO(ITEMS_WITHOUT[resource_type].encode()), form, None, 10)
    assert report.lacking == looked.error


@pytest.mark.parametrize(
    ("resource_type", "written"),
    [
        ("api", ['{"sku": "A", "qty": 5}', '{"sku": "B"}', '{"sku": "C", "qty": ""}', '{"sku": "D", "name": "d"}']),
        (
            "xml",
            [
                "<p><sku>A</sku><qty>5</qty></p>",
                "<p><sku>B</sku></p>",
                "<p><sku>C</sku><qty/></p>",
                "<p><sku>D</sku><name>d</name></p>",
            ],
        ),
        ("ftpCsv", ["A;5;;", "B;;;", "C; ;; ", "D;;;d"]),
    ],
)
@pytest.mark.parametrize("more", [0, 600])
def test_an_item_that_is_nothing_but_a_key_is_none(resource_type, written, more):
    joined = {"api": "[%s]", "xml": "<r>%s</r>", "ftpCsv": "sku;qty;price;name\n%s\n"}[resource_type]
    between = {"api": ",", "xml": "", "ftpCsv": "\n"}[resource_type]
    mapping = {"externalId": "sku", "vendorSku": "sku", "inventoryQuantity": "qty", "name": "name"}
    rows = [written[0].replace("A", f"K{at}") for at in range(more)] + written
    items, rejects, _ = run(joined % between.join(rows), resource_type, mapping)

    assert ["A", "D"] == [item["externalId"] for item in items[more:]]
    assert [("B", "inventoryQuantity", "required"), ("C", "inventoryQuantity", "required")] == [
        (reject.external_id, reject.field, reject.code) for reject in rejects
    ]


@pytest.mark.parametrize("resource_type", ITEMS_WITHOUT)
def test_a_file_of_nothing_but_keys_says_where_the_quantity_is_not(resource_type):
    mapping = {"externalId": "sku", "inventoryQuantity": "qty"}
    items, rejects, report = run(ITEMS_WITHOUT[resource_type], resource_type, mapping)

    assert ([], ["A", "B"]) == (items, [reject.external_id for reject in rejects])
    assert report.lacking == report.hint
    assert "no item has a quantity: nothing is in 'qty'" in report.hint


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(["A;0", "B;0"], True), (["A;0", "B;"], True), (["A;0", "B;-1"], False), (["A;", "B;"], False), ([], False)],
)
@pytest.mark.parametrize("more", [0, 3_000])
def test_a_file_all_quantities_of_which_are_0_says_so(rows, expected, more):
    zeros = [f"K{number};0" for number in range(more if expected else 0)]

    assert (
        expected
        == run("\n".join(["sku;qty", *zeros, *rows, ""]), mapping={"externalId": "sku", "inventoryQuantity": "qty"})[
            2
        ].all_zero
    )


@pytest.mark.parametrize(
    ("pages", "expected"), [("00", True), ("05", False), ("50", False), ("0-", False), ("0", True)]
)
def test_a_file_in_pages_is_all_zero_where_all_of_them_are(pages, expected):
    facts = Facts()
    for page in pages:
        items = [{"sku": "A", "qty": int(page)}] if page.isdigit() else [{"sku": "A", "name": "a"}]
        facts.add_report(run(json.dumps(items), "api")[2])

    assert expected == facts.all_zero


@pytest.mark.parametrize(
    ("data", "resource_type"),
    [("<r><p><SKU>A</SKU><QTY>5</QTY></p></r>", "xml"), ('[{"SKU": "A", "QTY": 5}]', "api")],
)
def test_a_file_no_item_of_which_has_a_key_names_what_there_is(data, resource_type):
    assert "found SKU, QTY" == run(data, resource_type)[2].hint


@pytest.mark.parametrize(
    "data",
    [
        '[{"sku": "A"}, {"sku": "B", "qty": 5}]',
        '[{"sku": "A", "qty": null}, {"sku": "B", "qty": null}]',
        '[{"sku": "A"}]',
    ],
)
def test_a_file_that_says_something_of_quantities_is_not_held_for_the_others(data):
    assert run(data, "api", {"externalId": "sku", "inventoryQuantity": "qty"})[2].lacking is None

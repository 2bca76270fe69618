"""Numbers and keys of pulled files: what the file says unambiguously, and what is said of the rest."""

import io
import json

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

MAPPING = {"externalId": "sku", "inventoryQuantity": "qty", "retailPrice": "price"}


def read(text, **more):
    data = text if isinstance(text, bytes) else text.encode()
    parsing = parse(io.BytesIO(data), FormatSettings.model_validate({"resourceType": "ftpCsv", **more}))
    chunks = list(parsing)
    return [i for chunk in chunks for i in chunk.items], [reject for chunk in chunks for reject in chunk.rejects]


def table(*rows, head="sku;qty;price"):
    return "\n".join((head, *rows)) + "\n"


def brief(rejects):
    return [(reject.row, reject.field, reject.code, reject.value) for reject in rejects]


@pytest.mark.parametrize("order", [1, -1])
def test_a_price_of_the_other_notation_makes_grouped_prices_doubtful_wherever_it_stands(order):
    rows = ["A;1;12,000", "B;2;12,50", "C;3;1,234.50", "D;4;7"][::order]
    items, rejects = read(table(*rows), mapping=MAPPING)

    assert {"A": None, "B": None, "C": "1234.5", "D": "7"} == {
        item["externalId"]: item.get("retailPrice") for item in items
    }
    assert {"12,000", "12,50"} == {reject.value for reject in rejects}
    assert {"notation"} == {reject.code for reject in rejects}
    doubt = next(reject for reject in rejects if reject.value == "12,000")
    assert "decimalNotation" in doubt.message


def test_grouped_prices_are_read_where_nothing_contradicts_them():
    items, rejects = read(table("A;1,200;12,000", "B;2;7.5", "C;0,500;1"), mapping=MAPPING)

    assert [1200, 2] == [item["inventoryQuantity"] for item in items]
    assert "12000" == items[0]["retailPrice"]
    assert [(4, "inventoryQuantity", "notation", "0,500")] == brief(rejects)


def test_a_thousand_with_a_point_is_not_one_where_its_column_has_others():
    items, rejects = read(table("A;1.000;1", "B;1.250;1", "C;12.0000;1"), mapping=MAPPING)

    assert [("C", 12)] == [(item["externalId"], item["inventoryQuantity"]) for item in items]
    assert [2, 3] == [reject.row for reject in rejects]


def test_one_with_three_zeros_is_one_where_nothing_speaks_against_it():
    assert [1, 5] == [item["inventoryQuantity"] for item in read(table("A;1.000;1", "B;5;1"), mapping=MAPPING)[0]]


@pytest.mark.parametrize("quantity", ["In stock", ">10", "10+", "\u226510", "more than 10", "<5", "10 +", "5-10"])
def test_a_quantity_in_words_is_refused_with_the_transform_that_reads_it(quantity):
    items, (reject,) = read(table(f"A;{quantity};1"), mapping=MAPPING)

    assert ([], "inventoryQuantity") == (items, reject.field)
    assert "textToQuantity" in reject.message


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("10+", 10),
        (">10", 10),
        ("> 10", 10),
        ("\u2265 10", 10),
        (">1,200", 1200),
        ("low", 2),
        ("sold out", 0),
        ("7", 7),
    ],
)
def test_the_transform_reads_words_and_least_numbers(quantity, number):
    expression = {"path": "qty", "transforms": [{"name": "textToQuantity", "words": {"Low": 2}}]}

    assert (
        number
        == read(table(f"A;{quantity};1"), mapping=MAPPING | {"inventoryQuantity": expression})[0][0][
            "inventoryQuantity"
        ]
    )


@pytest.mark.parametrize(
    ("written", "code", "words"),
    [
        ("#N/A", "number", "a spreadsheet's error"),
        ("#DIV/0!", "number", "a spreadsheet's error"),
        ("21-Mar", "number", "a date"),
        ("Mar-21", "number", "a date"),
        ("01.02.2024", "number", "a date"),
        ("2024-03-01", "number", "a date"),
        ("(5)", "number", "parentheses: expected a minus in front"),
        ("5 pcs", "currency", "the transform match takes a number out of its text"),
        ("1,234.5", "type", "expected a whole number, and with decimalNotation decimal it is 1234.5"),
        ("12.50", "type", "expected a whole number"),
        ("\u0661\u0662", "number", "digits of another script: expected 0 to 9"),
    ],
)
def test_what_is_no_number_is_told_with_what_it_is_and_what_helps(written, code, words):
    items, (reject,) = read(table(f"A;{written};1"), mapping=MAPPING)

    assert ([], code) == (items, reject.code)
    assert words in reject.message
    assert ("textToQuantity" in reject.message) == (code == "currency")


@pytest.mark.parametrize(
    "price",
    [
        "1,250.00",
        "1 250.00 EUR",
        "1'250",
        "1.250,00",
        "-5 EUR",
        "EUR -5",
        "5-10 EUR",
        "5 - 10",
        "12.50-",
        "(5)",
        "1.2E+3",
        "7/8",
        "1:30",
        "5 x 10",
        "5\u00d710 pcs",
        "12\u00bd pcs",
        "12 \u00bd",
        "1\u00b4250",
        "1\u00b7250 EUR",
        "1\u066c250",
        "1`250",
    ],
)
def test_a_match_that_takes_a_part_of_a_number_is_none(price):
    expression = {"path": "price", "transforms": [{"name": "match", "pattern": "([0-9.]+)"}]}
    items, (reject,) = read(table(f"A;1;{price}"), mapping=MAPPING | {"retailPrice": expression})

    assert [{"externalId": "A", "inventoryQuantity": 1}] == items
    assert ("number", price) == (reject.code, reject.value)
    assert "the pattern of match takes but a part of a number" in reject.message


@pytest.mark.parametrize(
    ("price", "pattern", "number"),
    [
        ("12.50 EUR", "([0-9.]+)", "12.5"),
        ("$12.50", "[0-9.]+", "12.5"),
        ("A-5 pcs", "[0-9]+", "5"),
        ("3 x 12.5", "x ([0-9.]+)", "12.5"),
        ("19,-", "^([0-9]+)", "19"),
        ("1 250 EUR", "([0-9 ]+) EUR", "1250"),
        ("5 (of 10)", "[0-9]+", "5"),
        ("7/8", "^([0-9]+)/", "7"),
        ("5 x", "[0-9]+", "5"),
    ],
)
def test_a_match_takes_a_whole_number(price, pattern, number):
    expression = {"path": "price", "transforms": [{"name": "match", "pattern": pattern}]}
    items, rejects = read(table(f"A;1;{price}"), mapping=MAPPING | {"retailPrice": expression})

    assert ([number], []) == ([item["retailPrice"] for item in items], rejects)


@pytest.mark.parametrize(("notation", "quantity"), [("comma", ">1,000"), ("comma", "1,000+"), ("decimal", ">-5")])
def test_the_transform_reads_no_number_that_may_be_another(notation, quantity):
    expression = {"path": "qty", "transforms": ["textToQuantity"]}
    mapping = MAPPING | {"inventoryQuantity": expression}
    items, (reject,) = read(table(f"A;{quantity};1"), mapping=mapping, decimalNotation=notation)

    assert ([], "inventoryQuantity", quantity) == (items, reject.field, reject.value)


@pytest.mark.parametrize("quantity", [">1.000", "<5", "5-10", "some", ">many"])
def test_the_transform_does_not_guess(quantity):
    expression = {"path": "qty", "transforms": ["textToQuantity"]}
    items, (reject,) = read(table(f"A;{quantity};1"), mapping=MAPPING | {"inventoryQuantity": expression})

    assert ([], "inventoryQuantity", quantity) == (items, reject.field, reject.value)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ('="00123"', "00123"),
        ("'00123", "00123"),
        ("\u00a000123\u200b", "00123"),
        ("\ufeff00123", "00123"),
        ("\u00ad00123 ", "00123"),
        ("A=1", "A=1"),
        ("O'Neill-1", "O'Neill-1"),
        ("9007199254740993123", "9007199254740993123"),
        ("1E5", "1E5"),
        ("12E+", "12E+"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "xml", "json"])
def test_a_key_is_what_it_was_before_spreadsheets_and_copying(written, key, form):
    if form == "csv":
        cell = f'"{written.replace(chr(34), chr(34) * 2)}"'
        data, more = (
            f"sku;vendorSku\n{cell};{cell}\nB;C\n",
            {"mapping": {"externalId": "sku", "vendorSku": "vendorSku"}},
        )
    elif form == "xml":
        data = f"<r><i><externalId>{written}</externalId><vendorSku>{written}</vendorSku></i></r>"
        more = {"resourceType": "xml", "itemPath": "/r/i"}
    else:
        data, more = json.dumps([{"externalId": written, "vendorSku": written}]), {"resourceType": "api"}
    (item, *_), rejects = read(data, **more)

    assert ({"externalId": key, "vendorSku": key}, []) == (item, rejects)


@pytest.mark.parametrize("key", ["4,00638E+12", "1.2E+12", "4.00638e+12", "1E+12"])
def test_a_key_in_scientific_notation_is_refused_with_its_cause(key):
    items, (reject,) = read(table(f"{key};1;1", "B;1;1"), mapping=MAPPING)

    assert ["B"] == [item["externalId"] for item in items]
    assert ("externalId", "scientific") == (reject.field, reject.code)
    assert "spreadsheet" in reject.message


@pytest.mark.parametrize("nothing", ["NULL", "N/A", "0", "-", "0000000000000"])
def test_a_word_in_place_of_a_barcode_is_no_value(nothing):
    items, rejects = read(f"externalId;barcode\nA;{nothing}\nB;4006381333931\n")

    assert ([{"externalId": "A"}, {"externalId": "B", "barcode": "4006381333931"}], []) == (items, rejects)


@pytest.mark.parametrize("transforms", [["trim"], ["number"], [{"name": "match", "pattern": "[0-9]+"}], []])
def test_numbers_beyond_those_of_a_float_keep_every_digit_through_transforms(transforms):
    number = 9007199254740993
    mapping = {"externalId": {"path": "id", "transforms": transforms}}

    for value in (number, str(number)):
        items, rejects = read(json.dumps([{"id": value}]), resourceType="api", mapping=mapping)
        assert ([{"externalId": "9007199254740993"}], []) == (items, rejects)
    assert "9007199254740993" == read(f"id\n{number}\n", mapping=mapping)[0][0]["externalId"]


def test_the_number_transform_takes_numbers_alone():
    mapping = {"externalId": "sku", "retailPrice": {"path": "price", "transforms": ["number"]}}
    items, rejects = read(table("A;1;NaN", "B;1;1e5", "C;1;Infinity", "D;1;12.50"), mapping=mapping)

    assert [("D", "12.5")] == [(item["externalId"], item["retailPrice"]) for item in items]
    assert [2, 3, 4] == [reject.row for reject in rejects]


def test_a_flag_and_a_unit_are_read_as_a_file_spells_them():
    rows = ["A;Yes;CM", "B;0;in", "C;TRUE;", "D;perhaps;cm"]
    items, rejects = read(
        table(*rows, head="externalId;manualInventoryPolicy;distanceUnit"), badAttributes="rejectItem"
    )

    assert [(True, "cm"), (False, "in"), (True, None)] == [
        (item["manualInventoryPolicy"], item.get("distanceUnit")) for item in items
    ]
    assert [(5, "manualInventoryPolicy", "type", "perhaps")] == brief(rejects)

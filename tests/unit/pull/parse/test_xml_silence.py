"""Several nodes where one value is wanted, and paths that find none or a part: nothing is taken in silence."""

import pytest

from tests.unit.pull.parse.reading import run


@pytest.mark.parametrize("path", ["qty", "stock/qty", "*[name() = 'qty']"])
def test_several_quantities_that_differ_are_no_quantity(path):
    inner = {"qty": "<qty>{}</qty><qty>7</qty>", "stock/qty": "<stock><qty>{}</qty><qty>7</qty></stock>"}
    inside = inner.get(path, inner["qty"])
    mapping = {"externalId": "sku", "inventoryQuantity": path}
    data = "".join(f"<p><sku>{key}</sku>{inside.format(first)}</p>" for key, first in (("A", 5), ("B", " 7 ")))
    items, (reject,), _ = run(f"<r>{data}</r>", "xml", mapping)

    assert [{"externalId": "B", "inventoryQuantity": 7}] == items
    assert ("A", "inventoryQuantity", "repeated") == (reject.external_id, reject.field, reject.code)
    assert "sum(stock)" in reject.message


AROUND = "<r><g>{before}<items><p><sku>1</sku><qty>2</qty></p></items>{behind}</g></r>"


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize(
    ("attribute", "path"),
    [
        ("externalId", "../../key"),
        ("externalId", "concat(../../key, '-', sku)"),
        ("externalId", "normalize-space(../../key)"),
        ("vendorSku", "../../key"),
        ("inventoryQuantity", "../../key"),
        ("inventoryQuantity", "number(../../key)"),
        ("inventoryQuantity", "qty * ../../key"),
        ("retailPrice", "(../../key) div 2"),
    ],
)
def test_several_nodes_around_an_item_that_differ_are_no_key_and_no_number(attribute, path, place):
    mapping = {"externalId": "sku", "inventoryQuantity": "qty"} | {attribute: path}

    def read(*keys):
        written = "".join(f"<key>{key}</key>" for key in keys)
        return run(
            AROUND.format(**{"before": "", "behind": "", place: written}), "xml", mapping, itemPath="/r/g/items/p"
        )

    _, (reject,), _ = read(4, 6)
    items, rejects, _ = read(4, " 4 ")

    assert (attribute, "repeated") == (reject.field, reject.code)
    assert "different values (4, 6)" in reject.message
    assert (1, []) == (len(items), rejects)


@pytest.mark.parametrize(
    ("attribute", "path"),
    [
        ("externalId", "concat(sku, '-', code)"),
        ("externalId", "substring(sku, 1, 9)"),
        ("inventoryQuantity", "number(sku)"),
        ("inventoryQuantity", "sku + 1"),
        ("inventoryQuantity", "(sku) * 2"),
        ("inventoryQuantity", "floor(sku)"),
    ],
)
def test_no_function_takes_the_first_of_several_nodes_for_a_key_or_a_number(attribute, path):
    mapping = {"externalId": "code", "inventoryQuantity": "code"} | {attribute: path}
    _, (reject,), _ = run("<r><p><sku>1</sku><sku>2</sku><code>3</code></p></r>", "xml", mapping)

    assert (attribute, "repeated") == (reject.field, reject.code)


@pytest.mark.parametrize("path", ["sum(sku)", "count(sku) + 1", "sku[1] + 2", "3 * (sku = 2)"])
def test_functions_and_signs_that_look_at_all_nodes_may(path):
    mapping = {"externalId": "code", "inventoryQuantity": path}
    items, rejects, _ = run("<r><p><sku>1</sku><sku>2</sku><code>3</code></p></r>", "xml", mapping)

    assert ([{"externalId": "3", "inventoryQuantity": 3}], []) == (items, rejects)


def test_of_several_texts_the_first_counts_and_a_chosen_number():
    mapping = {"externalId": "sku[1]", "inventoryQuantity": "sum(qty)", "name": "name"}
    data = "<r><p><sku>A</sku><sku>B</sku><qty>5</qty><qty>7</qty><name>d</name><name>e</name></p></r>"

    assert [{"externalId": "A", "inventoryQuantity": 12, "name": "d"}] == run(data, "xml", mapping)[0]


@pytest.mark.parametrize(("path", "value"), [("number(qty)", "1,500"), ("sum(qty)", "x"), ("qty * 2", "5 pcs")])
def test_an_xpath_that_makes_no_number_of_what_is_there_is_told(path, value):
    mapping = {"externalId": "sku", "inventoryQuantity": path, "name": "name"}
    data = f"<r><p><sku>A</sku><qty>{value}</qty></p><p><sku>B</sku><name>b</name></p></r>"
    items, (reject,), _ = run(data, "xml", mapping)

    kept = {} if path != "sum(qty)" else {"inventoryQuantity": 0}
    assert ([{"externalId": "B", "name": "b"} | kept], "A", "number") == (items, reject.external_id, reject.code)
    assert value in reject.message


@pytest.mark.parametrize("path", ["number({})", "{} * 2", "sum({})", "({}) div 2", "floor({})", "-{}"])
@pytest.mark.parametrize("node", ["qty", "@qty"])
@pytest.mark.parametrize(
    ("value", "notation", "code"),
    [
        ("1.500", "comma", "notation"),
        ("1.5", "comma", "notation"),
        ("1e3", "decimal", "number"),
        ("1,500", "decimal", "number"),
        ("1,5", "comma", "number"),
    ],
)
def test_an_xpath_calculates_with_what_the_file_says_and_nothing_else(path, node, value, notation, code):
    mapping = {"externalId": "sku", "retailPrice": path.format(node), "name": "sku"}
    data = f"<r><p qty='{value}'><sku>A</sku><qty>{value}</qty></p><p qty='6'><sku>B</sku><qty>6</qty></p></r>"
    items, (reject,), _ = run(data, "xml", mapping, decimalNotation=notation)

    assert (2, "A", code) == (len(items), reject.external_id, reject.code)
    assert ["name", "retailPrice"] == sorted(items[1].keys() - {"externalId"})


def test_what_an_xpath_has_calculated_is_a_number_in_every_notation():
    for notation in ("decimal", "comma"):
        mapping = {"externalId": "sku", "retailPrice": "qty div 8", "costPrice": "qty div 1000"}
        (item,), rejects, _ = run("<r><p><sku>A</sku><qty>1234</qty></p></r>", "xml", mapping, decimalNotation=notation)
        assert ("154.25", "1.234", []) == (item["retailPrice"], item["costPrice"], rejects)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("1,250.00", "substring-before(qty, ',')"),
        ("1 250.00 EUR", "substring-before(qty, ' ')"),
        ("EUR -5", "substring-after(qty, '-')"),
        ("55 pcs", "substring(qty, 1, 1)"),
    ],
)
def test_an_xpath_that_cuts_a_number_in_two_is_told(value, path):
    mapping = {"externalId": "sku", "retailPrice": path, "name": "sku"}
    (item,), (reject,), _ = run(f"<r><p><sku>A</sku><qty>{value}</qty></p></r>", "xml", mapping)

    assert {"externalId": "A", "name": "A"} == item
    assert ("retailPrice", "number") == (reject.field, reject.code)
    assert "takes but a part of a number" in reject.message


@pytest.mark.parametrize(
    ("value", "path", "number"),
    [
        ("12.50 EUR", "substring-before(qty, ' ')", "12.5"),
        ("EUR 12.50", "substring-after(qty, ' ')", "12.5"),
        ("1,250", "translate(qty, ',', '')", "1250"),
    ],
)
def test_an_xpath_may_take_a_number_out_of_a_text(value, path, number):
    mapping = {"externalId": "sku", "retailPrice": path}
    (item,), rejects, _ = run(f"<r><p><sku>A</sku><qty>{value}</qty></p></r>", "xml", mapping)

    assert (number, []) == (item["retailPrice"], rejects)


def test_a_key_of_attributes_whose_first_one_is_missing_is_no_key():
    mapping = {"externalId": "concat(@sku, '-', @code)", "inventoryQuantity": "@qty"}
    items, (reject,), _ = run("<r><p code='c' qty='5'/><p sku='A' code='c' qty='6'/></r>", "xml", mapping)

    assert [{"externalId": "A-c", "inventoryQuantity": 6}] == items
    assert ("externalId", "required") == (reject.field, reject.code)


@pytest.mark.parametrize("sku", ["", "<sku/>", "<sku> </sku>"])
def test_a_key_whose_first_part_is_missing_is_no_key(sku):
    mapping = {"externalId": "concat(sku, '-', code)", "inventoryQuantity": "qty"}
    data = f"<r><p>{sku}<code>c</code><qty>5</qty></p><p><sku>A</sku><qty>6</qty></p></r>"
    items, (reject,), _ = run(data, "xml", mapping)

    assert [{"externalId": "A-", "inventoryQuantity": 6}] == items
    assert ("externalId", "required") == (reject.field, reject.code)

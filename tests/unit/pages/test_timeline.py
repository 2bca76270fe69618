"""A timeline as people read it: by attribute, as steps of the quantity, as a file without formulas."""

from datetime import UTC, datetime, timedelta

from ingest.pages.charts import HEIGHT, WIDTH
from ingest.pages.timeline import about, attributes_of, entry_of, naming, quantity_chart, rows_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(hours, **changes):
    at = (NOW - timedelta(hours=hours)).isoformat()
    told = {name: {"old": old, "new": new} for name, (old, new) in changes.items()}
    return entry_of(
        {
            "outcome": "updated",
            "batchId": "b",
            "source": "webhook",
            "receivedAt": at,
            "appliedAt": at,
            "changes": told,
            "times": 1,
        },
        "Acme",
    )


def test_entries_are_filtered_by_what_they_changed():
    price, both = entry(1, costPrice=(1, 2)), entry(2, costPrice=(0, 1), inventoryQuantity=(5, 7))
    assert ["costPrice", "inventoryQuantity"] == attributes_of([price, both])
    assert [both] == about([price, both], "inventoryQuantity")
    assert [price, both] == about([price, both], "")


def test_a_connection_is_told_by_the_sku_where_it_is_known():
    connected, other = entry(1, variantId=(None, 7), costPrice=(1, 2)), entry(2, variantId=(7, 8))
    told = naming([connected, other, entry(3)], {7: "oak-table"})
    assert {"old": None, "new": "oak-table"} == told[0]["changes"]["variantId"]
    assert {"old": 1, "new": 2} == told[0]["changes"]["costPrice"]
    assert {"old": "oak-table", "new": 8} == told[1]["changes"]["variantId"]
    assert entry(3) == told[2]


def test_the_quantity_is_a_line_of_steps_from_the_first_change_until_now():
    entries = [entry(0, costPrice=(1, 2)), entry(1, inventoryQuantity=(8, None)), entry(4, inventoryQuantity=(5, 10))]
    chart = quantity_chart(entries, NOW, "UTC")
    assert f"M0.0 {HEIGHT - HEIGHT:.1f}H{WIDTH * 0.75:.1f}" == chart.series[0].points  # then it is not known
    assert [("1 Mar 08:00", [10]), ("1 Mar 11:00", [None]), ("1 Mar 12:00", [None])] == chart.rows
    assert quantity_chart([entry(1, costPrice=(1, 2))], NOW, "UTC") is None


def test_a_file_has_a_row_for_each_attribute_and_for_a_message_that_changed_nothing():
    rows = rows_of([entry(1, costPrice=(1, 2), inventoryQuantity=(5, 7)), entry(2)])
    assert [("costPrice", 1, 2), ("inventoryQuantity", 5, 7), ("", None, None)] == [row[9:12] for row in rows]
    assert [("2026-03-01T11:00:00+00:00", "Acme", "updated")] * 2 == [(row[0], row[2], row[3]) for row in rows[:2]]

"""Feed variants as files: all of them, in the order of the list, whatever a spreadsheet would make of them."""

import csv
import io

import orjson

from ingest.api.shared import stored_pages

ROWS = 53


async def test_a_file_has_what_the_list_has_in_either_format(api, monkeypatch):
    monkeypatch.setattr(stored_pages, "EXPORTED_AT_ONCE", 10)
    monkeypatch.setattr(stored_pages, "MAX_LOOKED_AT", 7)
    first, second = await api.new_feed(), await api.new_feed()
    for feed in (first, second):
        api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, external_id, vendor_sku, item_hash, details_hash,"
            " created_at, updated_at) SELECT %s, %s, number::text, '=1+1', 0, 0, now(), now()"
            " FROM generate_series(1, %s) number",
            api.account_id,
            feed["id"],
            ROWS,
        )
    api.execute(
        'INSERT INTO feed_variant_details SELECT account_id, id, \'{"name": "+49", "tags": ["a"]}\' FROM feed_variants'
    )
    listed = await api.ok("GET", "/api/inventory-feed-variants.json?limit=500")

    lines = await api.call("GET", "/api/inventory-feed-variants.ndjson")
    slow = await api.call("GET", "/api/inventory-feed-variants.ndjson?connected=false")
    table = await api.call("GET", f"/api/inventory-feed-variants.csv?inventoryFeedId={second['id']}")
    cells = list(csv.DictReader(io.StringIO(await table.text())))
    bound = await api.ok("POST", "/api/tokens.json", {"name": "v", "inventoryFeedId": first["id"]})
    own = await api.call("GET", "/api/inventory-feed-variants.ndjson", bound["token"])

    assert listed == [orjson.loads(line) for line in (await lines.text()).splitlines()]
    assert (2 * ROWS, await lines.text()) == (len(listed), await slow.text())
    assert ROWS == len((await own.text()).splitlines())
    assert [one["externalId"] for one in listed[ROWS:]] == [row["externalId"] for row in cells]
    assert {("'=1+1", '["a"]')} == {(row["vendorSku"], row["tags"]) for row in cells}
    assert ("text/csv", 'attachment; filename="feed-variants.csv"') == (
        table.content_type,
        table.headers["Content-Disposition"],
    )
    assert list(listed[0]) == list(cells[0])
    await api.problem(400, "GET", "/api/inventory-feed-variants.csv?connected=maybe")

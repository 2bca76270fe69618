"""Previews of drafts: one file, many settings, nothing written but the draft."""

import os

from ingest.api.shared.previews.kept import KeptFiles

CSV = "Artikel;Bezeichnung;Bestand;EK-Preis\nC-1;Lampe;7;10,25\nC-2;Stuhl;soon;1.020,50\n"


async def test_a_sample_is_detected_mapped_and_shown_row_beside_row(api):
    shown = await api.ok("POST", "/api/previews.json", {"sample": CSV})

    found = {one["setting"]: one["value"] for one in shown["detected"]}
    assert ("ftpCsv", "comma", ";") == (found["resourceType"], found["decimalNotation"], found["delimiter"])
    assert {"externalId": "Artikel", "inventoryQuantity": "Bestand"}.items() <= shown["settings"]["mapping"].items()
    good, bad = shown["rows"]
    assert (2, "created", 7, "10.25") == (
        good["row"], good["outcome"], good["item"]["inventoryQuantity"], good["item"]["costPrice"],
    )  # fmt: skip
    assert {"Artikel": "C-2", "Bestand": "soon"}.items() <= bad["raw"].items()
    assert ("rejected", "Bestand") == (bad["outcome"], bad["rejects"][0]["column"])
    (group,) = shown["groups"]
    assert (1, ["soon"], "“soon” means 0") == (group["count"], group["values"], group["mend"]["label"])


async def test_other_settings_are_tried_on_the_kept_file_and_the_draft_is_there_later(api, settings):
    first = await api.ok("POST", "/api/previews.json", {"sample": CSV})
    path = f"/api/previews/{first['id']}.json"
    mapping = {**first["settings"]["mapping"]}
    mapping["inventoryQuantity"] = {"path": "Bestand", "transforms": [{"name": "textToQuantity", "words": {"soon": 0}}]}

    tried = await api.ok("PUT", path, {"settings": {"mapping": mapping}})
    assert (2, 0, []) == (tried["rowsMapped"], tried["rowsRejected"], tried["groups"])
    assert 1020.5 == float(tried["rows"][1]["item"]["costPrice"])
    wrong = await api.ok("PUT", path, {"settings": {"mapping": {"externalId": "Nummer"}}})
    assert "Nummer" in wrong["error"]
    assert "Artikel" in wrong["columns"]

    name = api.execute("SELECT file FROM previews WHERE id = %s", first["id"])
    kept = KeptFiles(settings.pull_folder).path(api.account_id, name)
    os.utime(kept, (0, 0))
    gone = await api.ok("GET", path)
    assert "send it again" in gone["error"]
    assert {"externalId": "Nummer"} == gone["settings"]["mapping"]


async def test_a_draft_of_a_feed_tells_what_it_changes_on_the_same_rows(api):
    feed = await api.new_feed(
        resourceType="ftpCsv",
        resourceLocation="http://127.0.0.1:1/x.csv",
        decimalNotation="comma",
        mapping={"externalId": "Artikel", "inventoryQuantity": "Bestand", "costPrice": "EK-Preis"},
    )
    sample = "Artikel;Bestand;EK-Preis\nA;1;10,50\nB;2;20,50\nC;none;1,00\n"
    shown = await api.ok("POST", "/api/previews.json", {"feedId": feed["id"], "sample": sample})
    assert (3, 1, 1, {}) == tuple(
        shown["changed"][name] for name in ("rows", "rejectsBefore", "rejectsAfter", "changed")
    )

    mapping = {"externalId": "Artikel", "inventoryQuantity": {"path": "Bestand", "transforms": [
        {"name": "textToQuantity", "words": {"none": 0}}]}, "costPrice": "EK-Preis"}  # fmt: skip
    path = f"/api/previews/{shown['id']}.json"
    mended = await api.ok("PUT", path, {"settings": {"mapping": mapping}})
    assert (1, 0) == (mended["changed"]["rejectsBefore"], mended["changed"]["rejectsAfter"])

    mapping["costPrice"] = {"path": "EK-Preis", "transforms": [{"name": "suffix", "text": "0"}]}
    moved = await api.ok("PUT", path, {"settings": {"mapping": mapping, "decimalNotation": "comma"}})
    assert {} == moved["changed"]["changed"]
    saved = await api.ok("GET", f"/api/inventory-feeds/{feed['id']}.json")
    assert {"path": "EK-Preis"} == saved["mapping"]["costPrice"]  # nothing is written but the draft


async def test_a_private_address_and_a_web_page_are_told_in_the_fetchers_words(api):
    location = {"resourceLocation": "http://127.0.0.1:9/stock.csv"}
    problem = await api.problem(422, "POST", "/api/previews.json", json=location)
    assert "127.0.0.1" in problem["detail"]
    page = await api.problem(422, "POST", "/api/previews.json", json={"sample": "<!doctype html><html>Log in"})
    assert "api.previews.create.html" == page["title"]

"""Dead letters by cause, and the operations on them: count, confirm, progress, result, and taking back."""

import json
import uuid

import asyncpg
import pytest

from schemas.batches import Batch, Source
from workers.clock import Clock
from workers.duties.operations import Operations


@pytest.fixture
async def feed(api):
    """A feed of the first account."""
    return await api.new_feed(name="Acme <stock>")


@pytest.fixture
def bury(api, feed):
    """Bury an item; returns the id of its dead letter."""

    def bury(name, reason="value “no” is too long", code="postgres.22001"):
        return api.execute(
            "INSERT INTO dead_letters (account_id, feed_id, external_id, code, reason, payload, received_at)"
            " VALUES (%s, %s, %s, %s, %s, '{}', now()) RETURNING id",
            *(api.account_id, feed["id"], name, code, reason),
        )

    return bury


@pytest.fixture
def work(api):
    """Do what is open, as the worker whose duty it is; replays arrive nowhere."""

    async def work():
        async def publish(batch):
            raise AssertionError(batch)

        connection = await asyncpg.connect(api.database)
        duty = Operations(b"k" * 32, publish, Clock())
        while await duty.round(connection):
            pass
        await connection.close()

    return work


def fields_of(page, path):
    """Return the hidden fields of the form that leads to a path."""
    (form,) = [form for form in page.tree.forms if form.action == path]
    return {field.name: field.value or "" for field in form.inputs if field.name and field.get("type") != "radio"}


async def test_dead_letters_stand_by_cause_whatever_their_values_with_a_note(dashboard, feed, bury):
    for number in range(3):
        bury(f"D-{number}", f'value "{number}" is too long')
    bury("E-1", "another reason")
    browser = await dashboard.browser("write")
    page = await browser.page("/dead-letters")
    assert ["3", "1"] == page.texts("td[data-label=Count]")
    assert "value … is too long" == page.texts("tbody th .quiet")[0]
    assert ["3 in the last 24 hours, 3 in the last"] == [
        svg.get("aria-label") for svg in page.tree.cssselect("tbody tr:first-child .trend svg")
    ]
    note = next(form for form in page.tree.forms if form.action == "/dead-letters/note")
    sent = {field.name: field.value for field in note.inputs if field.name}
    page = await browser.post("/dead-letters/note", {**sent, "note": "their export adds <zeros>"})
    assert "their export adds <zeros>" in page.texts("td[data-label^=Newest] strong")
    (href,) = {link.get("href") for link in page.tree.cssselect("tbody tr:first-child td[data-label=Count] a")}
    assert ["D-0", "D-1", "D-2"] == (await browser.page(href)).texts("tbody th")


async def test_a_cause_is_discarded_without_newcomers_and_the_toast_takes_it_back(dashboard, bury, work, api):
    for number in range(2):
        bury(f"D-{number}")
    browser = await dashboard.browser("write")
    page = await browser.page("/dead-letters")
    discard = fields_of(page, "/dead-letters/begin")
    bury("newcomer")
    page = await browser.post("/dead-letters/begin", discard)
    assert "2 dead letters are being discarded." in page.text_of(".toast")
    (undo,) = [form.action for form in page.tree.cssselect(".toast form")]
    await work()
    page = await browser.page("/dead-letters?status=discarded")
    assert ["2"] == page.texts("td[data-label=Count]")
    operation = await browser.page(undo.removesuffix("/undo"))
    assert ["finished", "discarded", "discarded"] == operation.texts(".pill")
    assert {"D-0", "D-1"} == set(operation.texts("#did th[scope=row]"))

    page = await browser.post(undo)
    assert "restore 2 dead letters" in page.text_of("h1")
    await work()
    assert ["3"] == (await browser.page("/dead-letters")).texts("td[data-label=Count]")
    audited = api.execute("SELECT jsonb_agg(operation ORDER BY id) FROM audit_log")
    assert ["operations.create", "operations.create"] == audited


async def test_a_discard_that_is_taken_back_before_anything_was_done_discards_nothing(dashboard, bury, work):
    bury("D-1")
    browser = await dashboard.browser("write")
    page = await browser.post(
        "/dead-letters/begin", fields_of(await browser.page("/dead-letters"), "/dead-letters/begin")
    )
    (undo,) = [form.action for form in page.tree.cssselect(".toast form")]
    page = await browser.post(undo)
    assert "Nothing that it discarded is left to restore." in page.text_of(".toast")
    await work()
    assert ["cancelled"] == (await browser.page(undo.removesuffix("/undo"))).texts(".pill")
    assert ["1"] == (await browser.page("/dead-letters")).texts("td[data-label=Count]")


async def test_the_confirmation_of_a_replay_counts_and_tells_how_many_have_newer_values(dashboard, bury, feed, api):
    letters = [bury(f"D-{number}") for number in range(3)]
    api.execute(
        "INSERT INTO dead_keys (dead_letter_id, account_id, feed_id, external_id, overtaken_at)"
        " VALUES (%s, %s, %s, 'D-0', now())",
        *(letters[0], api.account_id, feed["id"]),
    )
    browser = await dashboard.browser("write")
    (href,) = [
        link.get("href")
        for link in (await browser.page("/dead-letters")).tree.cssselect("tbody a.button")
        if "Replay 3" in link.text_content()
    ]
    page = await browser.page(href)
    assert "Replay 3 dead letters?" == page.text_of("h1")
    assert "3 match, 1 has newer values." in page.texts("main strong")
    assert ["skip"] == [radio.get("value") for radio in page.tree.cssselect("input[type=radio][checked]")]
    given = {**fields_of(page, "/dead-letters/begin"), "newer": "skip", "first": "1", "perSecond": "10"}
    page = await browser.post("/dead-letters/begin", given)
    assert ("queued", "0 of 3") == (page.text_of(".pill"), page.text_of("#progress strong"))
    made = (await api.ok("GET", "/api/operations.json"))[0]
    assert ("replay", 3, letters[-1], 1, 10, "skip") == tuple(
        made[name] for name in ("kind", "total", "maxId", "pauseAt", "perSecond", "newer")
    )

    page = await browser.post(f"{page.url}/pause")
    assert "paused" == page.text_of(".pill")
    assert "Paused by test (token" in page.text_of("#progress p.said")
    page = await browser.post(f"{page.url}/resume")
    assert "queued" == page.text_of(".pill")
    page = await browser.post(f"{page.url}/cancel")
    assert "cancelled" == page.text_of(".pill")
    again = await browser.post(f"{page.url}/resume", {"back": page.url})
    assert "It is cancelled. Nothing was changed." == again.text_of(".toast")


async def test_more_than_a_thousand_are_typed(dashboard, bury, feed, api):
    api.execute(
        "INSERT INTO dead_letters (account_id, feed_id, external_id, code, reason, payload, received_at)"
        " SELECT %s, %s, n, 'x', 'y', '{}', now() FROM generate_series(1, 1001) n",
        *(api.account_id, feed["id"]),
    )
    browser = await dashboard.browser("write")
    page = await browser.page("/dead-letters")
    assert ["Replay 1,001", "Discard 1,001"] == page.texts("tbody a.button")
    assert ["1,001"] == page.texts("td[data-label=Count]")
    href = page.tree.cssselect("tbody a.button")[1].get("href")
    page = await browser.page(href)
    given = fields_of(page, "/dead-letters/begin")
    refused = await browser.post("/dead-letters/begin", given)
    assert "Type the count, 1001, to discard so many. Nothing was changed." == refused.text_of(".toast")
    done = await browser.post("/dead-letters/begin", {**given, "typed": "1001"})
    assert "1,001 dead letters are being discarded." in done.text_of(".toast")


async def test_one_dead_letter_is_discarded_and_restored_by_hand(dashboard, bury):
    number = bury("D-1")
    browser = await dashboard.browser("write")
    page = await browser.post(f"/dead-letters/{number}/discard")
    assert ["discarded"] == page.texts(".pill")
    (undo,) = [form.action for form in page.tree.cssselect(".toast form")]
    page = await browser.post(undo)
    assert ["waits"] == page.texts(".pill")


async def test_a_viewer_counts_and_looks_and_changes_nothing(dashboard, bury, api):
    bury("D-1")
    viewer = await dashboard.browser("read")
    page = await viewer.page("/dead-letters")
    assert (["1"], [], []) == (
        page.texts("td[data-label=Count]"),
        page.texts("main button"),
        page.texts("main details"),
    )
    assert 403 == (await viewer.page("/dead-letters/confirm?kind=replay")).status
    read = api.new_token(api.account_id, "read")
    counted = await api.ok("POST", "/api/operations/count.json", {"kind": "replay", "all": True}, token=read)
    assert (1, 0) == (counted["total"], counted["newer"])
    create = {"kind": "replay", "all": True, "maxId": counted["maxId"]}
    assert 403 == (await api.call("POST", "/api/operations.json", token=read, json=create)).status
    wrong = await api.problem(422, "POST", "/api/operations.json", json={"kind": "replay", "maxId": 1})
    assert "give feedId, code, cause or ofOperation, or else all: true" in wrong["detail"]
    gone = await api.problem(409, "POST", "/api/operations.json", json={**create, "code": "none", "all": False})
    assert "api.operations.create.nothing" == gone["title"]


async def test_an_item_is_edited_before_its_replay_and_what_cannot_be_one_is_told_beside_what_was_typed(
    dashboard, api, feed
):
    item = {"externalId": "A-1", "inventoryQuantity": 99}
    batch = Batch(uuid.uuid4(), api.account_id, feed["id"], 0, Source.API, [item], indexes=[4])
    number = api.execute(
        "INSERT INTO dead_letters (account_id, feed_id, external_id, code, reason, payload)"
        " VALUES (%s, %s, 'A-1', 'permanent', 'too many', %s) RETURNING id",
        *(api.account_id, feed["id"], batch.encode()),
    )
    here = f"/dead-letters/{number}"
    assert [] == (await (await dashboard.browser("read")).page(here)).tree.cssselect("#item")
    browser = await dashboard.browser("write")
    (typed,) = (await browser.page(here)).tree.cssselect("#item")
    assert item == json.loads(typed.text)
    for text, told in (('{"externalId": "A-1",', "not JSON"), ('{"externalId": "B"}', "must stay the item A-1")):
        wrong = await browser.post(f"{here}/edit", {"item": text})
        assert (422, text) == (wrong.status, wrong.tree.cssselect("#item")[0].text.strip())
        assert told in wrong.text_of("[role=alert]")
    sent = await browser.post(f"{here}/edit", {"item": json.dumps({**item, "inventoryQuantity": 9})})
    assert "Replayed as edited: this is what becomes of it." == sent.text_of(".toast span")
    assert sent.url.startswith("/receipts/")
    assert "replayed" == api.execute("SELECT status FROM dead_letters WHERE id = %s", number)
    logged = api.execute("SELECT after FROM audit_log WHERE operation = 'edited_replays.create'")
    assert {"inventoryQuantity": {"old": 99, "new": 9}} == logged["changes"]

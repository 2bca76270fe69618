"""Dead letters over the API: listed, replayed as they are or edited, discarded."""

from tests.integration.api.road import parse_webhook, until


async def test_dead_letters_are_listed_shown_replayed_and_discarded(goods):
    goods.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.external_id LIKE 'bad%%' THEN RAISE EXCEPTION 'no such thing' USING ERRCODE = '23514'; "
        "END IF; RETURN NEW; END $$"
    )
    goods.execute("CREATE TRIGGER refuse BEFORE INSERT ON feed_variants FOR EACH ROW EXECUTE FUNCTION refuse()")
    problem = await goods.problem(500, "PUT", parse_webhook(goods.feed), json={"externalId": "bad1"})
    assert "dead" == problem["details"]["outcome"]
    await goods.problem(500, "PUT", parse_webhook(goods.feed), json={"externalId": "bad2"})

    first, second = await goods.ok("GET", "/api/dead-letters.json")
    assert ("bad1", "dead") == (first["externalId"], first["status"])
    shown = await goods.ok("GET", f"/api/dead-letters/{first['id']}.json")
    assert [{"externalId": "bad1"}] == shown["payload"]["items"]

    goods.execute("DROP TRIGGER refuse ON feed_variants")
    replayed = await goods.ok("POST", f"/api/dead-letters/{first['id']}/replay.json")
    assert "replayed" == replayed["status"]
    found = "/api/inventory-feed-variants.json?externalId=bad1"
    assert await until(lambda: goods.ok("GET", found), bool)
    await goods.problem(409, "POST", f"/api/dead-letters/{first['id']}/replay.json")

    await edited_before_its_replay(goods, second["id"])
    goods.execute("UPDATE dead_letters SET status = 'dead' WHERE id = %s", second["id"])
    settled = await goods.ok("POST", "/api/dead-letters/discard.json", {"feedId": goods.feed["id"]})
    assert [second["id"]] == settled["settled"]
    assert ["discarded"] == [row["status"] for row in await goods.ok("GET", "/api/dead-letters.json?status=discarded")]


async def edited_before_its_replay(goods, number):
    """Replay a dead letter with its item edited, and look at what is told of it."""
    path = f"/api/dead-letters/{number}/edited-replays.json"
    for item, told in (
        ({"externalId": "bad2", "inventoryQuantity": "x"}, "expected a whole number"),
        ({"externalId": "bad2", "inventryQuantity": 1}, "inventryQuantity"),
        ({"externalId": "bad3"}, "it must stay the item bad2"),
    ):
        assert told in (await goods.problem(422, "POST", path, json={"item": item}))["detail"]
    replayed = await goods.ok("POST", path, {"item": {"externalId": "bad2", "inventoryQuantity": 7}})
    assert {"inventoryQuantity": {"old": None, "new": 7}} == replayed["changes"]
    receipt = f"/api/batches/{replayed['batchId']}.json"
    done = await until(lambda: goods.ok("GET", receipt), lambda found: found["status"] == "done")
    (line,) = done["items"]
    assert ("created", "replay.edited") == (line["outcome"], line["warnings"][0]["code"])
    (stored,) = await goods.ok("GET", "/api/inventory-feed-variants.json?externalId=bad2")
    history = await goods.ok("GET", f"/api/inventory-feed-variants/{stored['id']}/history.json")
    assert "edited before its replay: inventoryQuantity" == history["entries"][0]["message"]
    assert [{"externalId": "bad2"}] == (await goods.ok("GET", f"/api/dead-letters/{number}.json"))["payload"]["items"]
    await goods.problem(409, "POST", path, json={"item": {"externalId": "bad2"}})


async def test_a_bulk_operation_must_say_what_it_means(goods):
    await goods.problem(422, "POST", "/api/dead-letters/discard.json", json={})
    await goods.problem(422, "POST", "/api/dead-letters/replay.json", json={"all": True, "ids": [1]})

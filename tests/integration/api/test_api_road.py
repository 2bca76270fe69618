"""The API at the near end of the road: whose reply is whose, a broker that is away, who connects to what."""

import asyncio
import uuid

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from ingest.amqp.publish import Unavailable
from ingest.api.app import application
from ingest.api.framework.auth import TOKENS_KEY
from ingest.api.framework.call import SERVICES
from schemas.batches import Batch, Source
from tests.cases import in_one_test
from tests.integration.api.road import EXAMPLE, connected_to, parse_webhook, until
from workers.duties.outbox import OutboxDuty
from workers.service import Worker

LIST, VARIANTS = "/api/inventory-feed-variants.json", "/api/variants.json"
EVERY_ROW = "SELECT count(*) FROM feed_variants"
CONNECTED = "SELECT count(*) FROM feed_variants WHERE variant_id IS NOT NULL"


@pytest.mark.usefixtures("worker")
async def test_each_of_two_api_processes_gets_its_own_replies(api, settings):
    feed, count = await api.new_feed(), 20
    second = TestServer(application(settings))
    await second.start_server()

    async with TestClient(second) as other:

        async def send(client, external_id):
            body, headers = {**EXAMPLE, "externalId": external_id}, {"Authorization": f"Bearer {api.token}"}
            async with client.put(parse_webhook(feed), json=body, headers=headers) as response:
                return response.status, (await response.json()).get("externalId")

        names = [f"{which}{number}" for number in range(count) for which in ("first", "second")]
        clients = [api.client, other] * count
        answers = await asyncio.gather(*map(send, clients, names))

    assert [(200, name) for name in names] == answers


async def test_a_read_only_postgres_is_still_read_from_and_writes_are_told_to_try_again(api, read_only):
    feed = await api.new_feed()
    path = f"/api/inventory-feeds/{feed['id']}.json"
    api.client.server.app[TOKENS_KEY].forget()
    api.execute("UPDATE api_tokens SET last_used_at = NULL")
    with read_only():

        async def refused():
            return (await api.call("PUT", path, json={"name": "New"})).status == 503

        async with asyncio.timeout(120):
            while not await refused():  # the setting reaches each session when it next looks
                pass
        assert feed["id"] == (await api.ok("GET", path))["id"]
    async with asyncio.timeout(120):
        while await refused():
            pass
    assert "New" == (await api.ok("GET", path))["name"]


@pytest.fixture
async def cut_off(api, settings):
    """An API whose broker is away, over the same database."""
    server = TestServer(application(settings.model_copy(update={"amqp_url": SecretStr("amqp://127.0.0.1:1/")})))
    await server.start_server()
    whole, feed = api.client, await api.new_feed()
    async with TestClient(server) as client:
        api.client = client
        api.feed = feed
        yield api
    api.client = whole


@pytest.fixture
def stored(cut_off):
    """With an item and a dead letter."""
    account, feed = cut_off.account_id, cut_off.feed["id"]
    cut_off.execute(
        "INSERT INTO feed_variants (account_id, feed_id, id, external_id, item_hash, details_hash, created_at,"
        " updated_at, inventory_quantity) VALUES (%s, %s, 7, 'old', 0, 0, now(), now(), 5)",
        *(account, feed),
    )
    batch = Batch(uuid.uuid4(), account, feed, 0, Source.API, [{"externalId": "old"}])
    cut_off.execute(
        "INSERT INTO dead_letters (account_id, id, feed_id, batch_id, code, reason, payload) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, 7, %s, %s, 'permanent', 'test', %s)",
        *(account, feed, batch.batch_id, batch.encode()),
    )
    return cut_off


@in_one_test(
    "method, path, body",
    [
        ("PUT", "parse-webhook", EXAMPLE),
        ("PUT", "parse-webhook", [EXAMPLE]),
        ("POST", LIST, EXAMPLE),
        ("PUT", "/api/inventory-feed-variants/7.json", {"inventoryQuantity": 1}),
        ("PUT", "/api/inventory-feed-variants/7.json", {"variantId": None}),
        ("DELETE", "/api/inventory-feed-variants/7.json", None),
        ("POST", "/api/dead-letters/7/replay.json", None),
        ("POST", "/api/dead-letters/replay.json", {"all": True}),
        ("POST", "/api/dead-letters/7/edited-replays.json", {"item": {"externalId": "old", "inventoryQuantity": 1}}),
    ],
)
async def test_with_the_broker_away_a_change_is_refused_and_nothing_is_done(stored, method, path, body):
    if path == LIST:
        body = {**body, "inventoryFeedId": stored.feed["id"]}

    answer = await stored.call(method, parse_webhook(stored.feed) if path == "parse-webhook" else path, json=body)

    assert (503, True) == (answer.status, "Retry-After" in answer.headers), await answer.text()
    assert (await answer.json())["title"].endswith(".queue.disconnected")
    assert (1, 5) == (stored.execute(EVERY_ROW), stored.execute("SELECT inventory_quantity FROM feed_variants"))
    assert "dead" == stored.execute("SELECT status FROM dead_letters")


@pytest.mark.usefixtures("worker")
async def test_a_thousand_variants_connect_the_thousand_that_wait_for_them(api):
    feed, count = await api.new_feed(), 1_000
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, external_id, vendor_sku, item_hash, details_hash, created_at,"
        " updated_at) SELECT %s, %s, n, 'sku' || n, 0, 0, now(), now() FROM generate_series(1, %s) AS n",
        *(api.account_id, feed["id"], count),
    )

    made = await api.ok("POST", VARIANTS, [{"sku": f"sku{n}"} for n in range(1, count + 1)])

    async def connected():
        return api.execute(CONNECTED)

    assert count == len(made)
    await until(connected, lambda connections: connections == count)
    wrong = "SELECT count(*) FROM feed_variants i JOIN variants v ON v.id = i.variant_id WHERE v.sku <> i.vendor_sku"
    assert 0 == api.execute(wrong)


WAITING = "SELECT count(*) FROM outbox"


async def settled(api, connected):
    """Wait until the outbox is empty and the feed variants are connected to these variants, by their external ids."""
    sql = "SELECT jsonb_object_agg(external_id, variant_id) FROM feed_variants"

    async def seen():
        return api.execute(WAITING), api.execute(sql)

    await until(seen, lambda found: found == (0, connected))


def add_feed_variants(api, *skus):
    for sku in skus:
        api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, external_id, vendor_sku, item_hash, details_hash,"
            " created_at, updated_at) VALUES (%s, %s, %s, %s, 0, 0, now(), now())",
            *(api.account_id, api.feed["id"], sku, sku),
        )


async def test_a_change_of_variants_while_the_broker_is_away_connects_when_it_is_back(cut_off, settings):
    add_feed_variants(cut_off, "kept", "dropped", "again", "late")
    kept, dropped, again = [
        (await cut_off.ok("POST", VARIANTS, {"sku": sku}))["id"] for sku in ("kept", "dropped", "again")
    ]
    late = await cut_off.ok("POST", VARIANTS, {"sku": "early"})
    await cut_off.ok("PUT", f"/api/variants/{late['id']}.json", {"sku": "late"})
    assert (4, 0) == (cut_off.execute(WAITING), cut_off.execute(CONNECTED))

    running = Worker(settings)
    work = asyncio.create_task(running.run())
    try:
        await settled(cut_off, {"kept": kept, "dropped": dropped, "again": again, "late": late["id"]})
        for gone in (dropped, again):
            await cut_off.ok("DELETE", f"/api/variants/{gone}.json")
        new = await cut_off.ok("POST", VARIANTS, {"sku": "again"})
        await settled(cut_off, {"kept": kept, "dropped": None, "again": new["id"], "late": late["id"]})
    finally:
        running.stop()
        await work


async def test_what_an_earlier_change_left_is_sent_before_what_a_later_one_brings(api):
    api.feed = await api.new_feed()
    add_feed_variants(api, "a", "b")
    sent, publisher = [], api.client.server.app[SERVICES].publisher
    tried = publisher.publish

    async def refuse(batch):
        raise Unavailable("full")

    async def take(batch):
        sent.append(batch)

    publisher.publish = refuse
    await api.ok("POST", VARIANTS, {"sku": "a"})
    publisher.publish = take
    await api.ok("POST", VARIANTS, {"sku": "b"})
    publisher.publish = tried

    assert [[{"externalId": "a"}], [{"externalId": "b"}]] == [batch.items for batch in sent]
    assert 0 == api.execute(WAITING)


async def test_a_batch_whose_removal_was_cut_off_is_sent_again_with_the_same_id(api, settings):
    api.feed = await api.new_feed()
    add_feed_variants(api, "a")
    api.execute("CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '57014'; END $$")
    api.execute("CREATE TRIGGER cut BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION cut()")
    sent, publisher = [], api.client.server.app[SERVICES].publisher
    tried = publisher.publish

    async def take(batch):
        sent.append(batch)

    publisher.publish = take
    await api.ok("POST", VARIANTS, {"sku": "a"})
    publisher.publish = tried
    api.execute("DROP TRIGGER cut ON outbox")
    connection = await asyncpg.connect(settings.dsn)
    await OutboxDuty(take).round(connection)
    await connection.close()

    first, second = sent
    assert (first.batch_id, 0) == (second.batch_id, api.execute(WAITING))


async def test_one_variant_too_many_is_refused(api):
    problem = await api.problem(413, "POST", VARIANTS, json=[{"sku": str(n)} for n in range(1_001)])

    assert problem["title"].endswith(".count")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("first", ["item", "variant"])
@pytest.mark.parametrize(
    ("rule", "item", "variant"),
    [
        ({"caseInsensitiveSkus": True}, {"vendorSku": "Oak-ÄB"}, {"sku": "oAK-äb"}),
        (
            {"automaticallyConnect": False, "automaticallyConnectByBarcode": True},
            {"vendorSku": "other", "barcode": "4006381333931"},
            {"sku": "mine", "barcode": "4006381333931"},
        ),
        (
            {"automaticallyConnectByBarcode": True},
            {"vendorSku": "unknown", "barcode": "4006381333931"},
            {"sku": "mine", "barcode": "4006381333931"},
        ),
    ],
)
async def test_a_feeds_rules_connect_whichever_comes_first(api, first, rule, item, variant):
    feed = await api.new_feed(**rule)

    async def send_item():
        return await api.ok("PUT", parse_webhook(feed), {"externalId": "1", **item})

    if first == "item":
        feed_variant, made = await send_item(), await api.ok("POST", VARIANTS, variant)
    else:
        made, feed_variant = await api.ok("POST", VARIANTS, variant), await send_item()

    assert made["id"] == await connected_to(api, feed_variant)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("rule", [{}, {"automaticallyConnect": False}])
async def test_what_the_rules_do_not_match_stays_apart(api, rule):
    feed = await api.new_feed(**rule)
    sku = "abc" if rule else "ABC"
    await api.ok("POST", VARIANTS, {"sku": sku, "barcode": "1"})

    answer = await api.ok("PUT", parse_webhook(feed), {"externalId": "1", "vendorSku": "abc", "barcode": "1"})

    assert answer["variantId"] is None


@pytest.mark.usefixtures("worker")
async def test_an_ambiguous_match_connects_nothing_and_the_answer_says_so(api):
    feed = await api.new_feed(caseInsensitiveSkus=True)
    await api.ok("POST", VARIANTS, [{"sku": "abc"}, {"sku": "ABC"}])

    answer = await api.ok("PUT", parse_webhook(feed), {"externalId": "1", "vendorSku": "Abc"})

    assert answer["variantId"] is None
    assert [("vendorSku", "ambiguous_match")] == [(each["field"], each["code"]) for each in answer["warnings"]]


@pytest.mark.usefixtures("worker")
async def test_an_unknown_attribute_is_told_in_the_answer(api):
    feed = await api.new_feed()

    answer = await api.ok("PUT", parse_webhook(feed), {**EXAMPLE, "colour": "oak"})

    assert [("colour", "unknown")] == [(each["field"], each["code"]) for each in answer["warnings"]]

"""Why is it lagging, over the shards' last words as workers leave them."""

import asyncio
import json
import uuid

import pytest

from ingest.api.framework.call import SERVICES

WORKER = uuid.UUID(int=7)


@pytest.fixture
async def feeds(api):
    """Two feeds of the first account in one shard, with a worker that lives and owns all shards."""
    acme = await api.new_feed(name="Acme <stock>")
    shards = api.shards
    beta = await api.new_feed(name="Beta")
    while beta["id"] % shards != acme["id"] % shards:
        beta = await api.new_feed(name="Beta")
    api.execute("INSERT INTO workers (id, host, pid) VALUES (%s, 'node-a', 7)", WORKER)
    api.execute(
        "INSERT INTO shard_state (shard, worker_id, host, since, empty_at)"
        " SELECT n, %s, 'node-a', now() - interval '1 hour', now() - interval '4 minutes'"
        " FROM generate_series(0, %s) n",
        WORKER,
        shards - 1,
    )
    return acme, beta


@pytest.fixture
def api(api, settings):
    """The API, with the number of its shards."""
    api.shards = settings.shards
    return api


def plant(api, feed, sql, *values):
    """Set columns of the last word of a feed's shard."""
    api.execute(f"UPDATE shard_state SET {sql}, written_at = now() WHERE shard = %s", *values, feed["id"] % api.shards)


async def test_each_planted_fault_gives_the_right_sentence(dashboard, api, feeds):
    acme, beta = feeds
    number = acme["id"] % api.shards
    browser = await dashboard.browser("read")
    assert (await browser.page("/lag")).text_of("#lead h1").startswith("All well")

    hands = json.dumps([{"feedId": acme["id"], "batches": 91}, {"feedId": beta["id"], "batches": 9}])
    plant(api, acme, "oldest_at = now() - interval '3 minutes', feeds = %s", hands)
    page = await browser.page("/lag")
    told = f"Acme <stock> sent 91 % of what shard {number} has in hand; Beta waits behind it"
    assert told == page.text_of("#lead h1")
    assert [str(number), "3 min"] == page.texts("#shards tbody tr:first-child > *")[:2]

    plant(api, acme, "waits_for = 'worker', waits_reason = 'KeyError: sku'")
    assert f"Shard {number} tries a window again (KeyError: sku)" == (await browser.page("/lag")).text_of("#lead h1")

    plant(api, acme, "waits_for = 'postgres', waits_reason = 'Away: refused'")
    assert "Postgres cannot be reached" in (await browser.page("/lag")).text_of("#lead h1")

    api.execute("UPDATE workers SET heartbeat_at = now() - interval '4 minutes'")
    page = await browser.page("/lag")
    assert page.text_of("#lead h1").startswith("No worker is alive")
    assert "at least 3 min" in page.texts("#shards td")
    assert {"not known"} < set(page.texts("#shards td")) or len(page.texts("#shards tbody tr")) == 1


async def test_what_is_deferred_is_no_lag(dashboard, api, feeds):
    api.execute(
        "INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)"
        " VALUES (%s, %s, 'x', '{}', %s, now())",
        api.account_id,
        feeds[0]["id"],
        WORKER,
    )
    page = await (await dashboard.browser("read")).page("/lag")
    assert page.text_of("#lead h1").startswith("Nothing lags; waiting on purpose: 1 item is deferred until 00:00")


async def test_accounts_see_their_shards_without_hosts_or_names_of_others_and_operators_the_fleet(
    dashboard, api, feeds
):
    acme, _ = feeds
    plant(
        api,
        acme,
        "oldest_at = now() - interval '3 minutes', feeds = %s",
        json.dumps([{"feedId": acme["id"], "batches": 9}]),
    )
    operator = await dashboard.browser("operator", api.other_account_id)
    page = await operator.page("/lag")
    assert api.shards == len(page.texts("#shards tbody tr"))
    assert ["node-a, process 7"] == page.texts("#workers td:nth-child(2)")
    assert "Acme" not in page.text
    assert "another account 9 batches" in page.texts("#shards td")

    stranger = await dashboard.browser("admin", api.other_account_id)
    page = await stranger.page("/lag")
    assert [] == page.texts("#shards tbody tr")
    assert "node-a" not in page.text
    assert '"sentence":"All well' in (await stranger.page("/lag?as=json")).text


async def test_how_many_batches_wait_stands_beside_their_age_and_a_queue_that_says_nothing_is_a_dash(
    dashboard, api, feeds
):
    acme, _ = feeds
    publisher = api.client.app[SERVICES].publisher
    for number in range(3):
        await publisher.publish_message(acme["id"], f"{number:032x}", b"{}")

    operator = await dashboard.browser("operator")
    expected = {shard: 3 if shard == acme["id"] % api.shards else None for shard in range(api.shards)}
    shown = ["–" if depth is None else str(depth) for depth in expected.values()]  # noqa: RUF001 - the dash of the pages

    async def told():
        return {shard["shard"]: shard["depth"] for shard in (await api.ok("GET", "/api/lag.json"))["shards"]}

    async def depths():
        return (await operator.page("/lag")).texts('#shards [data-label="Depth"]')

    async with asyncio.timeout(60):  # a look that takes long is not waited for
        while expected != await told():
            pass
        while sorted(shown) != sorted(await depths()):
            pass

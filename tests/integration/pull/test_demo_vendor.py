"""The demo vendor's feeds work from the first start."""

import asyncio

import pytest

from deploy.demo import feeds as demo_feeds
from deploy.demo.vendor import ITEMS, serve
from deploy.local.processes import free_port


@pytest.fixture
async def ports(tmp_path):
    folder = tmp_path / "vendor"
    folder.mkdir()
    found = {name: free_port("127.0.0.1") for name in ("http", "ftp", "monitor")}
    task = asyncio.create_task(serve(found["http"], found["ftp"], found["monitor"], folder))
    async with asyncio.timeout(120):
        for port in found.values():
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
    yield found
    task.cancel()
    await asyncio.wait((task,))


def seed(pulling, ports):
    return demo_feeds.seed(pulling.of_workers.dsn, 1, ports, pulling.settings.key)


async def test_every_demo_feed_gives_items_and_one_reject(pulling, puller, worker, ports):
    for feed, name in await asyncio.to_thread(seed, pulling, ports):
        run = await pulling.run(puller, feed)

        assert ("partial", ITEMS, 1) == (run["status"], run["rows_mapped"], run["rows_rejected"]), (name, run["error"])
        assert {"created": ITEMS} == run["counts"]


async def test_demo_feeds_are_made_once_and_follow_the_vendor_to_other_ports(pulling, ports):
    first = await asyncio.to_thread(seed, pulling, ports)
    again = await asyncio.to_thread(seed, pulling, {"http": 1, "ftp": 2})

    assert first == again
    locations = {row[0] for row in await pulling.rows("SELECT settings ->> 'resourceLocation' FROM inventory_feeds")}
    assert {"127.0.0.1:1", "127.0.0.1:2"} == {location.split("@")[1].split("/")[0] for location in locations}

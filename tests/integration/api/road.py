"""What tests of the API say of the road behind it."""

import asyncio

EXAMPLE = {"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}


def parse_webhook(feed):
    return f"/api/inventory-feeds/{feed['id']}/parse-webhook.json"


async def until(call, wanted):
    """Ask again until the answer is as wanted: what comes of a batch that nobody waits for."""
    answer = None
    try:
        async with asyncio.timeout(120):
            while not wanted(answer := await call()):  # noqa: ASYNC110 - the API has no signal to wait for
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"the last answer was {answer}") from None
    return answer


async def connected_to(api, feed_variant):
    """Return the feed variant's variant once it has one: what comes of a batch that nobody waits for."""
    path = f"/api/inventory-feed-variants/{feed_variant['id']}.json"
    row = await until(lambda: api.ok("GET", path), lambda row: row["variantId"] is not None)
    return row["variantId"]

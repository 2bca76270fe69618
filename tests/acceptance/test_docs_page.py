"""The API's page in a real browser that can reach nothing but this machine."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.acceptance.chromium import opened


@pytest.fixture(scope="module")
async def docs(system, chromium):
    """The page, drawn; an error on its console, or a violation of its policy, fails."""
    tab = await opened(chromium, system.stack["apiUrl"])
    await tab.page.goto("/api/docs")
    await expect(tab.page.get_by_label("Your token"), str(tab.wrong)).to_be_visible()
    yield tab.page
    await tab.page.context.close()
    assert [] == tab.wrong


async def test_a_browser_draws_every_operation_and_needs_nothing_from_outside(system, docs):
    document = await system.get("/api/openapi.json")
    text = await docs.inner_text("main")

    summaries = [operation["summary"] for path in document["paths"].values() for operation in path.values()]
    assert len(summaries) > 40
    assert [] == [summary for summary in summaries if summary not in text]


async def test_send_posts_what_stands_there_to_the_sandbox_and_shows_what_became_of_it(system, docs):
    trial = docs.locator("figure.try")
    told, send = trial.get_by_role("status"), trial.get_by_role("button", name="Send")
    await send.click()
    await expect(told).to_contain_text("Fill in your token")
    await docs.get_by_label("Your token").fill(system.stack["apiToken"])
    await trial.get_by_label("Body").fill('[{"externalId": "tried", "inventoryQuantity": 10}, {"externalId": ""}]')

    await send.click()

    await expect(told).to_contain_text('"status": 202')
    answer = json.loads(await told.inner_text())
    assert (1, ["externalId"]) == (answer["answer"]["accepted"], [one["field"] for one in answer["answer"]["rejected"]])
    # What it posted came before this, and the account's own feed has it not.
    async with system.post([{"externalId": "posted after it", "inventoryQuantity": 1}]) as response:
        assert 202 == response.status
    await system.get_when("/api/inventory-feed-variants.json?externalId=posted%20after%20it", lambda found: found)
    assert [] == await system.get("/api/inventory-feed-variants.json?externalId=tried")

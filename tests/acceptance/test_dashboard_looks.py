"""Every page of the dashboard with axe, in both themes, and at 360 pixels."""

from __future__ import annotations

import asyncpg
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from deploy import scene, screenshots

AXE = Axe().axe_script
ALL = {"resultTypes": ["violations"], "preload": False, "iframes": False, "elementRef": False}
COLOURS = ALL | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What a theme can change of a page."""
LOOK = """async ([all, colours]) => {
  const found = [], ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  if (twice.length) found.push(["an id stands twice", ...twice]);
  const shape = (one) => [one.tagName, one.className, one.ariaCurrent, ...[...one.children].map(shape)].join("[");
  for (const list of document.querySelectorAll("tbody, ul, ol, select")) {
    const seen = new Set();
    for (const one of [...list.children]) seen.has(shape(one)) ? one.remove() : seen.add(shape(one));
  }
  const known = new Map(JSON.parse(sessionStorage.known ?? "[]"));
  const told = ({ name, value }) => name + (["class", "type", "aria-current"].includes(name) ? "=" + value : "");
  const mark = (one, above) => {
    if (!one.checkVisibility()) return;
    const key = [above, one.tagName, ...[...one.attributes].map(told).sort()].join(" ");
    if (!known.has(key)) one.dataset.fresh = known.set(key, known.size).size;
    for (const child of one.children) mark(child, known.get(key));
  };
  mark(document.body, "");
  sessionStorage.known = JSON.stringify([...known]);
  axe.configure({ rules: [
    { id: "color-contrast", selector: "[data-fresh]" },
    { id: "link-in-text-block", selector: ":is(a[href], [role=link])[data-fresh]" },
  ] });
  for (const [theme, options] of [["light", all], ["dark", colours]]) {
    document.documentElement.dataset.theme = theme;
    const { violations } = await axe.run(document, options);
    for (const one of violations) found.push([theme, one.id, one.nodes.slice(0, 3).map((node) => node.target)]);
  }
  return found;
}"""
"""Of the rows of a table or a list that are built alike one is looked at: they are most of a page. Colours, which take
axe the longest, are looked at once for what stands in elements alike, by what the style sheet knows them by."""


async def wrong_with(page, where):
    """Return whether the page as it stands is wider than 360 pixels, and what axe finds on it, in both themes."""
    await page.set_viewport_size({"width": 360, "height": 800})
    width = await page.evaluate("document.documentElement.scrollWidth")
    found = [(where, "wider than 360 px", width)] if width > 360 else []
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.evaluate(AXE)
    return found + [(where, *violation) for violation in await page.evaluate(LOOK, [ALL, COLOURS])]


async def test_every_page_passes_axe_in_both_themes_and_fits_360_pixels(system, page):
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    await scene.dress(system.stack, connection)
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    found = []
    for path in await screenshots.pages_of(page, connection, account_id):
        answer = await page.goto(path)
        found += [(path, answer.status)] if answer.status != 200 else []
        found += await wrong_with(page, path)
    await page.goto("/people")
    await page.fill("#field-name", "Grace")
    await page.click("main button >> text=Make the link")
    await expect(page.locator("#link")).to_contain_text("/sign-in/")
    found += await wrong_with(page, "people, with a link")
    await page.goto(await page.locator("#link").text_content())
    await page.wait_for_url(f"**{scene.PERSONAL}")
    found += await wrong_with(page, scene.PERSONAL)
    await connection.close()
    assert [] == found

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
TAKE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const html = document.documentElement;
  return { html: html.outerHTML, width: html.scrollWidth, twice: ids.filter((id, at) => ids.indexOf(id) !== at) };
}"""
LOOK = """async ([html, all, colours]) => {
  const found = [], taken = new DOMParser().parseFromString(html, "text/html"), here = document.documentElement;
  here.lang = taken.documentElement.lang;
  document.title = taken.title;
  document.body.replaceWith(document.adoptNode(taken.body));
  const shape = (one) => [one.tagName, one.className, one.ariaCurrent, ...[...one.children].map(shape)].join("[");
  for (const list of document.querySelectorAll("tbody, ul, ol, select")) {
    const seen = new Set();
    for (const one of [...list.children]) seen.has(shape(one)) ? one.remove() : seen.add(shape(one));
  }
  const known = (window.known ??= new Map());
  const told = ({ name, value }) => name + (["class", "type", "aria-current"].includes(name) ? "=" + value : "");
  const mark = (one, above) => {
    if (!one.checkVisibility()) return;
    const key = [above, one.tagName, ...[...one.attributes].map(told).sort()].join(" ");
    if (!known.has(key)) one.dataset.fresh = known.set(key, known.size).size;
    for (const child of one.children) mark(child, known.get(key));
  };
  mark(document.body, "");
  axe.configure({ rules: [
    { id: "color-contrast", selector: "[data-fresh]" },
    { id: "link-in-text-block", selector: ":is(a[href], [role=link])[data-fresh]" },
  ] });
  for (const [theme, options] of [["light", all], ["dark", colours]]) {
    here.dataset.theme = theme;
    const { violations } = await axe.run(document, options);
    for (const one of violations) found.push([theme, one.id, one.nodes.slice(0, 3).map((node) => node.target)]);
  }
  return found;
}"""
"""Of the rows of a table or a list that are built alike one is looked at: they are most of a page. Colours, which take
axe the longest, are looked at once for what stands in elements alike, by what the style sheet knows them by."""


class Examiner:
    """Holds what stands on a page against its rules.

    axe sits in a page of its own, as wide as a desk's and with the head of all, and takes over the body of each: there
    it is loaded and compiled once, and the page that is led from address to address stays as narrow as a phone's.
    """

    def __init__(self, page, desk):
        self.page, self.desk, self.found = page, desk, []

    async def begin(self):
        await self.page.set_viewport_size({"width": 360, "height": 800})
        await self.desk.set_viewport_size({"width": 1280, "height": 900})
        await self.desk.goto("/no-such-page")  # one that nothing changes by itself
        await self.desk.evaluate(AXE)
        session = await self.desk.context.new_cdp_session(self.desk)
        await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
        await self.page.bring_to_front()  # what is behind another is not painted, which nobody looks at

    async def look(self, where):
        """Note whether the page as it stands is wider than 360 pixels, and what axe finds on it, in both themes."""
        taken = await self.page.evaluate(TAKE)
        wide = [("wider than 360 px", taken["width"])] if taken["width"] > 360 else []
        twice = [("an id stands twice", *taken["twice"])] if taken["twice"] else []
        seen = await self.desk.evaluate(LOOK, [taken["html"], ALL, COLOURS])
        self.found += [(where, *one) for one in (*wide, *twice, *seen)]


async def test_every_page_passes_axe_in_both_themes_and_fits_360_pixels(system, own_page):
    page, connection = own_page, await asyncpg.connect(system.stack["databaseUrl"])
    await scene.dress(system.stack, connection)
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    paths = await screenshots.pages_of(page, connection, account_id)
    examiner = Examiner(page, await page.context.new_page())
    await examiner.begin()
    for path in paths:
        answer = await page.goto(path)
        assert 200 == answer.status, path
        await examiner.look(path)
    await page.goto("/people")
    await page.fill("#field-name", "Grace")
    await page.click("main button >> text=Make the link")
    await expect(page.locator("#link")).to_contain_text("/sign-in/")
    await examiner.look("people, with a link")
    await page.goto(await page.locator("#link").text_content())
    await page.wait_for_url(f"**{scene.PERSONAL}")
    await examiner.look(scene.PERSONAL)
    await connection.close()
    assert [] == examiner.found

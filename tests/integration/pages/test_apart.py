"""Accounts are apart: every page and every form of the router, asked for what another account has, finds nothing.

The router itself is walked, so a new page is in it by itself; one whose address names something new fails until
the fixture `bare` holds a row of its kind.
"""

import re

import pytest

ELSEWHERE = ("/api", "/static", "/sign-in", "/s/", "/{")
"""What is no page of an account: the API has a test of its own, a vendor's pages have one too."""


def value_of(name, pattern, bare):
    """Return what stands for a name of an address: the seeded thing, or the first of the words that it may be."""
    words = re.search(rf"\(\?P<{name}>([a-z]+)\|", pattern)
    return words[1] if words else bare[name]  # a new name: seed a row of its kind


@pytest.fixture
async def routes(dashboard, api, bare):
    """Method and address of each page and form about one thing, with the first account's number in it."""
    found = []
    for route in api.client.server.app.router.routes():
        info = route.resource.get_info() if route.resource else {}
        if "formatter" not in info or info["formatter"].startswith(ELSEWHERE) or route.method == "HEAD":
            continue
        values = {name: value_of(name, info["pattern"].pattern, bare) for name in info["pattern"].groupindex}
        address = str(route.resource.url_for(**values))
        found.append((route.method, address + ("?once=1" if address.startswith("/live/") else "")))
    assert len(found) > 40
    return found


async def test_another_accounts_ids_are_404_on_every_page_and_its_own_are_not(dashboard, api, routes):
    stranger = await dashboard.browser("operator", api.other_account_id)
    found, fields = [], {"enabled": "1", "fresh": stranger.token}
    for method, address in routes:
        answer = await (stranger.page(address) if method == "GET" else stranger.post(address, fields))
        if answer.status != 404:
            found.append((method, address, answer.status))
    assert [] == found

    owner = await dashboard.browser("operator")
    for method, address in routes:
        if method == "GET" and "/mapping" not in address and "/drafts/" not in address and ".csv" not in address:
            assert 200 == (await owner.page(address)).status, address

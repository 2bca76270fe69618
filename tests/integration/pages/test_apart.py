"""Accounts are apart: every page and every form of the router, asked for what another account has, finds nothing.

The router itself is walked, so a new page is in it by itself; one whose address names something new fails until
`SEED` holds a row of its kind.
"""

import re
import uuid

import psycopg
import pytest

THEIRS = 987_654
SEED = """
INSERT INTO dropship_providers (id, account_id, name) VALUES (%(id)s, %(account)s, 'theirs');
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
VALUES (%(id)s, %(account)s, %(id)s, 'theirs', 'xml', 'theirs');
INSERT INTO runs (id, account_id, feed_id, status, trigger) VALUES (%(id)s, %(account)s, %(id)s, 'failed', 'manual');
INSERT INTO variants (account_id, id, sku) VALUES (%(account)s, %(id)s, 'theirs');
INSERT INTO feed_variants (account_id, feed_id, id, external_id, item_hash, details_hash, created_at, updated_at)
VALUES (%(account)s, %(id)s, %(id)s, 'theirs', 0, 0, now(), now());
INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
VALUES (%(account)s, %(batch)s, now(), %(id)s, 'webhook', now(), '{"updated": 1}', '[]');
INSERT INTO endpoints (id, account_id, name, url, events, position)
VALUES (%(id)s, %(account)s, 'theirs', 'https://x.example', '{run.held}', 0);
INSERT INTO people (id, account_id, name, role, password_hash) VALUES (%(id)s, %(account)s, 'theirs', 'viewer', '');
INSERT INTO api_tokens (id, account_id, name, scope, token_hash)
VALUES (%(id)s, %(account)s, 'theirs', 'read', '\\x00');
INSERT INTO vendor_links (id, account_id, feed_id, note, digest, expires_at)
VALUES (%(id)s, %(account)s, %(id)s, 'theirs', '\\x00', now() + interval '1 day');
INSERT INTO sessions (id, digest, account_id, role, who, address, agent)
VALUES (%(id)s, '\\x00', %(account)s, 'viewer', 'theirs', '', '');
INSERT INTO previews (account_id, id, draft, source)
VALUES (%(account)s, %(id)s, '{"settings": {}, "detected": [], "proposed": []}', 'sample');
INSERT INTO dead_letters (account_id, id, code, reason, payload) OVERRIDING SYSTEM VALUE
VALUES (%(account)s, %(id)s, 'test', 'theirs', '{}');
INSERT INTO operations (account_id, id, kind, who, newer, max_id, total)
VALUES (%(account)s, %(id)s, 'replay', 'theirs', 'skip', 1, 1);
"""
BATCH = uuid.UUID(int=THEIRS)
NAMES = {
    "id": str(THEIRS),
    "run": str(THEIRS),
    "version": str(THEIRS),
    "link": str(THEIRS),
    "batch": str(BATCH),
    "sku": "theirs",
}
ELSEWHERE = ("/api", "/static", "/sign-in", "/s/", "/{")
"""What is no page of an account: the API has a test of its own, a vendor's pages have one too."""


def value_of(name, pattern):
    """Return what stands for a name of an address: the seeded thing, or the first of the words that it may be."""
    words = re.search(rf"\(\?P<{name}>([a-z]+)\|", pattern)
    return words[1] if words else NAMES[name]  # a new name: seed a row of its kind


@pytest.fixture
async def routes(dashboard, api):
    """Method and address of each page and form about one thing, with the first account's number in it."""
    with psycopg.ClientCursor(psycopg.connect(api.database, autocommit=True)) as cursor:
        cursor.execute(SEED, {"id": THEIRS, "account": api.account_id, "batch": BATCH})
        cursor.connection.close()
    found = []
    for route in api.client.server.app.router.routes():
        info = route.resource.get_info() if route.resource else {}
        if "formatter" not in info or info["formatter"].startswith(ELSEWHERE) or route.method == "HEAD":
            continue
        values = {name: value_of(name, info["pattern"].pattern) for name in info["pattern"].groupindex}
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

"""Accounts are apart: every operation, called with another account's token, finds nothing to read or change.

All that the first account has bears the number `THEIRS` and the word `MARK`, so a new operation is walked without a
word here, as long as `SEED` holds a row of its kind; the control test fails when it does not.
"""

import logging
import uuid
from itertools import product

import orjson
import psycopg
import pytest

from ingest.api.framework.caller import Scope
from ingest.api.routes import OPERATIONS
from schemas.secrets import new_token, token_digest
from tests.cases import in_one_test

THEIRS = 987_654
BATCH = uuid.UUID(int=THEIRS)
MARK = "only-the-first-account-knows"
HASH = f"{MARK}-hash"
SEED = """
INSERT INTO dropship_providers (id, account_id, name) VALUES (%(id)s, %(account)s, %(mark)s);
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
VALUES (%(id)s, %(account)s, %(id)s, %(mark)s, 'xml', %(hash)s);
INSERT INTO api_tokens (id, account_id, name, scope, token_hash)
VALUES (%(id)s, %(account)s, %(mark)s, 'admin', '\\x00');
INSERT INTO variants (account_id, id, sku, name) VALUES (%(account)s, %(id)s, %(mark)s, %(mark)s);
INSERT INTO feed_variants (
    account_id, feed_id, id, variant_id, external_id, vendor_sku, item_hash, details_hash, created_at, updated_at
) VALUES (%(account)s, %(id)s, %(id)s, %(id)s, %(mark)s, %(mark)s, 0, 0, now(), now());
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
VALUES (%(account)s, %(id)s, jsonb_build_object('name', %(mark)s::text));
INSERT INTO usage (account_id, day, used) VALUES (%(account)s, now() AT TIME ZONE 'UTC', %(id)s);
INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)
VALUES (%(account)s, %(id)s, %(mark)s, '{}', %(batch)s, now());
INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
VALUES (%(account)s, %(batch)s, now(), %(id)s, 'webhook', now(), '{"rejected": 1}', convert_to(%(items)s, 'UTF8'));
INSERT INTO dead_letters (account_id, id, feed_id, batch_id, external_id, code, reason, payload, received_at)
OVERRIDING SYSTEM VALUE
VALUES (%(account)s, %(id)s, %(id)s, %(batch)s, %(mark)s, 'test', %(mark)s, convert_to('{}', 'UTF8'), now());
INSERT INTO runs (id, account_id, feed_id, trigger, error) VALUES (%(id)s, %(account)s, %(id)s, 'manual', %(mark)s);
INSERT INTO run_diffs (run_id, summary) VALUES (%(id)s, %(diff)s::jsonb);
INSERT INTO endpoints (id, account_id, name, url, events, position)
VALUES (%(id)s, %(account)s, %(mark)s, 'https://x.example', '{run.held}', 0);
INSERT INTO change_streams (account_id, enabled) VALUES (%(account)s, true);
INSERT INTO audit_log (account_id, id, who, address, operation, subject)
VALUES (%(account)s, %(id)s, %(mark)s, '::1', 'test', '/');
INSERT INTO previews (account_id, id, draft, source)
VALUES (%(account)s, %(id)s, '{"settings": {}, "detected": [], "proposed": []}', %(mark)s);
INSERT INTO feed_versions (account_id, feed_id, id, replaced_by, resource_type, settings)
VALUES (%(account)s, %(id)s, %(id)s, %(mark)s, 'xml', '{}');
INSERT INTO people (id, account_id, name, role, password_hash)
VALUES (%(id)s, %(account)s, %(mark)s, 'viewer', '');
INSERT INTO sessions (id, digest, account_id, role, who, address, agent)
VALUES (%(id)s, '\\x00', %(account)s, 'viewer', %(mark)s, '', '');
INSERT INTO vendor_links (id, account_id, feed_id, note, digest, expires_at)
VALUES (%(id)s, %(account)s, %(id)s, %(mark)s, '\\x00', now() + interval '1 day');
INSERT INTO operations (account_id, id, kind, who, newer, max_id, total)
VALUES (%(account)s, %(id)s, 'discard', %(mark)s, 'skip', %(id)s, 1);
INSERT INTO operation_items (operation_id, dead_letter_id, result, reason) VALUES (%(id)s, %(id)s, 'done', %(mark)s);
INSERT INTO run_rejects (run_id, position, row_number, code, message) VALUES (%(id)s, 1, 1, 'test', %(mark)s);
"""
NEEDED = {"search.find": f"?q={MARK}"}
"""Queries without which an operation does not answer."""
DIFF = {
    **dict.fromkeys(("created", "unchanged", "zeroed", "emptied", "repriced", "missing", "used"), 0),
    "changed": 1,
    "cost": 1,
    "unitsBefore": 1,
    "unitsAfter": 2,
    "day": "2026-01-31",
    "limit": None,
    "note": None,
    "examples": {"changed": [{"externalId": MARK, "changes": []}]},
}


@pytest.fixture
def settings(settings):
    """No worker runs here, so nothing is gained by waiting for its reply."""
    return settings.model_copy(update={"reply_timeout_ms": 20})


@pytest.fixture
def seeded(api):
    values = {
        "id": THEIRS,
        "account": api.account_id,
        "mark": MARK,
        "hash": HASH,
        "batch": BATCH,
        "diff": orjson.dumps(DIFF).decode(),
        "items": orjson.dumps([{"index": 0, "externalId": MARK, "outcome": "rejected"}]).decode(),
    }
    with psycopg.ClientCursor(psycopg.connect(api.database, autocommit=True)) as cursor:
        cursor.execute(SEED, values)
        cursor.connection.close()
    return api


def path_of(operation):
    values = {
        name: BATCH if kind.schema.get("format") == "uuid" else THEIRS
        for name, kind in operation.path_parameters.items()
    }
    return operation.template.format(**values) + NEEDED.get(operation.name, "")


def body_of(operation):
    """Return the documented example, with the first account's numbers wherever it names another resource."""
    if operation.body is None:
        return {}
    replaced = {
        name: THEIRS if name.endswith("Id") and name != "externalId" else [THEIRS] if name == "ids" else value
        for name, value in (operation.example.items() if isinstance(operation.example, dict) else ())
    }
    if isinstance(operation.example, list):
        return {"json": [{**one, "id": THEIRS} if isinstance(one, dict) else THEIRS for one in operation.example]}
    return {"json": replaced or operation.example}


def everything_of(api):
    """Return all rows of the first account, as text."""
    with psycopg.connect(api.database, autocommit=True) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM information_schema.columns c JOIN information_schema.tables t"
                " USING (table_name)"
                " WHERE c.column_name = 'account_id' AND c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
            )
        ]
        rows = {
            table: connection.execute(
                f"SELECT array_agg(r::text ORDER BY r::text) FROM {table} r WHERE account_id = %s", [api.account_id]
            ).fetchone()
            for table in {*tables}
        }
        rows["accounts"] = connection.execute(
            "SELECT a::text FROM accounts a WHERE id = %s", [api.account_id]
        ).fetchone()
    assert {"feed_variants", "receipts", "runs", "api_tokens"} <= set(rows)
    return rows


async def test_no_operation_shows_or_changes_another_accounts_resources(seeded):
    before = everything_of(seeded)

    for operation in OPERATIONS:
        response = await seeded.call(
            operation.method, path_of(operation), token=seeded.other_token, **body_of(operation)
        )
        text = await response.text()

        assert MARK not in text, operation.name
        assert response.status < 500, (operation.name, text)
        if operation.path_parameters:
            refused = 403 if operation.scope == Scope.OPERATOR else 404
            assert refused == response.status, (operation.name, text)

    assert before == everything_of(seeded)


@in_one_test(
    "action, body",
    product(["replay", "discard"], [{"ids": [THEIRS]}, {"feedId": THEIRS}, {"code": "test"}, {"all": True}]),
)
async def test_dead_letters_in_bulk_are_the_callers_own(seeded, action, body):
    before = everything_of(seeded)

    path = f"/api/dead-letters/{action}.json"
    answer = await seeded.ok("POST", path, body, token=seeded.other_token)

    assert {"settled": [], "unreadable": [], "more": False} == answer
    assert before == everything_of(seeded)


@in_one_test(
    "query",
    [
        f"inventory-feed-variants.json?{name}"
        for name in (
            *(f"inventoryFeedId={THEIRS}", f"dropshipProviderId={THEIRS}", f"variantId={THEIRS}", f"externalId={MARK}"),
            *(f"vendorSku={MARK}", "connected=true", f"after={THEIRS}_a"),
        )
    ]
    + [
        f"search.json?q={MARK}",
        f"variants.json?sku={MARK}",
        f"dead-letters.json?feedId={THEIRS}",
        f"batches.json?feedId={THEIRS}",
    ],
)
async def test_no_filter_finds_another_accounts_goods(seeded, query):
    assert await seeded.ok("GET", f"/api/{query}")  # the control

    assert [] == await seeded.ok("GET", f"/api/{query}", token=seeded.other_token)


async def test_goods_cannot_be_put_into_another_accounts_feed_nor_connected_to_its_variant(seeded):
    own = seeded.execute(
        "WITH p AS (INSERT INTO dropship_providers (account_id, name) VALUES (%s, 'own') RETURNING id, account_id),"
        " f AS (INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)"
        " SELECT account_id, id, 'own', 'webhook', 'own' FROM p RETURNING id, account_id)"
        " INSERT INTO feed_variants (account_id, feed_id, external_id, item_hash, details_hash, created_at, updated_at)"
        " SELECT account_id, id, 'own', 0, 0, now(), now() FROM f RETURNING id",
        seeded.other_account_id,
    )
    token = seeded.other_token

    body = {"inventoryFeedId": THEIRS, "externalId": "1"}
    made = await seeded.problem(422, "POST", "/api/inventory-feed-variants.json", json=body, token=token)
    path = f"/api/inventory-feed-variants/{own}.json"
    connected = await seeded.problem(422, "PUT", path, json={"variantId": THEIRS}, token=token)

    assert (["inventoryFeedId"], ["variantId"]) == (list(made["details"]), list(connected["details"]))


async def test_the_same_operations_find_what_is_their_own(seeded):
    """The control of the test above: its resources are there to be found."""
    for operation in OPERATIONS:
        if operation.method == "GET" and operation.scope != Scope.OPERATOR:
            response = await seeded.call("GET", path_of(operation))

            assert 200 == response.status, (operation.name, await response.text())


async def test_no_operation_answers_without_a_token(seeded):
    for operation in OPERATIONS:
        response = await seeded.call(operation.method, path_of(operation), token=None, **body_of(operation))

        assert (operation.name, 401) == (operation.name, response.status)


async def test_no_operation_answers_a_token_whose_scope_is_too_small(seeded):
    tokens = {
        Scope.WRITE: seeded.new_token(seeded.account_id, "read"),
        Scope.ADMIN: seeded.new_token(seeded.account_id, "write"),
        Scope.OPERATOR: seeded.new_token(seeded.account_id, "admin"),
    }
    before = everything_of(seeded)

    for operation in OPERATIONS:
        if operation.scope in tokens:
            path, token = path_of(operation), tokens[operation.scope]
            response = await seeded.call(operation.method, path, token=token, **body_of(operation))

            assert (operation.name, 403) == (operation.name, response.status)

    after = everything_of(seeded)
    assert before | {"api_tokens": None} == after | {"api_tokens": None}


async def test_tokens_and_hashes_never_reach_the_logs(seeded, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    wrong = new_token()
    secrets = [seeded.token, seeded.other_token, wrong, token_digest(seeded.token).hex(), HASH, "s3cret"]

    for operation in OPERATIONS:
        for token in (seeded.token, seeded.other_token, wrong):
            await seeded.call(operation.method, path_of(operation), token=token, **body_of(operation))
    await seeded.new_feed(resourceType="xml", itemPath="/a", resourceLocation="ftp://ann:s3cret@example.com/x")
    await seeded.call("GET", f"/api/account.json?token={seeded.token}", token=seeded.token)

    printed = "".join(capfd.readouterr()) + caplog.text
    assert [] == [secret for secret in secrets if secret in printed]

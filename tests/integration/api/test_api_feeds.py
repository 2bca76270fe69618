"""Inventory feeds over HTTP: settings by kind, secrets, hash, deletion."""

from ingest.feeds.settings import FeedSecrets
from schemas.secrets import MASK, Vault
from tests.cases import in_one_test

FEEDS = "/api/inventory-feeds.json"
CSV = {
    "resourceType": "ftpCsv",
    "resourceLocation": "ftp://ann:p%40ss@files.example.com/stock.csv?token=query-secret&page=1",
}


def path_of(feed):
    return f"/api/inventory-feeds/{feed['id']}.json"


def stored_secrets(api, settings, feed):
    stored = api.execute("SELECT secrets FROM inventory_feeds WHERE id = %s", feed["id"])
    return FeedSecrets.model_validate(Vault(settings.key).decrypt(stored))


async def test_a_webhook_feed_has_a_hash_and_defaults(api):
    feed = await api.new_feed()

    assert feed == await api.ok("GET", path_of(feed))
    assert [feed] == await api.ok("GET", FEEDS)
    assert 48 == len(feed["hash"])
    assert {
        "enabled": True,
        "overLimit": "defer",
        "automaticallyConnect": True,
        "automaticallyConnectByBarcode": False,
        "caseInsensitiveSkus": False,
        "allocationBuffer": 0,
        "csvHasHeader": True,
        "decimalNotation": "decimal",
        "automatedFetching": "enabled",
        "fetchFrequency": "hourly",
        "fetchCleanup": "disabled",
        "fetchMissingGuard": 0.3,
        "resourceLocation": None,
        "mapping": {},
        "disabledReason": None,
    }.items() <= feed.items()


async def test_a_token_that_may_only_read_does_not_see_the_hash(api):
    feed = await api.new_feed()
    reader = api.new_token(api.account_id, "read")
    writer = api.new_token(api.account_id, "write")

    assert {**feed, "hash": MASK} == await api.ok("GET", path_of(feed), token=reader)
    assert [{**feed, "hash": MASK}] == await api.ok("GET", FEEDS, token=reader)
    assert feed == await api.ok("GET", path_of(feed), token=writer)


async def test_both_spellings_of_the_path_create(api):
    provider = await api.ok("POST", "/api/dropship-providers.json", {"name": "Acme"})
    body = {"name": "Stock", "dropshipProviderId": provider["id"], "resourceType": "webhook"}

    one = await api.ok("POST", "/api/inventory-feed.json", body)
    other = await api.ok("POST", "/api/inventory-feeds.json", body)

    assert [one, other] == await api.ok("GET", FEEDS)


async def test_what_a_feed_needs_is_named(api):
    problem = await api.problem(422, "POST", FEEDS, json={})

    assert "api.inventory_feeds.create.missing" == problem["title"]
    assert {"name", "dropshipProviderId", "resourceType"} == set(problem["details"])


async def test_a_provider_of_another_account_cannot_be_used(api):
    theirs = await api.ok("POST", "/api/dropship-providers.json", {"name": "Theirs"}, token=api.other_token)
    body = {"name": "Stock", "dropshipProviderId": theirs["id"], "resourceType": "webhook"}

    assert ["dropshipProviderId"] == list((await api.problem(422, "POST", FEEDS, json=body))["details"])


async def test_credentials_are_masked_and_stored_encrypted(api, settings):
    feed = await api.new_feed(**CSV, authenticationToken="top-secret")
    row = api.execute("SELECT row_to_json(f)::text FROM inventory_feeds f WHERE id = %s", feed["id"])

    assert f"ftp://{MASK}@files.example.com/stock.csv?token={MASK}&page={MASK}" == feed["resourceLocation"]
    assert (MASK, None) == (feed["authenticationToken"], feed["authenticationSecret"])
    assert FeedSecrets(resource_location=CSV["resourceLocation"], authentication_token="top-secret") == stored_secrets(
        api, settings, feed
    )
    assert not [secret for secret in ("p%40ss", "query-secret", "top-secret") if secret in row]


async def test_a_feed_sent_back_as_it_was_read_keeps_its_secrets(api, settings):
    feed = await api.new_feed(**CSV, authenticationToken="top-secret")
    before = stored_secrets(api, settings, feed)

    again = await api.ok("PUT", path_of(feed), feed)

    computed = {"nextFetchAt", "lastRunId", "lastRunStatus", "lastRunAt", "lastSuccessAt", "failingSince"}
    read_only = {"id", "createdAt", "updatedAt", "hash", "disabledReason"} | computed
    assert read_only == {warning["field"] for warning in again.pop("warnings")}
    assert feed == again
    assert before == stored_secrets(api, settings, feed)


async def test_masked_credentials_do_not_follow_to_another_server(api):
    feed = await api.new_feed(**CSV)

    problem = await api.problem(
        422, "PUT", path_of(feed), json={"resourceLocation": f"ftp://{MASK}@evil.example/stock.csv"}
    )

    assert ["resourceLocation"] == list(problem["details"])


@in_one_test(
    "attributes, field, code",
    [
        ({"resourceLocation": "https://example.com/stock.csv"}, "resourceLocation", "not_applicable"),
        ({"delimiter": ";"}, "delimiter", "not_applicable"),
        ({"resourceType": "ftpCsv"}, "resourceLocation", "required"),
        ({**CSV, "resourceLocation": "gopher://example.com/"}, "resourceLocation", "value"),
        ({**CSV, "resourceLocation": "ftp://ann:p ss@example.com/"}, "resourceLocation", "value"),
        ({**CSV, "resourceLocation": "ftp://ann:secret@/x"}, "resourceLocation", "value"),
        ({**CSV, "itemPath": "/rss/channel/item"}, "itemPath", "not_applicable"),
        ({**CSV, "fetchFrequency": "custom"}, "fetchCron", "required"),
        ({**CSV, "fetchCron": "every day"}, "fetchCron", "value"),
        ({**CSV, "fetchTimeZone": "Mars/Olympus"}, "fetchTimeZone", "value"),
        ({**CSV, "encoding": "klingon"}, "encoding", "value"),
        ({**CSV, "delimiter": ";;"}, "delimiter", "length"),
        ({**CSV, "resourceType": "xml"}, "itemPath", "required"),
        ({**CSV, "mapping": {"vendorSku": "sku"}}, "mapping", "required"),
        ({**CSV, "mapping": {"externalId": {"constant": "1", "default": "2"}}}, "mapping.externalId", "value"),
        ({**CSV, "mapping": {"colour": "x"}}, "mapping.colour.[key]", "value"),
        ({**CSV, "fetchMissingGuard": False}, "fetchMissingGuard", "type"),
        ({**CSV, "pagination": {"by": "link"}}, "pagination", "value"),
        ({**CSV, "fetchMissingGuard": 2}, "fetchMissingGuard", "range"),
        ({"enabled": "yes"}, "enabled", "type"),
        ({"overLimit": "drop"}, "overLimit", "choice"),
        ({"allocationBuffer": -1}, "allocationBuffer", "range"),
        ({"resourceType": "fax"}, "resourceType", "choice"),
    ],
)
async def test_settings_that_cannot_be_are_refused_by_name(api, attributes, field, code):
    provider = await api.ok("POST", "/api/dropship-providers.json", {"name": "Acme"})
    body = {"name": "Stock", "dropshipProviderId": provider["id"], "resourceType": "webhook", **attributes}

    problem = await api.problem(422, "POST", FEEDS, json=body)

    assert {field: code} == {name: entry["code"] for name, entry in problem["details"].items()}
    assert "secret" not in str(problem)


async def test_omitted_stays_and_null_is_the_default(api):
    feed = await api.new_feed(**CSV, delimiter=";", tags=["a"], allocationBuffer=3)

    changed = await api.ok("PUT", path_of(feed), {"delimiter": None, "allocationBuffer": None})

    assert (None, 0, ["a"]) == (changed["delimiter"], changed["allocationBuffer"], changed["tags"])


async def test_a_mapping_is_answered_as_it_was_sent(api):
    mapping = {
        "externalId": {"path": ["id", "code"], "transforms": ["trim", {"name": "prefix", "text": "a-"}]},
        "inventoryQuantity": {"path": "stock", "transforms": [{"name": "textToQuantity", "words": {"in stock": 5}}]},
        "vendorName": {"constant": None},
    }

    feed = await api.new_feed(**CSV, mapping=mapping, delimiter="tab", encoding="UTF8")
    again = await api.ok("PUT", path_of(feed), {"name": "Other"})

    assert (mapping, mapping) == (feed["mapping"], again["mapping"])
    assert ("\t", "utf-8") == (feed["delimiter"], feed["encoding"])


async def test_a_feed_of_a_json_api_keeps_its_pagination(api):
    location = "https://example.com/stock"
    feed = await api.new_feed(resourceType="api", resourceLocation=location, pagination={"by": "link"})

    again = await api.ok("PUT", path_of(feed), {"pagination": feed["pagination"], "name": "Other"})

    assert ({"by": "link"}, {"by": "link"}) == (feed["pagination"], again["pagination"])


async def test_a_rotated_hash_stays_known_for_the_grace_period(api, settings):
    feed = await api.new_feed()

    rotated = await api.ok("POST", f"/api/inventory-feeds/{feed['id']}/rotate-hash.json")

    assert feed["hash"] != rotated["hash"]
    assert feed["hash"] == api.execute(
        "SELECT previous_hash FROM inventory_feeds WHERE previous_hash_until > now() + make_interval(secs => %s)",
        settings.hash_grace_s - 60,
    )


async def test_a_deleted_feed_is_gone_with_its_hash_and_secrets(api):
    feed = await api.new_feed(**CSV)

    await api.ok("DELETE", path_of(feed))

    assert [] == await api.ok("GET", FEEDS)
    for method in ("GET", "PUT", "DELETE"):
        await api.problem(404, method, path_of(feed), **({"json": {}} if method == "PUT" else {}))
    assert 0 == api.execute(
        "SELECT count(*) FROM inventory_feeds WHERE hash = %s OR secrets IS NOT NULL OR enabled", feed["hash"]
    )


async def test_the_list_is_filtered(api):
    webhook, csv = await api.new_feed(), await api.new_feed(**CSV, enabled=False)

    assert [csv] == await api.ok("GET", FEEDS + "?resourceType=ftpCsv")
    assert [webhook] == await api.ok("GET", FEEDS + "?enabled=true")
    assert [csv] == await api.ok("GET", f"{FEEDS}?dropshipProviderId={csv['dropshipProviderId']}")

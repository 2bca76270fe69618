"""Endpoints over the API: made with a secret, changed, rotated, replayed; and the queue."""

from datetime import UTC, datetime, timedelta

from schemas.secrets import Vault
from tests.cases import in_one_test

LIST, STREAM = "/api/endpoints.json", "/api/change-stream.json"
HOOK = {"name": "shop", "url": "https://shop.example/hook", "events": ["run.held", "batch.done"]}
WANTED = "SELECT events FROM change_streams"


async def test_an_endpoint_shows_its_secret_once_and_what_it_waits_for_is_written(api, settings):
    made = await api.ok("POST", LIST, HOOK)
    path = f"/api/endpoints/{made['id']}.json"
    assert made["secret"].startswith("whsec_")
    assert {"secret": made["secret"]} == Vault(settings.key).decrypt(api.execute("SELECT secrets FROM endpoints"))
    shown = await api.ok("GET", path)
    assert (HOOK, False) == ({name: shown[name] for name in HOOK}, "secret" in shown)
    assert [shown] == await api.ok("GET", LIST)
    assert ["batch.done", "run.held"] == sorted(api.execute(WANTED))

    await api.ok("PUT", path, {"events": ["limit.near"]})
    assert ["limit.near"] == api.execute(WANTED)
    await api.ok("DELETE", path)
    assert [] == api.execute(WANTED)


async def test_changes_need_the_stream(api):
    problem = await api.problem(422, "POST", LIST, json={**HOOK, "events": ["inventory.changed"]})
    assert "change-stream" in problem["details"]["events"]["message"]
    await api.ok("PUT", STREAM, {"enabled": True})
    await api.ok("POST", LIST, {**HOOK, "events": ["inventory.changed"]})
    assert [] == api.execute(WANTED)


@in_one_test("url", ["ftp://shop.example/", "shop.example", "https://user:word@shop.example/", "https://"])
async def test_an_address_that_no_webhook_can_be_sent_to_is_refused(api, url):
    problem = await api.problem(422, "POST", LIST, json={**HOOK, "url": url})
    assert ["url"] == list(problem["details"])


async def test_a_rotated_secret_is_new_and_the_one_before_stays_for_a_while(api, settings):
    made = await api.ok("POST", LIST, HOOK)
    rotated = await api.ok("POST", f"/api/endpoints/{made['id']}/rotate-secret.json")

    held = Vault(settings.key).decrypt(api.execute("SELECT secrets FROM endpoints"))
    assert {"secret": rotated["secret"], "previous": made["secret"]} == held
    grace = datetime.fromisoformat(rotated["previousSecretUntil"]) - datetime.now(UTC)
    assert timedelta(0) < grace <= timedelta(seconds=settings.hash_grace_s)


async def test_a_replay_goes_back_to_a_time_and_takes_the_lease_away(api):
    made = await api.ok("POST", LIST, HOOK)
    replay = f"/api/endpoints/{made['id']}/replay.json"
    now = datetime.now(UTC)
    for position, hours in ((10, 30), (20, 2), (30, 1)):
        api.execute(
            "INSERT INTO events (account_id, position, at, event, body) VALUES (%s, %s, %s, 'run.held', '{}')",
            *(api.account_id, position, now - timedelta(hours=hours)),
        )
    api.execute("UPDATE endpoints SET sending_to = 40, lease = gen_random_uuid(), failures = 3")

    await api.ok("POST", replay, {"since": (now - timedelta(hours=3)).isoformat()})

    assert [19, None, None, 0] == api.execute(
        "SELECT jsonb_build_array(position, sending_to, lease, failures) FROM endpoints"
    )
    problem = await api.problem(422, "POST", replay, json={"since": (now - timedelta(days=4)).isoformat()})
    assert "since" in problem["details"]


async def test_the_attempts_are_listed_newest_first(api):
    made = await api.ok("POST", LIST, HOOK)
    for number in range(2):
        api.execute(
            "INSERT INTO endpoint_attempts (endpoint_id, account_id, message_id, attempted_at, status, error, changes,"
            " took_ms) VALUES (%s, %s, %s, now(), 500, 'answered 500', 3, 12)",
            *(made["id"], api.account_id, f"msg_{number}"),
        )
    attempts = await api.ok("GET", f"/api/endpoints/{made['id']}/attempts.json")
    assert [("msg_1", 500), ("msg_0", 500)] == [(each["messageId"], each["status"]) for each in attempts]


async def test_the_queue_is_turned_on_with_the_stream_and_off_again(api):
    await api.problem(422, "PUT", STREAM, json={"queue": True})
    for _ in range(2):
        assert {"enabled": True, "queue": True} == await api.ok("PUT", STREAM, {"enabled": True, "queue": True})
    assert 1 == api.execute("SELECT count(*) FROM endpoints WHERE kind = 'queue'")
    assert [] == await api.ok("GET", LIST)
    assert {"enabled": True, "queue": False} == await api.ok("PUT", STREAM, {"queue": False})
    assert 0 == api.execute("SELECT count(*) FROM endpoints")

"""The local stack as its users know it: what it writes down, what its screen says, and that both are true."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request

import psycopg

from tests.acceptance.launcher import wait


def status(url, body=None, **headers):
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status


def test_stack_json_names_addresses_demo_and_processes(launcher):
    stack = launcher.start().stack
    assert {"edgeUrl", "apiUrl", "apiToken", "demoFeed", "databaseUrl", "amqpUrl", "pids"} <= set(stack)
    counts = {role: len(pids) for role, pids in stack["pids"].items()}
    expected = {"edge": 1, "api": 1, "workers": 2, "postgres": 1, "rabbitmq": 1}
    assert expected == {role: counts[role] for role in expected}
    assert launcher.pids() <= set(launcher.everything())


def test_stack_json_holds_secrets_and_is_readable_by_its_owner_alone(launcher):
    assert 0o600 == launcher.start().path.stat().st_mode & 0o777


def test_a_post_with_the_demo_hash_is_accepted_and_becomes_a_row(launcher):
    stack = launcher.start().stack
    headers = {"jetti-webhook-hash": stack["demoFeed"]["hash"], "content-type": "application/json"}
    url = stack["edgeUrl"] + "/webhooks/inventory-feeds/parse-webhooks.json"
    assert 202 == status(url, b'[{"externalId": "first", "inventoryQuantity": 3}]', **headers)
    with psycopg.connect(stack["databaseUrl"], autocommit=True) as connection:
        query = "SELECT inventory_quantity FROM feed_variants WHERE external_id = 'first'"
        wait(lambda: connection.execute(query).fetchone() == (3,), connection.execute(query).fetchall)


def test_the_screen_shows_a_curl_line_that_works(launcher):
    launcher.start()
    wait(lambda: "See what is stored" in launcher.output.read_text(), launcher.output.read_text)
    (line, *_) = [line for line in launcher.output.read_text().splitlines() if line.startswith("curl")]
    answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert 1 == json.loads(answer)["accepted"]


def test_the_screen_says_that_the_canary_went_down_every_shard(launcher):
    launcher.start()
    told = re.compile(r"Canary +went down 4 shards in \d+ ms")
    wait(lambda: told.search(launcher.output.read_text()), launcher.output.read_text)
    with psycopg.connect(launcher.stack["databaseUrl"]) as connection:
        assert [(4, 4)] == connection.execute("SELECT count(*), count(arrived_at) FROM canaries").fetchall()


def test_with_monitoring_a_prometheus_asks_every_process_and_the_screen_says_where(launcher):
    launcher.start()
    wait(lambda: "See what is stored" in launcher.output.read_text(), launcher.output.read_text)
    (url,) = set(re.findall(r"Prometheus +(http://127\.0\.0\.1:\d+)", launcher.output.read_text()))

    def asked(path):
        with urllib.request.urlopen(f"{url}/api/v1/{path}", timeout=60) as answer:
            return json.load(answer)["data"]

    assert "feedline-alerts" in [group["name"] for group in asked("rules")["groups"]]
    expected = {"edge": 1, "workers": 2, "api": 1, "pull": 1, "watch": 1}

    def up():
        targets = asked("targets")["activeTargets"]
        roles = [one["labels"]["role"] for one in targets if one["health"] == "up"]
        return all(count == roles.count(role) for role, count in expected.items()) and len(roles) == len(targets)

    wait(up, lambda: asked("targets"))


def test_the_demo_account_has_a_daily_limit_of_ten_thousand(launcher):
    with psycopg.connect(launcher.start().stack["databaseUrl"]) as connection:
        assert [(10_000,)] == connection.execute("SELECT daily_sku_limit FROM accounts WHERE name = 'Demo'").fetchall()


def test_the_private_postgres_is_durable(launcher):
    with psycopg.connect(launcher.start().stack["databaseUrl"]) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ("on",) == connection.execute(f"SHOW {setting}").fetchone()

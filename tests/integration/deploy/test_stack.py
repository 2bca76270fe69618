"""The local stack as its users know it: started, crashed, refused, stopped. One stack serves all tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from deploy.local.processes import CHECKOUT, marked

START_S, STOP_S, PATIENCE_S = 300, 60, 120
ENVIRONMENT = {
    "PORT": "0",
    "API_PORT": "0",
    "MONITOR_PORT": "0",
    "EDGE_PROCESSES": "2",
    "WORKER_PROCESSES": "1",
    "MONITORING": "1",
    "SSL_CERT_FILE": os.devnull,  # no process asks the outside: to read all authorities is a tenth of its start
}


class Launcher:
    """`feedline run` over one folder, started when a test needs it."""

    def __init__(self, folder: Path, **more: str):
        self.folder = folder
        self.more = more
        self.process = None
        self.output = folder / "output"

    def start(self):
        if self.process is None or self.process.poll() is not None:
            with self.output.open("wb") as output:
                self.process = subprocess.Popen(self.command(), cwd=CHECKOUT, env=self.environment(), stdout=output)
            wait(lambda: self.path.exists() or self.process.poll() is not None, self.output.read_text, START_S)
        assert self.process.poll() is None, self.output.read_text()
        return self

    def command(self):
        return [sys.executable, "-m", "deploy.command.main", "run", "--folder", str(self.folder / ".local")]

    def environment(self):
        unset = ("DATABASE_URL", "AMQP_URL", "SECRET_KEY", "MAKELEVEL")
        return {**{name: value for name, value in os.environ.items() if name not in unset}, **ENVIRONMENT, **self.more}

    @property
    def path(self):
        return self.folder / ".local" / "stack.json"

    @property
    def stack(self):
        return json.loads(self.path.read_text())

    def pids(self):
        return {pid for pids in self.stack["pids"].values() for pid in pids}

    def everything(self):
        """All processes of the stack, grandchildren too."""
        place = (self.folder / ".local").stat()
        random = (self.folder / ".local" / "marker").read_text()
        return marked(f"{random}-{place.st_dev}-{place.st_ino}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def wait(condition, seen, timeout_s=PATIENCE_S):
    """Wait for what other processes do; `seen` tells what is there instead."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.05)


def status(url, body=None, **headers):
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    # A space in the path, and (when root runs the tests) a folder that Postgres's own user cannot enter.
    folder = tmp_path_factory.mktemp("a checkout")
    launcher = Launcher(folder)
    yield launcher
    if launcher.process and launcher.process.poll() is None:
        launcher.stop()
    shutil.rmtree(folder)


def run_in_vain(launcher):
    """Run a launcher that is expected to refuse; return its exit code and what it says."""
    done = subprocess.run(
        launcher.command(), env=launcher.environment(), cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_stack_json_names_addresses_demo_and_processes(launcher):
    stack = launcher.start().stack
    assert {"edgeUrl", "apiUrl", "apiToken", "demoFeed", "databaseUrl", "amqpUrl", "pids"} <= set(stack)
    counts = {role: len(pids) for role, pids in stack["pids"].items()}
    expected = {"edge": 2, "api": 1, "workers": 1, "postgres": 1, "rabbitmq": 1}
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
    expected = {"edge": 2, "workers": 1, "api": 1, "pull": 1, "watch": 1}

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


def test_a_second_start_says_that_one_runs(launcher):
    launcher.start()
    code, words = run_in_vain(launcher)
    assert 1 == code
    assert f"Feedline already runs here (launcher: process {launcher.process.pid})." in words
    assert launcher.path.exists()


@pytest.mark.parametrize("role", ["workers", "edge", "postgres"])
def test_a_child_that_is_killed_is_started_again_and_the_pids_follow(launcher, role):
    before = launcher.start().stack["pids"][role]
    os.kill(before[0], signal.SIGKILL)
    wait(
        lambda: len(after := launcher.stack["pids"][role]) == len(before) and before[0] not in after,
        lambda: (before, launcher.stack["pids"]),
    )
    assert launcher.process.poll() is None


def test_after_a_kill_of_the_launcher_the_next_start_cleans_up_and_keeps_the_data(launcher):
    before = launcher.start().stack
    launcher.process.kill()
    launcher.process.wait()
    launcher.path.unlink()  # so that the next one is the new launcher's
    after = launcher.start().stack
    assert before["demoFeed"] == after["demoFeed"]
    assert before["apiToken"] == after["apiToken"]
    assert set() == {pid for pids in before["pids"].values() for pid in pids} & set(launcher.everything())


def test_sigterm_stops_everything_in_time_and_removes_stack_json(launcher):
    launcher.start()
    started = time.monotonic()
    assert 0 == launcher.stop()
    assert STOP_S > time.monotonic() - started
    assert [] == launcher.everything()
    assert not launcher.path.exists()


def test_real_servers_are_used_instead_of_private_ones(tmp_path, database, amqp_url):
    brokers = f"amqp://127.0.0.1:1/,{amqp_url}"  # the first one is away
    launcher = Launcher(tmp_path, DATABASE_URL=database, AMQP_URL=brokers, EDGE_PROCESSES="1", MONITORING="")
    try:
        stack = launcher.start().stack
        assert (database, brokers) == (stack["databaseUrl"], stack["amqpUrl"])
        assert ([], []) == (stack["pids"]["postgres"], stack["pids"]["rabbitmq"])
        assert not (tmp_path / ".local" / "postgres").exists()
        assert not (tmp_path / ".local" / "rabbitmq").exists()
    finally:
        launcher.stop()


def test_a_setting_that_cannot_be_used_is_named_in_one_line(tmp_path):
    code, words = run_in_vain(Launcher(tmp_path, EDGE_PROCESSES="many"))
    assert 1 == code
    (line,) = [line for line in words.splitlines() if "EDGE_PROCESSES" in line]
    assert "valid integer" in line


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path):
    nowhere = "postgresql://somebody:hush@127.0.0.1:1/feedline"
    code, words = run_in_vain(Launcher(tmp_path, DATABASE_URL=nowhere, AMQP_URL="amqp://somebody:hush@127.0.0.1:1/"))
    assert 1 == code
    assert "DATABASE_URL: " in words
    assert "hush" not in words


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, words = run_in_vain(Launcher(tmp_path, PORT=str(port)))
    assert 1 == code
    assert f"PORT: port {port} of 127.0.0.1 cannot be used" in words

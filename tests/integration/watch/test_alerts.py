"""Real processes, a real Prometheus and a real Alertmanager: every name is alive, and an alert arrives and resolves."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import string
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import asyncpg
import pytest
import yaml
from aiohttp import web

from deploy.local.processes import Program, Server, free_port
from deploy.local.prometheus import Prometheus, Scraping
from deploy.local.rabbitmq import script
from deploy.monitoring.operator import RULES
from schemas.batches import Batch, Source, new_batch_id
from tests.midday import midday

CHECKOUT = Path(__file__).parents[3]
BOARD = json.loads((CHECKOUT / "deploy" / "monitoring" / "board.json").read_text())
NO_ITEMS = {"feedline_dead_letters_recent", "feedline_deferred_oldest_timestamp_seconds"}
"""There are none while there are no such items; tests/integration/watch/test_watcher.py has both."""
WAITING = "feedline_shard_oldest_timestamp_seconds"
"""There is none while no batch waits: it is asked for while no worker is there."""
PROCESSES = (
    'feedline_confirm_seconds_bucket{role="edge"}',
    'feedline_shard_published_batches_total{role="edge", shard="1"}',
    'feedline_shard_applied_timestamp_seconds{shard="1", owner=~"[0-9a-f-]{36}"}',
    'feedline_redeliveries_total{shard="1"}',
    "feedline_window_items_bucket",
    "feedline_window_bytes_bucket",
    'feedline_receive_to_commit_seconds_bucket{le="3600.0"}',
    'feedline_shard_leader_info{shard="1", node=~".+"}',
    *(f'feedline_event_loop_lag_seconds_count{{role="{role}"}}' for role in ("edge", "pull", "worker", "watch")),
    *(f'feedline_build_info{{role="{role}", version=~".+"}}' for role in ("edge", "pull", "worker", "watch")),
)
"""What single processes tell, beyond what rules and board ask for."""
EVERY_S = 1.0
SEED = """
INSERT INTO accounts (id, name, daily_sku_limit, time_zone) VALUES (900, 'a', 10, '{zone}');
INSERT INTO usage (account_id, day, used) VALUES (900, (now() AT TIME ZONE '{zone}')::date, 9);
INSERT INTO dropship_providers (id, account_id, name) VALUES (900, 900, 'p');
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
VALUES (900, 900, 900, 'f', 'xml', 'h900');
INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone, failures) VALUES (900, 900, now(), '{zone}', 4);
"""
PROGRAMS = "feedline|psql|promtool|curl|rabbitmq[a-z-]*|kubectl|systemctl|docker|python3?|pip|apt-get"
LETTERS = """
INSERT INTO dead_letters (account_id, feed_id, code, reason, payload, dead_at)
SELECT 900, 900, 'worker_died', 'r', $1, now() - interval '1 hour' FROM generate_series(1, 2)
RETURNING id
"""
"""Too old for an alert: one to replay, one to discard."""


class Alertmanager(Server):
    """Sends what it is told to a webhook at once."""

    name = "Alertmanager"

    def __init__(self, folder, webhook):
        super().__init__()
        self.folder, self.webhook, self.port = folder, webhook, free_port()

    def prepare(self):
        route = {"receiver": "sink", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
        receiver = {"name": "sink", "webhook_configs": [{"url": self.webhook, "send_resolved": True}]}
        configuration = {"route": route, "receivers": [receiver]}
        self.folder.mkdir()
        (self.folder / "alertmanager.yml").write_text(json.dumps(configuration))

    def program(self):
        arguments = (
            shutil.which("prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        )
        return Program(arguments, dict(os.environ), self.folder / "log")

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False


class Sink:
    """A webhook at `url`, and what came: (alert, shard, status)."""

    def __init__(self):
        self.came, self.url = [], ""

    async def take(self, request):
        for alert in (await request.json())["alerts"]:
            labels = alert["labels"]
            self.came.append((labels["alertname"], labels.get("shard"), alert["status"]))
        return web.Response()


@pytest.fixture
async def sink(serve):
    taking = Sink()
    async with serve("/", taking.take) as url:
        taking.url = f"{url}/"
        yield taking


@pytest.fixture
def monitoring(tmp_path, sink):
    """A Prometheus that looks every second and whose alerts wait for one only, and its Alertmanager."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(re.sub(r"\b(for|interval): \S+", r"\1: 1s", RULES.read_text()))
    alertmanager = Alertmanager(tmp_path / "alertmanager", sink.url)
    scraping = Scraping(round(EVERY_S * 1_000), rules, f"127.0.0.1:{alertmanager.port}")
    prometheus = Prometheus(tmp_path / "prometheus", os.environ, scraping=scraping)
    alertmanager.start()
    prometheus.start()
    prometheus.sink = sink
    yield prometheus
    prometheus.stop()
    alertmanager.stop()


@pytest.fixture
def broker(system, rabbitmq, plugin):
    """The broker, whose plugin the watcher asks too."""
    system.environment["RABBITMQ_METRICS_URLS"] = plugin
    return rabbitmq


def ask(prometheus, expression):
    """Return the samples of an instant query: (labels, value)."""
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/query?{query}", timeout=60) as answer:
        return json.load(answer)["data"]["result"]


def expressions():
    """Return every expression of rules, board and KEDA's query."""
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    board = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", [])]
    return rules, board, [keda()]


def keda():
    path = CHECKOUT / "deploy" / "kubernetes" / "components" / "keda" / "scaledobject.yaml"
    (trigger,) = yaml.safe_load(path.read_text())["spec"]["triggers"]
    return trigger["metadata"]["query"]


def commands():
    """Return every command of the runbooks: lines of blocks, and inline code that begins with a program and a space."""
    text = (CHECKOUT / "docs" / "runbooks.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    sentences = re.sub(r"```sh\n.*?```", "", text, flags=re.DOTALL)
    inline = re.findall(rf"`((?:{PROGRAMS}) [^`]*)`", sentences)
    return list(dict.fromkeys([*(line for block in blocks for line in block.splitlines()), *inline]))


async def test_every_metric_is_alive_every_command_runs_and_a_stopped_worker_is_told_of(
    system, until, monitoring, settings, broker
):
    letters = await _seeded(settings)
    names = ("edge", "pull", "worker", "watch")
    roles = dict(zip(names, await asyncio.gather(*map(system.start, names)), strict=True))
    worker = roles["worker"]
    monitoring.tell({role: [f"http://{process.monitor}"] for role, process in roles.items()})

    await _names_are_alive(monitoring, until)
    await _board_is_not_empty(monitoring, until)
    known = {"PROMETHEUS": monitoring.url, "MONITOR_PORT": worker.monitor.rpartition(":")[2]}
    await _commands_run(system, known, broker, letters)
    await _all_is_well(monitoring, until)
    monitoring.sink.came.clear()  # what was told of before all was there

    def came(status):
        async def both():
            return {("ShardsUnowned", shard, status) for shard in "01"} <= set(monitoring.sink.came)

        return both

    await worker.end()
    await until(came("firing"), "ShardsUnowned at the sink")
    await _none_is_empty(monitoring, until, [f'{WAITING}{{shard="{shard}"}}' for shard in "01"])
    await system.start("worker", worker.monitor.rpartition(":")[2])
    await until(came("resolved"), "its resolution")


async def _all_is_well(prometheus, until):
    async def firing():
        found = await asyncio.to_thread(ask, prometheus, 'ALERTS{alertstate="firing"}')
        return {one["metric"]["alertname"] for one in found}

    async def well():
        return {"Watchdog"} == await firing()

    try:
        await until(well, "nothing but the Watchdog", every_s=EVERY_S)
    except AssertionError:
        raise AssertionError(f"firing: {await firing()}") from None


async def _names_are_alive(prometheus, until):
    rules, board, others = expressions()
    named = set(re.findall(r"\b(?:feedline_\w+|process_\w+)\b", " ".join([*rules, *board, *others])))

    async def missing():
        found = await asyncio.to_thread(ask, prometheus, 'count by (__name__) ({job="feedline"})')
        return named - NO_ITEMS - {WAITING} - {one["metric"]["__name__"] for one in found}

    async def none():
        return not await missing()

    try:
        await until(none, "every metric of rules and board", every_s=EVERY_S)
    except AssertionError:
        raise AssertionError(f"not in any scrape: {await missing()}") from None
    await _none_is_empty(prometheus, until, PROCESSES)


async def _board_is_not_empty(prometheus, until):
    _, board, others = expressions()
    await _none_is_empty(prometheus, until, [*board, *others])

    async def needed():
        return await asyncio.to_thread(ask, prometheus, keda())

    (one,) = await until(needed, "how many workers are needed", every_s=EVERY_S)
    assert 0 <= float(one["value"][1]) <= 2


async def _none_is_empty(prometheus, until, asked):
    """Wait until each expression has an answer: a process that was busy when it was scraped tells at the next."""

    empty = list(asked)

    async def none():
        empty[:] = [one for one in empty if not await asyncio.to_thread(ask, prometheus, one)]
        return not empty

    await until(none, lambda: f"an answer to {empty}", every_s=EVERY_S)


async def _seeded(settings):
    """Make an account with something to show of everything; return the ids of two dead letters."""
    items = [{"externalId": "a", "inventoryQuantity": 1}]
    batch = Batch(new_batch_id(900, 0, settings.key), 900, 900, 0, Source.PULL, items)
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(SEED.format(zone=midday()))
    letters = [row["id"] for row in await connection.fetch(LETTERS, batch.encode())]
    await connection.close()
    return letters


async def _commands_run(system, environment, rabbitmq, letters):
    """Run every command of the runbooks as its reader would; those of our own command line start in no shell."""
    own = {"HOME": str(rabbitmq.folder), "ERL_EPMD_PORT": str(rabbitmq.epmd_port), "RABBITMQ_NODENAME": rabbitmq.node}
    path = f"{Path(sys.executable).parent}:{script().parent}:{os.environ['PATH']}"
    known = system.environment | environment | own | {"PATH": path}
    names = {"NODE": rabbitmq.node, "ID": str(letters[0])}

    async def run(command):
        meant = re.sub(r"\b(NODE|ID)\b", lambda match: names[match[0]], command)
        if " discard " in meant:
            meant = meant.replace(names["ID"], str(letters[1]))
        words = shlex.split(string.Template(meant).safe_substitute(known))
        if words[0] == "feedline":
            return meant, *await system.feedline(*words[1:], **environment)
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", meant), env=known, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        told, _ = await process.communicate()
        return meant, process.returncode, told.decode()

    done = [await run(command) for command in commands()]
    assert [] == [one for one in done if one[1] != 0]

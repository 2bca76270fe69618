"""One of two watchers tells of the shards; its canary goes the whole road; when it dies the other takes over."""

import asyncio
import json
import signal

import psycopg
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

SEED = """
INSERT INTO dead_letters (code, reason, payload) VALUES ('worker_died', 'r', ''), ('worker_died', 'r', '');
INSERT INTO dead_letters (code, reason, payload, dead_at) VALUES ('older', 'r', '', now() - interval '1 h');
INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)
VALUES (900, 900, 'a', '{}', gen_random_uuid(), to_timestamp(1000)), (900, 900, 'b', '{}', gen_random_uuid(), now());
"""
SUCCESS = "feedline_canary_success_timestamp_seconds"


async def test_the_active_watcher_tells_and_the_other_takes_over_when_it_dies(
    system, until, settings, collector, tmp_path
):
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        connection.execute(SEED)
    tracing = {"LOG_LEVEL": "debug", "TRACING": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    tracing["OTEL_BSP_SCHEDULE_DELAY"] = "200"
    edge, worker, watch, other = await asyncio.gather(
        *(system.start(role, **tracing) for role in ("edge", "worker")), system.start("watch"), system.start("watch")
    )
    watchers = {watch, other}

    async def telling():
        return [watcher for watcher in watchers if await watcher.named("feedline_shard_ready_batches")]

    (active,) = await until(telling, "an active watcher")
    (standby,) = watchers - {active}

    async def consumed():
        return {("0",): 1.0, ("1",): 1.0} == await active.named("feedline_shard_consumers")

    await until(consumed, "the worker's consumers")
    assert {} == await standby.named("feedline_shard_consumers")
    await until(lambda: arrived(watchers), "a canary down both shards")

    async def slow_facts():
        names = ("feedline_dead_letters_recent", "feedline_deferred_oldest_timestamp_seconds")
        return [{("worker_died",): 2.0}, {(): 1000.0}] == [await active.named(name) for name in names]

    await until(slow_facts, "dead letters and what is deferred")
    await _top_shows_owners_and_canaries(system)
    await _a_canary_is_traced(system, until, settings, (edge, worker), tmp_path)
    await until(collector.has_a_whole_trace, "spans of a canary from edge and worker, in one trace")

    await active.end(signal.SIGKILL)
    watchers.remove(active)
    assert [standby] == await until(telling, "the other one active")
    await until(lambda: arrived(watchers), "a canary of the other one")
    assert {(): 0.0} == await standby.named("feedline_postgres_standbys_wanted")


async def _top_shows_owners_and_canaries(system):
    status, told = await system.feedline("top", "--once", "--json")
    seen = json.loads(told)

    assert 0 == status
    assert 1 == seen["workers"]
    assert [0, 1] == [shard["shard"] for shard in seen["shards"]]
    assert [True, True] == [shard["owner"] is not None for shard in seen["shards"]]
    assert all(shard["canarySeconds"] < 60 and shard["canaryFailed"] is None for shard in seen["shards"])


async def _a_canary_is_traced(system, until, settings, processes, tmp_path):
    with psycopg.connect(settings.dsn) as connection:
        ((batch_id,),) = connection.execute("SELECT batch_id FROM receipts ORDER BY received_at LIMIT 1").fetchall()

    async def logged():
        lines = [line for process in processes for line in process.events if str(batch_id) in line]
        return any("post_accepted" in line for line in lines) and any("window_committed" in line for line in lines)

    await until(logged, "both processes' lines of it")
    events = [line for process in processes for line in process.events]
    logs = tmp_path / "logs"
    logs.write_text("".join(events))
    _, written = await system.feedline("trace", str(batch_id), "--logs", str(logs))
    told = written.splitlines()

    steps = [line.split()[0] for line in told[1:]]
    times = [" ".join(line.split()[1:3]) for line in told[1:]]
    assert ["received", "confirmed", "delivered", "window", "committed", "acked"] == steps, told
    assert "not known" not in times
    assert sorted([times[0], *times[2:]]) == [times[0], *times[2:]]
    assert "edge" in told[1]
    assert all("worker " in told[line] for line in (3, 4, 6))


class Collector:
    """Takes spans as OpenTelemetry's collector does, over HTTP: (trace, span, parent, name, service)."""

    def __init__(self):
        self.spans, self.url = [], ""

    async def take(self, request):
        body = await request.read()
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [one.value.string_value for one in sent.resource.attributes if one.key == "service.name"]
            self.spans += [
                (span.trace_id, span.span_id, span.parent_span_id, span.name.split()[0], service)
                for scope in sent.scope_spans
                for span in scope.spans
            ]
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    async def has_a_whole_trace(self):
        by_id = {span[1]: span for span in self.spans}

        def way(span):
            while span is not None:
                yield span[3:]
                span = by_id.get(span[2])

        whole = [("commit", "worker"), ("window", "worker"), ("publish", "edge"), ("POST", "edge")]
        expected = [(name, f"feedline-{role}") for name, role in whole]
        return any(list(way(span)) == expected for span in self.spans)


@pytest.fixture
async def collector(serve):
    taking = Collector()
    async with serve("/v1/traces", taking.take) as taking.url:
        yield taking


async def arrived(watchers):
    told = [await watcher.named(SUCCESS) for watcher in watchers]
    return {("0",), ("1",)} in [set(one) for one in told]

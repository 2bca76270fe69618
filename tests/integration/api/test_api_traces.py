"""The trace of a batch says what is known of each step, and nothing that is not."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from click.testing import CliRunner

from deploy.command import trace as command
from schemas.batches import new_batch_id

STEPS = ["received", "confirmed", "delivered", "window", "committed", "acked"]
NOW = datetime.now(UTC).replace(microsecond=0)
WORKER = uuid.UUID(int=7)


def store(api, feed, batch_id, worker=WORKER):
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, delivered_at, applied_at, "
        "applied_by, counts, items) VALUES (%s, %s, %s, %s, 'webhook', %s, %s, %s, '{}', '[]')",
        *(api.account_id, batch_id, NOW - timedelta(seconds=2), feed["id"], NOW - timedelta(seconds=1), NOW),
        f"feedline-worker {worker.hex} shard 5",
    )


def own(api, shard, applied_at, worker=WORKER):
    api.execute(
        "INSERT INTO shard_state (shard, worker_id, host, applied_at, oldest_at, waits_for) "
        "VALUES (%s, %s, 'here', %s, %s, 'postgres')",
        *(shard, worker, applied_at, NOW - timedelta(minutes=1)),
    )


async def traced(api, batch_id):
    trace = await api.ok("GET", f"/api/batches/{batch_id}/trace.json")
    return trace["status"], {step["step"]: step for step in trace["steps"]}


@pytest.fixture
def shown(api, settings, monkeypatch, tmp_path):
    """Runs the command, as an operator does."""
    names = {"DATABASE_URL": api.database, "AMQP_URL": settings.amqp}
    names |= {"SECRET_KEY": settings.secret_key.get_secret_value(), "SHARDS": str(settings.shards)}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "_LOCAL_LOGS", tmp_path)

    async def show(*arguments):
        done = await asyncio.to_thread(CliRunner().invoke, command.trace, [str(one) for one in arguments])
        return done.exit_code, done.output.splitlines()

    return show


async def test_a_trace_names_the_worker_that_applied_and_leaves_out_what_nobody_knows(api, shown):
    feed, batch_id = await api.new_feed(), uuid.uuid4()
    own(api, 5, NOW + timedelta(seconds=3))
    store(api, feed, batch_id)

    status, steps = await traced(api, batch_id)

    assert "done" == status
    assert STEPS == list(steps)
    assert "edge" == steps["received"]["process"]
    assert f"worker {WORKER} on here" == steps["delivered"]["process"] == steps["window"]["process"]
    assert "shard 5" == steps["window"]["note"]
    times = [steps[name]["at"] for name in ("received", "delivered", "window")]
    assert [NOW + timedelta(seconds=n) for n in (-2, -1, 0)] == [datetime.fromisoformat(at) for at in times]
    assert [None, None, None] == [steps[name]["at"] for name in ("confirmed", "committed", "acked")]
    assert "with track_commit_timestamp Postgres knows" == steps["committed"]["note"]
    assert f"not known when, but before {(NOW + timedelta(seconds=3)).isoformat()}" == steps["acked"]["note"]
    code, lines = await shown(batch_id)
    assert 0 == code, lines
    assert STEPS == [line.split()[0] for line in lines[1:]]
    assert "not known" in lines[2]


async def test_logs_of_edge_and_worker_tell_the_confirm_the_commit_and_the_ack(api, shown, tmp_path):
    feed, batch_id = await api.new_feed(), uuid.uuid4()
    store(api, feed, batch_id)
    edge = {"event": "post_accepted", "batch_id": str(batch_id), "timestamp": "2026-01-02T03:04:05.006Z"}
    worker = {
        "event": "window_committed",
        "batch_ids": [str(uuid.uuid4()), str(batch_id)],
        "at": "2026-01-02T03:04:06.007+00:00",
        "acked_at": "2026-01-02T03:04:06.008+00:00",
    }
    (tmp_path / "edge.log").write_bytes(b"not JSON %b\n" % str(batch_id).encode() + orjson.dumps(edge) + b"\n")
    (tmp_path / "worker.log").write_bytes(b'["%b"]\n' % str(batch_id).encode() + orjson.dumps(worker))

    for arguments in (), ("--logs", tmp_path / "edge.log", "--logs", tmp_path / "worker.log"):
        code, lines = await shown(batch_id, *arguments)

        assert 0 == code, lines
        told = {line.split()[0]: line.split()[2] for line in lines[1:]}
        assert ("03:04:05.006000", "03:04:06.008000") == (told["confirmed"], told["acked"])


async def test_who_has_the_shard_now_is_not_said_to_have_applied_the_batch(api):
    feed, batch_id = await api.new_feed(), uuid.uuid4()
    store(api, feed, batch_id)
    own(api, 5, NOW + timedelta(seconds=3), worker=uuid.UUID(int=8))

    _, steps = await traced(api, batch_id)

    assert f"worker {WORKER}" == steps["window"]["process"]
    assert None is steps["acked"]["note"]


async def test_a_batch_that_waits_is_told_with_its_queue(api, settings, shown):
    feed = await api.new_feed()
    batch_id = new_batch_id(feed["id"], int(NOW.timestamp() * 1000), settings.key)
    own(api, feed["id"] % settings.shards, None)

    status, steps = await traced(api, batch_id)

    assert ("pending", STEPS) == (status, list(steps))
    assert NOW == datetime.fromisoformat(steps["received"]["at"])
    assert {None} == {steps[name]["at"] for name in STEPS[1:]}
    oldest = (NOW - timedelta(minutes=1)).isoformat()
    assert (
        f"shard {feed['id'] % settings.shards}: in the queue or in hand; the oldest in hand is of {oldest}; "
        "the shard waits for postgres"
    ) == steps["delivered"]["note"]
    assert "if it was answered 202" == steps["confirmed"]["note"]
    code, lines = await shown(batch_id)
    assert (0, True) == (code, lines[0].endswith("pending: no receipt yet"))
    assert steps["delivered"]["note"] in lines[3]


async def test_a_batch_that_nobody_knows_has_no_trace(api, shown):
    await api.problem(404, "GET", f"/api/batches/{uuid.uuid4()}/trace.json")
    code, lines = await shown(uuid.uuid4())

    assert (1, True) == (code, "no receipt of" in lines[0])

"""The trace of a batch says what is known of each step, and nothing that is not."""

from __future__ import annotations

import asyncio
import uuid

from click.testing import CliRunner

from deploy.command.trace import trace

STEPS = ["received", "confirmed", "delivered", "window", "committed", "acked"]


def store(api, feed, batch_id):
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items) "
        "VALUES (%s, %s, now() - interval '2 s', %s, 'webhook', now(), '{}', '[]')",
        *(api.account_id, batch_id, feed["id"]),
    )


def own(api, feed, since):
    api.execute(
        "INSERT INTO shard_state (shard, worker_id, host, since) VALUES (%s, %s, 'here', now() + %s::interval)",
        *(feed["id"] % 8, uuid.UUID(int=7), since),
    )


async def traced(api, batch_id):
    return {step["step"]: step for step in (await api.ok("GET", f"/api/batches/{batch_id}/trace.json"))["steps"]}


async def test_a_trace_names_the_worker_that_had_the_shard_and_leaves_out_what_nobody_knows(api):
    feed, batch_id = await api.new_feed(), uuid.uuid4()
    own(api, feed, "-1 min")
    store(api, feed, batch_id)

    steps = await traced(api, batch_id)
    assert STEPS == list(steps)
    assert "edge" == steps["received"]["process"]
    assert f"worker {uuid.UUID(int=7)} on here" == steps["window"]["process"]
    assert steps["received"]["at"] < steps["window"]["at"]
    assert [None, None] == [steps[name]["at"] for name in ("confirmed", "acked")]

    shown = await asyncio.to_thread(CliRunner().invoke, trace, [str(batch_id), "--database-url", api.database])
    assert 0 == shown.exit_code, shown.output
    assert STEPS == [line.split()[0] for line in shown.output.splitlines()[1:]]
    assert "not known" in shown.output


async def test_who_has_the_shard_only_now_has_not_applied_the_batch(api):
    feed, batch_id = await api.new_feed(), uuid.uuid4()
    store(api, feed, batch_id)
    own(api, feed, "1 min")

    assert (await traced(api, batch_id))["window"]["process"] is None


async def test_a_batch_that_nobody_knows_has_no_trace(api):
    await api.problem(404, "GET", f"/api/batches/{uuid.uuid4()}/trace.json")
    shown = await asyncio.to_thread(CliRunner().invoke, trace, [str(uuid.uuid4()), "--database-url", api.database])

    assert "no receipt" in shown.output

"""One of two watchers tells of the shards; its canary goes the whole road; when it dies the other takes over."""

import signal

SUCCESS = "feedline_canary_success_timestamp_seconds"


async def test_the_active_watcher_tells_and_the_other_takes_over_when_it_dies(system, until):
    for role in ("edge", "worker"):
        await system.start(role)
    watchers = {await system.start("watch"), await system.start("watch")}

    async def telling():
        return [watcher for watcher in watchers if await watcher.named("feedline_shard_ready_batches")]

    (active,) = await until(telling, "an active watcher")
    (standby,) = watchers - {active}
    assert {("0",): 1.0, ("1",): 1.0} == await active.named("feedline_shard_consumers")
    assert {} == await standby.named("feedline_shard_consumers")
    await until(lambda: arrived(watchers), "a canary down both shards")

    await active.end(signal.SIGKILL)
    watchers.remove(active)
    assert [standby] == await until(telling, "the other one active")
    await until(lambda: arrived(watchers), "a canary of the other one")
    assert {(): 0.0} == await standby.named("feedline_postgres_standbys_wanted")


async def arrived(watchers):
    told = [await watcher.named(SUCCESS) for watcher in watchers]
    return {("0",), ("1",)} in [set(one) for one in told]


async def test_canaries_that_do_not_arrive_are_counted_by_the_stage_that_they_did_not_reach(system, until):
    watcher = await system.start("watch")

    async def failed():
        return (await watcher.named("feedline_canary_failures_total"))[("post",)] >= 2

    await until(failed, "posts to an edge that is not there")
    assert {} == await watcher.named(SUCCESS)

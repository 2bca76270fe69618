"""Workers die, freeze and wake up, under load on the cluster."""

from __future__ import annotations


async def test_a_worker_is_killed(fleet, trial):
    async with trial() as measure:
        victim = fleet.workers[0]
        await victim.kill()
        await measure("a worker of three: kill -9")
        await victim.start()


async def test_a_frozen_worker_is_replaced_and_begins_anew_when_it_wakes_up(fleet, trial):
    async with trial() as measure:
        victim = fleet.workers[1]
        victim.freeze()
        try:
            await measure("a worker of three: frozen (SIGSTOP)")
        finally:
            victim.thaw()
        await fleet.whole()
        await measure("the same worker: goes on (SIGCONT)")
    assert victim.running.process.returncode is None

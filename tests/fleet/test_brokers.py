"""Three brokers: the one that leads most queues is killed, one is cut off, all are restarted in turn, under load."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from click.testing import CliRunner

from deploy.command.main import main
from tests.fleet.cluster import BOOT_S, SIZE


def command(fleet, node, *words):
    environment = {
        "DATABASE_URL": fleet.settings.dsn,
        "AMQP_URL": fleet.settings.amqp,
        "SECRET_KEY": "k" * 32,
        "SHARDS": str(fleet.settings.shards),
        "RABBITMQ_MANAGEMENT_URL": node.management,
    }
    return CliRunner().invoke(main, ["queues", *words], env=environment)


async def test_the_broker_that_leads_most_queues_is_killed(fleet, trial, until, tell):
    brokers = fleet.brokers
    assert 0 == (await asyncio.to_thread(command, fleet, brokers.nodes[0], "rebalance")).exit_code
    leads = Counter(brokers.leaders().values())
    tell(f"the brokers lead {sorted(leads.values(), reverse=True)} queues")
    assert SIZE == len(leads)
    async with trial() as measure:
        victim = brokers.busiest()
        await asyncio.to_thread(victim.kill)
        await measure("the broker that leads most queues: kill -9", "202s ≤ 2 s")
        other = brokers.other_than(victim)

        async def missed() -> bool:  # the plugin is told of members every five seconds
            seen = await asyncio.to_thread(command, fleet, other, "--members", "3")
            return "fewer than 3 members online: feedline.shard.000" in seen.output

        await until(missed, "a member that is missed")
        await asyncio.to_thread(victim.start, BOOT_S)


async def test_a_broker_is_cut_off_from_everybody(fleet, trial):
    if fleet.network is None:
        pytest.skip(
            "a broker's cable is cut in its network namespace: this needs root, where `ip netns add` is allowed"
        )
    async with trial() as measure:
        victim = fleet.brokers.busiest()
        fleet.network.cut(victim.number)
        try:
            await measure("the broker that leads most queues: its network cut", "202s ≤ 15 s")
        finally:
            fleet.network.mend(victim.number)


async def test_all_brokers_are_restarted_in_turn(fleet, trial):
    async with trial() as measure:
        for number, node in enumerate(fleet.brokers.nodes, 1):
            await asyncio.to_thread(node.stop, BOOT_S)
            await asyncio.to_thread(node.start, BOOT_S)
            await fleet.brokers.whole()
            await measure(f"each broker restarted in turn: {number}", "202s ≤ 2 s")
    node = fleet.brokers.nodes[0]
    assert "policy feedline-shards" in (await asyncio.to_thread(command, fleet, node, "apply")).output

"""Every role is asked to stop and started again, one process after the other, under load: as an upgrade does it."""

from __future__ import annotations

import pytest


async def test_edges_behind_a_balancer_are_rolled_and_no_sender_sees_it(fleet, trial):
    async with trial() as measure:
        for edge in fleet.edges:
            await edge.stop()
            await edge.start()
            await fleet.whole()
        gaps = await measure("both edges rolled behind HAProxy", "no post refused")
    assert {} == gaps.refused


@pytest.mark.parametrize("name", ["workers", "others"])
async def test_all_other_roles_are_rolled_and_no_sender_sees_it(fleet, trial, name):
    roles = getattr(fleet, name)
    async with trial() as measure:
        for role in roles:
            await role.stop()
            await role.start()
        gaps = await measure(f"rolled: {', '.join(role.name for role in roles)}", "no post refused")
    assert {} == gaps.refused
